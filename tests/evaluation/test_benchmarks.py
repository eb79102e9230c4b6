"""Every benchmark becomes cases from its published form; what is not in that form is refused, with its place."""

import json
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refrain.errors import BadInput
from refrain.evaluation.benchmarks import (
    BENCHMARKS,
    editverse,
    fivebench,
    gedit,
    iceffect,
    imgedit,
    ivebench,
    loveu,
    magicbrush,
    msebench,
    openve,
    vbench,
    viebench,
)
from refrain.evaluation.case import Case


def write(path: Path, said: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(said if isinstance(said, str) else json.dumps(said, ensure_ascii=False), encoding="utf-8")
    return path


# the published files, where they are


def test_imgedit_as_published(material: Path) -> None:
    cases = imgedit.read(material / "bench" / "imgedit_basic_edit.json")
    assert Counter(case.category for case in cases) == {
        "extract": 117, "style": 100, "add": 95, "adjust": 94, "background": 94, "replace": 92, "remove": 86,
        "action": 36, "compose": 23,
    }  # fmt: skip
    first = cases[0]
    assert first.id == "1082" and first.source and first.source.name == "000342021.jpg" and first.absent
    assert imgedit.BENCHMARK.answer(first, 1) == "1082.png"
    hard = imgedit.read(material / "bench" / "imgedit_UGE_edit.json")
    assert len(hard) == 47 and {case.category for case in hard} == {"uge"}


def test_vbench_as_published(material: Path) -> None:
    cases = vbench.read(material / "bench" / "vbench_VBench_full_info.json")
    assert len(cases) == 946 and all(case.source is None for case in cases)
    told = Counter(name for case in cases for name in case.extra["dimensions"])
    assert (told["human_action"], told["motion_smoothness"], len(told)) == (100, 72, 16)


def test_loveu_as_published(material: Path) -> None:
    folder = material / "bench" / "loveu_tgve_2023"
    cases, worded = loveu.read(folder), loveu.read_with(
        folder, material / "bench" / "instruct-video-to-video_loveu_tgve_edit_prompt_dict.json"
    )  # fmt: skip
    assert len(cases) == len(worded) == 304 and Counter(case.category for case in cases)["style"] == 76
    one = next(case for case in worded if case.id == "bmx-rider multiple")
    assert one.captions == ("A person does a trick on a skateboard at a beach skate park, vintage style.",)
    assert one.instructions[0].startswith("change bike to skateboard") and one.extra["num_frames"] == 32
    said = loveu.settings(folder / "DAVIS_480p" / "bmx-rider.yaml")
    assert said["trainable_modules"] == ["attn1.to_q", "attn2.to_q", "attn_temp"]
    assert (said["learning_rate"], said["validation_data"]["guidance_scale"]) == ("3.0e-05", "12.5")


def test_msebench_as_published(material: Path) -> None:
    (one,) = msebench.read(material / "bench" / "msebench_example.json")
    assert len(one.instructions) == len(one.captions) == 5 and one.extra["operation"][0] == "object_replace"
    sessions = msebench.read(material / "msebench_mini")
    assert [case.id for case in sessions] == ["0", "1", "2"] and not any(case.absent for case in sessions)
    assert msebench.BENCHMARK.answer(sessions[1], 5) == "1_turn4_rep0_seed1.png"


# small files of the same forms

EDITVERSE = {
    "0": {
        "<text>": "Add the hat of <image1> in <video1>", "<video1>": "videos/a.mp4", "<image1>": "images/hat.png",
        "<video1> link": "https://example.org/1", "direction": "vertical", "target_prompt": "a man in a hat",
        "source_prompt": "a man", "type": "reference insertion",
    },
}  # fmt: skip
IVE = [
    {
        "id": 7, "src_video_name": "a.mp4", "category": "quantity_modification", "subcategory": "remove",
        "source_prompt": "two cats", "edit_prompt": "remove one cat", "target_prompt": "one cat",
        "target_phrase": "one cat",
    },
]  # fmt: skip
VIE = [{"id": "1", "task": "reference swap", "video": "a.mp4", "instruction": "swap", "reference": "r.png"}]
MSE = [{"image": "a.png", "context": ["a", "b", "c", "d", "e"], "index": 4}]
BRUSH = {
    "242": [
        {"input": "242-input.png", "mask": "242-mask1.png", "output": "242-output1.png", "instruction": "a cat"},
        {"input": "242-output1.png", "mask": "242-mask2.png", "output": "242-output2.png", "instruction": "a dog"},
    ],
}  # fmt: skip
OPENVE = 'original_video,edited_type,prompt\n0083_local_change_x.mp4,local_change,"make it ""red"", please"\n'
FIVE = [
    {
        "video_name": "0001_bus", "save_dir": "0001_bus/1", "editing_type_id": 1, "source_prompt": "a [bus]",
        "target_prompt": "a [red truck]", "multiple_choice_question": "What? a) bus b) truck",
    },
]  # fmt: skip
IMGEDIT = {"1": {"id": "x.jpg", "turn1": "green from now on", "turn2": "a fruit", "turn3": "a plate"}}
GEDIT = [
    {"task_type": "subject-add", "key": "ab12", "instruction": "加一只猫", "instruction_language": "cn",
     "Intersection_exist": True},
]  # fmt: skip
LOVEU = """output_dir: ./outputs/a
train_data:
  video_path: ./data/a
  prompt: 'A bird''s nest. '
  num_frames: 32
  height: 480
  width: 480
validation_data:
  prompts:
    style: A nest,
      grayscale.
    object: A stone.
    background: A nest: here.
    multiple: A stone, red.
  width: 480
modules:
- attn1.to_q
seed: 33
"""
VBENCH = [{"prompt_en": "a cat", "dimension": ["object_class"], "auxiliary_info": {"object_class": "cat"}}]
ICEFFECT = [{"id": "1", "set": "vfx", "effect": "flame", "video": "a.mp4", "instruction": "burn"}]
RENDERED = '{"id": "snow-0", "effect": "snow", "instruction": "make it snow", "digest": "0"}\n'
SMALL: dict[str, tuple[str, Any]] = {
    "editverse": ("test.json", EDITVERSE), "ivebench": ("ive.json", IVE), "viebench": ("vie.json", VIE),
    "msebench": ("sessions.json", MSE), "magicbrush": ("edit_sessions.json", BRUSH),
    "openve": ("benchmark_videos.csv", OPENVE), "fivebench": ("edit_prompt/edit1_FiVE.json", FIVE),
    "imgedit": ("multiturn.json", IMGEDIT), "gedit": ("gedit.json", GEDIT),
    "loveu": ("a.yaml", LOVEU.replace(": here", " here")),
    "vbench": ("VBench_full_info.json", VBENCH), "iceffect": ("effects.json", ICEFFECT),
    "rendered": ("questions.jsonl", RENDERED),
}  # fmt: skip
READ: dict[str, Callable[[Path], tuple[Case, ...]]] = {one.id: one.read for one in BENCHMARKS}


def small(folder: Path, name: str, change: Callable[[Any], Any] = lambda said: said) -> tuple[Case, ...]:
    file, said = SMALL[name]
    return READ[name](write(folder / file, change(said if isinstance(said, str) else json.loads(json.dumps(said)))))


def test_every_benchmark_is_told_whole() -> None:
    assert {one.id for one in BENCHMARKS} == set(SMALL) and len(BENCHMARKS) == 13
    for one in BENCHMARKS:
        assert one.obtain and one.licence and one.source and one.protocol("strict") == f"{one.id}/strict"


@pytest.mark.parametrize("name", SMALL)
def test_a_case_stays_in_its_folder_and_says_what_is_absent(tmp_path: Path, name: str) -> None:
    for case in small(tmp_path, name):
        assert all(path.is_relative_to(tmp_path) for path in case.files) and case.absent == case.files
        bench = next(one for one in BENCHMARKS if one.id == name)
        assert bench.answer(case, 1) and hash(case.id) and case.parent


def test_the_forms_become_what_they_say(tmp_path: Path) -> None:
    (verse,) = small(tmp_path, "editverse")
    assert verse.references == (tmp_path / "images" / "hat.png",) and verse.extra["<video1> link"].startswith("https")
    (five,) = small(tmp_path, "fivebench")
    assert five.instructions == ("a red truck",) and five.source == tmp_path / "videos" / "0001_bus.mp4"
    assert five.parent == "0001_bus" and fivebench.BENCHMARK.answer(five, 1) == "0001_bus/1"
    (brush,) = small(tmp_path, "magicbrush")
    assert len(brush.masks) == len(brush.truth) == 2 and brush.category == "2 turns" and brush.captions == ()
    assert [magicbrush.BENCHMARK.answer(brush, n) for n in (1, 2)] == ["242/242_1.png", "242/242_iter_2.png"]
    (verb,) = small(tmp_path, "openve")
    assert verb.instructions == ('make it "red", please',) and verb.source and verb.source.parent.name == "videos"
    (session,) = small(tmp_path, "imgedit")
    assert len(session.instructions) == 3 and session.category == "session"
    (asked,) = small(tmp_path, "gedit")
    assert gedit.BENCHMARK.answer(asked, 1) == "fullset/subject-add/cn/ab12.png"
    style, *_ = small(tmp_path, "loveu")
    assert style.captions == ("A nest, grayscale.",) and style.extra["source_prompt"] == "A bird's nest."
    assert small(tmp_path, "iceffect")[0].category == "flame" and small(tmp_path, "viebench")[0].references
    (drawn,) = small(tmp_path, "rendered")
    assert drawn.files == tuple(tmp_path / name for name in ("source/snow-0.mp4", "matte/snow-0", "truth/snow-0.mp4"))
    assert drawn.category == drawn.extra["effect"] == "snow" and drawn.extra["digest"] == "0"
    assert small(tmp_path, "ivebench")[0].extra["target_phrase"] == "one cat"


def test_captions_of_magicbrush_are_found_beside_it(tmp_path: Path) -> None:
    told = {"242": {"242-output1.png": "one", "242-output2.png": "two"}}
    write(tmp_path / "global_captions.json", told)
    assert small(tmp_path, "magicbrush")[0].captions == ("one", "two")


def changed(name: str, value: Any) -> Callable[[Any], Any]:
    """A form of which one field of the first entry is another, or gone where value is None."""

    def change(said: Any) -> Any:
        entry = next(iter(said.values())) if isinstance(said, dict) else said[0]
        entry = entry[0] if isinstance(entry, list) else entry
        if value is None:
            del entry[name]
        else:
            entry[name] = value
        return said

    return change


@pytest.mark.parametrize(
    ("name", "change", "told"),
    [
        ("editverse", changed("<video1>", None), r"test.json, entry 0 has no <video1>"),
        ("editverse", changed("<text>", "like <image3>"), r"speaks of <image3>"),
        ("editverse", changed("<video1>", "../a.mp4"), r"'../a.mp4' is no file below"),
        ("editverse", changed("direction", "diagonal"), r"its direction is 'diagonal'"),
        ("ivebench", changed("edit_prompt", " "), r"ive.json, entry 1: its edit_prompt is ' '"),
        ("viebench", changed("task", "paint"), r"its task is 'paint', not one of object swap"),
        ("viebench", changed("reference", None), r"has no reference"),
        ("msebench", changed("context", ["a"]), r"its context has 1 instructions, not 5"),
        ("msebench", changed("operation", ["a"]), r"its operation has not 5 texts"),
        ("magicbrush", changed("output", "other.png"), r"entry 242 turn 2 begins with 242-output1.png"),
        ("magicbrush", lambda said: {"242": []}, r"entry 242 has no list of turns"),
        ("magicbrush", lambda said: {"../x": said["242"]}, r"'../x' is no file below"),
        ("openve", lambda said: said.replace("local_change,", "local,"), r"entry 1: its edited_type is 'local'"),
        ("openve", lambda said: said.splitlines()[0], r"holds no cases"),
        ("openve", lambda said: said + said.splitlines()[1], r"has the case 0083_local_change_x twice"),
        ("fivebench", changed("editing_type_id", 7), r"editing_type_id is 7, not a whole number from 1 to 6"),
        ("imgedit", changed("turn2", None), r"has turn3 without the turns before it"),
        ("gedit", changed("instruction_language", "zh"), r"is 'zh', not one of en, cn"),
        ("gedit", changed("Intersection_exist", "yes"), r"true or false"),
        ("vbench", changed("dimension", ["beauty"]), r"its dimension is \['beauty'\]"),
        ("iceffect", changed("set", "fx"), r"common or vfx"),
        ("rendered", lambda said: said.replace("effect", "affect"), r"questions.jsonl, entry 1 has no effect"),
        ("rendered", lambda said: said.replace("snow-0", "../a"), r"'../a.mp4' is no file below"),
        ("rendered", lambda said: 2 * said, r"has the case snow-0 twice"),
        ("rendered", lambda said: said + "\n\n{", r"questions.jsonl line 4 is not readable"),
        ("loveu", lambda said: said.replace("    object: A stone.\n", ""), r"prompts has no object"),
        ("loveu", lambda said: said.replace("A stone.", "&a stone"), r"a.yaml line 12: '&a stone' is no plain value"),
        ("loveu", lambda said: said.replace("A stone.", "[a, b]"), r"line 12: .* no plain value"),
        ("loveu", lambda said: said.replace("A stone.", "!!python/object x"), r"line 12: .* no plain value"),
        ("loveu", lambda said: said.replace("seed: 33", "seed 33"), r"a.yaml line 18 is neither"),
        ("loveu", lambda said: said + "seed: 34\n", r"line 19: seed stands twice"),
        ("loveu", lambda said: said.replace("  prompt:", "   prompt:"), r"line 4"),
        ("loveu", lambda said: said.replace("nest. '", "nest. "), r"quotes do not close"),
        ("loveu", lambda said: said.replace("480\n", "many\n"), r"its height is 'many', not a whole number"),
    ],
)
def test_what_is_no_such_file_is_refused_with_its_place(
    tmp_path: Path, name: str, change: Callable[[Any], Any], told: str
) -> None:
    with pytest.raises(BadInput, match=told):
        small(tmp_path, name, change)


def test_broken_json_tells_its_line_and_a_key_twice_is_no_quiet_loss(tmp_path: Path) -> None:
    for said, told in (
        ('{"1": {"id": "a",\n "prompt": }}', "line 2 is not readable JSON"),
        ('{"1": {"id": "a"}, "1": {"id": "b"}}', "has the key 1 twice"),
        ('{"1": 5}', "entry 1 is no JSON object"),
        ("5", "neither a list nor an object"),
        ("{}", "holds no cases"),
        ("[" * 100_000, "nested too deep|not readable JSON"),
    ):
        with pytest.raises(BadInput, match=told):
            imgedit.read(write(tmp_path / "x.json", said))
    (tmp_path / "x.json").write_bytes(b"\xff\xfe{}")
    with pytest.raises(BadInput, match="not UTF-8"):
        imgedit.read(tmp_path / "x.json")
    for read in (
        editverse.read,
        ivebench.read,
        msebench.read,
        openve.read,
        magicbrush.read,
        vbench.read,
        iceffect.read,
    ):
        with pytest.raises(BadInput, match="is not there"):
            read(tmp_path / "none.json")


def test_a_value_with_a_colon_is_refused_as_yaml_itself_would(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="line 13: 'A nest: here.' is no plain value"):
        loveu.read(write(tmp_path / "a.yaml", LOVEU))


@given(st.text(alphabet="ab:-' \n&[]{}#|>", max_size=60))
def test_settings_are_read_or_refused_and_nothing_else(said: str) -> None:
    with TemporaryDirectory() as folder, suppress(BadInput):
        found = loveu.settings(write(Path(folder) / "a.yaml", said))
        assert all(word in said for word in " ".join(found).split())


def test_two_words_for_one_clip_must_both_be_there(tmp_path: Path) -> None:
    folder = write(tmp_path / "loveu" / "a.yaml", SMALL["loveu"][1]).parent
    words = write(tmp_path / "words.json", {"b": {}})
    with pytest.raises(BadInput, match="has no entry a"):
        loveu.read_with(folder, words)
    write(words, {"a": {f"edit_{kind}": f"do {kind}" for kind in loveu.KINDS}})
    assert [case.instructions[0] for case in loveu.read_with(folder, words)][2] == "do background"


def test_the_tasks_of_viebench_are_those_of_the_paper() -> None:
    assert sum(viebench.TASKS.values()) == 140


def test_a_case_that_asks_for_nothing_is_refused() -> None:
    with pytest.raises(BadInput, match="asks for nothing"):
        Case("1", None, (), "x", "1")


def test_the_answer_to_a_clip_of_ivebench_is_a_folder_of_its_name() -> None:
    assert ivebench.BENCHMARK.answer(Case("1", None, ("a",), "x", "clip.mp4"), 1) == "clip"
