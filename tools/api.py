"""Write the OpenAPI document, the reference and the table of codes in docs/api, or check that they are up to date.

``python -m tools.api`` writes the files. With ``--check``, it writes nothing, and exits with 1 if a file is out of
date. Without ``--breaking``, it also exits with 1 and writes nothing if a change breaks callers. Such a change needs an
entry under "Changed" in CHANGELOG.md.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from service.app import create_admin, create_app
from service.settings import Settings
from tools.api_changes import Change, compare
from tools.api_reference import code_page, reference

FOLDER = Path(__file__).parent.parent / "docs" / "api"
DOCUMENT = FOLDER / "openapi.json"


def current() -> dict[str, Any]:
    """Return the OpenAPI document of a service that translates from German into English and requires no API keys."""
    found: dict[str, Any] = create_app(settings()).openapi()
    return found


def settings() -> Settings:
    """Return the settings for which the stored documents are generated.

    Their explicit values override the environment.
    """
    return Settings(source_lang="de", target_lang="en", keys_file=None, metrics_port="main")


def encoded(document: dict[str, Any]) -> str:
    """Return ``document`` as JSON text in the form in which it is stored."""
    return json.dumps(document, ensure_ascii=False, indent=1) + "\n"


def changed(document: dict[str, Any]) -> list[Change]:
    """Return the changes from the stored document to ``document``. The list is empty if no document is stored."""
    return compare(json.loads(DOCUMENT.read_text("utf-8")), document) if DOCUMENT.exists() else []


def main(arguments: list[str]) -> int:
    """Write or check the files, and return the exit status. ``arguments`` contains the command-line arguments."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit with 1 if a file is out of date")
    parser.add_argument("--breaking", action="store_true", help="also write changes that break callers")
    options = parser.parse_args(arguments)
    document = current()
    changes = changed(document)
    print(*changes, sep="\n", end="\n" if changes else "")
    admin = create_admin(create_app(settings()), settings()).openapi()
    files = {
        DOCUMENT: encoded(document),
        DOCUMENT.with_name("reference.md"): reference(document, admin),
        DOCUMENT.with_name("codes.md"): code_page(),
    }
    stale = [path for path, text in files.items() if not path.exists() or path.read_text("utf-8") != text]
    if options.check:
        print(*(f"{path.name} is out of date; run `make api`" for path in stale), sep="\n", end="\n" if stale else "")
        return 1 if stale else 0
    if any(one.breaking for one in changes) and not options.breaking:
        print("These changes break callers. Repeat the command with --breaking if that is intended.")
        return 1
    for path in stale:
        path.write_text(files[path], "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
