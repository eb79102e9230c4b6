"""`refrain serve`: the page on which people edit, in a browser."""

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from refrain.cli.options import Debug, Device, Model, Number, Quiet, dtype_of
from refrain.cli.progress import say
from refrain.errors import BadInput, Unsupported

if TYPE_CHECKING:
    from refrain.app.chips import Learnt
    from refrain.app.desk import Model as Asked
    from refrain.editing.editor import Editor
    from refrain.editing.estimate import Estimate
    from refrain.editing.request import Edit
    from refrain.models.outline import Outline

LOCAL = {"127.0.0.1", "localhost", "::1"}


def serve(
    folder: Annotated[Path, typer.Argument(metavar="[FOLDER]", help="Where sessions are kept.")] = Path("refrain-page"),
    host: Annotated[str, typer.Option(metavar="ADDRESS", help="0.0.0.0 lets other machines in; needs --auth.")] = (
        "127.0.0.1"
    ),
    port: Annotated[int, typer.Option(metavar="N", help="0 takes any that is free.")] = 7860,
    auth: Annotated[
        str | None, typer.Option(metavar="NAME:PASSWORD", help="Who may come in; or a file of such lines.")
    ] = None,
    share: Annotated[
        bool,
        typer.Option("--share", help="Also give an address on the internet, through Gradio's tunnel; needs --auth."),
    ] = False,
    demo: Annotated[bool, typer.Option("--demo", help="Show three sample sessions at the start.")] = False,
    keep: Annotated[
        str, typer.Option(metavar="TIME", help="Sessions that nobody opens for so long go: 12h, 7d, 2w.")
    ] = "7d",
    limit_mb: Annotated[int, typer.Option(metavar="N", help="The largest file that may be brought.")] = 512,
    limit_seconds: Annotated[float, typer.Option(metavar="X", help="The longest clip, or part of one.")] = 20.0,
    limit_pixels: Annotated[int, typer.Option(metavar="N", help="The most pixels of a frame.")] = 3840 * 2160,
    limit_waiting: Annotated[int, typer.Option(metavar="N", help="Edits that one person may have in the queue.")] = 8,
    model: Model = "embedded",
    device: Device = "cpu",
    dtype: Annotated[Number | None, typer.Option(help="float32 on the CPU, bfloat16 elsewhere.")] = None,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Open the page on which people edit, compare, go back and try another way, at http://127.0.0.1:7860.

    Everything stays on this machine, and only this machine can see it, unless --host or --share say otherwise.

    Examples:

      refrain serve

      refrain serve my-sessions --demo --port 8000

      refrain serve --host 0.0.0.0 --auth anna:a-long-password --keep 2w
    """
    if find_spec("gradio") is None:
        raise Unsupported('The page needs Gradio; install it with: pip install "refrain-edit[app]"')
    _check(host, port, auth, share, limit_mb, limit_seconds)
    from refrain.app.guard import accounts_of
    from refrain.app.rooms import seconds_of
    from refrain.app.server import House, Server
    from refrain.media import Limits

    accounts, kept = accounts_of(auth), seconds_of(keep)
    limits = Limits(
        file=limit_mb << 20, pixels=limit_pixels, seconds=limit_seconds, frames=int(limit_seconds * 120) + 1,
        decoded=8 << 30, wait=120.0,
    )  # fmt: skip
    asked = _model(model, device, dtype)
    house = House(
        folder, asked, kept, accounts, None if share or host not in LOCAL else frozenset({*LOCAL, host}), limits,
        limit_waiting, demo, share,
    )  # fmt: skip
    server = Server(house, host, port)
    say(f"Refrain is at {server.address}; Ctrl-C ends it. Sessions are kept in {folder}.", quiet)
    if share:
        say(f"Everyone with the password reaches it at {_shared(host, server.port)}", quiet)
    server.run()


def _check(host: str, port: int, auth: str | None, share: bool, limit_mb: int, limit_seconds: float) -> None:
    """Refuse what would leave the door open, or shut it for all."""
    if auth is None and (share or host not in LOCAL):
        raise BadInput("Say who may come in from other machines: give --auth NAME:PASSWORD, or a file of such lines.")
    if not 0 <= port < 65536:
        raise BadInput(f"--port is a number from 0 to 65535, not {port}.")
    if limit_mb < 1 or not limit_seconds > 0:
        raise BadInput("--limit-mb and --limit-seconds must be above 0.")


def _model(name: str, device: str, dtype: Number | None) -> "Asked":
    """What the page edits with; everything but the weights is read now, so that a wrong --model is told at once."""
    from refrain.app.desk import Model as Asked
    from refrain.attention import Dense, Flex, Isa
    from refrain.cli.cost import job_of
    from refrain.editing.estimate import estimate
    from refrain.editing.request import require_understood
    from refrain.models.outline import Outline

    outline = Outline.of(name)
    card, place = outline.card, device.partition(":")[0]

    def cost(request: "Edit") -> "Estimate":
        return estimate(job_of(request, outline, device, dtype), card, outline.network, outline.weight_bytes(), place)

    return Asked(
        name=name, understands=tuple(card.understands), steps=card.sampling.steps, guidance=card.sampling.guidance,
        short_side=card.short_side, check=lambda words: require_understood(words, card, outline.vocabulary), cost=cost,
        load=_loading(name, device, dtype), ways={"dense": Dense(), "isa": Isa(), "flex": Flex()},
        learnt=_learnt(outline), predicts=bool(card.turns),
        refers="reference" in card.kinds,
    )  # fmt: skip


def _learnt(outline: "Outline") -> "tuple[Learnt, ...]":
    """The Effect-LoRAs that come with the embedded model, where it is the one that they were taught on."""
    from refrain.app.chips import Learnt
    from refrain.models.lora import base_of, shipped
    from refrain.models.lora import outline as card_of
    from refrain.models.outline import EMBEDDED

    if outline.folder != EMBEDDED:
        return ()
    cards, base = {name: card_of(path) for name, path in shipped().items()}, base_of(EMBEDDED)[1]
    fitting = {name: card for name, card in cards.items() if card is not None and card.words and card.base_hash == base}
    return tuple(Learnt(name, name, card.words, card.triggers) for name, card in fitting.items())


def _loading(name: str, device: str, dtype: Number | None) -> "Callable[[], Editor]":
    def load() -> "Editor":
        from refrain.attention import Dense
        from refrain.editing.editor import Editor

        return Editor.from_pretrained(name, Dense(), device, dtype_of(dtype))

    return load


def _shared(host: str, port: int) -> str:
    """An address on the internet that leads here."""
    from secrets import token_urlsafe

    from gradio.networking import setup_tunnel

    try:
        return setup_tunnel(host, port, token_urlsafe(32), None, None).replace("http://", "https://")
    except Exception as error:  # whatever the tunnel, its binary or the network says
        raise BadInput(f"No address on the internet was to be had ({error}); go without --share.") from error
