"""What the newsroom is asked for: a frozen command for each use case, and the context in which it is done."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from service.domain import Span
from service.errors import InvalidInput
from service.generation.call import Call, Finished, Priority, Progress, Timings, nothing
from service.results import Method, Output, Style
from service.summarization.lengths import Length
from service.text.normalization import check_text, visible_span
from service.translation.preparation import PLAIN, TranslationOptions


@dataclass(frozen=True, slots=True)
class GlossaryTerms:
    """Terms of a request: with a translation, without one (they stay), and those of the served glossary ``name``."""

    translated: Mapping[str, str] = field(default_factory=dict)
    kept: Sequence[str] = ()
    name: str | None = None


@dataclass(frozen=True, slots=True)
class SummaryForm:
    """How long a summary may be, how it is made and laid out; ``length`` is the style's own (`length_of`)."""

    length: Length
    method: Method = "abstractive"
    style: Style = "abstract"
    variants: int = 1


@dataclass(frozen=True, slots=True)
class TranslateCommand:
    """Translate ``texts``, in order. The glossary of ``options`` is made of ``terms``.

    The languages are codes; None: the served one.
    """

    texts: Sequence[str]
    options: TranslationOptions = PLAIN
    terms: GlossaryTerms = GlossaryTerms()
    source_lang: str | None = None
    target_lang: str | None = None
    priority: Priority = "interactive"


@dataclass(frozen=True, slots=True)
class SummarizeCommand:
    """Summarise each of ``texts``; with a ``target_lang`` that is not the source language, translate the summaries.

    The languages are codes; None: the served source language.
    """

    texts: Sequence[str]
    form: SummaryForm
    headline: str | None = None
    source_lang: str | None = None
    target_lang: str | None = None
    priority: Priority = "interactive"


@dataclass(frozen=True, slots=True)
class ArticleCommand:
    """Clean, summarise and translate an article, which is in the fields or in ``document``, if there is one.

    Fields go before the document's own. ``write_as`` names the format in which the outputs are given, too.
    """

    outputs: Sequence[Output]
    form: SummaryForm
    body: str = ""
    headline: str | None = None
    lead: str | None = None
    document: str | Mapping[str, Any] | None = None
    write_as: str | None = None
    clean: bool = True
    options: TranslationOptions = PLAIN
    terms: GlossaryTerms = GlossaryTerms()
    source_lang: str | None = None
    target_lang: str | None = None
    priority: Priority = "interactive"


@dataclass(frozen=True, slots=True)
class TextLimits:
    """How many texts a request may hold, how many code points each, and how deep its JSON may be nested."""

    texts: int
    chars: int
    depth: int

    def require_text(self, text: str, pointer: str) -> None:
        """Refuse a text that is too long, no Unicode, or blank: nothing in it is left for a model."""
        self.require_fitting(text, pointer)
        visible = visible_span(text, Span(0, len(text)))
        if visible.start == visible.end:
            raise InvalidInput("text_empty", "the text is empty or blank", pointer=pointer)

    def require_fitting(self, text: str, pointer: str) -> None:
        """Refuse a text that is too long or no Unicode."""
        if len(text) > self.chars:
            detail = f"{len(text)} characters, at most {self.chars}"
            raise InvalidInput("text_too_long", detail, pointer=pointer, limit=self.chars)
        try:
            check_text(text)
        except InvalidInput as error:
            raise InvalidInput(error.code, error.detail, pointer=pointer) from error


async def free_of_charge(_chars: int) -> None:
    """Charge a caller without limits."""


@dataclass(frozen=True, slots=True)
class CallContext:
    """Under which conditions a command is done.

    ``deadline_s`` is absolute, on the event loop's clock; None: no deadline. ``charge`` counts the characters of the
    texts and raises where the caller's limit is used up. ``accepted`` is told when nothing but the work itself can
    fail, ``progress`` of (done, of) units of engine work, ``finished`` of each translated sentence, in order.
    """

    deadline_s: float | None = None
    read_cache: bool = True
    write_cache: bool = True
    charge: Callable[[int], Awaitable[None]] = free_of_charge
    accepted: Callable[[], None] = nothing
    progress: Progress = nothing
    finished: Callable[[Finished], None] = nothing
    timings: Timings = field(default_factory=Timings)

    @classmethod
    def within(cls, seconds: float, **options: Any) -> "CallContext":
        """A context whose deadline is ``seconds`` from now; ``options`` are the other fields."""
        return cls(asyncio.get_running_loop().time() + seconds, **options)

    def call(self, priority: Priority, result_key: str) -> Call:
        """The call that the pipelines are given."""
        return Call(
            deadline_s=self.deadline_s,
            priority=priority,
            read_cache=self.read_cache,
            write_cache=self.write_cache,
            progress=self.progress,
            finished=self.finished,
            result_key=result_key,
            timings=self.timings,
        )
