"""The articles and the systems of an evaluation, and the run that records the outputs of the systems."""

import asyncio
import base64
import platform
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import get_args

from service import __version__
from service.documents.base import Document
from service.documents.html_page import is_whole_page, read_page
from service.documents.registry import read_document
from service.domain import Notice
from service.errors import DepescheError
from service.evaluation.record import (
    ArticleOutputs,
    Evaluation,
    EvaluationTask,
    Output,
    Segment,
    SystemRecord,
    identity_of,
    pairs_of,
)
from service.events import Event, Listener, RemoteCalled
from service.generation.base import TextGenerator
from service.languages.base import Language, LanguagePair
from service.newsroom.article import ArticleInput, parse_article
from service.newsroom.commands import (
    CallContext,
    SummarizeCommand,
    SummaryForm,
    TextLimits,
    TranslateCommand,
)
from service.newsroom.newsroom import Newsroom
from service.results import Method
from service.summarization.lengths import from_request
from service.translation.preparation import TranslationOptions

SUFFIXES = (".txt", ".html", ".docx")
KEYS = ("model", "engine", "url", "remote-model", "key-file", "input-price", "output-price")
MOST_ARTICLES = 1_000


@dataclass(frozen=True, slots=True)
class SystemSpec:
    """A system as the user names it: ``NAME[,KEY=VALUE]...``.

    For translations, ``name`` is a model of the catalogue. For summaries, it is a method, and the key ``model`` names
    the model. ``label`` is the specification without the path of a key file.
    """

    label: str
    name: str
    options: dict[str, str] = field(default_factory=dict)

    @classmethod
    def parse(cls, text: str, task: EvaluationTask) -> "SystemSpec":
        """Parse a specification.

        Raises:
            DepescheError: a part is not KEY=VALUE; a key is unknown, repeated or not for this task; a price is not a
                number of at least 0; or the method is unknown.
        """
        name, *parts = (part.strip() for part in text.split(","))
        options: dict[str, str] = {}
        for part in parts:
            key, equals, value = part.partition("=")
            if key not in KEYS or not equals or not value or key in options:
                raise DepescheError(
                    f"system {text!r}: {part!r} must be KEY=VALUE, with one of the keys {', '.join(KEYS)}"
                )
            options[key] = value
        if task == "summary" and name not in get_args(Method):
            raise DepescheError(
                f"system {text!r}: {name!r} is not a method; the methods are {', '.join(get_args(Method))}"
            )
        if task == "translation" and "model" in options:
            raise DepescheError(f"system {text!r}: the key model is only for summaries")
        shown = [name, *(f"{key}={value}" for key, value in options.items() if key != "key-file")]
        spec = cls(",".join(shown), name, options)
        _ = spec.price("input-price"), spec.price("output-price")
        return spec

    def price(self, key: str) -> float | None:
        """Return the price per million tokens under ``key``, or None if the specification has no such key.

        Raises:
            DepescheError: the value is not a number of at least 0.
        """
        text = self.options.get(key)
        if text is None:
            return None
        with suppress(ValueError):
            if 0 <= (price := float(text)) < float("inf"):
                return price
        raise DepescheError(f"system {self.label!r}: {key} must be a number that is not negative, not {text!r}")


@dataclass(frozen=True, slots=True)
class SourceArticle:
    """An article of the folder. The systems process ``text``. ``headline`` is an additional input for summaries."""

    name: str
    text: str
    headline: str | None
    reference: str | None


def read_articles(
    folder: Path, task: EvaluationTask, languages: LanguagePair, limits: TextLimits, *, clean: bool
) -> list[SourceArticle]:
    """Read all articles in ``folder``, with their references.

    An article is a file ``NAME.txt``, ``NAME.html`` or ``NAME.docx``. The reference of a summary is
    ``NAME.summary.txt``. The reference of a translation is ``NAME.en.txt`` if the target language is ``en``. For a
    translation, the text contains the headline, the lead and the body. If ``clean`` is True, boilerplate is removed.

    Raises:
        DepescheError: the folder cannot be read, or contains no article or more than ``MOST_ARTICLES``; two articles
            have the same name; a reference has no article; or a file cannot be read, contains no text or is not a
            valid article. The message names the folder or the file.
    """
    suffixes: dict[EvaluationTask, str] = {"translation": f".{languages.target.code}.txt", "summary": ".summary.txt"}
    try:
        files = sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES and path.is_file())
    except OSError as error:
        raise DepescheError(f"{folder} cannot be read: {error.strerror}") from error
    references = {path.name for path in files if path.name.endswith(tuple(suffixes.values()))}
    articles = [path for path in files if path.name not in references and not path.name.startswith(".")]
    if not 1 <= len(articles) <= MOST_ARTICLES:
        kinds = ", ".join(SUFFIXES)
        raise DepescheError(
            f"{folder} contains {len(articles)} articles ({kinds}); it must contain 1 to {MOST_ARTICLES}"
        )
    stems = Counter(path.stem for path in articles)
    if twice := [stem for stem, count in stems.items() if count > 1]:
        raise DepescheError(f"{folder} contains several articles named {twice[0]}; rename all but one of them")
    if alone := sorted(references - {stem + suffix for stem in stems for suffix in suffixes.values()}):
        raise DepescheError(
            f"{folder} contains the reference {alone[0]}, but not its article; add the article or remove the reference"
        )
    suffix = suffixes[task]
    return [
        _read_article(path, task, suffix if path.stem + suffix in references else None, languages.source, limits, clean)
        for path in articles
    ]


def _read_article(
    path: Path,
    task: EvaluationTask,
    reference: str | None,
    language: Language,
    limits: TextLimits,
    clean: bool,  # noqa: FBT001 - a private function
) -> SourceArticle:
    try:
        document = _document(path)
        limits.require_text(document.body, "")
        options = TranslationOptions(format=document.body_format)
        found = parse_article(ArticleInput(document.body, document.headline, document.lead, clean, options), language)
    except DepescheError as error:
        raise DepescheError(f"{path.name}: {error}") from error
    parts = [found.headline, found.lead, found.body] if task == "translation" else [found.body]
    text = "\n\n".join(part for part in parts if part)
    headline = found.headline if task == "summary" else None
    return SourceArticle(path.name, text, headline, None if reference is None else _reference(path, reference))


def _reference(path: Path, suffix: str) -> str:
    """Return the reference of the article ``path``. Raise `DepescheError` if it cannot be read or is blank."""
    file = path.with_name(path.stem + suffix)
    try:
        text = _read_text(file).strip()
    except DepescheError as error:
        raise DepescheError(f"{file.name}: {error}") from error
    if not text:
        raise DepescheError(f"{file.name}: the reference is empty")
    return text


def _document(path: Path) -> Document:
    if path.suffix.lower() == ".docx":
        return read_document({"format": "docx", "content": base64.b64encode(_read_bytes(path)).decode()})
    text = _read_text(path)
    if path.suffix.lower() == ".txt":
        return Document(None, None, text, "text")
    return read_page(text, "") if is_whole_page(text) else Document(None, None, text, "html")


def _read_bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise DepescheError(f"the file cannot be read: {error.strerror}") from error


def _read_text(path: Path) -> str:
    try:
        return _read_bytes(path).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DepescheError(f"the file is not valid UTF-8 at byte {error.start}") from error


class _Usage:
    """A listener that counts the calls to a remote server and the tokens in its answers."""

    def __init__(self) -> None:
        self._calls = self._prompt_tokens = self._output_tokens = 0
        self._counted = True

    def __call__(self, event: Event) -> None:
        if isinstance(event, RemoteCalled) and event.outcome == "answered":
            self._calls += 1
            self._counted &= event.prompt_tokens is not None
            self._prompt_tokens += event.prompt_tokens or 0
            self._output_tokens += event.output_tokens or 0

    def record(self, spec: SystemSpec, model: TextGenerator, seconds: float, processor_s: float) -> SystemRecord:
        """Return the record of a system that has processed all articles."""
        manifest, counted = model.manifest, self._counted and self._calls > 0
        return SystemRecord(
            label=spec.label,
            model=model.name,
            model_id=manifest.id,
            revision=manifest.revision,
            engine=model.engine,
            licence=manifest.licence,
            commercial_use=manifest.commercial_use,
            quality=manifest.quality,
            host=model.host,
            seconds=seconds,
            processor_s=processor_s,
            calls=self._calls,
            prompt_tokens=self._prompt_tokens if counted else None,
            output_tokens=self._output_tokens if counted else None,
            input_price=spec.price("input-price"),
            output_price=spec.price("output-price"),
        )


Open = Callable[[SystemSpec, Listener], Newsroom]
"""A function that creates the newsroom of a system. The newsroom passes its events to the listener."""
Progress = Callable[[str, int, int], None]
"""A callback with the label of a system, the number of processed articles, and the number of all articles."""


@dataclass(frozen=True, slots=True)
class Run:
    """An evaluation that compares two systems.

    ``length`` is the length of the summaries. ``most_pairs`` is the maximum number of pairs for the editors, and
    ``seed`` determines which pairs are chosen. ``open_newsroom`` creates the newsroom of a system. ``progress`` is
    called after each article.
    """

    task: EvaluationTask
    systems: tuple[SystemSpec, SystemSpec]
    length: str
    seed: int
    most_pairs: int
    open_newsroom: Open
    progress: Progress

    def evaluate(self, articles: Sequence[SourceArticle]) -> Evaluation:
        """Process all articles with both systems, and return the record of the evaluation.

        Raises:
            DepescheError: a model cannot be loaded, or a system failed for all articles.
        """
        done = [asyncio.run(self._system(spec, articles)) for spec in self.systems]
        outputs = tuple(
            ArticleOutputs(name=one.name, source=one.text, reference=one.reference, outputs=(first, second))
            for one, first, second in zip(articles, done[0][1], done[1][1], strict=True)
        )
        pairs, equal, left_out = pairs_of(outputs, self.task, self.seed, self.most_pairs)
        return Evaluation(
            id=identity_of(outputs, self.seed),
            software=f"depesche {__version__}",
            made_at=datetime.now(UTC).isoformat(timespec="seconds"),
            machine=f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
            task=self.task,
            seed=self.seed,
            systems=(done[0][0], done[1][0]),
            articles=outputs,
            pairs=pairs,
            equal=equal,
            left_out=left_out,
        )

    async def _system(self, spec: SystemSpec, articles: Sequence[SourceArticle]) -> tuple[SystemRecord, list[Output]]:
        """Process all articles with one system, one at a time. The record excludes the time to load the models."""
        usage = _Usage()
        newsroom = self.open_newsroom(spec, usage)
        try:
            await newsroom.start()
            started_s, processor_s = time.monotonic(), time.process_time()
            outputs = []
            for number, article in enumerate(articles, 1):
                outputs.append(await self._output(newsroom, spec, article))
                self.progress(spec.label, number, len(articles))
            seconds, processor_s = time.monotonic() - started_s, time.process_time() - processor_s
            model = next(one for one in newsroom.models if one.manifest.task == self.task)
        finally:
            await newsroom.stop()
        failures = Counter(output.failure for output in outputs)
        if failures[None] == 0:
            raise DepescheError(f"{spec.label} failed for all articles: {', '.join(sorted(filter(None, failures)))}")
        return usage.record(spec, model, seconds, processor_s), outputs

    async def _output(self, newsroom: Newsroom, spec: SystemSpec, article: SourceArticle) -> Output:
        started_s = time.monotonic()
        try:
            made = await (
                self._translation(newsroom, article)
                if self.task == "translation"
                else self._summary(newsroom, spec, article)
            )
        except DepescheError as error:
            made = Output(failure=error.code)
        return made.model_copy(update={"seconds": time.monotonic() - started_s})

    async def _translation(self, newsroom: Newsroom, article: SourceArticle) -> Output:
        answer = await newsroom.translate(
            TranslateCommand([article.text]), CallContext(read_cache=False, write_cache=False)
        )
        (found,) = answer.translations
        segments = tuple(Segment(*pair.source, *pair.target) for pair in found.sentences)
        return Output(text=found.text, segments=segments, sentences=len(segments), flags=_flags(found.notices))

    async def _summary(self, newsroom: Newsroom, spec: SystemSpec, article: SourceArticle) -> Output:
        method: Method = spec.name  # type: ignore[assignment]  # `SystemSpec.parse` has checked it
        form = SummaryForm(from_request(self.length), method)
        command = SummarizeCommand([article.text], form, headline=article.headline)
        (found,) = (await newsroom.summarize(command, CallContext(read_cache=False, write_cache=False))).summaries
        return Output(text=found.text, sentences=len(found.sentences), flags=_flags(found.notices))


def _flags(notices: Sequence[Notice]) -> dict[str, int]:
    """Return the number of warnings that require a review, by code."""
    return dict(sorted(Counter(notice.code for notice in notices if notice.review).items()))
