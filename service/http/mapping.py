"""Functions that convert the results of the newsroom to the response models of /v1."""

from collections.abc import Sequence
from dataclasses import replace

from service.checks.facts import LinkedFact
from service.domain import Notice, Span
from service.generation.base import TextGenerator
from service.http import schemas
from service.newsroom.answers import ArticleAnswer, SummarizeAnswer, TranslateAnswer
from service.newsroom.article import Article, TranslatedArticle
from service.newsroom.review import Review
from service.results import (
    Alternative,
    Change,
    Changes,
    Headlines,
    SentencePair,
    Summary,
    TermUse,
    Translation,
    needs_review,
)


def _span(span: Span) -> list[int]:
    return [span.start, span.end]


def _place(span: Span | None) -> list[int] | None:
    return None if span is None else _span(span)


def warnings_out(notices: Sequence[Notice]) -> list[schemas.WarningOut]:
    """Convert the notices in a result of the newsroom to the warnings of a response."""
    return [
        schemas.WarningOut(
            code=n.code, message=n.message, span=_place(n.span), target_span=_place(n.target), review=n.review
        )
        for n in notices
    ]


def model_out(model: TextGenerator) -> schemas.ModelOut:
    """Convert a model to the object that describes it in responses."""
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
        host=model.host,
    )


def facts_out(facts: Sequence[LinkedFact]) -> list[schemas.FactOut]:
    """Convert linked facts of a source and an output to the objects that represent them in responses."""
    return [
        schemas.FactOut(kind=one.kind, state=one.state, source=_place(one.source), target=_place(one.output))
        for one in facts
    ]


def translation_out(translation: Translation) -> schemas.TranslationOut:
    """Convert a translated text to the object that represents it in responses."""
    return schemas.TranslationOut(
        text=translation.text,
        sentences=[_sentence(pair) for pair in translation.sentences],
        warnings=warnings_out(translation.notices),
        needs_review=needs_review(translation.notices),
        truncated=translation.truncated,
        cached=schemas.CachedOut(sentences=translation.cached, of=translation.of),
        terms=_terms(translation.terms),
        facts=None if translation.facts is None else facts_out(translation.facts),
    )


def _sentence(pair: SentencePair) -> schemas.SentenceOut:
    words = pair.words and [schemas.WordsOut(source=_span(s), target=_span(t)) for s, t in pair.words]
    return schemas.SentenceOut(
        source=_span(pair.source),
        target=_span(pair.target),
        words=words,
        confidence=pair.confidence,
        from_memory=pair.from_memory,
        alternatives=None if pair.alternatives is None else [_alternative(one) for one in pair.alternatives],
    )


def _alternative(one: Alternative) -> schemas.AlternativeOut:
    return schemas.AlternativeOut(
        text=one.text, score=one.score, confidence=one.confidence, warnings=warnings_out(one.notices)
    )


def _terms(uses: Sequence[TermUse]) -> schemas.TermsOut:
    applied = sum(use.applied for use in uses)
    outs = [
        schemas.TermOut(source=use.source, target=use.target, span=_span(use.span), applied=use.applied) for use in uses
    ]
    return schemas.TermsOut(applied=applied, missing=len(uses) - applied, uses=outs)


def translated_article_out(translation: TranslatedArticle) -> schemas.ArticleTranslationOut:
    """Convert a translated article to the object that represents it in responses.

    The ``text`` of the object is the translation of the body.
    """
    body = translation_out(translation.body)
    return schemas.ArticleTranslationOut(**dict(body), headline=translation.headline, lead=translation.lead)


def summary_out(summary: Summary) -> schemas.SummaryOut:
    """Convert a summary and its variants to the object that represents them in responses."""
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
        facts=None if summary.facts is None else facts_out(summary.facts),
    )


def headlines_out(found: Headlines) -> list[schemas.HeadlineOut]:
    """Convert the generated headlines to the objects that represent them in responses."""
    return [
        schemas.HeadlineOut(
            text=one.text,
            support=[_span(span) for span in one.support],
            warnings=warnings_out(one.notices),
            needs_review=needs_review(one.notices),
        )
        for one in found.headlines
    ]


def _text_summary_out(summary: Summary, headlines: Headlines | None) -> schemas.TextSummaryOut:
    """Convert a summary and the headlines of the same text to the object that represents them in responses.

    Notices about the headlines are added to the warnings of the summary.
    """
    if headlines is not None:
        summary = replace(summary, notices=_with_new(summary.notices, headlines.notices))
    written = None if headlines is None else headlines_out(headlines)
    return schemas.TextSummaryOut(**dict(summary_out(summary)), headlines=written)


def _with_new(notices: Sequence[Notice], others: Sequence[Notice]) -> tuple[Notice, ...]:
    return (*notices, *(notice for notice in others if notice not in notices))


def article_out(article: Article) -> schemas.ArticleOut:
    """Convert a parsed article to the object that represents it in responses."""
    return schemas.ArticleOut(
        headline=article.headline,
        kicker=article.kicker,
        lead=article.lead,
        body=article.body,
        spans=[schemas.SpanMapOut(cleaned=_span(c), source=_span(s)) for c, s in article.spans],
        removed=[schemas.RemovedOut(text=r.text, reason=r.reason, span=_span(r.span)) for r in article.removed],
        warnings=warnings_out(article.notices),
    )


def _model_notices(*models: TextGenerator | None) -> list[schemas.WarningOut]:
    """Return a list with a warning that names the starter models among ``models``.

    The list is empty if there are no starter models among ``models``.
    """
    names = [model.name for model in models if model is not None and model.manifest.quality == "starter"]
    if not names:
        return []
    message = f"{', '.join(dict.fromkeys(names))}: the output of a starter model is not fit for publication"
    return warnings_out([Notice("starter_model", message, review=False)])


def check_response(text: str, review: Review) -> schemas.CheckResponse:
    """Build the response of ``/v1/check`` from ``review``, the result of checking ``text``."""
    made = review.provenance
    return schemas.CheckResponse(
        sentences=[
            schemas.CheckedSentenceOut(
                text=one.target.of(text),
                target=_span(one.target),
                source=[_span(span) for span in one.source],
                warnings=warnings_out(one.notices),
            )
            for one in review.sentences
        ],
        facts=facts_out(review.facts),
        warnings=warnings_out(review.notices),
        needs_review=needs_review(review.every_notice),
        provenance=schemas.CheckProvenanceOut(
            checked_at=made.checked_at,
            software=made.software,
            digital_source_type=made.digital_source_type,
            reviewed_by_person=made.reviewed_by_person,
            label=schemas.LabelOut(**made.label),
        ),
    )


def translate_response(answer: TranslateAnswer) -> schemas.TranslateResponse:
    """Build the response of ``/v1/translate``."""
    return schemas.TranslateResponse(
        translations=[translation_out(translation) for translation in answer.translations],
        model=model_out(answer.model),
        notices=[*_model_notices(answer.model), *warnings_out(answer.notices)],
        result_key=answer.result_key,
    )


def summarize_response(answer: SummarizeAnswer) -> schemas.SummarizeResponse:
    """Build the response of ``/v1/summarize``."""
    none: Sequence[Headlines | None] = [None] * len(answer.summaries)
    headlines = none if answer.headlines is None else answer.headlines
    return schemas.SummarizeResponse(
        summaries=[
            _text_summary_out(summary, of_text) for summary, of_text in zip(answer.summaries, headlines, strict=True)
        ],
        model=model_out(answer.model),
        translation_model=None if answer.translation_model is None else model_out(answer.translation_model),
        notices=_model_notices(answer.model, answer.translation_model),
        result_key=answer.result_key,
    )


def article_response(answer: ArticleAnswer) -> schemas.ArticleResponse:
    """Build the response of ``/v1/articles``."""
    result, english, headlines = answer.result, answer.result.summary_translation, answer.result.headlines
    parsed = result.article
    if headlines is not None:
        parsed = replace(parsed, notices=_with_new(parsed.notices, headlines.notices))
    article = article_out(parsed)
    if answer.document is not None:
        article.submitted_body = answer.submission.body
    summary_model, translation_model = (
        None if model is None else model_out(model) for model in (answer.summary_model, answer.translation_model)
    )
    return schemas.ArticleResponse(
        article=article,
        summary=None if result.summary is None else summary_out(result.summary),
        translation=None if result.translation is None else translated_article_out(result.translation),
        summary_translation=None if english is None else summary_out(english),
        headlines=None if headlines is None else headlines_out(headlines),
        changes=None if result.changes is None else _changes(result.changes),
        models=schemas.ModelsOut(summary=summary_model, translation=translation_model),
        notices=_model_notices(answer.summary_model, answer.translation_model),
        provenance=_provenance(answer),
        document=None if answer.written is None else dict(answer.written),
        result_key=answer.result_key,
    )


def _changes(changes: Changes) -> schemas.ChangesOut:
    return schemas.ChangesOut(
        source=_each(changes.source),
        translation=None if changes.translation is None else _each(changes.translation),
        summary=None if changes.summary is None else _each(changes.summary),
    )


def _each(changes: Sequence[Change]) -> list[schemas.ChangeOut]:
    return [
        schemas.ChangeOut(state=one.state, reason=one.reason, span=_place(one.span), previous_span=_place(one.previous))
        for one in changes
    ]


def _provenance(answer: ArticleAnswer) -> schemas.ProvenanceOut:
    made = answer.provenance
    return schemas.ProvenanceOut(
        generated_at=made.generated_at,
        software=made.software,
        digital_source_types=schemas.SourceTypesOut(**dict(made.source_types)),
        removed=len(answer.result.article.removed),
        embargo=made.embargo,
        jsonld=made.jsonld(),
    )
