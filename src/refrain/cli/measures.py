"""Options for scorers that need more than the clips: a judge behind an endpoint, and networks with weights."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from refrain.errors import BadInput

if TYPE_CHECKING:
    from refrain.evaluation import judge as judging
    from refrain.evaluation.case import Protocol
    from refrain.evaluation.scorers.scorer import Scorer

WEIGHTS = ("clip", "dino", "pick", "viclip", "aesthetic", "lpips", "amt", "vbench")

Judge = Annotated[
    str | None, typer.Option("--judge", metavar="URL", help="Ask a judge here: a chat-completions endpoint, up to /v1.")
]
JudgeModel = Annotated[str | None, typer.Option("--judge-model", metavar="NAME", help="The model that judges.")]
JudgeKey = Annotated[Path | None, typer.Option("--judge-key", metavar="FILE", help="A file with the judge's key.")]
Repeats = Annotated[int, typer.Option("--judge-repeats", metavar="N", help="Answers to one question, averaged.")]
Transcript = Annotated[
    Path | None,
    typer.Option("--transcript", metavar="FILE", help="Keep all that the judge says; without --judge, replay it."),
]
Weights = Annotated[
    list[str] | None,
    typer.Option(
        "--weights",
        metavar="WHAT=WHERE",
        help="clip, dino, pick or viclip=FOLDER; aesthetic, lpips or amt=FILE; vbench=JSON. Repeat.",
    ),
]


@dataclass(frozen=True)
class Asked:
    """What these options say, as the verbs got it."""

    judge: str | None = None
    model: str | None = None
    key: Path | None = None
    repeats: int = 1
    transcript: Path | None = None
    weights: Sequence[str] = ()

    def scorers(self, benchmark: str, protocol: "Protocol", device: str = "cpu") -> "tuple[Scorer, ...]":
        """The scorers that are asked for, their weights loaded. Raises BadInput, BadWeights, Unsupported."""
        return (*self._weighed(benchmark, protocol, device), *self._judged(benchmark, protocol))

    def _judged(self, benchmark: str, protocol: "Protocol") -> "tuple[Scorer, ...]":
        judge = self.judging()
        if judge is None:
            return ()
        from refrain.evaluation.judge import judge_scorers

        return judge_scorers(benchmark, judge, protocol)

    def judging(self) -> "judging.Judge | None":
        """The judge that is asked for, or its replay; None where there is none. Raises BadInput."""
        if self.judge is None and self.transcript is None:
            if self.model or self.key:
                raise BadInput("Say where the judge is, by --judge URL, or replay one by --transcript FILE.")
            return None
        if not self.model:
            raise BadInput(
                "Say which model judges, by --judge-model; a replay needs it too, since answers are its own."
            )
        from refrain.evaluation import judge as judging

        kept = judging.Transcript(self.transcript, replay=self.judge is None)
        key = judging.key_in(self.key) if self.key else None
        endpoint = judging.Endpoint(self.judge, key) if self.judge else None
        return judging.Judge(self.model, kept, endpoint, judging.Settings(repeats=self.repeats))

    def _weighed(self, benchmark: str, protocol: "Protocol", device: str) -> "tuple[Scorer, ...]":
        where = dict(self._named())
        if not where:
            return ()
        from refrain.evaluation.record import benchmark_of
        from refrain.evaluation.scorers import perceived, seen, vbench, watched
        from refrain.evaluation.scorers.chosen import of_protocol
        from refrain.models.seeing.aesthetic import Aesthetic
        from refrain.models.seeing.amt import Amt
        from refrain.models.seeing.clip import Clip
        from refrain.models.seeing.dino import Dino
        from refrain.models.seeing.lpips import Lpips
        from refrain.models.seeing.viclip import Viclip

        clip: Any = seen.remembered(Clip.load(where["clip"], device)) if "clip" in where else None
        found: list[Scorer] = list(seen.clip_scorers(clip)) if clip else []
        if "aesthetic" in where:
            if not clip or clip.kind != "L/14":
                raise BadInput("LAION's head reads CLIP L/14; give --weights clip=openai/clip-vit-large-patch14 too.")
            found += seen.aesthetic_scorers(clip, Aesthetic.load(where["aesthetic"]))
        if "dino" in where:
            dino = Dino.load(where["dino"], device)
            found += seen.dino_scorers(dino, dino.as_vbench())
        if "pick" in where:
            found += seen.pick_scorers(Clip.load(where["pick"], device))
        if "lpips" in where:
            found += perceived.lpips_scorers(Lpips.load(where["lpips"], device))
        if "viclip" in where:
            found += watched.viclip_scorers(Viclip.load(where["viclip"], device))
        if "amt" in where:
            found += watched.amt_scorers(Amt.load(where["amt"], device))
        if "vbench" in where:
            found += vbench.vbench_scorers(Path(where["vbench"]), benchmark_of(benchmark))
        return of_protocol(found, protocol)

    def _named(self) -> list[tuple[str, str]]:
        pairs = [tuple(one.split("=", 1)) for one in self.weights]
        for pair in pairs:
            if len(pair) != 2 or pair[0] not in WEIGHTS or not pair[1]:
                raise BadInput(f"--weights is WHAT=WHERE, with {', '.join(WEIGHTS)}, not {'='.join(pair)}.")
        return [(pair[0], pair[1]) for pair in pairs]
