"""The inputs that have broken a target, one file for each, in one folder for each target."""

from pathlib import Path

FOLDER = Path(__file__).parent / "regressions"


def regressions(target: str) -> list[Path]:
    """Return the files of a target in a fixed order."""
    return sorted((FOLDER / target).glob("*"))
