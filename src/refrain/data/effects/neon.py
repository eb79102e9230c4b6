"""Neon: the scene goes dark and its edges shine like tubes of coloured gas; or only those of the subject."""

from dataclasses import dataclass

import cv2
import numpy as np

from refrain.data.effects.beam import halo_of, shone
from refrain.data.effects.edges import edges_of
from refrain.data.effects.effected import Effected, luma_of, painted
from refrain.data.effects.palette import COLOURS, light_of
from refrain.data.effects.shot import Shot
from refrain.data.effects.wording import Wording
from refrain.data.noise import hashed
from refrain.data.repeat import spread

WORDING = Wording(
    known="give the scene pink neon edges",
    nouns=(
        "neon edges",
        "neon",
        "neon outlines",
        "neon tubes",
        "neon light edges",
        "a neon sign look",
        "glowing neon edges",
        "a neon style",
        "neon strokes",
        "neon lights",
    ),
    adjectives=("neon", "neon lit", "neon outlined", "like a neon sign"),
    verbs=("turn neon", "shine like neon"),
    clauses=("make every edge neon", "turn the edges into neon tubes", "draw the {scene} in neon"),
    tails={
        "where": {
            "everywhere": ("everywhere", "on every edge", "all over the {scene}", "on everything"),
            "subject": ("only on {subject}", "on {subject}", "just for {subject}", "around {subject} only"),
        }
    },
    usual={"where": "everywhere"},
)


@dataclass(frozen=True)
class Neon:
    """The colour of the light, and whose edges shine: of what is "everywhere", or of the "subject"."""

    colour: str = "pink"
    where: str = "everywhere"


def draw(rng: np.random.Generator) -> Neon:
    """Mostly everywhere; pink, cyan, blue and purple oftener."""
    colour = str(rng.choice(["pink", "cyan", "blue", "purple"] if rng.random() < 0.3 else list(COLOURS)))
    return Neon(colour, str(rng.choice(["everywhere", "everywhere", "subject"])))


def neon(shot: Shot, seed: int, parameters: Neon) -> Effected:
    """Fine edges are left out, so that the tubes are few and bright; their light hums a little."""
    height, width = shot.frames.shape[1:3]
    colour = light_of(parameters.colour)
    phase = hashed(seed, 331, np.arange(2)) * 2 * np.pi
    kernel = np.ones((3, 3), np.uint8)

    def paint(i: int, picture: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        now = shot.now(i)
        hum = 1 + 0.05 * np.sin(now * 0.9 + phase[0]) + 0.05 * np.sin(now * 0.37 + phase[1])
        core = edges_of(luma_of(picture), 0.009 * height, 0.007 * height)
        if parameters.where == "subject":
            mask = shot.mask(i)
            rim = edges_of(mask, 0.007 * height, 0.008 * height, 0.1)
            core = np.maximum(core * cv2.erode(mask, kernel), rim)
            shade = np.float32(0.88) * mask
        else:
            shade = np.full((height, width), 0.93, np.float32)
        halo = halo_of(core, 0.016 * height)
        halo *= np.float32(0.9 * hum) / (
            1 + 1.2 * halo
        )  # where tubes crowd, their light does not fill the dark between
        dim = picture * spread(np.sqrt(1 - shade))
        out, matte = shone(dim, core, halo, colour, white=0.45)
        return out, np.maximum(matte, shade)

    return painted(shot.frames, paint)
