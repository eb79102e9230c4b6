"""Figures that others have published, with where they stand and by which protocol: to be read beside ours.

A published figure is comparable only where its protocol is that of the run, and only with the very scorer that measured
it. A row told by a third party is marked as second-hand: the paper itself was not at hand.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Published:
    """A published table.

    benchmark: our id of it. protocol: ours where the authors' is the same, else a name of its own. how: who judged, of
    what, and how it was put together. source: where it stands. columns: names as published.
    scorers:   the scorer of ours that measures the same, by column; most have none yet.
    rows:      by system, each figure as it was printed, a dash where there is none.
    second_hand: the systems whose rows a third party tells.
    remarks:   what is known to be odd about a row.
    """

    benchmark: str
    protocol: str
    how: str
    source: str
    columns: tuple[str, ...]
    rows: Mapping[str, tuple[str, ...]]
    scorers: Mapping[str, str] = field(default_factory=dict)
    second_hand: frozenset[str] = frozenset()
    remarks: Mapping[str, str] = field(default_factory=dict)

    def apart(self, protocol: str) -> str | None:
        """Why its figures cannot be compared with those of a protocol; None where they can."""
        return None if protocol == self.protocol else f"protocol {self.protocol}, not {protocol}"


def published(benchmark: str) -> tuple[Published, ...]:
    """The published tables of a benchmark."""
    return tuple(table for table in TABLES if table.benchmark == benchmark)


def _rows(text: str) -> dict[str, tuple[str, ...]]:
    """Lines `system | 1 2 –`, a dash for what was not published."""
    lines = [line.split("|") for line in text.strip().splitlines()]
    return {name.strip(): tuple(cells.split()) for name, cells in lines}


EDITVERSE = ("judge 0–9", "PickScore", "CLIP frame-text", "ViCLIP video-text", "CLIP consistency", "DINO consistency")
IVE = (
    "total", "quality", "compliance", "fidelity", "subject consistency", "background consistency",
    "temporal flickering", "motion smoothness", "VTSS", "overall semantic", "phrase semantic", "instruction 1–5",
    "quantity", "semantic fidelity", "motion fidelity", "content fidelity 1–5",
)  # fmt: skip
VIE = ("instruction 1–10", "preservation 1–10", "quality 1–10", "average")
OPENVE = ("style", "background", "change", "remove", "add", "subtitle", "creative", "mean of 5", "mean of 7")
IMGEDIT = (
    "add", "adjust", "extract", "replace", "remove", "background", "style", "compose", "action", "overall",
)  # fmt: skip
ICEFFECT = (
    "CLIP-I (adjacent frames)", "CLIP-T", "ViCLIP-T", "smoothness", "dynamic degree", "aesthetic", "structure",
    "effect",
)  # fmt: skip

TABLES = (
    Published(
        "editverse",
        "editverse/compat",
        "judge GPT-4o-2024-11-20 on its frames, red and blue exchanged; 200 pairs; flat means",
        "EditVerse, arXiv 2509.20360; LIVEditor arXiv 2605.04569 and Bernini as told by others",
        EDITVERSE,
        _rows("""
            TokenFlow | 5.26 19.73 25.57 22.70 98.36 98.09
            STDF | 4.41 19.45 25.24 22.26 96.04 95.22
            Señorita-2M (first frame given) | 6.97 19.71 26.34 23.24 98.05 97.99
            InsV2V | 5.21 19.39 24.99 22.54 97.15 96.57
            Lucy Edit | 5.89 19.67 26.00 23.11 98.49 98.38
            EditVerse | 7.65 20.07 26.73 23.93 98.56 98.42
            Runway Aleph | 7.44 20.42 27.70 24.27 98.94 98.60
            LIVEditor, full attention | 7.62 19.98 27.13 23.80 99.24 99.19
            LIVEditor, sparse attention | 7.89 20.09 27.19 24.55 99.32 99.22
            Bernini | 8.02 20.26 – – – –
        """),
        second_hand=frozenset({"LIVEditor, full attention", "LIVEditor, sparse attention", "Bernini"}),
        remarks={
            "Runway Aleph": "in the paper; commented out in the README",
            "LIVEditor, full attention": "two accounts disagree",
        },
    ),
    Published(
        "editverse",
        "editverse-16-tasks/egoedit",
        "16 of the 20 tasks; baselines made anew, EditVerse's own outputs; judge run anew",
        "EgoEdit (snap-research/EgoEdit)",
        EDITVERSE[:1],
        _rows("""
            TokenFlow | 5.87
            STDF | 6.64
            Señorita-2M | 6.99
            AnyV2V | 6.46
            InsV2V | 5.71
            Lucy Edit | 6.27
            EditVerse | 8.26
            EgoEdit | 8.00
            EgoEdit-RT | 8.18
        """),
        remarks={"EditVerse": "the same outputs had 7.65 of their authors, on all 20 tasks"},
    ),
    *(
        Published(
            "ivebench",
            "ivebench/compat",
            f"{which} videos; judge Qwen2.5-VL-72B; VTSS weighs 4, judged metrics 3",
            "IVE-Bench, arXiv 2510.11647, table of its repository; Lucy Edit and Ditto as told by others",
            IVE,
            _rows(rows),
            scorers={"temporal flickering": "flicker.vbench/compat"},
            second_hand=frozenset({"Lucy-Edit-Dev", "Ditto"}),
            remarks=remarks,
        )
        for which, rows, remarks in (
            (
                "400 short",
                """
                InsV2V | 0.67 0.80 0.39 0.82 0.94 0.96 0.97 0.97 0.045 0.24 0.23 3.10 0.30 0.95 0.86 4.05
                AnyV2V | 0.58 0.73 0.42 0.59 0.89 0.94 0.97 0.97 0.026 0.22 0.24 3.33 0.30 0.80 0.82 2.75
                StableV2V | 0.51 0.69 0.43 0.41 0.85 0.92 0.96 0.96 0.019 0.20 0.24 3.56 0.20 0.70 0.75 1.79
                VACE | 0.63 0.80 0.25 0.83 0.95 0.98 0.98 0.98 0.045 0.23 0.22 2.16 0.20 0.97 0.89 4.03
                Lucy-Edit-Dev | 0.64 0.82 0.34 0.75 – – – – – – – – – – – –
                Ditto | 0.67 0.78 0.49 0.73 – – – – – – – – – – – –
                """,
                {},
            ),
            (
                "200 long",
                """
                InsV2V | 0.66 0.80 0.37 0.79 0.90 0.94 0.98 0.98 0.048 0.24 0.23 3.10 0.20 0.95 0.68 4.13
                AnyV2V | 0.55 0.72 0.36 0.57 0.84 0.92 0.97 0.97 0.029 0.22 0.23 3.25 0.00 0.80 0.82 2.65
                StableV2V | 0.51 0.69 0.42 0.41 0.83 0.91 0.96 0.96 0.021 0.23 0.23 3.45 0.25 0.70 0.77 1.79
                VACE | 0.62 0.80 0.27 0.78 0.92 0.95 0.96 0.96 0.048 0.24 0.22 2.27 0.20 0.96 0.96 3.74
                Lucy-Edit-Dev | 0.65 0.82 0.32 0.81 – – – – – – – – – – – –
                Ditto | 0.66 0.78 0.48 0.72 – – – – – – – – – – – –
                """,
                {"VACE": "its own parts make a fidelity of 0.795"},
            ),
        )
    ),
    Published(
        "viebench",
        "viebench/paper",
        "judge GPT-4o, 1 to 10; 5 to 30 cases a task; how frames were sampled is not told",
        "InstructX, arXiv 2510.08485",
        VIE,
        _rows("""
            InstructX, add | 8.45 8.68 7.92 8.35
            InstructX, swap or change | 9.51 9.17 8.53 9.07
            InstructX, remove | 8.63 8.67 7.67 8.32
            InstructX, style or tone | 9.65 9.10 8.84 9.20
            InstructX, hybrid | 9.45 8.86 8.41 8.91
            InstructX, reference swap | – – – 8.96
            InstructX, reference add | – – – 9.16
            Runway Aleph, add | 8.61 8.91 7.82 8.45
            Runway Aleph, swap or change | 9.58 8.63 9.28 9.16
            Runway Aleph, remove | 8.66 9.15 7.70 8.50
            Runway Aleph, style or tone | – – – 9.13
            Runway Aleph, hybrid | – – – 8.51
            Kling, add | – – – 6.60
            Kling, swap or change | – – – 8.80
            Kling, remove | – – – 8.25
            Kling, reference swap | – – – 8.59
            Kling, reference add | – – – 9.32
            Omni-Video, add | – – – 6.24
            Omni-Video, swap or change | – – – 4.75
            Omni-Video, remove | – – – 5.59
            Omni-Video, style or tone | – – – 5.37
            Omni-Video, hybrid | – – – 5.43
            InsV2V, add | – – – 4.28
            InsV2V, swap or change | – – – 5.57
            InsV2V, remove | – – – 2.10
            InsV2V, style or tone | – – – 7.45
            InsV2V, hybrid | – – – 5.32
            VACE-14B, add | – – – 4.85
            VACE-14B, swap or change | – – – 6.64
            VACE-14B, remove | – – – 2.68
            VACE-14B, reference swap | – – – 7.99
            VACE-14B, reference add | – – – 3.97
            SAMA, remove | – – – 9.144
            SAMA, style or tone | – – – 9.259
            UniVideo, remove | – – – 8.233
            UniVideo, style or tone | – – – 8.711
        """),
        remarks={
            **dict.fromkeys(
                ("SAMA, remove", "SAMA, style or tone", "UniVideo, remove", "UniVideo, style or tone"),
                "told by SAMA, under the same protocol",
            ),
            "Omni-Video, add": "not the mean of its own row, 6.04",
        },
    ),
    Published(
        "msebench",
        "msebench/compat",
        "judge GPT-4o; share of 100 sessions without a failed turn up to this one",
        "VINCIE, arXiv 2506.10941, as told by reviews of it",
        ("success at turn 1", "success at turn 5"),
        _rows("""
            Nano Banana | – 0.643
            GPT-Image-1 | – 0.640
            VINCIE-7B + SFT | 0.950 0.487
            FLUX.1-Kontext | – 0.440
            Qwen-Image-Edit | – 0.430
            Bagel | – 0.413
            VINCIE-7B | – 0.350
            Step1X-Edit | 0.937 0.140
            OmniGen2 | – 0.083
        """),
        second_hand=frozenset(
            {
                "Nano Banana",
                "GPT-Image-1",
                "VINCIE-7B + SFT",
                "FLUX.1-Kontext",
                "Qwen-Image-Edit",
                "Bagel",
                "VINCIE-7B",
                "Step1X-Edit",
                "OmniGen2",
            }
        ),
        remarks={"GPT-Image-1": "0.627 elsewhere"},
    ),
    Published(
        "magicbrush",
        "magicbrush/vincie",
        "each turn made on the system's own last one; turns 1, 2 and 3 apart",
        "VINCIE, arXiv 2506.10941, as told by reviews of it",
        ("DINO, turn 1", "DINO, turn 2", "DINO, turn 3", "CLIP-I, turn 1", "CLIP-I, turn 3"),
        _rows("""
            VINCIE-7B + SFT | 0.891 0.817 0.775 0.937 0.861
            Nano Banana | 0.886 – 0.773 – –
        """),
        second_hand=frozenset({"VINCIE-7B + SFT", "Nano Banana"}),
    ),
    *(
        Published(
            "iceffect",
            "iceffect/paper",
            f"{which} videos; GPT-4o for structure and effect; which CLIP, frames and prompt is not told",
            "IC-Effect, arXiv 2512.15635",
            ICEFFECT,
            _rows(rows),
        )
        for which, rows in (
            (
                "80 common",
                """
                InsV2V | 0.9750 22.93 21.72 0.9798 0.6147 0.4723 3.90 2.45
                InsViE | 0.9686 23.03 20.60 0.9695 0.5856 0.4877 3.65 2.37
                VACE | 0.9698 23.49 21.47 0.9803 0.4820 0.5190 3.86 2.62
                Lucy Edit | 0.9721 22.81 21.14 0.9811 0.5737 0.5071 4.05 3.12
                IC-Effect | 0.9795 25.68 24.33 0.9815 0.6374 0.5261 4.38 4.27
                """,
            ),
            (
                "50 VFX",
                """
                InsV2V | 0.9767 25.67 23.82 0.9882 0.2019 0.5612 3.93 1.98
                InsViE | 0.9770 25.65 23.80 0.9858 0.3258 0.5158 4.10 2.90
                VACE | 0.9782 25.53 24.56 0.9897 0.2788 0.5401 4.21 3.70
                Lucy Edit | 0.9784 27.06 26.21 0.9894 0.3653 0.5546 4.35 3.94
                IC-Effect | 0.9786 27.23 26.63 0.9911 0.3771 0.5823 4.79 4.56
                """,
            ),
        )
    ),
    Published(
        "openve",
        "openve/compat",
        "judge Gemini 2.5 Pro; 5 or 7 of the 8 categories, means of their means",
        "OpenVE-3M, arXiv 2512.07826; SAMA; Kiwi-Edit (showlab/Kiwi-Edit)",
        OPENVE,
        _rows("""
            Runway | 3.72 2.62 4.18 4.16 2.78 3.62 3.64 3.49 3.53
            Lucy-Edit | 2.27 1.57 3.20 1.75 2.30 1.61 2.86 2.22 2.22
            VACE-14B | 1.49 1.55 2.07 1.46 1.26 1.48 1.47 1.57 1.54
            Ditto | 4.01 1.68 2.03 1.53 1.41 2.81 1.23 2.13 2.10
            OpenVE-Edit | 3.16 2.36 2.98 1.85 2.15 2.91 2.31 2.50 2.53
            UniVideo | 3.64 2.22 3.91 2.70 2.98 2.69 2.90 3.09 3.01
            SAMA | 4.05 2.59 3.93 3.32 2.54 3.63 3.11 3.29 3.31
            Kiwi-Edit (stage 3) | 3.64 2.64 3.83 2.63 2.36 – – 3.02 –
        """),
        remarks={"Kiwi-Edit (stage 3)": "its background and change look exchanged"},
    ),
    Published(
        "fivebench",
        "fivebench/compat",
        "judge Qwen2.5-VL-7B; mean of four accuracies, in percent",
        "FiVE-Bench, arXiv 2503.13684; Bernini as told by others",
        ("yes-no", "choice", "union", "intersection", "FiVE-Acc"),
        _rows("""
            TokenFlow | 19.36 35.51 36.68 18.18 27.43
            DMT | 34.78 62.06 62.98 33.86 48.42
            VidToMe | 20.03 33.50 36.20 17.34 26.77
            AnyV2V | 30.62 45.42 48.96 27.09 38.02
            VideoGrain | 30.50 43.97 44.30 30.17 37.23
            Pyramid-Edit | 33.67 54.01 56.36 31.31 43.84
            Wan-Edit | 41.41 52.53 55.72 38.22 46.97
            Bernini | – – – – 78.16
        """),
        second_hand=frozenset({"Bernini"}),
    ),
    Published(
        "imgedit",
        "imgedit/compat",
        "judge GPT-4.1, 1 to 5; mean of nine categories",
        "ImgEdit, arXiv 2505.20275, table of its repository; EditVerse, arXiv 2509.20360, for its own row",
        IMGEDIT,
        _rows("""
            MagicBrush | 2.84 1.58 1.51 1.97 1.58 1.75 2.38 1.62 1.22 1.83
            Instruct-P2P | 2.45 1.83 1.44 2.01 1.50 1.44 3.55 1.20 1.46 1.88
            AnyEdit | 3.18 2.95 1.88 2.47 2.23 2.24 2.85 1.56 2.65 2.45
            UltraEdit | 3.44 2.81 2.13 2.96 1.45 2.83 3.76 1.91 2.98 2.70
            ICEdit | 3.58 3.39 1.73 3.15 2.93 3.08 3.84 2.04 3.68 3.05
            Step1X-Edit | 3.88 3.14 1.76 3.40 2.41 3.16 4.63 2.64 2.52 3.06
            UniWorld-V1 | 3.82 3.64 2.27 3.47 3.24 2.99 4.21 2.96 2.74 3.26
            BAGEL | 3.81 3.59 1.58 3.85 3.16 3.39 4.51 2.67 4.25 3.42
            EditVerse | – – – – – – – – – 3.42
            OmniGen2 | 3.57 3.06 1.77 3.74 3.20 3.57 4.81 2.52 4.68 3.44
            Kontext-dev | 3.83 3.65 2.27 4.45 3.17 3.98 4.55 3.35 4.29 3.71
            Ovis-U1 | 3.99 3.73 2.66 4.38 4.15 4.05 4.86 3.43 4.68 3.97
            GPT-4o-Image | 4.61 4.33 2.90 4.35 3.66 4.57 4.93 3.96 4.89 4.20
        """),
        remarks={
            "Kontext-dev": "its own categories make 3.73",
            "Ovis-U1": "its own categories make 3.99",
            "GPT-4o-Image": "its own categories make 4.24",
        },
    ),
    Published(
        "imgedit",
        "imgedit-qwen/instructx",
        "the same cases judged by Qwen2.5-VL-72B",
        "InstructX, arXiv 2510.08485",
        ("overall",),
        _rows("Step1X-Edit | 3.39\nInstruct-P2P | 2.01"),
    ),
    Published(
        "gedit",
        "gedit-qwen/instructx",
        "judge Qwen2.5-VL-72B, 0 to 10; mean over groups of roots of SC × PQ",
        "InstructX, arXiv 2510.08485",
        ("SC", "PQ", "O"),
        _rows("""
            Step1X-Edit | 7.05 7.21 6.79
            Bagel | 7.43 7.03 7.10
            SeedEdit 3.0 | 7.92 7.39 7.57
            GPT-4o | 7.98 7.73 7.83
            InstructX | – – 6.68
        """),
    ),
)
