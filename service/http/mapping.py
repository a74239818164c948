"""Mapping of results to response models."""

from collections.abc import Sequence
from datetime import UTC, datetime

from service import __version__
from service.domain import Notice, Span
from service.generation.local import LocalGenerator
from service.http import schemas
from service.newsroom.article import Article, ArticleResult, TranslatedArticle
from service.results import Method, SentencePair, Summary, TermUse, Translation


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


def model_out(model: LocalGenerator) -> schemas.ModelOut:
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


TRAINED = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
"""A model wrote it. `lead` and `extractive` summaries are the source's own words, and have the source's type."""
METHODS_OF_MODELS: frozenset[Method] = frozenset({"abstractive"})


def source_type(summary: Summary) -> str | None:
    """The digital source type of a German summary; None where it is the source's words."""
    return TRAINED if summary.method in METHODS_OF_MODELS else None


def _most_made(variants: Sequence[Summary]) -> str | None:
    """A model's type where it wrote one of the variants."""
    return next((uri for uri in map(source_type, variants) if uri is not None), None)


def credit(models: Sequence[LocalGenerator]) -> str:
    """Software and models in one line, for documents that have no fields of their own for them."""
    named = ", ".join(f"{model.manifest.id} {model.manifest.revision} ({model.manifest.licence})" for model in models)
    return f"Made by depesche {__version__}" + (f" with {named}" if named else "") + "; not reviewed by a person."


def provenance(result: ArticleResult, models: Sequence[LocalGenerator]) -> schemas.ProvenanceOut:
    """What an answer to /v1/articles says of itself, as fields and as JSON-LD."""
    types = {
        "summary": None if result.summary is None else _most_made((result.summary, *result.summary.variants)),
        "translation": None if result.translation is None else TRAINED,
        "summary_translation": None if result.summary_translation is None else TRAINED,
    }
    made_at = datetime.now(UTC).isoformat(timespec="seconds")
    return schemas.ProvenanceOut(
        generated_at=made_at,
        software=f"depesche {__version__}",
        digital_source_types=schemas.SourceTypesOut(**types),
        removed=len(result.article.removed),
        jsonld={
            "@context": "https://schema.org",
            "@type": "CreateAction",
            "endTime": made_at,
            "instrument": [
                {"@type": "SoftwareApplication", "name": "depesche", "softwareVersion": __version__},
                *(_model(model) for model in models),
            ],
            "result": [
                {"@type": "CreativeWork", "name": name, "digitalSourceType": uri, "inLanguage": _language(name)}
                for name, uri in types.items()
                if uri is not None
            ],
        },
    )


def _model(model: LocalGenerator) -> dict[str, str]:
    manifest = model.manifest
    return {
        "@type": "SoftwareSourceCode",
        "name": manifest.id,
        "version": manifest.revision,
        "license": manifest.licence,
        "applicationCategory": manifest.task,
    }


def _language(output: str) -> str:
    return "de" if output == "summary" else "en"
