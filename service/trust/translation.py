"""Checks a translated sentence: a German one and its English one."""

from collections.abc import Iterator
from itertools import chain

from service.trust.facts import Language
from service.trust.figures import figures
from service.trust.findings import Code, Finding
from service.trust.length import length_ratio
from service.trust.names import names
from service.trust.negation import negations
from service.trust.quotations import quoted
from service.trust.repetition import repeated_words
from service.trust.units import units
from service.trust.untranslated import untranslated
from service.types import Span

_LANGUAGES: tuple[Language, Language] = ("de", "en")


def check_sentence(source: str, output: str) -> list[Finding]:
    """The findings of one sentence by itself; spans begin at its own start. Costs about a millisecond."""
    if not any(char.isalnum() for char in output):
        return list(_emptied(source, output))
    return list(
        chain(
            figures(source, output, _LANGUAGES),
            units(source, output, _LANGUAGES),
            names(source, output, _LANGUAGES),
            quoted(source, output),
            negations(source, output, _LANGUAGES),
            repeated_words(source, output),
            length_ratio(source, output),
            untranslated(source, output),
        )
    )


def _emptied(source: str, output: str) -> Iterator[Finding]:
    if any(char.isalpha() for char in source):
        yield Finding(Code.EMPTY_OUTPUT, "nothing was translated", Span(0, len(source)), Span(0, len(output)))
