"""Which hypothesis of a sentence stands: the model's first, or a later one that its source leaves fewer doubts of."""

from collections.abc import Callable, Iterable
from dataclasses import replace

from service.pipeline.candidate import Candidate
from service.pipeline.finishing import Finished
from service.trust.findings import Code, Finding, Severity

FACTS = frozenset(
    {
        Code.NUMBER_UNSUPPORTED,
        Code.NUMBER_MISSING,
        Code.MAGNITUDE_CHANGED,
        Code.UNIT_CHANGED,
        Code.DATE_UNSUPPORTED,
        Code.DATE_MISSING,
        Code.NAME_UNSUPPORTED,
        Code.NAME_MISSING,
        Code.NEGATION_LOST,
        Code.NEGATION_ADDED,
    }
)
"""Doubts of who, what, when, how many and whether: never exchanged for doubts of another kind."""


def chosen(candidates: Iterable[Candidate], finish: Callable[[Candidate], Finished]) -> Finished:
    """The finished sentence that stands, of hypotheses, best first and at least one.

    The first stands where nothing of it asks for an editor, and no other is read or finished then. Else that stands
    which asks for one in the fewest places, the earliest of several, among those with no more doubts of facts than the
    first. docs/adr/0019 has what this mends.
    """
    left = iter(candidates)
    first = best = finish(next(left))
    facts = _facts(first)
    while best.doubts and (candidate := next(left, None)) is not None:
        other = finish(candidate)
        if other.doubts < best.doubts and _facts(other) <= facts:
            best = other
    return best if best is first else replace(best, findings=(*best.findings, _changed(first)))


def _facts(finished: Finished) -> int:
    """In how many places an editor has to look at a fact."""
    return sum(one.code in FACTS for one in finished.for_review)


def _changed(first: Finished) -> Finding:
    doubted = dict.fromkeys(one.code.value for one in first.for_review)
    told = f" ({', '.join(doubted)})" if doubted else ""
    message = f"the model's likeliest wording raised more doubts{told}; another one of its stands"
    return Finding(Code.HYPOTHESIS_CHANGED, message, severity=Severity.NOTE)
