"""Tests of article parsing: the cleaned body and its mapping to the submitted body."""

from hypothesis import given, settings
from hypothesis import strategies as st

from service.domain import Span
from service.newsroom.article import Article, ArticleInput, parse_article
from service.text.segmentation import segment
from tests.languages import DE
from tests.pipeline.rig import SENTENCES

FURNITURE = ("Anzeige", "Artikel anhören", "Teilen", "Lesen Sie auch", "Foto: dpa", "Verwandte Themen")
GAPS = ("\n\n", "\n\n\n", "\r\n\r\n", "\n \n", "\n\t\n\n")
prose = st.lists(st.sampled_from(SENTENCES), min_size=2, max_size=4, unique=True).map(" ".join)
pages = st.lists(st.tuples(prose | st.sampled_from(FURNITURE), st.sampled_from(GAPS)), min_size=1, max_size=8)


def understood(submission: ArticleInput) -> Article:
    return parse_article(submission, DE)


def joined(parts: list[tuple[str, str]]) -> str:
    return "".join(part + gap for part, gap in parts)


@given(parts=st.lists(st.tuples(prose, st.sampled_from(GAPS)), min_size=1, max_size=6), indent=st.sampled_from(GAPS))
@settings(max_examples=30, deadline=None)
def test_cleaned_sentences_map_to_submitted_body(parts: list[tuple[str, str]], indent: str) -> None:
    body = indent + joined(parts)
    article = understood(ArticleInput(body, None, None, clean=True))
    sentences = segment(article.body, DE).sentences
    assert sentences
    for span in sentences:
        assert article.to_submitted(span).of(body) == span.of(article.body)


@given(parts=pages, headline=st.sampled_from([None, "Haushalt im Bundestag"]))
@settings(max_examples=30, deadline=None)
def test_cleaned_sentences_map_for_any_boilerplate(parts: list[tuple[str, str]], headline: str | None) -> None:
    body = joined(parts)
    article = understood(ArticleInput(body, headline, None, clean=True))
    for span in segment(article.body, DE).sentences:
        assert article.to_submitted(span).of(body) == span.of(article.body)


@given(parts=pages)
@settings(max_examples=20, deadline=None)
def test_uncleaned_body_maps_to_itself(parts: list[tuple[str, str]]) -> None:
    body = joined(parts)
    article = understood(ArticleInput(body, "Überschrift", "Vorspann.", clean=False))
    assert (article.headline, article.lead, article.body) == ("Überschrift", "Vorspann.", body)
    assert (article.removed, article.notices) == ((), ())
    for span in segment(body, DE).sentences:
        assert article.to_submitted(span) == span


def test_span_over_two_paragraphs_maps_to_whole_range() -> None:
    first, second = SENTENCES[:2]
    body = f"{first} {second}\n\nAnzeige\n\n{second} {first}"
    article = understood(ArticleInput(body, None, None, clean=True))
    whole = Span(0, len(article.body))
    assert "Anzeige" not in article.body
    assert article.to_submitted(whole) == Span(0, len(body))


def test_body_stays_if_cleaning_would_empty_it() -> None:
    headline = "Bundestag stimmt über den Haushalt ab"
    article = understood(ArticleInput(headline, headline, None, clean=True))
    assert article.body == headline
    assert article.removed == ()
    assert [notice.code for notice in article.notices] == ["not_cleaned"]
    assert article.to_submitted(Span(0, 9)) == Span(0, 9)


def test_headline_notice_has_no_span_in_body() -> None:
    article = understood(ArticleInput(SENTENCES[0], "Haus\x07halt", None, clean=False))
    assert [(notice.code, notice.span) for notice in article.notices] == [("control_characters", None)]
