"""Tests of the source types in the provenance of an article."""

import pytest

from service.newsroom.article import TRAINED, Article, ArticleResult, Provenance, TranslatedArticle
from service.results import Headline, Headlines, Summary, Translation

ARTICLE = Article(None, None, None, "", (), (), ())


@pytest.mark.parametrize(("text", "uri"), [("Der Rat tagt.", TRAINED), ("", None)])
def test_an_output_without_text_has_no_source_type(text: str, uri: str | None) -> None:
    summary = Summary(text, "abstractive", (), (), truncated=False, cached=False)
    translation = TranslatedArticle(None, None, Translation(text, (), (), truncated=False, cached=0, of=0))
    headlines = Headlines((Headline(text, (), ()),) if text else (), (), cached=False)
    result = ArticleResult(ARTICLE, summary, translation, summary, headlines)
    outputs = ("summary", "translation", "summary_translation", "headlines")
    assert Provenance.of(result, [], "de", "en").source_types == dict.fromkeys(outputs, uri)


def test_a_translated_headline_without_body_has_a_source_type() -> None:
    body = Translation("", (), (), truncated=False, cached=0, of=0)
    result = ArticleResult(ARTICLE, None, TranslatedArticle("Council meets", None, body), None)
    assert Provenance.of(result, [], "de", "en").source_types["translation"] == TRAINED
