"""`refrain doctor`: what is installed, what this machine has, and whether the arithmetic is right."""

import json as _json
import platform
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version

import typer
from rich.console import Console
from rich.markup import escape

from refrain.cli.options import Debug, Json
from refrain.errors import RefrainError

PACKAGES = ("refrain-edit", "torch", "diffusers", "transformers", "peft", "accelerate", "av", "numpy")


@dataclass(frozen=True)
class Finding:
    """One line of the report. `well` is None where nothing can be wrong."""

    name: str
    told: str
    well: bool | None = None


def doctor(json: Json = False, debug: Debug = False) -> None:
    """Report versions and devices, and check attention, memory, video and the embedded model; 1 when one fails.

    Examples:

      refrain doctor

      refrain doctor --json
    """
    findings = [*_versions(), *_devices()]
    checks: tuple[tuple[str, Callable[[], str]], ...] = (
        ("attention", _attention),
        ("memory", _memory),
        ("video", _video),
        ("embedded model", _embedded),
    )
    for name, check in checks:
        try:
            findings.append(Finding(name, check(), True))
        except (RefrainError, RuntimeError, OSError, ImportError) as error:
            findings.append(Finding(name, str(error).strip().split("\n")[0] or type(error).__name__, False))
    if json:
        print(_json.dumps([asdict(finding) for finding in findings], indent=2))
    else:
        for finding in findings:
            mark = {None: "[dim]·[/]", True: "[green]✓[/]", False: "[bold red]✗[/]"}[finding.well]
            Console(soft_wrap=True).print(f"{mark} {finding.name:<16} {escape(finding.told)}", highlight=False)
    if any(finding.well is False for finding in findings):
        raise typer.Exit(1)


def _versions() -> list[Finding]:
    told = [Finding("python", f"{platform.python_version()} on {platform.platform(terse=True)}, {platform.machine()}")]
    for name in PACKAGES:
        try:
            told.append(Finding(name, version(name)))
        except PackageNotFoundError:
            from refrain import __version__

            ours = name == "refrain-edit"
            told.append(
                Finding(name, __version__ if ours else "not installed; pip install refrain-edit", ours or False)
            )
    return told


def _devices() -> list[Finding]:
    import torch

    cuda = [torch.cuda.get_device_name(n) for n in range(torch.cuda.device_count())]
    return [
        Finding("cpu", f"{torch.get_num_threads()} threads"),
        Finding("cuda", ", ".join(cuda) or "none"),
        Finding("mps", "yes" if torch.backends.mps.is_available() else "none"),
    ]


def _attention() -> str:
    """Rows drawn at random: attention without a mask against softmax with one, in float64."""
    import torch

    from refrain.attention import Dense, Plan, attend
    from refrain.sequence import RULES, Segment, Sequence, grid

    generator, worst = torch.Generator().manual_seed(0), 0.0
    for rule in RULES.values():
        sizes = torch.randint(1, 5, (5, 3), generator=generator).tolist()
        kinds = (("source", 0), ("target", 0), ("answer", 1), ("source", 2), ("target", 2))
        row = Sequence([Segment(kind, beat, grid(*size)) for (kind, beat), size in zip(kinds, sizes)])  # type: ignore[arg-type]
        plan = Plan.of(row, rule)
        q, k, v = torch.randn(3, 1, len(row), 2, 8, generator=generator, dtype=torch.float64)
        owner = torch.repeat_interleave(torch.arange(5), torch.tensor(plan.lengths))
        sees = torch.tensor([[rule(a, b) for b in row] for a in row])[owner][:, owner]  # [L, L]
        scores = torch.einsum("bqhd,bkhd->bhqk", q, k) / 8**0.5
        naive = torch.einsum("bhqk,bkhd->bqhd", scores.masked_fill(~sees, -torch.inf).softmax(-1), v)
        worst = max(worst, float((attend(q, k, v, plan, Dense()) - naive).abs().max()))
    if not worst < 1e-12:
        raise RefrainError(f"dense attention is off by {worst:.1e} from a naive mask in float64")
    return f"dense agrees with a naive mask to {worst:.0e} on {len(RULES)} rules"


def _memory() -> str:
    """A tiny Wan of random numbers: one velocity with its clean keys and values remembered, and one without."""
    import torch

    from refrain.editing.compose import Seen, compose, windows
    from refrain.models.embedded.new import new_transformer
    from refrain.models.protocols import Card
    from refrain.models.wan.denoiser import Expert, WanDenoiser

    card = Card(context_words="none", clean_embedding=True, prediction="change", shows_base=True, shows_place=True)
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(0)
        net, clean = new_transformer(channels=4, text=8, width=64, layers=2)
        net.proj_out.reset_parameters()
        latents, words, noise = torch.randn(1, 4, 2, 4, 6), torch.randn(1, 3, 8), torch.randn(1, 4, 2, 4, 6)
        row = compose(words, Seen(latents, None), windows(2, card)[0], card)
        denoiser = WanDenoiser((Expert(net, clean),), card)
        kept, naive = (denoiser.prepare(row, memory=memory).velocity(noise, 0.5) for memory in (True, False))
    error = float((kept - naive).abs().max() / naive.abs().max())
    if not error < 1e-4:
        raise RefrainError(f"what is remembered is off by {error:.1e}")
    return f"a step with memory equals one without to {error:.0e}"


def _video() -> str:
    """FFmpeg as PyAV brings it, and H.264 among its encoders."""
    import av
    import av.codec

    if "libx264" not in av.codec.codecs_available:
        raise RefrainError("this PyAV brings no libx264; pip install --upgrade av")
    parts = av.library_versions["libavcodec"]
    return f"FFmpeg {getattr(av, 'ffmpeg_version_info', '')} (libavcodec {'.'.join(map(str, parts))}), libx264"


def _embedded() -> str:
    from refrain.models.outline import Outline

    outline = Outline.of("embedded")
    from refrain.editing.editor import weights_hash

    return f"{outline.card.name}, {outline.weight_bytes() / 1e6:.1f} MB, sha256 {weights_hash(outline.folder)[:16]}"
