"""The benchmark programs: tables are written between their markers, and nowhere else."""

from pathlib import Path

import pytest

from benchmarks import tables

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
