"""Provenance of an article's outputs: the software, the models, and IPTC's digital source types."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from service import __version__
from service.documents.base import Edition
from service.errors import InvalidInput
from service.generation.local import LocalGenerator
from service.newsroom.article import ArticleInput, ArticleResult
from service.results import Method, Output, Summary

TRAINED = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
"""A model wrote it. `lead` and `extractive` summaries are the source's own words, and have the source's type."""
METHODS_OF_MODELS: frozenset[Method] = frozenset({"abstractive"})


@dataclass(frozen=True, slots=True)
class Provenance:
    """How the outputs came about. ``source_types`` are full URIs, None where the words are the source's own."""

    generated_at: str
    software: str
    models: Sequence[LocalGenerator]
    source_types: Mapping[Output, str | None]
    languages: Mapping[Output, str]

    @classmethod
    def of(cls, result: ArticleResult, models: Sequence[LocalGenerator], source: str, target: str) -> "Provenance":
        """The provenance of ``result``, made now in the languages ``source`` and ``target``."""
        summary, summary_type = result.summary, None
        if summary is not None:
            types = map(source_type, (summary, *summary.variants))
            summary_type = next((uri for uri in types if uri is not None), None)
        return cls(
            generated_at=datetime.now(UTC).isoformat(timespec="seconds"),
            software=f"depesche {__version__}",
            models=models,
            source_types={
                "summary": summary_type,
                "translation": None if result.translation is None else TRAINED,
                "summary_translation": None if result.summary_translation is None else TRAINED,
            },
            languages={"summary": source, "translation": target, "summary_translation": target},
        )

    @property
    def credit(self) -> str:
        """Software and models in one line, for documents that have no fields of their own for them."""
        named = ", ".join(f"{m.manifest.id} {m.manifest.revision} ({m.manifest.licence})" for m in self.models)
        return f"Made by {self.software}" + (f" with {named}" if named else "") + "; not reviewed by a person."

    def jsonld(self) -> dict[str, Any]:
        """The same as schema.org JSON-LD."""
        return {
            "@context": "https://schema.org",
            "@type": "CreateAction",
            "endTime": self.generated_at,
            "instrument": [
                {"@type": "SoftwareApplication", "name": "depesche", "softwareVersion": __version__},
                *(_instrument(model) for model in self.models),
            ],
            "result": [
                {"@type": "CreativeWork", "name": name, "digitalSourceType": uri, "inLanguage": self.languages[name]}
                for name, uri in self.source_types.items()
                if uri is not None
            ],
        }


def source_type(summary: Summary) -> str | None:
    """The digital source type of a summary in the source's language; None where it is the source's words."""
    return TRAINED if summary.method in METHODS_OF_MODELS else None


def _instrument(model: LocalGenerator) -> dict[str, str]:
    manifest = model.manifest
    return {
        "@type": "SoftwareSourceCode",
        "name": manifest.id,
        "version": manifest.revision,
        "license": manifest.licence,
        "applicationCategory": manifest.task,
    }


def edition_of(submission: ArticleInput, result: ArticleResult, provenance: Provenance) -> Edition:
    """What a document is written from: the translated article with its translated summary, else the summary's article.

    Raises:
        InvalidInput: there is neither a translation nor a summary in the source's language.
    """
    languages, made_at = provenance.languages, provenance.generated_at
    if result.translation is not None:
        translated, summary = result.translation, result.summary_translation
        parts = translated.headline, translated.lead, translated.body.text
        text = None if summary is None else summary.text
        return Edition(languages["translation"], *parts, text, TRAINED, provenance.credit, made_at)
    if result.summary is None:
        raise InvalidInput("as_without_output", "a document needs a translation or a German summary", pointer="/as")
    article = result.article
    body = submission.body if submission.options.format == "html" else article.body
    source = source_type(result.summary)
    parts = article.headline, article.lead, body
    return Edition(languages["summary"], *parts, result.summary.text, source, provenance.credit, made_at)
