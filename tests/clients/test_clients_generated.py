"""Tests that client generators create usable clients from docs/api/openapi.json without warnings."""

import importlib
import importlib.util
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
DOCUMENT = ROOT / "docs" / "api" / "openapi.json"
NODE_MODULES = ROOT / "build" / "npm" / "node_modules"
TEXT = "Der Rat hat am Dienstag den Haushalt beschlossen. Die Mehrheit stimmte dafür."
PACKAGE = "depesche_generated"
LIMIT_S = 240
COMPILER_OPTIONS = {
    "strict": True,
    "noUncheckedIndexedAccess": True,
    "target": "es2022",
    "module": "es2022",
    "moduleResolution": "bundler",
    "types": [],
}


@pytest.fixture
def client(generated: str, url: str) -> Iterator[Any]:
    """Yield a client from the generated package that is connected to the service at ``url``."""
    assert generated
    with part("client").Client(base_url=url) as found:
        yield found


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Generate a Python client, and make its package importable. Yield what the generator printed."""
    if importlib.util.find_spec("openapi_python_client") is None:
        pytest.skip("openapi-python-client is not installed (pip install -e '.[dev]')")
    folder = tmp_path_factory.mktemp("generated")
    config = folder / "config.yml"
    config.write_text(f"post_hooks: []\npackage_name_override: {PACKAGE}\n")
    command = [sys.executable, "-m", "openapi_python_client", "generate", "--path", str(DOCUMENT), "--meta", "none"]
    command += ["--config", str(config), "--output-path", str(folder / PACKAGE), "--fail-on-warning"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_S, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    sys.path.insert(0, str(folder))
    yield done.stdout + done.stderr
    sys.path.remove(str(folder))


def part(name: str) -> Any:
    """Import the module ``name`` of the generated package, and return it."""
    return importlib.import_module(f"{PACKAGE}.{name}")


def test_python_client_is_generated_without_warnings(generated: str) -> None:
    assert "warning" not in generated.lower()


def test_python_client_has_every_field_of_an_article(generated: str) -> None:
    assert generated
    fields = part("models").ArticleRequest.__init__.__annotations__
    assert {
        "body",
        "document",
        "headline",
        "length",
        "outputs",
        "glossary",
        "as_",
        "style",
        "max_words",
    } <= fields.keys()


def test_python_client_processes_an_article(client: Any) -> None:
    models = part("models")
    length, outputs = models.ArticleRequestLengthType0("short"), [models.ArticleRequestOutputsItem("translation")]
    body = models.ArticleRequest(body=TEXT, headline="Haushalt", length=length, outputs=outputs)
    answer = part("api.news.process_article").sync_detailed(client=client, body=body, request_timeout_ms=60_000)
    assert answer.status_code == 200
    assert answer.headers["x-request-id"]
    assert answer.parsed.translation.text
    assert answer.parsed.summary is None
    assert answer.parsed.article.body == TEXT


def test_python_client_parses_a_problem(client: Any) -> None:
    models = part("models")
    problem = part("api.news.translate").sync(client=client, body=models.TranslateRequest(text=" "))
    assert isinstance(problem, models.Problem)
    assert problem.code == models.ErrorCode("text_empty")
    assert problem.errors[0].pointer == "/text"


def test_python_client_uses_the_compatible_endpoints(client: Any) -> None:
    models = part("models")
    body = models.DeeplRequest(text=[TEXT], target_lang="EN")
    answer = part("api.deep_l_compatible.deepl_translate").sync(client=client, body=body)
    assert not isinstance(answer, models.Failure), answer.message
    assert answer.translations[0].detected_source_language == "DE"
    libre = models.LibreRequest(q=TEXT, target="en")
    assert part("api.libre_translate_compatible.libretranslate_translate").sync(client=client, body=libre)


def test_typescript_types_describe_the_answers(url: str, tmp_path: Path) -> None:
    node, generator, compiler = (
        shutil.which("node"),
        *(NODE_MODULES / ".bin" / n for n in ("openapi-typescript", "tsc")),
    )
    if node is None or not generator.exists() or not compiler.exists():
        pytest.skip("node, openapi-typescript or typescript is not installed (.ci/run installs them in build/npm)")

    def run(*command: str | Path) -> str:
        done = subprocess.run(
            [*map(str, command)], cwd=tmp_path, capture_output=True, text=True, timeout=LIMIT_S, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    said = run(generator, DOCUMENT, "--output", "schema.ts", "--default-non-nullable", "false")
    assert "warn" not in said.lower()
    shutil.copy(Path(__file__).with_name("generated.ts"), tmp_path)
    (tmp_path / "package.json").write_text('{"type": "module"}')
    (tmp_path / "node.d.ts").write_text("declare const process: { argv: string[] };\n")
    (tmp_path / "tsconfig.json").write_text(json.dumps({"compilerOptions": COMPILER_OPTIONS}))
    run(compiler)
    found = json.loads(run(node, "generated.js", url).splitlines()[-1])
    assert found["text"]
    assert len(found["key"]) == 64
    assert found["refused"] == "text_empty"
    assert found["at"] == "/body"
