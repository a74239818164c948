"""The bodies that /v1 accepts, with their limits."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

HEADLINE_CHARS = 1_000
LEAD_CHARS = 10_000


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class TranslateRequest(_Request):
    """German text to translate; a list keeps its order."""

    text: str | list[str]
    source_lang: Literal["de"] = "de"
    target_lang: Literal["en"] = "en"
    format: Literal["text"] = "text"
    alignment: Literal[False] = False
    glossary: dict[str, str] = Field(default={}, max_length=0)
    do_not_translate: list[str] = Field(default=[], max_length=0)
    priority: Literal["interactive", "bulk"] = "interactive"


class SummaryOptions(_Request):
    """How long a summary may be and how it is made."""

    length: Literal["short", "medium", "long"] | None = Field(
        None, description="short: at most 40 words; medium (default): 40 to 120; long: at most 200."
    )
    max_chars: int | None = Field(default=None, ge=20, le=10_000)
    max_words: int | None = Field(default=None, ge=5, le=2_000)
    max_sentences: int | None = Field(default=None, ge=1, le=100)
    style: Literal["abstract"] = "abstract"
    method: Literal["abstractive", "extractive", "lead"] = "abstractive"
    variants: Literal[1] = 1


class SummarizeRequest(SummaryOptions):
    """German text to summarise; a list keeps its order."""

    text: str | list[str]
    headline: str | None = Field(default=None, max_length=HEADLINE_CHARS)
    target_lang: Literal["de", "en"] = "de"
    priority: Literal["interactive", "bulk"] = "interactive"


class ArticleRequest(SummaryOptions):
    """A German article, pasted whole into ``body`` or in its fields."""

    headline: str | None = Field(default=None, max_length=HEADLINE_CHARS)
    lead: str | None = Field(default=None, max_length=LEAD_CHARS)
    body: str
    source_lang: Literal["de"] = "de"
    target_lang: Literal["en"] = "en"
    format: Literal["text"] = "text"
    clean: bool = True
    outputs: list[Literal["summary", "translation", "summary_translation"]] = Field(
        default=["summary", "translation"], min_length=1, max_length=3
    )
    priority: Literal["interactive", "bulk"] = "interactive"

    @model_validator(mode="after")
    def _distinct_outputs(self) -> "ArticleRequest":
        self.outputs = list(dict.fromkeys(self.outputs))
        return self
