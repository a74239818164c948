"""Support: the source sentences behind a sentence of a summary."""

from service.summarization.guard import support


def test_both_sources_of_a_joined_sentence_are_found(article: list[str]) -> None:
    joined = "Der Umbau des Hallenbads kostet zwölf Millionen Euro und dauert nach Rechnung der Verwaltung zwei Jahre."
    assert support(joined, article) == [0, 4]


def test_a_copied_sentence_is_supported_by_itself_alone(article: list[str]) -> None:
    assert support(article[10], article) == [10]


def test_compounds_are_found_by_their_beginning() -> None:
    assert support("Die Bundesregierung berät.", ["Das Wetter ist gut.", "Die Bundesregierungen berieten lange."]) == [
        1
    ]


def test_an_invention_has_no_support(article: list[str]) -> None:
    assert support("Der Papst besucht im Herbst überraschend Neapel.", article) == []


def test_no_sources_give_no_support() -> None:
    assert support("Ein Satz.", []) == []
