"""What every test may use: the embedded models behind the real application, and the folder of shared examples."""

import os
import time
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from service.app import create_app
from service.settings import Settings

ROOT = Path(__file__).resolve().parent.parent
REQUIRE_ALL = os.environ.get("DEPESCHE_TEST_REQUIRE_ALL") == "1"


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, None]:
    """Where everything is required, a skip is a failure."""
    outcome = yield
    report: pytest.TestReport = outcome.get_result()
    if REQUIRE_ALL and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped where nothing may be: {report.longrepr}"


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of example articles and data beside the checkout."""
    folder = ROOT.parent / "shared"
    if not folder.is_dir():
        pytest.skip("the folder of shared examples is not beside the checkout")
    return folder


@pytest.fixture(scope="session")
def given_article(shared: Path) -> str:
    """A real German news page as it is pasted."""
    (path,) = sorted((shared / "articles").glob("*.txt"))
    return path.read_text("utf-8")


@pytest.fixture(scope="session")
def client() -> Iterator[TestClient]:
    """The real application with the embedded models, once they are ready."""
    with TestClient(create_app(Settings()), raise_server_exceptions=False) as found:
        wait_until_ready(found)
        yield found


def wait_until_ready(client: TestClient, *, limit_s: float = 60.0) -> None:
    """Ask the readiness probe until it says yes."""
    end = time.monotonic() + limit_s
    while client.get("/readyz").status_code != 200:
        assert time.monotonic() < end, client.get("/readyz").text
        time.sleep(0.05)
