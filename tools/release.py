"""Extract release notes from CHANGELOG.md: ``release.py vX.Y.Z`` prints the section of version X.Y.Z.

The program exits with an error message if the tag does not match the version of the service, or if the section has no
date.
"""

import re
import sys
from pathlib import Path

import service

CHANGELOG = Path(__file__).parent.parent / "CHANGELOG.md"


def notes(tag: str, version: str, changelog: str) -> str:
    """Return the section of ``changelog`` for this version, without its heading.

    Raises:
        ValueError: the tag is not ``v`` followed by the version, or the changelog has no dated section for the version.
    """
    if tag != f"v{version}":
        raise ValueError(f"tag {tag!r} does not match version {version}: expected v{version}")
    heading = rf"^## \[{re.escape(version)}\] - \d{{4}}-\d\d-\d\d\n"
    section = re.search(heading + r"(.*?)(?=^## |\Z)", changelog, re.DOTALL | re.MULTILINE)
    if section is None:
        raise ValueError(f"CHANGELOG.md has no section '## [{version}] - YYYY-MM-DD'")
    return section[1].strip() + "\n"


if __name__ == "__main__":
    try:
        sys.stdout.write(notes(sys.argv[1], service.__version__, CHANGELOG.read_text("utf-8")))
    except ValueError as error:
        sys.exit(str(error))
