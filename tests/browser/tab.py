"""A browser tab whose test fails after an error, a policy violation or a request to another origin."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Browser, Page, expect

PATIENCE_MS = 120_000
expect.set_options(timeout=PATIENCE_MS)
# The console reports violations as well, but only the event contains what the policy itself reports.
WATCH = """window.violations = [];
document.addEventListener("securitypolicyviolation", (event) => window.violations.push(event.violatedDirective));"""


class Tab:
    """A browser page, and the errors and requests that were recorded in it."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.url = url
        self.complaints: list[str] = []
        self.requests: list[str] = []
        page.on("console", lambda message: self._heard(message.type, message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", lambda request: self.requests.append(request.url))

    def _heard(self, kind: str, text: str) -> None:
        if kind in {"error", "warning"} and not text.startswith("Failed to load resource"):
            self.complaints.append(text)

    @classmethod
    @contextmanager
    def opened(cls, browser: Browser, url: str, **context: Any) -> Iterator["Tab"]:
        """Open the web page in a new browser context, yield the tab, and check it at the end of the block.

        ``context`` contains options of the browser context. By default, the page has no transitions, so that a colour
        is final as soon as it is set.
        """
        size = {"width": 1360, "height": 900}
        options = {"locale": "de-DE", "viewport": size, "reduced_motion": "reduce", **context}
        with browser.new_context(**options) as own:
            own.set_default_timeout(PATIENCE_MS)
            own.add_init_script(WATCH)
            tab = cls(own.new_page(), url)
            tab.visit()
            yield tab
            tab.check()

    def visit(self, path: str = "/") -> None:
        """Load the web page, and wait until its script has run."""
        self.page.goto(self.url + path)
        self.page.locator("body[data-ready]").wait_for()

    def check(self) -> None:
        """Assert that no error, policy violation or request to another origin has occurred.

        Also assert that the page has stored nothing in the browser but the content of its window.
        """
        assert self.complaints == []
        assert self.page.evaluate("window.violations") == []
        assert [asked for asked in self.requests if not asked.startswith(self.url)] == []
        assert self.page.evaluate("[localStorage.length, document.cookie]") == [0, ""]
        assert self.page.evaluate("Object.keys(sessionStorage)") in ([], ["depesche"])

    def submit(self, text: str) -> None:
        """Enter ``text`` as the article, and submit it with the default outputs."""
        self.page.fill("#body", text)
        self.page.click("#submit")

    def result(self, text: str) -> None:
        """Submit ``text`` as the article, and wait until the result is displayed."""
        self.submit(text)
        self.page.locator("#result-title").wait_for()

    def answer_with(self, **answer: Any) -> None:
        """Answer all further requests to ``/v1/articles`` with the response ``answer``, without the service."""
        self.page.route("**/v1/articles", lambda route: route.fulfill(**answer))

    def options(self) -> None:
        """Open the options of the form."""
        self.page.click("#options > summary")

    def lit(self) -> list[str]:
        """Return the texts of all highlighted elements."""
        return self.page.locator(".lit").all_text_contents()
