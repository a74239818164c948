"""LibreTranslate from PyPI in a virtual environment of its own, with our weights packed as an Argos package."""

import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.load.articles import Article
from benchmarks.load.server import ROOT, Server, free_port
from benchmarks.load.system import Failed, Http, Round
from benchmarks.load.weights import Weights

VERSION = "1.9.6"
TORCH = "torch==2.13.0"  # first and alone: the build that the project uses, not the one that a resolver would choose
DOWNLOAD_LIMIT_S = 30
METADATA = {
    "package_version": "1.0",
    "argos_version": "1.9.0",
    "from_code": "de",
    "from_name": "German",
    "to_code": "en",
    "to_name": "English",
}
_PROBE = f"import libretranslate, sentencex, importlib.metadata as m; assert m.version('libretranslate') == '{VERSION}'"
_SPLITTER = "import sys; from minisbd import models; models.cache_dir = sys.argv[1]; models.get_model_file('de')"


@dataclass(frozen=True, slots=True)
class Installed:
    """The environment, the home of Argos with the package in it, and whether its own sentence splitter could be had."""

    python: Path
    home: Path
    own_splitter: bool


def install(venv: Path, weights: Weights, work: Path) -> Installed:
    """Make the environment where it is missing, pack the weights, and try to fetch the splitter's model.

    Raises:
        subprocess.CalledProcessError: the packages cannot be installed.
    """
    python = venv / "bin" / "python"
    if not python.exists() or _run(python, "-c", _PROBE, check=False).returncode:
        if not python.exists():
            _run(Path(sys.executable), "-m", "venv", str(venv))
        for packages in ([TORCH], [f"libretranslate=={VERSION}", f"sentencex=={version('sentencex')}"]):
            _run(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *packages)
    home = work / "argos" / weights.name
    _pack(weights, home / "argos-translate" / "packages" / "translate-de_en-1_0")
    return Installed(python, home, _fetch_splitter(python, home / "argos-translate" / "minisbd"))


def _run(python: Path, *arguments: str, check: bool = True) -> "subprocess.CompletedProcess[bytes]":
    return subprocess.run([str(python), *arguments], check=check, capture_output=not check)


def _pack(weights: Weights, package: Path) -> None:
    """An Argos package: metadata, SentencePiece model, CTranslate2 model, which has to add end-of-sentence itself."""
    entry = weights.entry(1)
    shutil.copytree(entry.folder / entry.manifest.engines["ctranslate2"].folder, package / "model", dirs_exist_ok=True)
    shutil.copy(entry.folder / entry.manifest.tokens.source, package / "sentencepiece.model")
    config = package / "model" / "config.json"
    config.write_text(json.dumps(json.loads(config.read_text("utf-8")) | {"add_source_eos": True}), "utf-8")
    (package / "metadata.json").write_text(json.dumps(METADATA), "utf-8")


def _fetch_splitter(python: Path, cache: Path) -> bool:
    try:
        found = subprocess.run(
            [str(python), "-c", _SPLITTER, str(cache)], check=False, capture_output=True, timeout=DOWNLOAD_LIMIT_S
        )
    except subprocess.TimeoutExpired:
        return False
    return found.returncode == 0


@dataclass
class LibreTranslate(Http):
    """The server, with what it counted of its own work checked after each round."""

    own_splitter: bool = False

    async def round(self, articles: Sequence[Article], clients: int) -> Round:
        """See `System`."""
        before = await self._translated()
        done = await super().round(articles, clients)
        translated = await self._translated() - before
        if not self.own_splitter and translated != done.sentences:
            raise Failed(f"{self.name}: {translated} translations for {done.sentences} sentences")
        return done

    async def _translated(self) -> int:
        answer = await self.server.http.get("/benchmark/sentences")
        answer.raise_for_status()
        return int(answer.json())


def system(installed: Installed, name: str, what: str, beam_size: int | None) -> LibreTranslate:
    """The server as it ships, or with its beam set."""
    port = free_port()
    homes = ("XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME")
    extra = {"PYTHONPATH": str(ROOT), **dict.fromkeys(homes, str(installed.home))}
    if beam_size is not None:
        extra["ARGOS_BEAM_SIZE"] = str(beam_size)
    splitter = "own" if installed.own_splitter else "ours"
    launch = [str(installed.python), "-m", "benchmarks.load.libretranslate_launch", splitter, "--port", str(port)]
    return LibreTranslate(
        name=name,
        what=what,
        server=Server(launch, port, "/languages", extra=extra, folder=installed.home),
        path="/translate",
        body=lambda article: {"q": article.text, "source": "de", "target": "en", "format": "text"},
        check=_paragraphs,
        own_splitter=installed.own_splitter,
    )


def _paragraphs(article: Article, answer: Any) -> int:
    """Its answer is one text: each paragraph of the source has to be in it. Sentences are counted in the server."""
    text: str = answer["translatedText"]
    asked, found = (sum(bool(line.strip()) for line in one.splitlines()) for one in (article.text, text))
    if asked != found:
        raise Failed(f"{found} paragraphs for {asked}")
    return len(text)
