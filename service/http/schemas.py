"""Response models of the HTTP interface and their documentation."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

_DEFINITIONS = "#/$defs/"
Responses = dict[int | str, dict[str, Any]]
VISIBLE = r"\S"
"""The pattern of a text that is not blank."""


def whole(model: type[BaseModel]) -> dict[str, Any]:
    """The JSON schema of ``model`` without references, which would point out of the place where it is put."""
    schema = model.model_json_schema()
    definitions = schema.pop("$defs", {})
    found: dict[str, Any] = _resolved(schema, definitions)
    return found


def _resolved(value: Any, definitions: Mapping[str, Any]) -> Any:
    if isinstance(value, list):
        return [_resolved(one, definitions) for one in value]
    if not isinstance(value, dict):
        return value
    name = value.get("$ref", "")
    if isinstance(name, str) and name.startswith(_DEFINITIONS):
        return _resolved(definitions[name.removeprefix(_DEFINITIONS)], definitions)
    return {key: _resolved(one, definitions) for key, one in value.items()}


def form(model: type[BaseModel]) -> dict[str, Any]:
    """The schema of ``model`` as a form: a field may be left out, but there is no null in it."""
    schema = whole(model)
    return {**schema, "properties": {name: _without_null(field) for name, field in schema["properties"].items()}}


def _without_null(field: dict[str, Any]) -> dict[str, Any]:
    found = {key: value for key, value in field.items() if (key, value) != ("default", None)}
    if "anyOf" in found:
        found["anyOf"] = [one for one in found["anyOf"] if one.get("type") != "null"]
    return found


def link(operation: str, description: str, *, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """A link to an operation by its id; ``body`` says what of this answer goes into the next request."""
    found = {"operationId": operation, "description": description}
    return found if body is None else {**found, "requestBody": dict(body)}


def linked(responses: Responses, **links: Mapping[str, Any]) -> Responses:
    """``responses`` of an endpoint whose result leads on to others."""
    return {**responses, 200: {**responses.get(200, {}), "links": links}}


SpanOut = Annotated[list[int], Field(min_length=2, max_length=2, description="Half-open range of code points.")]


class WarningOut(BaseModel):
    """Something an editor should look at."""

    code: str
    message: str
    span: SpanOut | None = Field(default=None, description="Where in the submitted text.")
    target_span: SpanOut | None = Field(default=None, description="Where in the result.")
    review: bool = Field(default=True, description="An editor has to look before this is published.")


class ModelOut(BaseModel):
    """The model behind a result; ``quality`` is "starter" for the embedded weights."""

    name: str
    id: str
    revision: str
    task: Literal["translation", "summary"]
    engine: str
    licence: str
    commercial_use: Literal["yes", "no", "unclear"]
    quality: Literal["starter", "production"]


class WordsOut(BaseModel):
    """Words of a translation and the source words that they owe most to."""

    source: SpanOut
    target: SpanOut


class SentenceOut(BaseModel):
    """One sentence: where it stands in the source and in the translation; ``words`` where they were asked for."""

    source: SpanOut
    target: SpanOut
    words: list[WordsOut] | None = None


class TermOut(BaseModel):
    """A place where a term of the caller stands in the source, and whether its translation was put there."""

    source: str
    target: str
    span: SpanOut
    applied: bool


class TermsOut(BaseModel):
    """The caller's terms in this text: how many were applied, how many could not be, and each of them."""

    applied: int
    missing: int
    uses: list[TermOut]


class CachedOut(BaseModel):
    """How many of the sentences came from the cache."""

    sentences: int
    of: int


class TranslationOut(BaseModel):
    """One translated text."""

    text: str
    sentences: list[SentenceOut]
    warnings: list[WarningOut]
    needs_review: bool
    truncated: bool
    cached: CachedOut
    terms: TermsOut


class TranslateResponse(BaseModel):
    """Translations in the order of the texts."""

    translations: list[TranslationOut]
    model: ModelOut
    result_key: str


class SummarySentenceOut(BaseModel):
    """One sentence of a summary and the source sentences that support it."""

    text: str
    support: list[SpanOut]
    verbatim: bool = Field(description="The sentence stands in the source as it is.")


class VariantOut(BaseModel):
    """One wording of a summary; ``text`` holds the sentences as its style lays them out."""

    text: str
    method: Literal["abstractive", "extractive", "lead"]
    sentences: list[SummarySentenceOut]
    warnings: list[WarningOut]
    needs_review: bool
    truncated: bool
    cached: bool


class SummaryOut(VariantOut):
    """One summary, the best of its variants; the others beside it."""

    variants: list[VariantOut] = Field(default=[], description="The other variants, best first.")


class SummarizeResponse(BaseModel):
    """Summaries in the order of the texts."""

    summaries: list[SummaryOut]
    model: ModelOut
    translation_model: ModelOut | None = None
    result_key: str


class RemovedOut(BaseModel):
    """What cleaning took off the submitted body, and why."""

    text: str
    reason: str
    span: SpanOut


class SpanMapOut(BaseModel):
    """A part of the cleaned body and where it stands in the submitted one."""

    cleaned: SpanOut
    source: SpanOut


class ArticleOut(BaseModel):
    """The article as it was understood."""

    headline: str | None
    kicker: str | None
    lead: str | None
    body: str
    submitted_body: str | None = Field(default=None, description="Of a document: the body that spans point into.")
    spans: list[SpanMapOut]
    removed: list[RemovedOut]
    warnings: list[WarningOut]


class ArticleTranslationOut(TranslationOut):
    """The translated article: ``text`` is the body's translation."""

    headline: str | None
    lead: str | None


class SourceTypesOut(BaseModel):
    """IPTC's digital source type of each output, as its full URI; null where the words are the source's own."""

    summary: str | None = None
    translation: str | None = None
    summary_translation: str | None = None


class ProvenanceOut(BaseModel):
    """How the outputs came about; ``human_reviewed`` is for the CMS to fill in."""

    generated_at: str = Field(description="UTC, ISO 8601.")
    software: str
    digital_source_types: SourceTypesOut
    removed: int = Field(description="Pieces that cleaning took off; `article.removed` has them.")
    human_reviewed: bool | None = None
    jsonld: dict[str, Any] = Field(description="The same as schema.org JSON-LD.")


class ModelsOut(BaseModel):
    """The models of an answer, by task."""

    summary: ModelOut | None = None
    translation: ModelOut | None = None


class ArticleResponse(BaseModel):
    """The cleaned article and the outputs that were asked for."""

    article: ArticleOut
    summary: SummaryOut | None = None
    translation: ArticleTranslationOut | None = None
    summary_translation: SummaryOut | None = None
    models: ModelsOut
    provenance: ProvenanceOut
    document: dict[str, Any] | None = Field(default=None, description="The outputs as ninjs or JSON-LD (`as`).")
    result_key: str


class ProgressEvent(BaseModel):
    """How much of the engine's work is done; what came from the cache is not counted."""

    done: int
    of: int


class SentenceEvent(BaseModel):
    """A translated sentence, in order: the number of its text, where it stands there, and its translation.

    For articles the texts are the submitted body (0), the headline (1) and the lead (2).
    """

    text_number: int
    source: SpanOut
    text: str


class ModelListResponse(BaseModel):
    """The models that this process serves."""

    models: list[ModelOut]


class FieldProblem(BaseModel):
    """One field that cannot be worked on."""

    pointer: str
    code: str
    detail: str
    limit: int | float | str | None = None


class Problem(BaseModel):
    """An error, as RFC 9457 describes it; ``code`` is stable."""

    type: str = "about:blank"
    title: str
    status: int
    code: str
    detail: str
    request_id: str
    errors: list[FieldProblem] = []
