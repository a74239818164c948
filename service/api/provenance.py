"""Where an answer comes from: software, models, time, and IPTC's digital source type of each output."""

from collections.abc import Sequence
from datetime import UTC, datetime

from service import __version__
from service.api import schemas
from service.pipeline.article import ArticleResult
from service.pipeline.results import Method, Summary
from service.pipeline.served import ServedModel

TRAINED = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
"""A model wrote it. `lead` and `extractive` summaries are the source's own words, and have the source's type."""
METHODS_OF_MODELS: frozenset[Method] = frozenset({"abstractive"})


def source_type(summary: Summary) -> str | None:
    """The digital source type of a German summary; None where it is the source's words."""
    return TRAINED if summary.method in METHODS_OF_MODELS else None


def _most_made(variants: Sequence[Summary]) -> str | None:
    """A model's type where it wrote one of the variants."""
    return next((uri for uri in map(source_type, variants) if uri is not None), None)


def credit(models: Sequence[ServedModel]) -> str:
    """Software and models in one line, for documents that have no fields of their own for them."""
    named = ", ".join(f"{model.manifest.id} {model.manifest.revision} ({model.manifest.licence})" for model in models)
    return f"Made by depesche {__version__}" + (f" with {named}" if named else "") + "; not reviewed by a person."


def provenance(result: ArticleResult, models: Sequence[ServedModel]) -> schemas.ProvenanceOut:
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


def _model(model: ServedModel) -> dict[str, str]:
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
