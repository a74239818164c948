"""Tests of the scores, tables and records of the benchmarks."""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks import ablation, bleu, choices, invariance, quality, record, tables, texts
from service.registry.manifest import Decoding, Thorough
from service.results import Translation
from tests.pipeline.rig import manifest as manifest_of

RESULT = {"wmt20": {"ours": {"bleu": 3.1, "bleu_pm": 0.2, "chrf": 20.0, "chrf_pm": 0.3}, "theirs": {"bleu": 40.0}}}


def test_figure_has_its_interval() -> None:
    lines = tables.translation(RESULT).splitlines()
    assert lines[2:] == ["| ours | 3.1 ± 0.2 | 20.0 ± 0.3 |", "| theirs | 40.0 | – |"]


def test_table_is_written_between_markers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "ROOT", tmp_path)
    monkeypatch.setattr(tables, "PLACES", {"speed": (Path("README.md"),)})
    page = tmp_path / "README.md"
    page.write_text("a\n<!-- scores:speed -->\nold\n<!-- /scores -->\nb\n", "utf-8")
    assert list(tables.rewrite({"speed": "new \\1"})) == [Path("README.md")]
    assert page.read_text("utf-8") == "a\n<!-- scores:speed -->\nnew \\1\n<!-- /scores -->\nb\n"


def test_page_without_markers_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "ROOT", tmp_path)
    monkeypatch.setattr(tables, "PLACES", {"speed": (Path("README.md"),)})
    (tmp_path / "README.md").write_text("no place", "utf-8")
    with pytest.raises(SystemExit, match="0 places"):
        list(tables.rewrite({"speed": "new"}))


LINES = [
    f"Line {word} says that the {word} train to {place} is late ." for word in ("old", "new") for place in "abcdef"
]


def test_loss_is_the_difference_of_the_scores() -> None:
    assert bleu.loss(LINES, LINES, LINES) == {"bleu": 0.0, "pm": 0.0, "same": 100.0}
    worse = [line.replace("train", "ship") if "old" in line else line for line in LINES]
    found = bleu.loss(worse, LINES, LINES)
    assert found["bleu"] == pytest.approx(100 - bleu.scores(worse, LINES)["bleu"], abs=0.05)
    assert found["same"] == 50.0
    assert 0 < found["pm"] < found["bleu"]
    assert bleu.loss(LINES, worse, LINES)["bleu"] == -found["bleu"]
    assert bleu.gain(LINES, worse, LINES)["bleu"] == found["bleu"]


def test_caseless_scores_ignore_capitals() -> None:
    shouted = [line.upper() for line in LINES]
    assert bleu.gain(LINES, shouted, LINES)["chrf"] > 0
    assert bleu.gain(LINES, shouted, LINES, caseless=True) == {"bleu": 0, "bleu_pm": 0, "chrf": 0, "chrf_pm": 0}
    assert bleu.scores(shouted, LINES, caseless=True)["chrf"] == 100


SOURCE = "Die Stadt Jena baut für 12 Millionen Euro ein Hallenbad, das im Mai öffnet."


def test_copied_is_a_share_of_4_grams() -> None:
    assert texts.copied_percent(SOURCE, SOURCE) == 100.0
    assert texts.copied_percent("Ein Hallenbad baut Jena.", SOURCE) == 0.0
    assert 0 < texts.copied_percent("Die Stadt Jena baut ein Hallenbad.", SOURCE) < 100


def test_summary_table_has_a_cell_for_each_column() -> None:
    rouge = {name: {"mean": 1.0, "pm": 0.1} for name in ("rouge1", "rouge2", "rougeL")}
    counts = {"articles": 148, "needs_review": 2}
    row = rouge | counts | {"verbatim_sentences": 70.0, "copied_4_grams": {"mean": 90.0, "pm": 1.0}, "mean_words": 41.0}
    head, _, line = tables.summary({"abstractive": row}).splitlines()
    assert head.count("|") == line.count("|")
    assert line.endswith("| 90.0 ± 1.0 % | 2 of 148 |")


def test_sizes_are_per_format_and_total(tmp_path: Path) -> None:
    for name in ("ct2-int8/model.bin", "float16/model.safetensors"):
        (tmp_path / "starter" / name).parent.mkdir(parents=True)
        (tmp_path / "starter" / name).write_bytes(bytes(1 << 20))
    (tmp_path / "starter" / "README.md").write_bytes(bytes(1 << 19))
    assert [line.split()[-2] for line in tables.sizes(tmp_path).splitlines()[2:]] == ["1.0", "1.0", "2.5"]


def trained(folder: Path, losses: dict[int, float], held: int = 7) -> Path:
    """Write the output of a training run to ``folder``: a log with one held-out set, and its items.

    ``losses`` maps a number of steps to the loss on the held-out set. ``held`` is the only token id in this set.
    """
    folder.mkdir()
    lines = [{"steps": steps, "items": 9 * steps, "held": {"news": loss}} for steps, loss in losses.items()]
    (folder / "log.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines), "utf-8")
    arrays: dict[str, Any] = {"news/ids": np.array([len(losses)]), "news held/ids": np.array([held])}
    np.savez(folder / "items.npz", **arrays)
    return folder


def test_ablation_compares_at_common_updates(tmp_path: Path) -> None:
    works = {"with": trained(tmp_path / "a", {5: 6.5, 10: 6.0}), "without": trained(tmp_path / "b", {5: 6.7, 9: 6.4})}
    assert ablation.compared(works) == {
        "with": {"items": 90, "held": {"5": {"news": 6.5}}},
        "without": {"items": 81, "held": {"5": {"news": 6.7}}},
    }


def test_different_held_back_items_are_refused(tmp_path: Path) -> None:
    works = {"a": trained(tmp_path / "a", {5: 6.5}), "b": trained(tmp_path / "b", {5: 6.7}, held=8)}
    with pytest.raises(ValueError, match="b and a hold back different items"):
        ablation.compared(works)


def test_record_has_machine_command_and_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record, "RESULTS", tmp_path)
    monkeypatch.setattr(sys, "argv", [str(record.ROOT / "benchmarks" / "load" / "__main__.py"), "--data", "/a/b"])
    found = json.loads(record.write("load", {"rate": 1}).read_text("utf-8"))
    assert found["command"] == "python -m benchmarks.load --data DIR"
    assert (found["rate"], bool(found["machine"])) == (1, True)
    assert found["commit"] != "none"
    assert record.commit(tmp_path) == "none"


def test_each_way_of_choosing_changes_one_part() -> None:
    thorough = Thorough(beam_size=4, hypotheses=3, below_score=-0.4, backward_weight=0.5)
    manifest = manifest_of("translation", max_source_tokens=128, hypotheses=1)
    made = choices.ways(manifest.model_copy(update={"thorough": thorough}))
    assert {
        name: one.thorough and (one.thorough.below_score, one.thorough.backward_weight) for name, one in made.items()
    } == {
        "greedy": None,
        "beam": None,
        "chosen, all": (choices.ALWAYS, 0.0),
        "chosen, doubtful": (-0.4, 0.0),
        "chosen, backward": (-0.4, 0.5),
    }
    assert {name: (one.decoding.beam_size, one.decoding.hypotheses) for name, one in made.items()} == {
        name: (4, 1) if name == "beam" else (1, 1) for name in made
    }


def test_ways_of_a_model_without_a_thorough_search_use_its_beam() -> None:
    decoding = Decoding(beam_size=5, hypotheses=2)
    manifest = manifest_of("translation", max_source_tokens=128, hypotheses=1).model_copy(update={"decoding": decoding})
    made = choices.ways(manifest)
    assert {name: one.decoding.beam_size for name, one in made.items()} == {
        name: 5 if name == "beam" else 1 for name in made
    }
    doubtful = made["chosen, doubtful"].thorough
    assert doubtful is not None
    assert (doubtful.beam_size, doubtful.hypotheses, doubtful.below_score) == (5, 5, choices.BELOW_SCORE)


def test_table_of_choices_has_a_cell_for_each_column() -> None:
    made, greedy = (
        choices.Made([Translation(text, (), (), truncated=False, cached=0, of=1) for text in texts], 12.5, 3.0)
        for texts in (LINES, [line.upper() for line in LINES])
    )
    row = choices.row(made, greedy, LINES)
    assert (row["changed"], row["searched_again"], row["needs_review"]) == (100.0, 12.5, 0.0)
    assert row["bleu_gain"] > 0
    head, _, line = choices.table({"beam": row}).splitlines()
    assert head.count("|") == line.count("|")


class _Echo:
    """A server whose translation of a text is the text in upper case, on two lines. ``asked`` lists the texts."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def post(self, _path: str, body: dict[str, Any], _headers: dict[str, str]) -> dict[str, Any]:
        self.asked += body["text"]
        return {"translations": [{"text": f"{text.upper()}\n."} for text in body["text"]]}


async def test_an_interrupted_run_continues_after_the_kept_translations(tmp_path: Path) -> None:
    server: Any = _Echo()
    sources = [f"satz {n}" for n in range(70)]
    wanted = [f"SATZ {n} ." for n in range(70)]
    assert await texts.kept_translations(server, sources[:40], tmp_path / "a.en") == wanted[:40]
    assert await texts.kept_translations(server, sources, tmp_path / "a.en") == wanted
    assert await texts.kept_translations(server, sources[:5], tmp_path / "a.en") == wanted[:5]
    assert server.asked == sources


def test_worst_outputs_are_those_least_like_the_reference(tmp_path: Path) -> None:
    (tmp_path / "flores-dev.de").write_text("Eins|a.\nZwei.\nDrei.\n", "utf-8")
    (tmp_path / "flores-dev.en").write_text("One sentence.\nTwo sentences.\nThree sentences.\n", "utf-8")
    rows = quality.worst_outputs({"flores-dev": ["Xyz.", "Two sentences.", "Three."]}, tmp_path)
    assert [row["line"] for row in rows] == [1, 3, 2]
    assert tables.worst(rows[:1]).splitlines()[2:] == [f"| 1 | {rows[0]['chrf']} | Eins\\|a. | Xyz. |"]


def test_outputs_are_compared_with_float32_on_the_lines_that_both_have(tmp_path: Path) -> None:
    (tmp_path / "wmt20.en").write_text("The cat sat on the mat today.\nA dog ran over the hill.\nNo.\n", "utf-8")
    made = {"wmt20": ["The cat sat on the mat today.", "A dog ran over a hill.", "Yes."]}
    reference = {"wmt20": ["The cat sat on the mat today.", "A dog ran over the hill."]}
    (row,) = quality.score_quantisation(made, reference, tmp_path).values()
    assert (row["lines"], row["same"]) == (2, 50.0)
    assert row["bleu"] > 0


def test_comparison_lists_the_lines_with_two_translations() -> None:
    found = invariance.compare(["Eins.", "Zwei."], ["One.", "Two."], ["One.", "Both."])
    assert (found["lines"], found["different"]) == (2, 1)
    assert found["differences"] == [{"source": "Zwei.", "alone": "Two.", "together": "Both."}]
