"""VBench's totals are those of its leaderboard, from printed dimensions and from its own result file."""

import json
from math import isnan
from pathlib import Path

import pytest

from refrain.errors import BadInput
from refrain.evaluation.benchmarks import vbench
from refrain.evaluation.told.tables import totals_table
from refrain.evaluation.told.vbench import vbench_totals

PROMPTS = 6
VBENCH = {  # the sixteen dimensions | total, quality, semantic
    # Show-o2, arXiv 2506.15564, its table of VBench
    "ModelScope": "89.87 95.29 98.28 95.79 66.39 52.06 58.57 "
    "82.25 38.98 92.40 81.72 33.68 39.26 23.39 25.37 25.67 | 75.75 78.05 66.54",
    "LaVie": "91.41 97.47 98.30 96.38 49.72 54.94 61.90 "
    "91.82 33.32 96.80 86.39 34.09 52.69 23.56 25.93 26.41 | 77.08 78.78 70.31",
    "OpenSoraPlan V1.3": "97.79 97.24 99.20 99.05 30.28 60.42 56.21 "
    "85.56 43.58 86.80 79.30 51.61 36.73 20.03 22.47 24.47 | 77.23 80.14 65.62",
    "Show-1": "95.53 98.02 99.12 98.24 44.44 57.35 58.66 "
    "93.07 45.47 95.60 86.35 53.50 47.03 23.06 25.28 27.46 | 78.93 80.42 72.98",
    "AnimateDiff-V2": "95.30 97.68 98.75 97.76 40.83 67.16 70.10 "
    "90.90 36.88 92.60 87.47 34.60 50.19 22.42 26.03 27.04 | 80.27 82.90 69.75",
    "Gen-2": "97.61 97.61 99.56 99.58 18.89 66.96 67.42 "
    "90.92 55.47 89.20 89.49 66.91 48.91 19.34 24.12 26.17 | 80.58 82.47 73.03",
    "Pika-1.0": "96.94 97.36 99.74 99.50 47.50 62.04 61.87 "
    "88.72 43.08 86.20 90.57 61.03 49.83 22.26 24.22 25.94 | 80.69 82.92 71.77",
    "VideoCrafter-2.0": "96.85 98.22 98.41 97.73 42.50 63.13 67.22 "
    "92.55 40.66 95.00 92.92 35.86 55.29 25.13 25.84 28.23 | 80.44 82.20 73.42",
    "CogVideoX": "96.23 96.52 98.66 96.92 70.97 61.98 62.90 "
    "85.23 62.11 99.40 82.81 66.35 53.20 24.91 25.38 27.59 | 81.61 82.75 77.04",
    "Kling": "98.33 97.60 99.30 99.40 46.94 61.21 65.62 "
    "87.24 68.05 93.40 89.90 73.03 50.86 19.62 24.17 26.42 | 81.85 83.39 75.68",
    "Step-Video-T2V": "98.05 97.67 99.40 99.08 53.06 61.23 70.63 "
    "80.56 50.55 94.00 88.25 71.47 24.38 23.17 26.01 27.12 | 81.83 84.46 71.28",
    "Gen-3": "97.10 96.62 98.61 99.23 60.14 63.34 66.82 "
    "87.81 53.64 96.40 80.90 65.09 54.57 24.31 24.71 26.69 | 82.32 84.11 75.17",
    "Show-o2": "97.28 96.78 97.68 98.25 40.83 65.15 67.06 "
    "94.81 76.01 95.20 80.89 62.61 57.67 23.29 25.27 27.00 | 81.34 82.10 78.31",
    # Lumina-Video, arXiv 2502.06782, tables 1 and 4
    "Vidu": "94.63 96.55 99.08 97.71 82.64 60.87 63.32 "
    "88.43 61.68 97.40 83.24 66.18 46.07 21.54 23.79 26.47 | 81.89 83.85 74.04",
    "Luma": "97.33 97.43 98.64 99.35 44.26 65.51 66.55 "
    "94.95 82.63 96.40 92.33 83.67 58.98 24.66 26.29 28.13 | 83.61 83.47 84.17",
    "Sora": "96.23 96.35 98.87 98.74 79.91 63.46 68.28 "
    "93.93 70.85 98.20 80.11 74.29 56.95 24.76 25.01 26.26 | 84.28 85.51 79.35",
    "OpenSora V1.2": "96.75 97.61 99.53 98.50 42.39 56.85 63.34 "
    "82.22 51.83 91.20 90.08 68.56 42.44 23.95 24.54 26.85 | 79.76 81.35 73.39",
    "Allegro": "96.33 96.74 99.00 98.82 55.00 63.74 63.60 "
    "87.51 59.92 91.40 82.77 67.15 46.72 20.53 24.23 26.36 | 81.09 83.12 72.98",
    "Pyramid Flow": "96.95 98.06 99.49 99.12 64.63 63.26 65.01 "
    "86.67 50.71 85.60 82.87 59.53 43.20 20.91 23.09 26.23 | 81.72 84.74 69.62",
    "CogVideoX 1.5": "96.87 97.35 98.88 98.31 50.93 62.79 65.02 "
    "87.47 69.65 97.20 87.55 80.25 52.91 24.89 25.19 27.30 | 82.17 82.78 79.76",
    "Vchitect 2.0": "96.83 96.66 98.57 98.98 63.89 60.41 65.35 "
    "86.61 68.84 97.20 87.04 57.55 56.57 23.73 25.01 27.57 | 82.24 83.54 77.06",
    "HunyuanVideo": "97.37 97.76 99.44 98.99 70.83 60.36 67.56 "
    "86.10 68.55 94.40 91.60 68.68 53.88 19.80 23.89 26.44 | 83.24 85.09 75.82",
    "Lumina-Video, one scale": "96.06 97.26 98.63 98.90 67.13 62.27 64.58 "
    "91.03 68.32 97.67 90.16 67.27 56.08 23.64 25.66 28.22 | 82.99 83.92 79.27",
    "Lumina-Video, several scales": "95.95 96.99 98.59 98.92 71.76 62.25 63.85 "
    "90.69 65.27 97.33 89.58 63.68 57.10 25.47 23.42 28.23 | 82.94 84.08 78.39",
}  # fmt: skip
NOT_ITS_PARTS = {"Allegro": (81.08, 83.11, 72.93), "Lumina-Video, several scales": (82.98, 84.08, 78.56)}


def printed(row: str) -> tuple[dict[str, float], tuple[float, ...]]:
    """Raw dimensions in 0..1, and total, quality and semantic in percent as printed."""
    parts, told = (tuple(map(float, some.split())) for some in VBENCH[row].split("|"))
    return {name: value / 100 for name, value in zip(vbench.DIMENSIONS, parts, strict=True)}, told


@pytest.mark.parametrize("row", VBENCH)
def test_vbench_totals_follow_from_sixteen_dimensions(row: str) -> None:
    parts, totals = printed(row)
    found = vbench.overall(parts)
    wanted = NOT_ITS_PARTS.get(row, totals)
    assert [100 * found[name] for name in ("total", "quality", "semantic")] == pytest.approx(wanted, abs=0.011)
    assert (row in NOT_ITS_PARTS) == (abs(100 * found["semantic"] - totals[2]) > 0.011)


def test_vbench_total_is_four_parts_quality_and_one_part_meaning() -> None:
    best = {name: high for name, (_, high) in (vbench.QUALITY | vbench.SEMANTIC).items()}
    assert vbench.overall(best) == pytest.approx({"quality": 1, "semantic": 1, "total": 1})
    half = vbench.overall(best | {"dynamic_degree": 0.0})
    assert half["quality"] == pytest.approx(6 / 6.5) and half["total"] == pytest.approx((4 * 6 / 6.5 + 1) / 5)
    del best["scene"]
    assert isnan(vbench.overall(best)["total"])


@pytest.fixture
def prompts(tmp_path: Path) -> Path:
    """Six prompts of every dimension; the first is of two."""
    rows = [{"prompt_en": f"{name} {n}.", "dimension": [name]} for name in vbench.DIMENSIONS for n in range(PROMPTS)]
    rows[0]["dimension"] = ["subject_consistency", "motion_smoothness"]
    (tmp_path / "VBench_full_info.json").write_text(json.dumps(rows))
    return tmp_path / "VBench_full_info.json"


def said(path: Path, row: str, leave_out: str = "") -> Path:
    """A result file whose means are a published row, with two videos a prompt, above and below the mean."""
    found: dict[str, object] = {}
    for name, mean in printed(row)[0].items():
        scale = 100 if name == "imaging_quality" else 1
        videos = [
            {"video_path": f"./mine/{name} {n}.-{k}.mp4", "video_results": scale * (mean + 0.01 * (n % 2 - 0.5))}
            for n in range(PROMPTS)
            for k in range(2)
        ]
        found[name] = [mean, videos]
    found.pop(leave_out, None)
    path.write_text(json.dumps(found))
    return path


def test_its_own_results_make_the_published_totals_with_an_interval_of_prompts(prompts: Path) -> None:
    cases = vbench.read(prompts)
    made = {one.figure: one for one in vbench_totals(said(prompts.parent / "a.json", "Gen-3"), cases)}
    for figure, wanted in (("total", 0.8232), ("quality", 0.8411), ("semantic", 0.7517), ("scene", 0.5457)):
        one = made[f"vbench.{figure}"].estimate
        assert one.mean == pytest.approx(wanted, abs=1.1e-4) and one.low < one.mean < one.high, figure
    assert made["vbench.scene"].estimate.n == PROMPTS, "two videos of a prompt are one"
    imaging = made["vbench.imaging_quality"]
    assert sum(part.value for part in imaging.parts) / PROMPTS == pytest.approx(imaging.value), "of 100, as its mean"
    assert made["vbench.total"].estimate.n == 16 * PROMPTS and made["vbench.total"].estimate.unscored == 1
    assert made["vbench.motion_smoothness"].estimate.unscored == 1, "a prompt of two dimensions with a video of one"


def test_a_total_without_a_dimension_is_none_and_says_which(prompts: Path) -> None:
    cases = vbench.read(prompts)
    found = vbench_totals(said(prompts.parent / "a.json", "Gen-3", "color"), cases)
    made = {one.figure: one for one in found}
    assert made["vbench.quality"].value == pytest.approx(0.8411, abs=1.1e-4) and "vbench.color" not in made
    assert isnan(made["vbench.total"].estimate.mean) and made["vbench.semantic"].lacks == "no result of color"
    assert "no result of color" in totals_table("VBench", "vbench", found)


@pytest.mark.parametrize("wrong", ["[]", '{"color": [0.5]}', '{"color": ["x", []]}', '{"color": [1, [{}]]}'])
def test_another_file_is_refused(prompts: Path, wrong: str) -> None:
    (prompts.parent / "a.json").write_text(wrong)
    with pytest.raises(BadInput, match="VBench"):
        vbench_totals(prompts.parent / "a.json", vbench.read(prompts))
