"""Have readers judge summaries: ``python -m benchmarks.judgement sample``, then ``collect``.

`sample` summarises articles with the service. It writes a random sample of the sentences of the summaries, each with
its source. It also writes pairs of texts. One text of a pair is a summary, and the other is the beginning of the
article (the lead), which has about as many words. The pair does not state which text is the summary. Two readers judge
independently. For each sentence and each pair, a reader writes one line with its number, a tab, and a mark:

- The mark of a sentence is ``ok``, ``broken`` (not a complete, correct German sentence), ``unfaithful`` (it states
  something that is not in the article), or ``broken unfaithful``.
- The mark of a pair is ``a`` or ``b``, which names the better text, or ``same`` if neither text is better.

`collect` counts the marks. With ``--record``, it also records them, without any text of the articles. A sentence counts
as broken or unfaithful if at least one of the readers marked it as such. The agreement of the readers is measured with
Cohen's kappa.
"""

import asyncio
import csv
import json
import lzma
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from benchmarks import record
from benchmarks.checkout import Checkout
from benchmarks.server import NO_STORE, Server
from benchmarks.texts import TIME, copied_percent
from benchmarks.trust.shares import share
from models.pages.pages import body_of, gold_of
from service.languages.base import language
from service.text.segmentation import segment

SEED = 1
REWORDED_BELOW_PERCENT = 70.0
FAULTS = ("broken", "unfaithful")
SENTENCE_MARKS = {"ok", *FAULTS, " ".join(FAULTS)}
PAIR_MARKS = {"a", "b", "same"}
KEY, SENTENCES, PAIRS = "key.json", "sentences.tsv", "pairs.tsv"
WIKINEWS, PAGES, SAMPLED = 37, 23, 300
ARTICLE_CHARS = 2_500
MOST_SENTENCES = 100
GERMAN = language("de")
WorkDir = Annotated[Path, typer.Option(file_okay=False, help="Folder with the files for the readers.")]

app = typer.Typer(add_completion=False, no_args_is_help=True, help="Have readers judge summaries.")


def articles(data: Path, wikinews: int, pages: int) -> Iterator[tuple[str, str, str]]:
    """Yield (id, headline, text) of up to ``wikinews`` articles of the Wikinews test set and ``pages`` news pages.

    In the Wikinews data set, the first paragraph is in a separate field. It is added to the text.
    """
    with lzma.open(data / "summaries" / "wikinews-de.jsonl.xz", "rt", encoding="utf-8") as file:
        rows = [row for row in map(json.loads, file) if row["split"] == "test"]
    for number, row in enumerate(rows[:wikinews]):
        yield f"wikinews-test-{number}", row["title"], f"{row['summary']}\n\n{row['article']}"
    for path in sorted((data / "pages").glob("*.json"))[:pages]:
        gold = gold_of(path)
        yield path.stem, gold["title"], "\n\n".join(body_of(gold))


def of_length(sentences: Sequence[str], count: int) -> str:
    """Return the first sentences, joined by spaces. Their number is chosen so that they have about ``count`` words."""
    ends = range(1, len(sentences) + 1)
    nearest = min(ends, key=lambda end: abs(len(" ".join(sentences[:end]).split()) - count), default=0)
    return " ".join(sentences[:nearest])


async def summarised(server: Server, data: Path, wikinews: int, pages: int) -> list[dict[str, Any]]:
    """Return the id, the text, the summary and the lead of each article.

    The lead has about as many words as the summary.
    """
    found = []
    for name, headline, text in articles(data, wikinews, pages):
        body = {"text": text, "headline": headline}
        (made,) = (await server.post("/v1/summarize", body, NO_STORE | TIME))["summaries"]
        lead_body = body | {"method": "lead", "max_sentences": MOST_SENTENCES}
        (lead,) = (await server.post("/v1/summarize", lead_body, NO_STORE | TIME))["summaries"]
        beginning = of_length([one["text"] for one in lead["sentences"]], len(made["text"].split()))
        found.append({"id": name, "article": text, "summary": made, "lead": beginning})
    return found


def context(article: str, support: Sequence[Sequence[int]]) -> str:
    """Return the sources of a summary sentence as one text, after the sentence that precedes them in the article.

    The preceding sentence is in brackets. ``support`` contains the spans of the sources in ``article``.
    """
    spans = segment(article, GERMAN).sentences
    beginning = min(start for start, _ in support)
    first = next((n for n, span in enumerate(spans) if span.end > beginning), 0)
    sources = [article[start:end] for start, end in support]
    before = [f"[{spans[first - 1].of(article)}]"] if first else []
    return " ".join([*before, *sources])


def facts(one: dict[str, Any], number: int) -> dict[str, Any]:
    """Return the facts to record about a summary sentence: its article, number and sources, and how much is copied.

    ``one`` is an item of the result of `summarised`, and ``number`` is the index of the sentence in its summary.
    """
    sentence = one["summary"]["sentences"][number]
    return {
        "article": one["id"],
        "sentence": number,
        "support": sentence["support"],
        "verbatim": sentence["verbatim"],
        "copied_percent": round(copied_percent(sentence["text"], one["article"]), 1),
    }


def write_sample(found: Sequence[dict[str, Any]], work: Path, most: int = SAMPLED) -> None:
    """Write the files for the readers and the key to the folder ``work``.

    ``found`` is the result of `summarised`. The files contain up to ``most`` sentences, and all pairs of different
    texts, in random order. The key states which article each sentence and each pair comes from, and which text of a
    pair is the summary.
    """
    rng = random.Random(SEED)
    places = [(one, number) for one in found for number in range(len(one["summary"]["sentences"]))]
    rng.shuffle(places)
    sampled = places[:most]
    compared = [one for one in found if one["summary"]["text"] != one["lead"]]
    rng.shuffle(compared)
    first = [rng.choice("ab") for _ in compared]
    work.mkdir(parents=True, exist_ok=True)
    rows = []
    for number, (one, place) in enumerate(sampled):
        sentence = one["summary"]["sentences"][place]
        state = "unchanged" if sentence["verbatim"] else "changed"
        rows.append([str(number), context(one["article"], sentence["support"]), sentence["text"], state])
    write_table(work / SENTENCES, ["number", "source", "sentence", "state"], rows)
    pairs = []
    for number, (one, side) in enumerate(zip(compared, first, strict=True)):
        texts = (one["summary"]["text"], one["lead"])
        pairs.append([str(number), one["article"][:ARTICLE_CHARS], *(texts if side == "a" else texts[::-1])])
    write_table(work / PAIRS, ["number", "article", "a", "b"], pairs)
    key = {
        "articles": len(found),
        "delivered": [facts(one, number) for one, number in places],
        "equal_to_lead": len(found) - len(compared),
        "sentences": [facts(one, number) for one, number in sampled],
        "pairs": [{"article": one["id"], "summary": side} for one, side in zip(compared, first, strict=True)],
    }
    (work / KEY).write_text(json.dumps(key), "utf-8")


def write_table(path: Path, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Write a table with tabs between its columns. White space in a cell becomes a single space."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter="\t", lineterminator="\n", quoting=csv.QUOTE_NONE, quotechar=None)
        writer.writerows([columns, *([" ".join(cell.split()) for cell in row] for row in rows)])


def read_marks(path: Path, count: int, allowed: set[str]) -> list[str]:
    """Read the marks of one reader from a file, and return them in the order of their numbers.

    There must be ``count`` marks, each of which is one of ``allowed``.

    Raises:
        ValueError: a line has no valid mark, or a number is missing, repeated or out of range.
    """
    marks: dict[int, str] = {}
    for line in path.read_text("utf-8").splitlines():
        number, _, mark = line.partition("\t")
        if mark not in allowed or int(number) in marks:
            raise ValueError(f"{path.name}: {line!r} needs a new number and a mark out of {sorted(allowed)}")
        marks[int(number)] = mark
    if sorted(marks) != list(range(count)):
        raise ValueError(f"{path.name} has {len(marks)} marks; the numbers must be 0 to {count - 1}")
    return [marks[number] for number in range(count)]


def kappa(one: Sequence[str], other: Sequence[str]) -> float | None:
    """Return Cohen's kappa for the marks of two readers.

    If both readers gave the same mark to all items, kappa is undefined, and the result is None.
    """
    total = len(one)
    if len({*one, *other}) < 2:
        return None
    agreed = sum(a == b for a, b in zip(one, other, strict=True)) / total
    counts, others = Counter(one), Counter(other)
    by_chance = sum(counts[mark] * others[mark] for mark in counts) / total**2
    return round((agreed - by_chance) / (1 - by_chance), 2)


def judged(key: dict[str, Any], sentences: Sequence[Sequence[str]], pairs: Sequence[Sequence[str]]) -> dict[str, Any]:
    """Return the shares of broken, unfaithful and reworded sentences, the preferred texts, and the readers' agreement.

    The result also contains the marks of all sentences. ``key`` is the key that `write_sample` wrote. ``sentences`` and
    ``pairs`` contain the marks of each reader.
    """
    rows = [
        one | {"marks": list(marks)} for one, marks in zip(key["sentences"], zip(*sentences, strict=True), strict=True)
    ]
    shares: dict[str, Any] = {}
    for fault in FAULTS:
        by_reader = [[str(fault in mark) for mark in marks] for marks in sentences]
        count = sum("True" in both for both in zip(*by_reader, strict=True))
        shares[fault] = {**share(count, len(rows)), "kappa": kappa(*by_reader)}
    delivered = key["delivered"]
    reworded = sum(one["copied_percent"] < REWORDED_BELOW_PERCENT for one in delivered)
    better = Counter(
        "equal" if mark == "same" else "summary" if mark == one["summary"] else "lead"
        for marks in pairs
        for mark, one in zip(marks, key["pairs"], strict=True)
    )
    decided = better["summary"] + better["lead"]
    return {
        "articles": key["articles"],
        "sentences": len(rows),
        **shares,
        "delivered": len(delivered),
        "changed": share(sum(not one["verbatim"] for one in delivered), len(delivered)),
        "reworded": share(reworded, len(delivered)),
        "copied_4_grams": round(sum(one["copied_percent"] for one in delivered) / max(1, len(delivered)), 1),
        "against_the_lead": {
            **better,
            "preferred": share(better["summary"], decided),
            "equal_texts": key["equal_to_lead"],
            "kappa": kappa(*pairs),
        },
        "marks": rows,
    }


@app.command("sample")
def sample_command(
    data: Annotated[Path, typer.Option(exists=True, file_okay=False, help="Folder of the data sets.")],
    work: WorkDir,
    wikinews: Annotated[int, typer.Option(min=0, help="Number of articles of Wikinews.")] = WIKINEWS,
    pages: Annotated[int, typer.Option(min=0, help="Number of news pages.")] = PAGES,
    sentences: Annotated[int, typer.Option(min=1, help="Maximum number of sentences to judge.")] = SAMPLED,
) -> None:
    """Summarise articles, and write the files for the readers."""

    async def measure() -> list[dict[str, Any]]:
        async with Checkout.here().server() as server:
            return await summarised(server, data, wikinews, pages)

    write_sample(asyncio.run(measure()), work, sentences)
    typer.echo(f"{work / SENTENCES} and {work / PAIRS}")


@app.command("collect")
def collect_command(
    work: WorkDir,
    sentences: Annotated[list[Path], typer.Option(exists=True, help="Marks of one reader. Set this option twice.")],
    pairs: Annotated[list[Path], typer.Option(exists=True, help="Marks of one reader. Set this option twice.")],
    *,
    save: Annotated[bool, typer.Option("--record", help="Write benchmarks/results/judgement.json.")] = False,
) -> None:
    """Count the marks of both readers, and print the shares."""
    key = json.loads((work / KEY).read_text("utf-8"))
    result = judged(
        key,
        [read_marks(path, len(key["sentences"]), SENTENCE_MARKS) for path in sentences],
        [read_marks(path, len(key["pairs"]), PAIR_MARKS) for path in pairs],
    )
    typer.echo(json.dumps({name: value for name, value in result.items() if name != "marks"}, indent=1))
    if save:
        typer.echo(record.write("judgement", result))


if __name__ == "__main__":
    app()
