"""Tests of the load benchmark: distinct articles, the load generator wrk, and no results after a failed request."""

import json
import shutil
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from benchmarks.articles import LEAST, MOST, Article, Articles
from benchmarks.checkout import checkouts
from benchmarks.load.__main__ import RATE, Plan, main, measure, result_of
from benchmarks.load.systems import Http, Weights, require_text
from benchmarks.load.wrk import PROGRAM, Failed, load_of
from benchmarks.server import Server, free_port
from service.text.segmentation import segment
from tests.languages import DE

TOLD = {"requests": 40, "seconds": 2.0, "sent": 44, "failed": 0, "p50_s": 0.1, "p99_s": 0.2}
# Answers a POST with the sentences in its body, or with 503 if the test asks for it.
STAND_IN = """
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        self.answer(200, b"ok")
    def do_POST(self):
        self.answer(int(sys.argv[2]), self.rfile.read(int(self.headers["Content-Length"])))
    def answer(self, status, body):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *args):
        pass
ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""


def stand_in(name: str, script: Path, status: int) -> Http:
    script.write_text(STAND_IN, "utf-8")
    port = free_port()
    return Http(
        name=name,
        what=f"stand-in {name}",
        server=Server([sys.executable, str(script), str(port), str(status)], port, "/health", extra={}),
        path="/translate",
        body=lambda article: {"sentences": article.sentences},
        check=lambda article, answer: require_text(article, answer["sentences"]),
    )


def test_same_seed_gives_the_same_articles() -> None:
    one, same, other = (Articles.of(None, seed).take("a", 3) for seed in (1, 1, 2))
    assert one == same != other


def test_articles_share_no_sentence() -> None:
    articles = Articles.of(None, 1)
    taken = [*articles.take("a", 50), *articles.take("b", 50)]
    sentences = [sentence for article in taken for sentence in article.sentences]
    assert all(LEAST <= len(article.sentences) <= MOST for article in taken)
    assert len(set(sentences)) == len(sentences)


def test_service_splits_articles_as_generated() -> None:
    for article in Articles.of(None, 1).take("a", 50):
        assert tuple(span.of(article.text) for span in segment(article.text, DE).sentences) == article.sentences


def test_articles_of_a_folder_are_its_lines(tmp_path: Path) -> None:
    (tmp_path / "eval").mkdir()
    (tmp_path / "eval" / "news.de").write_text("Eins.\nZwei.\nDrei.\n12\n", "utf-8")
    (article,) = Articles.of(tmp_path, 1).take("a", 1, 3, 3)
    assert sorted(article.sentences) == ["Drei.", "Eins.", "Zwei."]


def test_folder_without_test_sets_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="contains no eval"):
        Articles.of(tmp_path, 1).take("a", 1)


def test_edit_changes_one_sentence() -> None:
    (article,) = Articles.of(None, 1).take("a", 1, 40, 40)
    changed = article.edited(17)
    assert [n for n in range(40) if article.sentences[n] != changed.sentences[n]] == [17]


def test_load_is_parsed_from_wrk() -> None:
    load = load_of(f"Running 2s test\n{json.dumps(TOLD)}\n", bodies=44)
    assert (load.requests_per_s, load.p50_s) == (20.0, 0.1)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"failed": 2}, "2 of 40 requests failed"),
        ({"requests": 0}, "no request was answered"),
        ({"sent": 45}, "only 44 different bodies"),
    ],
)
def test_run_that_measured_nothing_fails(changed: dict[str, int], message: str) -> None:
    with pytest.raises(Failed, match=message):
        load_of(json.dumps(TOLD | changed), bodies=44)


def test_output_without_a_result_fails() -> None:
    with pytest.raises(Failed, match="unable to connect"):
        load_of("unable to connect to 127.0.0.1", bodies=1)


def test_missing_and_blank_translations_fail() -> None:
    article = Article(("Eins.", "Zwei."))
    require_text(article, ["One.", "Two."])
    with pytest.raises(Failed, match="1 translations were returned for 2 sentences"):
        require_text(article, ["One."])
    with pytest.raises(Failed, match=r"has no translation: Zwei\."):
        require_text(article, ["One.", " "])


def test_peers_use_manifest_search_settings() -> None:
    weights = Weights.of("starter-de-en")
    assert (weights.folder / "ct2-int8").is_dir()
    assert weights.search["beam_size"] >= 1


async def test_systems_are_measured_in_turns(tmp_path: Path) -> None:
    if shutil.which(PROGRAM) is None:
        pytest.skip(f"{PROGRAM} is not installed")
    systems = [stand_in(name, tmp_path / "server.py", 200) for name in ("other", "here")]
    # On a busy machine, the fast server answers many requests before wrk is interrupted.
    found = await measure(systems, Plan(None, rounds=1, clients=2, articles=120, seed=1))
    assert all(rounds[0][RATE] > 0 for rounds in found.values())
    result = result_of(systems, found)
    assert result["against"]["other"][0]["ratio"]["median"] == pytest.approx(
        found["here"][0][RATE] / found["other"][0][RATE], rel=1e-3
    )


async def test_refused_requests_end_the_run(tmp_path: Path) -> None:
    if shutil.which(PROGRAM) is None:
        pytest.skip(f"{PROGRAM} is not installed")
    system = stand_in("here", tmp_path / "server.py", 503)
    async with system:
        with pytest.raises(Failed, match="requests failed"):
            await system.round([Article(("Eins.",))] * 40, clients=1)


def test_other_checkout_needs_service_and_python(tmp_path: Path) -> None:
    app = typer.Typer()
    app.command()(main)
    done = CliRunner().invoke(app, ["--against", str(tmp_path)])
    assert done.exit_code != 0
    assert "does not exist" in done.output
    (tmp_path / "service").mkdir()
    (tmp_path / "service" / "__main__.py").touch()
    with pytest.raises(typer.BadParameter, match="python does not exist"):
        checkouts(tmp_path, None)
    other, here = checkouts(tmp_path, Path(sys.executable))
    assert (other.name, other.folder, here.name) == ("other", tmp_path, "here")
