"""The regression inputs, which once made a target fail. Each target has a folder with one file for each input."""

from pathlib import Path

FOLDER = Path(__file__).parent / "regressions"


def regressions(target: str) -> list[Path]:
    """Return the files of a target in a fixed order."""
    return sorted((FOLDER / target).glob("*"))
