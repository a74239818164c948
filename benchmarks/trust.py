"""The trust checks on good translations with planted errors: how many are found, how many good pairs are flagged.

Usage: python -m benchmarks.trust --data DIR [--development] [--record]

The rules, word lists and thresholds of ``service/trust`` were written and tuned on newstest-2008-2018 and tatoeba (word
lists also on debian-web and xquad). The table is made on wmt19, wmt20 and flores-dev, whose sentences none of these
has; no sentence of them was looked at. After a first run of the table two kinds of doubt became notes instead of
reviews, by what newstest-ende-2020-2022 and pud showed: lone opening words, and quotations of one or two words.
``--development`` runs on the tuning data instead.
"""

import lzma
import random
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from math import sqrt
from pathlib import Path
from typing import Annotated, Any

import typer

from benchmarks import record
from benchmarks.planted import MONTHS, NAME, PLANTS, Case
from service.trust.findings import Code, Finding, needs_review
from service.trust.translation import check_sentence

SETS = ("wmt19", "wmt20", "flores-dev")
DEVELOPMENT_PAIRS = 3_000
SEED = 20_240_501
MOST_CASES = 1_000
CODES: Mapping[str, frozenset[Code]] = {
    "numbers": frozenset({Code.NUMBER_UNSUPPORTED, Code.NUMBER_MISSING, Code.MAGNITUDE_CHANGED}),
    "dates": frozenset({Code.DATE_UNSUPPORTED, Code.DATE_MISSING}),
    "units": frozenset({Code.UNIT_CHANGED}),
    "names": frozenset({Code.NAME_UNSUPPORTED, Code.NAME_MISSING}),
    "names left out": frozenset({Code.NAME_MISSING}),
    "quotations": frozenset({Code.QUOTATION_MISSING, Code.QUOTATION_ADDED, Code.QUOTATION_EMPTY}),
    "negation": frozenset({Code.NEGATION_LOST, Code.NEGATION_ADDED}),
    "repetition": frozenset({Code.REPETITION}),
    "length": frozenset({Code.OUTPUT_TOO_SHORT, Code.OUTPUT_TOO_LONG}),
    "untranslated": frozenset({Code.UNTRANSLATED}),
}
# A year or a day by itself is a number to the checks, and "8 p.m." may lose its hour as one.
ANSWERS = {**CODES, "numbers": CODES["numbers"] | CODES["dates"], "dates": CODES["numbers"] | CODES["dates"]}


def read(data: Path) -> list[tuple[str, str]]:
    """The sentence pairs of the table: German source, English reference."""
    return [
        pair
        for name in SETS
        for pair in zip(
            (data / "eval" / f"{name}.de").read_text("utf-8").splitlines(),
            (data / "eval" / f"{name}.en").read_text("utf-8").splitlines(),
            strict=True,
        )
    ]


def read_development(data: Path) -> list[tuple[str, str]]:
    """Sentence pairs that the rules were tuned on."""
    with lzma.open(data / "parallel" / "newstest-2008-2018.tsv.xz", "rt", encoding="utf-8") as lines:
        rows = [tuple(line.rstrip("\n").split("\t")[:2]) for line in lines]
    random.Random(SEED).shuffle(rows)
    return [(german, english) for german, english in rows[:DEVELOPMENT_PAIRS]]


def wilson(found: int, of: int, z: float = 1.96) -> list[float]:
    """The 95 % interval of a share, in per cent (Wilson, 1927)."""
    if not of:
        return [0.0, 100.0]
    share, spread = found / of, z * z / of
    middle = (share + spread / 2) / (1 + spread)
    half = z / (1 + spread) * sqrt(share * (1 - share) / of + spread / (4 * of))
    return [round(100 * (middle - half), 1), round(100 * (middle + half), 1)]


def share(found: int, of: int) -> dict[str, Any]:
    """A share in per cent with its interval."""
    return {"percent": round(100 * found / max(1, of), 1), "interval": wilson(found, of), "found": found, "of": of}


def cases(pairs: Sequence[tuple[str, str]]) -> Iterator[Case]:
    """Every pair with the next one's translation and the names of all: words that no English text has in lower case."""
    common = {word for _, english in pairs for word in re.findall(r"\b[a-z]+\b", english)}
    both = {match.group() for german, english in pairs for match in NAME.finditer(english) if match.group() in german}
    names = sorted(name for name in both - {*MONTHS} if name.lower() not in common)
    for number, (german, english) in enumerate(pairs):
        yield Case(german, english, pairs[(number + 1) % len(pairs)][1], names)


def clean(pairs: Sequence[tuple[str, str]]) -> tuple[dict[str, Any], list[list[Finding]]]:
    """The false alarms on the pairs as they are, and their findings."""
    start = time.process_time()
    found = [check_sentence(german, english) for german, english in pairs]
    elapsed_s = time.process_time() - start
    table: dict[str, Any] = {
        kind: _found([[f for f in one if f.code in codes] for one in found]) for kind, codes in CODES.items()
    }
    table["any"] = share(sum(bool(one) for one in found), len(found))
    table["needs review"] = share(sum(needs_review(one) for one in found), len(found))
    table["microseconds_a_pair"] = round(1e6 * elapsed_s / len(pairs))
    return table, found


def recall(all_cases: Sequence[Case], findings: Sequence[Sequence[Finding]]) -> dict[str, Any]:
    """Planted errors found, by kind and by error.

    An error is planted only where the good pair raises no doubt of its kind, so that none is found by chance.
    """
    table: dict[str, Any] = {}
    for kind, plants in PLANTS.items():
        rows: dict[str, list[list[Finding]]] = {}
        for error, plant in plants.items():
            rng = random.Random(f"{SEED} {kind} {error}")
            results = []
            for case, before in zip(all_cases, findings, strict=True):
                output = None if any(f.code in ANSWERS[kind] for f in before) else plant(case, rng)
                if output is not None and output != case.output:
                    results.append((case.source, output))
            rng.shuffle(results)
            checked = (check_sentence(*result) for result in results[:MOST_CASES])
            rows[error] = [[f for f in one if f.code in ANSWERS[kind]] for one in checked]
        table[kind] = {
            "all": _found(list(chain(*rows.values()))),
            **{error: _found(row) for error, row in rows.items()},
        }
    return table


def _flagged(alarms: Mapping[str, Any]) -> str:
    low, high = alarms["interval"]
    return f"| {alarms['percent']} % | {low}–{high} | {alarms['for_review']['percent']} % |"


def _found(findings: Sequence[Sequence[Finding]]) -> dict[str, Any]:
    """How many have a finding at all, and how many one for review."""
    of = len(findings)
    return share(sum(map(bool, findings)), of) | {"for_review": share(sum(map(needs_review, findings)), of)}


def rendered(result: Mapping[str, Any]) -> str:
    """The table for people."""
    lines = [
        "| kind | error | found | 95 % | for review | of | good pairs flagged | 95 % | for review |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for kind, rows in result["recall"].items():
        for error, row in rows.items():
            alarms = result["false_alarms"][kind] if error == "all" else None
            low, high = row["interval"]
            flagged = "| | |" if alarms is None else _flagged(alarms)
            found = f"{row['percent']} % | {low}–{high} | {row['for_review']['percent']} % | {row['of']}"
            lines.append(f"| {kind} | {error} | {found} {flagged}")
    for name in ("any", "needs review"):
        row = result["false_alarms"][name]
        lines.append(f"| {name} | | | | | | {row['percent']} % | {row['interval'][0]}–{row['interval'][1]} | |")
    return "\n".join(lines)


def main(
    data: Annotated[Path, typer.Option(exists=True, file_okay=False, help="Folder of the data sets.")],
    *,
    development: Annotated[bool, typer.Option(help="Use the data that the rules were tuned on.")] = False,
    save: Annotated[bool, typer.Option("--record", help="Write results/trust.json.")] = False,
) -> None:
    """Measure, print the table, and record it on demand."""
    pairs = read_development(data) if development else read(data)
    alarms, findings = clean(pairs)
    result = {
        "tuned_on": ["newstest-2008-2018", "tatoeba", "newstest-ende-2020-2022", "pud"],
        "measured_on": ["newstest-2008-2018"] if development else list(SETS),
        "pairs": len(pairs),
        "false_alarms": alarms,
        "recall": recall(list(cases(pairs)), findings),
    }
    print(rendered(result))
    print(f"{alarms['microseconds_a_pair']} µs of processor time a pair")
    if save and not development:
        print(record.write("trust", result))


if __name__ == "__main__":
    typer.run(main)
