"""The commands of the newsroom, one for each use case, and the context in which each of them is run."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

from service.domain import Span
from service.errors import InvalidInput
from service.generation.call import Call, Finished, Priority, Progress, Timings, in_time, nothing
from service.languages.house_style import HouseStyle
from service.results import Method, Output, Style
from service.summarization.lengths import Length
from service.terms.corrections import Correction
from service.text.normalization import check_text, visible_span
from service.translation.preparation import PLAIN, TranslationOptions

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class GlossaryTerms:
    """The glossary terms of a request.

    ``translated`` maps terms to their translations. ``kept`` lists the terms that must not be translated. ``name`` is
    the name of a glossary on the server whose terms are added, or None.
    """

    translated: Mapping[str, str] = field(default_factory=dict)
    kept: Sequence[str] = ()
    name: str | None = None


GivenCorrections = str | Sequence[Correction]
"""The corrections of a request: the text of a file (see `service.terms.corrections`), or a list."""


@dataclass(frozen=True, slots=True)
class SummaryForm:
    """The requested form of a summary: its length, method and style, and the number of variants.

    ``length`` must be a result of `length_of` for the same style. ``variants`` includes the summary itself.
    ``facts`` requests the facts of a summary in the source language.
    """

    length: Length
    method: Method = "abstractive"
    style: Style = "abstract"
    variants: int = 1
    facts: bool = False


@dataclass(frozen=True, slots=True)
class TranslateCommand:
    """A command to translate ``texts``.

    ``terms`` replaces the glossary in ``options``, and ``memory`` replaces the corrections in ``options``.
    ``source_lang`` and ``target_lang`` are language codes. If one of them is None, the source or target language of the
    service is used.
    """

    texts: Sequence[str]
    options: TranslationOptions = PLAIN
    terms: GlossaryTerms = GlossaryTerms()
    source_lang: str | None = None
    target_lang: str | None = None
    priority: Priority = "interactive"
    memory: GivenCorrections = ()


DEFAULT_HEADLINES = 3


@dataclass(frozen=True, slots=True)
class PreviousVersion:
    """The previous version of an article: its submitted body, and its summary and translation as they were published.

    A person may have edited the summary or the translation. If ``summary`` is None, the new summary is written from
    scratch. If ``translation`` is None, all sentences are translated again.
    """

    body: str
    summary: str | None = None
    translation: str | None = None

    @property
    def texts(self) -> list[str]:
        """All texts of the version. A missing text is empty."""
        return [self.body, self.summary or "", self.translation or ""]


@dataclass(frozen=True, slots=True)
class SummarizeCommand:
    """A command to summarise each of ``texts``.

    ``source_lang`` and ``target_lang`` are language codes. If one of them is None, the source language of the service
    is used. If ``target_lang`` is not the source language, the summaries are translated. ``headline`` is the existing
    headline of the texts. ``headlines`` is the number of headlines to write for each text. The written headlines are
    always in the source language. ``house_style`` applies to translated summaries.
    """

    texts: Sequence[str]
    form: SummaryForm
    headline: str | None = None
    headlines: int = 0
    source_lang: str | None = None
    target_lang: str | None = None
    priority: Priority = "interactive"
    house_style: HouseStyle | None = None


@dataclass(frozen=True, slots=True)
class ArticleCommand:
    """A command to clean, summarise and translate an article.

    The article is submitted either as text in ``headline``, ``lead`` and ``body``, or as a ``document``. A document is
    either a string or a parsed JSON object. For an object, ``document_bytes`` is its approximate size, which determines
    whether it is processed on the event loop, in a thread or in a worker process. If ``headline`` or ``lead`` is set,
    it replaces that of the document. If ``write_as`` is set, the outputs are also written as a document in the format
    of this name. ``headlines`` is the number of headlines to write. It has no effect if ``outputs`` does not contain
    "headlines". If ``previous`` is set, the outputs keep the wording of its unchanged sentences. ``memory`` contains
    corrections, which apply to all other sentences of the translation.
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
    previous: PreviousVersion | None = None
    memory: GivenCorrections = ()

    @property
    def previous_texts(self) -> list[str]:
        """The non-empty texts of the previous version.

        The result can contain their sentences, so a purge of one of these texts must also delete the result.
        """
        return [] if self.previous is None else [text for text in self.previous.texts if text]


@dataclass(frozen=True, slots=True)
class CheckCommand:
    """A command to check ``text`` against its ``source``. A person may have written or edited the text.

    ``task`` states whether the text is a translation or a summary. ``terms`` has no effect on the check of a summary.
    ``reviewed_by_person`` states whether a person has reviewed the text.
    """

    task: Literal["translation", "summary"]
    source: str
    text: str
    terms: GlossaryTerms = GlossaryTerms()
    reviewed_by_person: bool = False


@dataclass(frozen=True, slots=True)
class TextLimits:
    """The limits of a request.

    ``texts`` is the maximum number of texts, ``chars`` is the maximum number of code points in each text, and ``depth``
    is the maximum nesting depth of the JSON.
    """

    texts: int
    chars: int
    depth: int

    def require_text(self, text: str, pointer: str) -> None:
        """Check that a text is valid Unicode, not blank and not too long.

        ``pointer`` is the JSON Pointer of the field that contains the text. The error contains this pointer.

        Raises:
            InvalidInput: the text is too long, not valid Unicode, or blank.
        """
        self.require_fitting(text, pointer)
        visible = visible_span(text, Span(0, len(text)))
        if visible.start == visible.end:
            raise InvalidInput("text_empty", "the text is empty or blank", pointer=pointer)

    def require_fitting(self, text: str, pointer: str) -> None:
        """Check that a text is valid Unicode and not too long. The text may be blank.

        ``pointer`` is the JSON Pointer of the field that contains the text. The error contains this pointer.

        Raises:
            InvalidInput: the text is too long or not valid Unicode.
        """
        if len(text) > self.chars:
            detail = f"{len(text)} characters exceed the limit of {self.chars}"
            raise InvalidInput("text_too_long", detail, pointer=pointer, limit=self.chars)
        try:
            check_text(text)
        except InvalidInput as error:
            raise InvalidInput(error.code, error.detail, pointer=pointer) from error


async def free_of_charge(_chars: int) -> None:
    """Do nothing. This function is the ``charge`` callback for callers without rate limits."""


@dataclass(frozen=True, slots=True)
class CallContext:
    """The options and callbacks for running one command.

    Fields:
        deadline_s: an absolute time on the event loop's clock, in seconds; None means no deadline.
        read_cache, write_cache: whether results may be read from the cache, and whether they may be stored in it.
        charge: called with the number of characters in the texts; raises an error if the caller exceeds its rate limit.
        accepted: called when the command has passed the checks that precede the work.
        memory_only: whether results may be cached only in the memory of the process, for a short time.
        progress: called whenever engine work is added or finished.
        finished: called with each translated sentence, in text order.
        timings: records the duration of each stage of the work.
        embargo: whether the texts must stay in this process. If True, neither a remote model nor the cache is used.
        admitted: whether the command belongs to a request that was already accepted, such as a batch.
    """

    deadline_s: float | None = None
    read_cache: bool = True
    write_cache: bool = True
    memory_only: bool = False
    charge: Callable[[int], Awaitable[None]] = free_of_charge
    accepted: Callable[[], None] = nothing
    progress: Progress = nothing
    finished: Callable[[Finished], None] = nothing
    timings: Timings = field(default_factory=Timings)
    embargo: bool = False
    admitted: bool = False

    @classmethod
    def within(cls, seconds: float, **options: Any) -> "CallContext":
        """Create a context whose deadline is ``seconds`` from now. ``options`` contains values for the other fields."""
        return cls(asyncio.get_running_loop().time() + seconds, **options)

    async def in_time(self, work: Awaitable[T]) -> T:
        """Await ``work`` until the deadline, and return its result.

        Raises:
            DeadlineExceeded: the deadline passed before ``work`` was done.
        """
        return await in_time(self.deadline_s, work)

    def call(self, priority: Priority, result_key: str) -> Call:
        """Return the `Call` with which a pipeline is run.

        ``result_key`` identifies the result of the command. The cache entries for the command are tagged with this key.
        """
        return Call(
            deadline_s=self.deadline_s,
            priority=priority,
            read_cache=self.read_cache and not self.embargo,
            write_cache=self.write_cache and not self.embargo,
            memory_only=self.memory_only,
            progress=self.progress,
            finished=self.finished,
            result_key=result_key,
            timings=self.timings,
        )
