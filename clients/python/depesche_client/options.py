"""The fields of requests, with the names of the API."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypedDict


class HouseStyle(TypedDict, total=False):
    """The rules of a house style for English texts. `docs/api/reference.md` lists their values."""

    base: str
    spelling: Literal["british", "american"]
    dates: Literal["day_month", "month_day"]
    thousands: Literal["comma", "thin_space"]
    percent: Literal["sign", "percent", "per cent"]
    currency: Literal["sign", "word"]
    units: Literal["symbol", "word"]
    titles: Literal["point", "no_point"]
    quotation_marks: Literal["double", "single", "straight"]


class _Terms(TypedDict, total=False):
    format: Literal["text", "html"]
    attribute_texts: bool
    glossary: Mapping[str, str]
    glossary_name: str
    memory: str | Sequence[Mapping[str, str]]
    do_not_translate: Sequence[str]
    source_lang: str
    target_lang: str
    priority: Literal["interactive", "bulk"]
    facts: bool
    house_style: HouseStyle


class _Form(TypedDict, total=False):
    length: Literal["short", "medium", "long"]
    max_chars: int
    max_words: int
    max_sentences: int
    style: Literal["abstract", "teaser", "bullets", "seo"]
    method: Literal["abstractive", "extractive", "lead"]
    variants: int


class TranslateOptions(_Terms, total=False):
    """The options of a translation."""

    alignment: bool
    alternatives: int
    context: str


class SummarizeOptions(_Form, total=False):
    """The options of a summary."""

    headline: str
    headlines: int
    target_lang: str
    priority: Literal["interactive", "bulk"]


class _Previous(TypedDict, total=False):
    body: str
    summary: str
    translation: str


class ArticleRequest(_Terms, _Form, total=False):
    """An article, either in ``body`` or in ``document``, and the options for its outputs.

    The argument ``write_as`` is sent as the field ``as``, because ``as`` is a keyword of Python.
    """

    headline: str
    lead: str
    body: str
    document: str | Mapping[str, Any]
    write_as: Literal["jsonld", "ninjs"]
    clean: bool
    outputs: Sequence[Literal["summary", "translation", "summary_translation", "headlines"]]
    headlines: int
    previous: _Previous


class BatchArticle(ArticleRequest, total=False):
    """An article of a batch. ``timeout_ms`` is the time limit for this article, in milliseconds."""

    id: str
    timeout_ms: int
