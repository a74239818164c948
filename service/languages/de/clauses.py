"""Part-of-speech tagging of German sentences, and functions that find finite verbs, clause ends and subjects.

The tagger is HanTa, the Hanover Tagger. Its tags follow the STTS tag set (Schiller et al., 1999), but it writes some of
them differently ("VV(FIN)" for "VVFIN"). The functions recognise simple structures only. For any other structure, they
return None or False.
"""

import re
from collections.abc import Sequence
from functools import cache, lru_cache
from threading import Lock
from typing import NamedTuple

from HanTa.HanoverTagger import HanoverTagger

MOST_TOKENS = 70
MOST_TOKEN_CHARS = 60
"""The maximum length of a word. A sentence with a longer word is not tagged.

The tagging time grows faster than linearly with the length of a word.
"""

_TOKEN = re.compile(
    r"\d{1,2}\.(?=\s\w|[/–-]\d)"  # an ordinal number ("14. Juli", "14. und 15. Juli")
    r"|(?:\b[A-Za-zÄÖÜäöü]\.\s?){1,3}(?=\s?[A-Za-zÄÖÜäöü])"  # "z. B."
    r"|\b(?:Dr|Prof|St|Nr|ca|bzw|Mio|Mrd|etc)\."
    r"|\d+(?:-[^\W\d_]+)+"  # "65-jährige"
    r"|\d+(?:[.,:]\d+)*"
    r"|[^\W_]+(?:[-’'/.&][^\W_]+)*-?"
    r"|[^\w\s]|_"
)
_LOCK = Lock()
"""Held during each call of the tagger, because HanTa is not documented as thread-safe."""


class Token(NamedTuple):
    """A word or a punctuation mark. ``spaced`` states whether white space precedes the token."""

    text: str
    lemma: str
    tag: str
    spaced: bool


Tokens = Sequence[Token]


@cache
def _tagger() -> HanoverTagger:
    return HanoverTagger("morphmodel_ger.pgz")


def tagged(sentence: str) -> list[Token]:
    """Split a sentence into tagged tokens. The result is empty if the sentence or one of its words is too long."""
    found = list(_TOKEN.finditer(sentence))
    forms = [match.group().strip() for match in found]
    if not forms or len(forms) > MOST_TOKENS or max(map(len, forms)) > MOST_TOKEN_CHARS:
        return []
    with _LOCK:
        tags = _tagger().tag_sent(forms)
    spaced = [False, *(sentence[match.start() - 1].isspace() for match in found[1:])]
    return [Token(form, lemma, tag, space) for form, (_, lemma, tag), space in zip(forms, tags, spaced, strict=True)]


_LEAST_KNOWN = -17.0
"""The lowest log-probability that the tagger gives to a word of its lexicon. Compounds and unknown words have less."""
_NO_WORDS = frozenset({"XY", "FM"})
_LEAST_PART_CHARS = 4


def _is_known(word: str, tag: str | None = None) -> bool:
    """Return whether the lexicon of the tagger contains a word, with ``tag`` if it is set."""
    if len(word) > MOST_TOKEN_CHARS:
        return False
    with _LOCK:
        scores = _tagger().tag_word(word)
    return any(score >= _LEAST_KNOWN and (found == tag if tag else found not in _NO_WORDS) for found, score in scores)


def _base_form(noun: str) -> str:
    with _LOCK:
        lemma, _ = _tagger().analyze(noun)
    return str(lemma)


def is_base_form(word: str) -> bool:
    """Return whether the lexicon of the tagger contains ``word`` as a common noun, and this is its base form."""
    return _is_known(word, "NN") and _base_form(word) == word


@lru_cache(maxsize=2_000)
def is_simple_noun(word: str) -> bool:
    """Return whether the lexicon of the tagger contains a common noun that is certainly not a compound.

    A noun is possibly a compound if it consists of two words of the lexicon, or if it begins or ends with one of at
    least `_LEAST_PART_CHARS` letters.
    """
    if not _is_known(word, "NN"):
        return False
    base = _base_form(word).lower()
    for end in range(2, len(base) - 1):
        parts = base[:end], base[end:]
        known = [_is_known(part) or _is_known(part.capitalize()) for part in parts]
        if all(known) or any(
            found and len(part) >= _LEAST_PART_CHARS for found, part in zip(known, parts, strict=True)
        ):
            return False
    return True


def joined(tokens: Tokens) -> str:
    """Return the text of the tokens, without white space before the first token."""
    return "".join(" " * (token.spaced and number > 0) + token.text for number, token in enumerate(tokens))


def as_sentence(tokens: Tokens) -> str:
    """Return the text of the tokens with a capital letter at the beginning."""
    text = joined(tokens)
    return text[:1].upper() + text[1:]


FINITE = frozenset({"VV(FIN)", "VA(FIN)", "VM(FIN)"})
NOUNS = frozenset({"NN", "NE", "NNA", "NNI", "FM"})
PREPOSITIONS = frozenset({"APPR", "APPRART"})
QUOTES = frozenset('„“”"»«‚‘›‹')
BREAKS = frozenset(":;–—()[]/…!?-")
"""Punctuation that separates parts of a sentence. Only the rules for speakers move words across it."""
REPORTING = re.compile(
    r"(?:sag|erklär|teil|beton|kündig|mein|bericht|schrieb|schreib|warn|forder|behaupt|räum|gab|gib|versicher|vermut"
    r"|glaub|kritisier|äußer|bestätig)"
)
"""The beginnings of verbs that introduce reported speech."""

_NOMINATIVE = frozenset(
    "der die das ein eine kein keine dieser diese dieses jeder jede jedes mehrere viele einige alle beide"
    " zahlreiche sein seine ihr ihre unser unsere zwei drei vier fünf sechs sieben acht neun zehn elf zwölf".split()
)
_DETERMINERS = frozenset({"ART", "PDAT", "PIAT", "PPOSAT", "CARD", "PIS", "ADJ(A)"})
_SINGULAR = frozenset("der das ein eine dieser dieses jeder jede jedes kein er es man".split())
_PLURAL = frozenset(
    "mehrere viele einige alle beide zahlreiche zwei drei vier fünf sechs sieben acht neun zehn elf zwölf wir".split()
)
_SINGULAR_VERBS = frozenset("kann begann gewann".split())
_QUANTITIES = frozenset("Zahl Anzahl Vielzahl Reihe Menge Mehrzahl Hälfte Dutzend Gruppe".split())
_OBLIQUE = ("en", "em")
"""Endings that show that an adjective without a determiner is not in the nominative."""
_GENITIVE = frozenset("des der eines einer seines seiner ihrer ihres dieses dieser".split())
_SUBJECT_PRONOUNS = frozenset("er sie es wir man".split())
_PLURAL_ENDINGS = ("n", "er", "e", "s")


def has(tokens: Tokens, marks: frozenset[str]) -> bool:
    """Return whether one of the tokens is one of ``marks``."""
    return any(token.text in marks for token in tokens)


def first_finite(tokens: Tokens) -> int | None:
    """Return the index of the first finite verb, or None."""
    return next((number for number, token in enumerate(tokens) if token.tag in FINITE), None)


def clause_end(tokens: Tokens, start: int) -> int:
    """Return the index of the first comma or full stop from ``start`` on, or the last index if there is none."""
    return next((n for n in range(start, len(tokens)) if tokens[n].text in {",", "."}), len(tokens) - 1)


def skip(tokens: Tokens, start: int, tags: frozenset[str]) -> int:
    """Return the index of the first token from ``start`` on whose tag is not in ``tags``.

    If there is no such token, return the number of tokens.
    """
    return next((n for n in range(start, len(tokens)) if tokens[n].tag not in tags), len(tokens))


def lower_initial(token: Token) -> Token:
    """Return the token as it is written inside a sentence. Nouns and acronyms are not changed."""
    text = token.text
    if token.tag in NOUNS or (text.isupper() and len(text) > 1):
        return token
    return token._replace(text=text[:1].lower() + text[1:])


def subject_end(tokens: Tokens, start: int) -> int | None:
    """Return the index after the subject that starts at ``start``, or None if there is no simple subject.

    A subject is a pronoun, or a noun with its determiner, adjectives, name and attributes in the genitive. A noun
    without a determiner is not a subject if it may be an object.
    """
    if start >= len(tokens):
        return None
    first = tokens[start]
    if first.tag == "PPER" or first.text.lower() == "man":
        return start + 1 if first.text.lower() in _SUBJECT_PRONOUNS else None
    determined = first.text.lower() in _NOMINATIVE and first.tag in _DETERMINERS
    if not determined and first.tag not in NOUNS | {"CARD", "ADJ(A)"}:
        return None
    adverb = start + determined
    if (
        determined
        and tokens[adverb : adverb + 2]
        and [token.tag for token in tokens[adverb : adverb + 2]] == ["ADV", "ADJ(A)"]
    ):
        adverb += 1  # "ein bislang unbekannter Täter"
    noun = skip(tokens, adverb, frozenset({"ADJ(A)", "CARD"}))
    if not determined and any(token.text.endswith(_OBLIQUE) for token in tokens[start:noun] if token.tag == "ADJ(A)"):
        return None
    end = _name_end(tokens, noun)
    if end is None or (not determined and end == start + 1 and _may_be_object(first)):
        return None
    return _genitives_end(tokens, end)


def _name_end(tokens: Tokens, noun: int) -> int | None:
    """Return the index after the noun at index ``noun`` and a name that follows it.

    Return None if there is no noun, or if a second common noun follows. The second noun is not part of the same noun
    phrase ("bemerkte der Pilot Probleme").
    """
    end = skip(tokens, noun, NOUNS)
    if end == noun or any(token.tag not in {"NE", "FM"} for token in tokens[noun + 1 : end]):
        return None
    return end


def _may_be_object(noun: Token) -> bool:
    """Return whether a noun without a determiner may be an object: a common noun without a plural ending."""
    return noun.tag == "NN" and not noun.text.endswith(_PLURAL_ENDINGS)


def _genitives_end(tokens: Tokens, end: int) -> int | None:
    if tokens[end : end + 2] and tokens[end].text == "von" and tokens[end - 1].text in _QUANTITIES:
        noun = skip(tokens, end + 1, frozenset({"ART", "PPOSAT", "ADJ(A)", "CARD"}))
        return None if tokens[noun : noun + 1] and tokens[noun].tag not in NOUNS else noun + 1
    while end < len(tokens) and tokens[end].text in _GENITIVE and tokens[end].tag in {"ART", "PPOSAT", "PDAT"}:
        noun = skip(tokens, end + 1, frozenset({"ADJ(A)", "CARD"}))
        after = skip(tokens, noun, NOUNS)
        if after == noun:
            return None
        end = after
    return end


def may_be_genitive(token: Token) -> bool:
    """Return whether the token is a determiner whose form may be a genitive ("der", "unserer", "dieses")."""
    return token.tag in {"ART", "PPOSAT", "PDAT", "PIAT"} and (
        token.text in {"der", "des"} or token.text.endswith(("er", "es"))
    )


def has_loose_relative(tokens: Tokens, verb: int) -> bool:
    """Return whether a relative clause follows the clause of the verb at index ``verb``, but not directly after a noun.

    A number counts as a noun. If the word order changed, the relative clause might seem to describe another noun.
    """
    end = clause_end(tokens, verb)
    if tokens[end].text != "," or end + 2 >= len(tokens) or tokens[end - 1].tag in NOUNS | {"CARD"}:
        return False
    first, second = tokens[end + 1], tokens[end + 2]
    return first.tag in {"PRELS", "PRELAT", "PWAV"} or (first.tag in PREPOSITIONS and second.tag in {"PRELS", "PRELAT"})


def continues(tokens: Tokens, verb: int) -> bool:
    """Return whether a second verb may share the subject of the verb at index ``verb`` ("X kam und ging")."""
    return any(
        tokens[n].text in {"und", ",", "sowie", "aber"}
        and (
            tokens[n + 1].tag in FINITE
            or (tokens[n + 1].tag in NOUNS and tokens[n + 1].text[0].islower())
            or (tokens[n].text == "und" and tokens[n - 1].tag in {"VV(PP)", "VV(INF)", "VA(PP)", "VA(INF)"})
        )
        for n in range(verb, len(tokens) - 1)
    )


def agrees(verb: Token, first: Token) -> bool:
    """Return whether a third-person verb may agree in number with the subject whose first word is ``first``."""
    word = first.text.lower()
    if verb.text == "sind" or (verb.text.endswith("n") and verb.text not in _SINGULAR_VERBS):
        return word not in _SINGULAR
    return word not in _PLURAL and not first.text.isdigit()


def is_subject(tokens: Tokens, verb: int) -> bool:
    """Return whether the tokens before the verb at index ``verb`` begin like a subject that agrees with this verb.

    Only one constituent precedes the verb of a main clause, so the end of a subject with attributes is not checked. If
    a pronoun that may be the subject follows the verb, the result is False.
    """
    noun = subject_end(tokens, 0)
    if noun is None or not agrees(tokens[verb], tokens[0]):
        return False
    if tokens[verb + 1 : verb + 2] and tokens[verb + 1].text in _SUBJECT_PRONOUNS:  # "Verletzte gab es keine"
        return False
    link = tokens[noun]
    return noun == verb or (
        (link.tag in PREPOSITIONS or link.text in {"und", "sowie"}) and tokens[verb - 1].tag in NOUNS
    )
