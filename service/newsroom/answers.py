"""The answers of the newsroom, one for each use case that runs a model."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from service.documents.base import Document
from service.domain import Notice
from service.generation.base import TextGenerator
from service.newsroom.article import ArticleInput, ArticleResult, Provenance
from service.results import Headlines, Summary, Translation


@dataclass(frozen=True, slots=True)
class TranslateAnswer:
    """The translations in the order of the texts, the model, the result key, and notices about the whole answer."""

    translations: Sequence[Translation]
    model: TextGenerator
    result_key: str
    notices: Sequence[Notice] = ()


@dataclass(frozen=True, slots=True)
class SummarizeAnswer:
    """The summaries, in the order of the texts in the command, and the models that were used.

    ``translation_model`` is None if the summaries were not translated. ``headlines`` contains the headlines of each
    text, or is None if no headlines were requested.
    """

    summaries: Sequence[Summary]
    model: TextGenerator
    translation_model: TextGenerator | None
    result_key: str
    headlines: Sequence[Headlines] | None = None


@dataclass(frozen=True, slots=True)
class ArticleAnswer:
    """The outputs for an article.

    ``document`` is the document that was submitted or was read from a whole HTML page. It is None if the article was
    submitted as plain fields. ``written`` is the output document, or None if no output format was requested.
    ``summary_model`` or ``translation_model`` is None if no output needed this model.
    """

    submission: ArticleInput
    document: Document | None
    result: ArticleResult
    summary_model: TextGenerator | None
    translation_model: TextGenerator | None
    provenance: Provenance
    written: Mapping[str, Any] | None
    result_key: str
