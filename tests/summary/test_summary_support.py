"""Tests of support, that is, the source sentences that a summary sentence is based on."""

from service.summarization.guard import support


def test_joined_sentence_has_two_sources(article: list[str]) -> None:
    joined = "Der Umbau des Hallenbads kostet zwölf Millionen Euro und dauert nach Rechnung der Verwaltung zwei Jahre."
    assert support(joined, article) == [0, 4]


def test_copied_sentence_supports_itself(article: list[str]) -> None:
    assert support(article[10], article) == [10]


def test_compounds_match_by_prefix() -> None:
    assert support("Die Bundesregierung berät.", ["Das Wetter ist gut.", "Die Bundesregierungen berieten lange."]) == [
        1
    ]


def test_invention_has_no_support(article: list[str]) -> None:
    assert support("Der Papst besucht im Herbst überraschend Neapel.", article) == []


def test_no_sources_give_no_support() -> None:
    assert support("Ein Satz.", []) == []
