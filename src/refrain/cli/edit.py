"""`refrain edit`: one clip or picture, one instruction, one answer, and the record of how it came about."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from refrain.cli.cost import told_cost
from refrain.cli.options import (
    AnyBase,
    Attention,
    Box,
    Debug,
    Device,
    DType,
    Guidance,
    Json,
    Mask,
    Model,
    Offload,
    Quiet,
    Seed,
    Steps,
    attention_of,
    dtype_of,
    effect_of,
)
from refrain.cli.outputs import check_outputs, matte_clip, peak, write_record
from refrain.cli.progress import say, told
from refrain.errors import BadInput, Unsupported

if TYPE_CHECKING:
    from torch import Tensor

    from refrain.editing.request import Edit
    from refrain.media import Clip
    from refrain.models.outline import Outline


def edit(
    source: Annotated[Path, typer.Argument(metavar="IN", help="A video, a GIF or a picture.")],
    instruction: Annotated[str, typer.Argument(metavar="INSTRUCTION", help='What to change: "make it snow".')],
    out: Annotated[str, typer.Option("-o", "--out", metavar="OUT", help="A video, a picture, or a folder/ of frames.")],
    model: Model = "embedded",
    seed: Seed = 0,
    steps: Steps = None,
    guidance: Guidance = None,
    size: Annotated[
        int | None, typer.Option(metavar="PIXELS", help="Shorter side at which the model edits; OUT keeps IN's size.")
    ] = None,
    frames: Annotated[int | None, typer.Option(metavar="N", help="Take only the first N frames of IN.")] = None,
    start: Annotated[float | None, typer.Option("--from", metavar="SECONDS", help="Edit from here on.")] = None,
    stop: Annotated[float | None, typer.Option("--to", metavar="SECONDS", help="Edit up to here.")] = None,
    trim: Annotated[bool, typer.Option("--trim", help="Write only the stretch that was edited.")] = False,
    reference: Annotated[
        list[Path] | None, typer.Option(metavar="FILE", help="A picture the words speak of; may come again.")
    ] = None,
    mask: Mask = None,
    box: Box = None,
    effect: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FILE[:WEIGHT][@X0,Y0,X1,Y1][@2s-4s]",
            help="A LoRA, or the name of one that comes with the model; in a box (shares of the frame, 0 to 1) and a "
            "time, if trained for that; may come again.",
        ),
    ] = None,
    any_base: AnyBase = False,
    preserve: Annotated[
        bool, typer.Option("--preserve/--no-preserve", help="Keep IN's own pixels where nothing was changed.")
    ] = True,
    matte: Annotated[str | None, typer.Option(metavar="FILE", help="Also write what was changed, as grey.")] = None,
    quality: Annotated[float, typer.Option(metavar="N", help="Of H.264: 0 best to 51 smallest.")] = 18,
    lossless: Annotated[bool, typer.Option("--lossless", help="H.264 without loss, in IN's own pixels.")] = False,
    attention: Attention = "dense",
    offload: Offload = False,
    device: Device = "cpu",
    dtype: DType = None,
    json: Json = False,
    quiet: Quiet = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what it would cost, and load no weights.")] = False,
    debug: Debug = False,
) -> None:
    """Edit a video or a picture as the words say.

    Outside what was changed, OUT holds IN's own pixels; its size, length, times and sound are IN's.

    How it came about is written beside it, under OUT's name with .json.

    Examples:

      refrain edit clip.mp4 "make it snow" -o snow.mp4

      refrain edit clip.mp4 "black and white" -o grey.mp4 --from 2 --to 5

      refrain edit photo.jpg "set it on fire" -o fire.png --box 200,80,520,400

      refrain edit clip.mp4 "heavy fog" -o fog.mp4 --dry-run

      refrain edit clip.mp4 "keep it as it is" -o flames.mp4 --effect flame.safetensors:0.8@0,0,0.5,1@2s-4s
    """
    began = time.monotonic()
    from refrain.editing.request import Edit, check_words
    from refrain.media import Clip, check_output
    from refrain.models.outline import Outline

    check_words(instruction)
    if not 0 <= quality <= 51:
        raise BadInput(f"--quality must be from 0 (best) to 51, not {quality}.")
    check_outputs(out, matte, (source, mask, *(reference or ())))
    with told(quiet or json) as teller:
        teller.stage("reading")
        whole = Clip.read(source)
        clip, bound = _first(whole, frames), bound_of(whole, mask, box)
        check_output(out, clip=clip, lossless=lossless)
        bound = None if bound is None else bound[: len(clip)]
        pictures = tuple(Clip.read(path) for path in reference or ())
        outline = Outline.of(model)
        spec = attention_of(attention, outline.network.layers, outline.network.heads)
        request = Edit(
            instruction=instruction, source=clip, references=pictures, bound=bound, seed=seed, steps=steps,
            guidance=guidance, short_side=size, start=start, stop=stop, trim=trim, preserve=preserve, attention=spec,
            effects=tuple(map(effect_of, effect or ())), any_base=any_base,
        )  # fmt: skip
        _require_possible(request, outline)
        for note in clip.notes:
            say(note, quiet or json)
        if dry_run:
            print(told_cost(request, outline, device, dtype, json))
            return
        teller.stage("loading the model")
        from refrain.editing.editor import Editor

        editor = Editor.from_pretrained(model, spec, device, dtype_of(dtype), offload)
        result = editor.edit(request, teller.on_progress)
        teller.stage("writing")
        notes = result.clip.write(out, quality=quality, lossless=lossless)
        if matte is not None:
            matte_clip(result.change, result.clip, 0 if trim else result.record["frames"][0]).write(matte)
    record = {**result.record, "output": str(out), "wall_seconds": round(time.monotonic() - began, 3), **peak()}
    _tell(record, out, notes, json, quiet)


def _tell(record: dict[str, Any], out: str, notes: tuple[str, ...], json: bool, quiet: bool) -> None:
    """Write the record and say that all is done."""
    text = write_record(record, out)
    for note in notes:
        say(note, quiet or json)
    if json:
        print(text)
    else:
        say(f"wrote {out} in {record['wall_seconds']:.0f} s", quiet)


def _first(clip: "Clip", frames: int | None) -> "Clip":
    """The clip's first `frames` frames, or all of it."""
    if frames is None:
        return clip
    if frames < 1:
        raise BadInput(f"--frames must be 1 or more, not {frames}.")
    return clip.between(0, min(frames, len(clip)))


def bound_of(clip: "Clip", mask: Path | None, box: str | None) -> "Tensor | None":
    """Where the clip may change: within the mask, within the box, within both where both are given."""
    if mask is None and box is None:
        return None
    import torch

    from refrain.editing.mask import read_box, read_mask

    bounds = [read_mask(mask, clip)] if mask else []
    bounds += [read_box(box, clip)] if box else []
    return bounds[0] if len(bounds) == 1 else torch.minimum(*bounds)


def _require_possible(request: "Edit", outline: "Outline") -> None:
    """Refuse, before any weights are read, what the checkpoint's card says it cannot do."""
    from refrain.editing.request import require_understood

    triggers: tuple[str, ...] = ()
    if request.effects:
        from refrain.models.lora import outline as read_card

        cards = [read_card(use.path) for use in request.effects]
        triggers = tuple(trigger for card in cards if card is not None for trigger in card.triggers)
    require_understood(request.instruction, outline.card, outline.vocabulary, triggers)
    if request.references and "reference" not in outline.card.kinds:
        raise Unsupported(f"{outline.card.name or 'This model'} takes no --reference; say in words what it shows.")
