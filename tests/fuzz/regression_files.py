"""The regression inputs, that is, inputs on which a target once failed.

Each target has a folder with one file for each input.
"""

from pathlib import Path

FOLDER = Path(__file__).parent / "regressions"


def regressions(target: str) -> list[Path]:
    """Return the files with the regression inputs of ``target``, sorted by name."""
    return sorted((FOLDER / target).glob("*"))
