"""How one effect is said: plain data beside the effect, from which `refrain.data.words` makes sentences."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Wording:
    """Phrases of one effect, in lower case.

    nouns:      what is added, without amount or colour: "snow", "rotating rings"; what can be counted and is one,
                with its article: "a cartoon bunny". The first is the plainest.
                One that holds {colour} is said only with a colour, and says it there; so do adjectives, verbs, clauses.
    adjectives: what the clip becomes: "snowy", "on fire". verbs: what it does: "snow", "burn".
    clauses:    whole requests that fit no frame: "set the {scene} on fire".
    named:      amount (-1 little, 1 much) or colour -> nouns that say it themselves: {1: ("a blizzard",)}.
    looks:      the same of adjectives: {1: ("midnight",), "red": ("reddish",)}. An effect with looks of an amount says
                its amount in no other nouns than `named`: nobody asks for a heavy night.
    tails:      field of the parameters -> its value -> phrases said after everything else: {"where": {"left":
                ("from the left",)}}. The fields colour, amount, strength, speed and size need none: colours, amounts
                and speeds are said in the same words of every effect.
    usual:      field -> the value that may stay unsaid.
    about:      how it is tied to the subject: "around {subject}"; empty where it has none. {thing} is a subject that is
                never called "it", for requests in which that would be the whole scene: "make {thing} red".
    undone:     whole requests for the way back, where "remove the {noun}" is not said; none tells how it was before.
    seen:       whole sentences of what is seen in the result, where a noun does not tell.
    known:      one plain request for it, for help and for errors.
    """

    known: str
    nouns: tuple[str, ...] = ()
    adjectives: tuple[str, ...] = ()
    verbs: tuple[str, ...] = ()
    clauses: tuple[str, ...] = ()
    named: Mapping[int | str, tuple[str, ...]] = field(default_factory=dict[int | str, tuple[str, ...]])
    looks: Mapping[int | str, tuple[str, ...]] = field(default_factory=dict[int | str, tuple[str, ...]])
    tails: Mapping[str, Mapping[str, tuple[str, ...]]] = field(default_factory=dict[str, Mapping[str, tuple[str, ...]]])
    usual: Mapping[str, str] = field(default_factory=dict[str, str])
    about: tuple[str, ...] = ()
    undone: tuple[str, ...] = ()
    seen: tuple[str, ...] = ()
