"""Everything in a text that can be checked against another one, found once a sentence."""

from dataclasses import replace

from service.trust.clocks import clocks
from service.trust.dates import dates
from service.trust.facts import Fact, Language
from service.trust.quantities import numbers


def evidence(text: str, language: Language) -> list[Fact]:
    """Numbers and dates of ``text``; the digits of a date or a time are no numbers of their own, but can support."""
    dated = [*dates(text, language), *clocks(text, language)]
    covered = {place for fact in dated if fact.certain for place in range(*fact.span)}
    counted = numbers(text, language)
    return [*dated, *(replace(fact, certain=False) if fact.span.start in covered else fact for fact in counted)]
