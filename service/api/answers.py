"""From the pipeline's results to the bodies of /v1."""

from collections.abc import Sequence

from service.api import schemas
from service.pipeline.article import Article, TranslatedArticle
from service.pipeline.results import SentencePair, Summary, TermUse, Translation
from service.pipeline.served import ServedModel
from service.types import Notice, Span


def _span(span: Span) -> list[int]:
    return [span.start, span.end]


def _place(span: Span | None) -> list[int] | None:
    return None if span is None else _span(span)


def needs_review(notices: Sequence[Notice]) -> bool:
    """Whether one of the notices asks for an editor."""
    return any(notice.review for notice in notices)


def warnings_out(notices: Sequence[Notice]) -> list[schemas.WarningOut]:
    """Notices as the contract's warnings."""
    return [
        schemas.WarningOut(
            code=n.code, message=n.message, span=_place(n.span), target_span=_place(n.target), review=n.review
        )
        for n in notices
    ]


def model_out(model: ServedModel) -> schemas.ModelOut:
    """A model as answers name it."""
    m = model.manifest
    return schemas.ModelOut(
        name=model.name,
        id=m.id,
        revision=m.revision,
        task=m.task,
        engine=model.engine,
        licence=m.licence,
        commercial_use=m.commercial_use,
        quality=m.quality,
    )


def translation_out(translation: Translation) -> schemas.TranslationOut:
    """One translated text."""
    return schemas.TranslationOut(
        text=translation.text,
        sentences=[_sentence(pair) for pair in translation.sentences],
        warnings=warnings_out(translation.notices),
        needs_review=needs_review(translation.notices),
        truncated=translation.truncated,
        cached=schemas.CachedOut(sentences=translation.cached, of=translation.of),
        terms=_terms(translation.terms),
    )


def _sentence(pair: SentencePair) -> schemas.SentenceOut:
    words = pair.words and [schemas.WordsOut(source=_span(s), target=_span(t)) for s, t in pair.words]
    return schemas.SentenceOut(source=_span(pair.source), target=_span(pair.target), words=words)


def _terms(uses: Sequence[TermUse]) -> schemas.TermsOut:
    applied = sum(use.applied for use in uses)
    outs = [
        schemas.TermOut(source=use.source, target=use.target, span=_span(use.span), applied=use.applied) for use in uses
    ]
    return schemas.TermsOut(applied=applied, missing=len(uses) - applied, uses=outs)


def translated_article_out(translation: TranslatedArticle) -> schemas.ArticleTranslationOut:
    """A translated article; its text is the body's."""
    body = translation_out(translation.body)
    return schemas.ArticleTranslationOut(**dict(body), headline=translation.headline, lead=translation.lead)


def summary_out(summary: Summary) -> schemas.SummaryOut:
    """One summary with its other variants."""
    return schemas.SummaryOut(
        **dict(_variant_out(summary)), variants=[_variant_out(variant) for variant in summary.variants]
    )


def _variant_out(summary: Summary) -> schemas.VariantOut:
    return schemas.VariantOut(
        text=summary.text,
        method=summary.method,
        sentences=[
            schemas.SummarySentenceOut(text=s.text, support=[_span(p) for p in s.support], verbatim=s.verbatim)
            for s in summary.sentences
        ],
        warnings=warnings_out(summary.notices),
        needs_review=needs_review(summary.notices),
        truncated=summary.truncated,
        cached=summary.cached,
    )


def article_out(article: Article) -> schemas.ArticleOut:
    """The article as it was understood."""
    return schemas.ArticleOut(
        headline=article.headline,
        kicker=article.kicker,
        lead=article.lead,
        body=article.body,
        spans=[schemas.SpanMapOut(cleaned=_span(c), source=_span(s)) for c, s in article.spans],
        removed=[schemas.RemovedOut(text=r.text, reason=r.reason, span=_span(r.span)) for r in article.removed],
        warnings=warnings_out(article.notices),
    )
