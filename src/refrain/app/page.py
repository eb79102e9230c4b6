"""The page: how it is laid out, and which call of the desk each button makes. Gradio's part, and no more than that."""

from collections.abc import Callable
from importlib.resources import files
from typing import Any

import gradio as gr
from fastapi import FastAPI
from starlette.applications import Starlette

from refrain.editing.session.session import Session
from refrain.editing.session.turn import Turn
from refrain.errors import BadInput, RefrainError

from . import face, said, views
from .chips import Chip, chips
from .demo import Demo
from .desk import Desk
from .orders import Wish
from .player import player_head
from .rooms import COOKIE, Place, Room
from .samples import SAMPLES
from .theme import theme

LEARNT = "Effects with + were taught from a few examples, and must be picked here; typed words alone do not call them."
PICKS = 4  # choices of an effect that are shown at most

Update = dict[Any, Any]


def mounted(own: Starlette, desk: Desk, demo: Demo | None) -> FastAPI:
    """Our routes and the page, as one application that asks no other machine for anything."""
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    app.router.routes.extend(own.routes)
    page = Page(desk, demo)
    folder = files("refrain.app") / "web"
    head = f"<script>{(folder / 'page.js').read_text('utf-8')}</script>{player_head()}"
    return gr.mount_gradio_app(
        app, page.blocks, "/", footer_links=[], run_history=False, show_error=False, max_file_size=1, ssr_mode=False,
        pwa=False, mcp_server=False, theme=theme(), css=(folder / "page.css").read_text("utf-8"), head=head,
        enable_monitoring=False,
    )  # fmt: skip


class Page:
    """The layout, its parts as attributes, and what each of them does."""

    def __init__(self, desk: Desk, demo: Demo | None) -> None:
        self.desk, self.demo = desk, demo
        self.chips = chips(desk.model.understands, desk.model.learnt)
        with gr.Blocks(title="Refrain", analytics_enabled=False, fill_width=False) as self.blocks:
            self._head()
            with gr.Row(elem_id="desk"):
                with gr.Column(min_width=320, visible=False, elem_id="looking") as self.looking:
                    self._stage()
                with gr.Column(min_width=320, visible=False, elem_id="asking") as self.asking:
                    self._asking()
                with gr.Column(min_width=320, visible=False, elem_id="past") as self.past:
                    self._past()
            self._connected()
        self.blocks.queue(api_open=False)

    # ---- what there is

    def _head(self) -> None:
        gr.HTML(
            "<h1>Refrain</h1><p>Say what to change. Everything else stays as it is.</p>"
            '<p id="model" role="status"></p>',
            elem_id="top",
        )
        self.spot = gr.Textbox("", visible=False)  # session/turn: where this page stands
        self.marked = gr.Textbox("", visible=False)  # the region, as JSON
        self.pulse = gr.HTML("", js_on_load="refrain.pulse(element, trigger)", elem_id="pulse")
        self.note = gr.HTML("", elem_id="note")
        with gr.Accordion("Bring a clip or a picture", open=True) as self.bring:
            limits = self.desk.limits
            gr.HTML(face.bring(limits.file, limits.seconds), js_on_load="refrain.bring(element)", elem_id="bring")
            with gr.Row():
                self.samples = [gr.Button(f"Sample: {label}", size="sm") for label in SAMPLES]
        with gr.Accordion("My clips", open=True, visible=False) as self.clips:
            self.shelf = gr.HTML("", js_on_load="refrain.pick(element, trigger)", elem_id="shelf")

    def _stage(self) -> None:
        self.stage = gr.HTML("", elem_id="stage")
        with gr.Row(elem_id="turns"):
            self.undo = gr.Button("Undo", size="sm", min_width=60)
            self.redo = gr.Button("Redo", size="sm", min_width=60)
            self.four = gr.Button("Four other answers", size="sm", min_width=60)
        self.take = gr.HTML("", elem_id="take")

    def _past(self) -> None:
        hands = "refrain.pick(element, trigger)"
        with gr.Accordion("Answers to the same words", open=True, visible=False) as self.compare:
            self.ways = gr.HTML("", js_on_load=hands, elem_id="ways")
        with gr.Accordion("History", open=True):
            self.history = gr.HTML("", js_on_load=hands, elem_id="history")
        with gr.Accordion("Do it again elsewhere", open=False):
            self.copies = gr.HTML("", js_on_load=hands, elem_id="copies")

    def _asking(self) -> None:
        self.words = gr.Textbox(
            label="What to change", placeholder="make it snow", lines=2, max_lines=4, max_length=1000, elem_id="words"
        )
        self.pictures = gr.Dropdown(
            [], value=[], multiselect=True, visible=False, allow_custom_value=True, elem_id="pictures", max_choices=8,
            label="Pictures that the words speak of", info="In the words the first is <1>, the second <2>.",
        )  # fmt: skip
        self.ask = gr.Button("Change it", variant="primary", elem_id="ask")
        self.cost = gr.HTML("", elem_id="cost")
        self.effect = gr.Radio(
            [(chip.label, chip.name) for chip in self.chips], label="Or pick an effect", elem_id="chips",
            visible=bool(self.chips), info=LEARNT if any(chip.learnt for chip in self.chips) else None,
        )  # fmt: skip
        with gr.Row():
            self.picks = [gr.Dropdown([], visible=False, label="", min_width=120) for _ in range(PICKS)]
        with gr.Accordion("Only in a part of the picture", open=False, elem_id="where"):
            self.region = gr.HTML(
                "", elem_id="region",
                js_on_load="refrain.region(element, trigger); watch('value', () => refrain.region(element, trigger));",
            )  # fmt: skip
        model = self.desk.model
        with gr.Accordion("More", open=False, elem_id="more"):
            self.seed = gr.Number(0, label="Seed", info="The same seed gives the same answer.", precision=0, minimum=0)
            self.steps = gr.Slider(1, 60, value=model.steps, step=1, label="Steps", info="More are finer and slower.")
            self.guidance = gr.Slider(
                0, 10, value=model.guidance, step=0.1, label="Guidance", info="How strongly the words count; 1 is off."
            )
            self.attention = gr.Radio(list(model.ways), value="dense", label="Attention")
            self.offload = gr.Checkbox(label="Keep what is remembered of the clip on the CPU")

    # ---- what happens

    def _connected(self) -> None:
        wish = {
            self.spot, self.words, self.pictures, self.effect, self.marked, self.seed, self.steps, self.guidance,
            self.attention, self.offload,
        }  # fmt: skip
        told = [
            self.spot, self.marked, self.note, self.bring, self.clips, self.shelf, self.looking, self.asking, self.past,
            self.stage, self.undo, self.redo, self.four, self.take, self.compare, self.ways, self.history,
            self.copies, self.region, self.pictures,
        ]  # fmt: skip
        # Not through Gradio's queue: each of these is answered at once (ours is for edits), and the stream that its
        # answers come by complains in the page when a call goes out while it is being closed.
        quick: dict[str, Any] = {"show_progress": "hidden", "queue": False, "api_visibility": "private"}
        both = {"inputs": [self.spot], "outputs": told, **quick}
        self.blocks.load(self._opened, **both)
        self.pulse.change(self._news, **both)
        for one in (self.pulse, self.shelf, self.history, self.ways):
            one.select(self._picked, **both)
        self.shelf.clear(self._removed, **both)
        for how, button in (("undo", self.undo), ("redo", self.redo)):
            button.click(self._going(how), **both)
        kick = "() => refrain.kick()"
        only: dict[str, Any] = {"outputs": [self.note], **quick}
        for event in (self.ask.click, self.words.submit):
            event(self._asked, inputs=wish, **only).then(None, js=kick)
        self.four.click(self._again, inputs=wish, **only).then(None, js=kick)
        opened = "(note) => { const s = /data-wanted=.(\\w+)/.exec(note); if (s) refrain.open(s[1]); return note; }"
        for label, button in zip(SAMPLES, self.samples, strict=True):
            button.click(self._sampled(label), **only).then(None, js=opened, inputs=[self.note])
        self.region.select(self._expected, inputs=wish, **only).then(None, js=kick)
        self.region.input(self._marked, outputs=[self.marked], **quick)
        self.effect.input(self._effect, inputs=[self.effect], outputs=[self.words, *self.picks], **quick)
        for pick in self.picks:
            pick.input(self._worded, inputs=[self.effect, *self.picks], outputs=[self.words], **quick)
        for part in (self.steps, self.guidance, self.attention, self.offload, self.pictures):
            part.change(self._cost, inputs=wish, outputs=[self.cost], **quick)
        self.spot.change(self._cost, inputs=wish, outputs=[self.cost], **quick)

    def _opened(self, spot: str, request: gr.Request) -> Update:
        room = self._room(request)
        if self.demo is not None:
            self.demo.give(room)
        places = room.places()
        return self._shown(room, spot.partition("/")[0] or (places[0].name if places else ""), fresh=True)

    def _news(self, spot: str, request: gr.Request) -> Update:
        if not spot:  # nothing is open: perhaps there is something now
            return self._opened(spot, request)
        return self._shown(self._room(request), spot.partition("/")[0], spot)

    def _picked(self, spot: str, request: gr.Request, event: gr.EventData) -> Update:
        room, name = self._room(request), spot.partition("/")[0]
        chosen = getattr(event, "_data", None) or {}
        if "session" in chosen:
            return self._shown(room, str(chosen["session"]), fresh=True)
        return self._done(room, name, lambda: self.desk.go(room, name, "branch", int(chosen.get("turn", 0))))

    def _removed(self, spot: str, request: gr.Request, event: gr.EventData) -> Update:
        room, name = self._room(request), spot.partition("/")[0]
        gone = str((getattr(event, "_data", None) or {}).get("session", ""))
        rest = [place.name for place in room.places() if place.name != gone]
        here = name if name != gone else rest[0] if rest else ""
        return self._done(room, here, lambda: self.desk.remove(room, gone))

    def _going(self, how: str) -> Callable[..., Update]:
        def going(spot: str, request: gr.Request) -> Update:
            room, name = self._room(request), spot.partition("/")[0]
            return self._done(room, name, lambda: self.desk.go(room, name, how))

        return going

    def _asked(self, given: Update, request: gr.Request) -> str:
        name, turn = _where(given[self.spot])
        return self._sentence(
            lambda: self.desk.ask(self._room(request), name, turn, given[self.words] or "", self._wish(given))
        )

    def _expected(self, given: Update, request: gr.Request) -> str:
        name, turn = _where(given[self.spot])
        return self._sentence(
            lambda: self.desk.where(self._room(request), name, turn, given[self.words] or "", self._wish(given))
        )

    def _again(self, given: Update, request: gr.Request) -> str:
        name, turn = _where(given[self.spot])
        return self._sentence(lambda: self.desk.again(self._room(request), name, turn, self._wish(given)))

    def _sampled(self, label: str) -> Callable[..., Any]:
        def sampled(request: gr.Request) -> Any:
            started: list[str] = []

            def begin() -> None:
                started.append(self.desk.sample(self._room(request), label).session)

            told = self._sentence(begin)
            return told or f'<span data-wanted="{started[0]}"></span>'

        return sampled

    def _marked(self, event: gr.EventData) -> str:
        return str((getattr(event, "_data", None) or {}).get("region", ""))[:200_000]

    def _effect(self, name: str) -> list[Any]:
        chip = self._chip(name)
        shown = chip.choices[:PICKS] if chip else ()
        lists = [
            gr.Dropdown([(value, value) for value in one.values], value=chip.usual(one), label=one.label, visible=True)
            for one in shown
            if chip is not None
        ]
        hidden = [gr.Dropdown([], value=None, visible=False) for _ in range(PICKS - len(lists))]
        return [chip.said({}) if chip else gr.skip(), *lists, *hidden]

    def _worded(self, name: str, *picked: str | None) -> str:
        chip = self._chip(name)
        if chip is None:
            return name or ""
        return chip.said({one.field: value for one, value in zip(chip.choices, picked) if value})

    def _cost(self, given: Update, request: gr.Request) -> str:
        name, turn = _where(given[self.spot])
        if not name:
            return ""
        try:
            foreseen = self.desk.cost(self._room(request), name, turn, given[self.words] or "", self._wish(given))
        except RefrainError:
            return ""
        return f"<small>Takes {said.cost(foreseen, self.desk.pace)}.</small>"

    # ---- how

    def _room(self, request: gr.Request) -> Room:
        return self.desk.rooms.of(request.cookies.get(COOKIE))

    def _wish(self, given: Update) -> Wish:
        try:
            return Wish(
                int(given[self.seed] or 0), int(given[self.steps]), float(given[self.guidance]),
                str(given[self.marked] or ""), str(given[self.attention]), bool(given[self.offload]),
                str(given[self.effect] or ""), tuple(str(one) for one in given[self.pictures] or ()),
            )  # fmt: skip
        except (TypeError, ValueError, OverflowError):
            raise BadInput("Seed and steps are whole numbers, guidance is a number; see to that under More.") from None

    def _sentence(self, act: Callable[[], object]) -> str:
        """Do it; what the page says of it: nothing, or why not."""
        try:
            act()
        except RefrainError as error:
            return face.alert(face.safe(self.desk.plain(error)))
        except OSError as error:
            return face.alert(face.safe(f"The system says: {error.strerror or error}; see to that and try again."))
        return ""

    def _chip(self, name: str | None) -> Chip | None:
        return next((chip for chip in self.chips if chip.name == name), None)

    def _done(self, room: Room, name: str, act: Callable[[], object]) -> Update:
        note = self._sentence(act)
        return {**self._shown(room, name), self.note: note}

    def _shown(self, room: Room, name: str, spot: str = "", fresh: bool = False) -> Update:
        """Everything that stands on the page for a session, or for a room without one."""
        clips = self._clips(room)
        shelf = {
            self.shelf: face.shelf(clips, name),
            self.clips: gr.Accordion(visible=bool(clips), open=len(clips) > 1),
            self.pictures: self._pictures(room, name),
        }
        try:
            place, session = self.desk.session(room, name)
            return shelf | self._session(place, session, spot, fresh)
        except RefrainError as error:
            note = face.safe(self.desk.plain(error)) if name and clips else ""
            return {
                **shelf, self.spot: "", self.note: face.alert(note), self.bring: gr.Accordion(open=True),
                self.looking: gr.Column(visible=False), self.asking: gr.Column(visible=False),
                self.past: gr.Column(visible=False), self.stage: "",
            }  # fmt: skip

    def _session(self, place: Place, session: Session, spot: str, fresh: bool) -> Update:
        turn, name = session.here, place.name
        facts = views.shown(place.views, session, turn)
        parent = None if turn.parent is None else views.shown(place.views, session, session.turn(turn.parent))
        alike = siblings(session, turn)
        for one in alike:
            views.shown(place.views, session, one)
        here = f"{name}/{turn.id}"
        moved = here != spot
        asked = turn.record.get("asked")
        update: Update = {
            self.spot: here,
            self.undo: gr.Button(interactive=turn.parent is not None),
            self.redo: gr.Button(interactive=any(one.parent == turn.id for one in session.turns)),
            self.four: gr.Button(interactive=asked is not None),
            self.compare: gr.Accordion(visible=len(alike) > 1),
            self.ways: face.ways(name, alike, turn.id, facts.picture) if len(alike) > 1 else "",
            self.history: face.history(name, session.show(), [said.effects(one) for one in session.turns]),
            self.looking: gr.Column(visible=True),
            self.asking: gr.Column(visible=True),
            self.past: gr.Column(visible=True),
        }
        if fresh:
            place.use()
            update |= {self.note: "", self.bring: gr.Accordion(open=False)}
        if moved:
            update |= {
                self.stage: face.stage(name, turn, facts, parent),
                self.take: face.take(name, turn, facts),
                self.copies: face.copies(said.commands(session.line(turn)), said.python(session.line(turn))),
                self.region: face.region(name, turn, facts, self.desk.model.predicts),
                self.marked: "",
                self.note: "",
            }
        return update

    def _pictures(self, room: Room, name: str) -> Any:
        """The pictures that words may speak of; no such list where the model, or the room, has none."""
        found = self.desk.pictures(room, name) if self.desk.model.refers else []
        return gr.Dropdown([(label, spot) for spot, label in found], visible=bool(found))

    def _clips(self, room: Room) -> list[tuple[str, str, int]]:
        found: list[tuple[str, str, int]] = []
        for place in room.places():
            try:
                session = Session.open(place.session)
            except BadInput:
                continue
            found.append((place.name, session.turns[0].record["source"] or "clip", len(session.turns) - 1))
        return found


def siblings(session: Session, turn: Turn) -> list[Turn]:
    """The turns that asked the same of the same turn, this one too, the newest eight."""
    if turn.parent is None:
        return []
    return [one for one in session.turns if one.parent == turn.parent and one.words == turn.words][-8:]


def _where(spot: object) -> tuple[str, int]:
    """Session and turn of a spot. BadInput for what the page would not say."""
    name, _, turn = str(spot or "").partition("/")
    if not turn.isdecimal() and turn:
        raise BadInput("This page has lost its place; reload it.")
    return name, int(turn or 0)
