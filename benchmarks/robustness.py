"""Measure translation quality for unusual input: ``python -m benchmarks.robustness --data DIR [--against CHECKOUT]``.

The program translates the lines of a test set unchanged and in other forms: with other quotation marks, in capitals, in
Swiss spelling, and with two lines joined into one text. With ``--against``, it also translates them with the service in
the folder CHECKOUT, and reports how much better this checkout scores, with a confidence interval.
"""

import asyncio
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from benchmarks import bleu, record
from benchmarks.checkout import Against, Checkout, Python, checkouts
from benchmarks.texts import lines_of, one_line, translations

TEST_SET = "wmt19"
METRICS = ("bleu", "chrf")
MAX_CHARS = 500
QUOTED = re.compile(r"[„»“\"]([^„“”»«\"]+)[“”«\"]")
MARKS = (("„", "“"), ("»", "«"), ("“", "”"), ('"', '"'))
Pairs = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Row:
    """Source texts that are translated separately. Their outputs, joined by spaces, are compared with one reference."""

    sources: tuple[str, ...]
    reference: str


@dataclass(frozen=True, slots=True)
class Form:
    """Lines of the test set in one form, such as in capitals. If ``caseless`` is set, the scores ignore case."""

    rows: tuple[Row, ...]
    caseless: bool = False


def forms(lines: Sequence[str], references: Sequence[str]) -> dict[str, Form]:
    """Return the lines and their reference translations in each form, by name of the form.

    Some forms include only suitable lines, such as headlines. A line that ends in a letter or digit counts as a
    headline.
    """
    pairs = list(zip(lines, references, strict=True))
    quoting = [pair for pair in pairs if QUOTED.search(pair[0])]
    headlines = [pair for pair in pairs if pair[0][-1:].isalnum()]
    sharp_s = [pair for pair in pairs if "ß" in pair[0]]
    two = [
        (one, other)
        for one, other in zip(pairs[::2], pairs[1::2], strict=False)
        if all(len(f"{a} {b}") <= MAX_CHARS for a, b in zip(one, other, strict=True))
    ]
    return {
        "as it is": _form(pairs),
        **{f"quotations in {a}{b}": _form(quoting, _in_marks(a, b)) for a, b in MARKS},
        "headlines": _form(headlines, caseless=True),
        "headlines in capitals": _form(headlines, str.upper, caseless=True),
        "with ß": _form(sharp_s),
        "the same in Swiss spelling": _form(sharp_s, lambda text: text.replace("ß", "ss")),
        "with numbers": _form([pair for pair in pairs if any(map(str.isdigit, pair[0]))]),
        "two sentences, each alone": Form(tuple(Row((a[0], b[0]), f"{a[1]} {b[1]}") for a, b in two)),
        "two sentences as one": _form([(f"{a[0]} {b[0]}", f"{a[1]} {b[1]}") for a, b in two]),
    }


def _form(pairs: Pairs, rewrite: Callable[[str], str] = str, *, caseless: bool = False) -> Form:
    return Form(tuple(Row((rewrite(german),), english) for german, english in pairs), caseless)


def _in_marks(opening: str, closing: str) -> Callable[[str], str]:
    return lambda text: QUOTED.sub(lambda match: f"{opening}{match[1]}{closing}", text)


async def outputs(checkout: Checkout, asked: Mapping[str, Form]) -> dict[str, dict[str, Any]]:
    """Return the service's result for each source text in the forms ``asked``.

    The service is run from ``checkout``. The keys of the returned dictionary are the source texts.
    """
    sources = sorted({source for form in asked.values() for row in form.rows for source in row.sources})
    async with checkout.server() as server:
        return dict(zip(sources, await translations(server, sources), strict=True))


def scored(
    form: Form, ours: Mapping[str, dict[str, Any]], others: Mapping[str, dict[str, Any]] | None
) -> dict[str, Any]:
    """Return the scores of this checkout for one form, and the percentage of rows that need review.

    ``ours`` maps source texts to the results of this checkout, and ``others`` to those of another checkout. If
    ``others`` is not None, the returned scores include the gain of ``ours`` over ``others``.
    """

    def written(made: Mapping[str, dict[str, Any]]) -> list[str]:
        return [" ".join(one_line(made[source]["text"]) for source in row.sources) for row in form.rows]

    references = [row.reference for row in form.rows]
    review = sum(any(ours[source]["needs_review"] for source in row.sources) for row in form.rows)
    found = {
        "rows": len(form.rows),
        **bleu.scores(written(ours), references, caseless=form.caseless),
        "needs_review": round(100 * review / len(form.rows), 1),
    }
    if others is not None:
        found["gain"] = bleu.gain(written(ours), written(others), references, caseless=form.caseless)
    return found


async def measure(data: Path, limit: int | None, subjects: Sequence[Checkout]) -> dict[str, Any]:
    """Translate and score every form of the test set, and return the result to record.

    The last of ``subjects`` must be this checkout. If ``limit`` is not None, only the first ``limit`` lines are used.
    """
    asked = forms(*(lines_of(data / "eval" / f"{TEST_SET}.{side}")[:limit] for side in ("de", "en")))
    *others, ours = [await outputs(checkout, asked) for checkout in subjects]
    table = {name: scored(form, ours, others[0] if others else None) for name, form in asked.items() if form.rows}
    return {"set": TEST_SET, "commits": [checkout.commit for checkout in subjects], "table": table}


def main(
    data: Annotated[Path, typer.Option(exists=True, file_okay=False, help="Folder of the data sets.")],
    against: Against = None,
    python: Python = None,
    limit: Annotated[int | None, typer.Option(help="Maximum number of lines, for a quick look.")] = None,
    *,
    save: Annotated[bool, typer.Option("--record", help="Write benchmarks/results/robustness.json.")] = False,
) -> None:
    """Measure and print the table. With --record, also write it to benchmarks/results/robustness.json."""
    result = asyncio.run(measure(data, limit, checkouts(against, python)))
    print("| form | rows | BLEU | chrF | needs review | BLEU gain | chrF gain |\n|---|---|---|---|---|---|---|")
    for name, row in result["table"].items():
        scores = " | ".join(f"{row[metric]} ± {row[f'{metric}_pm']}" for metric in ("bleu", "chrf"))
        gain = row.get("gain")
        gains = (
            ("–", "–")
            if gain is None
            else [f"{gain[metric]:+} ± {gain[f'{metric}_pm']}" for metric in ("bleu", "chrf")]
        )
        print(f"| {name} | {row['rows']} | {scores} | {row['needs_review']} % | {' | '.join(gains)} |")
    if save:
        print(record.write("robustness", result))


if __name__ == "__main__":
    typer.run(main)
