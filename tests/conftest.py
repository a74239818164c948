"""What every test may use: the tiny models, the real application that serves them, and an article."""

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
# Examples are not timed: how long one takes says more of the machine than of the code.
hypothesis.settings.register_profile("untimed", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("untimed")
REQUIRE_ALL = os.environ.get("DEPESCHE_TEST_REQUIRE_ALL") == "1"


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, None]:
    """Where everything is required, a skip is a failure."""
    outcome = yield
    report: pytest.TestReport = outcome.get_result()
    if REQUIRE_ALL and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped where nothing may be: {report.longrepr}"


@pytest.fixture(scope="session", autouse=True)
def models_dir(pytestconfig: pytest.Config) -> Path:
    """The folder of the tiny models: every `Settings` and every process that a test starts reads them by default."""
    folder = tiny_models(pytestconfig.cache.mkdir("tiny-models"))
    os.environ["DEPESCHE_MODELS_DIR"] = str(folder)
    return folder


@pytest.fixture(scope="session")
def given_article() -> str:
    """A German news page as it is pasted, with menus, teasers and credits around the article."""
    return (ROOT / "tests" / "data" / "article.txt").read_text("utf-8")


@pytest.fixture(scope="session")
def client() -> Iterator[TestClient]:
    """The real application with the tiny models, once they are ready."""
    with TestClient(create_app(Settings()), raise_server_exceptions=False) as found:
        wait_until_ready(found)
        yield found


@pytest.fixture(scope="session")
def embedded_client() -> Iterator[TestClient]:
    """The real application with the embedded models, for the few tests of what these write; such a test is slow."""
    settings = Settings(models_dir=ROOT / "models")
    with TestClient(create_app(settings), raise_server_exceptions=False) as found:
        wait_until_ready(found)
        yield found


@pytest.hookimpl(tryfirst=True)  # before markers select
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A test that asks for the browser or a Redis is marked so."""
    for item in items:
        fixtures = getattr(item, "fixturenames", ())
        for marker, fixture in (("browser", "browser"), ("redis", "redis_server")):
            if fixture in fixtures:
                item.add_marker(marker)


def wait_until_ready(client: TestClient, *, limit_s: float = 60.0) -> None:
    """Ask the readiness probe until it says yes."""
    end = time.monotonic() + limit_s
    while client.get("/readyz").status_code != 200:
        assert time.monotonic() < end, client.get("/readyz").text
        time.sleep(0.05)
