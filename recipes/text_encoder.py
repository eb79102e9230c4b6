"""Teach a small text encoder a grammar, before a transformer listens to it.

Left to the loss of the picture alone, a thousand steps went by before words meant anything. So the encoder learns first
to say, in the state of every word, what the sentence asks for; then it stays as it is. Which of two references goes
where it did not learn from a fact of the whole sentence (58 % of 200 held-out ones after 1,200 steps; half is chance),
and did when the words that name a reference or a place were told each its own: all of 600.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import torch
from rich.console import Console
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits
from transformers import PreTrainedTokenizerFast, UMT5EncoderModel

from refrain.errors import BadInput
from refrain.models.embedded.new import new_text_encoder, new_tokenizer
from refrain.models.wan.words import states_of

SEED = 1
DRAWN = 9000  # wordings in which every fact is met
FACTS = 0.2  # what it weighs that facts are said, summed over all of them
ALIKE = 3.0  # what it weighs that old sentences are said as before


@dataclass(frozen=True)
class Wording:
    """A sentence drawn from a grammar, and what it stands for.

    facts: of the whole sentence; the state of every word is to say them. of_words: of single words, as the tokenizer
    reads them; the state of each is to say its own.
    """

    said: str
    facts: frozenset[str]
    of_words: Mapping[str, str] = field(default_factory=dict[str, str])


Said = Callable[[int], Wording]
"""A wording from a seed."""


def words_of_run(
    folder: Path, released: Path | None, known: tuple[str, ...], said: Said, steps: int
) -> tuple[PreTrainedTokenizerFast, UMT5EncoderModel]:
    """Tokenizer and text encoder of a run in `folder`; taught now, if they are not there yet.

    A released model's encoder is taken further: it learns the new words, and says the old ones as it did.
    """
    tokenizer, words = new_tokenizer(known), folder / "words"
    if not words.is_dir():
        torch.manual_seed(SEED)
        encoder = new_text_encoder(len(known))
        before = None if released is None else Before.load(released)
        if before is not None:
            before.hand_down(tokenizer, encoder)
        teach(tokenizer, encoder, before, said, steps)
        aside = folder / "words.part"
        encoder.save_pretrained(aside)
        tokenizer.save_pretrained(aside)
        aside.rename(words)
    # the same words in another order would be other words to the encoder, and nothing else would notice
    if PreTrainedTokenizerFast.from_pretrained(words).get_vocab() != tokenizer.get_vocab():
        raise BadInput(f"{words} is of another vocabulary; go on in another folder.")
    return tokenizer, UMT5EncoderModel.from_pretrained(words).eval().requires_grad_(False)


@dataclass(frozen=True)
class Before:
    """Tokenizer and encoder of a released model."""

    tokenizer: PreTrainedTokenizerFast
    encoder: UMT5EncoderModel

    @staticmethod
    def load(released: Path) -> "Before":
        tokenizer = PreTrainedTokenizerFast.from_pretrained(released / "tokenizer")
        encoder = UMT5EncoderModel.from_pretrained(released / "text_encoder").float().eval().requires_grad_(False)
        return Before(tokenizer, encoder)

    @torch.no_grad()
    def hand_down(self, tokenizer: PreTrainedTokenizerFast, encoder: UMT5EncoderModel) -> None:
        """Give another encoder all weights, and the embeddings of the words that both know."""
        own, old = encoder.state_dict(), self.encoder.state_dict()
        shared = [(n, self.tokenizer.get_vocab()[word]) for word, n in tokenizer.get_vocab().items()
                  if word in self.tokenizer.get_vocab()]  # fmt: skip
        here, there = (list(numbers) for numbers in zip(*shared))
        for name, value in own.items():
            if value.shape == old[name].shape:
                value.copy_(old[name])
            else:
                value[here] = old[name][there]

    def knows(self, one: Wording) -> bool:
        """Whether it understood a sentence: it has heard every word, and no word is to say more than it did."""
        return not one.of_words and self.tokenizer.unk_token_id not in self.tokenizer(one.said).input_ids

    def apart(self, states: Tensor, said: list[str]) -> Tensor:
        """How far states [B, N, W] of these sentences are from its own, as a share of squares."""
        with torch.no_grad():
            heard = states_of(self.tokenizer, self.encoder, said)
        return (states - heard).square().mean() / heard.square().mean()


def teach(
    tokenizer: PreTrainedTokenizerFast, encoder: UMT5EncoderModel, before: Before | None, said: Said, steps: int,
    batch: int = 96,
) -> None:  # fmt: skip
    """Teach the encoder to say what sentences stand for: the whole of it in every word, and in single words their own.

    What an encoder before it knew, it goes on saying alike, so that the transformer which listened to that one
    understands this one.
    """
    facts = Facts.of(tokenizer, (said(n) for n in range(DRAWN)))
    head = nn.Linear(encoder.config.d_model, len(facts.whole) + len(facts.single))
    learning = torch.optim.AdamW([*encoder.parameters(), *head.parameters()], lr=1e-3)
    for step in range(steps):
        learning.param_groups[0]["lr"] = 1e-3 * min(1, (step + 1) / 50, (steps - step) / (0.4 * steps))
        told = [said(10_000 + step * batch + n) for n in range(batch)]
        states = states_of(tokenizer, encoder, [one.said for one in told])  # [B, N, W]
        loss = facts.missed(head(states), states.abs().sum(dim=-1) > 0, told)
        if before is not None:
            old = [row for row, one in enumerate(told) if before.knows(one)]
            if old:
                loss = loss + ALIKE * before.apart(states[old], [told[row].said for row in old])
        loss.backward()
        learning.step()
        learning.zero_grad()
        if step % 100 == 0:
            Console().print(f"words {step} loss {float(loss.detach()):.4f}")


@dataclass(frozen=True)
class Facts:
    """All facts by number, those of whole sentences first, and how words are numbered."""

    whole: dict[str, int]
    single: dict[str, int]
    tokenizer: PreTrainedTokenizerFast

    @staticmethod
    def of(tokenizer: PreTrainedTokenizerFast, drawn: Iterable[Wording]) -> "Facts":
        found = [(one.facts, one.of_words.values()) for one in drawn]
        whole = {fact: n for n, fact in enumerate(sorted({fact for facts, _ in found for fact in facts}))}
        single = {fact: n for n, fact in enumerate(sorted({fact for _, facts in found for fact in facts}), len(whole))}
        return Facts(whole, single, tokenizer)

    def missed(self, guessed: Tensor, spoken: Tensor, told: list[Wording]) -> Tensor:
        """Cross-entropy of what states say [B, N, F] where there is a word, bool [B, N], and of what is so."""
        true, alone = torch.zeros_like(guessed), torch.zeros_like(spoken)
        for row, one in enumerate(told):
            true[row, :, [self.whole[fact] for fact in one.facts if fact in self.whole]] = 1
            for n, word in enumerate(self.tokenizer.tokenize(one.said)):
                if one.of_words.get(word) in self.single:
                    alone[row, n] = True
                    true[row, n, self.single[one.of_words[word]]] = 1
        wrong = binary_cross_entropy_with_logits(guessed, true, reduction="none")
        whole, single = wrong.split([len(self.whole), len(self.single)], dim=-1)
        missed = whole[spoken].sum(-1).mean()
        return FACTS * (missed + single[alone].sum(-1).mean() if alone.any() else missed)
