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


@pytest.hookimpl(tryfirst=True)  # runs before tests are selected by marker
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that use a browser, Redis or the embedded models."""
    for item in items:
        fixtures = getattr(item, "fixturenames", ())
        for fixture, markers in MARKERS.items():
            if fixture in fixtures:
                for marker in markers:
                    item.add_marker(marker)


def wait_until_ready(client: TestClient, *, limit_s: float = 300.0) -> None:
    """Wait until the readiness probe returns 200. Fail after ``limit_s`` seconds, or if the models cannot be loaded."""
    end = time.monotonic() + limit_s
    while (answer := client.get("/readyz")).status_code != 200:
        assert answer.json()["status"] != "failed", answer.text
        assert time.monotonic() < end, answer.text
        time.sleep(0.05)
