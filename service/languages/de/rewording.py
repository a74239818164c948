"""Rewording of single German sentences by rules of grammar.

The rules delete brackets, change the order of clauses and phrases, and change the tense. They add no content word and
leave out only what is in brackets. A sentence whose structure they do not recognise is not reworded.
"""

from collections.abc import Callable

from service.languages.de.clauses import QUOTES, Token, Tokens, as_sentence, has, tagged
from service.languages.de.tenses import passive_to_perfect, perfect_to_preterite, preterite_to_perfect
from service.languages.de.word_order import adverbial_first, clause_first, clause_last, speaker_first, subject_first

_MOST_IN_BRACKETS = 9

Rule = Callable[[Tokens], list[Token] | None]
_ORDERS: tuple[Rule, ...] = (subject_first, adverbial_first, clause_last, clause_first, speaker_first)
_TENSES: tuple[Rule, ...] = (passive_to_perfect, perfect_to_preterite, preterite_to_perfect)


def without_brackets(tokens: Tokens) -> list[Token] | None:
    """Delete the only bracket of a sentence with its content, if the content is short."""
    opening = [n for n, token in enumerate(tokens) if token.text == "("]
    closing = [n for n, token in enumerate(tokens) if token.text == ")"]
    if len(opening) != 1 or len(closing) != 1 or has(tokens, QUOTES):
        return None
    start, end = opening[0], closing[0]
    if start == 0 or not tokens[start].spaced or not 1 < end - start <= _MOST_IN_BRACKETS:
        return None
    if tokens[end + 1 : end + 2] and tokens[end + 1].text == ",":  # the comma may be part of the bracket's clause
        return None
    return [*tokens[:start], *tokens[end + 1 :]]


def reworded(sentence: str) -> str | None:
    """Return another wording of a sentence with the same content, or None if no rule applies.

    At most one rule of each kind is applied: brackets, order, and tense.
    """
    tokens: Tokens = tagged(sentence)
    if not tokens:
        return None
    changed = False
    for rules in ((without_brackets,), _ORDERS, _TENSES):
        made = next((made for rule in rules if (made := rule(tokens)) is not None), None)
        if made is not None:
            tokens, changed = made, True
    return as_sentence(tokens) if changed else None
