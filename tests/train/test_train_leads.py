"""Alignment: a summary sentence, and the article sentences that support it."""

from models.train.leads import Index, supported_share, unsupported_facts

ARTICLE = [
    "Der Stadtrat tagte am Dienstag im Rathaus.",
    "Für den Umbau des Hallenbads sind zwölf Millionen Euro vorgesehen.",
    "Das Freibad bleibt im Sommer geöffnet.",
    "Die Bauarbeiten am Hallenbad dauern bis 2027.",
]


def test_the_sentences_that_cover_a_target_come_in_the_article_s_order() -> None:
    target = "Der Umbau des Hallenbads dauert bis 2027 und kostet zwölf Millionen Euro."
    assert Index(ARTICLE).cover(target, most=3, max_chars=400) == [1, 3]


def test_no_more_text_is_taken_than_there_is_room_for() -> None:
    assert Index(ARTICLE).cover("Der Umbau des Hallenbads kostet Millionen.", most=3, max_chars=20) == []


def test_numbers_and_names_that_the_source_lacks_are_counted() -> None:
    assert unsupported_facts("Der Umbau in Celle dauert bis 2028.", ARTICLE[3]) == (1, 2)


def test_compounds_support_their_beginnings() -> None:
    assert supported_share("Das Hallenbad ist neu.", "Die Hallenbäder der Stadt sind neu.") == 1.0
