"""The benchmark programs: tables are written between their markers, and nowhere else."""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks import ablation, bleu, doubts, loops, record, tables

RESULT = {"wmt20": {"ours": {"bleu": 3.1, "bleu_pm": 0.2, "chrf": 20.0, "chrf_pm": 0.3}, "theirs": {"bleu": 40.0}}}


def test_a_figure_carries_its_interval_and_a_missing_one_a_dash() -> None:
    lines = tables.translation(RESULT).splitlines()
    assert lines[2:] == ["| ours | 3.1 ± 0.2 | 20.0 ± 0.3 |", "| theirs | 40.0 | – |"]


def test_a_table_replaces_what_stands_between_its_markers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "ROOT", tmp_path)
    monkeypatch.setattr(tables, "PLACES", {"speed": (Path("README.md"),)})
    page = tmp_path / "README.md"
    page.write_text("a\n<!-- scores:speed -->\nold\n<!-- /scores -->\nb\n", "utf-8")
    assert list(tables.rewrite({"speed": "new \\1"})) == [Path("README.md")]
    assert page.read_text("utf-8") == "a\n<!-- scores:speed -->\nnew \\1\n<!-- /scores -->\nb\n"


def test_a_page_without_markers_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "ROOT", tmp_path)
    monkeypatch.setattr(tables, "PLACES", {"speed": (Path("README.md"),)})
    (tmp_path / "README.md").write_text("no place", "utf-8")
    with pytest.raises(SystemExit, match="0 places"):
        list(tables.rewrite({"speed": "new"}))


@pytest.mark.parametrize("name", tables.PLACES)
def test_every_table_has_its_place_in_the_pages(name: str) -> None:
    for path in tables.PLACES[name]:
        assert (tables.ROOT / path).read_text("utf-8").count(f"<!-- scores:{name} -->") == 1


def test_the_page_of_production_and_readme_have_the_recorded_figures() -> None:
    recorded = json.loads((tables.ROOT / "benchmarks/results/production.json").read_text("utf-8"))
    page = (tables.ROOT / "docs/production.md").read_text("utf-8")
    assert f"<!-- scores:production -->\n{tables.production(recorded)}\n<!-- /scores -->" in page
    faster = recorded["translation"]["times_faster_than"]["float32"]
    assert f"is {faster['wall'][0]} times as fast by the clock and {faster['processor'][0]} times" in page
    assert f"is {faster['wall'][0]} times as fast" in (tables.ROOT / "README.md").read_text("utf-8")


LINES = [
    f"Line {word} says that the {word} train to {place} is late ." for word in ("old", "new") for place in "abcdef"
]


def test_equal_outputs_lose_nothing_and_worse_ones_lose_what_their_scores_differ_by() -> None:
    assert bleu.loss(LINES, LINES, LINES) == {"bleu": 0.0, "pm": 0.0, "same": 100.0}
    worse = [line.replace("train", "ship") if "old" in line else line for line in LINES]
    found = bleu.loss(worse, LINES, LINES)
    assert found["bleu"] == pytest.approx(100 - bleu.scores(worse, LINES)["bleu"], abs=0.05)
    assert found["same"] == 50.0
    assert 0 < found["pm"] < found["bleu"]
    assert bleu.loss(LINES, worse, LINES)["bleu"] == -found["bleu"]
    assert bleu.gain(LINES, worse, LINES)["bleu"] == found["bleu"]


def test_capitals_cost_nothing_where_scores_are_caseless() -> None:
    shouted = [line.upper() for line in LINES]
    assert bleu.gain(LINES, shouted, LINES)["chrf"] > 0
    assert bleu.gain(LINES, shouted, LINES, caseless=True) == {"bleu": 0, "bleu_pm": 0, "chrf": 0, "chrf_pm": 0}
    assert bleu.scores(shouted, LINES, caseless=True)["chrf"] == 100


SOURCE = "Die Stadt Jena baut für 12 Millionen Euro ein Hallenbad, das im Mai öffnet."


def test_what_a_source_lacks_is_counted_and_numbers_and_names_apart() -> None:
    words = doubts.unsupported_words(["Die Stadt Gera baut schnell ein Hallenbad für 13 Millionen Euro."], SOURCE)
    assert words == ["Gera", "schnell", "13"]
    assert doubts.facts(words) == ["Gera", "13"]
    assert doubts.unsupported_words([SOURCE], SOURCE) == []


def test_copying_is_a_share_of_word_sequences() -> None:
    assert doubts.copied([SOURCE], SOURCE) == 100.0
    assert doubts.copied(["Ein Hallenbad baut Jena."], SOURCE) == 0.0
    assert 0 < doubts.copied(["Die Stadt Jena baut ein Hallenbad."], SOURCE) < 100


def test_the_table_of_summaries_has_a_cell_for_each_column() -> None:
    rouge = {name: {"mean": 1.0, "pm": 0.1} for name in ("rouge1", "rouge2", "rougeL")}
    counts = {"articles": 148, "articles_with_unsupported": 2, "articles_with_unsupported_facts": 1}
    row = rouge | counts | {"verbatim_sentences": 70.0, "copied_4_grams": {"mean": 90.0, "pm": 1.0}, "mean_words": 41.0}
    head, _, line = tables.summary({"abstractive": row}).splitlines()
    assert head.count("|") == line.count("|")
    assert line.endswith("| 90.0 ± 1.0 % | 2 of 148 | 1 of 148 |")


def test_sizes_are_of_files_by_format_and_together(tmp_path: Path) -> None:
    for name in ("ct2-int8/model.bin", "float16/model.safetensors"):
        (tmp_path / "starter" / name).parent.mkdir(parents=True)
        (tmp_path / "starter" / name).write_bytes(bytes(1 << 20))
    (tmp_path / "starter" / "README.md").write_bytes(bytes(1 << 19))
    assert [line.split()[-2] for line in tables.sizes(tmp_path).splitlines()[2:]] == ["1.0", "1.0", "2.5"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("The man, the man said.", "the man the man"),
        ("No no no!", "no no no"),
        ("He had had enough, very very much.", None),
        ("The old town and the new town and the river.", None),
        (f"{'a b c d e f g h i j k l ' * 2}m", "a b c d e f g h i j k l a b c d e f g h i j k l"),
        ("He left the police. The police said so, so so.", "so so so"),
        ("He left the police. The police said so.", None),
        ("", None),
    ],
)
def test_a_loop_is_a_phrase_that_follows_itself(text: str, found: str | None) -> None:
    assert loops.loop(text) == found


def test_a_loop_of_the_source_is_not_counted_against_the_output() -> None:
    pairs = [
        ("Er sagt: nie, nie, nie.", "He says never, never, never."),
        ("Er geht.", "He goes he goes."),
        ("Ja.", " "),
    ]
    counted = loops.counted(pairs)
    assert (counted["outputs"], counted["loops"], counted["empty"]) == (3, 1, 1)


def trained(folder: Path, losses: dict[int, float], held: int = 7) -> Path:
    """What a training left: a log of one held-back set, and its items."""
    folder.mkdir()
    lines = [{"steps": steps, "items": 9 * steps, "held": {"news": loss}} for steps, loss in losses.items()]
    (folder / "log.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines), "utf-8")
    arrays: dict[str, Any] = {"news/ids": np.array([len(losses)]), "news held/ids": np.array([held])}
    np.savez(folder / "items.npz", **arrays)
    return folder


def test_an_ablation_compares_at_updates_that_all_trainings_reached(tmp_path: Path) -> None:
    works = {"with": trained(tmp_path / "a", {5: 6.5, 10: 6.0}), "without": trained(tmp_path / "b", {5: 6.7, 9: 6.4})}
    assert ablation.compared(works) == {
        "with": {"items": 90, "held": {"5": {"news": 6.5}}},
        "without": {"items": 81, "held": {"5": {"news": 6.7}}},
    }


def test_losses_on_different_held_back_items_are_not_compared(tmp_path: Path) -> None:
    works = {"a": trained(tmp_path / "a", {5: 6.5}), "b": trained(tmp_path / "b", {5: 6.7}, held=8)}
    with pytest.raises(ValueError, match="held-back items of b are not those of a"):
        ablation.compared(works)


def test_a_part_of_a_record_is_written_and_the_others_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record, "RESULTS", tmp_path)
    monkeypatch.setattr(sys, "argv", [str(record.ROOT / "benchmarks" / "ablation.py")])
    for part, loss in (("a", 1), ("b", 2), ("a", 3)):
        path = record.write_part("ablation", part, {"loss": loss})
    found = json.loads(path.read_text("utf-8"))
    assert {part: row["loss"] for part, row in found.items()} == {"a": 3, "b": 2}
    assert all(row["commit"] for row in found.values())
