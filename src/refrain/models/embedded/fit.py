"""Fits the linear codec to clips: closed forms only, by alternating least squares.

The start is the Karhunen-Loève basis of the 8×8 places and the least-squares decoder over 3×3 neighbours. Then, a few
rounds: the latents that this decoder would like best (conjugate gradients), the encoder that comes nearest to them from
its window, the decoder anew. The error falls in every round. Last, the latents are rotated to be uncorrelated.
"""

from collections.abc import Iterable

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from refrain.errors import BadInput
from refrain.models.embedded.codec import GROUP, PLACE, LinearCodec, LinearMap

RIDGE = 1e-6  # of the mean variance, against directions that the clips never show


def fit(
    clips: Iterable[np.ndarray],
    channels: int = 48,
    window: int = 12,
    rounds: int = 5,
    each: int = 1,
    side: int = 96,
    seed: int = 0,
) -> LinearCodec:
    """The codec for clips uint8 [T, Y, X, 3] of at least 4 frames and `side` (a multiple of 8) rows and columns.

    From every clip `each` groups of four frames are drawn, cut to `side` square; the same clips and seed give the same
    codec.
    """
    rng, places = np.random.default_rng(seed), np.random.default_rng((seed, 1))
    groups: list[Tensor] = []
    for clip in clips:
        if len(clip) < GROUP or min(clip.shape[1:3]) < side:
            raise BadInput(f"The codec is fitted to clips of at least {GROUP}x{side}x{side}, not {clip.shape[:3]}.")
        for start in rng.choice(len(clip) - GROUP + 1, each):
            y, x = (int(places.integers(size - side + 1)) for size in clip.shape[1:3])
            groups.append(torch.from_numpy(clip[start : start + GROUP, y : y + side, x : x + side].copy()))
    if not groups:
        raise BadInput("The codec is fitted to clips; give at least one.")
    frames = torch.stack(groups).permute(0, 1, 4, 2, 3).float() / 127.5 - 1  # [n, 4, 3, Y, X]
    codec = LinearCodec(channels, window)
    with torch.no_grad():
        _fit_map(codec.first, frames[:, 0], rounds)
        _fit_map(codec.group, frames.flatten(1, 2), rounds)
    return codec


def _fit_map(linear: LinearMap, pictures: Tensor, rounds: int) -> None:
    """Set all tensors of `linear` from pictures [n, planes, Y, X]."""
    linear.offset.copy_(pictures.mean((0, 2, 3)))
    centred = pictures - linear.offset[:, None, None]
    places = functional.pixel_unshuffle(centred, PLACE)  # [n, planes 64, Y / 8, X / 8]
    _start(linear, places)
    _solve_synthesis(linear, pictures, places)
    if rounds:
        margin = (linear.analysis.shape[-1] - PLACE) // 2
        wide = functional.pad(centred, (margin,) * 4, mode="replicate")
        windows = _rows(functional.unfold(wide, linear.analysis.shape[-1], stride=PLACE))  # [n places, planes window²]
        gram = torch.linalg.cholesky(_gram(windows))
        for _ in range(rounds):
            liked = _rows(_project(linear, linear.encode(pictures), places).flatten(2))  # [n places, C]
            solved = torch.cholesky_solve((windows.T @ liked).double(), gram)
            _set_analysis(linear, solved.T.float().reshape(linear.analysis.shape))
            _solve_synthesis(linear, pictures, places)
        del windows
    _turn(linear, pictures)
    _solve_synthesis(linear, pictures, places)


def _rows(places: Tensor) -> Tensor:
    """[n, width, places] as rows [n places, width]."""
    return places.movedim(1, -1).flatten(0, 1)


def _gram(rows: Tensor) -> Tensor:
    """rows^T rows with a ridge, float64: summed in float32 it need not be positive definite."""
    gram = torch.zeros(rows.shape[1], rows.shape[1], dtype=torch.float64)
    for some in rows.split(8192):
        gram.addmm_(some.double().T, some.double())
    gram.diagonal().add_(RIDGE * gram.diagonal().mean())
    return gram


def _set_analysis(linear: LinearMap, analysis: Tensor) -> None:
    """A new analysis, not normalised: the latent of the mean picture is zero."""
    linear.analysis.copy_(analysis)
    linear.centre.copy_(analysis.sum((2, 3)) @ linear.offset)
    linear.scale.fill_(1)


def _start(linear: LinearMap, places: Tensor) -> None:
    """Analysis by the leading eigenvectors of the places' covariance; the rest of the window is zero."""
    rows = _rows(places.flatten(2))
    _, vectors = torch.linalg.eigh((rows.T @ rows).double())
    channels, planes, window, _ = linear.analysis.shape
    basis = vectors.flip(1)[:, :channels].T.float().reshape(channels, planes, PLACE, PLACE)
    _set_analysis(linear, functional.pad(basis, ((window - PLACE) // 2,) * 4))


def _neighbours(latents: Tensor) -> Tensor:
    """The 3×3 latents around every place as rows [n places, C 9]."""
    return _rows(functional.unfold(functional.pad(latents, (1, 1, 1, 1), mode="replicate"), 3))


def _solve_synthesis(linear: LinearMap, pictures: Tensor, places: Tensor) -> None:
    """The least-squares decoder for the encoder as it stands."""
    seen = _neighbours(linear.encode(pictures) * linear.scale[:, None, None])
    cross = (seen.T @ _rows(places.flatten(2))).double()
    linear.synthesis.copy_(torch.linalg.solve(_gram(seen), cross).T.float().reshape(linear.synthesis.shape))


def _project(linear: LinearMap, latents: Tensor, places: Tensor, steps: int = 3) -> Tensor:
    """Latents that decode to less error than those given: some steps of conjugate gradients on each picture."""

    def synthesise(latents: Tensor) -> Tensor:
        return functional.conv2d(functional.pad(latents, (1, 1, 1, 1), mode="replicate"), linear.synthesis)

    residue = places - synthesise(latents)
    direction, before = torch.zeros_like(latents), torch.ones(len(latents), 1, 1, 1)
    for step in range(steps):
        with torch.enable_grad():  # synthesis is linear: its transpose is its gradient
            probe = latents.detach().requires_grad_(True)
            (downhill,) = torch.autograd.grad((synthesise(probe) * residue).sum(), probe)
        energy = downhill.square().sum((1, 2, 3), keepdim=True)
        direction = downhill + direction * (energy / before if step else 0)
        change = synthesise(direction)
        length = energy / change.square().sum((1, 2, 3), keepdim=True).clamp_min(1e-12)
        latents, residue, before = latents + length * direction, residue - length * change, energy.clamp_min(1e-12)
    return latents.detach()


def _turn(linear: LinearMap, pictures: Tensor) -> None:
    """Rotate the latents so that they are uncorrelated and sorted by the energy they carry, and normalise them.

    An encoder E and decoder D are as good as A E and D A^-1. A is chosen so that D's columns are orthonormal (latents
    measured in pixels) and the latents' covariance is diagonal, as in a Karhunen-Loève basis.
    """
    columns = linear.synthesis.movedim(1, -1).flatten(0, -2).double()  # [planes 64 9, C]
    values, vectors = torch.linalg.eigh(columns.T @ columns)
    whiten = vectors * values.sqrt() @ vectors.T
    _, covariance = _moments(linear, pictures)
    _, vectors = torch.linalg.eigh(whiten @ covariance @ whiten)
    turn = (vectors.flip(1).T @ whiten).float()  # [C, C]
    _set_analysis(linear, torch.einsum("dc,cpyx->dpyx", turn, linear.analysis))
    mean, covariance = _moments(linear, pictures)
    deviation = covariance.diagonal().sqrt()
    linear.centre.add_(mean)
    linear.scale.copy_((deviation * deviation.mean()).sqrt())  # so the mean of the variances is 1


def _moments(linear: LinearMap, pictures: Tensor) -> tuple[Tensor, Tensor]:
    """Mean [C] and covariance [C, C] of the latents."""
    rows = _rows(linear.encode(pictures).flatten(2)).double()
    mean = rows.mean(0)
    return mean, rows.T @ rows / len(rows) - mean.outer(mean)
