"""Response models of the HTTP interface, and functions that build parts of the OpenAPI document."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from service.results import ChangeReason, ChangeState

SCHEMAS = "#/components/schemas/"
CODE_MARK = "x-depesche-codes"
"""Marks a field that contains a code. `service.http.openapi` replaces the mark with the list of codes."""
Responses = dict[int | str, dict[str, Any]]
VISIBLE = r"\S"
"""A regular expression that matches any text that is not blank."""


def reference(model: type[BaseModel], *, form: bool = False) -> dict[str, Any]:
    """Return a reference to the schema of ``model`` in the OpenAPI document.

    If ``form`` is True, the reference is to the variant of the schema for form data.
    """
    return {"$ref": f"{SCHEMAS}{model.__name__}{'Form' if form else ''}"}


def link(operation: str, description: str, *, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Build an OpenAPI link, which states how to use values of a response in a request to another operation.

    ``operation`` is the id of the other operation. ``body`` maps the request fields of that operation to expressions
    that select values from the response.
    """
    found = {"operationId": operation, "description": description}
    return found if body is None else {**found, "requestBody": dict(body)}


def with_links(responses: Responses, **links: Mapping[str, Any]) -> Responses:
    """Return ``responses`` with the OpenAPI links ``links`` added to the 200 response."""
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
    """The base class of response models. A response contains every field, including fields with default values."""

    model_config = ConfigDict(json_schema_serialization_defaults_required=True)


class WarningOut(Out):
    """A warning about a result or about the text that was submitted."""

    code: str = Field(description="Stable code of the warning.", json_schema_extra={CODE_MARK: "WarningCode"})
    message: str = Field(description="Explanation for a person. Its wording may change.")
    span: SpanOut | None = Field(default=None, description="Range in the submitted text.")
    target_span: SpanOut | None = Field(default=None, description="Range in the result.")
    review: bool = Field(default=True, description="Whether an editor must review the result before publication.")


class ModelOut(Out):
    """A model.

    ``host`` states where the model runs: in the service ("process"), or on a server in a private or public network.
    ``quality`` states what the model's output is good enough for: trials ("starter"), drafts that an editor compares
    with the original ("draft"), or publication after review ("production").
    """

    name: str = Field(description="Name of the model in the catalogue.")
    id: str = Field(description="Name of the published model.")
    revision: str = Field(
        description="Revision of the published model or, for a remote model, its name on the remote server."
    )
    task: Literal["translation", "summary", "alignment"] = Field(description="What the model does.")
    engine: str = Field(description="Software that runs the model.")
    licence: str = Field(description="Licence of the weights.")
    commercial_use: Literal["yes", "no", "unclear"] = Field(description="Whether the licence permits commercial use.")
    quality: Literal["starter", "draft", "production"] = Field(description="What the outputs are good enough for.")
    host: Literal["process", "private", "public"] = Field(
        default="process", description="Where the model runs: in this process, on a private host, or on a public host."
    )


class WordsOut(Out):
    """The range of a word of the translation (``target``), and the range of the source piece that it is aligned with.

    A piece is a word or a part of a word.
    """

    source: SpanOut
    target: SpanOut


class AlternativeOut(Out):
    """A possible translation of a sentence. The target ranges of the warnings refer to ``text``."""

    text: str = Field(description="The translation.")
    score: float | None = Field(
        description="Log-probability per token, or null if the model does not report it. 0 is the highest value."
    )
    confidence: float | None = Field(
        ge=0, le=1, description="Estimated probability that this translation has no major error, or null."
    )
    warnings: list[WarningOut] = Field(description="Warnings about this translation.")


class SentenceOut(Out):
    """A translated sentence: its range in the source, the range of its translation, and details of the translation."""

    source: SpanOut
    target: SpanOut
    words: list[WordsOut] | None = Field(
        default=None,
        description="Aligned words, or null if no alignment was requested. The list is empty for HTML.",
    )
    confidence: float | None = Field(
        default=None,
        ge=0,
        le=1,
        description=(
            "Estimated probability that the translation has no major error, or null if there is no estimate for the "
            "model."
        ),
    )
    from_memory: bool = Field(
        default=False, description="Whether the translation is a correction from `memory` or from the server's file."
    )
    alternatives: list[AlternativeOut] | None = Field(
        default=None,
        description=(
            "The most likely translations, best first, or null if the request has no `alternatives`. The first one may "
            "be the translation itself."
        ),
    )


class TermOut(Out):
    """An occurrence of a glossary term in the source.

    ``applied`` states whether the output contains the required translation.
    """

    source: str = Field(description="The term as it occurs in the source.")
    target: str = Field(description="The required translation.")
    span: SpanOut
    applied: bool = Field(description="Whether the output contains the translation.")


class TermsOut(Out):
    """The occurrences of glossary terms in the source, and how many of their translations the output contains."""

    applied: int = Field(description="Number of occurrences whose translation the output contains.")
    missing: int = Field(description="Number of occurrences whose translation is missing from the output.")
    uses: list[TermOut] = Field(description="Each occurrence.")


class CachedOut(Out):
    """The number of sentences with a model's translation (``of``), and of those from the cache (``sentences``).

    Sentences without letters, and sentences with a correction or an unchanged previous translation, are not counted.
    """

    sentences: int = Field(description="Number of these translations that came from the cache.")
    of: int = Field(description="Number of sentences that a model translated, now or earlier.")


class FactOut(Out):
    """A fact in the source, and the corresponding fact in the output.

    ``source`` is null if only the output contains the fact, and ``target`` is null if only the source contains it.
    """

    kind: Literal["number", "date", "name", "quotation"] = Field(description="Kind of the fact.")
    state: Literal["same", "missing", "added", "changed"] = Field(
        description="`same`: both texts contain the fact. `changed`: the fact in the output differs from the one in "
        "the source. `missing`: only the source contains it. `added`: only the output contains it. The quotations of a "
        "translation are paired in order, and each pair is `same`, because their words are not compared."
    )
    source: SpanOut | None = Field(description="Range in the source, or null if the fact was added.")
    target: SpanOut | None = Field(description="Range in the output, or null if the fact is missing.")


class TranslationOut(Out):
    """The translation of one text."""

    text: str = Field(description="The translation.")
    sentences: list[SentenceOut] = Field(description="The ranges of the sentences, in order.")
    warnings: list[WarningOut] = Field(description="Warnings about this result and its source.")
    needs_review: bool = Field(description="Whether at least one warning requires a review.")
    truncated: bool = Field(description="Whether a part of the result is missing because a length limit was reached.")
    cached: CachedOut = Field(description="How many of the model's translations came from the cache.")
    terms: TermsOut = Field(description="The glossary terms in the source.")
    facts: list[FactOut] | None = Field(default=None, description="Null unless the request has `facts: true`.")


_NOTICES: Any = Field(
    default=[], description="Notices about the whole response, for example `starter_model`. They need no review."
)


class TranslateResponse(Out):
    """The translations, in the same order as the submitted texts."""

    translations: list[TranslationOut] = Field(description="One translation for each text, in the same order.")
    model: ModelOut = Field(description="The model that translated the texts.")
    notices: list[WarningOut] = _NOTICES
    result_key: ResultKey


class SummarySentenceOut(Out):
    """A sentence of a summary, with the ranges of the source sentences that support it."""

    text: str = Field(description="The sentence.")
    support: list[SpanOut] = Field(description="Ranges of the source sentences that support it.")
    verbatim: bool = Field(description="Whether the source contains this sentence word for word.")


class VariantOut(Out):
    """A variant of a summary. ``text`` consists of ``sentences``, in the layout of the requested style."""

    text: str = Field(description="The summary.")
    method: Literal["abstractive", "extractive", "lead"] = Field(
        description="The method that was used. A warning reports a difference from the request."
    )
    sentences: list[SummarySentenceOut] = Field(description="The sentences of the summary.")
    warnings: list[WarningOut] = Field(description="Warnings about this result and its source.")
    needs_review: bool = Field(description="Whether at least one warning requires a review.")
    truncated: bool = Field(
        description=(
            "Whether source sentences were left out because they are too long for the model, or a part of the "
            "translated summary is missing because a length limit was reached."
        )
    )
    cached: bool = Field(
        description="Whether all outputs of models in the summary came from the cache. False for an extract."
    )
    facts: list[FactOut] | None = Field(
        default=None,
        description=(
            "Null unless the request has `facts: true` and the summary is in the source language. Facts of the source "
            "that a summary leaves out are not listed."
        ),
    )


class SummaryOut(VariantOut):
    """The best variant of a summary, together with the other variants."""

    variants: list[VariantOut] = Field(default=[], description="The other variants, best first.")


class HeadlineOut(Out):
    """A headline, with the ranges of the source sentences that support it, and its warnings."""

    text: str = Field(description="The headline.")
    support: list[SpanOut] = Field(description="Ranges of the source sentences that support it.")
    warnings: list[WarningOut] = Field(description="Warnings about this result and its source.")
    needs_review: bool = Field(description="Whether at least one warning requires a review.")


class TextSummaryOut(SummaryOut):
    """The summary of a text, and its headlines if they were requested."""

    headlines: list[HeadlineOut] | None = Field(
        default=None,
        description=(
            "Headlines, best first, or null if they were not requested. `warnings` explains why some are missing."
        ),
    )


class SummarizeResponse(Out):
    """The summaries, in the same order as the submitted texts."""

    summaries: list[TextSummaryOut] = Field(description="One summary for each text, in the same order.")
    model: ModelOut = Field(description="The model that wrote the summaries.")
    translation_model: ModelOut | None = Field(
        default=None, description="The model that translated the summaries, or null if they were not translated."
    )
    notices: list[WarningOut] = _NOTICES
    result_key: ResultKey


class RemovedOut(Out):
    """A part of the submitted body that the cleaning removed, and the reason for the removal."""

    text: str = Field(description="The removed text.")
    reason: str = Field(
        description="Kind of the part, such as `byline`, `advert` or `related`. Later versions may add kinds."
    )
    span: SpanOut


class SpanMapOut(Out):
    """A range of the cleaned body and the corresponding range of the submitted body."""

    cleaned: SpanOut
    source: SpanOut


class ArticleOut(Out):
    """The cleaned article, and the parts that the cleaning removed."""

    headline: str | None = Field(description="Headline, as submitted or as detected.")
    kicker: str | None = Field(description="Short line above the headline.")
    lead: str | None = Field(description="Lead, as submitted or as detected.")
    body: str = Field(description="Cleaned text of the article.")
    submitted_body: str | None = Field(
        default=None,
        description=(
            "The body of the submitted document, to which source ranges refer, or null if no document was submitted."
        ),
    )
    spans: list[SpanMapOut] = Field(description="Ranges of the cleaned body and their ranges in the submitted body.")
    removed: list[RemovedOut] = Field(description="Parts that cleaning removed.")
    warnings: list[WarningOut] = Field(description="Warnings about the article and its cleaning.")


class ArticleTranslationOut(TranslationOut):
    """The translated article. ``text`` is the translation of the body."""

    headline: str | None = Field(description="Translation of the headline.")
    lead: str | None = Field(description="Translation of the lead.")


class SourceTypesOut(Out):
    """The IPTC digital source type of each output, as a full URI.

    A type is null if the output was not requested, has no text or quotes the source word for word.
    The type of the summary also covers its variants.
    """

    summary: str | None = Field(default=None, description="Type of the summary.")
    translation: str | None = Field(default=None, description="Type of the translation.")
    summary_translation: str | None = Field(default=None, description="Type of the translated summary.")
    headlines: str | None = Field(default=None, description="Type of the headlines.")


class ProvenanceOut(Out):
    """The origin of the outputs. ``human_reviewed`` is always null. The CMS can set it after a review."""

    generated_at: str = Field(description="Time in UTC, in ISO 8601 format.")
    software: str = Field(description="Name and version of the service.")
    digital_source_types: SourceTypesOut = Field(description="The IPTC digital source type of each output.")
    removed: int = Field(description="Number of parts that cleaning removed. `article.removed` lists them.")
    embargo: bool = Field(
        default=False, description="Whether the request was under embargo, so that no text left the service."
    )
    human_reviewed: bool | None = Field(default=None, description="Null. The CMS sets it after a review.")
    jsonld: dict[str, Any] = Field(
        description="The time, the software, the models and the source types, in the form of schema.org JSON-LD."
    )


class ModelsOut(Out):
    """The models that produced the outputs, by task."""

    summary: ModelOut | None = Field(default=None, description="Model of the summary, or null.")
    translation: ModelOut | None = Field(default=None, description="Model of the translation, or null.")


class ChangeOut(Out):
    """The state of a sentence in comparison with the previous version of the article.

    `source_unchanged`, `source_changed`, `source_new` and `source_gone` describe the source sentences of the sentence.
    `neighbour_changed` means that the previous translation joins an unchanged source sentence with another one that was
    edited or moved or is gone. `no_previous` means that the previous translation lacks the sentence. `no_source` means
    that a sentence of the previous summary was kept although no source sentence supports it.
    """

    state: ChangeState = Field(
        description="An unchanged sentence has the wording of the previous version, even if a person edited it."
    )
    reason: ChangeReason = Field(description="The reason for the state.")
    span: SpanOut | None = Field(description="Range in the current version, or null if the sentence is gone.")
    previous_span: SpanOut | None = Field(description="Range in the previous version, or null if the sentence is new.")


class ChangesOut(Out):
    """The changes since the previous version of the article.

    Each list contains the changes of the sentences of the current version in order, and then those of the sentences
    that are gone.
    """

    source: list[ChangeOut] = Field(description="Sentences of the submitted body and of `previous.body`.")
    translation: list[ChangeOut] | None = Field(
        description="Sentences of `translation.text` and of `previous.translation`. Null if one of them is missing."
    )
    summary: list[ChangeOut] | None = Field(
        description="Sentences of `summary.text` and of `previous.summary`. Null if one of them is missing."
    )


class ArticleResponse(Out):
    """The cleaned article, the requested outputs, and the models and the provenance of the outputs."""

    article: ArticleOut = Field(description="The cleaned article.")
    summary: SummaryOut | None = Field(default=None, description="The summary, or null if it was not requested.")
    translation: ArticleTranslationOut | None = Field(
        default=None, description="The translation, or null if it was not requested."
    )
    summary_translation: SummaryOut | None = Field(
        default=None, description="The summary in the target language, or null if it was not requested."
    )
    headlines: list[HeadlineOut] | None = Field(
        default=None,
        description=(
            "Headlines, best first, or null if they were not requested. `article.warnings` explains why some are "
            "missing."
        ),
    )
    changes: ChangesOut | None = Field(
        default=None, description="The changes since the previous version, or null if `previous` was not sent."
    )
    models: ModelsOut = Field(description="The models that produced the outputs.")
    notices: list[WarningOut] = _NOTICES
    provenance: ProvenanceOut = Field(description="Origin of the outputs.")
    document: dict[str, Any] | None = Field(
        default=None, description="The outputs as a document in the format that `as` names."
    )
    result_key: ResultKey


class BatchResult(Out):
    """The result of one article of a batch: the response of `/v1/articles` or a problem."""

    index: int = Field(description="Index of the article in the request.")
    id: str | None = Field(description="The caller's id for the article.")
    status: int = Field(description="The HTTP status that a request with only this article would have.")
    article: ArticleResponse | None = Field(description="The response, or null if the article failed.")
    problem: "Problem | None" = Field(description="The error, or null if the article succeeded.")
    retry_after_s: int | None = Field(
        default=None, description="Number of seconds to wait before the article is sent again, if a retry can help."
    )


class BatchSummary(Out):
    """The numbers of articles of a batch that succeeded and that failed."""

    succeeded: int = Field(description="Number of articles with status 200.")
    failed: int = Field(description="Number of articles with another status.")


class BatchResponse(BatchSummary):
    """The results of a batch."""

    results: list[BatchResult] = Field(description="One result for each article, in the same order.")


class JobOut(Out):
    """A request with `Prefer: respond-async`. It runs in the background, and its result is kept for up to an hour."""

    id: str = Field(description="Id of the job.")
    status: Literal["running", "succeeded", "failed"] = Field(description="The state of the job.")
    status_url: str = Field(
        description=(
            "Path of this status. If the service has API keys, only keys with the id of the key that started the job "
            "can read it."
        )
    )
    created_at: str = Field(description="Time in UTC, in ISO 8601 format.")
    expires_at: str = Field(
        description=(
            "Time in UTC, in ISO 8601 format, at which the job and its result are deleted. While the job is running, "
            "this time is postponed."
        )
    )
    result: ArticleResponse | BatchResponse | None = Field(
        description="The response, or null if the job has not succeeded."
    )
    problem: "Problem | None" = Field(description="The error, or null if the job has not failed.")


class CheckedSentenceOut(Out):
    """A sentence of the checked text, with the ranges of the corresponding source sentences and its warnings."""

    text: str = Field(description="The sentence.")
    target: SpanOut = Field(description="Range of the sentence in the checked text.")
    source: list[SpanOut] = Field(description="Ranges of its source sentences.")
    warnings: list[WarningOut] = Field(description="Warnings about this sentence.")


class LabelOut(Out):
    """A label that informs readers about the origin of a text, in German and in English."""

    de: str = Field(description="The label in German.")
    en: str = Field(description="The label in English.")


class CheckProvenanceOut(Out):
    """The origin of a checked text. ``digital_source_type`` is an IPTC digital source type as a full URI."""

    checked_at: str = Field(description="Time in UTC, in ISO 8601 format.")
    software: str = Field(description="Name and version of the service.")
    digital_source_type: str = Field(description="IPTC digital source type of the text, as a URI.")
    reviewed_by_person: bool = Field(description="Whether the request states that a person reviewed the text.")
    label: LabelOut = Field(description="A label for readers.")


class CheckResponse(Out):
    """The result of a check.

    ``warnings`` contains the warnings about the whole text. Warnings about a sentence are in ``sentences``.
    """

    sentences: list[CheckedSentenceOut] = Field(description="The sentences of the checked text, in order.")
    facts: list[FactOut] = Field(description="The facts of the source and of the text.")
    warnings: list[WarningOut] = Field(description="Warnings about the whole text.")
    needs_review: bool = Field(description="Whether at least one warning requires a review.")
    provenance: CheckProvenanceOut = Field(description="Origin of the text.")


class ForgottenResponse(Out):
    """The number of cache entries that were deleted from the memory of the process."""

    forgotten: int = Field(description="Number of deleted entries. Other processes of the service keep theirs.")


class ProgressEvent(Out):
    """The progress of one stage of a request. Sentences from the cache are not counted.

    ``done`` is the number of finished units of work, and ``of`` is the number of all units that are known so far.
    Neither number decreases within a stage.
    """

    stage: str = Field(
        description="The unit of work that is counted. `translation`: a sentence to translate. `summary`: a task of "
        "the summary model, which is to rewrite one or more source sentences. Later versions may add stages."
    )
    done: int = Field(description="Finished units of work.")
    of: int = Field(description="All units of work that are known so far.")


class SentenceEvent(Out):
    """A translated sentence, with the index of its text and its range in that text.

    For articles, text 0 is the submitted body, text 1 is the headline, and text 2 is the lead.
    """

    text_number: int = Field(description="Index of the text, from 0.")
    source: SpanOut
    text: str = Field(description="The translated sentence.")


class ModelListResponse(Out):
    """The models that this process serves."""

    models: list[ModelOut] = Field(description="The served models.")


class FieldProblem(Out):
    """A problem with one field of the request."""

    pointer: str = Field(
        description="JSON pointer to the field, or `header:NAME` for a header. Empty if no single field is at fault."
    )
    code: str = Field(description="A code of `Problem`, or the type of a validation error of pydantic.")
    detail: str = Field(description="Explanation for a person.")
    limit: int | float | str | None = Field(
        default=None, description="The limit that the value violates or the value that is expected, if there is one."
    )


class Problem(Out):
    """An error in the format of RFC 9457. ``code`` is a stable identifier for errors of the same kind."""

    type: str = Field(default="about:blank", description="Always `about:blank`.")
    title: str = Field(description="Name of the HTTP status.")
    status: int = Field(description="HTTP status.")
    code: str = Field(description="Stable code of the error.", json_schema_extra={CODE_MARK: "ErrorCode"})
    detail: str = Field(description="Explanation for a person. Its wording may change.")
    request_id: str = Field(description="Id of the request, which the log of the service contains.")
    errors: list[FieldProblem] = Field(default=[], description="Problems with individual fields, at most 20.")
