"""Tests of the web page with a service that requires keys.

The page requests a key from the user and keeps it only in the input field.
"""

from pathlib import Path

from playwright.sync_api import Browser, expect

from service.http.keys import SCOPES, Key, digest_of
from tests.browser.answers import ARTICLE
from tests.browser.tab import Tab
from tests.chaos.server import serving

TOKEN = "desk-" + "x" * 40


def test_page_asks_for_the_key(browser: Browser, tmp_path: Path, screenshot: Path) -> None:
    file = tmp_path / "keys"
    file.write_text(Key("desk", frozenset(SCOPES), digest_of(TOKEN)).line() + "\n", "utf-8")
    with serving(keys_file=str(file)) as server, Tab.opened(browser, server.url) as tab:
        page = tab.page
        expect(page.locator("#access")).to_be_hidden()
        tab.submit(ARTICLE)
        expect(page.locator("#key")).to_be_focused()
        expect(page.locator(".failure")).to_contain_text("verlangt einen gültigen Schlüssel")
        page.screenshot(path=screenshot, full_page=True)
        page.fill("#key", f" {TOKEN} ")
        page.keyboard.press("Enter")
        page.locator("#result-title").wait_for()
        assert TOKEN not in page.url
