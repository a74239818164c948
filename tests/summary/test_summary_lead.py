"""Tests of the lead method, which takes the first sentences of an article as its summary."""

from service.summarization.lengths import Length, lead

BODY = ["Der Stadtrat tagte.", "Es ging um Schulen, Straßen und Geld.", "Kurz.", "Danach war Schluss."]


def test_lead_takes_first_sentences_within_length() -> None:
    assert lead(BODY, budget=Length(max_words=10)) == [0, 1]


def test_lead_ends_at_first_sentence_that_does_not_fit() -> None:
    assert lead(BODY, budget=Length(max_words=5)) == [0]


def test_short_article_is_returned_whole() -> None:
    assert lead(BODY, budget=Length(max_words=100)) == [0, 1, 2, 3]


def test_lead_is_empty_if_first_sentence_does_not_fit() -> None:
    assert lead(BODY, budget=Length(max_words=2)) == []
