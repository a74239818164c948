"""Tests that sentence selection and grouping need little time and memory for the longest text that is allowed."""

import time
import tracemalloc

import pytest

from service.summarization.lengths import PRESETS, Length, lead
from service.summarization.rewriting import groups
from service.summarization.selection import MOST_COMPARED, assess, rank, select

LARGEST = ["Er kam."] * 31_250
WIDE = [f"Wort{number} kam {number * 7}." for number in range(15_000)]


@pytest.mark.parametrize("sentences", [LARGEST, WIDE], ids=["the same sentence", "no two alike"])
def test_pairwise_comparison_is_limited(sentences: list[str]) -> None:
    assessed = assess(sentences, headline="Er kam")
    assert assessed.similarity_matrix.shape == (MOST_COMPARED, MOST_COMPARED)
    assert len(assessed.scores) == len(sentences)


def test_largest_text_takes_seconds() -> None:
    began = time.process_time()
    assert groups(LARGEST, headline="Er kam", length=PRESETS["medium"])
    assert select(LARGEST, headline="Er kam", budget=PRESETS["medium"])
    assert time.process_time() - began < 15  # measured: 1.3 s


def test_largest_text_takes_megabytes() -> None:
    tracemalloc.start()
    try:
        assert groups(LARGEST, headline="Er kam", length=PRESETS["medium"])
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak_bytes < 200 * 2**20  # a matrix of all pairs would take 7.8 GB


@pytest.mark.parametrize("limit", [Length(max_words=50_000), Length(max_chars=200_000), Length(max_sentences=30_000)])
def test_room_counts_each_sentence_once(limit: Length) -> None:
    began = time.process_time()
    assert limit.fits(LARGEST[: len(lead(LARGEST, budget=limit))])
    assert select(LARGEST, budget=limit)
    assert time.process_time() - began < 5  # measured: 0.8 s; counting again for each sentence took minutes


def test_late_important_sentence_is_found() -> None:
    sentences = [f"Wort{number} Ding{number}." for number in range(3_000)]
    sentences[2_345] = "Der Stadtrat stimmte dem Umbau des Hallenbads mit großer Mehrheit zu."
    headline = "Stadtrat stimmt Umbau des Hallenbads zu"
    assert select(sentences, headline=headline, budget=Length(max_sentences=1)) == [2_345]
    assert [group.core for group in groups(sentences, headline=headline, length=Length(max_sentences=1))] == [2_345]


def test_core_of_long_text_keeps_its_previous_sentence() -> None:
    sentences = ["War das Wetter gut?"] * 2_000
    sentences[1_500] = "Hans Beispiel leitet nun das Museum."
    sentences[1_501] = "Er stimmte dem Umbau des Hallenbads am Montag zu."
    made = groups(sentences, headline="Umbau des Hallenbads", length=Length(max_sentences=2))
    assert (1_501, (1_500, 1_501)) in [(group.core, group.members) for group in made]


def test_uncompared_sentences_have_score_zero() -> None:
    scores = rank(LARGEST)
    assert sum(score > 0 for score in scores) == MOST_COMPARED
