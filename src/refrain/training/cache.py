"""Latents and word states made once and kept: what the codec and the text encoder say of a pair never changes.

The key of an item holds all that it depends on: the bytes of the clip, the frames and the size that were used, the
codec's or text encoder's weights and dtype, the tokenizer, and the version of the code that made it. A clip, a caption
or a codec that changes is a new key; nothing has to be thrown away by hand.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from refrain.data.cache import Cache, key_of
from refrain.data.clips import frames_of, mask_of, packed, unpacked
from refrain.data.pair import Pair
from refrain.data.store import Store
from refrain.editing.compose import Seen, see
from refrain.errors import Unsupported
from refrain.models.protocols import Card, Codec, TextEncoder

from .buckets import Bucket, Shape

VERSION = 1  # of what an item holds; raised whenever frames, sizes or latents are made in another way


def identity(part: object) -> str:
    """What a codec or text encoder is: a hash of its weights, their dtype, its numbers, and its tokenizer's words.

    Raises Unsupported for a thing without weights, whose sameness cannot be seen.
    """
    whole = hashlib.sha256(type(part).__name__.encode())
    modules = 0
    held = {"": part} if isinstance(part, nn.Module) else dict(sorted(vars(part).items()))
    for name, value in held.items():
        if isinstance(value, nn.Module):
            modules += 1
            whole.update(f"{name}|{getattr(value, 'use_tiling', False)}".encode())
            for key, tensor in value.state_dict().items():
                _add(whole, f"{name}.{key}", tensor)
        elif isinstance(value, Tensor):
            _add(whole, name, value)
        elif isinstance(value, int | float | str):
            whole.update(f"{name}={value}|".encode())
        elif hasattr(value, "get_vocab"):
            whole.update(json.dumps(sorted(value.get_vocab().items())).encode())
    if not modules:
        raise Unsupported(f"A {type(part).__name__} without weights cannot be told from another; nothing can be kept.")
    return whole.hexdigest()


@dataclass(frozen=True)
class Names:
    """All that keys say of a model: who its codec and text encoder are, how coarse it sees, in what its latents are."""

    codec: str
    words: str
    coarse: tuple[int, int, int]
    dtype: torch.dtype


@dataclass(frozen=True, eq=False)
class Makers:
    """What makes the items of a model, on which device, and under which names they are kept."""

    codec: Codec
    words: TextEncoder
    card: Card
    names: Names
    place: torch.device | str = "cpu"

    @staticmethod
    def of(
        codec: Codec, words: TextEncoder, card: Card, dtype: torch.dtype = torch.float32,
        place: torch.device | str = "cpu",
    ) -> "Makers":  # fmt: skip
        """The makers of a model; dtype: in which latents and states are kept. Reads all weights once, to name them."""
        return Makers(codec, words, card, Names(identity(codec), identity(words), card.coarse, dtype), place)


def pair_key(names: Names, store: Store, pair: Pair, shape: Shape) -> str:
    """The key of a pair's latents."""
    files = {"source": pair.source, "target": pair.target, "layer": pair.layer, "mask": pair.mask}
    return key_of(
        {
            "version": VERSION,
            "files": {name: store.known.hash(path) for name, path in files.items() if path is not None},
            "frames": [0, shape.frames],
            "size": shape.size,
            "coarse": names.coarse,
            "codec": names.codec,
            "dtype": str(names.dtype),
        }
    )


def words_key(names: Names, text: str) -> str:
    """The key of a text's states."""
    return key_of({"version": VERSION, "text": text, "words": names.words, "dtype": str(names.dtype)})


def encode_pair(makers: Makers, store: Store, pair: Pair, shape: Shape) -> dict[str, Tensor]:
    """A pair's latents: `full` and `target` [C, T, Y, X], `coarse` where the card has it, `mask` in bits."""
    source, target = (clip[None].to(makers.place) for clip in frames_of(store, pair, shape.frames, shape.size))
    with torch.no_grad():
        seen, clean = see(makers.codec, source, makers.card), makers.codec.encode(target)
    made = {"full": seen.full[0], "target": clean[0]}
    if seen.coarse is not None:
        made["coarse"] = seen.coarse[0]
    made = {name: latents.to("cpu", makers.names.dtype) for name, latents in made.items()}
    mask = mask_of(store, pair, shape.frames, shape.size)
    return made if mask is None else {**made, "mask": packed(mask)}


def encode_words(makers: Makers, text: str) -> dict[str, Tensor]:
    """A text's `states` [n, W] without the empty rows at its end, and how many `rows` there were with them."""
    with torch.no_grad():
        states = makers.words.encode([text])[0]  # [N, W]
    said = torch.nonzero(states.abs().sum(dim=1)).flatten()
    last = int(said[-1]) + 1 if len(said) else 0
    return {"states": states[:last].to("cpu", makers.names.dtype), "rows": torch.tensor(len(states))}


def states_in(item: dict[str, Tensor]) -> Tensor:
    """The states [N, W] of a cached text, its empty rows put back."""
    states = item["states"]
    return torch.cat([states, states.new_zeros(int(item["rows"]) - len(states), states.shape[1])])


def seen_in(items: list[dict[str, Tensor]]) -> tuple[Seen, Tensor]:
    """Cached pairs of one shape as a batch: the sources as seen, and the clean targets [B, C, T, Y, X]."""
    full, target = (torch.stack([item[name] for item in items]) for name in ("full", "target"))
    coarse = torch.stack([item["coarse"] for item in items]) if "coarse" in items[0] else None
    return Seen(full, coarse), target


def mask_in(item: dict[str, Tensor], shape: Shape) -> Tensor | None:
    """The mask of a cached pair, bool [T, Y, X], None where it has none."""
    return unpacked(item["mask"], shape.width) if "mask" in item else None


@dataclass(frozen=True)
class Filled:
    """How far filling a cache has come: items that are there, items in all, and how many of them were made now."""

    done: int
    total: int
    made: int


def fill(
    cache: Cache, makers: Makers, found: Iterable[Bucket], heard: Callable[[Filled], None] = lambda filled: None
) -> Filled:
    """Make every item that is missing. What is there stays, so a killed run goes on, and two may share the work."""
    work = list(_items(makers, found))
    made = 0
    for done, (key, make) in enumerate(work, 1):
        if key not in cache:
            cache.put(key, make())
            made += 1
        heard(Filled(done, len(work), made))
    return Filled(len(work), len(work), made)


def verify(cache: Cache, makers: Makers, found: Iterable[Bucket], share: float = 0.01, seed: int = 0) -> list[str]:
    """Make a sample of the items anew, one at least, and compare: the keys that are missing or not as they were."""
    work = list(_items(makers, found))
    chosen = np.random.default_rng(seed).permutation(len(work))[: max(1, round(share * len(work)))]
    return [work[n][0] for n in sorted(chosen) if not _alike(cache.get(work[n][0]), work[n][1]())]


def _items(makers: Makers, found: Iterable[Bucket]) -> Iterator[tuple[str, Callable[[], dict[str, Tensor]]]]:
    """The key of every item that the buckets need, once, and how it is made; the empty text is one of them."""
    known: set[str] = set()
    texts = {"": None}
    for bucket in found:
        for pair in bucket.pairs:
            texts |= dict.fromkeys(pair.asked)
            key = pair_key(makers.names, bucket.store, pair, bucket.shape)
            if key not in known:
                known.add(key)
                yield key, lambda b=bucket, p=pair: encode_pair(makers, b.store, p, b.shape)
    for text in texts:
        yield words_key(makers.names, text), lambda t=text: encode_words(makers, t)


def _alike(kept: dict[str, Tensor] | None, made: dict[str, Tensor]) -> bool:
    """Whether an item is what was made anew, up to what another machine or batch rounds differently."""
    if kept is None or {n: t.shape for n, t in kept.items()} != {n: t.shape for n, t in made.items()}:
        return False
    return all(torch.allclose(kept[n].float(), made[n].float(), rtol=0.02, atol=0.02) for n in made)


def _add(whole: "hashlib._Hash", name: str, tensor: Tensor) -> None:
    whole.update(f"{name}|{tensor.dtype}|{tuple(tensor.shape)}|".encode())
    flat = tensor.detach().cpu().contiguous().reshape(-1)
    if flat.numel():
        whole.update(flat.view(torch.uint8).numpy().data)
