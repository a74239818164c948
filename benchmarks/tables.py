"""Tables for the README and the model cards, generated from recorded results and written between markers."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks.figures import Spread

ROOT = Path(__file__).parent.parent
PLACES = {
    "translation": (Path("README.md"), Path("models/embedded/gemma-news/README.md")),
    "summary": (Path("README.md"),),
    "int8": (Path("models/embedded/gemma-news/README.md"),),
    "worst": (Path("models/embedded/gemma-news/README.md"),),
    "sizes": (Path("models/embedded/starter-de-en/README.md"),),
    "speed": (Path("README.md"),),
}
MIB = 1 << 20
SUMMARY_COLUMNS = (
    *("method", "ROUGE-1", "ROUGE-2", "ROUGE-L", "mean words", "verbatim sentences", "copied 4-grams"),
    "summaries for review",
)
SPEED_COLUMNS = ("torch", "ctranslate2", "ratio")


def quality(result: dict[str, Any]) -> dict[str, str]:
    """Return the tables for a recorded result of `benchmarks.quality`, by the names of their markers.

    If nothing was translated in float32, the table ``int8`` is left out.
    """
    compared = {"int8": int8(result["quantisation"])} if result["quantisation"] else {}
    return compared | {
        "translation": translation(result["translation"]),
        "worst": worst(result["worst"]),
        "summary": summary(result["summary"]),
        "sizes": sizes(ROOT / "models" / "embedded"),
    }


def translation(table: dict[str, Any]) -> str:
    """Return a table of BLEU and chrF by system and test set."""
    systems = list(next(iter(table.values())))
    head = "| system | " + " | ".join(f"{name} BLEU | {name} chrF" for name in table) + " |"
    lines = [head, "|---|" + "---|---|" * len(table)]
    for system in systems:
        cells = [_cell(table[name][system], metric) for name in table for metric in ("bleu", "chrf")]
        lines.append(f"| {system} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _cell(score: dict[str, Any], metric: str) -> str:
    if metric not in score:
        return "–"
    spread = f" ± {score[f'{metric}_pm']}" if f"{metric}_pm" in score else ""
    return f"{score[metric]}{spread}"


def worst(rows: Sequence[dict[str, Any]]) -> str:
    """Return a table of outputs with their sources, line numbers and chrF."""
    lines = ["| line | chrF | German | English |", "|---|---|---|---|"]
    cells = ((row["line"], row["chrf"], _escaped(row["source"]), _escaped(row["output"])) for row in rows)
    return "\n".join([*lines, *(f"| {line} | {chrf} | {source} | {output} |" for line, chrf, source, output in cells)])


def _escaped(text: str) -> str:
    return text.replace("|", "\\|")


def int8(table: dict[str, Any]) -> str:
    """Return a table that compares int8 with float32 on each test set.

    Its rows are the number of lines compared, the loss in BLEU, and the percentage of lines for which the two outputs
    are identical.
    """
    lines = ["| int8 against float32 | " + " | ".join(table) + " |", "|---|" + "---|" * len(table)]
    lines.append("| lines compared | " + " | ".join(str(row["lines"]) for row in table.values()) + " |")
    costs = (f"{row['bleu']:.2f} ± {row['pm']:.2f}" for row in table.values())
    lines.append("| loss in BLEU | " + " | ".join(costs) + " |")
    return "\n".join([*lines, "| identical lines | " + " | ".join(f"{row['same']} %" for row in table.values()) + " |"])


def sizes(embedded: Path) -> str:
    """Return a table of the size in MiB of each format of each model in the folder ``embedded``, with the total."""
    lines, total = ["| model | format | MiB |", "|---|---|---|"], 0
    for model in sorted(path for path in embedded.iterdir() if path.is_dir()):
        for part in sorted(path for path in model.iterdir() if path.is_dir()):
            size = sum(file.stat().st_size for file in part.rglob("*") if file.is_file())
            lines.append(f"| {model.name} | {part.name} | {size / MIB:.1f} |")
        total += sum(file.stat().st_size for file in model.rglob("*") if file.is_file())
    return "\n".join([*lines, f"| together, with vocabularies and cards | | {total / MIB:.1f} |"])


def summary(table: dict[str, Any]) -> str:
    """Return a table of ROUGE F by summarisation method.

    The table also contains the shares of copied text and the number of summaries that need review.
    """
    lines = [
        f"| {' | '.join(SUMMARY_COLUMNS)} |",
        "|---" * len(SUMMARY_COLUMNS) + "|",
    ]
    for method, row in table.items():
        rouge = " | ".join(f"{row[name]['mean']} ± {row[name]['pm']}" for name in ("rouge1", "rouge2", "rougeL"))
        copied = f"{row['copied_4_grams']['mean']} ± {row['copied_4_grams']['pm']} %"
        review = f"{row['needs_review']} of {row['articles']}"
        words = row["mean_words"]
        lines.append(f"| {method} | {rouge} | {words} | {row['verbatim_sentences']} % | {copied} | {review} |")
    return "\n".join(lines)


def speed(result: dict[str, Any]) -> str:
    """Return a table of the speed of the engines torch and CTranslate2, in sentences per second, by request size.

    A line below the table names the machine and the commit.
    """
    lines = ["| sentences per request | torch float32 | CTranslate2 int8 | ratio |", "|---|---|---|---|"]
    for row in result["table"]:
        cells = (str(Spread(**row[column])) for column in SPEED_COLUMNS)
        lines.append(f"| {row['batch']} | " + " | ".join(cells) + " |")
    where = f"{result['rounds']} rounds on {result['machine']}, commit {result['commit']}"
    return "\n".join([*lines, "", f"Sentences per second with one client: median (minimum to maximum) of {where}."])


def rewrite(made: dict[str, str]) -> Iterator[Path]:
    """Write each table in ``made`` between its markers, and yield the changed files.

    ``made`` maps the name of each table to the table. The markers of the table NAME are ``<!-- scores:NAME -->`` and
    ``<!-- /scores -->``.

    Raises:
        SystemExit: a file does not contain exactly one pair of markers for a table.
    """
    for name, table in made.items():
        for path in PLACES[name]:
            text = (ROOT / path).read_text("utf-8")
            marked = re.compile(rf"(<!-- scores:{name} -->\n).*?(<!-- /scores -->)", re.DOTALL)
            places = list(marked.finditer(text))
            if len(places) != 1:
                raise SystemExit(f"{path} contains {len(places)} places for the scores of {name}, not one")
            (place,) = places
            new = f"{text[: place.start()]}{place[1]}{table}\n{place[2]}{text[place.end() :]}"
            (ROOT / path).write_text(new, "utf-8")
            yield path
