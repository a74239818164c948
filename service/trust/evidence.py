"""Everything in a text that can be checked against another one, found once a sentence."""

from functools import lru_cache
from itertools import repeat

from service.trust.clocks import clocks
from service.trust.dates import dates
from service.trust.facts import Fact, Language, number_key
from service.trust.passage import Passage
from service.trust.quantities import numbers, scale

_ONE = frozenset({number_key(1)})


def evidence(passage: Passage) -> list[Fact]:
    """Numbers and dates of a text; the digits of a date or a time are no numbers of their own, but can support."""
    dated = [*dates(passage), *clocks(passage)]
    covered = {place for fact in dated if fact.certain for place in range(*fact.span)}
    counted = numbers(passage.text, passage.language)
    return [*dated, *(fact._replace(certain=False) if fact.span.start in covered else fact for fact in counted)]


def may_count(passage: Passage) -> bool:
    """Whether `evidence` may find anything in a text that another text has to say, too; most sentences have nothing.

    Asked of each word by itself, and remembered: only a digit, a month or a number beyond one makes a sure fact, alone
    or beside its neighbours.
    """
    return passage.has_digit or any(map(_counts, passage.words, repeat(passage.language)))


@lru_cache(maxsize=20_000)
def _counts(word: str, language: Language) -> bool:
    facts = evidence(Passage.of(word, language))
    dull = all(fact.kind == "number" and not fact.certain and fact.readings <= _ONE for fact in facts)
    return not dull or scale(word, language)
