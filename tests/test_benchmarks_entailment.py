"""Tests of the entailment benchmark: reading the test splits, and precision and recall at each threshold."""

import json
import lzma
from collections.abc import Sequence
from pathlib import Path

from benchmarks import entailment
from benchmarks.entailment import Pair
from service.generation.base import GivenOutput

PAIRS = [Pair("p", str(n), follows) for n, follows in enumerate([True, True, False, False])]


def test_only_the_test_split_is_read(tmp_path: Path) -> None:
    rows = [
        {"split": s, "premise": f"{s}{n}", "hypothesis": "h", "entailment": n == 0}
        for s in ("dev", "test")
        for n in (0, 1)
    ]
    (tmp_path / "guard").mkdir()
    with lzma.open(tmp_path / "guard" / "rte3-de.jsonl.xz", "wt", encoding="utf-8") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)
    found = entailment.test_pairs(tmp_path, "rte3-de", None)
    assert sorted(found, key=str) == [Pair("test0", "h", follows=True), Pair("test1", "h", follows=False)]
    assert len(entailment.test_pairs(tmp_path, "rte3-de", 1)) == 1


def test_precision_and_recall_at_a_threshold() -> None:
    found = entailment.row(PAIRS, [3.0, -1.0, 1.0, -2.0], 0.0)
    assert found["accepted"] == 2
    assert found["precision"]["percent"] == found["recall"]["percent"] == 50.0
    assert found["precision"]["least"] < 50 < found["precision"]["most"]
    assert entailment.row(PAIRS, [-3.0] * 4, 0.0)["precision"] is None


async def test_score_is_the_difference_of_yes_and_no() -> None:
    class Scorer:
        async def log_probs(self, outputs: Sequence[GivenOutput]) -> list[float]:
            return [-0.5 if one.output == "ja" else -2.0 - int(one.source[2]) for one in outputs]  # type: ignore[arg-type]

    assert await entailment.scores(Scorer(), PAIRS) == [1.5, 2.5, 3.5, 4.5]
