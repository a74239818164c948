"""The lead method takes whole sentences from the top."""

from service.summarization.lengths import Length, lead

BODY = ["Der Stadtrat tagte.", "Es ging um Schulen, Straßen und Geld.", "Kurz.", "Danach war Schluss."]


def test_the_first_sentences_up_to_the_length_are_taken() -> None:
    assert lead(BODY, budget=Length(max_words=10)) == [0, 1]


def test_a_sentence_that_does_not_fit_ends_the_lead() -> None:
    assert lead(BODY, budget=Length(max_words=5)) == [0]


def test_an_article_shorter_than_the_length_is_given_whole() -> None:
    assert lead(BODY, budget=Length(max_words=100)) == [0, 1, 2, 3]


def test_nothing_is_cut_where_not_even_one_sentence_fits() -> None:
    assert lead(BODY, budget=Length(max_words=2)) == []
