"""The commands of the newsroom, one for each use case, and the context in which a command runs."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

from service.domain import Span
from service.errors import InvalidInput
from service.generation.call import Call, Finished, Priority, Progress, Timings, in_time, nothing
from service.results import Method, Output, Style
from service.summarization.lengths import Length
from service.text.normalization import check_text, visible_span
from service.translation.preparation import PLAIN, TranslationOptions

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class GlossaryTerms:
    """The glossary terms of a request.

    ``translated`` maps terms to their translations. ``kept`` lists the terms that stay untranslated. ``name`` refers to
    a glossary that is stored on the server.
    """

    translated: Mapping[str, str] = field(default_factory=dict)
    kept: Sequence[str] = ()
    name: str | None = None


@dataclass(frozen=True, slots=True)
class SummaryForm:
    """The length, method, style and number of summaries. `length_of` computes ``length``."""

    length: Length
    method: Method = "abstractive"
    style: Style = "abstract"
    variants: int = 1


@dataclass(frozen=True, slots=True)
class TranslateCommand:
    """A command to translate ``texts``.

    The glossary ``terms`` replace the glossary in ``options``. ``source_lang`` and ``target_lang`` are language codes.
    None means the service's own source or target language.
    """

    texts: Sequence[str]
    options: TranslationOptions = PLAIN
    terms: GlossaryTerms = GlossaryTerms()
    source_lang: str | None = None
    target_lang: str | None = None
    priority: Priority = "interactive"


DEFAULT_HEADLINES = 3


@dataclass(frozen=True, slots=True)
class SummarizeCommand:
    """A command to summarise each of ``texts``.

    If ``target_lang`` is not the source language, the summaries are translated. ``source_lang`` and ``target_lang`` are
    language codes. None means the service's own source language. ``headlines`` is the number of headlines for each
    text. Headlines are always in the source language.
    """

    texts: Sequence[str]
    form: SummaryForm
    headline: str | None = None
    headlines: int = 0
    source_lang: str | None = None
    target_lang: str | None = None
    priority: Priority = "interactive"


@dataclass(frozen=True, slots=True)
class ArticleCommand:
    """A command to clean, summarise and translate an article.

    The article is given either as text in ``headline``, ``lead`` and ``body`` or as a ``document``. ``document_bytes``
    is the approximate size of a document that is an object; it decides where the document is parsed. If there is a
    document, ``headline`` and ``lead`` override its headline and lead. If ``write_as`` is set, the outputs are also
    written as a document in that format. ``headlines`` is the number of headlines to write if they are among the
    outputs.
    """

    outputs: Sequence[Output]
    form: SummaryForm
    body: str = ""
    headline: str | None = None
    lead: str | None = None
    document: str | Mapping[str, Any] | None = None
    document_bytes: int = 0
    write_as: str | None = None
    clean: bool = True
    options: TranslationOptions = PLAIN
    terms: GlossaryTerms = GlossaryTerms()
    source_lang: str | None = None
    target_lang: str | None = None
    priority: Priority = "interactive"
    headlines: int = DEFAULT_HEADLINES


@dataclass(frozen=True, slots=True)
class CheckCommand:
    """A command to check ``text``, which a person may have edited, against its ``source``.

    ``task`` states whether the text is a translation or a summary. The terms apply only to translations.
    """

    task: Literal["translation", "summary"]
    source: str
    text: str
    terms: GlossaryTerms = GlossaryTerms()
    reviewed_by_person: bool = False


@dataclass(frozen=True, slots=True)
class TextLimits:
    """The limits of a request: the number of texts, the code points in each text, and the nesting depth of the JSON."""

    texts: int
    chars: int
    depth: int

    def require_text(self, text: str, pointer: str) -> None:
        """Raise `InvalidInput` if a text is too long, not valid Unicode, or blank."""
        self.require_fitting(text, pointer)
        visible = visible_span(text, Span(0, len(text)))
        if visible.start == visible.end:
            raise InvalidInput("text_empty", "the text is empty or blank", pointer=pointer)

    def require_fitting(self, text: str, pointer: str) -> None:
        """Raise `InvalidInput` if a text is too long or not valid Unicode."""
        if len(text) > self.chars:
            detail = f"{len(text)} characters exceed the limit of {self.chars}"
            raise InvalidInput("text_too_long", detail, pointer=pointer, limit=self.chars)
        try:
            check_text(text)
        except InvalidInput as error:
            raise InvalidInput(error.code, error.detail, pointer=pointer) from error


async def free_of_charge(_chars: int) -> None:
    """Do nothing. This is the ``charge`` function for callers without limits."""


@dataclass(frozen=True, slots=True)
class CallContext:
    """The options and callbacks for running one command.

    Fields:
        deadline_s: an absolute time on the event loop's clock; None means no deadline.
        charge: counts characters of texts; raises an error if the caller exceeds its limit.
        accepted: called when all checks have passed and the work starts.
        progress: called with the number of finished units of engine work and their total number.
        finished: called with each translated sentence, in order.
        embargo: whether the texts must stay in this process; no remote model and no cache is used.
    """

    deadline_s: float | None = None
    read_cache: bool = True
    write_cache: bool = True
    charge: Callable[[int], Awaitable[None]] = free_of_charge
    accepted: Callable[[], None] = nothing
    progress: Progress = nothing
    finished: Callable[[Finished], None] = nothing
    timings: Timings = field(default_factory=Timings)
    embargo: bool = False

    @classmethod
    def within(cls, seconds: float, **options: Any) -> "CallContext":
        """Create a context whose deadline is ``seconds`` from now. ``options`` sets the other fields."""
        return cls(asyncio.get_running_loop().time() + seconds, **options)

    async def in_time(self, work: Awaitable[T]) -> T:
        """Await ``work`` and return its result. Raises `DeadlineExceeded` if the deadline passes before."""
        return await in_time(self.deadline_s, work)

    def call(self, priority: Priority, result_key: str) -> Call:
        """Create the `Call` that is passed to the pipelines."""
        return Call(
            deadline_s=self.deadline_s,
            priority=priority,
            read_cache=self.read_cache and not self.embargo,
            write_cache=self.write_cache and not self.embargo,
            progress=self.progress,
            finished=self.finished,
            result_key=result_key,
            timings=self.timings,
        )
