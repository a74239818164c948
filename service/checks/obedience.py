"""A check for outputs of a language model, which may obey its source text instead of translating it."""

import math
from collections.abc import Iterator

from service.checks.base import Code, Finding
from service.domain import Span
from service.languages.base import Language

LEAST_REFEREE_SCORE = -4.0
"""The minimum log-probability per token that a small translation model assigns to a translation.

Among 20 correct translations of news, the lowest score of the embedded model was -3.6. Of 20 translations of another
sentence, 18 had a score below -4.0.
"""


def check_obedience(source: str, language: Language, score: float | None) -> Iterator[Finding]:
    """Check whether the model may have obeyed ``source``, which is in ``language``, or invented its answer.

    ``score`` is the log-probability per token of the output according to a small translation model. None or minus
    infinity means that it is unknown.
    """
    found = language.instructions.search(source)
    if found is not None:
        message = "this passage may be an instruction to a language model; check that it was translated, not obeyed"
        yield Finding(Code.INSTRUCTION_IN_SOURCE, message, source=Span(*found.span()))
    if score is not None and math.isfinite(score) and score < LEAST_REFEREE_SCORE:
        message = "a second translation model considers this an unlikely translation of the sentence"
        yield Finding(Code.TRANSLATION_UNSUPPORTED, message)
