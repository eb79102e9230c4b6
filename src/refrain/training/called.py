"""What a LoRA's file says of the words that call it, found in the pairs that it learnt from."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from refrain.data.pair import Pair
from refrain.data.reading import KNOWN, content_words, vocabulary, words_of
from refrain.models.lora import LoraCard

OFTEN = 0.2  # the share of the pairs in which a word must stand to call the effect


def called(about: LoraCard, pairs: Sequence[Pair]) -> LoraCard:
    """The same with the effect's name, a sentence that it knows and the words that call it, where they are open."""
    names = {pair.effect for pair in pairs}
    effect = about.effect or (next(iter(names)) if len(names) == 1 else None) or ""
    said = Counter(pair.instruction for pair in pairs)
    words = about.words or KNOWN.get(effect) or said.most_common(1)[0][0]
    return replace(about, effect=effect, words=words, triggers=about.triggers or triggers(effect, pairs, words))


def triggers(effect: str, pairs: Sequence[Pair], sentence: str) -> tuple[str, ...]:
    """The sentence, and the words in many of the pairs that name this effect alone or that no other effect knows."""
    content, plain = content_words(), set(vocabulary())
    held = Counter(word for pair in pairs for word in {w for text in pair.asked for w in words_of(text)})
    own = [w for w, many in held.items() if many > OFTEN * len(pairs) and len(w) > 2]
    own = [w for w in own if w not in plain or content.get(w) == {effect}]
    return (*sorted(own), sentence)
