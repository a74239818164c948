"""Measure cleaning of real news pages: ``python -m benchmarks.pages --data DIR``.

``DIR`` holds pages as described in `models.pages.pages`. Each page is cleaned in four forms: the whole page as pasted
text (all), the column of the article (column), an ideal selection (drag), and the HTML page. The body is compared with
the marked article word by word; the means are over pages. trafilatura is measured on the HTML if it is installed. The
weights of the line model were trained on such pages: ``python -m models.pages`` prints the figures for unseen
publishers.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from typing import Annotated, Any

import typer

from benchmarks import record
from models.pages.pages import FORMS, body_of, gold_of, read_text, words
from service.cleaning.clean import clean
from service.documents.html_page import read_page
from service.languages.base import Language, language

NEAR = 0.8  # F1 of the words of two headlines or leads from which on they count as the same


@dataclass(frozen=True, slots=True)
class Found:
    """The article that a program found in a page."""

    headline: str | None
    lead: str | None
    body: str


@dataclass(frozen=True, slots=True)
class Score:
    """Precision, recall and F1 of the words of the body; whether headline and lead are right. The lead may be None."""

    precision: float
    recall: float
    f1: float
    headline: bool
    lead: bool | None


def overlap(found: Sequence[str], wanted: Sequence[str]) -> tuple[float, float, float]:
    """Return precision, recall and F1 of two lists of words, each word counted as often as it occurs."""
    common = sum((Counter(found) & Counter(wanted)).values())
    precision = common / len(found) if found else float(not wanted)
    recall = common / len(wanted) if wanted else 1.0
    return precision, recall, 2 * precision * recall / (precision + recall) if common else 0.0


def is_near(found: str | None, wanted: str) -> bool:
    """Return whether two texts have nearly the same words."""
    one, other = words(found or ""), words(wanted)
    return bool(one and other) and overlap(one, other)[2] >= NEAR


def score(found: Found, gold: Mapping[str, Any]) -> Score:
    """Compare a found article with the marked one."""
    leads = [" ".join(gold["summary"]), *gold["summary"]] if gold["summary"] else []
    lead = any(is_near(found.lead, one) for one in leads) if leads else None
    return Score(
        *overlap(words(found.body), words(" ".join(body_of(gold)))), is_near(found.headline, gold["title"]), lead
    )


def cleaned(text: str, source: Language, headline: str | None = None, lead: str | None = None) -> Found:
    """Return what the cleaner keeps of a pasted text."""
    article = clean(text, source, headline=headline, lead=lead)
    return Found(article.headline, article.lead, article.body)


def _from_html(source: str, german: Language) -> Found:
    document = read_page(source)
    return cleaned(document.body, german, document.headline, document.lead)


def _by_trafilatura(source: str) -> Found:
    from trafilatura import bare_extraction  # noqa: PLC0415 - the import takes half a second

    found = bare_extraction(source, include_comments=False, with_metadata=True)
    fields = {} if found is None else found if isinstance(found, dict) else found.as_dict()
    return Found(fields.get("title"), fields.get("description"), fields.get("text") or "")


def rows(folder: Path, german: Language) -> Iterator[tuple[str, str, Score]]:
    """Yield (program and form, page, score) for each page and form."""
    for path in sorted(folder.glob("*.json")):
        gold = gold_of(path)
        for form in FORMS:
            file = folder / f"{path.stem}.{form}.txt.gz"
            if file.exists():
                yield form, path.stem, score(cleaned(read_text(file), german), gold)
        source = read_text(folder / f"{path.stem}.html.gz")
        yield "html", path.stem, score(_from_html(source, german), gold)
        yield "html, trafilatura alone", path.stem, score(_by_trafilatura(source), gold)


def table(scores: Sequence[tuple[str, Score]]) -> dict[str, dict[str, Any]]:
    """Return the mean scores of each kind of row."""
    found: dict[str, dict[str, Any]] = {}
    for kind in dict.fromkeys(name for name, _ in scores):
        own = [one for name, one in scores if name == kind]
        leads = [one.lead for one in own if one.lead is not None]
        found[kind] = {
            "pages": len(own),
            **{name: round(mean(getattr(one, name) for one in own), 3) for name in ("precision", "recall", "f1")},
            "headline": round(mean(one.headline for one in own), 3),
            "lead": round(mean(leads), 3) if leads else None,
        }
    return found


def show(figures: Mapping[str, Mapping[str, Any]]) -> None:
    """Print a table of mean scores."""
    columns = ("pages", "precision", "recall", "f1", "headline", "lead")
    print("| form |", " | ".join(columns), "|\n|---" * 1 + "|---" * len(columns) + "|")
    for kind, row in figures.items():
        print(f"| {kind} |", " | ".join(str(row[name]) for name in columns), "|")


def main(
    data: Annotated[Path, typer.Option(exists=True, file_okay=False, help="Folder of the pages.")],
    *,
    save: Annotated[bool, typer.Option("--record", help="Write benchmarks/results/pages.json.")] = False,
) -> None:
    """Measure and print the table. With --record, also write it to benchmarks/results/pages.json."""
    figures = table([(kind, one) for kind, _, one in rows(data, language("de"))])
    show(figures)
    if save:
        print(record.write("pages", {"table": figures}))


if __name__ == "__main__":
    typer.run(main)
