"""Have readers judge summaries: ``python -m benchmarks.judgement sample``, then ``collect``.

`sample` summarises articles with the service. It writes the sentences of the summaries in random order. It also writes
pairs that consist of a summary and the beginning of its article (the lead), without stating which of the two is the
summary. Two readers judge independently. For each sentence and each pair, a reader writes one line with its number, a
tab, and a mark:

- The mark of a sentence is ``ok``, ``broken`` (not a complete, correct German sentence), ``unfaithful`` (it states
  something that is not in the article), or ``broken unfaithful``.
- The mark of a pair is ``a`` or ``b``, which names the better text, or ``same`` if neither text is better.

`collect` counts the marks and records them without any text of the articles. A sentence counts as broken or unfaithful
if at least one of the readers marked it as such. The agreement of the readers is measured with Cohen's kappa.
"""

import asyncio
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

SEED = 1
REWORDED_BELOW_PERCENT = 70.0
FAULTS = ("broken", "unfaithful")
SENTENCE_MARKS = {"ok", *FAULTS, " ".join(FAULTS)}
PAIR_MARKS = {"a", "b", "same"}
KEY, SENTENCES, PAIRS = "key.json", "sentences.jsonl", "pairs.jsonl"
WorkDir = Annotated[Path, typer.Option(file_okay=False, help="Folder with the files for the readers.")]

app = typer.Typer(add_completion=False, no_args_is_help=True, help="Have readers judge summaries.")


def articles(data: Path, count: int) -> Iterator[tuple[str, str, str]]:
    """Yield (id, headline, body) of up to ``count`` articles.

    Half of the articles are from the Wikinews test set, and the others are the marked articles of news pages.
    """
    with lzma.open(data / "summaries" / "wikinews-de.jsonl.xz", "rt", encoding="utf-8") as file:
        rows = [row for row in map(json.loads, file) if row["split"] == "test"]
    for number, row in enumerate(rows[: count // 2]):
        yield f"wikinews-test-{number}", row["title"], row["article"]
    for path in sorted((data / "pages").glob("*.json"))[: count - count // 2]:
        gold = gold_of(path)
        yield path.stem, gold["title"], "\n\n".join(body_of(gold))


async def summarised(server: Server, data: Path, count: int) -> list[dict[str, Any]]:
    """Return the id, the text, the summary and the lead of each of ``count`` articles.

    The lead has as many sentences as the summary.
    """
    found = []
    for name, headline, text in articles(data, count):
        body = {"text": text, "headline": headline}
        (made,) = (await server.post("/v1/summarize", body, NO_STORE | TIME))["summaries"]
        sentences = len(made["sentences"])
        lead_body = body | {"method": "lead", "max_sentences": max(1, sentences)}
        (lead,) = (await server.post("/v1/summarize", lead_body, NO_STORE | TIME))["summaries"]
        found.append({"id": name, "article": text, "summary": made, "lead": lead["text"]})
    return found


def facts(one: dict[str, Any], number: int) -> dict[str, Any]:
    """Return the facts to record about a summary sentence: its article, number and sources, and how much is copied.

    ``one`` is an item of the result of `summarised`, and ``number`` is the index of the sentence in its summary.
    """
    sentence = one["summary"]["sentences"][number]
    return {
        "article": one["id"],
        "sentence": number,
        "support": [[span["start"], span["end"]] for span in sentence["support"]],
        "verbatim": sentence["verbatim"],
        "copied_percent": round(copied_percent(sentence["text"], one["article"]), 1),
    }


def write_sample(found: Sequence[dict[str, Any]], work: Path) -> None:
    """Write the files for the readers and the key to the folder ``work``.

    ``found`` is the result of `summarised`. The files contain the sentences and the pairs in random order. The key
    states which article each sentence and each pair comes from, and which text of a pair is the summary.
    """
    rng = random.Random(SEED)
    places = [(one, number) for one in found for number in range(len(one["summary"]["sentences"]))]
    rng.shuffle(places)
    compared = [one for one in found if one["summary"]["text"] != one["lead"]]
    rng.shuffle(compared)
    first = [rng.choice("ab") for _ in compared]
    work.mkdir(parents=True, exist_ok=True)
    sentences = [
        {"number": n, "sentence": one["summary"]["sentences"][number]["text"], "article": one["article"]}
        for n, (one, number) in enumerate(places)
    ]
    pairs = []
    for n, (one, side) in enumerate(zip(compared, first, strict=True)):
        texts = (one["summary"]["text"], one["lead"])
        a, b = texts if side == "a" else texts[::-1]
        pairs.append({"number": n, "article": one["article"], "a": a, "b": b})
    for name, rows in ((SENTENCES, sentences), (PAIRS, pairs)):
        (work / name).write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")
    key = {
        "articles": len(found),
        "equal_to_lead": len(found) - len(compared),
        "sentences": [facts(one, number) for one, number in places],
        "pairs": [{"article": one["id"], "summary": side} for one, side in zip(compared, first, strict=True)],
    }
    (work / KEY).write_text(json.dumps(key), "utf-8")


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
            raise ValueError(f"{path.name}: {line!r} has no new number or no mark of {sorted(allowed)}")
        marks[int(number)] = mark
    if sorted(marks) != list(range(count)):
        raise ValueError(f"{path.name} has {len(marks)} marks; the numbers must be 0 to {count - 1}")
    return [marks[number] for number in range(count)]


def kappa(one: Sequence[str], other: Sequence[str]) -> float | None:
    """Return Cohen's kappa for the marks of two readers.

    If both readers gave the same mark everywhere, kappa is undefined, and the result is None.
    """
    total = len(one)
    if len({*one, *other}) < 2:
        return None
    agreed = sum(a == b for a, b in zip(one, other, strict=True)) / total
    counts, others = Counter(one), Counter(other)
    by_chance = sum(counts[mark] * others[mark] for mark in counts) / total**2
    return round((agreed - by_chance) / (1 - by_chance), 2)


def judged(key: dict[str, Any], sentences: Sequence[Sequence[str]], pairs: Sequence[Sequence[str]]) -> dict[str, Any]:
    """Return the shares of broken, unfaithful and reworded sentences, the agreement of the readers, and all marks.

    ``key`` is the key that `write_sample` wrote. ``sentences`` and ``pairs`` contain the marks of each reader.
    """
    rows = [
        one | {"marks": list(marks)} for one, marks in zip(key["sentences"], zip(*sentences, strict=True), strict=True)
    ]
    shares: dict[str, Any] = {}
    for fault in FAULTS:
        by_reader = [[str(fault in mark) for mark in marks] for marks in sentences]
        count = sum("True" in both for both in zip(*by_reader, strict=True))
        shares[fault] = {**share(count, len(rows)), "kappa": kappa(*by_reader)}
    reworded = sum(one["copied_percent"] < REWORDED_BELOW_PERCENT for one in rows)
    better = Counter(
        "equal" if mark == "same" else "summary" if mark == one["summary"] else "lead"
        for marks in pairs
        for mark, one in zip(marks, key["pairs"], strict=True)
    )
    return {
        "articles": key["articles"],
        "sentences": len(rows),
        **shares,
        "reworded": share(reworded, len(rows)),
        "copied_4_grams": round(sum(one["copied_percent"] for one in rows) / max(1, len(rows)), 1),
        "against_the_lead": {**better, "equal_texts": key["equal_to_lead"], "kappa": kappa(*pairs)},
        "marks": rows,
    }


@app.command("sample")
def sample_command(
    data: Annotated[Path, typer.Option(exists=True, file_okay=False, help="Folder of the data sets.")],
    work: WorkDir,
    count: Annotated[int, typer.Option("--articles", min=2, help="Number of articles.")] = 60,
) -> None:
    """Summarise articles, and write the files for the readers."""

    async def measure() -> list[dict[str, Any]]:
        async with Checkout.here().server() as server:
            return await summarised(server, data, count)

    write_sample(asyncio.run(measure()), work)
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
