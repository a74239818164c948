"""Everything in a text that can be checked against another one, found once a sentence."""

import re
from functools import lru_cache

from service.trust.clocks import clocks
from service.trust.dates import dates
from service.trust.facts import Fact, Language, number_key
from service.trust.quantities import numbers, scale

_DIGIT = re.compile(r"[\d½¼¾]")
_WORD = re.compile(r"[^\W\d_]+")
_ONE = frozenset({number_key(1)})


def evidence(text: str, language: Language) -> list[Fact]:
    """Numbers and dates of ``text``; the digits of a date or a time are no numbers of their own, but can support."""
    dated = [*dates(text, language), *clocks(text, language)]
    covered = {place for fact in dated if fact.certain for place in range(*fact.span)}
    counted = numbers(text, language)
    return [*dated, *(fact._replace(certain=False) if fact.span.start in covered else fact for fact in counted)]


def may_count(text: str, language: Language) -> bool:
    """Whether `evidence` may find anything in ``text`` that another text has to say, too; most sentences have nothing.

    Asked of each word by itself, and remembered: only a digit, a month or a number beyond one makes a sure fact, alone
    or beside its neighbours.
    """
    return _DIGIT.search(text) is not None or any(_counts(word, language) for word in _WORD.findall(text))


@lru_cache(maxsize=20_000)
def _counts(word: str, language: Language) -> bool:
    facts = evidence(word, language)
    dull = all(fact.kind == "number" and not fact.certain and fact.readings <= _ONE for fact in facts)
    return not dull or scale(word, language)
