"""Request models of /v1, and language codes checked against the served pair."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal

from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, BeforeValidator, ConfigDict, FailFast, Field, JsonValue, model_validator

from service.bounded import FEW_WRONG, Bounded, at_most
from service.documents.registry import formats, writable_formats
from service.errors import InvalidInput
from service.http.schemas import VISIBLE
from service.languages.base import Language, LanguagePair
from service.newsroom.commands import (
    ArticleCommand,
    GlossaryTerms,
    SummarizeCommand,
    SummaryForm,
    TextLimits,
    TranslateCommand,
)
from service.summarization.styles import length_of
from service.translation.preparation import TranslationOptions

Role = Literal["source", "target", "either", "source_form", "target_form"]
_MARK = "x-depesche-language"


def _marked(role: Role) -> Any:
    return Field(json_schema_extra={_MARK: role})


# A field that is not given means the served language; the document has its code as the default.
SourceLang = Annotated[str, _marked("source")]
TargetLang = Annotated[str, _marked("target")]
EitherLang = Annotated[str, _marked("either")]
SourceForm = Annotated[str, _marked("source_form")]
TargetForm = Annotated[str, _marked("target_form")]
"""Codes in the forms that the compatible APIs accept: any case, and with a region."""


def require_served(body: BaseModel, served: Mapping[str, tuple[str, ...]]) -> None:
    """Check the given languages of a body; ``served`` are the codes that each field may have.

    Raises:
        RequestValidationError: a language is not served. The answer is that of a field with any other wrong value.
    """
    errors = []
    for field in body.model_fields_set & served.keys():
        given, codes = getattr(body, field), served[field]
        if given not in codes:
            expected = " or ".join(f"'{code}'" for code in codes)
            error = {"type": "literal_error", "loc": ("body", field), "msg": f"Input should be {expected}"}
            errors.append({**error, "input": given, "ctx": {"expected": expected}})
    if errors:
        raise RequestValidationError(errors)


def forms_of(language: Language) -> tuple[str, ...]:
    """The codes that mean a language, in lower case: without a region and with each."""
    return (language.code, *language.regions)


def _pattern(codes: tuple[str, ...]) -> str:
    """A pattern for any of the codes in any case, as JSON Schema has no flag for it."""
    letters = ("".join(f"[{c.upper()}{c}]" if c.isalpha() else c for c in code) for code in codes)
    return rf"^\s*({'|'.join(letters)})\s*$"


def describe_languages(document: Any, languages: LanguagePair) -> None:
    """Put the served languages into an OpenAPI document, wherever a field is marked."""
    if isinstance(document, dict):
        role = document.pop(_MARK, None)
        if role is not None:
            document.update(_schema(role, languages))
        for value in document.values():
            describe_languages(value, languages)
    elif isinstance(document, list):
        for value in document:
            describe_languages(value, languages)


def _schema(role: Role, languages: LanguagePair) -> dict[str, Any]:
    source, target = languages
    match role:
        case "source":
            return {"const": source.code, "default": source.code}
        case "target":
            return {"const": target.code, "default": target.code}
        case "either":
            return {"enum": [source.code, target.code], "default": source.code}
        case "source_form":
            return {"pattern": _pattern(("", "auto", *forms_of(source)))}
        case "target_form":
            return {"pattern": _pattern(forms_of(target))}


HEADLINE_CHARS = 1_000
LEAD_CHARS = 10_000
MOST_TERMS = 10_000

MOST_TEXTS = 10_000
"""Of any request, whatever the settings allow; refused before the texts are looked at."""

SomeTexts = Annotated[list[str], Field(fail_fast=True, json_schema_extra={"minItems": 1})]
Text = Annotated[
    Annotated[str, Field(json_schema_extra={"pattern": VISIBLE})] | SomeTexts, at_most(MOST_TEXTS, "too_many_texts")
]
if TYPE_CHECKING:
    WrittenFormat = str
else:
    WrittenFormat = Literal[writable_formats()]
# JSON knows no integers, only numbers: 3.0 is 3.
WHOLE = BeforeValidator(lambda value: int(value) if isinstance(value, float) and value.is_integer() else value)
_ONE_ARTICLE: list[JsonValue] = [
    {"required": [name], "properties": {name: {"not": {"type": "null"}}, other: {"type": "null"}}}
    for name, other in (("body", "document"), ("document", "body"))
]


class _Request(Bounded):
    model_config = ConfigDict(extra="forbid", strict=True)


def texts_of(text: str | Sequence[str], limits: TextLimits) -> list[str]:
    """The text or texts as a list.

    Raises:
        InvalidInput: there are too many, one is too long or no Unicode, or a lone text is blank.
    """
    if isinstance(text, str):
        limits.require_text(text, "/text")
        return [text]
    if not text:
        raise InvalidInput("text_empty", "the list holds no text", pointer="/text")
    if len(text) > limits.texts:
        raise InvalidInput(
            "too_many_texts", f"{len(text)} texts, at most {limits.texts}", pointer="/text", limit=limits.texts
        )
    for number, member in enumerate(text):
        limits.require_fitting(member, f"/text/{number}")
    return list(text)


class TranslationFields(_Request):
    """What a translation has to heed."""

    format: Literal["text", "html"] = "text"
    attribute_texts: bool = Field(default=False, description="Translate `title` and `alt` of HTML, too.")
    glossary: Annotated[dict[str, str], FEW_WRONG, at_most(MOST_TERMS)] = Field(
        default={}, max_length=MOST_TERMS, description="Terms and their translations, which the output has to contain."
    )
    glossary_name: str | None = Field(default=None, description="One of the service's own glossaries.")
    do_not_translate: Annotated[list[str], FailFast(), at_most(MOST_TERMS)] = Field(
        default=[], max_length=MOST_TERMS, description="Terms that stay as they are."
    )

    def terms(self) -> GlossaryTerms:
        """The terms as a command holds them."""
        return GlossaryTerms(self.glossary, self.do_not_translate, self.glossary_name)


class TranslateRequest(TranslationFields):
    """Text to translate; a list keeps its order."""

    text: Text
    source_lang: SourceLang = ""
    target_lang: TargetLang = ""
    alignment: bool = Field(default=False, description="Say which words of a translation stand for which.")
    priority: Literal["interactive", "bulk"] = "interactive"

    def command(self, limits: TextLimits, languages: LanguagePair) -> TranslateCommand:
        """The command; raises as `texts_of` and `require_served` do."""
        source, target = (language.code for language in languages)
        require_served(self, {"source_lang": (source,), "target_lang": (target,)})
        return TranslateCommand(
            texts=texts_of(self.text, limits),
            options=TranslationOptions(self.format, self.attribute_texts, alignment=self.alignment),
            terms=self.terms(),
            source_lang=source,
            target_lang=target,
            priority=self.priority,
        )


class SummaryFields(_Request):
    """How long a summary may be and how it is made."""

    length: Literal["short", "medium", "long"] | None = Field(
        None, description="short: at most 40 words; medium (default): 40 to 120; long: at most 200."
    )
    max_chars: Annotated[int, Field(ge=20, le=10_000), WHOLE] | None = None
    max_words: Annotated[int, Field(ge=5, le=2_000), WHOLE] | None = None
    max_sentences: Annotated[int, Field(ge=1, le=100), WHOLE] | None = None
    style: Literal["abstract", "teaser", "bullets", "seo"] = Field(
        default="abstract",
        description=(
            "teaser: one or two sentences that open the story, at most 40 words where no length is given; bullets: "
            "3 to 5 lines; seo: one sentence, at most 160 characters. With a length the tighter bound holds."
        ),
    )
    method: Literal["abstractive", "extractive", "lead"] = "abstractive"
    variants: Annotated[int, Field(ge=1, le=5), WHOLE] = Field(
        default=1, description="How many different summaries, the best first."
    )

    def form(self) -> SummaryForm:
        """The form as a command holds it; raises `InvalidInput` where two lengths are given."""
        length = length_of(
            self.style,
            self.length,
            max_chars=self.max_chars,
            max_words=self.max_words,
            max_sentences=self.max_sentences,
        )
        return SummaryForm(length, self.method, self.style, self.variants)


class SummarizeRequest(SummaryFields):
    """Text to summarise; a list keeps its order."""

    text: Text
    headline: str | None = Field(default=None, max_length=HEADLINE_CHARS)
    target_lang: EitherLang = ""
    priority: Literal["interactive", "bulk"] = "interactive"

    def command(self, limits: TextLimits, languages: LanguagePair) -> SummarizeCommand:
        """The command; raises as `texts_of`, `form` and `require_served` do."""
        source, target = (language.code for language in languages)
        require_served(self, {"target_lang": (source, target)})
        texts, headline = texts_of(self.text, limits), self.headline or None
        limits.require_fitting(headline or "", "/headline")
        return SummarizeCommand(
            texts, self.form(), headline, target_lang=self.target_lang or source, priority=self.priority
        )


class ArticleRequest(SummaryFields, TranslationFields):
    """An article: pasted whole into ``body``, in its fields, or as a ``document``."""

    model_config = ConfigDict(json_schema_extra={"oneOf": _ONE_ARTICLE})

    headline: str | None = Field(default=None, max_length=HEADLINE_CHARS)
    lead: str | None = Field(default=None, max_length=LEAD_CHARS)
    body: str | None = None
    document: str | dict[str, Any] | None = Field(
        default=None,
        description=f"Instead of `body`: an HTML page as a string, or an object; formats: {', '.join(formats())}.",
    )
    as_: WrittenFormat | None = Field(default=None, alias="as", description="Give the outputs in this shape, too.")
    source_lang: SourceLang = ""
    target_lang: TargetLang = ""
    clean: bool = True
    outputs: Annotated[list[Literal["summary", "translation", "summary_translation"]], FailFast(), at_most(3)] = Field(
        default=["summary", "translation"], min_length=1, max_length=3
    )
    priority: Literal["interactive", "bulk"] = "interactive"

    @model_validator(mode="after")
    def _distinct_outputs(self) -> "ArticleRequest":
        self.outputs = list(dict.fromkeys(self.outputs))
        return self

    @model_validator(mode="after")
    def _one_article(self) -> "ArticleRequest":
        if (self.body is None) == (self.document is None):
            raise ValueError("exactly one of body and document")
        return self

    def command(self, languages: LanguagePair) -> ArticleCommand:
        """The command; raises as `form` and `require_served` do."""
        source, target = (language.code for language in languages)
        require_served(self, {"source_lang": (source,), "target_lang": (target,)})
        return ArticleCommand(
            outputs=self.outputs,
            form=self.form(),
            body=self.body or "",
            headline=self.headline,
            lead=self.lead,
            document=self.document,
            write_as=self.as_,
            clean=self.clean,
            options=TranslationOptions(self.format, self.attribute_texts),
            terms=self.terms(),
            source_lang=source,
            target_lang=target,
            priority=self.priority,
        )
