"""Fixtures for the tests of the web page: a browser, a service, and a tab in which no error may occur."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.chromium import browsing
from tests.browser.tab import Tab
from tests.chaos.server import Server, serving

SCREENSHOTS = Path(__file__).parents[2] / "build/screenshots"


# Playwright keeps an event loop running between its calls, so no test outside this folder could start its own loop.
@pytest.fixture(scope="package")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browsing(tmp_path_factory.mktemp("chromium")) as found:
        yield found


@pytest.fixture(scope="package")
def server() -> Iterator[Server]:
    with serving() as found:
        yield found


@pytest.fixture
def tab(browser: Browser, server: Server) -> Iterator[Tab]:
    """Open the web page in a tab whose language is German."""
    with Tab.opened(browser, server.url) as found:
        yield found


@pytest.fixture(scope="package")
def slow_server() -> Iterator[Server]:
    """Start a service whose engines take 50 ms for each call and whose batches contain one sentence."""
    with serving(program="tests.chaos.slow_service", batch_items="1") as found:
        yield found


@pytest.fixture
def slow_tab(browser: Browser, slow_server: Server) -> Iterator[Tab]:
    """Open the web page of the slow service in a tab."""
    with Tab.opened(browser, slow_server.url) as found:
        yield found


@pytest.fixture
def page(tab: Tab) -> Page:
    """Return the Playwright page of the tab."""
    return tab.page


@pytest.fixture
def screenshot(request: pytest.FixtureRequest) -> Path:
    """Return the path of the image file for the test's screenshot."""
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    name = re.sub(r"\W+", "-", request.node.name).strip("-").removeprefix("test_")
    path = SCREENSHOTS / f"{name}.png"
    print(f"screenshot: {path}")  # noqa: T201 - tells the developer where the screenshot is
    return path
