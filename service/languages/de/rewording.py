"""Rewording of single German sentences by rules of grammar.

The rules delete brackets with their content, change the order of clauses and phrases, change the tense, replace words
with equivalents, and correct some misspelt words. They remove no content outside brackets. A sentence whose structure
they do not recognise is not reworded.

The list ``equivalents`` contains pairs of words or phrases with the same meaning that need the same case and word
order. Each condition in the list states where the first member of a pair certainly has this meaning:

- ``adverb``: it is an adverb, and is not the complement of a preposition or of a clause that follows.
- ``inner``: it fulfils the condition ``adverb`` and is not the last word of its clause, which may be a predicate.
- ``number``: a number follows.
- ``counted``: a preposition precedes it, and a number follows.
- ``genitive``: a determiner in the genitive follows.
- ``preposition``: it is tagged as a preposition, or a number follows.
- ``time``: a noun such as "Jahr" follows, which names a period.
- ``attribute``: it is an attribute of a noun.
- ``relative``: it is a relative pronoun directly after its noun.
- ``conjunction``: it introduces a subordinate clause that is not part of a correlation ("deshalb, weil").
- ``verb``: it is a finite verb without a particle.
- ``phrase``: a noun phrase or a prepositional phrase follows.
- ``noun``: a number precedes it.
- ``amount``: a noun precedes it, such as a unit.
- ``alone``: it follows no comma, and the rest of the sentence contains no coordinating conjunction such as "und".
- ``unit``: a number in digits other than 1 precedes it.

Words in quotations are not replaced.
"""

import re
from collections.abc import Callable, Mapping
from functools import cache

from service.languages.de.clauses import (
    FINITE,
    NOUNS,
    PREPOSITIONS,
    QUOTES,
    Token,
    Tokens,
    as_sentence,
    has,
    may_be_genitive,
    skip,
    tagged,
)
from service.languages.de.grammar import LISTS
from service.languages.de.phrases import (
    object_first,
    phrase_first,
    predicate_last,
    source_of_statement,
    speaker_last,
    without_expletive,
)
from service.languages.de.sentence_errors import with_correct_spelling
from service.languages.de.tenses import (
    passive_to_perfect,
    passive_to_preterite,
    perfect_to_preterite,
    preterite_to_perfect,
)
from service.languages.de.word_order import adverbial_first, clause_first, clause_last, speaker_first, subject_first

_MOST_IN_BRACKETS = 9

_ABBREVIATED = re.compile(r"[IVX]+|[A-ZÄÖÜ]|Corp|Inc|Co|Ltd|Jr|Sr|usw|etc\.?|bzw\.?")
"""After one of these words, the full stop may belong to an abbreviation or an ordinal number."""

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
    """Delete the brackets of a sentence and their content, if there is exactly one pair and the content is short.

    Return None if the sentence contains a quotation, if a comma follows the brackets, or if they may be part of a word.
    """
    opening = [n for n, token in enumerate(tokens) if token.text == "("]
    closing = [n for n, token in enumerate(tokens) if token.text == ")"]
    if len(opening) != 1 or len(closing) != 1 or has(tokens, QUOTES):
        return None
    start, end = opening[0], closing[0]
    if start == 0 or not tokens[start].spaced or not 1 < end - start <= _MOST_IN_BRACKETS:
        return None
    after = tokens[end + 1 : end + 2]
    if after and (after[0].text == "," or (after[0].text[0].isalnum() and not after[0].spaced)):
        return None  # the comma may depend on the brackets, and they may be part of a word ("(Ober)Bürgermeister")
    return [*tokens[:start], *tokens[end + 1 :]]


_ADVERBS = frozenset({"ADV", "ADJ(D)", "PROAV", "KON"})
_NO_ADVERB_AFTER = frozenset("mit zu zum zur , dass".split())
_NO_ADVERB_BEFORE = frozenset("von wie nie je niemals so zu nicht sehr ganz noch".split())
_GENITIVE_DETERMINERS = frozenset(
    "des der einer eines seiner seines ihrer ihres dieser dieses mehrerer eurer unserer unseres".split()
)
_YEAR = re.compile(r"(?:19|20)\d\d")
_AMOUNTS = frozenset("Prozent Euro Dollar Millionen Milliarden".split())
_PERIODS = frozenset("Jahr Jahre Jahres Jahren Woche Wochen Monat Monats Monaten Tagen".split())
_DAYS = frozenset("Montag Dienstag Mittwoch Donnerstag Freitag Samstag Sonnabend Sonntag".split())
_QUESTIONS = frozenset("unklar fragt fragte fragen frage offen weiß wissen klären prüfen entscheiden".split())
_CORRELATES = frozenset("deshalb daher darum deswegen dann so jetzt nun heute damals nur".split())
_TIMES = frozenset("Zeit Tag Tage Moment Augenblick Jahr Jahre Stunde Stunden".split())
"""After one of these nouns, "da" may mean "when"."""
_IDIOMS = frozenset("aufrecht am zurück Leben nicht".split())
_CONJUNCTIONS = frozenset("und oder sowie sondern".split())

Condition = Callable[[Tokens, int, int], bool]
"""Returns whether the tokens from a start index to an exclusive end index may be replaced."""


def _tag(tokens: Tokens, place: int) -> str:
    return tokens[place].tag if 0 <= place < len(tokens) else ""


def _text(tokens: Tokens, place: int) -> str:
    return tokens[place].text if 0 <= place < len(tokens) else ""


def _is_adverb(tokens: Tokens, start: int, end: int) -> bool:
    before, after = _text(tokens, start - 1), _text(tokens, end)
    return tokens[start].tag in _ADVERBS and before not in _NO_ADVERB_BEFORE and after not in _NO_ADVERB_AFTER


def _is_inner_adverb(tokens: Tokens, start: int, end: int) -> bool:
    return _is_adverb(tokens, start, end) and _text(tokens, end) not in {".", ",", ":", ";"}


def _precedes_number(tokens: Tokens, start: int, end: int) -> bool:
    del start
    return _tag(tokens, end) == "CARD"


def _is_counted(tokens: Tokens, start: int, end: int) -> bool:
    return _tag(tokens, end) == "CARD" and _tag(tokens, start - 1) in PREPOSITIONS


def _governs_genitive(tokens: Tokens, start: int, end: int) -> bool:
    del start
    return _text(tokens, end) in _GENITIVE_DETERMINERS


def _is_preposition(tokens: Tokens, start: int, end: int) -> bool:
    return tokens[start].tag in PREPOSITIONS or _tag(tokens, end) == "CARD"


def _is_period(tokens: Tokens, start: int, end: int) -> bool:
    noun = end + (_tag(tokens, end) == "CARD")
    return _text(tokens, noun) in _PERIODS or (tokens[start].text == "vergangenen" and _text(tokens, noun) in _DAYS)


def _is_attribute(tokens: Tokens, start: int, end: int) -> bool:
    return tokens[start].tag in {"ADJ(A)", "PIAT"} and _tag(tokens, end) in NOUNS | {"ADJ(A)", "CARD"}


def _is_relative(tokens: Tokens, start: int, end: int) -> bool:
    if tokens[start].tag not in {"PRELS", "PWS", "PWAT"} or _tag(tokens, end) in NOUNS | {"ADJ(A)"}:
        return False
    asks = any(token.text in _QUESTIONS for token in tokens[:start])
    return _text(tokens, start - 1) == "," and _tag(tokens, start - 2) in NOUNS and not asks


def _is_conjunction(tokens: Tokens, start: int, end: int) -> bool:
    if tokens[start].tag != "KOUS" or _tag(tokens, end) in FINITE:
        return False
    if start and (_text(tokens, start - 1) != "," or has(tokens[:start], _CORRELATES)):
        return False
    return tokens[start].text != "da" or _tag(tokens, start - 2) not in NOUNS or _text(tokens, start - 2) not in _TIMES


def _is_verb(tokens: Tokens, start: int, end: int) -> bool:
    clause = tokens[end : next((n for n in range(end, len(tokens)) if tokens[n].text == ","), len(tokens))]
    has_particle = any(token.tag == "PTKVZ" for token in clause)
    before = tokens[start - 1] if start else tokens[0]
    beginning = max((n for n in range(start) if tokens[n].text == ","), default=0)
    if any(token.tag in {"VA(FIN)", "VM(FIN)"} for token in tokens[beginning:start]):
        return False  # the word is a participle or an infinitive with a wrong tag
    is_idiom = has([before, *clause], _IDIOMS) or before.tag in {"PTKVZ", "ADJ(D)"}
    return tokens[start].tag == "VV(FIN)" and not has_particle and not is_idiom


def _precedes_phrase(tokens: Tokens, start: int, end: int) -> bool:
    del start
    return _tag(tokens, end) in NOUNS | PREPOSITIONS | {"ART", "ADJ(A)", "CARD", "PPOSAT", "PIAT"}


def _follows_noun(tokens: Tokens, start: int, end: int) -> bool:
    del end
    return _tag(tokens, start - 1) in NOUNS


def _is_counted_noun(tokens: Tokens, start: int, end: int) -> bool:
    del end
    return _tag(tokens, start - 1) == "CARD"


def _is_alone(tokens: Tokens, start: int, end: int) -> bool:
    others = [*tokens[:start], *tokens[end:]]
    return not has(others, _CONJUNCTIONS) and _text(tokens, start - 1) != ","


def _follows_number(tokens: Tokens, start: int, end: int) -> bool:
    del end
    number = _text(tokens, start - 1)
    return number[:1].isdigit() and number != "1"


_CONDITIONS: Mapping[str, Condition] = {
    "adverb": _is_adverb,
    "inner": _is_inner_adverb,
    "number": _precedes_number,
    "counted": _is_counted,
    "genitive": _governs_genitive,
    "preposition": _is_preposition,
    "time": _is_period,
    "attribute": _is_attribute,
    "relative": _is_relative,
    "conjunction": _is_conjunction,
    "verb": _is_verb,
    "phrase": _precedes_phrase,
    "noun": _is_counted_noun,
    "amount": _follows_noun,
    "alone": _is_alone,
    "unit": _follows_number,
}


@cache
def _equivalents() -> Mapping[tuple[str, ...], tuple[tuple[str, ...], str]]:
    """Return a mapping of the words of each phrase to the words of its replacement and the name of its condition.

    The name is empty if there is no condition.
    """
    forms = LISTS.forms("equivalents")
    return {tuple(key.split()): (tuple(values[0].split()), "".join(values[1:])) for key, values in forms.items()}


@cache
def _most_words() -> int:
    return max(map(len, _equivalents()))


def _replaced(tokens: Tokens, start: int) -> tuple[list[Token], int] | None:
    """Return the replacement of the phrase that starts at ``start``, and the index after the phrase, or None."""
    for count in range(_most_words(), 0, -1):
        phrase = [token.text for token in tokens[start : start + count]]
        if len(phrase) < count:
            continue
        lower = [phrase[0][:1].lower() + phrase[0][1:], *phrase[1:]] if start == 0 else phrase
        found = _equivalents().get(tuple(phrase)) or _equivalents().get(tuple(lower))
        if found is None or (found[1] and not _CONDITIONS[found[1]](tokens, start, start + count)):
            continue
        # A word that the sentence already contains is not used again.
        if len(found[0]) == 1 and any(token.text.lower() == found[0][0].lower() for token in tokens):
            continue
        tag = tokens[start].tag
        return [Token(word, word, tag, spaced=True) for word in found[0]], start + count
    return None


def _year(tokens: Tokens, start: int) -> tuple[list[Token], int] | None:
    """Replace "im Jahr 2005" with "2005", or vice versa, after a verb or at the beginning of the sentence."""
    before = _tag(tokens, start - 1)
    if start and before not in FINITE | {"PRF"}:
        return None
    if tokens[start].text.lower() == "im" and _text(tokens, start + 1) in {"Jahr", "Jahre"}:
        is_year = _YEAR.fullmatch(_text(tokens, start + 2)) is not None and _tag(tokens, start + 3) not in NOUNS
        return ([tokens[start + 2]], start + 3) if is_year else None
    if _YEAR.fullmatch(tokens[start].text) is None or _tag(tokens, start + 1) in NOUNS | {"ADJ(A)", "CARD", "KON"}:
        return None
    words = [Token("im", "im", "APPRART", spaced=True), Token("Jahr", "Jahr", "NN", spaced=True)]
    return [*words, tokens[start]._replace(spaced=True)], start + 1


def _further(tokens: Tokens, start: int) -> tuple[list[Token], int] | None:
    """Exchange "weitere" and the number after it ("weitere zwei Länder" to "zwei weitere Länder")."""
    if tokens[start].text.lower() not in {"weitere", "weiteren"} or _tag(tokens, start + 1) != "CARD":
        return None
    if _tag(tokens, start + 2) not in NOUNS or _text(tokens, start + 2) in _AMOUNTS:
        return None
    number, word = tokens[start + 1], tokens[start]
    return [number, word._replace(text=word.text.lower(), spaced=True)], start + 2


def _source(tokens: Tokens, start: int) -> tuple[list[Token], int] | None:
    """Replace "laut" after a verb or noun with "zufolge", or "zufolge" with "laut" ("laut dem Bericht")."""
    is_before = tokens[start].text == "laut" and tokens[start].tag in PREPOSITIONS
    if _tag(tokens, start - 1) not in (FINITE | {"PRF"} | NOUNS if is_before else FINITE | {"PRF"}):
        return None
    first = start + is_before
    noun = skip(tokens, first, frozenset({"ART", "ADJ(A)"}))
    end = skip(tokens, noun, frozenset({"NE"})) if _tag(tokens, noun) == "NE" else noun + 1
    is_bare = noun == first
    if _tag(tokens, noun) not in NOUNS or _tag(tokens, end) in NOUNS | {"ADJ(A)", "CARD"} or _text(tokens, end) == ",":
        return None
    if is_bare and (is_before or not tokens[noun].text.endswith("n")):
        return None
    phrase = [token._replace(spaced=True) for token in tokens[first:end]]
    if not is_before:
        head = Token("laut", "laut", "APPR", spaced=True)
        return ([head, *phrase], end + 1) if _text(tokens, end) == "zufolge" else None
    if end >= len(tokens) or may_be_genitive(tokens[end]) or tokens[end].tag in PREPOSITIONS | {"KON"}:
        return None
    return [*phrase, Token("zufolge", "zufolge", "APPO", spaced=True)], end


def _first_found(tokens: Tokens, place: int) -> tuple[list[Token], int] | None:
    """Return the new tokens for the phrase that starts at ``place``, and the index after the phrase, or None."""
    rules = (_replaced, _year, _further, _source)
    return next((found for rule in rules if (found := rule(tokens, place)) is not None), None)


def with_equivalents(tokens: Tokens) -> list[Token] | None:
    """Replace the words of a sentence that have equivalents, except in quotations. Return None if no word has one."""
    made: list[Token] = []
    quotes = [n for n, token in enumerate(tokens) if token.text in QUOTES]
    quoted = range(quotes[0], quotes[-1]) if quotes else range(0)
    place, changed = 0, False
    while place < len(tokens):
        found = None if place in quoted else _first_found(tokens, place)
        if found is None:
            made.append(tokens[place])
            place += 1
        else:
            words, place = found
            made += [words[0]._replace(spaced=bool(made)), *words[1:]]
            changed = True
    return made if changed else None


_KINDS: tuple[tuple[Rule, ...], ...] = ((without_brackets,), _ORDERS, _TENSES, (with_equivalents,))


def reworded(sentence: str) -> str | None:
    """Return another wording of a sentence with the same content, or None if no rule applies.

    At most one rule of each kind is applied: brackets, order, tense, and equivalents. No rule is applied if the
    sentence is too long to be tagged, has no punctuation mark at its end, or may end with an abbreviation. The spelling
    is corrected in any case (see `with_correct_spelling`).
    """
    corrected = with_correct_spelling(sentence)
    unchanged = None if corrected == sentence else corrected
    tokens: Tokens = tagged(corrected)
    if not tokens or tokens[-1].text[-1].isalnum() or _ABBREVIATED.fullmatch(tokens[max(0, len(tokens) - 2)].text):
        return unchanged
    changed = False
    for rules in _KINDS:
        made = next((made for rule in rules if (made := rule(tokens)) is not None), None)
        if made is not None:
            tokens, changed = made, True
    return as_sentence(tokens) if changed else unchanged
