"""Request models for the endpoints of /v1."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import (
    BeforeValidator,
    ConfigDict,
    Discriminator,
    FailFast,
    Field,
    JsonValue,
    Tag,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    model_validator,
)

from service.bounded import FEW_WRONG, MAX_ERRORS, Bounded, at_most
from service.documents.registry import formats, writable_formats
from service.errors import InvalidInput
from service.http.language_fields import EitherLang, SourceLang, TargetLang, require_served
from service.http.schemas import VISIBLE
from service.languages.base import LanguagePair
from service.languages.house_style import HouseStyle
from service.newsroom.commands import (
    DEFAULT_HEADLINES,
    ArticleCommand,
    CheckCommand,
    GlossaryTerms,
    PreviousVersion,
    SummarizeCommand,
    SummaryForm,
    TextLimits,
    TranslateCommand,
)
from service.results import Output
from service.summarization.styles import length_of
from service.terms.corrections import CORRECTION_CHARS, FILE_CHARS, MAX_CORRECTIONS, Correction
from service.translation.preparation import MAX_WITH_ALTERNATIVES, TranslationOptions

SOURCE_MEANING = "Language of the texts."
TARGET_MEANING = "Language of the translations."
PRIORITY_MEANING = "`bulk` work is queued as if it had arrived a minute later, so `interactive` work overtakes it."
HEADLINE_CHARS = 1_000
MAX_HEADLINES = 10
LEAD_CHARS = 10_000
MAX_TERMS = 10_000

MAX_TEXTS = 10_000
"""The maximum number of texts in a request. It is checked before the texts are validated. The settings can lower it."""

SomeTexts = Annotated[list[str], Field(fail_fast=True, json_schema_extra={"minItems": 1})]
Text = Annotated[
    Annotated[str, Field(json_schema_extra={"pattern": VISIBLE})] | SomeTexts, at_most(MAX_TEXTS, "too_many_texts")
]
if TYPE_CHECKING:
    WrittenFormat = str
else:
    WrittenFormat = Literal[writable_formats()]
# JSON does not distinguish integers from floats, so 3.0 is a valid integer.
WHOLE = BeforeValidator(lambda value: int(value) if isinstance(value, float) and value.is_integer() else value)
_COUNCIL = "Der Stadtrat hat am Dienstag den Haushalt beschlossen. Die Mehrheit stimmte dafür."
TRANSLATE_EXAMPLE: dict[str, JsonValue] = {"text": _COUNCIL, "glossary": {"Stadtrat": "city council"}}
SUMMARIZE_EXAMPLE: dict[str, JsonValue] = {"text": _COUNCIL, "length": "short"}
ARTICLE_EXAMPLE: dict[str, JsonValue] = {"headline": "Haushalt beschlossen", "body": _COUNCIL, "length": "short"}
# Generators of clients lose the properties of a schema that also has `oneOf`. They ignore `if`, and validators obey it.
_ONE_ARTICLE: dict[str, JsonValue] = {
    "if": {"required": ["body"], "properties": {"body": {"type": "string"}}},
    "then": {"properties": {"document": {"type": "null"}}},
    "else": {"required": ["document"], "properties": {"document": {"not": {"type": "null"}}}},
}


class _Request(Bounded):
    model_config = ConfigDict(extra="forbid", strict=True)


def texts_of(text: str | Sequence[str], limits: TextLimits) -> list[str]:
    """Return the value of the field ``text`` as a list of texts, and check it against ``limits``.

    Raises:
        InvalidInput: the list is empty or too long, a text is too long or not valid Unicode, or a single text (not a
            list) is blank.
    """
    if isinstance(text, str):
        limits.require_text(text, "/text")
        return [text]
    if not text:
        raise InvalidInput("text_empty", "the list of texts is empty; send at least one text", pointer="/text")
    if len(text) > limits.texts:
        raise InvalidInput(
            "too_many_texts",
            f"{len(text)} texts exceed the limit of {limits.texts}",
            pointer="/text",
            limit=limits.texts,
        )
    for number, member in enumerate(text):
        limits.require_fitting(member, f"/text/{number}")
    return list(text)


class GlossaryFields(_Request):
    """The request fields that specify how terms are translated."""

    glossary: Annotated[dict[str, str], FEW_WRONG, at_most(MAX_TERMS)] = Field(
        default={}, max_length=MAX_TERMS, description="Terms and their required translations."
    )
    glossary_name: str | None = Field(default=None, description="Name of a glossary that is stored on the server.")
    do_not_translate: Annotated[list[str], FailFast(), at_most(MAX_TERMS)] = Field(
        default=[], max_length=MAX_TERMS, description="Terms that must stay untranslated."
    )

    def terms(self) -> GlossaryTerms:
        """Return the glossary terms of the request."""
        return GlossaryTerms(self.glossary, self.do_not_translate, self.glossary_name)


class HouseStyleRules(_Request):
    """The rules of a house style for English texts.

    A rule that is null changes nothing, unless the house style in `base` has this rule.
    """

    base: str | None = Field(
        default=None, description="Name of a house style on the server. Its rules apply where this object has none."
    )
    spelling: Literal["british", "american"] | None = Field(default=None, description="Spelling of words.")
    dates: Literal["day_month", "month_day"] | None = Field(
        default=None, description="day_month: 4 May 2024; month_day: May 4, 2024."
    )
    thousands: Literal["comma", "thin_space"] | None = Field(
        default=None,
        description="Separator between groups of three digits. Numbers without a separator are not changed.",
    )
    percent: Literal["sign", "percent", "per cent"] | None = Field(
        default=None, description="sign: 5%; percent: 5 percent; per cent: 5 per cent."
    )
    currency: Literal["sign", "word"] | None = Field(
        default=None, description="sign: €5 million; word: 5 million euros."
    )
    units: Literal["symbol", "word"] | None = Field(default=None, description="symbol: 5 km; word: 5 kilometres.")
    titles: Literal["point", "no_point"] | None = Field(
        default=None, description="point: Dr. Weber; no_point: Dr Weber."
    )
    quotation_marks: Literal["double", "single", "straight"] | None = Field(
        default=None, description='double: “…”; single: ‘…’; straight: "…".'
    )


class HouseStyleField(_Request):
    """The request field for the house style."""

    house_style: HouseStyleRules | None = Field(
        default=None,
        description="House style of the English texts. A warning `house_style_applied` reports each change.",
    )

    def chosen_style(self) -> HouseStyle | None:
        """Return the house style of the request, or None if the request has none."""
        return None if self.house_style is None else HouseStyle(**self.house_style.model_dump())


class CorrectionFields(_Request):
    """A source sentence, and the translation that an editor chose. The model's translation is ignored."""

    source: str = Field(max_length=CORRECTION_CHARS, description="The source sentence.")
    target: str = Field(max_length=CORRECTION_CHARS, description="Its translation.")
    machine: str | None = Field(
        None, max_length=CORRECTION_CHARS, description="The model's translation, which is ignored."
    )


SomeCorrections = Annotated[
    list[CorrectionFields], Field(fail_fast=True, max_length=MAX_CORRECTIONS), Tag("list[CorrectionFields]")
]
CorrectionFile = Annotated[str, Field(max_length=FILE_CHARS), Tag("str")]
GivenMemory = Annotated[
    SomeCorrections | CorrectionFile,
    Discriminator(lambda value: "str" if isinstance(value, str) else "list[CorrectionFields]"),
    at_most(MAX_CORRECTIONS),
]


class MemoryField(_Request):
    """The request field for corrections of earlier translations."""

    memory: GivenMemory = Field(
        default=[],
        description=(
            "Corrections of earlier translations: a list, or a file (JSON Lines or TMX) that the web page exported. "
            "A sentence with the same source, apart from white space, soft hyphens and the Unicode normalisation form, "
            "gets the correction instead of the model's translation."
        ),
    )

    def corrections(self) -> str | list[Correction]:
        """Return the corrections of the request: the text of a file, or a list."""
        given = self.memory
        return given if isinstance(given, str) else [Correction(one.source, one.target, one.machine) for one in given]


class TranslationFields(GlossaryFields, HouseStyleField, MemoryField):
    """The request fields that contain options for the translation."""

    format: Literal["text", "html"] = Field(default="text", description="Format of the texts.")
    attribute_texts: bool = Field(default=False, description="Also translate the HTML attributes `title` and `alt`.")
    facts: bool = Field(
        default=False, description="Return the numbers, dates, names and quotations of both texts, in pairs."
    )


class CheckRequest(GlossaryFields):
    """A request to check a translation or summary, which a person may have edited, against its source."""

    task: Literal["translation", "summary"] = Field(
        description="`summary` is a summary in the source language. The terms apply only to translations."
    )
    source: Annotated[str, Field(description="The source text.", json_schema_extra={"pattern": VISIBLE})]
    text: Annotated[str, Field(description="The text to check.", json_schema_extra={"pattern": VISIBLE})]
    reviewed_by_person: bool = Field(
        default=False, description="Whether a person reviewed the text. This sets the provenance and the label texts."
    )

    def command(self, limits: TextLimits) -> CheckCommand:
        """Convert the request to a command for the newsroom.

        Raises:
            InvalidInput: a text is blank, too long or not valid Unicode.
        """
        limits.require_text(self.source, "/source")
        limits.require_text(self.text, "/text")
        return CheckCommand(self.task, self.source, self.text, self.terms(), self.reviewed_by_person)


class TranslateRequest(TranslationFields):
    """A request to translate one or more texts. The response contains the translations in the same order."""

    model_config = ConfigDict(json_schema_extra={"examples": [TRANSLATE_EXAMPLE]})

    text: Text = Field(description="One text, or a list of texts.")
    source_lang: SourceLang = Field(default="", description=SOURCE_MEANING)
    target_lang: TargetLang = Field(default="", description=TARGET_MEANING)
    alignment: bool = Field(default=False, description="Return the word alignment of each sentence.")
    alternatives: Annotated[int, Field(ge=1, le=5), WHOLE] | None = Field(
        default=None,
        description=(
            "Number of translations to search for per sentence. `sentences[].alternatives` lists them. A request "
            f"with this field may have at most {MAX_WITH_ALTERNATIVES} sentences."
        ),
    )
    context: str = Field(
        default="",
        description="Text that precedes the texts and is not translated. Some remote models use its last two "
        "sentences. If the model does not use it, `notices` contains `context_unused`.",
    )
    priority: Literal["interactive", "bulk"] = Field(default="interactive", description=PRIORITY_MEANING)

    def command(self, limits: TextLimits, languages: LanguagePair) -> TranslateCommand:
        """Convert the request to a command for the newsroom. For errors, see `texts_of` and `require_served`."""
        source, target = (language.code for language in languages)
        require_served(self, {"source_lang": (source,), "target_lang": (target,)})
        limits.require_fitting(self.context, "/context")
        return TranslateCommand(
            texts=texts_of(self.text, limits),
            options=TranslationOptions(
                self.format,
                self.attribute_texts,
                alignment=self.alignment,
                facts=self.facts,
                house_style=self.chosen_style(),
                alternatives=self.alternatives or 0,
                context=self.context,
            ),
            terms=self.terms(),
            source_lang=source,
            target_lang=target,
            priority=self.priority,
            memory=self.corrections(),
        )


class SummaryFields(_Request):
    """The request fields for the length, style, method and number of summaries."""

    length: Literal["short", "medium", "long"] | None = Field(
        None,
        description=(
            "short: at most 40 words; medium (the default of `abstract`): 40 to 120; long: 80 to 200. The minimum is a "
            "target, and only for `abstract`."
        ),
    )
    max_chars: Annotated[int, Field(ge=20, le=10_000), WHOLE] | None = Field(
        default=None, description="Maximum number of characters, instead of `length`."
    )
    max_words: Annotated[int, Field(ge=5, le=2_000), WHOLE] | None = Field(
        default=None, description="Maximum number of words, instead of `length`."
    )
    max_sentences: Annotated[int, Field(ge=1, le=100), WHOLE] | None = Field(
        default=None, description="Maximum number of sentences, instead of `length`."
    )
    style: Literal["abstract", "teaser", "bullets", "seo"] = Field(
        default="abstract",
        description=(
            "teaser: one or two sentences from the beginning, by default at most 40 words; bullets: 3 to 5 lines, by "
            "default at most 120 words; seo: one sentence, at most 160 characters. If a length is also set, the "
            "tighter limit applies."
        ),
    )
    method: Literal["abstractive", "extractive", "lead"] = Field(
        default="abstractive",
        description="abstractive: rewritten sentences; extractive: selected sentences; lead: the first sentences.",
    )
    variants: Annotated[int, Field(ge=1, le=5), WHOLE] = Field(
        default=1, description="Maximum number of different summaries to return, best first."
    )

    def form(self, *, facts: bool) -> SummaryForm:
        """Return the requested length, method, style and number of variants as a `SummaryForm`.

        ``facts`` requests the facts of a summary.

        Raises:
            InvalidInput: the request sets more than one length.
        """
        length = length_of(
            self.style,
            self.length,
            max_chars=self.max_chars,
            max_words=self.max_words,
            max_sentences=self.max_sentences,
        )
        return SummaryForm(length, self.method, self.style, self.variants, facts=facts)


class SummarizeRequest(SummaryFields, HouseStyleField):
    """A request to summarise one or more texts. The response contains the summaries in the same order."""

    model_config = ConfigDict(json_schema_extra={"examples": [SUMMARIZE_EXAMPLE]})

    text: Text = Field(description="One text, or a list of texts.")
    headline: str | None = Field(
        default=None, max_length=HEADLINE_CHARS, description="Headline, which the summary must not repeat."
    )
    headlines: Annotated[int, Field(ge=1, le=MAX_HEADLINES), WHOLE] | None = Field(
        default=None, description="Maximum number of headlines for each text, in the source language."
    )
    facts: bool = Field(
        default=False,
        description=(
            "Return the numbers, dates, names and quotations of the summary with those of the source. The facts of a "
            "translated summary are null."
        ),
    )
    target_lang: EitherLang = Field(default="", description="Language of the summaries.")
    priority: Literal["interactive", "bulk"] = Field(default="interactive", description=PRIORITY_MEANING)

    def command(self, limits: TextLimits, languages: LanguagePair) -> SummarizeCommand:
        """Convert the request to a command for the newsroom.

        Raises:
            InvalidInput: see `texts_of` and `form`, or the headline is too long or not valid Unicode.
            RequestValidationError: see `require_served`.
        """
        source, target = (language.code for language in languages)
        require_served(self, {"target_lang": (source, target)})
        texts, headline = texts_of(self.text, limits), self.headline or None
        limits.require_fitting(headline or "", "/headline")
        return SummarizeCommand(
            texts,
            self.form(facts=self.facts),
            headline,
            self.headlines or 0,
            target_lang=self.target_lang or source,
            priority=self.priority,
            house_style=self.chosen_style(),
        )


class Previous(_Request):
    """The previous version of an article. The outputs keep the wording of each sentence whose source is unchanged.

    A person may have edited the summary or the translation. An output whose previous version is missing is written from
    scratch.
    """

    body: str = Field(description="The body of the previous version, exactly as it was submitted.")
    summary: str | None = Field(default=None, description="The summary of the previous version, as published.")
    translation: str | None = Field(
        default=None, description="The translation of the body of the previous version, as published."
    )

    def version(self) -> PreviousVersion:
        """Return the fields as the previous version of the article. An empty summary or translation becomes None."""
        return PreviousVersion(self.body, self.summary or None, self.translation or None)


class ArticleRequest(SummaryFields, TranslationFields):
    """A request to clean, summarise and translate an article.

    The article is either the text in ``body``, with an optional ``headline`` and ``lead``, or a ``document``.
    """

    model_config = ConfigDict(json_schema_extra={**_ONE_ARTICLE, "examples": [ARTICLE_EXAMPLE]})

    headline: str | None = Field(
        default=None,
        max_length=HEADLINE_CHARS,
        description="Headline of the article. If it is missing, cleaning may find it in the body.",
    )
    lead: str | None = Field(
        default=None,
        max_length=LEAD_CHARS,
        description="Lead of the article. If it is missing, cleaning may find it in the body.",
    )
    body: str | None = Field(default=None, description="Text of the article, in the format that `format` names.")
    document: str | dict[str, Any] | None = Field(
        default=None,
        description=(
            "The article as a document, instead of `body`: an HTML page or NewsML-G2 as a string, or a JSON object. "
            'A Word document is the object {"format": "docx", "content": Base64}. '
            f"Formats: {', '.join(formats())}."
        ),
    )
    as_: WrittenFormat | None = Field(
        default=None, alias="as", description="Also return the outputs as a document in this format."
    )
    source_lang: SourceLang = Field(default="", description=SOURCE_MEANING)
    target_lang: TargetLang = Field(default="", description=TARGET_MEANING)
    clean: bool = Field(
        default=True,
        description="Remove navigation, adverts and credits from the article. An HTML fragment is not cleaned.",
    )
    outputs: Annotated[list[Output], FailFast(), at_most(4)] = Field(
        default=["summary", "translation"], min_length=1, max_length=4, description="The outputs to return."
    )
    headlines: Annotated[int, Field(ge=1, le=MAX_HEADLINES), WHOLE] = Field(
        default=DEFAULT_HEADLINES, description="Maximum number of headlines if `outputs` contains `headlines`."
    )
    previous: Previous | None = Field(
        default=None,
        description="The previous version of a corrected article. It requires a plain-text body.",
    )
    priority: Literal["interactive", "bulk"] = Field(default="interactive", description=PRIORITY_MEANING)

    @model_validator(mode="after")
    def _distinct_outputs(self) -> "ArticleRequest":
        self.outputs = list(dict.fromkeys(self.outputs))
        return self

    @model_validator(mode="after")
    def _one_article(self) -> "ArticleRequest":
        if (self.body is None) == (self.document is None):
            raise ValueError("exactly one of `body` and `document` is required")
        return self

    def command(self, languages: LanguagePair) -> ArticleCommand:
        """Convert the request to a command for the newsroom. For errors, see `form` and `require_served`."""
        source, target = (language.code for language in languages)
        require_served(self, {"source_lang": (source,), "target_lang": (target,)})
        return ArticleCommand(
            outputs=self.outputs,
            form=self.form(facts=self.facts),
            headlines=self.headlines,
            previous=None if self.previous is None else self.previous.version(),
            body=self.body or "",
            headline=self.headline,
            lead=self.lead,
            document=self.document,
            write_as=self.as_,
            clean=self.clean,
            options=TranslationOptions(
                self.format, self.attribute_texts, facts=self.facts, house_style=self.chosen_style()
            ),
            terms=self.terms(),
            source_lang=source,
            target_lang=target,
            priority=self.priority,
            memory=self.corrections(),
        )


MAX_ARTICLES = 64
MAX_TIMEOUT_MS = 3_600_000


class BatchArticle(ArticleRequest):
    """An article of a batch. Its default priority is `bulk`."""

    id: str | None = Field(default=None, max_length=200, description="The caller's id, which the result repeats.")
    timeout_ms: Annotated[int, Field(ge=1, le=MAX_TIMEOUT_MS), WHOLE] | None = Field(
        default=None, description="Time limit for this article, in milliseconds, from the start of its processing."
    )
    priority: Literal["interactive", "bulk"] = Field(default="bulk", description=PRIORITY_MEANING)


@dataclass(frozen=True, slots=True)
class InvalidArticle:
    """An article of a batch that violates its schema.

    ``id`` is the caller's id, or None if it is missing or not a string. ``errors`` contains the validation errors in
    pydantic's format. Their locations are relative to the article.
    """

    id: str | None
    errors: tuple[dict[str, Any], ...]


def _article_or_errors(value: Any, validate: ValidatorFunctionWrapHandler) -> Any:
    """Return the validated article or, if it is not valid, an `InvalidArticle`.

    An invalid article must not make the other articles fail.
    """
    try:
        return validate(value)
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False, include_context=True)[: MAX_ERRORS + 1]
        # Exceptions in the context cannot be sent to another process.
        plain = ({k: v for k, v in one.get("ctx", {}).items() if isinstance(v, int | float | str)} for one in found)
        errors = tuple({**one, "ctx": context} for one, context in zip(found, plain, strict=True))
        name = value.get("id") if isinstance(value, dict) else None
        return InvalidArticle(name[:200] if isinstance(name, str) else None, errors)


class BatchRequest(_Request):
    """A request to process several articles. Each article has its own options, time limit and status."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"articles": [{"id": "a1", **ARTICLE_EXAMPLE}, {"id": "a2", "body": _COUNCIL}]}]
        }
    )

    articles: Annotated[
        list[Annotated[BatchArticle, WrapValidator(_article_or_errors)]], at_most(MAX_ARTICLES, "too_many_articles")
    ] = Field(min_length=1, max_length=MAX_ARTICLES, description="The articles.")
