"""Tests of the repository's tools: plain-English check, release notes, links of the documentation site, workflows."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

import service
from tools import docs_site, prose, release

ROOT = Path(__file__).parent.parent
CHANGELOG = (ROOT / "CHANGELOG.md").read_text("utf-8")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("comment.py", "x = 1  # whatever it is\n"),
        ("docstring.py", 'def f() -> None:\n    """Nobody calls it."""\n'),
        ("page.md", "# Title\n\nThe value lies in the file.\n"),
        ("0021-new.md", "# 21. New\n\n## Context\n\nIt stands here.\n"),
        ("settings.yaml", "a: 1 # anew\n"),
    ],
)
def test_banned_words_are_found(tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, text: str) -> None:
    (tmp_path / name).write_text(text, "utf-8")
    assert prose.main([str(tmp_path)]) == 1
    assert name in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("code.py", "whatever = 'nobody'\n"),
        ("page.md", "Run `beside`.\n\n```sh\nanew\n```\n\n<!-- prose: off -->\nbeside\n<!-- prose: on -->\n"),
        ("0001-old.md", "# 1. Old\n\n## Context\n\nIt stands here.\n"),
    ],
)
def test_code_and_old_decisions_are_not_read(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text, "utf-8")
    assert prose.main([str(tmp_path)]) == 0


def test_line_of_a_banned_word_is_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "page.md").write_text("```\na\nb\n```\n\nIt is good.\nIt goes on.\n", "utf-8")
    prose.main([str(tmp_path)])
    assert ":7: goes on" in capsys.readouterr().out


def test_release_notes_are_one_section() -> None:
    notes = release.notes(f"v{service.__version__}", service.__version__, CHANGELOG)
    assert notes.startswith("### ")
    assert "\n## " not in notes


def test_release_of_another_tag_is_refused() -> None:
    with pytest.raises(ValueError, match="does not match version"):
        release.notes("v9.9.9", service.__version__, CHANGELOG)


def test_release_without_a_date_is_refused() -> None:
    with pytest.raises(ValueError, match="has no section"):
        release.notes("v1.0.0", "1.0.0", "## [1.0.0]\n\n- New.\n")


@pytest.mark.parametrize(
    ("link", "here", "origin", "expected"),
    [
        ("[a](../README.md)", "index.md", "docs/index.md", "[a](https://host/blob/main/README.md)"),
        ("[a](trust.md#codes)", "index.md", "docs/index.md", "[a](trust.md#codes)"),
        ("[a](docs/trust.md)", "contributing/index.md", "CONTRIBUTING.md", "[a](../trust.md)"),
        ("[a](../CHANGELOG.md)", "index.md", "docs/index.md", "[a](changelog.md)"),
        ("[a](../settings.md)", "adr/0001.md", "docs/adr/0001.md", "[a](../settings.md)"),
    ],
)
def test_links_of_the_site(link: str, here: str, origin: str, expected: str) -> None:
    rewritten = docs_site.LINK.sub(lambda one: docs_site.rewritten(one, here, origin, "https://host"), link)
    assert rewritten == expected


def test_links_without_a_repository_become_paths() -> None:
    link = docs_site.LINK.match("[the rules](../Makefile)")
    assert link is not None
    assert docs_site.rewritten(link, "index.md", "docs/index.md", "") == "the rules (`Makefile`)"


def steps(path: Path) -> list[dict[str, Any]]:
    workflow = yaml.safe_load(path.read_text("utf-8"))
    return [step for job in workflow["jobs"].values() for step in job["steps"]]


COMMAND = re.compile(r"""make (?:--silent )?([a-z-]+)(?: ARGS='[^']*')?(?: >> "\$GITHUB_OUTPUT")?""")
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_workflows_run_targets_of_make(path: Path) -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    commands = [step["run"] for step in steps(path) if "run" in step]
    assert commands
    for command in commands:
        found = COMMAND.fullmatch(command)
        assert found, command
        assert f"\n{found[1]}:" in makefile


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_actions_are_pinned_by_commit(path: Path) -> None:
    uses = [step["uses"] for step in steps(path) if "uses" in step]
    assert uses
    assert [one for one in uses if not re.fullmatch(r"[\w.-]+/[\w.-]+@[0-9a-f]{40}", one)] == []
