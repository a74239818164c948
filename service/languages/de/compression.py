"""Rules that shorten a German sentence: they delete parts that add a side issue.

The rules delete only parts whose two ends are sure, and only parts that do not restrict what the rest states:

- A bracket, unless it may explain a name: a party ("(SPD)") or an abbreviation that the text may use later.
- An aside between two dashes.
- A relative clause inside the sentence, behind a name. It cannot restrict the meaning of the name.
- An adverb that connects the sentence with others or says that something is no longer new ("zudem", "bereits").
- The noun of a verb phrase that a single verb can replace ("kam ums Leben").
"""

import re

from service.languages.de.clauses import (
    FINITE,
    NOUNS,
    PREPOSITIONS,
    QUOTES,
    Token,
    Tokens,
    agrees,
    first_finite,
    has,
    may_be_genitive,
    skip,
    subject_end,
)

_MOST_IN_BRACKETS = 9
_MOST_IN_DASHES = 16
_MOST_IN_RELATIVE = 10
_DASHES = frozenset({"–", "—", "-"})
_ABBREVIATION = re.compile(r"[A-ZÄÖÜ][\w./-]*[A-ZÄÖÜ]\w*")


def without_bracket(tokens: Tokens) -> list[Token] | None:
    """Delete the only bracket of a sentence with its content, if the content is short and explains no name."""
    opening = [n for n, token in enumerate(tokens) if token.text == "("]
    closing = [n for n, token in enumerate(tokens) if token.text == ")"]
    if len(opening) != 1 or len(closing) != 1 or has(tokens, QUOTES):
        return None
    start, end = opening[0], closing[0]
    if start == 0 or not tokens[start].spaced or not 1 < end - start <= _MOST_IN_BRACKETS:
        return None
    if any(_ABBREVIATION.fullmatch(token.text) or token.tag == "NE" for token in tokens[start + 1 : end]):
        return None
    after = tokens[end + 1 : end + 2]
    if after and (after[0].text == "," or (after[0].text[0].isalnum() and not after[0].spaced)):
        return None  # the comma may be part of the bracket's clause, and the bracket may be part of a word
    return [*tokens[:start], *tokens[end + 1 :]]


def without_aside(tokens: Tokens) -> list[Token] | None:
    """Delete the only aside between two dashes, with the dashes."""
    dashes = [n for n, token in enumerate(tokens) if token.text in _DASHES]
    if len(dashes) != 2 or has(tokens, QUOTES | {":"}):  # noqa: PLR2004 - one dash on either side
        return None
    start, end = dashes
    if start < 2 or end + 1 >= len(tokens) or not 1 < end - start <= _MOST_IN_DASHES:  # noqa: PLR2004
        return None
    if not all(tokens[n].spaced for n in (start, start + 1, end)) or tokens[start + 1].text in {"und", "oder", "aber"}:
        return None
    after = tokens[end + 1]
    if not after.spaced and after.text != ",":
        return None
    return [*tokens[:start], *tokens[end + 1 :]]


_AFTER_RELATIVE = FINITE | {"VV(PP)", "VV(INF)", "PTKVZ"}
_RELATIVES = frozenset("der die das dem den dessen deren denen".split())


def without_relative(tokens: Tokens) -> list[Token] | None:
    """Delete the first relative clause that follows a name directly ("Wolfsburg, das am Samstag verlor, …")."""
    for comma in range(2, len(tokens) - 2):
        if tokens[comma].text != "," or tokens[comma - 1].tag != "NE":
            continue
        end = _relative_end(tokens, comma + 1)
        # Without the clause, no comma may separate the verb from what precedes it.
        if end is None or has(tokens[:comma], frozenset({","})) or tokens[end].tag not in _AFTER_RELATIVE:
            continue
        return [*tokens[:comma], *tokens[end:]]
    return None


def _relative_end(tokens: Tokens, start: int) -> int | None:
    """Return the index after a relative clause from ``start`` on and after its final comma, or None."""
    pronoun = start + (tokens[start].tag in PREPOSITIONS)
    if tokens[pronoun].tag not in {"PRELS", "PRELAT"} or tokens[pronoun].text not in _RELATIVES:
        return None
    end = next((n for n in range(start, len(tokens) - 1) if tokens[n].text == ","), None)
    if end is None or tokens[end - 1].tag not in FINITE or end - start > _MOST_IN_RELATIVE:
        return None
    if has(tokens[start:end], QUOTES | _DASHES | {":", "(", ")"}):
        return None
    return end + 1


_CONNECTIVES = frozenset("zudem außerdem ferner überdies ebenso zugleich gleichzeitig wiederum übrigens".split())
_NO_LONGER_NEW = frozenset("bereits schon".split())
_FRONTS = (
    ("darüber", "hinaus"),
    ("zudem",),
    ("außerdem",),
    ("ferner",),
    ("überdies",),
    ("zugleich",),
    ("gleichzeitig",),
    ("unterdessen",),
    ("derweil",),
)
_BEFORE_ADVERB = FINITE | NOUNS | {"PRF", "PPER"}
_AFTER_ADVERB = PREPOSITIONS | {"ART", "PPOSAT", "PIAT", "CARD", "ADJ(A)", "NN", "NE"}


def without_connective(tokens: Tokens) -> list[Token] | None:
    """Delete an adverb that connects the sentence with others, at its beginning or behind its verb."""
    front = next((words for words in _FRONTS if _begins(tokens, words)), None)
    if front is not None:
        return _with_subject_first(tokens, len(front))
    verb = first_finite(tokens)
    if not verb:
        return None
    words = _CONNECTIVES | _NO_LONGER_NEW
    place = next((n for n in range(verb + 1, len(tokens) - 2) if tokens[n].text in words), None)
    if place is None or not _is_loose(tokens, place):
        return None
    return [*tokens[:place], *tokens[place + 1 :]]


def _begins(tokens: Tokens, words: tuple[str, ...]) -> bool:
    return tuple(token.text.lower() for token in tokens[: len(words)]) == words


def _is_loose(tokens: Tokens, place: int) -> bool:
    """Return whether the adverb at ``place`` belongs to the whole clause and not to a neighbouring phrase."""
    word, before, after = tokens[place].text, tokens[place - 1], tokens[place + 1]
    quotes = [n for n, token in enumerate(tokens) if token.text in QUOTES]
    if quotes and quotes[0] < place < quotes[-1]:
        return False
    if word in _NO_LONGER_NEW and after.tag in {"CARD", "ART", "ADJ(A)", "NN", "NE"}:
        return False  # "bereits drei" and "schon der Versuch" stress the phrase
    return before.tag in _BEFORE_ADVERB and after.tag in _AFTER_ADVERB


def _with_subject_first(tokens: Tokens, verb: int) -> list[Token] | None:
    """Delete the words before the verb, and move the subject behind the verb to the beginning."""
    if verb >= len(tokens) or tokens[verb].tag not in FINITE or tokens[-1].text != ".":
        return None
    start = skip(tokens, verb + 1, frozenset({"PRF"}))
    end = subject_end(tokens, start)
    if end is None or not agrees(tokens[verb], tokens[start]) or tokens[start].text in {"es", "kein", "keine"}:
        return None
    if (
        tokens[start].tag == "PIS"
        or may_be_genitive(tokens[end])
        or tokens[end].tag in NOUNS | {"CARD", "KON", "KOKOM"}
    ):
        return None
    if tokens[end].tag in PREPOSITIONS and any(token.tag not in {"NE", "PPER"} for token in tokens[start:end]):
        return None  # the phrase may be an attribute of the subject
    if tokens[end].text in {",", "."} or not _is_nominative(tokens[start:end], tokens[end]):
        return None
    return [*tokens[start:end], tokens[verb], *tokens[verb + 1 : start], *tokens[end:]]


def _is_nominative(subject: Tokens, after: Token) -> bool:
    """Return whether the phrase is surely the subject, because no article of another case or gender follows."""
    if subject[0].text == "der":
        return after.tag != "ART" or after.text in {"den", "einen", "dem", "einem"}
    return after.tag not in {"ART", "PPOSAT", "PIAT"} or after.text in {"den", "einen", "dem", "einem"}


_DIED = {"kam": "starb", "kamen": "starben"}


def with_simple_verb(tokens: Tokens) -> list[Token] | None:
    """Replace "kam … ums Leben" with "starb"."""
    verb = first_finite(tokens)
    if verb is None or tokens[verb].text not in _DIED:
        return None
    end = next((n for n in range(verb, len(tokens) - 2) if tokens[n + 2].text in {".", ","}), len(tokens))
    if end == len(tokens) or [token.text for token in tokens[end : end + 2]] != ["ums", "Leben"]:
        return None
    return [
        *tokens[:verb],
        tokens[verb]._replace(text=_DIED[tokens[verb].text]),
        *tokens[verb + 1 : end],
        *tokens[end + 2 :],
    ]
