"""The phrases of the grammar in `words` that belong to no effect: the frames of a request, and what all effects share.

Frames hold one slot ({noun}, {adjective}, {verb} or {said}) and perhaps {scene} or {subject}. Everything here is plain
data; what names an effect stands beside the effect (`refrain.data.effects.wording`).
"""

SCENES = ("scene", "video", "clip", "picture", "image", "shot", "footage", "film", "whole scene", "frame", "photo")

NOUN_FRAMES = (
    "{noun}",
    "add {noun}",
    "add {noun} to the {scene}",
    "add {noun} here",
    "put {noun} in the {scene}",
    "put {noun} over the {scene}",
    "put this {scene} in {noun}",
    "give the {scene} {noun}",
    "give it {noun}",
    "i want {noun}",
    "i would like to see {noun}",
    "i would like {noun} in this {scene}",
    "show {noun}",
    "show the {scene} with {noun}",
    "fill the {scene} with {noun}",
    "cover the {scene} with {noun}",
    "cover everything in {noun}",
    "make {noun} appear",
    "make it {noun}",
    "make it look like {noun}",
    "make the {scene} have {noun}",
    "let there be {noun}",
    "there should be {noun}",
    "there is {noun} in the {scene}",
    "the {scene} should have {noun}",
    "the {scene} with {noun}",
    "apply {noun}",
    "apply {noun} to this {scene}",
    "create {noun}",
    "insert {noun}",
    "insert {noun} into the {scene}",
    "turn it into {noun}",
    "turn this into {noun}",
    "turn the {scene} into {noun}",
    "turn this into a {scene} with {noun}",
    "change it to {noun}",
    "change the {scene} so that there is {noun}",
    "edit the {scene} to have {noun}",
    "transform this into a {scene} with {noun}",
    "bring in {noun}",
    "use {noun}",
    "render it with {noun}",
    "now with {noun}",
    "more {noun}",
    "do {noun}",
    "set the {scene} in {noun}",
)

ADJECTIVE_FRAMES = (
    "{adjective}",
    "make it {adjective}",
    "make this {adjective}",
    "make it look {adjective}",
    "make the {scene} {adjective}",
    "make the {scene} look {adjective}",
    "make everything {adjective}",
    "turn it {adjective}",
    "turn the {scene} {adjective}",
    "turn this into a {adjective} {scene}",
    "turn it into a {adjective} {scene}",
    "transform it into a {adjective} {scene}",
    "change it to {adjective}",
    "change the {scene} to {adjective}",
    "it should be {adjective}",
    "it should look {adjective}",
    "the {scene} should be {adjective}",
    "i want it {adjective}",
    "i want a {adjective} {scene}",
    "i would like it {adjective}",
    "a {adjective} {scene}",
    "let it be {adjective}",
    "let the {scene} be {adjective}",
    "let it look {adjective}",
    "give it a {adjective} look",
    "give the {scene} a {adjective} look",
    "give this a {adjective} mood",
    "show it {adjective}",
    "show a {adjective} {scene}",
    "render it {adjective}",
    "edit it to be {adjective}",
    "edit this to look {adjective}",
    "apply a {adjective} look",
    "add a {adjective} look",
    "create a {adjective} {scene}",
    "now {adjective}",
    "put it in a {adjective} mood",
    "set a {adjective} mood",
)

VERB_FRAMES = (
    "{verb}",
    "make it {verb}",
    "make the {scene} {verb}",
    "make everything {verb}",
    "let it {verb}",
    "let the {scene} {verb}",
    "let everything {verb}",
    "it should {verb}",
    "it starts to {verb}",
    "have it {verb}",
    "i want it to {verb}",
    "i would like it to {verb}",
    "i want to see it {verb}",
    "the {scene} should {verb}",
    "change it so that it should {verb}",
    "turn it so that it does {verb}",
    "now it should {verb}",
)

POLITE = (
    "please {said}",
    "{said} please",
    "{said}, please",
    "could you {said}",
    "can you {said}",
    "would you {said}",
    "now {said}",
    "just {said}",
    "then {said}",
    "{said} in this {scene}",
    "{said} for the {scene}",
    "{said} now",
    "{said} for me",
    "i want you to {said}",
)

# frames of effects that are tied to the subject: the frame says whom it befalls
SUBJECT_FRAMES: dict[str, tuple[str, ...]] = {
    "noun": (
        "give {subject} {noun}",
        "add {noun} to {subject}",
        "{subject} with {noun}",
        "show {subject} with {noun}",
        "i want {subject} to have {noun}",
        "{subject} should have {noun}",
        "let {subject} have {noun}",
    ),
    "adjective": (
        "make {subject} {adjective}",
        "make {subject} look {adjective}",
        "{subject} should be {adjective}",
        "turn {subject} {adjective}",
        "i want {subject} {adjective}",
        "show {subject} {adjective}",
    ),
    "verb": (
        "make {subject} {verb}",
        "let {subject} {verb}",
        "{subject} should {verb}",
        "i want {subject} to {verb}",
        "have {subject} {verb}",
    ),
}

# the way back; none says how it was before, for nobody knows
REVERSED_FRAMES: dict[str, tuple[str, ...]] = {
    "noun": (
        "remove the {noun}",
        "remove the {noun} from the {scene}",
        "take the {noun} away",
        "take away the {noun}",
        "get rid of the {noun}",
        "delete the {noun}",
        "erase the {noun}",
        "undo the {noun}",
        "no {noun}",
        "no more {noun}",
        "without the {noun}",
        "the {scene} without {noun}",
        "show the {scene} without the {noun}",
        "make the {noun} disappear",
        "make the {noun} vanish",
        "i want the {noun} gone",
        "there should be no {noun}",
        "stop the {noun}",
    ),
    "adjective": (
        "make it not {adjective}",
        "make it no longer {adjective}",
        "make the {scene} not {adjective}",
        "it should not be {adjective}",
        "the {scene} should not be {adjective}",
        "it should no longer be {adjective}",
        "not {adjective}",
    ),
    "verb": ("do not let it {verb}", "it should not {verb}", "it should no longer {verb}", "dont let it {verb}"),
}

# what is seen in the result
CAPTION_FRAMES: dict[str, tuple[str, ...]] = {
    "noun": ("{noun}", "a {scene} with {noun}", "the {scene} with {noun}", "this {scene} shows {noun}"),
    "adjective": ("the {scene} is {adjective}", "the {scene} looks {adjective}", "everything is {adjective}"),
}

# fmt: off
# words that fit whatever moves, and what people film; a mask alone says which of them is true
SUBJECTS = (
    *("the subject",) * 8, *("it",) * 5, *("the main subject", "the object", "the figure", "the person") * 2,
    "the moving thing", "the man", "the woman", "the boy", "the girl", "the child", "the baby", "the dancer",
    "the runner", "the player", "the skater", "the surfer", "the rider", "the juggler", "the swimmer", "the actor",
    "the animal", "the dog", "the cat", "the horse", "the bird", "the wolf", "the bear", "the fish", "the duck",
    "the swan", "the cow", "the elephant", "the car", "the truck", "the bus", "the train", "the boat", "the bike",
    "the plane", "the building", "the house", "the tower", "the tree", "the statue", "the robot",
    "the toy",
)

# a colour that is not here is said by its own name
COLOURS: dict[str, tuple[str, ...]] = {
    "red": ("red", "red", "crimson"),
    "orange": ("orange", "orange", "amber"),
    "yellow": ("yellow",),
    "green": ("green", "green", "emerald"),
    "cyan": ("cyan", "teal", "turquoise"),
    "blue": ("blue", "blue", "azure"),
    "purple": ("purple", "purple", "violet"),
    "pink": ("pink", "pink", "magenta", "rose"),
    "golden": ("golden", "gold"),
    "silver": ("silver", "silvery"),
    "white": ("white",),
    "warm": ("warm",),
    "cold": ("cold", "cold", "cool"),
    "sepia": ("sepia", "sepia", "vintage"),
}

# the words that parameters hold for little, a middling amount and much
LEVELS = {
    "light": -1, "thin": -1, "slight": -1, "medium": 0, "heavy": 1, "thick": 1, "strong": 1,
}

# amount -> (before a noun, after a verb, before an adjective)
AMOUNTS: dict[int, tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]] = {
    -1: (
        ("light", "slight", "thin", "gentle", "a little", "a bit of", "weak", "faint", "subtle", "small"),
        ("lightly", "a little", "slightly", "a bit", "gently", "softly", "weakly"),
        ("slightly", "a little", "a bit", "lightly", "somewhat", "gently", "subtly", "faintly"),
    ),
    0: (("medium", "moderate", "normal"), ("moderately",), ("moderately",)),
    1: (
        ("heavy", "strong", "thick", "a lot of", "intense", "very heavy", "very strong", "dense", "big", "lots of"),
        ("heavily", "a lot", "strongly", "intensely", "very much", "hard"),
        ("very", "heavily", "strongly", "really", "extremely", "much more", "intensely", "deeply"),
    ),
}

SIZES: dict[str, tuple[str, ...]] = {
    "small": ("small", "small", "tiny", "little"),
    "medium": ("medium sized", "normal sized"),
    "big": ("big", "big", "large", "huge"),
}

# speed -> (before a noun, after everything else)
SPEEDS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "slow": (("slow", "slow", "slowly moving"), ("slowly", "slowly", "at a slow pace", "at low speed")),
    "medium": (("steady",), ("at a normal speed", "at medium speed", "steadily")),
    "fast": (("fast", "fast", "quick", "rapid"), ("quickly", "quickly", "fast", "rapidly", "at high speed")),
}

WINDS: dict[str, tuple[str, ...]] = {
    "none": ("falling straight down", "without wind", "with no wind", "coming straight down"),
    "left": (
        "blowing to the left", "blowing left", "moving to the left", "drifting left", "from the right", "going left",
        "with wind to the left", "towards the left", "from the right side", "coming from the right",
    ),
    "right": (
        "blowing to the right", "blowing right", "moving to the right", "drifting right", "from the left",
        "going right",
        "with wind to the right", "towards the right", "from the left side", "coming from the left",
    ),
}

# how a stretch of time is said; {start} and {stop} are durations or moments
SPANS: dict[str, tuple[str, ...]] = {
    "from": ("from {start} on", "from {start} onwards", "after {start}", "starting at {start}", "beginning at {start}"),
    "until": ("until {stop}", "up to {stop}", "ending at {stop}", "before {stop}"),
    "between": ("between {start} and {stop}", "from {start} to {stop}", "from {start} until {stop}"),
}
NUMBERS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen"
    " eighteen nineteen"
).split()
TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()

# words that ask for what no edit here can do, where no phrase of an effect holds them
REFUSED = frozenset(
    "remove delete erase replace swap no not dont stop undo without less away rid gone disappear vanish longer".split()
)

# fmt: on
