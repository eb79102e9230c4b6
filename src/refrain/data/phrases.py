"""The phrases of the grammar in `words`: what can be asked for, and the frames it can be asked in.

Frames hold one slot ({noun}, {adjective}, {verb} or {said}) and perhaps {scene}. Everything here is plain data.
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

# fmt: off
NOUNS: dict[str, tuple[str, ...]] = {
    "snow": ("snow", "snow", "falling snow", "snowfall", "snowflakes", "winter snow", "snow fall"),
    "rain": ("rain", "rain", "falling rain", "rainfall", "raindrops", "rain drops", "pouring rain", "rain fall"),
    "fog": (
        "fog", "fog", "mist", "mist", "haze", "fog banks", "drifting fog", "morning mist", "foggy air",
        "misty air",
    ),
    "fire": (
        "fire", "fire", "flames", "flames", "burning flames", "blazing fire", "flame", "burning fire",
        "fire and flames",
    ),
    "glow": (
        "glow", "glow", "bloom", "bloom effect", "soft glow", "dreamy glow", "glowing light", "glow effect",
        "halo", "radiance",
    ),
    "sparkles": (
        "sparkles", "sparkles", "glitter", "sparkle", "twinkling stars", "glitters", "sparkling lights", "twinkles",
        "glittering lights", "twinkling lights", "sparkling stars", "shimmer", "stars",
    ),
    "tint": (
        "tint", "tint", "light", "filter", "tone", "colour", "color", "colour cast", "look", "tones",
        "colours", "colors",
    ),
    "warm": (
        "warm tint", "warm light", "warm tones", "warm colours", "warm colors", "warmth", "warm filter",
        "warm look", "warm tone",
    ),
    "cold": (
        "cold tint", "cold light", "cold tones", "cool colours", "cool colors", "cool tint", "cold filter",
        "cool tones", "cold look",
    ),
    "sepia": (
        "sepia", "sepia tint", "sepia tone", "sepia tones", "sepia filter", "vintage sepia", "sepia look",
        "vintage look", "sepia colours",
    ),
    "mono": (
        "black and white", "monochrome", "grayscale", "greyscale", "black and white filter",
        "black and white tones", "monochrome look", "greyscale tones", "grayscale filter", "black and white look",
    ),
    "night": ("night", "night", "nighttime", "night time", "moonlight", "night light", "the night", "a night look"),
}

ADJECTIVES: dict[str, tuple[str, ...]] = {
    "snow": ("snowy", "snowy", "snowing", "full of snow", "wintry", "snow covered", "snow"),
    "rain": ("rainy", "rainy", "raining", "full of rain", "rain soaked", "rain"),
    "fog": ("foggy", "foggy", "misty", "misty", "hazy", "full of fog", "full of mist", "fog", "mist"),
    "fire": ("burning", "on fire", "fiery", "in flames", "flaming", "full of fire", "full of flames", "blazing"),
    "glow": ("glowing", "glowing", "radiant", "dreamy and glowing", "full of glow", "luminous", "blooming"),
    "sparkles": (
        "sparkling", "sparkly", "glittering", "glittery", "twinkling", "full of sparkles", "full of glitter",
        "shimmering",
    ),
    "red": ("reddish",),
    "orange": ("orange toned",),
    "yellow": ("yellowish",),
    "green": ("greenish",),
    "cyan": ("cyan toned",),
    "blue": ("bluish",),
    "purple": ("purple toned",),
    "pink": ("pinkish",),
    "warm": ("warm", "warm", "warmer", "warm toned", "warm tinted"),
    "cold": ("cold", "cold", "cool", "colder", "cooler", "cold toned", "cool tinted"),
    "sepia": ("sepia", "sepia", "sepia toned", "vintage", "sepia tinted", "old sepia"),
    "mono": (
        "black and white", "black and white", "monochrome", "grayscale", "greyscale", "colourless",
        "colorless", "gray", "grey", "desaturated",
    ),
    "night": ("night", "nighttime", "dark", "moonlit", "nocturnal", "night time"),
}

VERBS: dict[str, tuple[str, ...]] = {
    "snow": ("snow",),
    "rain": ("rain", "rain", "rain down"),
    "fire": ("burn", "burn", "catch fire", "go up in flames", "blaze"),
    "glow": ("glow", "glow", "bloom", "radiate"),
    "sparkles": ("sparkle", "sparkle", "glitter", "twinkle", "shimmer"),
    "fog": ("fog up", "mist over", "fill with fog", "fill with mist"),
    "night": ("become night", "turn to night", "become dark", "grow dark"),
}

# (effect, level) -> things that say the amount themselves
NAMED_AMOUNTS: dict[tuple[str, int], tuple[str, ...]] = {
    ("snow", -1): ("snow flurries", "a few snowflakes", "flurries"),
    ("snow", 1): ("a blizzard", "blizzard", "a snowstorm", "a snow storm", "snowstorm"),
    ("rain", -1): ("drizzle", "a drizzle", "a shower", "a few raindrops"),
    ("rain", 1): ("a downpour", "downpour", "a rainstorm", "a rain storm", "rainstorm"),
    ("fire", -1): ("a few flames", "a small fire"),
    ("fire", 1): ("an inferno", "inferno", "a blaze", "a sea of flames"),
    ("fog", -1): ("a veil of mist", "a veil of fog"),
    ("fog", 1): ("a wall of fog", "a sea of fog"),
    ("sparkles", -1): ("a few sparkles", "a few stars"),
    ("sparkles", 1): ("lots of glitter", "many sparkles", "many twinkling stars"),
    ("mono", 1): ("high contrast black and white", "hard black and white", "high contrast monochrome"),
    ("night", -1): ("evening", "dusk", "twilight", "nightfall", "the evening"),
    ("night", 1): ("midnight", "dark night", "a dark night", "darkness", "deep night", "a pitch dark night"),
}

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
}

# amount -> (before a noun), (after a verb)
AMOUNTS: dict[int, tuple[tuple[str, ...], tuple[str, ...]]] = {
    -1: (
        ("light", "slight", "thin", "gentle", "a little", "a bit of", "weak", "faint", "subtle", "small"),
        ("lightly", "a little", "slightly", "a bit", "gently", "softly", "weakly"),
    ),
    0: (("medium", "moderate", "normal"), ("moderately",)),
    1: (
        ("heavy", "strong", "thick", "a lot of", "intense", "very heavy", "very strong", "dense", "big", "lots of"),
        ("heavily", "a lot", "strongly", "intensely", "very much", "hard"),
    ),
}
STRONG_ADVERBS = ("very", "heavily", "strongly", "really", "extremely", "much more", "intensely", "deeply")
WEAK_ADVERBS = ("slightly", "a little", "a bit", "lightly", "somewhat", "gently", "subtly", "faintly")

# (effect, or "wind" for snow and rain; direction) -> how it is said, after everything else
DIRECTIONS: dict[tuple[str, str], tuple[str, ...]] = {
    ("wind", "none"): ("falling straight down", "without wind", "with no wind", "coming straight down"),
    ("wind", "left"): (
        "blowing to the left", "blowing left", "moving to the left", "drifting left", "from the right", "going left",
        "with wind to the left", "towards the left", "from the right side", "coming from the right",
    ),
    ("wind", "right"): (
        "blowing to the right", "blowing right", "moving to the right", "drifting right", "from the left",
        "going right",
        "with wind to the right", "towards the right", "from the left side", "coming from the left",
    ),
    ("fire", "below"): ("from below", "from the bottom", "at the bottom", "along the bottom", "rising from the ground"),
    ("fire", "left"): ("on the left", "on the left side", "at the left", "from the left", "from the left side"),
    ("fire", "right"): ("on the right", "on the right side", "at the right", "from the right", "from the right side"),
    ("fog", "everywhere"): ("everywhere", "all over", "all around"),
    ("fog", "below"): (
        "from below", "near the ground", "on the ground", "at the bottom", "along the ground",
        "rising from the ground",
    ),
}

KEEP = (
    "keep it as it is", "keep the {scene} as it is", "keep everything as it is", "change nothing", "leave it untouched",
    "leave the {scene} untouched", "do nothing", "do not change anything", "dont change anything", "keep it the same",
    "keep the {scene} the same", "leave it as it is", "leave the {scene} as it is", "no change", "no changes",
    "leave everything unchanged", "leave it unchanged", "return it unchanged", "return the {scene} as it is",
    "the same {scene}",
    "no edit", "make no changes", "nothing should change", "do not edit the {scene}", "leave it alone",
    "keep everything", "untouched", "unchanged",
)

WITHOUT_COLOUR = (
    "remove the colour", "remove the color", "remove all colours", "remove all colors", "without colour",
    "without color",
    "take the colours away", "take the colors away", "take the colour out of the {scene}",
    "take the color out of the {scene}",
    "make it without colour", "make it without color", "desaturate it", "desaturate the {scene}", "drain the colours",
    "drain the colors from the {scene}", "remove the colours from the {scene}", "remove the colors from the {scene}",
)

# fmt: on

# effect -> whole requests that fit no frame
CLAUSES: dict[str, tuple[str, ...]] = {
    "fire": ("set it on fire", "set the {scene} on fire", "set everything on fire", "burn it", "burn the {scene}"),
    "night": ("turn day into night", "change day to night", "turn the day into night", "make it look like at night"),
    "fog": ("fill the air with fog", "fill the air with mist"),
    "sparkles": ("make the air sparkle", "make the air glitter"),
}

# words that ask for what no edit here can do
REFUSED = frozenset("remove delete erase replace swap no not dont stop undo without less".split())

# effect -> what it is, and a wording of it: for the error that lists what can be asked
KNOWN: dict[str, str] = {
    "snow": "make it snow heavily, blowing to the left",
    "rain": "add light rain",
    "fog": "add thick fog near the ground",
    "fire": "set flames rising from the bottom",
    "glow": "give it a golden glow",
    "sparkles": "add blue sparkles",
    "tint": "give it a strong red tint (red, orange, yellow, green, cyan, blue, purple, pink, warm, cold or sepia)",
    "mono": "make it black and white",
    "night": "turn it into night",
    "keep": "keep it as it is",
}
