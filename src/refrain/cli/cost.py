"""What `--dry-run` prints: tokens, windows, memory and time, predicted without weights."""

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

from refrain.cli.options import Number

if TYPE_CHECKING:
    from refrain.editing.estimate import Estimate, Job
    from refrain.editing.request import Edit
    from refrain.models.outline import Outline


def told_cost(request: "Edit", outline: "Outline", device: str, dtype: Number | None, as_json: bool) -> str:
    """The estimate of a request as text, or as JSON."""
    from refrain.editing.estimate import estimate

    job = job_of(request, outline, device, dtype)
    place = device.partition(":")[0]
    foreseen = estimate(job, outline.card, outline.network, outline.weight_bytes(), place)
    facts = {"job": asdict(job) | {"attention": repr(job.attention)}, "device": place, "estimate": asdict(foreseen)}
    return json.dumps(facts, indent=2) if as_json else _text(job, foreseen, place)


def job_of(request: "Edit", outline: "Outline", device: str, dtype: Number | None) -> "Job":
    """The sizes of a request, as the model will see it."""
    from refrain.attention import Dense
    from refrain.editing.compose import PATCH, windows
    from refrain.editing.estimate import Job, latents_of
    from refrain.editing.regions import count_passes
    from refrain.editing.walk import stretch, walk_of
    from refrain.media.fit import model_size

    card, net = outline.card, outline.network
    first, last = stretch(request.source, request.start, request.stop)
    rows, columns = request.source.size
    walk = walk_of(request, card)
    size = model_size((rows, columns), request.short_side or card.short_side, card.multiple)
    latents, y, x = latents_of(last - first, size, net)
    usual = Number.FLOAT32 if device == "cpu" else Number.BFLOAT16
    return Job(
        frames=last - first,
        size=size,
        steps=walk.steps,
        branches=1 if walk.guidance == 1 else 2,
        solver=walk.solver,
        bytes_each=4 if (dtype or usual) is Number.FLOAT32 else 2,
        source_pixels=(last - first) * rows * columns,
        references=len(request.references),
        until=walk.until,
        shift=walk.shift,
        grid=walk.grid,
        attention=request.attention or Dense(),
        passes=count_passes(request, (latents, y // PATCH, x // PATCH), net.latent_frames, windows(latents, card)),
    )


def _text(job: "Job", foreseen: "Estimate", place: str) -> str:
    rows, columns = job.size
    lines = [
        f"frames    {job.frames} of {columns}×{rows}, in {_count(len(foreseen.panes), 'window')}",
        *(f"window {n}  {_tokens(pane.tokens)}" for n, pane in enumerate(foreseen.panes, 1)),
        f"steps     {job.steps}, the network is called {foreseen.calls} times a window",
        *([f"effects   drawn apart, in {sum(job.passes)} passes over the windows"] if max(job.passes) > 1 else []),
        f"attention {job.attention}",
        f"memory    {_bytes(foreseen.memory_bytes)} of clean keys and values; {_bytes(foreseen.peak_bytes)} in all",
        f"work      {foreseen.flops / 1e12:.2f} TFLOPs",
        f"time      about {_seconds(foreseen.seconds)}, at {foreseen.rate / 1e9:,.0f} GFLOPs a second on {place}",
    ]
    return "\n".join(lines)


def _tokens(tokens: tuple[tuple[str, int], ...]) -> str:
    said = " + ".join(f"{kind} {n:,}" for kind, n in tokens)
    return f"{sum(n for _, n in tokens):,} tokens: {said}"


def _count(n: int, thing: str) -> str:
    return f"{n} {thing}" + ("" if n == 1 else "s")


def _bytes(n: int) -> str:
    return f"{n / 1e9:.1f} GB" if n >= 1e9 else f"{n / 1e6:.0f} MB"


def _seconds(n: float) -> str:
    return f"{n:.0f} s" if n < 90 else f"{n / 60:.0f} min" if n < 5400 else f"{n / 3600:.1f} h"
