"""The package index that pip is set up for on this machine, handed on to builds that do not see its files."""

import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

INSIDE = "/etc/pip.conf"
# Not at its own place: the image's package of certificates writes there.
CERTIFICATES_INSIDE = "/etc/pip.crt"
# What says where packages come from; anything else is this machine's own affair.
PASSED_ON = ("index-url", "extra-index-url", "find-links", "constraint", "cert", "trusted-host", "timeout")
ENTRY = re.compile(r"^[^.]+\.([a-z-]+)='(.*)'$")


@dataclass(frozen=True, slots=True)
class IndexConfig:
    """Mounts for a build, as ``outside:inside:ro``."""

    volumes: tuple[str, ...]


def of_this_machine(folder: Path) -> IndexConfig:
    """Pip's configuration here, written into ``folder``, and the files that it names."""
    listed = subprocess.run([sys.executable, "-m", "pip", "config", "list"], check=True, capture_output=True, text=True)
    options = parsed(listed.stdout)
    certificates = options.pop("cert", None)
    mounts = {path: path for path in named_paths(options)}
    if certificates is not None:
        options["cert"] = CERTIFICATES_INSIDE
        mounts[certificates] = CERTIFICATES_INSIDE
    file = folder / "pip.conf"
    file.write_text("\n".join(["[global]", *(f"{key} = {value}" for key, value in options.items()), ""]), "utf-8")
    mounts[str(file)] = INSIDE
    return IndexConfig(tuple(f"{outside}:{inside}:ro" for outside, inside in mounts.items()))


def parsed(listed: str) -> dict[str, str]:
    """The options to pass on, by name; the environment's go before those of files, as they do for pip."""
    lines = sorted(listed.splitlines(), key=lambda line: line.startswith(":env:"))
    found = (ENTRY.match(line) for line in lines)
    return {entry[1]: entry[2] for entry in found if entry and entry[1] in PASSED_ON}


def named_paths(options: dict[str, str]) -> list[str]:
    """Paths of this machine that the options name, each once; an index in files links to what is beside it."""
    words = (word for value in options.values() for word in value.split())
    paths = (str(Path(urlsplit(word).path).parent) if word.startswith("file:") else word for word in words)
    return sorted({path for path in paths if path.startswith("/") and Path(path).exists()})
