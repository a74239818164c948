"""A fuzz target for cache entries: an entry is a valid result or raises ValueError, which makes it a miss.

The input is the JSON text of an entry.
"""

import zlib
from collections.abc import Callable
from contextlib import suppress
from typing import Any, cast

from service.cache import entries
from service.cache.redis import MOST_ENTRY_BYTES, pack, unpack
from service.domain import Span
from service.languages.base import LanguagePair
from service.registry.manifest import Acceptance
from service.summarization.candidates import CandidateKind, Request
from service.summarization.rewriting import WordingKind
from service.translation.postprocessing import SentenceKind
from service.translation.preparation import Sentence, SentenceConstraints
from tests.fuzz.target import Target, encoded

SOURCE = "Der Rat zahlt 12 Euro."
MEMBERS = ("Der Rat zahlt.", "Er zahlt 12 Euro.")
WANTED = SentenceConstraints(SOURCE, Sentence(Span(0, len(SOURCE)), SOURCE, has_letters=True), (), aligned=True)
UNUSED = cast("Any", None)  # decoding needs no model
LANGUAGES = LanguagePair.of("de", "en")
DECODERS: tuple[Callable[[bytes], Any], ...] = (
    lambda entry: SentenceKind(UNUSED, LANGUAGES).decode(entry, WANTED),
    lambda entry: WordingKind(Acceptance()).decode(entry, MEMBERS),
    lambda entry: CandidateKind(Acceptance(), UNUSED, LANGUAGES.source).decode(entry, Request("headline", MEMBERS, 70)),
)


def work(text: str) -> list[Any]:
    """Decode an entry with each decoder, both compressed and as it is. Return the valid results."""
    found: list[Any] = []
    for entry in (zlib.compress(encoded(text)), encoded(text)):
        for decode in DECODERS:
            with suppress(ValueError):
                found.append(decode(entry))
    return found


def check(text: str) -> None:
    """Raise an exception if a decoder raises an error other than ValueError, or returns a result of the wrong shape."""
    raw = encoded(text)
    assert unpack(raw, 0) is None or raw.startswith(b"e")
    packed = unpack(pack(raw, 1_000), 0)
    assert packed is None or (packed.value == raw and len(raw) <= MOST_ENTRY_BYTES)
    for result in work(text):
        repr(result).encode()  # no unpaired surrogate
        for one in result if isinstance(result, tuple) else ():
            assert all(0 <= number < len(MEMBERS) for number in one.support)
    with suppress(ValueError):
        assert entries.decode(entries.encode(entries.decode(zlib.compress(raw)))) == entries.decode(zlib.compress(raw))


SEEDS = (
    '["The council pays.",[],[["number_missing","12",[14,16],null,"review"]],[[[0,3]],[[0,3]],[[1.0]]],false,0.9]',
    '["The council pays.",[],[],null,true,null]',
    '[["Rat zahlt",[0,1]],["12 Euro",[1]]]',
    '[["Rat zahlt",[0],0.5]]',
    "[[[[[[]]]]]]",
)
WORDS = (
    "null",
    "true",
    "-1",
    "1e999",
    "NaN",
    "[0,1]",
    "[[",
    "]]",
    '"\\ud800"',
    '"number_missing"',
    '"review"',
    "0.5",
    "{}",
)
TARGET = Target("cache", check, work, SEEDS, WORDS)
