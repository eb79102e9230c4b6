"""Latents and word states made once and kept: what the codec and the text encoder say of a pair never changes.

The key of an item holds all that it depends on: the bytes of the clip, the frames and the size that were used, the
codec's or text encoder's weights and dtype, the tokenizer, and the version of the code that made it. A clip, a caption
or a codec that changes is a new key; nothing has to be thrown away by hand.
"""

import hashlib
import json
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from refrain.data.cache import Cache, key_of
from refrain.data.clips import clips_of, mask_of, packed, unpacked
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


def pair_keys(names: Names, store: Store, pair: Pair, shape: Shape) -> dict[str, str]:
    """The keys of a pair's items: its `source`, its `target` and, where it has one, its `mask`.

    The edits of one clip share the item of their source.
    """
    used = {"version": VERSION, "frames": [0, shape.frames], "size": shape.size}
    coded = {**used, "codec": names.codec, "dtype": str(names.dtype)}
    source = store.hash(pair, "source")
    edited = {"layer": store.hash(pair, "layer"), "on": source} if pair.target is None else {}
    edited = edited or {"target": store.hash(pair, "target")}
    keys = {
        "source": key_of({**coded, "source": source, "coarse": names.coarse}),
        "target": key_of({**coded, **edited}),
    }
    return keys if pair.mask is None else {**keys, "mask": key_of({**used, "mask": store.hash(pair, "mask")})}


def words_key(names: Names, text: str) -> str:
    """The key of a text's states."""
    return key_of({"version": VERSION, "text": text, "words": names.words, "dtype": str(names.dtype)})


def encode_pair(
    makers: Makers, store: Store, pair: Pair, shape: Shape, parts: Collection[str]
) -> dict[str, dict[str, Tensor]]:
    """Those of a pair's items that are asked for: `source` (`full` [C, T, Y, X], and `coarse` where the card has it),
    `target` (`target` [C, T, Y, X]), `mask` (`mask`, in bits)."""
    made: dict[str, dict[str, Tensor]] = {}
    source, target = clips_of(store, pair, shape.frames)
    with torch.no_grad():
        if "source" in parts:
            seen = see(makers.codec, source.at(shape.size)[None].to(makers.place), makers.card)
            made["source"] = {"full": seen.full[0]} | ({} if seen.coarse is None else {"coarse": seen.coarse[0]})
        if "target" in parts:
            made["target"] = {"target": makers.codec.encode(target.at(shape.size)[None].to(makers.place))[0]}
    made = {part: {n: x.to("cpu", makers.names.dtype) for n, x in item.items()} for part, item in made.items()}
    mask = mask_of(store, pair, shape.frames, shape.size) if "mask" in parts else None
    return made if mask is None else {**made, "mask": {"mask": packed(mask)}}


def encode_words(makers: Makers, text: str) -> dict[str, Tensor]:
    """A text's `states` [n, W] without the empty rows at its end, and how many `rows` there were with them."""
    with torch.no_grad():
        states = makers.words.encode([text])[0]  # [N, W]
    said = torch.nonzero(states.abs().sum(dim=1)).flatten()
    last = int(said[-1]) + 1 if len(said) else 0
    return {"states": states[:last].to("cpu", makers.names.dtype), "rows": torch.tensor(len(states))}


def states_in(item: dict[str, Tensor]) -> Tensor:
    """The states [N, W] float32 of a cached text, its empty rows put back."""
    states = item["states"].float()
    return torch.cat([states, states.new_zeros(int(item["rows"]) - len(states), states.shape[1])])


def seen_in(items: list[dict[str, Tensor]]) -> tuple[Seen, Tensor]:
    """Cached pairs of one shape as a batch: the sources as seen, and the clean targets, [B, C, T, Y, X] float32."""
    full, target = (torch.stack([item[name] for item in items]).float() for name in ("full", "target"))
    coarse = torch.stack([item["coarse"] for item in items]).float() if "coarse" in items[0] else None
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
    cache: Cache, makers: Makers, found: Iterable[Bucket], heard: Callable[[Filled], None] = lambda filled: None,
    begin: float = 0.0,
) -> Filled:  # fmt: skip
    """Make every item that is missing. What is there stays, so a killed run goes on.

    begin: where in the list, 0 .. 1, to start going round it: processes that start apart share the work.
    """
    work = list(_works(makers, found))
    work = work[int(begin * len(work)) :] + work[: int(begin * len(work))]
    total, done, made = sum(len(each.keys) for each in work), 0, 0
    for each in work:
        missing = {part: key for part, key in each.keys.items() if key not in cache}
        for part, item in (each.make(missing) if missing else {}).items():
            cache.put(missing[part], item)
        done, made = done + len(each.keys), made + len(missing)
        heard(Filled(done, total, made))
    return Filled(done, total, made)


def verify(cache: Cache, makers: Makers, found: Iterable[Bucket], share: float = 0.01, seed: int = 0) -> list[str]:
    """Make a sample of the items anew, one at least, and compare: the keys that are missing or not as they were."""
    work = list(_works(makers, found))
    chosen = np.random.default_rng(seed).permutation(len(work))[: max(1, round(share * len(work)))]
    wrong: list[str] = []
    for each in (work[n] for n in sorted(chosen)):
        made = each.make(each.keys)
        wrong += [key for part, key in each.keys.items() if not _alike(cache.get(key), made[part])]
    return wrong


@dataclass(frozen=True, eq=False)
class _Work:
    """Items that are made together, by their parts, and what makes those of them that are asked for."""

    keys: dict[str, str]
    make: Callable[[Collection[str]], dict[str, dict[str, Tensor]]]


def _works(makers: Makers, found: Iterable[Bucket]) -> Iterator[_Work]:
    """What the buckets need, every item once; the empty text is among them."""
    known: set[str] = set()
    texts = {"": None}
    for bucket in found:
        for pair in bucket.pairs:
            texts |= dict.fromkeys(pair.asked)
            keys = pair_keys(makers.names, bucket.store, pair, bucket.shape)
            keys = {part: key for part, key in keys.items() if key not in known}
            known.update(keys.values())
            if keys:
                yield _Work(keys, lambda parts, b=bucket, p=pair: encode_pair(makers, b.store, p, b.shape, parts))
    for text in texts:
        key = words_key(makers.names, text)
        yield _Work({"words": key}, lambda _, t=text: {"words": encode_words(makers, t)})


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
