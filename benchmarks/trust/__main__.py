"""Measure the recall and the false alarms of the trust checks, which look for errors in translations and summaries.

Usage: python -m benchmarks.trust --data DIR [--development] [--record]

``--development`` measures only translation checks, on the data on which the rules were tuned, and records nothing.
``--record`` writes the results to a file.
"""

from pathlib import Path
from typing import Annotated, Any

import typer

from benchmarks import record
from benchmarks.trust import summaries, translations
from benchmarks.trust.rendered import alarms, found_and_flagged, rows


def main(
    data: Annotated[Path, typer.Option(exists=True, file_okay=False, help="Folder of the data sets.")],
    *,
    development: Annotated[bool, typer.Option(help="Use the data that the rules were tuned on.")] = False,
    save: Annotated[bool, typer.Option("--record", help="Write results/trust.json.")] = False,
) -> None:
    """Measure and print the tables. With --record, also write them to benchmarks/results."""
    pairs = translations.read_development(data) if development else translations.read(data)
    flagged, findings = translations.clean(pairs)
    result: dict[str, Any] = {
        "tuned_on": list(translations.TUNED_ON),
        "measured_on": ["newstest-2008-2018"] if development else list(translations.SETS),
        "pairs": len(pairs),
        "false_alarms": flagged,
        "false_alarms_without_faulty_references": translations.without_faults(pairs, findings),
        "recall": translations.recall(list(translations.cases(pairs)), findings),
    }
    print(found_and_flagged(result["recall"], flagged))
    print(f"{flagged['microseconds_a_pair']} µs of processor time per pair")
    print(f"without faulty references: {result['false_alarms_without_faulty_references']}")
    if development:
        return
    result["references_for_review"] = translations.parts(pairs, findings)
    result["machines"] = translations.machines(data)
    result["summaries"] = summaries.measured(data)
    print(rows(result["references_for_review"]))
    print(alarms({"references": _tabled(flagged), **result["machines"]}))
    print(found_and_flagged(result["summaries"]["recall"], result["summaries"]["false_alarms"]))
    print(alarms({"verbatim": result["summaries"]["false_alarms"], "openings": result["summaries"]["openings"]}))
    if save:
        print(record.write("trust", result))


def _tabled(flagged: dict[str, Any]) -> dict[str, Any]:
    return {kind: row for kind, row in flagged.items() if isinstance(row, dict)}


if __name__ == "__main__":
    typer.run(main)
