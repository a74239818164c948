"""The kept inputs of a target: a minimised corpus, and beside it regressions, which minimising does not touch.

The corpus is made anew by each search: small inputs come first, one that reaches nothing more than those before it
goes, and so do those that reach least where there are more than `MOST_FILES`. What once broke the target may well be
among them, and is kept as a regression.
"""

import hashlib
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import service
from tests.fuzz.target import Target, decoded

FOLDER = Path(__file__).parent / "corpus"
REGRESSIONS = Path(__file__).parent / "regressions"
MOST_FILES, MOST_BYTES = 200, 1 << 20
ROOMS = tuple(str(Path(service.__file__).parent / room) for room in ("text", "documents"))
Step = tuple[str, int, int]  # a file, and two of its lines that ran one after the other
Reached = set[tuple[Step, int]]  # steps, and in how many binary digits their number is written


def kept(target: str) -> list[Path]:
    """The files of a target's corpus, in a fixed order."""
    return sorted((FOLDER / target).glob("*"))


def regressions(target: str) -> list[Path]:
    """The files with inputs that broke the target once, in a fixed order."""
    return sorted((REGRESSIONS / target).glob("*"))


def minimised(target: Target, inputs: Iterable[bytes]) -> list[bytes]:
    """The inputs without those that reach nothing new after all smaller ones; where they are many, the most telling.

    Reached are steps from line to line, roughly counted; two inputs that take the same ones count as the same.
    """
    reached: Reached = set()
    gains: dict[bytes, int] = {}
    for data in sorted(set(inputs), key=lambda one: (len(one), one)):
        gained = _steps(target, decoded(data)) - reached
        if gained:
            reached |= gained
            gains[data] = len(gained)
    return sorted(gains, key=gains.__getitem__, reverse=True)[:MOST_FILES]


def write(target: Target, inputs: Iterable[bytes]) -> list[Path]:
    """Make ``inputs`` the target's corpus, each under its digest."""
    folder = FOLDER / target.name
    folder.mkdir(parents=True, exist_ok=True)
    for path in kept(target.name):
        path.unlink()
    for data in inputs:
        (folder / hashlib.sha256(data).hexdigest()[:16]).write_bytes(data)
    return kept(target.name)


def contents(folder: Path) -> Iterator[bytes]:
    """What the files of a folder hold."""
    return (path.read_bytes() for path in sorted(folder.glob("*")) if path.is_file())


def _steps(target: Target, text: str) -> Reached:
    """The steps from line to line that the service takes over a text, and roughly how often."""
    found: Counter[Step] = Counter()
    last: dict[FrameType, int] = {}

    def local(frame: FrameType, event: str, _: Any) -> Any:
        if event == "line":
            found[frame.f_code.co_filename, last.get(frame, 0), frame.f_lineno] += 1
            last[frame] = frame.f_lineno
        elif event == "return":
            last.pop(frame, None)
        return local

    def tracer(frame: FrameType, event: str, argument: Any) -> Any:
        return local(frame, event, argument) if frame.f_code.co_filename.startswith(ROOMS) else None

    before = sys.gettrace()
    sys.settrace(tracer)
    try:
        target.check(text)
    finally:
        sys.settrace(before)
    return {(step, count.bit_length()) for step, count in found.items()}
