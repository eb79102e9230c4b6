"""The subject of a clip by words: Grounding DINO (arXiv 2303.05499) finds boxes for a phrase on a few frames, and SAM 2
(arXiv 2408.00714) tracks what is in them through the clip.

Weights are folders or hub ids in transformers' layout, safetensors only; no code of theirs is run. Frames are resized
and normalised here, by the numbers of the folder's own processor, because transformers' processors of video need
torchvision. SAM 3, which finds and tracks in one, is refused: transformers' own needs torchvision, and runs a kernel
that it fetches from the hub.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import huggingface_hub
import torch
from huggingface_hub.errors import EntryNotFoundError, HfHubHTTPError, HFValidationError
from torch import Tensor
from torch.nn import functional
from transformers import AutoTokenizer, GroundingDinoForObjectDetection, Sam2VideoModel
from transformers.models.sam2_video.modeling_sam2_video import Sam2VideoInferenceSession

from refrain.errors import BadInput, BadWeights, Unsupported
from refrain.models.seeing.folder import FILES, loaded, read_json

LOOKS = 5  # frames on which the words are looked for, evenly through the clip
SURE = 0.3  # a box with a lower score is not believed
BESIDE = 0.7  # other boxes of the same frame count that reach this share of the best score: several of one kind
MOST = 8  # things that are tracked at once

Frames = Callable[[int, int], Tensor]
"""Frames start .. stop of a clip -> [n, 3, Y, X] in [-1, 1]; asked for one at a time."""


@dataclass(frozen=True, eq=False)
class Found:
    """What the words named, in every frame.

    logits: float16 [T, y, x] at the segmenter's size, above 0 where it is; as small as this, long clips fit in memory.
    score:  the detector's, 0 to 1, of the surest box. things: how many are tracked. at: the frame where tracking began.
    held:   the number of frames in which it is seen. area: its mean share of those frames.
    """

    logits: Tensor
    score: float
    things: int
    at: int
    held: int
    area: float

    def masks(self, start: int, stop: int, size: tuple[int, int]) -> Tensor:
        """How much of every pixel it covers in frames start .. stop, at (rows, columns): float32 [n, Y, X] in 0..1."""
        part = self.logits[start:stop, None].float()  # [n, 1, y, x]
        return functional.interpolate(part, size=size, mode="bilinear", align_corners=False).sigmoid()[:, 0]


def find(
    words: str,
    frames: Frames,
    length: int,
    detector: str | Path,
    segmenter: str | Path,
    device: str | torch.device = "cpu",
    say: Callable[[int, int], None] = lambda done, of: None,
) -> Found:
    """Find what the words name in a clip of `length` frames. `say` hears how many frames are tracked, of how many.

    Raises BadInput where nothing is found, Unsupported for other models, BadWeights for folders that are not whole.
    """
    phrase = " ".join(words.lower().replace(".", " ").split())
    if not phrase:
        raise BadInput("Say what the subject is, such as --subject 'the dog'.")
    home = [_folder(detector, "grounding-dino", "--detector"), _folder(segmenter, "sam2_video", "--segmenter")]
    at, boxes, scores = _detected(phrase, frames, length, home[0], device)
    if scores[0] < SURE:
        raise BadInput(
            f"Nothing like {words!r} is seen in the clip (the best score is {float(scores[0]):.2f}, and {SURE} is "
            "needed); say it in other words, or give --mask."
        )
    logits = _through(loaded(Sam2VideoModel, home[1], device), frames, length, at, boxes, say)
    seen = (logits > 0).flatten(1).float().mean(1)  # [T]
    held = int((seen > 0).sum())
    if not held:
        raise BadInput(f"{words!r} is found in frame {at}, but no frame could be segmented; give --mask.")
    return Found(logits, float(scores[0]), len(boxes), at, held, float(seen.sum() / held))


# -- boxes -------------------------------------------------------------------------------------------------------------


@torch.no_grad()
def _detected(phrase: str, frames: Frames, length: int, folder: Path, device: Any) -> tuple[int, Tensor, Tensor]:
    """The frame on which the phrase is seen most surely, its boxes there [N, 4] (x0, y0, x1, y1 in 0..1), best first,
    and their scores [N]."""
    model, looks = loaded(GroundingDinoForObjectDetection, folder, device), _Looks.of(folder)
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    except (OSError, ValueError) as error:
        raise BadWeights(f"{folder} has no tokenizer that can be read; get it anew.") from error
    said = tokenizer(f"{phrase}.", return_tensors="pt").to(device)
    best: tuple[float, int, Tensor, Tensor] | None = None
    for at in sorted({round(n * (length - 1) / (LOOKS - 1)) for n in range(LOOKS)}):
        picture = frames(at, at + 1).to(device)
        given = looks.normal(picture, looks.size_of(picture.shape[-2], picture.shape[-1]))
        out = model(pixel_values=given, **said)
        scores = out.logits[0].sigmoid().amax(-1).float().cpu()  # [Q]
        if best is None or float(scores.max()) > best[0]:
            best = float(scores.max()), at, scores, out.pred_boxes[0].float().cpu()
    assert best is not None, "a clip has frames"
    _, at, scores, middles = best
    corners = torch.cat([middles[:, :2] - middles[:, 2:] / 2, middles[:, :2] + middles[:, 2:] / 2], 1).clamp(0, 1)
    kept = several(corners, scores)
    return at, corners[kept], scores[kept]


def several(boxes: Tensor, scores: Tensor) -> list[int]:
    """The numbers of the boxes that count: [N, 4] with scores [N] -> best first, none that mostly is an earlier one."""
    order = [int(n) for n in scores.argsort(descending=True)]
    kept = order[:1]
    for n in order[1:]:
        sure = float(scores[n]) >= max(SURE, BESIDE * float(scores[order[0]]))
        if sure and len(kept) < MOST and all(_overlap(boxes[n], boxes[k]) < 0.5 for k in kept):
            kept.append(n)
    return kept


def _overlap(a: Tensor, b: Tensor) -> float:
    """The area that two boxes share, as a part of the smaller one."""
    both = (torch.minimum(a[2:], b[2:]) - torch.maximum(a[:2], b[:2])).clamp(min=0).prod()
    return float(both / torch.minimum((a[2:] - a[:2]).prod(), (b[2:] - b[:2]).prod()).clamp(min=1e-9))


# -- masks -------------------------------------------------------------------------------------------------------------


def _through(
    model: Any, frames: Frames, length: int, at: int, boxes: Tensor, say: Callable[[int, int], None]
) -> Tensor:
    """Track boxes of frame `at` to both ends of the clip: logits float16 [T, y, x], the greatest of all things."""
    found: dict[int, Tensor] = {}
    looks = _Looks.of(Path(model.name_or_path))
    for way in (range(at, length), range(at, -1, -1)):  # backwards, the clip is tracked as if it ran so
        for number, logits in zip(way, _tracked(model, looks, frames, way, boxes)):
            found[number] = logits
            say(len(found), length)
    return torch.stack([found[n] for n in range(length)])


@torch.no_grad()
def _tracked(model: Any, looks: "_Looks", frames: Frames, way: range, boxes: Tensor) -> Iterable[Tensor]:
    """Logits float16 [y, x] of the frames of `way`, one after the other; what is not asked again is let go."""
    side = model.config.image_size
    side = (side, side) if isinstance(side, int) else tuple(side)
    session = Sam2VideoInferenceSession(inference_device=model.device, dtype=model.dtype)
    for n, box in enumerate(boxes):
        corners = box.reshape(1, 1, 2, 2) * torch.tensor([side[1], side[0]])  # two points: x, y
        given = {"point_coords": corners.to(model.dtype), "point_labels": torch.tensor([[[2, 3]]], dtype=torch.int32)}
        session.add_point_inputs(session.obj_id_to_idx(n), 0, given)
    session.obj_with_new_inputs = list(range(len(boxes)))
    reach = max(model.config.num_maskmem, model.config.max_object_pointers_in_encoder)
    for step, number in enumerate(way):
        out = model(session, frame_idx=step, frame=looks.normal(frames(number, number + 1).to(model.device), side))
        masks = out.pred_masks[:, 0].float()  # [N, y, x]
        seen = out.object_score_logits.reshape(-1, 1, 1) > 0
        yield torch.where(seen, masks, masks.clamp(max=-10)).amax(0).clamp(-30, 30).half().cpu()
        session.processed_frames = {}
        for kept in session.output_dict_per_obj.values():
            kept["non_cond_frame_outputs"].pop(step - reach, None)


# -- folders -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Looks:
    """How a model wants its pictures: the numbers of its processor."""

    mean: tuple[float, ...]
    spread: tuple[float, ...]
    shortest: int
    longest: int

    @staticmethod
    def of(folder: Path) -> "_Looks":
        said: dict[str, Any] = {}
        for name in ("preprocessor_config.json", "video_preprocessor_config.json", "processor_config.json"):
            if not said and (folder / name).is_file():
                whole = read_json(folder / name)
                said = whole if "image_mean" in whole else whole.get("image_processor") or {}
        size: dict[str, Any] = said["size"] if isinstance(said.get("size"), dict) else {}
        return _Looks(
            tuple(said.get("image_mean") or (0.485, 0.456, 0.406)),
            tuple(said.get("image_std") or (0.229, 0.224, 0.225)),
            int(size.get("shortest_edge") or 800),
            int(size.get("longest_edge") or 1333),
        )

    def size_of(self, rows: int, columns: int) -> tuple[int, int]:
        """The size (rows, columns) at which a detector looks: its shorter side set, its longer side bounded."""
        scale = min(self.shortest / min(rows, columns), self.longest / max(rows, columns))
        return max(round(rows * scale), 1), max(round(columns * scale), 1)

    def normal(self, frames: Tensor, size: tuple[int, ...]) -> Tensor:
        """Frames [n, 3, Y, X] in [-1, 1] -> [n, 3, *size], as the model was trained on them."""
        small = functional.interpolate(frames.float(), size=size, mode="bilinear", antialias=True, align_corners=False)
        mean, spread = (torch.tensor(x, device=frames.device)[:, None, None] for x in (self.mean, self.spread))
        return (small.clamp(-1, 1).add(1).div(2) - mean) / spread


def _folder(model: str | Path, kind: str, option: str) -> Path:
    """The local folder of weights, downloaded first where it is a hub id; it holds a model of that kind."""
    folder = Path(model)
    if not folder.is_dir():
        try:
            folder = Path(huggingface_hub.snapshot_download(str(model), allow_patterns=FILES))
        except (HfHubHTTPError, EntryNotFoundError, HFValidationError, OSError) as error:
            raise BadWeights(
                f"{model} is no folder here and the hub did not give it; give {option} a folder that holds such "
                "weights, or say the subject by --mask."
            ) from error
    found = read_json(folder / "config.json").get("model_type")
    if kind == "sam2_video" and found == "sam3_video":
        raise Unsupported(f"{folder} is SAM 3, which cannot be read here; give {option} a SAM 2 folder.")
    if found != kind:
        raise Unsupported(f"{folder} is {found!r}, not {kind!r}; give {option} a folder or hub id of that kind.")
    return folder
