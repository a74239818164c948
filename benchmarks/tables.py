"""The tables of README and model cards, written between their markers from a recorded result."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
PLACES = {
    "translation": (Path("README.md"), Path("models/embedded/starter-de-en/README.md")),
    "summary": (Path("README.md"), Path("models/embedded/starter-sum-de/README.md")),
}


def translation(table: dict[str, Any]) -> str:
    """BLEU and chrF by system and test set."""
    systems = list(next(iter(table.values())))
    head = "| system | " + " | ".join(f"{name} BLEU | chrF" for name in table) + " |"
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


def summary(table: dict[str, Any]) -> str:
    """ROUGE F by method, with what editors fear."""
    lines = [
        "| method | ROUGE-1 | ROUGE-2 | ROUGE-L | sentences verbatim | summaries with an unsupported word | words |",
        "|---|---|---|---|---|---|---|",
    ]
    for method, row in table.items():
        rouge = " | ".join(f"{row[name]['mean']} ± {row[name]['pm']}" for name in ("rouge1", "rouge2", "rougeL"))
        doubts = f"{row['articles_with_unsupported']} of {row['articles']}"
        lines.append(f"| {method} | {rouge} | {row['verbatim_sentences']} % | {doubts} | {row['mean_words']} |")
    return "\n".join(lines)


def rewrite(result: dict[str, Any]) -> Iterator[Path]:
    """Put the tables between ``<!-- scores:NAME -->`` and ``<!-- /scores -->`` wherever they belong."""
    made = {"translation": translation(result["translation"]), "summary": summary(result["summary"])}
    for name, paths in PLACES.items():
        for path in paths:
            text = (ROOT / path).read_text("utf-8")
            marked = re.compile(rf"(<!-- scores:{name} -->\n).*?(<!-- /scores -->)", re.DOTALL)
            new, count = marked.subn(lambda m, name=name: f"{m[1]}{made[name]}\n{m[2]}", text)  # type: ignore[misc]
            if count != 1:
                raise SystemExit(f"{path} has {count} places for the scores of {name}, not one")
            (ROOT / path).write_text(new, "utf-8")
            yield path
