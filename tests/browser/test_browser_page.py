"""Tests of the web page in a real browser with the real service."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.answers import ARTICLE
from tests.browser.tab import Tab
from tests.chaos.server import Server

SUMMARY = ".summary .sentence"
SOURCE = ".source .sentence"
TARGET = ".target .sentence"


def summarised(tab: Tab) -> None:
    tab.result(ARTICLE)
    expect(tab.page.locator(SUMMARY).first).to_be_visible()


def long_article(first: int) -> str:
    """Return an article of 400 sentences with the numbers ``first``, ``first + 1`` and so on.

    A test that uses its own ``first`` gets no results from the cache.
    """
    return "\n\n".join(f"Das Museum zählte im Herbst {first + number} Gäste." for number in range(400))


def test_article_is_summarised_and_translated(tab: Tab, page: Page, screenshot: Path) -> None:
    summarised(tab)
    expect(page.locator("#result-title")).to_be_focused()
    expect(page.locator(".banner")).to_contain_text("Demonstration")
    expect(page.locator(".source .headline")).to_have_text("Bibliothek in der Altstadt öffnet nach dem Umbau wieder")
    expect(page.locator(".summary .method")).to_have_text(re.compile("neu formuliert|Sätze des Artikels"))
    assert page.locator(SOURCE).count() == page.locator(TARGET).count() > 6
    page.locator(".removed summary").click()
    expect(page.locator(".removed td", has_text="Bildnachweis")).to_be_visible()
    page.locator(SUMMARY).first.hover()
    page.screenshot(path=screenshot, full_page=True)


def test_pointing_marks_the_support(tab: Tab, page: Page) -> None:
    summarised(tab)
    first = page.locator(SUMMARY).first
    first.hover()
    assert tab.lit()[0] == first.text_content()
    assert len(tab.lit()) > 1
    assert str(tab.lit()[1]) in ARTICLE
    page.locator("h1").hover()
    assert tab.lit() == []


def test_arrow_keys_move_between_sentences(tab: Tab, page: Page) -> None:
    summarised(tab)
    page.mouse.move(0, 0)  # a hovered sentence would be highlighted too
    page.locator(TARGET).first.focus()
    for number in (0, 1):
        pair = [page.locator(cell).nth(number).text_content() for cell in (SOURCE, TARGET)]
        assert sorted(tab.lit()) == sorted(map(str, pair))
        page.keyboard.press("ArrowDown")
    page.keyboard.press("End")
    expect(page.locator(TARGET).last).to_be_focused()
    assert page.locator(f"{TARGET}[tabindex='0']").count() == 1


def test_keyboard_alone_is_enough(page: Page) -> None:
    def tab_to(selector: str) -> None:
        for _ in range(40):
            page.keyboard.press("Tab")
            if page.locator(f"{selector}:focus").count():
                return
        pytest.fail(f"Tab does not reach {selector}")

    tab_to("#body")
    page.keyboard.insert_text(ARTICLE)
    tab_to("#options > summary")
    page.keyboard.press("Enter")
    tab_to("#terms")
    page.keyboard.insert_text("Altstadt = ancient quarter")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#result-title")).to_be_focused()
    tab_to(SUMMARY)
    tab_to(".excerpt")
    page.keyboard.press("Enter")
    expect(page.locator(f"{SOURCE}:focus")).to_be_visible()
    tab_to(TARGET)
    page.keyboard.press("Enter")
    expect(page.locator(".editor textarea")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator(f"{TARGET}:focus")).to_be_visible()
    tab_to(".provenance summary")
    tab_to(".panel button")


def test_language_follows_the_browser(tab: Tab, page: Page) -> None:
    summarised(tab)
    text = page.locator(SUMMARY).first.text_content()
    assert page.locator("html").get_attribute("lang") == "de"
    page.get_by_role("link", name="English").click()
    expect(page.locator("#result-title")).to_have_text("Result")
    assert page.locator("html").get_attribute("lang") == "en"
    assert page.locator(SUMMARY).first.text_content() == text
    tab.visit("/#de")
    expect(page.locator("#submit")).to_have_text("Zusammenfassen und übersetzen")


def test_hash_overrides_the_language(browser: Browser, server: Server) -> None:
    with Tab.opened(browser, server.url, locale="en-GB") as tab:
        expect(tab.page.locator("#submit")).to_have_text("Summarise and translate")
        tab.page.get_by_role("link", name="Deutsch").click()
        tab.page.reload()
        expect(tab.page.locator("#submit")).to_have_text("Zusammenfassen und übersetzen")


def test_problem_shows_its_request_id(tab: Tab, page: Page, screenshot: Path) -> None:
    tab.submit("   ")
    failure = page.get_by_role("alert")
    expect(failure).to_contain_text("Der Artikel ist leer.")
    expect(failure).to_contain_text("the text is empty or blank")
    expect(failure).to_contain_text("text_empty")
    expect(failure.locator("dt", has_text="Kennung der Anfrage").locator("+ dd")).not_to_be_empty()
    expect(failure).to_be_in_viewport()
    page.screenshot(path=screenshot)


def test_empty_form_sends_nothing(tab: Tab, page: Page) -> None:
    page.click("#submit")
    expect(page.locator("#body:focus")).to_have_count(1)
    page.fill("#body", "Es regnet.")
    tab.options()
    for output in ("summary", "translation"):
        page.uncheck(f"input[value={output}]")
    page.click("#submit")
    assert (
        page.locator("input[value=summary]").evaluate("(box) => box.validationMessage")
        == "Mindestens ein Ergebnis wählen."
    )
    assert not [asked for asked in tab.requests if asked.endswith("/v1/articles")]


def test_options_reach_the_service(tab: Tab, page: Page) -> None:
    tab.options()
    page.check("input[value=lead]")
    page.check("input[value=short]")
    page.uncheck("input[value=translation]")
    page.check("input[value=summary_translation]")
    summarised(tab)
    expect(page.locator(".method").first).to_have_text("Anfang des Artikels")
    expect(page.locator("#summary_translation-title")).to_have_text("Zusammenfassung auf Englisch")
    assert page.locator(TARGET).count() == 0
    page.locator(SUMMARY).first.hover()
    assert len(tab.lit()) > 1


def test_terms_are_applied_and_counted(tab: Tab, page: Page, screenshot: Path) -> None:
    tab.options()
    page.fill("#terms", "Altstadt = ancient quarter\nVolksschauspiel")
    tab.result(ARTICLE)
    expect(page.locator(".titles .facts")).to_have_text(re.compile(r"^(ein|\d+) Begriffe? eingesetzt"))
    expect(page.locator(".article")).to_contain_text("ancient quarter")
    page.locator("#entry > summary").click()
    page.screenshot(path=screenshot, full_page=True)


WEB_PAGE = """<!doctype html><html lang="de"><head><title>Zeitung</title>
<meta property="og:title" content="Neue Brücke für die Altstadt">
<meta property="og:description" content="Der Stadtrat hat den Bau beschlossen."></head><body>
<nav><a href="/">Start</a> <a href="/sport">Sport</a></nav><article><h1>Neue Brücke für die Altstadt</h1>
<p>Der Stadtrat hat am Montag den Bau einer neuen Brücke beschlossen. Die Arbeiten sollen im März beginnen.</p>
<p>Die alte Brücke wird im Herbst für den Verkehr gesperrt. Anwohner klagen seit langem über Lärm und Staus.</p>
</article><footer>Impressum Datenschutz</footer></body></html>"""


def test_pasted_page_is_sent_as_html(tab: Tab, page: Page, screenshot: Path) -> None:
    page.set_input_files("#file", {"name": "b.html", "mimeType": "text/html", "buffer": WEB_PAGE.encode()})
    expect(page.locator("#opened")).to_be_visible()
    page.screenshot(path=screenshot, full_page=True)
    with page.expect_request("**/v1/articles") as sent:
        page.click("#submit")
    page.locator("#result-title").wait_for()
    assert (sent.value.post_data_json or {})["document"] == WEB_PAGE
    expect(page.locator(".source .headline")).to_have_text("Neue Brücke für die Altstadt")
    expect(page.locator(".source .lead")).to_have_text("Der Stadtrat hat den Bau beschlossen.")
    assert "Impressum" not in str(page.locator(".article").text_content())
    page.locator(SUMMARY).first.hover()
    assert len(tab.lit()) > 1
    page.locator("#entry > summary").click()
    page.fill("#body", "Es regnet am Montag.")
    expect(page.locator("#opened")).to_be_hidden()
    with page.expect_request("**/v1/articles") as sent:
        page.click("#submit")
    assert (sent.value.post_data_json or {})["body"] == "Es regnet am Montag."
    page.locator("#result-title").wait_for()


def test_page_without_article_is_reported(tab: Tab, page: Page) -> None:
    empty = b"<!doctype html><html><body><script>1</script></body></html>"
    page.set_input_files("#file", {"name": "leer.html", "mimeType": "text/html", "buffer": empty})
    page.fill("#body", "Es regnet.")
    page.set_input_files("#file", {"name": "leer2.html", "mimeType": "text/html", "buffer": empty.replace(b"1", b"2")})
    page.locator("#body").evaluate("(field) => (field.required = false)")
    page.click("#submit")
    expect(page.get_by_role("alert")).to_contain_text("In der Webseite wurde kein Artikel gefunden.")
    tab.complaints.clear()


def test_cancel_ends_the_work(slow_tab: Tab, slow_server: Server) -> None:
    page = slow_tab.page

    def departures() -> float:
        answer = slow_server.until("/metrics", lambda found: found is not None)
        lines = [] if answer is None else answer.text.splitlines()
        return sum(float(line.split()[-1]) for line in lines if line.startswith("depesche_client_departures_total"))

    before = departures()
    slow_tab.submit(long_article(1_000))
    expect(page.locator("#progress progress[value]").first).to_be_visible()
    page.click("#cancel")
    expect(page.locator("#status")).to_contain_text("Abgebrochen")
    expect(page.locator("#submit")).to_be_focused()
    slow_server.until("/livez", lambda _: departures() > before)


def test_progress_is_shown(slow_tab: Tab) -> None:
    page = slow_tab.page
    slow_tab.submit(long_article(10_000))
    expect(page.locator("#progress")).to_contain_text("Sätze übersetzt")
    expect(page.locator(".preview")).not_to_be_empty()
    expect(page.locator("#cancel")).to_be_in_viewport()
    expect(page.locator("#progress progress").first).to_be_in_viewport()
    expect(page.locator(".given")).to_contain_text("Das Museum zählte im Herbst 10000 Gäste.")
    page.click("#cancel")
    expect(page.locator("#progress")).to_be_hidden()


def test_markup_in_an_article_is_text(tab: Tab, page: Page) -> None:
    image = '<img src=x onerror="window.hit = 1">'
    hostile = f'<script>window.hit = 1</script> {image} <a href="javascript:window.hit = 1">Hier</a>'
    tab.result(f"Die Stadt {hostile} öffnet am Montag.\n\nDer Eintritt <b>ist</b> frei. {hostile}")
    assert page.locator(".article").locator("script, img, a, b").count() == 0
    expect(page.locator(".article .source").last).to_contain_text("<script>window.hit = 1")
    assert page.evaluate("window.hit") is None


def test_copy_fills_the_clipboard(tab: Tab, page: Page) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    summarised(tab)
    page.get_by_role("button", name="Zusammenfassung kopieren").click()
    expect(page.locator("#status")).to_have_text("Kopiert.")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied.startswith(str(page.locator(SUMMARY).first.text_content())[:20])
    assert "Hinweis" not in copied


def test_copy_works_without_a_clipboard(tab: Tab, page: Page) -> None:
    page.evaluate("Object.defineProperty(navigator, 'clipboard', {value: undefined})")
    summarised(tab)
    page.get_by_role("button", name="Übersetzung kopieren").click()
    expect(page.locator("#status")).to_contain_text("Strg+C")
    selected = page.evaluate("(box => box.value.slice(box.selectionStart, box.selectionEnd))(document.activeElement)")
    shown = re.sub(r"\(Hinweis \d+\)\d+", "", str(page.locator(TARGET).last.text_content()))
    assert shown in selected


def check_width(tab: Tab) -> None:
    """Assert that no visible element extends beyond the right edge of the window, unless it can be scrolled."""
    beyond = """[...document.querySelectorAll("main *:not(.unseen, .scrolling *, .tabs *)")]
        .filter((one) => one.getBoundingClientRect().right > innerWidth + 1).map((one) => one.outerHTML.slice(0, 80))"""
    assert tab.page.evaluate(beyond) == []


@pytest.mark.parametrize(
    "context",
    [{"viewport": {"width": 320, "height": 700}}, {"color_scheme": "dark"}],
    ids=["narrow", "dark"],
)
def test_page_is_readable(browser: Browser, server: Server, context: dict[str, object], screenshot: Path) -> None:
    with Tab.opened(browser, server.url, **context) as tab:
        check_width(tab)
        tab.page.screenshot(path=screenshot.with_stem(f"{screenshot.stem}-form"), full_page=True)
        summarised(tab)
        check_width(tab)
        tab.page.locator(SUMMARY).first.hover()
        tab.page.screenshot(path=screenshot, full_page=True)
