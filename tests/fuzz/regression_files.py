"""The inputs that broke a target: one file each, by target."""

from pathlib import Path

FOLDER = Path(__file__).parent / "regressions"


def regressions(target: str) -> list[Path]:
    """The files of a target, in a fixed order."""
    return sorted((FOLDER / target).glob("*"))
