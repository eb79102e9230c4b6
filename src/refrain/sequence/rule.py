"""The rule: which segment may look at which. A pure predicate on two segments; see it with `refrain picture rule`.

Only `full` lets a clean segment see a noisy one; under the others whatever is clean can be remembered exactly.
"""

from collections.abc import Callable

from .row import Segment

Rule = Callable[[Segment, Segment], bool]


def isolated(query: Segment, key: Segment) -> bool:
    """Each clean segment sees itself; a target sees itself and every clean segment of its past.

    IC-Effect (arXiv 2512.15635), Eq. 5.
    """
    return key is query or (query.noisy and not key.noisy and key.beat <= query.beat)


def block_causal(query: Segment, key: Segment) -> bool:
    """Nobody looks ahead; nobody looks at noise, save the noise of the same beat. VINCIE (arXiv 2506.10941)."""
    if key.beat > query.beat:
        return False
    return (query.noisy and query.beat == key.beat) if key.noisy else True


def full(query: Segment, key: Segment) -> bool:
    """Everybody sees everybody: no memory, so a row holds one target and no later answer.

    LIVEditor (arXiv 2605.04569), and VINCIE as released.
    """
    return True


RULES: dict[str, Rule] = {"isolated": isolated, "block_causal": block_causal, "full": full}
