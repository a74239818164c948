"""The recipe as the readme tells it: every command, with options that it has, and every source's folder."""

import re
import shlex
from pathlib import Path

import pytest
import typer
from typer.core import TyperGroup

from models.train.__main__ import app

README = (Path(__file__).parent.parent.parent / "models" / "README.md").read_text("utf-8")
GROUP = typer.main.get_command(app)
LINES = [
    shlex.split(line, comments=True)[3:] for line in re.findall(r"^python -m models\.train .*", README, re.MULTILINE)
]


def test_every_command_is_shown() -> None:
    assert isinstance(GROUP, TyperGroup)
    assert {line[0] for line in LINES} == set(GROUP.commands)


@pytest.mark.parametrize("line", LINES, ids=" ".join)
def test_a_shown_command_can_be_parsed(line: list[str], tmp_path: Path) -> None:
    assert isinstance(GROUP, TyperGroup)
    arguments = [str(tmp_path) if argument in ("DATA", "WORK") else argument for argument in line[1:]]
    GROUP.commands[line[0]].make_context(line[0], arguments)
