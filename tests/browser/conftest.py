"""One browser and one service for all tests of the page, and a tab without errors."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.chromium import browsing
from tests.browser.tab import Tab
from tests.chaos.server import Server, serving

SCREENSHOTS = Path(__file__).parents[2] / "build/screenshots"


# Playwright keeps an event loop running between its calls: outside this folder no other test could start its own.
@pytest.fixture(scope="package")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """Debian's Chromium."""
    with browsing(tmp_path_factory.mktemp("chromium")) as found:
        yield found


@pytest.fixture(scope="package")
def server() -> Iterator[Server]:
    """The service."""
    with serving() as found:
        yield found


@pytest.fixture
def tab(browser: Browser, server: Server) -> Iterator[Tab]:
    """A German reader's tab on the page."""
    with Tab.opened(browser, server.url) as found:
        yield found


@pytest.fixture(scope="package")
def slow_server() -> Iterator[Server]:
    """A service with slow engines and small batches."""
    with serving(program="tests.chaos.slow_service", batch_items="4") as found:
        yield found


@pytest.fixture
def slow_tab(browser: Browser, slow_server: Server) -> Iterator[Tab]:
    """A tab on the page of the slow service."""
    with Tab.opened(browser, slow_server.url) as found:
        yield found


@pytest.fixture
def page(tab: Tab) -> Page:
    """The page in the tab."""
    return tab.page


@pytest.fixture
def screenshot(request: pytest.FixtureRequest) -> Path:
    """The path of the test's screenshot."""
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    name = re.sub(r"\W+", "-", request.node.name).strip("-").removeprefix("test_")
    path = SCREENSHOTS / f"{name}.png"
    print(f"screenshot: {path}")  # noqa: T201 - an artefact is of use only to whoever knows where it lies
    return path
