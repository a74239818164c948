"""Fixtures for all tests: the tiny models, the application that serves them, and an article."""

import os
import time
from collections.abc import Generator, Iterator
from pathlib import Path

import hypothesis
import pytest
from fastapi.testclient import TestClient

from service.app import create_app
from service.settings import Settings
from tests.tiny_models import tiny_models

ROOT = Path(__file__).resolve().parent.parent
# Hypothesis examples have no deadline, because their duration depends on the machine.
hypothesis.settings.register_profile("untimed", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("untimed")
MARKERS = {"browser": ("browser", "slow"), "redis_server": ("redis",), "embedded_client": ("slow",)}
SLOW_FOLDERS = frozenset({"attack", "browser", "clients", "engine", "hub", "marian", "outside", "train"})
"""Folders in which every test is slow. `-m "not slow"` does not import them, because some of them import torch."""
REQUIRE_ALL = os.environ.get("DEPESCHE_TEST_REQUIRE_ALL") == "1"


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, None]:
    """Report a skipped test as a failure if the environment variable `DEPESCHE_TEST_REQUIRE_ALL` is 1."""
    outcome = yield
    report: pytest.TestReport = outcome.get_result()
    if REQUIRE_ALL and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped, but DEPESCHE_TEST_REQUIRE_ALL is 1: {report.longrepr}"


@pytest.fixture(scope="session", autouse=True)
def models_dir(pytestconfig: pytest.Config) -> Path:
    """Return the folder of the tiny models, which `Settings` and the processes that tests start use by default.

    No test uses a model that a developer has pulled. Joined weights are written to pytest's cache folder. Each engine
    has one thread, because several threads would slow each other down when several test processes share the cores.
    """
    cache = pytestconfig.cache
    folder = tiny_models(cache.mkdir("tiny-models"))
    os.environ["DEPESCHE_MODELS_DIR"] = str(folder)
    os.environ["DEPESCHE_INSTALLED_DIR"] = str(cache.mkdir("no-models"))
    os.environ["DEPESCHE_WEIGHTS_DIR"] = str(cache.mkdir("weights"))
    os.environ["DEPESCHE_THREADS"] = "1"
    return folder


@pytest.fixture(scope="session")
def given_article() -> str:
    """Return a German news page as an editor would paste it, with menus, teasers and credits around the article."""
    return (ROOT / "tests" / "data" / "article.txt").read_text("utf-8")


@pytest.fixture(scope="session")
def client() -> Iterator[TestClient]:
    """Start the application with the tiny models, and wait until it is ready."""
    with TestClient(create_app(Settings()), raise_server_exceptions=False) as found:
        wait_until_ready(found)
        yield found


@pytest.fixture(scope="session")
def embedded_client() -> Iterator[TestClient]:
    """Start the application with the embedded starter models, which are slower.

    Only a few slow tests use this fixture.
    """
    settings = Settings(models_dir=ROOT / "models", translation_model="starter-de-en", summary_model="rules-sum-de")
    with TestClient(create_app(settings), raise_server_exceptions=False) as found:
        wait_until_ready(found)
        yield found


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Skip the slow folders if `-m "not slow"` would deselect all of their tests."""
    is_slow = collection_path.parent == ROOT / "tests" and collection_path.name in SLOW_FOLDERS
    return True if is_slow and config.option.markexpr == "not slow" else None


@pytest.hookimpl(tryfirst=True)  # runs before tests are selected by marker
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark the tests of the slow folders, and those that use a browser, Redis or the embedded models.

    If several processes run the tests, the files with slow tests come first. The quick files then keep all processes
    busy until the end.
    """
    for item in items:
        if item.path.relative_to(ROOT / "tests").parts[0] in SLOW_FOLDERS:
            item.add_marker("slow")
        fixtures = getattr(item, "fixturenames", ())
        for fixture, markers in MARKERS.items():
            if fixture in fixtures:
                for marker in markers:
                    item.add_marker(marker)
    if hasattr(config, "workerinput"):  # this process is a worker of pytest-xdist
        slow = {item.path for item in items if item.get_closest_marker("slow")}
        items.sort(key=lambda item: item.path not in slow)


def wait_until_ready(client: TestClient, *, limit_s: float = 300.0) -> None:
    """Wait until the readiness probe returns 200. Fail after ``limit_s`` seconds, or if the models cannot be loaded."""
    end = time.monotonic() + limit_s
    while (answer := client.get("/readyz")).status_code != 200:
        assert answer.json()["status"] != "failed", answer.text
        assert time.monotonic() < end, answer.text
        time.sleep(0.05)
