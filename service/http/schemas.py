"""Response models of the HTTP interface, and helpers for their description in the OpenAPI document."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

SCHEMAS = "#/components/schemas/"
CODE_MARK = "x-depesche-codes"
"""Marks a field that contains a code. `service.http.openapi` replaces the mark by the list of codes."""
Responses = dict[int | str, dict[str, Any]]
VISIBLE = r"\S"
"""A regular expression that matches any text that is not blank."""


def reference(model: type[BaseModel], *, form: bool = False) -> dict[str, Any]:
    """Return a reference to the schema of ``model`` in the OpenAPI document.

    If ``form`` is true, the reference is to the variant of the schema for form data.
    """
    return {"$ref": f"{SCHEMAS}{model.__name__}{'Form' if form else ''}"}


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


ResultKey = Annotated[
    str,
    Field(
        description=(
            "Digest of the task, the model, the options and the texts. Equal requests have equal keys, "
            "so a CMS can skip work that it has already stored. `/admin/cache/purge` accepts the key."
        )
    ),
]


class Out(BaseModel):
    """The base class of response models. A response contains every field, also those with their default values."""

    model_config = ConfigDict(json_schema_serialization_defaults_required=True)


class WarningOut(Out):
    """A warning about a result or its source text."""

    code: str = Field(json_schema_extra={CODE_MARK: "WarningCode"})
    message: str
    span: SpanOut | None = Field(default=None, description="Range in the submitted text.")
    target_span: SpanOut | None = Field(default=None, description="Range in the result.")
    review: bool = Field(default=True, description="Whether an editor must review the result before publication.")


class ModelOut(Out):
    """A model.

    ``quality`` states what the model's output is good enough for: trials ("starter"), drafts that an editor compares
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


class WordsOut(Out):
    """The range of one or more aligned words in the source, and the range of their translation."""

    source: SpanOut
    target: SpanOut


class SentenceOut(Out):
    """The ranges of a sentence in the source and in the translation. ``words`` is set if alignment was requested."""

    source: SpanOut
    target: SpanOut
    words: list[WordsOut] | None = None


class TermOut(Out):
    """An occurrence of a glossary term in the source. ``applied`` is true if the output contains its translation."""

    source: str
    target: str
    span: SpanOut
    applied: bool


class TermsOut(Out):
    """The glossary terms in a text: how many were applied, how many are missing, and each occurrence."""

    applied: int
    missing: int
    uses: list[TermOut]


class CachedOut(Out):
    """The number of sentences that came from the cache (``sentences``) out of all sentences (``of``)."""

    sentences: int
    of: int


class TranslationOut(Out):
    """A translated text."""

    text: str
    sentences: list[SentenceOut]
    warnings: list[WarningOut]
    needs_review: bool
    truncated: bool
    cached: CachedOut
    terms: TermsOut


class TranslateResponse(Out):
    """The translations, in the order of the submitted texts."""

    translations: list[TranslationOut]
    model: ModelOut
    result_key: ResultKey


class SummarySentenceOut(Out):
    """A sentence of a summary, with the ranges of the source sentences that support it."""

    text: str
    support: list[SpanOut]
    verbatim: bool = Field(description="Whether the source contains this sentence word for word.")


class VariantOut(Out):
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


class HeadlineOut(Out):
    """A headline, with the ranges of the source sentences that support it."""

    text: str
    support: list[SpanOut]
    warnings: list[WarningOut]
    needs_review: bool


class TextSummaryOut(SummaryOut):
    """The summary of a text, and its headlines if they were requested."""

    headlines: list[HeadlineOut] | None = Field(
        default=None, description="Headlines, best first. `warnings` says why there are fewer than requested."
    )


class SummarizeResponse(Out):
    """The summaries, in the order of the submitted texts."""

    summaries: list[TextSummaryOut]
    model: ModelOut
    translation_model: ModelOut | None = None
    result_key: ResultKey


class RemovedOut(Out):
    """A part of the submitted body that cleaning removed, with the reason."""

    text: str
    reason: str
    span: SpanOut


class SpanMapOut(Out):
    """A range of the cleaned body and the corresponding range of the submitted body."""

    cleaned: SpanOut
    source: SpanOut


class ArticleOut(Out):
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


class SourceTypesOut(Out):
    """The IPTC digital source type of each output, as a full URI.

    A type is null if the output was not requested or quotes the source word for word.
    """

    summary: str | None = None
    translation: str | None = None
    summary_translation: str | None = None
    headlines: str | None = None


class ProvenanceOut(Out):
    """The origin of the outputs. ``human_reviewed`` is always null, so that the CMS can set it."""

    generated_at: str = Field(description="Time in UTC, in ISO 8601 format.")
    software: str
    digital_source_types: SourceTypesOut
    removed: int = Field(description="Number of parts that cleaning removed. `article.removed` lists them.")
    human_reviewed: bool | None = None
    jsonld: dict[str, Any] = Field(description="The same information as schema.org JSON-LD.")


class ModelsOut(Out):
    """The models that produced the outputs, by task."""

    summary: ModelOut | None = None
    translation: ModelOut | None = None


class ArticleResponse(Out):
    """The cleaned article and the requested outputs."""

    article: ArticleOut
    summary: SummaryOut | None = None
    translation: ArticleTranslationOut | None = None
    summary_translation: SummaryOut | None = None
    headlines: list[HeadlineOut] | None = Field(
        default=None, description="Headlines, best first. `article.warnings` says why there are fewer than requested."
    )
    models: ModelsOut
    provenance: ProvenanceOut
    document: dict[str, Any] | None = Field(
        default=None, description="The outputs as a document in the format that `as` names."
    )
    result_key: ResultKey


class ProgressEvent(Out):
    """The progress of a request: ``done`` of ``of`` units of work are finished.

    Sentences from the cache are not counted.
    """

    done: int
    of: int


class SentenceEvent(Out):
    """A translated sentence: the number of its text, its range in that text, and its translation.

    For articles, text 0 is the submitted body, text 1 is the headline, and text 2 is the lead.
    """

    text_number: int
    source: SpanOut
    text: str


class ModelListResponse(Out):
    """The models that this process serves."""

    models: list[ModelOut]


class FieldProblem(Out):
    """A problem with one field of the request."""

    pointer: str = Field(description="JSON pointer to the field. Headers have the form `header:NAME`.")
    code: str = Field(description="A code of `Problem`, or pydantic's type of the validation error.")
    detail: str
    limit: int | float | str | None = None


class Problem(Out):
    """An error in the format of RFC 9457. ``code`` is a stable identifier of the kind of error."""

    type: str = "about:blank"
    title: str
    status: int
    code: str = Field(json_schema_extra={CODE_MARK: "ErrorCode"})
    detail: str
    request_id: str
    errors: list[FieldProblem] = []
