"""How large an image is, and what in it is large."""

from collections import Counter
from pathlib import Path


def content_bytes(root: Path) -> int:
    """Bytes of all files below ``root``, hard links counted once."""
    found = (path.lstat() for path in root.rglob("*") if path.is_symlink() or path.is_file())
    return sum({(state.st_dev, state.st_ino): state.st_size for state in found}.values())


def largest(folder: Path, count: int) -> list[tuple[str, int]]:
    """The entries of ``folder`` with the most bytes, the largest first."""
    sizes = Counter(
        {path.name: content_bytes(path) if path.is_dir() else path.lstat().st_size for path in folder.iterdir()}
    )
    return sizes.most_common(count)
