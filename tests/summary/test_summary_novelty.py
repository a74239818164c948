"""Tests of novelty, that is, the share of a summary's word n-grams that are not in the source."""

import pytest

from service.summarization.variants import copies, novelty

SOURCE = ["Der Stadtrat stimmte dem Umbau des Hallenbads am Dienstag zu.", "Das Land zahlt mit."]


def test_copy_has_no_novelty_despite_case_and_punctuation() -> None:
    assert novelty("der Stadtrat stimmte dem Umbau des Hallenbads am Dienstag zu!", SOURCE) == 0.0
    assert copies("Der Stadtrat stimmte dem Umbau des Hallenbads am Dienstag zu.", SOURCE)


def test_new_words_have_full_novelty() -> None:
    assert novelty("Am Dienstag gab es im Rat eine Mehrheit für das neue Bad.", SOURCE) == 1.0


def test_omission_adds_new_ngrams_only_at_its_place() -> None:
    assert 0 < novelty("Der Stadtrat stimmte dem Umbau am Dienstag zu.", SOURCE) < 1


@pytest.mark.parametrize(("sentence", "share"), [("Das Land zahlt.", 0.0), ("Land unter.", 1.0), ("…", 0.0)])
def test_short_sentence_is_one_ngram(sentence: str, share: float) -> None:
    assert novelty(sentence, SOURCE) == share
