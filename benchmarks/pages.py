"""Measure how well news pages are cleaned: ``python -m benchmarks.pages --data DIR``.

``DIR`` contains pages as described in `models.pages.pages`. For each page, a person marked the article. The cleaner
processes each page in four forms: the pasted text of the whole page (all), the pasted column that contains the article
(column), the pasted text of an exact selection of the article (drag), and the HTML. The words of the extracted body are
compared with those of the marked article, and the scores are averaged over all pages. For comparison, the HTML is also
processed with trafilatura alone and, if the extra ``benchmarks`` is installed, with newspaper4k and readability.

The released model that classifies the lines of a pasted text was trained on the same pages, so its scores are too high.
With ``--folds FOLDER``, each page is cleaned with weights that were trained on the pages of other publishers. FOLDER
contains the weights that ``python -m models.pages --save FOLDER`` writes. The lists and boxes of some articles are not
marked. ``f1_own`` counts unmarked paragraphs on the topic of the article as part of it. ``headline_shown`` also counts
another main heading of the page as a correct headline. With ``--url``, the server at this URL summarises the pasted
texts, and sentences that are not from the article are counted.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from statistics import mean
from typing import Annotated, Any

import httpx
import typer
from lxml import html

from benchmarks import record
from models.pages.pages import (
    FORMS,
    body_of,
    fold_of,
    gold_of,
    headings_of,
    is_own,
    is_part,
    publisher_of,
    read_text,
    topic_of,
    words,
)
from service.cleaning.boilerplate import Line
from service.cleaning.clean import clean
from service.documents.html_page import JSONLD, read_page
from service.documents.jsonld import find_articles, plain_field
from service.domain import Span
from service.languages.base import Language, language

SHARE_OF_PAIRS = 0.5
TIMEOUT_S = 300.0
NEAR = 0.8  # headlines or leads whose words have at least this F1 count as the same


@dataclass(frozen=True, slots=True)
class Found:
    """The article that a program extracted from a page."""

    headline: str | None
    lead: str | None
    body: str


@dataclass(frozen=True, slots=True)
class Score:
    """The scores of an extracted article, compared with the article that a person marked.

    ``precision``, ``recall`` and ``f1`` refer to the words of the body. ``headline`` and ``lead`` are True if the
    extracted headline and lead are correct. ``lead`` is None if the marked article has no lead. ``f1_own`` counts
    unmarked paragraphs on the topic of the article as part of it. ``headline_shown`` is also True if the headline is
    another main heading of the page (see `shown_headings`).
    """

    precision: float
    recall: float
    f1: float
    headline: bool
    lead: bool | None
    f1_own: float
    headline_shown: bool


def overlap(found: Sequence[str], wanted: Sequence[str]) -> tuple[float, float, float]:
    """Return precision, recall and F1 of the words ``found``, compared with ``wanted``.

    Each occurrence of a word counts.
    """
    common = sum((Counter(found) & Counter(wanted)).values())
    precision = common / len(found) if found else float(not wanted)
    recall = common / len(wanted) if wanted else 1.0
    return precision, recall, 2 * precision * recall / (precision + recall) if common else 0.0


def is_near(found: str | None, wanted: str) -> bool:
    """Return whether two texts consist of nearly the same words, that is, whether their F1 is at least `NEAR`.

    The result is False if one of the texts has no words.
    """
    one, other = words(found or ""), words(wanted)
    return bool(one and other) and overlap(one, other)[2] >= NEAR


def shown_headings(gold: Mapping[str, Any], source: str) -> list[list[str]]:
    """Return the words of each heading of the page that may be the headline.

    These are the headings that `headings_of` returns, and further headings that equal a headline in the JSON-LD of the
    page. ``gold`` is the marked article, and ``source`` is the HTML of the page.
    """
    tree = html.document_fromstring(source.encode("utf-8"), parser=html.HTMLParser(encoding="utf-8"))
    named: list[list[str]] = []
    for script in tree.iter("script"):
        if script.get("type") == JSONLD:
            with suppress(ValueError):  # some blocks are not valid JSON
                articles = find_articles(json.loads(script.text or "", strict=False))
                titles = (one.get(name) for one in articles for name in ("headline", "alternativeHeadline"))
                named += [words(plain_field(title) or "") for title in titles]
    shown = [words(heading.text_content()) for heading in tree.iter("h2", "h3")]
    return [*headings_of(gold, source), *(heading for heading in shown if heading and heading in named)]


def score(found: Found, gold: Mapping[str, Any], headings: Sequence[Sequence[str]] = ()) -> Score:
    """Return the scores of the extracted article ``found``, compared with the marked article ``gold``.

    ``headings`` contains the words of each heading of the page that may be the headline (see `shown_headings`).
    """
    leads = [" ".join(gold["summary"]), *gold["summary"]] if gold["summary"] else []
    lead = any(is_near(found.lead, one) for one in leads) if leads else None
    body, wanted = words(found.body), words(" ".join(body_of(gold)))
    headline = is_near(found.headline, gold["title"])
    shown = headline or any(is_near(found.headline, " ".join(heading)) for heading in headings)
    return Score(
        *overlap(body, wanted), headline, lead, overlap(body, [*wanted, *_unmarked(found.body, gold)])[2], shown
    )


def _unmarked(body: str, gold: Mapping[str, Any]) -> list[str]:
    """Return the words of the paragraphs of ``body`` that are on the topic of the article but not in ``gold``."""
    units = [words(unit) for unit in (*body_of(gold), *gold["summary"])]
    topic = topic_of(gold)
    page = language("de").page
    found: list[str] = []
    for text in filter(str.strip, body.split("\n")):
        line, own = Line(text, Span(0, len(text)), after_blank=False, page=page), words(text)
        if is_own(line, own, None, topic) and not any(is_part(own, unit) for unit in units):
            found += own
    return found


def cleaned(text: str, source: Language, headline: str | None = None, lead: str | None = None) -> Found:
    """Clean a pasted text and return the extracted article. ``source`` is the language of the text.

    ``headline`` and ``lead`` are the headline and the lead of the article, if they are already known.
    """
    article = clean(text, source, headline=headline, lead=lead)
    return Found(article.headline, article.lead, article.body)


def sure_parts(text: str, source: Language) -> Found:
    """Clean a pasted text, and return the article without the paragraphs that the service does not summarise.

    ``source`` is the language of the text. The paragraphs that are left out may be boilerplate.
    """
    article = clean(text, source)
    sure = [one.cleaned.of(article.body) for one in article.spans if not one.doubtful]
    return Found(article.headline, article.lead, "\n\n".join(sure))


def _from_html(source: str, german: Language) -> Found:
    document = read_page(source)
    return cleaned(document.body, german, document.headline, document.lead)


def _by_trafilatura(source: str) -> Found:
    from trafilatura import bare_extraction  # noqa: PLC0415 - the import takes half a second

    found = bare_extraction(source, include_comments=False, with_metadata=True)
    fields = {} if found is None else found if isinstance(found, dict) else found.as_dict()
    return Found(fields.get("title"), fields.get("description"), fields.get("text") or "")


def _by_newspaper(source: str) -> Found:
    import newspaper  # noqa: PLC0415 - optional

    article = newspaper.Article("https://example.org/", language="de", fetch_images=False)
    article.download(input_html=source)
    article.parse()
    return Found(article.title or None, article.meta_description or None, article.text or "")


def _by_readability(source: str) -> Found:
    import readability  # noqa: PLC0415 - optional

    document = readability.Document(source)
    tree = html.fromstring(document.summary())
    return Found(document.short_title() or None, None, "\n".join(map(str, tree.itertext())))


OTHERS = {"trafilatura": _by_trafilatura, "newspaper": _by_newspaper, "readability": _by_readability}


def by_publisher(folder: Path, german: Language, folds: Path | None) -> dict[str, Language]:
    """Map each publisher to the language with the weights for its pages.

    ``folder`` contains the pages. ``folds`` is the folder with the weights of each fold. If it is None, the result is
    empty, so that the released weights of ``german`` are used for all pages.
    """
    if folds is None:
        return {}
    place = fold_of(folder, [], len(list(folds.glob("*.json"))))
    return {
        name: replace(german, page=replace(german.page, weights=folds / f"{fold}.json")) for name, fold in place.items()
    }


def rows(folder: Path, german: Language, folds: Path | None = None) -> Iterator[tuple[str, str, Score]]:
    """Yield the name of the form or program, the name of the page, and the score.

    ``folder`` contains the pages. The service cleans each page in all forms that the folder contains (see `FORMS`),
    with the rules of ``german``. All programs that are installed extract the article from its HTML. ``folds`` is the
    folder with the weights of each fold, or None (see `by_publisher`).
    """
    languages = by_publisher(folder, german, folds)
    for path in sorted(folder.glob("*.json")):
        gold, source = gold_of(path), read_text(folder / f"{path.stem}.html.gz")
        own, headings = languages.get(publisher_of(path.stem), german), shown_headings(gold, source)
        for form in FORMS:
            file = folder / f"{path.stem}.{form}.txt.gz"
            if file.exists():
                yield form, path.stem, score(cleaned(read_text(file), own), gold, headings)
        yield "html", path.stem, score(_from_html(source, own), gold, headings)
        for name, extract in OTHERS.items():
            if find_spec(name) is not None:
                yield f"html, {name} alone", path.stem, score(extract(source), gold, headings)


_MEANS = ("precision", "recall", "f1", "f1_own", "headline", "headline_shown")


def table(scores: Sequence[tuple[str, Score]]) -> dict[str, dict[str, Any]]:
    """Return the number of pages and the mean scores for each form or program.

    ``scores`` contains the name of the form or program with each score.
    """
    found: dict[str, dict[str, Any]] = {}
    for kind in dict.fromkeys(name for name, _ in scores):
        own = [one for name, one in scores if name == kind]
        leads = [one.lead for one in own if one.lead is not None]
        found[kind] = {
            "pages": len(own),
            **{name: round(mean(getattr(one, name) for one in own), 3) for name in _MEANS},
            "lead": round(mean(leads), 3) if leads else None,
        }
    return found


def is_foreign(sentence: str, gold: Mapping[str, Any]) -> bool:
    """Return whether a sentence of the source is not from the marked article ``gold``.

    This is the case if less than half of the pairs of adjacent words in the sentence occur in the article. Rewording
    changes these pairs, so pass the source sentence of a reworded sentence. The result is False for a sentence of one
    word.
    """
    pairs = list(pairwise(words(sentence)))
    article = words("\n".join([gold["title"], *gold["summary"], *body_of(gold)]))
    return bool(pairs) and sum(pair in set(pairwise(article)) for pair in pairs) < SHARE_OF_PAIRS * len(pairs)


def summaries(folder: Path, url: str, form: str, german: Language, folds: Path | None = None) -> dict[str, int]:
    """Summarise each page as pasted text in three sentences, and count the sentences that are not from the article.

    ``folder`` contains the pages, and ``url`` is the base URL of the server that summarises them. ``form`` is the way
    in which the text was copied from the page. Each text is cleaned here with the weights of its fold (see
    `by_publisher`), because the weights of the server were trained on the same pages. The server cleans it no further.

    Raises:
        httpx.HTTPError: the server cannot be reached or refuses a page.
    """
    languages = by_publisher(folder, german, folds)
    counts = {"pages": 0, "sentences": 0, "foreign_sentences": 0, "pages_with_a_foreign_sentence": 0}
    for path in sorted(folder.glob(f"*.{form}.txt.gz")):
        name = path.name.removesuffix(f".{form}.txt.gz")
        article = sure_parts(read_text(path), languages.get(publisher_of(name), german))
        parts = {"headline": article.headline, "lead": article.lead, "body": article.body, "clean": False}
        request = {**parts, "outputs": ["summary"], "max_sentences": 3, "priority": "bulk"}
        response = httpx.post(f"{url.rstrip('/')}/v1/articles", json=request, timeout=TIMEOUT_S).raise_for_status()
        gold = gold_of(folder / f"{name}.json")
        supports = [one["support"] for one in response.json()["summary"]["sentences"]]
        sentences = [" ".join(article.body[start:end] for start, end in spans) for spans in supports]
        foreign = [one for one in sentences if is_foreign(one, gold)]
        counts["pages"] += 1
        counts["sentences"] += len(sentences)
        counts["foreign_sentences"] += len(foreign)
        counts["pages_with_a_foreign_sentence"] += bool(foreign)
    return counts


def show(figures: Mapping[str, Mapping[str, Any]]) -> None:
    """Print the mean scores as a Markdown table. ``figures`` is the result of `table`."""
    columns = ("pages", *_MEANS, "lead")
    print("| form |", " | ".join(columns), "|\n|---" * 1 + "|---" * len(columns) + "|")
    for kind, row in figures.items():
        print(f"| {kind} |", " | ".join(str(row[name]) for name in columns), "|")


def main(
    data: Annotated[Path, typer.Option(exists=True, file_okay=False, help="Folder of the pages.")],
    *,
    folds: Annotated[
        Path | None, typer.Option(exists=True, file_okay=False, help="Folder with the weights of each fold.")
    ] = None,
    url: Annotated[str | None, typer.Option(help="Base URL of a server; also measure the summaries.")] = None,
    save: Annotated[bool, typer.Option("--record", help="Write benchmarks/results/pages.json.")] = False,
) -> None:
    """Measure and print the scores. With --record, also write them to benchmarks/results/pages.json."""
    german = language("de")
    figures = table([(kind, one) for kind, _, one in rows(data, german, folds)])
    show(figures)
    found: dict[str, Any] = {"table": figures}
    if url is not None:
        found["summaries"] = {form: summaries(data, url, form, german, folds) for form in FORMS}
        print(found["summaries"])
    if save:
        print(record.write("pages", found))


if __name__ == "__main__":
    typer.run(main)
