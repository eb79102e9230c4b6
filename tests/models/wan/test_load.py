"""A Wan folder loads exactly, in the dtype asked, or not at all, with a sentence that says why."""

import contextlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import huggingface_hub
import pytest
import torch
from huggingface_hub.errors import LocalEntryNotFoundError
from safetensors.torch import load_file, save_file

from refrain.errors import BadInput, BadWeights, Unsupported
from refrain.models.embedded.codec import LinearCodec
from refrain.models.embedded.new import new_text_encoder, new_tokenizer, new_transformer
from refrain.models.embedded.new import save as save_folder
from refrain.models.protocols import Card
from refrain.models.wan.load import CLEAN_EMBEDDING, GATES, load_wan
from tiny import KINDS, Kind, save_tiny, tiny_pipeline

WEIGHTS = "diffusion_pytorch_model.safetensors"


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny(tmp_path_factory.mktemp("wan") / "good", "wan2.2-a14b")


@pytest.fixture
def folder(saved: Path, tmp_path: Path) -> Path:
    """A copy that a test may spoil."""
    return Path(shutil.copytree(saved, tmp_path / "copy"))


def spoil(path: Path, change: Callable[[dict[str, torch.Tensor]], object]) -> None:
    """Rewrite a safetensors file after `change` has worked on its tensors."""
    tensors = {name: tensor.clone() for name, tensor in load_file(path).items()}
    change(tensors)
    save_file(tensors, path)


@pytest.mark.parametrize("kind", KINDS)
def test_what_was_saved_is_what_is_loaded(kind: Kind, tmp_path: Path):
    pipeline = tiny_pipeline(kind)
    parts = load_wan(save_tiny(tmp_path / kind, kind, shift=7.0), torch.float32, card=Card())
    names = ["transformer", *(["transformer_2"] if kind == "wan2.2-a14b" else [])]
    pairs = [(getattr(pipeline, name), net) for name, net in zip(names, parts.transformers, strict=True)]
    for theirs, ours in [*pairs, (pipeline.vae, parts.vae), (pipeline.text_encoder, parts.text_encoder)]:
        assert not ours.training
        expected, got = theirs.state_dict(), ours.state_dict()
        assert expected.keys() == got.keys()
        assert all(torch.equal(expected[name], got[name]) for name in expected)
    assert parts.boundary == (0.875 if kind == "wan2.2-a14b" else None)
    assert parts.shift == 7.0
    assert parts.clean_embeddings == tuple(net.patch_embedding for net in parts.transformers)
    assert parts.tokenizer("make it snow").input_ids == pipeline.tokenizer("make it snow").input_ids


def test_the_dtype_is_as_asked_and_delicate_layers_stay_in_float32(saved: Path):
    parts = load_wan(saved, torch.bfloat16, card=Card())
    for net in parts.transformers:
        assert net.blocks[0].attn1.to_q.weight.dtype == torch.bfloat16
        assert net.scale_shift_table.dtype == torch.float32
        assert net.condition_embedder.time_embedder.linear_1.weight.dtype == torch.float32
    assert {weight.dtype for weight in parts.vae.parameters()} == {torch.float32}
    assert parts.text_encoder.shared.weight.dtype == torch.bfloat16


def test_shards_are_read_through_their_index(folder: Path):
    whole = load_wan(folder, torch.float32, card=Card())
    for part in ("transformer", "text_encoder"):
        net = whole.transformers[0] if part == "transformer" else whole.text_encoder
        shutil.rmtree(folder / part)
        net.save_pretrained(folder / part, max_shard_size="20KB")
        assert len(list((folder / part).glob("*.safetensors"))) > 1
    parts = load_wan(folder, torch.float32, card=Card())
    expected, got = whole.transformers[0].state_dict(), parts.transformers[0].state_dict()
    assert all(torch.equal(expected[name], got[name]) for name in expected)
    shard = sorted((folder / "transformer").glob("*.safetensors"))[1]
    spoil(shard, lambda tensors: tensors.pop(next(iter(tensors))))
    with pytest.raises(BadWeights, match="lacks tensors"):
        load_wan(folder, card=Card())
    shard.unlink()
    with pytest.raises(BadWeights, match="cannot be read"):
        load_wan(folder, card=Card())


@pytest.mark.parametrize(
    ("part", "file"), [("transformer_2", WEIGHTS), ("vae", WEIGHTS), ("text_encoder", "model.safetensors")]
)
def test_a_missing_an_extra_and_a_misshapen_tensor_are_named(folder: Path, part: str, file: str):
    path = folder / part / file
    good = path.read_bytes()
    name = sorted(load_file(path))[0]

    spoil(path, lambda tensors: tensors.pop(name))
    with pytest.raises(BadWeights, match=f"{part} lacks tensors .1: {name}") as refused:
        load_wan(folder, card=Card())
    assert "\n" not in str(refused.value)

    path.write_bytes(good)
    spoil(path, lambda tensors: tensors.update({f"stray.{i}": torch.zeros(1) for i in range(5)}))
    with pytest.raises(BadWeights, match=r"holds unknown tensors \(5: stray.0, stray.1, stray.2, \.\.\.\)"):
        load_wan(folder, card=Card())

    path.write_bytes(good)
    spoil(path, lambda tensors: tensors.update({name: torch.zeros(1, 2, 3)}))
    with pytest.raises(BadWeights, match=f"wrongly shaped tensors .1: {name} .1, 2, 3. for"):
        load_wan(folder, card=Card())


@pytest.mark.parametrize("place", ["", "transformer", "text_encoder"])
@pytest.mark.parametrize("name", ["pytorch_model.bin", "models_t5_umt5-xxl-enc-bf16.pth"])
def test_a_pickle_is_never_read(folder: Path, place: str, name: str):
    (folder / place / name).write_bytes(b"\x80\x04N.")
    with pytest.raises(BadWeights, match=r"pickle.*-Diffusers"):
        load_wan(folder, card=Card())


def test_an_original_repository_is_pointed_to_its_diffusers_twin(tmp_path: Path):
    (tmp_path / "Wan2.1_VAE.pth").write_bytes(b"")
    with pytest.raises(BadWeights, match="-Diffusers"):
        load_wan(tmp_path)


def test_editing_needs_a_card_and_reads_it(folder: Path):
    with pytest.raises(BadWeights, match=r"no refrain\.json"):
        load_wan(folder)
    card = Card(rule="block_causal", coarse=(1, 2, 2), context_words="empty")
    card.save(folder)
    assert load_wan(folder).card == card
    assert load_wan(folder, card=Card()).card == Card()


def test_a_patch_embedding_of_their_own_for_clean_tokens(folder: Path):
    Card(clean_embedding=True).save(folder)
    with pytest.raises(BadWeights, match=CLEAN_EMBEDDING):
        load_wan(folder)
    for i, part in enumerate(("transformer", "transformer_2")):
        tensors = {k[16:]: v + 1 + i for k, v in load_file(folder / part / WEIGHTS).items() if "patch_embedding" in k}
        save_file(tensors, folder / part / CLEAN_EMBEDDING)
    parts = load_wan(folder, torch.float32)
    for i, (own, net) in enumerate(zip(parts.clean_embeddings, parts.transformers)):
        torch.testing.assert_close(own.weight, net.patch_embedding.weight + 1 + i)
    save_file({"weight": torch.zeros(3)}, folder / "transformer" / CLEAN_EMBEDDING)
    with pytest.raises(BadWeights, match="does not fit"):
        load_wan(folder)


def test_the_embedded_model_is_a_folder_like_any_other(tmp_path: Path):
    """Its codec is linear, its target carries more channels than its clean tokens."""
    vocabulary = ("make", "it", "snow")
    net, clean = new_transformer(channels=8, text=64, width=64, layers=1)
    parts = {
        "transformer": net,
        "clean_embedding": clean,
        "text_encoder": new_text_encoder(len(vocabulary), width=64),
        "tokenizer": new_tokenizer(vocabulary),
        "vae": LinearCodec(8),
    }
    card = Card(clean_embedding=True, shows_base=True, shows_place=True, prediction="change", context_words="none")
    save_folder(tmp_path, parts, card, torch.float32)
    loaded = load_wan(tmp_path, torch.float32)
    assert loaded.card == card
    torch.testing.assert_close(loaded.clean_embeddings[0].weight, clean.weight)
    assert isinstance(loaded.vae, LinearCodec)
    assert loaded.tokenizer("Make it SNOW!").input_ids == [3, 4, 5, 1]


def edit_json(path: Path, **changes: object) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def test_other_pipelines_are_refused(folder: Path):
    edit_json(folder / "model_index.json", transformer=["diffusers", "WanVACETransformer3DModel"])
    with pytest.raises(Unsupported, match="WanVACETransformer3DModel as its transformer"):
        load_wan(folder, card=Card())


def test_two_experts_need_their_boundary(folder: Path):
    edit_json(folder / "model_index.json", boundary_ratio=None)
    with pytest.raises(BadWeights, match="boundary_ratio"):
        load_wan(folder, card=Card())


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("model_index.json", "{"),
        ("model_index.json", "[]"),
        ("transformer/config.json", "\xff not json"),
        ("scheduler/scheduler_config.json", '{"flow_shift": -1}'),
        ("scheduler/scheduler_config.json", '{"flow_shift": "many"}'),
        ("tokenizer/tokenizer.json", "{}"),
        (f"vae/{WEIGHTS}", "no header"),
    ],
)
def test_a_broken_file_is_one_sentence(folder: Path, file: str, content: str):
    (folder / file).write_bytes(content.encode("latin-1"))
    with pytest.raises(BadWeights) as refused:
        load_wan(folder, card=Card())
    assert str(refused.value).count("\n") == 0


@pytest.mark.parametrize("file", ["model_index.json", "vae/config.json", f"vae/{WEIGHTS}", "tokenizer"])
def test_a_missing_file_is_one_sentence(folder: Path, file: str):
    path = folder / file
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    with pytest.raises(BadWeights) as refused:
        load_wan(folder, card=Card())
    assert str(refused.value).count("\n") == 0


def test_an_index_cannot_lead_out_of_its_folder(folder: Path):
    (folder / "vae" / WEIGHTS).rename(folder / WEIGHTS)
    edit = {"weight_map": {"encoder.conv_in.weight": f"../{WEIGHTS}"}}
    (folder / "vae" / f"{WEIGHTS}.index.json").write_text(json.dumps(edit))
    with pytest.raises(BadWeights, match="no files beside it"):
        load_wan(folder, card=Card())


def test_code_in_a_folder_is_never_run(folder: Path):
    witness = folder / "ran"
    (folder / "tokenizer" / "evil.py").write_text(f"open({str(witness)!r}, 'w')\nclass Evil: pass\n")
    edit_json(
        folder / "tokenizer" / "tokenizer_config.json",
        tokenizer_class="Evil",
        auto_map={"AutoTokenizer": ["evil.Evil", "evil.Evil"]},
    )
    with contextlib.suppress(BadWeights):
        load_wan(folder, card=Card())
    assert not witness.exists()


# -- the hub -----------------------------------------------------------------------------------------------------------


def test_a_path_that_is_no_folder_is_told_so(tmp_path: Path):
    with pytest.raises(BadInput, match="no folder"):
        load_wan(tmp_path / "nowhere" / "at" / "all")
    (tmp_path / "one.safetensors").write_bytes(b"")
    with pytest.raises(BadWeights, match="single file"):
        load_wan(tmp_path / "one.safetensors")


def test_a_hub_id_is_downloaded_without_pickles(saved: Path, monkeypatch: pytest.MonkeyPatch):
    asked: dict[str, object] = {}

    def download(repository: str, **how: object) -> str:
        asked.update(how, repository=repository)
        return str(saved)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    assert load_wan("someone/Tiny-Wan-Diffusers", card=Card()).folder == saved
    assert asked["repository"] == "someone/Tiny-Wan-Diffusers"
    assert asked["local_files_only"] is True
    patterns = asked["allow_patterns"]
    assert isinstance(patterns, list)
    for file, wanted in {
        "model_index.json": True,
        "refrain.json": True,
        "transformer_2/diffusion_pytorch_model-00001-of-00002.safetensors": True,
        "tokenizer/spiece.model": True,
        "models_t5_umt5-xxl-enc-bf16.pth": False,
        "wan.safetensors": False,
        "text_encoder/pytorch_model.bin": False,
        "assets/demo.mp4": False,
    }.items():
        assert bool(list(huggingface_hub.utils.filter_repo_objects([file], allow_patterns=patterns))) == wanted, file


@pytest.mark.parametrize(("offline", "said"), [(False, "Cannot find.*connection"), (True, "HF_HUB_OFFLINE")])
def test_a_hub_failure_is_one_sentence(monkeypatch: pytest.MonkeyPatch, offline: bool, said: str):
    def fail(*_: object, **__: object) -> str:
        raise LocalEntryNotFoundError("Cannot find an appropriate cached snapshot folder.\nPlease look\nhere.")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", fail)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", offline)
    with pytest.raises(BadWeights, match=said) as refused:
        load_wan("someone/Nothing-Diffusers")
    assert str(refused.value).count("\n") == 0


@pytest.mark.parametrize("numbers", [1, 2])
def test_gates_lie_beside_the_weights(folder: Path, numbers: int):
    held = {
        f"{n}.{name}": torch.randn(shape)
        for n in (0, 1)
        for name, shape in (("weight", (numbers, 24)), ("bias", numbers))
    }
    save_file(held, folder / "transformer" / GATES)
    first, second = load_wan(folder, torch.float32, card=Card()).gates
    assert second is None and first is not None
    assert all(torch.equal(first.state_dict()[name], held[name]) for name in held)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda held: held.pop("1.bias"), "does not fit the transformer"),
        (lambda held: held.update({"2.weight": torch.zeros(1, 24)}), "does not fit the transformer"),
        (lambda held: held.clear() or held.update(x=torch.zeros(1)), "does not fit the transformer"),
        (lambda held: held.update({"0.weight": torch.zeros(3, 24)}), "a gate has 1, or one for each of 2 heads"),
    ],
)
def test_gates_that_do_not_fit_are_refused(
    folder: Path, change: Callable[[dict[str, torch.Tensor]], object], words: str
):
    held = {f"{n}.{name}": torch.zeros(shape) for n in (0, 1) for name, shape in (("weight", (1, 24)), ("bias", 1))}
    change(held)
    save_file(held, folder / "transformer" / GATES)
    with pytest.raises(BadWeights, match=words):
        load_wan(folder, torch.float32, card=Card())
