"""Sentence fusion by rule: two statements about one subject become one with *und*."""

import re

from models.train.compress import compress
from models.train.german import FUNCTION_WORDS, is_finite, words

_PRONOUNS = {"Er": {"Der", "Ein"}, "Sie": {"Die", "Eine"}}
_NO_NAMES = ("et", "ert", "en", "end", "ter", "ste", "ster", "st", "lich", "isch", "ig")  # participles and adjectives
_REPORTED = frozenset("sei seien habe hätte hätten wäre wären solle sollte sollten könne müsse werde".split())
_JOINED = re.compile(r" und ([a-zäöüß]+)\b")
_MOST_SUBJECT_WORDS = 4


def fuse(first: str, second: str) -> str | None:
    """Join *Der Mann V1 ... . Er V2 ...* to *Der Mann V1 ... und V2 ...*.

    None where the two subjects differ in gender or number, or where a clause stands that *und* could be taken to go on.
    """
    head = words(second)[:2]
    if len(head) < 2 or head[0] not in _PRONOUNS or not is_finite(head[1]) or not second.startswith(" ".join(head)):
        return None
    verb = _verb_of_subject(first, head[0])
    if verb is None or head[1] in _REPORTED or verb.endswith("n") != head[1].endswith("n"):
        return None
    opening, ending = _plain(first), _plain(second)
    if opening is None or ending is None or " und " in opening or any(map(is_finite, _JOINED.findall(ending))):
        return None
    repeated = head[1] if verb == head[1] else ""  # "ist A und ist B" is "ist A und B"
    return f"{opening[:-1]} und {ending[len(head[0]) + 1 :].removeprefix(repeated + ' ')}"


def _plain(sentence: str) -> str | None:
    """The sentence, shortened where it has clauses; None where clauses stay."""
    shorter = sentence if "," not in sentence else compress(sentence) or sentence
    return None if any(mark in shorter for mark in ",;:(") else shorter


def _verb_of_subject(sentence: str, pronoun: str) -> str | None:
    """The finite verb where a short subject that ``pronoun`` can stand for comes right before it."""
    tokens = words(sentence)[: _MOST_SUBJECT_WORDS + 1]
    at = next((index for index, word in enumerate(tokens) if is_finite(word)), 0)
    subject = tokens[:at]
    if not subject or "und" in subject:
        return None
    named = subject[0].lower() not in FUNCTION_WORDS and all(word[0].isupper() for word in subject)
    if named and subject[0].endswith(_NO_NAMES):
        return None
    return tokens[at] if named or subject[0] in _PRONOUNS[pronoun] or subject == [pronoun] else None
