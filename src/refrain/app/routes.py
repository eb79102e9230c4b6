"""What the page asks for beside Gradio's own traffic: bring a file, how far are you, stop, show, take home."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from refrain.errors import BadInput, RefrainError
from refrain.media import Clip
from refrain.media.sniff import sniffed

from . import views
from .demo import Demo
from .desk import Desk
from .rooms import COOKIE, Place, Room

SPARE = 1 << 30  # bytes of the disk that no upload may take
VIEW = re.compile(r"(\d{3}(-matte|-still|-still-matte|-expected)?|source)\.(mp4|png|jpg)")
TAKEN = re.compile(r"clip|matte|record|mask|reference-\d{1,2}")
KINDS = {".mp4": "video/mp4", ".png": "image/png", ".jpg": "image/jpeg"}
HEAD = 4096  # bytes from which it is told what a file is


def routes(desk: Desk, demo: Demo | None = None) -> list[Route]:
    """The routes over a desk."""

    async def state(request: Request) -> Response:
        room = desk.rooms.of(request.cookies.get(COOKIE))
        making = demo is not None and not demo.ready
        told = await run_in_threadpool(desk.state, room, request.query_params.get("session", ""), str(making))
        return JSONResponse({**told, "making": making}, headers={"cache-control": "no-store"})

    async def upload(request: Request) -> Response:
        room = desk.rooms.of(request.cookies.get(COOKIE))
        said = request.query_params
        part = (_number(said.get("from")), _number(said.get("to")), _side(said.get("size")))
        await run_in_threadpool(_check_room_on_disk, desk, int(request.headers["content-length"]))
        place = room.new()
        try:
            file = await _brought(request, place.folder / "source")
            await run_in_threadpool(_first_look, desk, place, file, part[0])
            job = desk.begin(room, place, label_of(said.get("name", "")), part)
        except BaseException:  # a browser that went away too: nothing half-brought stays
            shutil.rmtree(place.folder, ignore_errors=True)
            raise
        return JSONResponse({"session": place.name, "job": job.id})

    async def cancel(request: Request) -> Response:
        room = desk.rooms.of(request.cookies.get(COOKIE))
        return JSONResponse({"cancelled": desk.jobs.cancel(room.key, request.path_params["job"])})

    async def look(request: Request) -> Response:
        room = desk.rooms.of(request.cookies.get(COOKIE))
        seen = desk.jobs.seen(room.key, request.path_params["job"])
        return Response(seen, media_type=KINDS[".jpg"], headers={"cache-control": "no-store"})

    async def view(request: Request) -> Response:
        room = desk.rooms.of(request.cookies.get(COOKIE))
        name = request.path_params["name"]
        path = await run_in_threadpool(_view, room, request.path_params["session"], name)
        return FileResponse(path, media_type=KINDS[path.suffix], headers={"cache-control": "private, max-age=86400"})

    async def take(request: Request) -> Response:
        room = desk.rooms.of(request.cookies.get(COOKIE))
        name, turn, what = (request.path_params[key] for key in ("session", "turn", "what"))
        path, kept = await run_in_threadpool(_taken, desk, room, name, turn, what)
        return FileResponse(path, filename=kept, media_type="application/octet-stream")

    listed: list[tuple[str, Callable[[Request], object], str]] = [
        ("/own/state", state, "GET"),
        ("/own/upload", upload, "POST"),
        ("/own/cancel/{job}", cancel, "POST"),
        ("/own/look/{job}", look, "GET"),
        ("/own/view/{session}/{name}", view, "GET"),
        ("/own/take/{session}/{turn:int}/{what}", take, "GET"),
    ]
    return [Route(path, said(each, desk), methods=[method]) for path, each, method in listed]


def said(handler: Callable[[Request], object], desk: Desk) -> Callable[[Request], object]:
    """A handler whose refusals are sentences."""

    async def asked(request: Request) -> Response:
        try:
            return await handler(request)  # type: ignore[misc]
        except RefrainError as error:
            return PlainTextResponse(desk.plain(error), 400)
        except OSError as error:
            return PlainTextResponse(f"The system says: {error.strerror or error}; see to that and try again.", 507)

    return asked


def label_of(name: str) -> str:
    """The last part of a file's name as the browser said it, fit to be shown; it is never used as a path."""
    last = re.split(r"[/\\]", name)[-1]
    plain = "".join(sign for sign in last if sign.isprintable()).strip(". ")
    return plain[:80] or "clip"


async def _brought(request: Request, path: Path) -> Path:
    """Write what comes in, block by block; a file of no kind that is read is refused at its first bytes."""
    known = False
    with path.open("wb") as file:
        async for block in request.stream():
            file.write(block)
            if not known and file.tell() >= HEAD:
                file.flush()
                _sniffed(path)
                known = True
    _sniffed(path)
    return path


def _sniffed(path: Path) -> None:
    try:
        sniffed(path)
    except BadInput as error:
        raise BadInput(str(error).replace(str(path), "This file")) from None


def _first_look(desk: Desk, place: Place, file: Path, start: float | None) -> None:
    """The first frame, small, so that something is seen at once; a file that cannot be decoded is refused here."""
    try:
        first = Clip.read(file, start, (start or 0) + 0.001, desk.limits)
    except RefrainError as error:
        raise type(error)(str(error).replace(str(file), "This file")) from None
    views.thumb(first, 0).write(place.views / "source.jpg", quality=8)


def _check_room_on_disk(desk: Desk, size: int) -> None:
    if shutil.disk_usage(desk.rooms.root).free - 3 * size < SPARE:
        raise BadInput("There is too little room on the server's disk for this file; tell the one who runs it.")


def _view(room: Room, session: str, name: str) -> Path:
    """A picture or a clip made for the browser; nothing else is ever given."""
    if not VIEW.fullmatch(name):
        raise BadInput("There is no such picture.")
    place = room.place(session)
    path = place.views / name
    if place.views.is_symlink() or path.is_symlink() or not path.is_file():
        raise BadInput("There is no such picture.")
    return path


def _taken(desk: Desk, room: Room, name: str, turn: int, what: str) -> tuple[Path, str]:
    if not TAKEN.fullmatch(what):
        raise BadInput("What can be taken is the clip, the matte, the mask, a reference or the record.")
    place, session = desk.session(room, name)
    path = views.taken(place.views, session, turn, what)
    if what.startswith(("mask", "reference-")):  # under the name that the commands to copy have for it
        return path, f"{what}-{turn}{path.suffix}"
    stem = Path(label_of(session.turns[0].record["source"] or "clip")).stem
    return path, f"{stem}-{turn}{'' if what == 'clip' else '-' + what}{path.suffix}"


def _number(said: str | None) -> float | None:
    if not said:
        return None
    try:
        return float(said)
    except ValueError:
        raise BadInput("A time is a number of seconds, such as 2.5.") from None


def _side(said: str | None) -> int | None:
    if not said:
        return None
    if not said.isdecimal() or not 32 <= int(said) <= 1024:
        raise BadInput("The size is 32 to 1024 pixels.")
    return int(said)
