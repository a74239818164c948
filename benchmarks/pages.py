"""Measure how well news pages are cleaned: ``python -m benchmarks.pages --data DIR``.

``DIR`` contains pages as described in `models.pages.pages`. Each page is cleaned in four forms: the pasted text of the
whole page (all), the pasted column of the article (column), an ideal selection of text (drag), and the HTML. The words
of the extracted body are compared with those of the marked article, and the scores are averaged over all pages. The
HTML is also processed with trafilatura alone, for comparison. The line model was trained on the same pages, so these
scores are too high. ``python -m models.pages`` measures publishers that were not used for training.
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
    """The article that a program extracted from a page."""

    headline: str | None
    lead: str | None
    body: str


@dataclass(frozen=True, slots=True)
class Score:
    """The scores of an extracted article.

    ``precision``, ``recall`` and ``f1`` refer to the words of the body. ``headline`` and ``lead`` state whether these
    parts are correct. ``lead`` is None if the marked article has no lead.
    """

    precision: float
    recall: float
    f1: float
    headline: bool
    lead: bool | None


def overlap(found: Sequence[str], wanted: Sequence[str]) -> tuple[float, float, float]:
    """Return precision, recall and F1 of the words in ``found``. Repeated words count as often as they occur."""
    common = sum((Counter(found) & Counter(wanted)).values())
    precision = common / len(found) if found else float(not wanted)
    recall = common / len(wanted) if wanted else 1.0
    return precision, recall, 2 * precision * recall / (precision + recall) if common else 0.0


def is_near(found: str | None, wanted: str) -> bool:
    """Return whether two texts consist of nearly the same words."""
    one, other = words(found or ""), words(wanted)
    return bool(one and other) and overlap(one, other)[2] >= NEAR


def score(found: Found, gold: Mapping[str, Any]) -> Score:
    """Compare an extracted article with the marked one."""
    leads = [" ".join(gold["summary"]), *gold["summary"]] if gold["summary"] else []
    lead = any(is_near(found.lead, one) for one in leads) if leads else None
    return Score(
        *overlap(words(found.body), words(" ".join(body_of(gold)))), is_near(found.headline, gold["title"]), lead
    )


def cleaned(text: str, source: Language, headline: str | None = None, lead: str | None = None) -> Found:
    """Clean a pasted text and return the extracted article."""
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
    """Yield (form or program, name of the page, score) for each form of each page."""
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
    """Return the mean scores for each form or program."""
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
    """Print the mean scores as a Markdown table."""
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
