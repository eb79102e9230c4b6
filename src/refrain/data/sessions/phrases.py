"""The phrases of rendered sessions, as plain data: frames of requests with their slots, and the words that fill them.

Slots: {thing} an object that is there ("the red ball"), {new} one that is not ("a big red ball"), {colour}, {place},
{ground} a background, {scene} the picture.
"""

SCENES = ("picture", "image", "scene", "photo", "frame")

POLITE = (
    "please {said}",
    "{said} please",
    "could you {said}",
    "can you {said}",
    "now {said}",
    "then {said}",
    "just {said}",
    "{said} now",
)

FRAMES: dict[str, tuple[str, ...]] = {
    "add": (
        "add {new} at the {place}",
        "add {new} to the {place}",
        "add {new} in the {place}",
        "put {new} at the {place}",
        "put {new} in the {place}",
        "place {new} at the {place}",
        "insert {new} at the {place}",
        "draw {new} at the {place}",
        "show {new} at the {place}",
        "create {new} at the {place}",
        "at the {place} add {new}",
        "in the {place} put {new}",
        "add {new} at the {place} of the {scene}",
        "put {new} in the {place} of the {scene}",
        "insert {new} in the {place} of the {scene}",
        "make {new} appear at the {place}",
    ),
    "remove": (
        "remove {thing}",
        "remove {thing}",
        "delete {thing}",
        "erase {thing}",
        "take {thing} away",
        "take away {thing}",
        "take out {thing}",
        "get rid of {thing}",
        "make {thing} disappear",
        "make {thing} go away",
        "remove {thing} from the {scene}",
        "erase {thing} from the {scene}",
        "delete {thing} from the {scene}",
        "take {thing} out of the {scene}",
        "show the {scene} without {thing}",
    ),
    "recolour": (
        "paint {thing} {colour}",
        "make {thing} {colour}",
        "colour {thing} {colour}",
        "color {thing} {colour}",
        "recolour {thing} to {colour}",
        "recolor {thing} to {colour}",
        "turn {thing} {colour}",
        "change {thing} to {colour}",
        "change the colour of {thing} to {colour}",
        "change the color of {thing} to {colour}",
        "give {thing} a {colour} colour",
        "give {thing} a {colour} coat",
        "let {thing} be {colour}",
        "make the colour of {thing} {colour}",
    ),
    "bigger": (
        "make {thing} bigger",
        "make {thing} larger",
        "make {thing} grow",
        "enlarge {thing}",
        "increase the size of {thing}",
        "let {thing} be bigger",
        "let {thing} grow",
        "scale {thing} up",
        "turn {thing} into a bigger one",
        "change the size of {thing} to a larger one",
    ),
    "smaller": (
        "make {thing} smaller",
        "make {thing} shrink",
        "shrink {thing}",
        "reduce the size of {thing}",
        "decrease the size of {thing}",
        "let {thing} be smaller",
        "let {thing} shrink",
        "scale {thing} down",
        "turn {thing} into a smaller one",
        "change the size of {thing} to a smaller one",
    ),
    "move": (
        "move {thing} to the {place}",
        "move {thing} to the {place}",
        "put {thing} at the {place}",
        "put {thing} in the {place}",
        "place {thing} at the {place}",
        "shift {thing} to the {place}",
        "bring {thing} to the {place}",
        "take {thing} to the {place}",
        "drag {thing} to the {place}",
        "let {thing} be at the {place}",
        "move {thing} to the {place} of the {scene}",
        "put {thing} in the {place} of the {scene}",
        "change the place of {thing} to the {place}",
    ),
    "background": (
        "replace the background with {ground}",
        "replace the background by {ground}",
        "change the background to {ground}",
        "turn the background into {ground}",
        "make the background {ground}",
        "set the background to {ground}",
        "use {ground} as the background",
        "use {ground} as background",
        "put {ground} in the background",
        "put {ground} behind everything",
        "show everything before {ground}",
        "give the {scene} a background of {ground}",
        "swap the background for {ground}",
    ),
}

BACK: dict[str, tuple[str, ...]] = {  # the way back, where it is not the way of another turn
    "remove": ("bring {thing} back", "put {thing} back", "restore {thing}", "show {thing} again", "add {thing} again"),
    "recolour": ("give {thing} its old colour back", "paint {thing} {colour} again"),
    "move": ("move {thing} back", "put {thing} back", "bring {thing} back to where it was"),
    "background": (
        "bring the old background back",
        "restore the background",
        "give the {scene} its old background back",
        "change the background back",
    ),
}  # fmt: skip

LOOK_FRAMES: dict[str, tuple[str, ...]] = {
    "mono": (
        "make it black and white",
        "turn it into black and white",
        "make the {scene} black and white",
        "turn the {scene} into black and white",
        "make it monochrome",
        "make it greyscale",
        "make the {scene} grayscale",
        "remove all colours",
        "remove all colors from the {scene}",
        "take the colours away",
    ),
    "sepia": (
        "make it sepia",
        "give it a sepia look",
        "turn the {scene} sepia",
        "give the {scene} a sepia tone",
        "make it look like an old sepia photo",
        "tint the {scene} sepia",
        "use sepia tones",
    ),
    "night": (
        "turn it into night",
        "make it night",
        "make the {scene} look like night",
        "turn day into night",
        "make it dark like at night",
        "let it be night",
        "give the {scene} a night look",
    ),
}
LOOK_BACK: dict[str, tuple[str, ...]] = {
    "mono": (
        "give it its colours back",
        "bring the colours back",
        "bring back the colors",
        "give the {scene} its colours back",
        "undo the black and white",
        "remove the black and white",
    ),
    "sepia": (
        "remove the sepia",
        "undo the sepia",
        "take the sepia away",
        "bring the colours back",
        "give the {scene} its colors back",
        "remove the sepia tone",
    ),
    "night": (
        "make it day again",
        "turn night into day",
        "turn it back into day",
        "undo the night",
        "bring the day back",
        "make the {scene} bright again",
    ),
}
LOOK_CAPTIONS: dict[str, tuple[str, ...]] = {
    "mono": ("in black and white", "in greyscale"),
    "sepia": ("in sepia", "in sepia tones"),
    "night": ("at night", "in the dark"),
}

CELL_WORDS: dict[str, tuple[str, ...]] = {
    "top left": ("top left", "upper left", "top left corner", "upper left corner"),
    "top middle": ("top middle", "top centre", "top center", "upper middle"),
    "top right": ("top right", "upper right", "top right corner", "upper right corner"),
    "middle left": ("middle left", "left side", "centre left"),
    "centre": ("centre", "center", "middle"),
    "middle right": ("middle right", "right side", "centre right"),
    "bottom left": ("bottom left", "lower left", "bottom left corner", "lower left corner"),
    "bottom middle": ("bottom middle", "bottom centre", "bottom center", "lower middle"),
    "bottom right": ("bottom right", "lower right", "bottom right corner", "lower right corner"),
}

GROUND_WORDS: dict[str, tuple[str, ...]] = {
    "sky": ("a blue sky", "the sky", "a sky with clouds", "a cloudy sky"),
    "grass": ("grass", "green grass", "a lawn", "a meadow"),
    "sand": ("sand", "a beach", "desert sand", "a sandy beach"),
    "bricks": ("bricks", "a brick wall", "a wall of bricks", "red bricks"),
    "tiles": ("white tiles", "tiles", "a tiled wall", "a wall of tiles"),
    "water": ("water", "the sea", "dark water", "the ocean"),
    "sunset": ("a sunset", "an evening sky", "a sky at sunset", "the sunset"),
    "leaves": ("autumn leaves", "fallen leaves", "brown leaves", "dead leaves"),
}

SIZE_WORDS: dict[str, tuple[str, ...]] = {"small": ("small", "little", "tiny"), "big": ("big", "large", "huge")}

COMPOSE: tuple[str, ...] = (
    "put the object of {first} {here} and the object of {second} {there}",
    "put the object of {first} {here} and that of {second} {there}",
    "place the object from {first} {here} and the one from {second} {there}",
    "add the object of {first} {here} and the object of {second} {there}",
    "add the thing from {first} {here} and the thing from {second} {there}",
    "insert the object of {first} {here} and the one of {second} {there}",
    "show the thing of {first} {here} and the thing of {second} {there}",
    "{here} put the object of {first} and {there} that of {second}",
    "put what {first} shows {here} and what {second} shows {there}",
)
SIDES: dict[str, tuple[str, ...]] = {
    "left": ("at the left", "on the left", "on the left side"),
    "right": ("at the right", "on the right", "on the right side"),
    "top": ("at the top", "in the upper half"),
    "bottom": ("at the bottom", "in the lower half"),
}
