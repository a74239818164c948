"""Tests of how the web page shows warnings, unknown fields and rejected requests."""

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.answers import ARTICLE, SOURCE, problem, streamed, warned
from tests.browser.tab import Tab


def marked(page: Page, cell: str) -> list[str]:
    return page.locator(f"{cell} mark.noted").all_text_contents()


def test_warnings_follow_emoji_correctly(tab: Tab, page: Page) -> None:
    tab.answer_with(**streamed(warned()))
    tab.result("any")
    assert marked(page, ".source") == ["120", "ruhig"]
    assert marked(page, ".target") == ["1,200"]
    assert marked(page, ".summary") == ["🎉"]
    assert page.locator(".target .sentence").all_text_contents()[0].startswith("🎉🎉 The hall had 1,200")


def test_warning_reaches_screen_readers(tab: Tab, page: Page) -> None:
    tab.answer_with(**streamed(warned()))
    tab.result("any")
    note = page.locator(".panel .note", has_text="Größenordnung verändert")
    expect(note).to_contain_text("Tausend, Million und Milliarde vergleichen")
    expect(note).to_contain_text("1,200")
    described = page.locator(".source mark", has_text="120").get_attribute("aria-describedby")
    assert described == note.get_attribute("id")
    expect(note).to_be_visible()
    note.hover()
    assert {"120", "1,200"} <= set(tab.lit())


def test_unknown_warning_is_shown(tab: Tab, page: Page) -> None:
    tab.answer_with(**streamed(warned()))
    tab.result("any")
    expect(page.locator(".note", has_text="brand_new")).to_contain_text("a check that this page does not know")
    expect(page.locator(".note", has_text="Deutsch stehen geblieben")).to_contain_text("deutsche Wörter")
    expect(page.locator(".panel .verdict")).to_have_text("Noch eine Stelle zu prüfen")


def test_notes_come_one_at_a_time(tab: Tab, page: Page) -> None:
    tab.answer_with(**streamed(warned()))
    tab.result("any")
    shown = page.locator(".panel .note:visible")
    expect(shown).to_have_count(1)
    expect(shown).to_contain_text("Größenordnung verändert")
    page.get_by_role("button", name="Gesehen").click()
    expect(shown).not_to_contain_text("Größenordnung verändert")
    expect(page.locator(".panel .verdict")).to_have_text("Alle Stellen sind gesehen")
    page.keyboard.press("Shift+F8")
    expect(shown).to_contain_text("Größenordnung verändert")
    assert {"120", "1,200"} <= set(tab.lit())


def test_notes_are_in_the_language_of_the_page(tab: Tab, page: Page) -> None:
    tab.answer_with(**streamed(warned()))
    tab.result("any")
    page.get_by_role("link", name="English").click()
    expect(page.locator(".panel .note:visible")).to_contain_text("Compare thousand, million and billion")


def test_warning_does_not_change_the_running_text(tab: Tab, page: Page) -> None:
    tab.answer_with(**streamed(warned()))
    tab.result("any")
    style = "(mark) => { const s = getComputedStyle(mark); return [s.paddingLeft, s.borderLeftWidth, s.fontSize]; }"
    mark = page.locator(".target mark.review").evaluate(style)
    text = page.locator(".target .text").evaluate("(text) => getComputedStyle(text).fontSize")
    assert mark == ["0px", "0px", text]


def test_support_is_lit_below_a_warning(tab: Tab, page: Page) -> None:
    answer = warned()
    answer["translation"]["warnings"][1]["review"] = True
    tab.answer_with(**streamed(answer))
    tab.result("any")
    page.locator(".summary .sentence").hover()
    colours = "(one) => getComputedStyle(one).backgroundColor"
    marked_colour = page.locator(".source mark", has_text="ruhig").evaluate(colours)
    assert marked_colour == page.locator(".summary .sentence").evaluate(colours)
    assert "It stayed calm." in tab.lit()


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"article": {"body": SOURCE}},
        {"article": {"body": SOURCE}, "summary": {}, "translation": {}, "summary_translation": {"text": "Fair."}},
        {
            "article": {"body": SOURCE},
            "summary": {"text": "Ja.", "sentences": [{"text": "Ja."}], "warnings": [{}]},
            "new": [1],
        },
        {"models": None, "provenance": None, "article": {"body": "", "spans": [], "removed": [{"reason": "new"}]}},
    ],
    ids=["nothing", "body", "empty-outputs", "sparse-summary", "nulls"],
)
def test_missing_or_new_field_is_no_error(tab: Tab, page: Page, answer: dict[str, Any]) -> None:
    tab.answer_with(**streamed(answer))
    tab.result("any")
    expect(page.locator(".failure")).to_have_count(0)


def test_busy_service_offers_a_retry(tab: Tab, page: Page) -> None:
    tab.answer_with(**problem(503, "queue_full", **{"retry-after": "2"}))
    tab.submit("Das Museum öffnet am Montag um 9 Uhr.")
    again = page.get_by_role("button", name="Erneut versuchen")
    expect(again).to_be_disabled()
    expect(page.locator(".failure")).to_contain_text("Erneut möglich in")
    expect(page.locator(".failure")).to_contain_text("queue_full")
    expect(again).to_be_enabled()
    page.unroute("**/v1/articles")
    again.click()
    page.locator("#result-title").wait_for()
    expect(page.locator(".failure")).to_have_count(0)


def test_failure_in_the_stream_is_shown(tab: Tab, page: Page) -> None:
    said = '{"status": 504, "code": "deadline_exceeded", "detail": "too late", "request_id": "r-2"}'
    event = {"headers": {"content-type": "text/event-stream"}, "body": f"event: error\ndata: {said}\n\n"}
    tab.answer_with(**event)
    tab.submit(ARTICLE)
    expect(page.locator(".failure")).to_contain_text("Die Bearbeitung hat zu lange gedauert.")
    expect(page.locator(".failure")).to_contain_text("r-2")
    expect(page.get_by_role("button", name="Erneut versuchen")).to_be_enabled()


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (
            {
                "headers": {"content-type": "text/event-stream"},
                "body": 'event: progress\ndata: {"done": 1, "of": 2}\n\n',
            },
            "brach ab",
        ),
        ({"status": 502, "body": "<h1>Bad gateway</h1>"}, "abgelehnt"),
    ],
    ids=["cut", "gateway"],
)
def test_foreign_answer_is_a_failure(tab: Tab, page: Page, answer: dict[str, Any], message: str) -> None:
    tab.answer_with(**answer)
    tab.submit(ARTICLE)
    expect(page.locator(".failure")).to_contain_text(message)


def test_unreachable_service_is_reported(tab: Tab, page: Page) -> None:
    page.route("**/v1/articles", lambda route: route.abort("connectionrefused"))
    tab.submit(ARTICLE)
    expect(page.locator(".failure")).to_contain_text("nicht erreichbar")
