"""The whole recipe on a handful of sentences: data, vocabulary, alignment, training, resume, export, both engines."""

import json
import lzma
import warnings
from pathlib import Path

import pytest
from typer.testing import CliRunner

from models.train.__main__ import app
from models.train.corpus import load_mix
from service.domain import EngineInput
from service.generation.engines.loading import load_engine
from service.generation.engines.tokenizers import Tokenizer
from service.registry.catalog import Catalog
from service.registry.verify import verify

MIX = Path(__file__).parent.parent.parent / "models" / "train" / "mix.toml"
GERMAN = ("Der Zug", "Das Schiff", "Die Straßenbahn", "Der Bus", "Das Flugzeug")
ENGLISH = ("The train", "The ship", "The tram", "The bus", "The plane")
PLACES = ("Kiel", "Bremen", "Köln", "Jena", "Ulm", "Trier", "Bonn", "Gera", "Hof", "Mainz")


def invoke(*args: str) -> str:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # transformers recommends sacremoses to whoever loads a Marian tokenizer
        done = CliRunner().invoke(app, list(args), catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The recipe's folder after two slices of training."""
    data, work = tmp_path_factory.mktemp("data"), tmp_path_factory.mktemp("work")
    (data / "parallel").mkdir()
    lines = "".join(
        f"{german} Nummer {n} fährt am {day}. Mai von {place} ab.\t{english} number {n} leaves {place} on May {day}.\n"
        for german, english in zip(GERMAN, ENGLISH, strict=True)
        for place in PLACES
        for n, day in ((3, 12), (47, 5), (8, 30))
    )
    for source in load_mix(MIX).sources:
        with lzma.open(data / "parallel" / f"{source.name}.tsv.xz", "wt", encoding="utf-8") as file:
            file.write(lines)
    invoke("corpus", "--data", str(data), "--work", str(work))
    invoke("vocabulary", "--work", str(work), "--size", "360")
    invoke("align", "translation", "--work", str(work))
    for _ in range(2):
        invoke("train", "translation", "--work", str(work), "--minutes", "0.1", "--report-steps", "5", "--warmup", "10")
    return work


def losses(work: Path) -> list[dict[str, float]]:
    """The log's lines of losses; lines of scores stand between them."""
    lines = map(json.loads, (work / "translation" / "log.jsonl").read_text("utf-8").splitlines())
    return [line for line in lines if "dev_loss" in line]


def test_training_learns_and_goes_on_where_it_stopped(work: Path) -> None:
    log = losses(work)
    steps = [line["steps"] for line in log]
    assert steps == sorted(steps)
    assert log[-1]["dev_loss"] < log[0]["dev_loss"]


def test_the_exported_model_runs_on_both_engines(work: Path, tmp_path: Path) -> None:
    invoke("export", "translation", "--work", str(work), "--models", str(tmp_path))
    entry = Catalog(tmp_path).entry("starter-de-en")
    tokenizer = Tokenizer(entry.manifest, entry.folder)
    tokens = tokenizer.encode("Der Zug Nummer 3 fährt am 12. Mai von Kiel ab.")
    item = EngineInput(tokens, entry.manifest.decoding_options(len(tokens)))
    for kind in ("ctranslate2", "torch"):
        verify(entry, kind)
        engine = load_engine(entry.manifest, entry.folder, kind, device="cpu", threads=2)
        (hypotheses,) = engine.generate([item])
        assert hypotheses[0].tokens
        engine.close()


def test_an_exported_model_is_a_start_for_training(work: Path, tmp_path: Path) -> None:
    invoke("export", "translation", "--work", str(work), "--models", str(tmp_path))
    (work / "translation" / "checkpoint.pt").rename(tmp_path / "kept.pt")
    weights = tmp_path / "embedded" / "starter-de-en" / "float16"
    output = invoke("train", "translation", "--work", str(work), "--minutes", "0.01", "--init", str(weights))
    first = json.loads(output.splitlines()[-1])
    assert first["dev_loss"] < losses(work)[0]["dev_loss"]


def test_exported_files_can_be_read_by_the_services_own_user(work: Path, tmp_path: Path) -> None:
    invoke("export", "translation", "--work", str(work), "--models", str(tmp_path))
    folder = tmp_path / "embedded" / "starter-de-en"
    modes = {str(file.relative_to(folder)): file.stat().st_mode & 0o777 for file in folder.rglob("*") if file.is_file()}
    assert modes == dict.fromkeys(Catalog(tmp_path).entry("starter-de-en").manifest.files, 0o644)
