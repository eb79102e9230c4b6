"""A subject by words, with tiny models of random weights: what is loaded, tracked, kept in memory and refused."""

import json
from pathlib import Path

import pytest
import torch
from torch import Tensor
from transformers import (
    BertConfig,
    BertTokenizer,
    GroundingDinoConfig,
    GroundingDinoForObjectDetection,
    Sam2HieraDetConfig,
    Sam2VideoConfig,
    Sam2VideoMaskDecoderConfig,
    Sam2VideoModel,
    Sam2VideoPromptEncoderConfig,
    Sam2VisionConfig,
    SwinConfig,
)
from transformers.models.sam2_video.modeling_sam2_video import Sam2VideoInferenceSession

from refrain.errors import BadInput, BadWeights, Unsupported
from refrain.models import segment

LENGTH, ROWS, COLUMNS = 6, 24, 40
SIDE = 64


@pytest.fixture(scope="module")
def detector(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("detector")
    torch.manual_seed(0)
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", ".", "the", "dog", "cat"]
    BertTokenizer(vocab={word: n for n, word in enumerate(words)}).save_pretrained(folder)
    swin = SwinConfig(
        image_size=64, patch_size=4, embed_dim=8, depths=[1, 1, 1, 1], num_heads=[1, 1, 1, 1], window_size=2,
        **{"out_indices": [2, 3, 4]},
    )  # fmt: skip
    bert = BertConfig(
        vocab_size=len(words), hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16
    )
    config = GroundingDinoConfig(
        backbone_config=swin, text_config=bert, num_queries=6, d_model=32, encoder_layers=1, decoder_layers=2,
        encoder_attention_heads=2, decoder_attention_heads=2, encoder_ffn_dim=16, decoder_ffn_dim=16,
        max_text_len=16, disable_custom_kernels=True,
    )  # fmt: skip
    GroundingDinoForObjectDetection(config).save_pretrained(folder)
    size = {"shortest_edge": 64, "longest_edge": 96}
    (folder / "preprocessor_config.json").write_text(json.dumps({"image_mean": [0.5] * 3, "size": size}))
    return folder


@pytest.fixture(scope="module")
def segmenter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("segmenter")
    torch.manual_seed(0)
    hiera = Sam2HieraDetConfig(
        hidden_size=8, image_size=[SIDE, SIDE], blocks_per_stage=[1, 1, 1, 1], embed_dim_per_stage=[8, 16, 32, 64],
        num_attention_heads_per_stage=[1, 1, 1, 1], window_size_per_stage=[4, 2, 2, 2], global_attention_blocks=[],
    )  # fmt: skip
    vision = Sam2VisionConfig(
        backbone_config=hiera, backbone_channel_list=[64, 32, 16, 8], fpn_hidden_size=128,
        backbone_feature_sizes=[[16, 16], [8, 8], [4, 4]],
    )  # fmt: skip
    config = Sam2VideoConfig(
        vision_config=vision,
        prompt_encoder_config=Sam2VideoPromptEncoderConfig(hidden_size=128, image_size=SIDE),
        mask_decoder_config=Sam2VideoMaskDecoderConfig(
            hidden_size=128, mlp_dim=16, num_attention_heads=2, iou_head_hidden_dim=16
        ),
        image_size=SIDE, num_maskmem=3, max_object_pointers_in_encoder=2, memory_attention_hidden_size=128,
        memory_attention_num_layers=1, memory_attention_feed_forward_hidden_size=16, memory_encoder_hidden_size=128,
        memory_encoder_output_channels=64, memory_attention_rope_feat_sizes=[4, 4], mask_downsampler_embed_dim=128,
        memory_fuser_num_layers=1, memory_fuser_embed_dim=128, memory_fuser_intermediate_dim=16,
    )  # fmt: skip
    Sam2VideoModel(config).save_pretrained(folder)
    return folder


def clip(start: int, stop: int) -> Tensor:
    whole = torch.rand(LENGTH, 3, ROWS, COLUMNS, generator=torch.Generator().manual_seed(1)) * 2 - 1
    return whole[start:stop]


def test_words_become_masks_of_every_frame(detector: Path, segmenter: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segment, "SURE", 0.0)  # random weights are sure of nothing
    heard: list[tuple[int, int]] = []
    found = segment.find("The dog", clip, LENGTH, detector, segmenter, say=lambda done, of: heard.append((done, of)))
    masks = found.masks(1, LENGTH, (ROWS, COLUMNS))
    assert masks.shape == (LENGTH - 1, ROWS, COLUMNS) and masks.dtype == torch.float32
    assert float(masks.min()) >= 0 and float(masks.max()) <= 1 and heard[-1] == (LENGTH, LENGTH)
    assert 0 < found.held <= LENGTH and 0 < found.area <= 1 and 0 <= found.at < LENGTH and found.things >= 1
    assert torch.equal(found.masks(3, 4, (ROWS, COLUMNS))[0], masks[2])


def test_what_is_not_seen_is_said_with_its_score(
    detector: Path, segmenter: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(segment, "SURE", 1.1)
    with pytest.raises(BadInput, match=r"Nothing like 'the cat' .* best score is [01]\.\d\d"):
        segment.find("the cat", clip, LENGTH, detector, segmenter)


def test_tracking_in_a_stream_is_tracking_the_whole(segmenter: Path) -> None:
    """Frames and memories that are let go would not have been asked for: transformers' own loop says the same."""
    model = segment.loaded(Sam2VideoModel, segmenter, "cpu")
    looks, box = segment._Looks.of(segmenter), torch.tensor([[0.2, 0.3, 0.7, 0.9]])
    ours = torch.stack(list(segment._tracked(model, looks, clip, range(LENGTH), box)))
    session = Sam2VideoInferenceSession(video=looks.normal(clip(0, LENGTH), (SIDE, SIDE)), dtype=torch.float32)
    corners = box.reshape(1, 1, 2, 2) * SIDE
    given = {"point_coords": corners, "point_labels": torch.tensor([[[2, 3]]], dtype=torch.int32)}
    session.add_point_inputs(session.obj_id_to_idx(0), 0, given)
    session.obj_with_new_inputs = [0]
    model(session, frame_idx=0)
    for out in model.propagate_in_video_iterator(session, start_frame_idx=0):
        seen = float(out.object_score_logits) > 0
        theirs = out.pred_masks[0, 0] if seen else out.pred_masks[0, 0].clamp(max=-10)
        assert torch.allclose(ours[out.frame_idx].float(), theirs.clamp(-30, 30), atol=0.02)


def test_boxes_of_one_thing_count_once() -> None:
    boxes = torch.tensor([[0.0, 0.0, 0.4, 0.4], [0.02, 0.0, 0.4, 0.4], [0.6, 0.6, 0.9, 0.9], [0.5, 0.0, 0.9, 0.4]])
    assert segment.several(boxes, torch.tensor([0.8, 0.9, 0.7, 0.35])) == [1, 2], "the last is much less sure"


def test_what_cannot_be_used_is_refused(detector: Path, segmenter: Path, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="Say what the subject is"):
        segment.find(" . ", clip, LENGTH, detector, segmenter)
    with pytest.raises(Unsupported, match="'sam2_video', not 'grounding-dino'"):
        segment.find("the dog", clip, LENGTH, segmenter, segmenter)
    with pytest.raises(BadWeights, match="--detector a folder"):
        segment.find("the dog", clip, LENGTH, tmp_path / "nothing", segmenter)
    for kind, error, said in (("sam3_video", Unsupported, "SAM 3"), ("sam2_video", BadWeights, "no whole safetensors")):
        (tmp_path / "config.json").write_text(json.dumps({"model_type": kind}))
        (tmp_path / "pytorch_model.bin").write_bytes(b"a pickle")
        with pytest.raises(error, match=said):
            segment.loaded(Sam2VideoModel, segment._folder(tmp_path, "sam2_video", "--segmenter"), "cpu")
