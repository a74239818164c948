"""Rewording of single German sentences by rules of grammar.

The rules delete brackets, change the order of clauses and phrases, change the tense, and replace words by equivalents
of the same kind. They leave out only what is in brackets. A sentence whose structure they do not recognise is not
reworded.
"""

import re
from collections.abc import Callable

from service.languages.de.clauses import QUOTES, has
from service.languages.de.equivalents import with_equivalents
from service.languages.de.phrases import (
    object_first,
    phrase_first,
    predicate_last,
    source_of_statement,
    speaker_last,
    without_expletive,
)
from service.languages.de.tagging import Token, Tokens, as_sentence, tagged
from service.languages.de.tenses import (
    passive_to_perfect,
    passive_to_preterite,
    perfect_to_preterite,
    preterite_to_perfect,
)
from service.languages.de.word_order import adverbial_first, clause_first, clause_last, speaker_first, subject_first

_MOST_IN_BRACKETS = 9

_ABBREVIATED = re.compile(r"[IVX]+|[A-ZÄÖÜ]|Corp|Inc|Co|Ltd|Jr|Sr|usw|etc\.?|bzw\.?")
"""After one of these words, the final stop may also be the mark of an abbreviation or an ordinal number."""

Rule = Callable[[Tokens], list[Token] | None]
_ORDERS: tuple[Rule, ...] = (
    subject_first,
    adverbial_first,
    clause_last,
    clause_first,
    speaker_first,
    speaker_last,
    without_expletive,
    predicate_last,
    source_of_statement,
    phrase_first,
    object_first,
)
_TENSES: tuple[Rule, ...] = (
    passive_to_perfect,
    passive_to_preterite,
    perfect_to_preterite,
    preterite_to_perfect,
)


def without_brackets(tokens: Tokens) -> list[Token] | None:
    """Delete the only bracket of a sentence with its content, if the content is short."""
    opening = [n for n, token in enumerate(tokens) if token.text == "("]
    closing = [n for n, token in enumerate(tokens) if token.text == ")"]
    if len(opening) != 1 or len(closing) != 1 or has(tokens, QUOTES):
        return None
    start, end = opening[0], closing[0]
    if start == 0 or not tokens[start].spaced or not 1 < end - start <= _MOST_IN_BRACKETS:
        return None
    after = tokens[end + 1 : end + 2]
    if after and (after[0].text == "," or (after[0].text[0].isalnum() and not after[0].spaced)):
        return None  # the comma may be part of the bracket's clause, and the bracket may be part of a word
    return [*tokens[:start], *tokens[end + 1 :]]


_KINDS: tuple[tuple[Rule, ...], ...] = ((without_brackets,), _ORDERS, _TENSES, (with_equivalents,))


def reworded(sentence: str) -> str | None:
    """Return another wording of a sentence with the same content, or None if no rule applies.

    At most one rule of each kind is applied: brackets, order, tense, and equivalents.
    """
    tokens: Tokens = tagged(sentence)
    if not tokens or tokens[-1].text[-1].isalnum() or _ABBREVIATED.fullmatch(tokens[max(0, len(tokens) - 2)].text):
        return None
    changed = False
    for rules in _KINDS:
        made = next((made for rule in rules if (made := rule(tokens)) is not None), None)
        if made is not None:
            tokens, changed = made, True
    return as_sentence(tokens) if changed else None
