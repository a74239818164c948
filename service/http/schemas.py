"""Response models of the HTTP interface, and helpers for their OpenAPI documentation."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

_DEFINITIONS = "#/$defs/"
Responses = dict[int | str, dict[str, Any]]
VISIBLE = r"\S"
"""A regular expression that matches any text that is not blank."""


def inlined_schema(model: type[BaseModel]) -> dict[str, Any]:
    """Return the JSON schema of ``model`` with all references resolved, for embedding in another document."""
    schema = model.model_json_schema()
    definitions = schema.pop("$defs", {})
    found: dict[str, Any] = _resolve_references(schema, definitions)
    return found


def _resolve_references(value: Any, definitions: Mapping[str, Any]) -> Any:
    if isinstance(value, list):
        return [_resolve_references(one, definitions) for one in value]
    if not isinstance(value, dict):
        return value
    name = value.get("$ref", "")
    if isinstance(name, str) and name.startswith(_DEFINITIONS):
        return _resolve_references(definitions[name.removeprefix(_DEFINITIONS)], definitions)
    return {key: _resolve_references(one, definitions) for key, one in value.items()}


def form_schema(model: type[BaseModel]) -> dict[str, Any]:
    """Return the JSON schema of ``model`` for form data. A form field can be missing, but it cannot be null."""
    schema = inlined_schema(model)
    return {**schema, "properties": {name: _without_null(field) for name, field in schema["properties"].items()}}


def _without_null(field: dict[str, Any]) -> dict[str, Any]:
    found = {key: value for key, value in field.items() if (key, value) != ("default", None)}
    if "anyOf" in found:
        found["anyOf"] = [one for one in found["anyOf"] if one.get("type") != "null"]
    return found


def link(operation: str, description: str, *, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Build an OpenAPI link from a response to another operation.

    ``body`` maps request fields of that operation to expressions that select values from the response.
    """
    found = {"operationId": operation, "description": description}
    return found if body is None else {**found, "requestBody": dict(body)}


def with_links(responses: Responses, **links: Mapping[str, Any]) -> Responses:
    """Return ``responses`` with OpenAPI links added to the 200 response."""
    return {**responses, 200: {**responses.get(200, {}), "links": links}}


SpanOut = Annotated[list[int], Field(min_length=2, max_length=2, description="Half-open range of code point offsets.")]


class WarningOut(BaseModel):
    """A warning about a result or its source text."""

    code: str
    message: str
    span: SpanOut | None = Field(default=None, description="Range in the submitted text.")
    target_span: SpanOut | None = Field(default=None, description="Range in the result.")
    review: bool = Field(default=True, description="Whether an editor must review the result before publication.")


class ModelOut(BaseModel):
    """A model.

    ``quality`` states the use that the model's output is fit for: trials ("starter"), drafts that an editor compares
    with the original ("draft"), or publication after review ("production").
    """

    name: str
    id: str
    revision: str
    task: Literal["translation", "summary", "alignment"]
    engine: str
    licence: str
    commercial_use: Literal["yes", "no", "unclear"]
    quality: Literal["starter", "draft", "production"]


class WordsOut(BaseModel):
    """The range of one or more aligned words in the source, and the range of their translation."""

    source: SpanOut
    target: SpanOut


class SentenceOut(BaseModel):
    """The ranges of a sentence in the source and in the translation. ``words`` is set if alignment was requested."""

    source: SpanOut
    target: SpanOut
    words: list[WordsOut] | None = None


class TermOut(BaseModel):
    """An occurrence of a glossary term in the source. ``applied`` is true if the output contains its translation."""

    source: str
    target: str
    span: SpanOut
    applied: bool


class TermsOut(BaseModel):
    """The glossary terms in a text: how many were applied, how many are missing, and each occurrence."""

    applied: int
    missing: int
    uses: list[TermOut]


class CachedOut(BaseModel):
    """The number of sentences that came from the cache (``sentences``) out of all sentences (``of``)."""

    sentences: int
    of: int


class FactOut(BaseModel):
    """A fact of the source and its counterpart in the text.

    ``source`` is null if the fact was added, and ``target`` is null if it is missing.
    """

    kind: Literal["number", "date", "name", "quotation"]
    state: Literal["same", "missing", "added", "changed"]
    source: SpanOut | None
    target: SpanOut | None


class TranslationOut(BaseModel):
    """A translated text."""

    text: str
    sentences: list[SentenceOut]
    warnings: list[WarningOut]
    needs_review: bool
    truncated: bool
    cached: CachedOut
    terms: TermsOut
    facts: list[FactOut] | None = Field(default=None, description="Set if the request has `facts: true`.")


_NOTICES: Any = Field(
    default=[], description="Notices about the whole response, for example `starter_model`. They need no review."
)


class TranslateResponse(BaseModel):
    """The translations, in the order of the submitted texts."""

    translations: list[TranslationOut]
    model: ModelOut
    notices: list[WarningOut] = _NOTICES
    result_key: str


class SummarySentenceOut(BaseModel):
    """A sentence of a summary, with the ranges of the source sentences that support it."""

    text: str
    support: list[SpanOut]
    verbatim: bool = Field(description="Whether the source contains this sentence word for word.")


class VariantOut(BaseModel):
    """A variant of a summary. ``text`` contains the sentences, laid out in the requested style."""

    text: str
    method: Literal["abstractive", "extractive", "lead"]
    sentences: list[SummarySentenceOut]
    warnings: list[WarningOut]
    needs_review: bool
    truncated: bool
    cached: bool


class SummaryOut(VariantOut):
    """The best variant of a summary. The other variants are in ``variants``."""

    variants: list[VariantOut] = Field(default=[], description="The other variants, best first.")


class HeadlineOut(BaseModel):
    """A headline, with the ranges of the source sentences that support it."""

    text: str
    support: list[SpanOut]
    warnings: list[WarningOut]
    needs_review: bool


class TextSummaryOut(SummaryOut):
    """The summary of a text, and its headlines if they were requested."""

    headlines: list[HeadlineOut] | None = Field(
        default=None, description="Headlines, best first. `warnings` explains why some are missing."
    )


class SummarizeResponse(BaseModel):
    """The summaries, in the order of the submitted texts."""

    summaries: list[TextSummaryOut]
    model: ModelOut
    translation_model: ModelOut | None = None
    notices: list[WarningOut] = _NOTICES
    result_key: str


class RemovedOut(BaseModel):
    """A part of the submitted body that cleaning removed, with the reason."""

    text: str
    reason: str
    span: SpanOut


class SpanMapOut(BaseModel):
    """A range of the cleaned body and the corresponding range of the submitted body."""

    cleaned: SpanOut
    source: SpanOut


class ArticleOut(BaseModel):
    """The cleaned article and its parts."""

    headline: str | None
    kicker: str | None
    lead: str | None
    body: str
    submitted_body: str | None = Field(
        default=None, description="The body of the submitted document. Source ranges refer to it."
    )
    spans: list[SpanMapOut]
    removed: list[RemovedOut]
    warnings: list[WarningOut]


class ArticleTranslationOut(TranslationOut):
    """The translated article. ``text`` is the translation of the body."""

    headline: str | None
    lead: str | None


class SourceTypesOut(BaseModel):
    """The IPTC digital source type of each output, as a full URI.

    A type is null if the output was not requested or quotes the source word for word.
    """

    summary: str | None = None
    translation: str | None = None
    summary_translation: str | None = None
    headlines: str | None = None


class ProvenanceOut(BaseModel):
    """The origin of the outputs. ``human_reviewed`` is always null, so that the CMS can set it."""

    generated_at: str = Field(description="Time in UTC, in ISO 8601 format.")
    software: str
    digital_source_types: SourceTypesOut
    removed: int = Field(description="Number of parts that cleaning removed. `article.removed` lists them.")
    human_reviewed: bool | None = None
    jsonld: dict[str, Any] = Field(description="The same information as schema.org JSON-LD.")


class ModelsOut(BaseModel):
    """The models that produced the outputs, by task."""

    summary: ModelOut | None = None
    translation: ModelOut | None = None


class ArticleResponse(BaseModel):
    """The cleaned article and the requested outputs."""

    article: ArticleOut
    summary: SummaryOut | None = None
    translation: ArticleTranslationOut | None = None
    summary_translation: SummaryOut | None = None
    headlines: list[HeadlineOut] | None = Field(
        default=None, description="Headlines, best first. `article.warnings` explains why some are missing."
    )
    models: ModelsOut
    notices: list[WarningOut] = _NOTICES
    provenance: ProvenanceOut
    document: dict[str, Any] | None = Field(
        default=None, description="The outputs as a document in the format that `as` names."
    )
    result_key: str


class CheckedSentenceOut(BaseModel):
    """A sentence of the checked text, with the ranges of its source sentences and the warnings about it."""

    text: str
    target: SpanOut
    source: list[SpanOut]
    warnings: list[WarningOut]


class LabelOut(BaseModel):
    """A label text for readers, in German and in English."""

    de: str
    en: str


class CheckProvenanceOut(BaseModel):
    """The origin of a checked text, with its IPTC digital source type as a full URI."""

    checked_at: str = Field(description="Time in UTC, in ISO 8601 format.")
    software: str
    digital_source_type: str
    reviewed_by_person: bool
    label: LabelOut


class CheckResponse(BaseModel):
    """The result of a check. ``warnings`` are about the whole text; each sentence has warnings of its own."""

    sentences: list[CheckedSentenceOut]
    facts: list[FactOut]
    warnings: list[WarningOut]
    needs_review: bool
    provenance: CheckProvenanceOut


class ProgressEvent(BaseModel):
    """The progress of a request: ``done`` of ``of`` units of work are finished.

    Sentences from the cache are not counted.
    """

    done: int
    of: int


class SentenceEvent(BaseModel):
    """A translated sentence: the number of its text, its range in that text, and its translation.

    For articles, text 0 is the submitted body, text 1 is the headline, and text 2 is the lead.
    """

    text_number: int
    source: SpanOut
    text: str


class ModelListResponse(BaseModel):
    """The models that this process serves."""

    models: list[ModelOut]


class FieldProblem(BaseModel):
    """A problem with one field of the request."""

    pointer: str
    code: str
    detail: str
    limit: int | float | str | None = None


class Problem(BaseModel):
    """An error in the format of RFC 9457. ``code`` is a stable identifier of the kind of error."""

    type: str = "about:blank"
    title: str
    status: int
    code: str
    detail: str
    request_id: str
    errors: list[FieldProblem] = []
