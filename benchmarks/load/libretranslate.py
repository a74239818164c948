"""LibreTranslate as a system to measure.

LibreTranslate is installed from PyPI in a separate virtual environment. It uses the weights of the embedded translation
model, which are converted to an Argos package.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.articles import Article
from benchmarks.load.systems import Http, Weights
from benchmarks.load.wrk import Failed
from benchmarks.server import ROOT, Server, free_port

VERSION = "1.9.6"
# torch is installed first, because otherwise the resolver would choose a different build than the project uses.
TORCH = "torch==2.13.0"
WORK = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "depesche-benchmarks"
METADATA = {
    "package_version": "1.0",
    "argos_version": "1.9.0",
    "from_code": "de",
    "from_name": "German",
    "to_code": "en",
    "to_name": "English",
}
_PROBE = f"import libretranslate, importlib.metadata as m; assert m.version('libretranslate') == '{VERSION}'"


def install(weights: Weights) -> Path:
    """Create LibreTranslate's virtual environment if necessary, and write the weights as an Argos package.

    Return the folder that contains the virtual environment and the package.

    Raises:
        subprocess.CalledProcessError: the packages cannot be installed.
    """
    python = _python()
    if not python.exists() or subprocess.run([python, "-c", _PROBE], check=False, capture_output=True).returncode:
        subprocess.run([sys.executable, "-m", "venv", str(python.parent.parent)], check=True)
        for needed in (TORCH, f"libretranslate=={VERSION}"):
            subprocess.run([python, "-m", "pip", "install", "--quiet", needed], check=True)
    package = WORK / "argos-translate" / "packages" / "translate-de_en-1_0"
    shutil.copytree(weights.folder / "ct2-int8", package / "model", dirs_exist_ok=True)
    shutil.copy(weights.folder / "pieces.model", package / "sentencepiece.model")
    config = package / "model" / "config.json"  # Argos relies on CTranslate2 to append the end-of-sentence piece
    config.write_text(json.dumps(json.loads(config.read_text("utf-8")) | {"add_source_eos": True}), "utf-8")
    (package / "metadata.json").write_text(json.dumps(METADATA), "utf-8")
    return WORK


def _python() -> Path:
    return WORK / "libretranslate" / "bin" / "python"


@dataclass
class LibreTranslate(Http):
    """A LibreTranslate server that the load benchmark measures.

    Each response contains one text for all sentences, so it does not show which sentences have no translation. The
    program that starts the server therefore counts the sentences with a blank translation.
    """

    async def round(self, articles: Sequence[Article], clients: int) -> dict[str, float]:
        """Implement `System.round`. Also raise `Failed` if the translation of a sentence is blank."""
        found = await super().round(articles, clients)
        blank = (await self.server.http.get("/benchmark/blank")).raise_for_status().text
        if blank != "0":
            raise Failed(f"{blank} sentences have no translation")
        return found


def libretranslate(weights: Weights) -> LibreTranslate:
    """Return a LibreTranslate server that uses the model ``weights`` and the beam size from its manifest.

    Each line of a request is one sentence, because LibreTranslate's own sentence splitter needs a model that it would
    have to download.
    """
    home, port = install(weights), free_port()
    homes = dict.fromkeys(("XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME"), str(home))
    beam = str(weights.search["beam_size"])
    extra = {"PYTHONPATH": str(ROOT), "ARGOS_BEAM_SIZE": beam, **homes}
    launch = [str(_python()), "-m", "benchmarks.load.libretranslate_launch", "--port", str(port)]
    return LibreTranslate(
        name="LibreTranslate",
        what=f"LibreTranslate {VERSION}, ARGOS_BEAM_SIZE={beam}, sentences split in advance",
        server=Server(launch, port, "/languages", extra=extra, folder=home),
        path="/translate",
        body=lambda article: {"q": "\n".join(article.sentences), "source": "de", "target": "en", "format": "text"},
        check=_check,
    )


def _check(article: Article, answer: Any) -> None:
    lines = [line for line in answer["translatedText"].splitlines() if line.strip()]
    if len(lines) != len(article.sentences):
        raise Failed(f"{len(lines)} lines were returned for {len(article.sentences)} sentences")
