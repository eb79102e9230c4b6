"""`refrain effects`: the rendered effects, useful by themselves as classic compositing on any clip."""

from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from refrain.cli.options import Debug, Device, Quiet, Seed
from refrain.cli.progress import say, told
from refrain.cli.subject import DETECTOR, SEGMENTER, Named, named
from refrain.errors import BadInput

if TYPE_CHECKING:
    from refrain.data.composite import Laid, Mask
    from refrain.data.effects import Effect
    from refrain.media import Clip

app = typer.Typer(help="Effects that are rendered, not learnt: lay them on any clip.", no_args_is_help=True)

Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help="A parameter, such as colour=red; again for more."),
]
MaskOption = Annotated[
    Path | None,
    typer.Option("--mask", metavar="FILE", help="The subject, white on black; without it, guessed."),
]

SubjectOption = Annotated[
    str | None, typer.Option("--subject", metavar="WORDS", help="The subject by words, such as 'the dog'.")
]
Detector = Annotated[
    str,
    typer.Option(metavar="NAME", help="What looks for --subject: a Grounding DINO folder or hub id."),
]
Segmenter = Annotated[str, typer.Option(metavar="NAME", help="What tracks --subject: a SAM 2 folder or hub id.")]


@app.command("list")
def list_(debug: Debug = False) -> None:
    """List the effects: what they need, what can be chosen, and one way to ask a model for each.

    Examples:

      refrain effects list
    """
    from rich.console import Console
    from rich.table import Table

    from refrain.data.effects import EFFECTS

    table = Table("effect", "subject", "parameters", "said", show_edge=False, pad_edge=False)
    for name, effect in sorted(EFFECTS.items()):
        chosen = "; ".join(f"{field} = {', '.join(values)}" for field, values in choices(effect).items())
        wording = "" if effect.wording is None else effect.wording.known
        table.add_row(name, "needed" if effect.subject else "", chosen, wording)
    Console().print(table)


@app.command("render")
def render(
    clip: Annotated[Path, typer.Argument(metavar="CLIP")],
    effect: Annotated[str, typer.Argument(metavar="EFFECT", help="A name from refrain effects list.")],
    out: Annotated[str, typer.Option("-o", "--out", metavar="OUT", help="Where to write it.")],
    set_: Set = None,
    mask: MaskOption = None,
    words: SubjectOption = None,
    detector: Detector = DETECTOR,
    segmenter: Segmenter = SEGMENTER,
    device: Device = "cpu",
    matte: Annotated[str | None, typer.Option(metavar="OUT", help="Also write what was changed.")] = None,
    start: Annotated[float | None, typer.Option("--from", metavar="SECONDS", help="It begins here.")] = None,
    stop: Annotated[float | None, typer.Option("--to", metavar="SECONDS", help="It ends here.")] = None,
    seed: Seed = 0,
    lossless: Annotated[bool, typer.Option("--lossless", help="Write every pixel as it is.")] = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:  # fmt: skip
    """Lay an effect on a clip or a picture. Size, length, times and sound are kept; what the effect leaves alone is the
    clip's own, plane by plane.

    Examples:

      refrain effects render clip.mp4 rings --set colour=golden -o rings.mp4

      refrain effects render clip.mp4 fire --set where=left --from 1 --to 3 -o fire.mp4

      refrain effects render clip.mp4 rings --subject "the dog" -o rings.mp4
    """
    from refrain.cli.outputs import check_outputs
    from refrain.data.composite import composite
    from refrain.data.effects import EFFECTS
    from refrain.media import Clip

    kind = EFFECTS[known(effect)]
    check_outputs(out, matte, (clip, mask))
    with told(quiet) as teller:
        teller.stage("reading")
        source = Clip.read(clip)
        laid = laid_of(effect, kind, seed, set_ or [], (start, stop))
        subject = named(source, mask, Named(words, detector, segmenter, device), teller, quiet)
        subject = subject or subject_of(source, kind, laid, mask, quiet)
        done, mattes = composite(source, laid, subject, lambda n, of: teller.stage("rendering", n, of))
        teller.stage("writing")
        done.write(out, lossless=lossless)
        if matte is not None:
            write_matte(mattes, source, matte)
    say(f"wrote {out}: {effect}, {_told(laid.parameters)}", quiet)


@app.command("gallery")
def gallery(
    clip: Annotated[Path | None, typer.Argument(metavar="[CLIP]", help="Without one, rendered scenes.")] = None,
    out: Annotated[Path, typer.Option("-o", "--out", metavar="FILE", help="The PNG.")] = Path("gallery.png"),
    mask: MaskOption = None,
    words: SubjectOption = None,
    detector: Detector = DETECTOR,
    segmenter: Segmenter = SEGMENTER,
    device: Device = "cpu",
    frames: Annotated[int, typer.Option(metavar="N", help="Look at the first N frames.")] = 33,
    columns: Annotated[int, typer.Option(metavar="N", help="Effects side by side.")] = 4,
    seed: Seed = 1,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Draw every effect, two moments each, on one sheet.

    Examples:

      refrain effects gallery -o gallery.png

      refrain effects gallery clip.mp4 --mask person.png -o gallery.png
    """
    from refrain.cli.gallery import drawn
    from refrain.cli.outputs import check_free

    check_free(out)
    if frames < 2 or columns < 1:
        raise BadInput("--frames must be 2 or more, and --columns 1 or more.")
    if clip is None and words is not None:
        raise BadInput("--subject says what to find in a clip; give one.")
    with told(quiet) as teller:
        sheet = drawn(clip, mask, Named(words, detector, segmenter, device), frames, columns, seed, teller)
    sheet.save(out)
    say(f"wrote {out}", quiet)


def known(name: str) -> str:
    """The name, if it is one; else the nearest names are offered."""
    from refrain.data.effects import EFFECTS
    from refrain.data.words import nearest

    if name not in EFFECTS:
        like = " or ".join(nearest(name, EFFECTS))
        offered = f"did you mean {like}?" if like else "nothing is called like it."
        raise BadInput(f"There is no effect {name!r}; {offered} See refrain effects list.")
    return name


def choices(effect: "Effect") -> dict[str, list[str]]:
    """The values that each parameter of an effect may take, found by drawing it often."""
    import numpy as np

    drawn = [effect.draw(np.random.default_rng(n)) for n in range(200)]
    return {field.name: sorted({getattr(one, field.name) for one in drawn}) for field in fields(drawn[0])}


def laid_of(name: str, effect: "Effect", seed: int, said: list[str], span: tuple[float | None, float | None]) -> "Laid":
    """The effect with its usual parameters and those that were said. BadInput for others than it has."""
    import numpy as np

    from refrain.data.composite import Laid

    parameters, allowed = type(effect.draw(np.random.default_rng(0)))(), choices(effect)
    for one in said:
        field, _, value = one.partition("=")
        if field not in allowed:
            what = ", ".join(allowed) or "nothing"
            raise BadInput(f"{name} has no parameter {field!r}; it takes {what}.")
        if value not in allowed[field]:
            raise BadInput(f"{field} of {name} is {', '.join(allowed[field])}, not {value!r}.")
        parameters = replace(parameters, **{field: value})
    return Laid(name, parameters, seed, *span)


def subject_of(clip: "Clip", effect: "Effect", laid: "Laid", mask: Path | None, quiet: bool) -> "Mask | None":
    """The subject: from the user's mask, else guessed where the effect needs one."""
    import numpy as np

    from refrain.data.composite import guessed
    from refrain.editing.mask import read_mask

    if mask is not None:
        given = read_mask(mask, clip)[:, 0].numpy()  # [T or 1, Y, X]
        many = len(given) > 1

        def told_by_user(frames: np.ndarray, start: int) -> np.ndarray:
            return given[start : start + len(frames)] if many else np.repeat(given, len(frames), 0)

        return told_by_user
    if not (effect.subject or {"subject", "behind"} & set(vars(laid.parameters).values())):
        return None
    say("The subject is guessed; give --mask where the guess is wrong.", quiet)
    return guessed(clip).at


def write_matte(mattes: Any, clip: "Clip", out: str) -> None:
    """A matte uint8 [T, Y, X] as a clip."""
    import torch

    from refrain.media import Clip

    grey = torch.from_numpy(mattes)[:, None].float().div(127.5).sub(1).expand(-1, 3, -1, -1)
    Clip.of(grey, clip.fps).write(out)


def _told(parameters: Any) -> str:
    return ", ".join(f"{field.name} {getattr(parameters, field.name)}" for field in fields(parameters)) or "as it is"
