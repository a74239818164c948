"""The ``evaluate`` command, which compares two models or methods on a newsroom's own articles."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, TypeVar

import typer
from pydantic import BaseModel, ValidationError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from service.errors import DepescheError
from service.evaluation.pages import marking_page, report_page
from service.evaluation.record import Evaluation, Marks
from service.evaluation.runner import Open, Run, SystemSpec, read_articles
from service.evaluation.scores import require_packages
from service.languages.base import LanguagePair
from service.newsroom.commands import TextLimits

RECORD, MARKING, REPORT = "evaluation.json", "marking.html", "report.html"
SYSTEMS = 2
Model = TypeVar("Model", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class EvaluationContext:
    """The objects that the command-line interface passes to the ``evaluate`` command.

    ``open_newsroom`` creates the newsroom of a system. ``languages`` are the languages of the service. ``limits`` apply
    to each article. ``messages`` is the console on which messages are printed.
    """

    open_newsroom: Open
    languages: LanguagePair
    limits: TextLimits
    messages: Console

    def say(self, text: str) -> None:
        """Print a message for the user."""
        self.messages.print(text, highlight=False, markup=False, soft_wrap=True)


def evaluate(
    context: typer.Context,
    folder: Annotated[
        Path,
        typer.Argument(
            help="Folder with articles (.txt, .html, .docx), and references (NAME.en.txt, NAME.summary.txt)."
        ),
    ],
    *,
    system: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME[,KEY=VALUE]...",
            help="A model or, for summaries, a method. Give the option twice. Keys: model, engine, url, remote-model, "
            "key-file, input-price, output-price.",
        ),
    ] = None,
    task: Annotated[Literal["translation", "summary"], typer.Option(help="Outputs to compare.")] = "translation",
    output: Annotated[
        Path | None, typer.Option(help="Folder for the record and the pages. Default: FOLDER/evaluation.")
    ] = None,
    marks: Annotated[
        list[Path] | None,
        typer.Option(help="File of marks that an editor saved on the page. Only the report is written again."),
    ] = None,
    pairs: Annotated[int, typer.Option(min=1, max=2_000, help="Maximum number of pairs for the editors.")] = 60,
    seed: Annotated[int, typer.Option(min=0, help="Seed for the choice, order and sides of the pairs.")] = 1,
    length: Annotated[Literal["short", "medium", "long"], typer.Option(help="Length of the summaries.")] = "medium",
    clean: Annotated[bool, typer.Option(help="Remove boilerplate from the articles first.")] = True,
) -> None:
    """Compare two translation models or two methods of summarisation on your own articles.

    The command writes a page on which editors mark pairs of outputs without knowing which system wrote them, and a
    report. The outputs are kept in evaluation.json.
    """
    open_context: Callable[[], AbstractContextManager[EvaluationContext]] = context.obj
    out = folder / "evaluation" if output is None else output
    with open_context() as found:
        if marks:
            if system:
                raise typer.BadParameter("--marks uses an existing evaluation and cannot be combined with --system")
            _write_report(found, out, marks)
            return
        first, second = _systems(system or [], task)
        if (out / RECORD).exists():
            raise DepescheError(f"{out} already contains an evaluation; use --marks, or another folder with --output")
        articles = read_articles(folder, task, found.languages, found.limits, clean=clean)
        if any(article.reference is not None for article in articles):
            require_packages(task)
        with _bar(found.messages) as progress:
            run = Run(task, (first, second), length, seed, pairs, found.open_newsroom, progress)
            evaluation = run.evaluate(articles)
        source, target = found.languages.source.code, found.languages.target.code
        _write(out, RECORD, evaluation.model_dump_json(indent=1))
        _write(out, MARKING, marking_page(evaluation, source, target if task == "translation" else source))
        _write(out, REPORT, report_page(evaluation, []))
        found.say(f"{len(evaluation.pairs)} pairs to mark: {out / MARKING}")
        found.say(f"Report: {out / REPORT}")


def _systems(texts: Sequence[str], task: Literal["translation", "summary"]) -> tuple[SystemSpec, SystemSpec]:
    if len(texts) != SYSTEMS:
        raise typer.BadParameter(
            f"an evaluation compares {SYSTEMS} systems, but the option was given {len(texts)} times",
            param_hint="--system",
        )
    first, second = (SystemSpec.parse(text, task) for text in texts)
    if first.label == second.label:
        raise typer.BadParameter(f"the systems must differ, but both are {first.label}", param_hint="--system")
    return first, second


def _write_report(context: EvaluationContext, out: Path, files: Sequence[Path]) -> None:
    evaluation = read_record(out / RECORD, Evaluation)
    report = report_page(evaluation, [read_record(file, Marks) for file in files])
    _write(out, REPORT, report)
    context.say(f"Report: {out / REPORT}")


def read_record(path: Path, kind: type[Model]) -> Model:
    """Read a JSON file that contains an evaluation or marks.

    Raises:
        DepescheError: the file cannot be read, or its content is not a valid ``kind``.
    """
    try:
        return kind.model_validate_json(path.read_bytes())
    except OSError as error:
        raise DepescheError(f"{path} cannot be read: {error.strerror}") from error
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise DepescheError(f"{path} is not a valid file of `depesche evaluate`: {where}: {first['msg']}") from None


def _write(folder: Path, name: str, content: str) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content, "utf-8")
    except OSError as error:
        raise DepescheError(f"{folder / name} cannot be written: {error.strerror}") from error


@contextmanager
def _bar(messages: Console) -> Iterator[Callable[[str, int, int], None]]:
    """Show a progress bar if the console is a terminal, and yield a callback for `Run.progress`."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=messages, transient=True, disable=not messages.is_terminal) as progress:
        bar = progress.add_task("loading the models", total=None)
        yield lambda label, done, of: progress.update(bar, description=label, completed=done, total=of)
