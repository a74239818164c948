"""The comparison of searches counts each sentence by what is said of it."""

from benchmarks import searches
from service.pipeline.results import SentencePair, Translation
from service.types import Notice, Span

SOURCE = "Er kam nicht. Sie ging. Es war 12."
PLACES = (Span(0, 13), Span(14, 23), Span(24, 34))


def made(*notices: Notice) -> Translation:
    text = "He came. She went. It was 21."
    return Translation(
        text, tuple(SentencePair(place, place) for place in PLACES), notices, truncated=False, cached=0, of=3
    )


def test_a_sentence_counts_once_for_each_thing_that_is_said_of_it() -> None:
    one = made(
        Notice("negation_lost", "", Span(3, 8)),
        Notice("quotation_missing", "", Span(0, 13)),
        Notice("quotation_added", "", Span(14, 23)),
        Notice("hypothesis_changed", "", Span(14, 23), review=False),
        Notice("number_unsupported", "", Span(24, 34), review=False),
        Notice("source_not_german", ""),
    )
    found = searches.counted([SOURCE], [one], [one.text])
    assert {name: found[name] for name in ("sentences", "review", "facts", "changed", "loops")} == {
        "sentences": 3,
        "review": 66.7,
        "facts": 33.3,
        "changed": 33.3,
        "loops": 0,
    }
