"""Part-of-speech tagging of German sentences with HanTa, the Hanover Tagger.

The tags are those of the STTS tag set (Schiller et al., 1999). HanTa writes some of them in parts, such as "VV(FIN)".
"""

import re
from collections.abc import Sequence
from functools import cache
from threading import Lock
from typing import NamedTuple

from HanTa.HanoverTagger import HanoverTagger

MOST_TOKENS = 70
MOST_TOKEN_CHARS = 60
"""The time for a word grows faster than its length, so sentences with longer words are not tagged."""

_TOKEN = re.compile(
    r"\d{1,2}\.(?=\s[A-ZÄÖÜ])"  # an ordinal number
    r"|(?:\b[A-Za-zÄÖÜäöü]\.\s?){1,3}(?=\s?[A-Za-zÄÖÜäöü])"  # "z. B."
    r"|\b(?:Dr|Prof|St|Nr|ca|bzw|Mio|Mrd|etc)\."
    r"|\d+(?:-[^\W\d_]+)+"  # "65-jährige"
    r"|\d+(?:[.,:]\d+)*"
    r"|[^\W_]+(?:[-’'/.&][^\W_]+)*-?"
    r"|[^\w\s]|_"
)
_LOCK = Lock()
"""HanTa does not state that it is thread-safe."""


class Token(NamedTuple):
    """A word or a punctuation mark. ``spaced`` states whether white space precedes it."""

    text: str
    lemma: str
    tag: str
    spaced: bool


Tokens = Sequence[Token]


@cache
def _tagger() -> HanoverTagger:
    return HanoverTagger("morphmodel_ger.pgz")


def tagged(sentence: str) -> list[Token]:
    """Split a sentence into tokens and tag them. The result is empty if the sentence or a word of it is too long."""
    found = list(_TOKEN.finditer(sentence))
    forms = [match.group().strip() for match in found]
    if not forms or len(forms) > MOST_TOKENS or max(map(len, forms)) > MOST_TOKEN_CHARS:
        return []
    with _LOCK:
        tags = _tagger().tag_sent(forms)
    spaced = [False, *(sentence[match.start() - 1].isspace() for match in found[1:])]
    return [Token(form, lemma, tag, space) for form, (_, lemma, tag), space in zip(forms, tags, spaced, strict=True)]


def joined(tokens: Tokens) -> str:
    """Return the text of the tokens. No white space precedes the first one."""
    return "".join(" " * (token.spaced and number > 0) + token.text for number, token in enumerate(tokens))


def as_sentence(tokens: Tokens) -> str:
    """Return the text of the tokens with a capital letter at the beginning."""
    text = joined(tokens)
    return text[:1].upper() + text[1:]
