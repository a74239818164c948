"""Tests of editing on the web page: changed sentences, the content of reloads and downloads, files, and tabs."""

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
from docx import Document
from playwright.sync_api import Browser, Page, expect

from tests.browser.answers import SOURCE, streamed, warned
from tests.browser.tab import Tab
from tests.chaos.server import Server

CHANGED = "🎉🎉 The hall had 120 seats."
TARGET = ".target .sentence"


def edited(tab: Tab, text: str = CHANGED) -> None:
    """Show the fixed response, and change the first sentence of its translation. The service checks the sentence."""
    tab.answer_with(**streamed(warned()))
    tab.result("any")
    tab.page.locator(TARGET).first.click()
    tab.page.fill(".editor textarea", text)
    tab.page.keyboard.press("Enter")
    expect(tab.page.locator(".editor")).to_have_count(0)


def downloaded(page: Page, menu: str, name: str) -> bytes:
    page.locator(".menu summary", has_text=menu).click()
    with page.expect_download() as started:
        page.get_by_role("button", name=name, exact=True).click()
    return Path(started.value.path()).read_bytes()


def test_changed_sentence_is_checked_again(tab: Tab, page: Page) -> None:
    with page.expect_request("**/v1/check") as sent:
        edited(tab)
    body: dict[str, Any] = sent.value.post_data_json or {}
    assert (body["task"], body["source"], body["text"]) == ("translation", "🎉🎉 Im Saal gab es 120 Plätze.", CHANGED)
    expect(page.locator(TARGET).first).to_have_text(CHANGED)
    expect(page.locator(TARGET).nth(1)).to_have_text("It stayed calm.")
    expect(page.locator(".note", has_text="Größenordnung verändert")).to_have_count(0)
    expect(page.locator(".titles .facts")).to_have_text("ein Satz geändert")


def test_new_error_gets_a_note(tab: Tab, page: Page) -> None:
    edited(tab, "🎉🎉 The hall had 77 seats.")
    note = page.locator(".panel .note", has_text="Zahl nicht belegt")
    expect(note).to_contain_text("77")
    expect(page.locator(f"{TARGET} mark.review", has_text="77")).to_have_count(1)


def test_escape_keeps_the_sentence(tab: Tab, page: Page) -> None:
    tab.answer_with(**streamed(warned()))
    tab.result("any")
    page.locator(TARGET).first.click()
    page.fill(".editor textarea", "x")
    page.keyboard.press("Escape")
    expect(page.locator(TARGET).first).to_contain_text("1,200")
    assert not [asked for asked in tab.requests if asked.endswith("/v1/check")]


def test_failed_check_keeps_the_typed_text(tab: Tab, page: Page) -> None:
    page.route("**/v1/check", lambda route: route.abort("connectionrefused"))
    tab.answer_with(**streamed(warned()))
    tab.result("any")
    page.locator(TARGET).first.click()
    page.fill(".editor textarea", CHANGED)
    page.keyboard.press("Enter")
    expect(page.locator(".editor")).to_contain_text("Das ging nicht")
    expect(page.locator(".editor textarea")).to_have_value(CHANGED)


def test_sentence_of_the_summary_is_changed(tab: Tab, page: Page) -> None:
    tab.answer_with(**streamed(warned()))
    tab.result("any")
    page.locator(".summary .sentence").click()
    expect(page.locator(".summary .excerpt")).to_have_text("Es blieb ruhig.")
    page.get_by_role("button", name="Satz ändern").click()
    page.fill(".editor textarea", "Es blieb im Saal ruhig.")
    page.keyboard.press("Enter")
    expect(page.locator(".summary .text")).to_have_text("Es blieb im Saal ruhig.")
    expect(page.locator(".note", has_text="Name nicht belegt")).to_have_count(0)


def test_reload_loses_nothing(tab: Tab, page: Page) -> None:
    edited(tab)
    page.get_by_role("button", name="Gesehen").click()
    verdict = page.locator(".panel .verdict").text_content()
    page.reload()
    expect(page.locator(TARGET).first).to_have_text(CHANGED)
    expect(page.locator("#body")).to_have_value("any")
    expect(page.locator(".panel .verdict")).to_have_text(str(verdict))
    page.get_by_role("button", name="Dieses Fenster leeren").click()
    expect(page.locator("#body")).to_have_value("")
    expect(page.locator(".result")).to_have_count(0)
    page.reload()
    page.locator("body[data-ready]").wait_for()
    assert page.evaluate("sessionStorage.length") == 0


def test_downloads_contain_the_changes(tab: Tab, page: Page) -> None:
    edited(tab)
    assert CHANGED in downloaded(page, "Herunterladen", "Text").decode()
    page.locator(".menu summary", has_text="Herunterladen").click()
    assert CHANGED in downloaded(page, "Herunterladen", "HTML").decode()
    page.locator(".menu summary", has_text="Herunterladen").click()
    word = downloaded(page, "Herunterladen", "Word")
    assert zipfile.ZipFile(io.BytesIO(word)).testzip() is None
    assert f"{CHANGED} It stayed calm." in [paragraph.text for paragraph in Document(io.BytesIO(word)).paragraphs]
    page.locator(".menu summary", has_text="Herunterladen").click()
    answer = json.loads(downloaded(page, "Herunterladen", "JSON"))
    assert answer["translation"]["text"].startswith(CHANGED)
    assert answer["translation"]["sentences"][0]["edited"] == "🎉🎉 The hall had 1,200 seats."


@pytest.mark.parametrize("name", ["JSON Lines", "TMX"])
def test_corrections_can_be_read_again(tab: Tab, page: Page, name: str) -> None:
    edited(tab, f"{CHANGED} <&>")
    file = downloaded(page, "Meine Korrekturen", name)
    program = "async (text) => (await import('/static/corrections.js')).readCorrections(text)"
    assert page.evaluate(program, file.decode()) == [
        {"source": "🎉🎉 Im Saal gab es 120 Plätze.", "target": f"{CHANGED} <&>"}
    ]


QUIET = "Es blieb ruhig."
CORRECTION = {"source": QUIET, "target": "It remained quiet."}


def open_corrections(page: Page) -> None:
    page.set_input_files("#file", {"name": "c.jsonl", "mimeType": "", "buffer": json.dumps(CORRECTION).encode()})
    expect(page.get_by_role("status").first).to_contain_text("1 Korrekturen gelesen")


def test_opened_correction_replaces_the_same_sentence(tab: Tab, page: Page) -> None:
    open_corrections(page)
    tab.result(f"Es regnet am Montag. {QUIET}")
    expect(page.locator(TARGET).nth(1)).to_have_text("It remained quiet.")
    expect(page.locator(".titles .facts")).to_contain_text("ein Satz aus Korrekturen")
    expect(page.locator(f"{TARGET}.from-memory")).to_have_count(1)


def test_clearing_removes_the_corrections_and_keeps_the_key(tab: Tab, page: Page) -> None:
    open_corrections(page)
    page.evaluate("document.querySelector('#key').value = 'secret'")
    page.get_by_role("button", name="Dieses Fenster leeren").click()
    expect(page.locator("#key")).to_have_value("secret")
    assert page.evaluate("sessionStorage.length") == 0
    with page.expect_request("**/v1/articles") as sent:
        tab.result(QUIET)
    assert "memory" not in (sent.value.post_data_json or {})


def test_reload_keeps_corrections_without_an_article(tab: Tab, page: Page) -> None:
    open_corrections(page)
    page.reload()
    page.locator("body[data-ready]").wait_for()
    with page.expect_request("**/v1/articles") as sent:
        tab.result(QUIET)
    assert json.loads((sent.value.post_data_json or {})["memory"]) == CORRECTION


def test_changed_correction_is_exported_without_a_model_text(tab: Tab, page: Page) -> None:
    open_corrections(page)
    tab.result(QUIET)
    page.locator(TARGET).first.click()
    page.fill(".editor textarea", "It was quiet.")
    page.keyboard.press("Enter")
    expect(page.locator(TARGET).first).to_have_text("It was quiet.")
    assert json.loads(downloaded(page, "Meine Korrekturen", "JSON Lines")) == {
        "source": QUIET,
        "target": "It was quiet.",
    }


def test_alternative_is_taken_and_checked(tab: Tab, page: Page) -> None:
    tab.answer_with(**streamed(warned()))
    tab.result("any")
    page.locator(TARGET).first.click()
    with page.expect_request("**/v1/translate") as sent:
        page.get_by_role("button", name="Andere Übersetzungen").click()
    body: dict[str, Any] = sent.value.post_data_json or {}
    assert (body["text"], body["alternatives"]) == ("🎉🎉 Im Saal gab es 120 Plätze.", 4)
    other = page.locator(".alternatives button").nth(1)
    expect(other).to_be_visible()
    text = other.text_content()
    with page.expect_request("**/v1/check") as checked:
        other.click()
    assert (checked.value.post_data_json or {})["text"] == text
    expect(page.locator(f"{TARGET}.edited")).to_have_count(1)
    expect(page.locator(".editor")).to_have_count(0)


def test_reviewed_translation_gets_its_label(tab: Tab, page: Page) -> None:
    edited(tab)
    page.get_by_role("button", name="Übersetzung als geprüft kennzeichnen").click()
    expect(page.locator(".reviewed")).to_contain_text("Created with AI and reviewed by an editor.")
    assert "Created with AI and reviewed by an editor." in downloaded(page, "Herunterladen", "Text").decode()


def test_page_asks_for_memory_alone(tab: Tab, page: Page) -> None:
    with page.expect_request("**/v1/articles") as sent:
        tab.result("Es regnet am Montag.")
    assert sent.value.headers["depesche-cache"] == "memory"
    expect(page.locator("#memory")).to_contain_text("höchstens 30 Minuten")
    page.get_by_role("button", name="Jetzt vergessen").click()
    expect(page.get_by_role("status").first).to_contain_text("gelöscht")


def test_keeping_nothing_sends_no_store(tab: Tab, page: Page) -> None:
    tab.options()
    page.check("input[name=nothing]")
    with page.expect_request("**/v1/articles") as sent:
        tab.result("Es regnet am Montag.")
    assert sent.value.headers["cache-control"] == "no-store"
    expect(page.locator("#memory")).to_contain_text("Nichts behalten")


DROP = """([name, text]) => {
    const data = new DataTransfer();
    data.items.add(new File([text], name));
    for (const kind of ["dragover", "drop"])
        document.body.dispatchEvent(new DragEvent(kind, {bubbles: true, cancelable: true, dataTransfer: data}));
}"""


def test_dropped_file_opens(page: Page) -> None:
    page.evaluate(DROP, ["a.txt", "Der Zug fährt heute nicht."])
    expect(page.locator("#body")).to_have_value("Der Zug fährt heute nicht.")


def test_formatted_text_is_pasted_as_paragraphs(page: Page) -> None:
    page.locator("#body").evaluate("""(field) => {
        const data = new DataTransfer();
        data.setData("text/html", "<h2>Titel</h2><p>Ein <b>Satz</b>.</p>");
        field.dispatchEvent(new ClipboardEvent("paste", {bubbles: true, cancelable: true, clipboardData: data}));
    }""")
    expect(page.locator("#body")).to_have_value("Titel\n\nEin Satz.")


def test_word_document_is_sent_as_document(page: Page) -> None:
    file, written = io.BytesIO(), Document()
    written.add_paragraph("Die Bibliothek in der Altstadt öffnet am Montag wieder.")
    written.save(file)
    page.set_input_files("#file", {"name": "a.docx", "mimeType": "", "buffer": file.getvalue()})
    expect(page.locator("#opened-word")).to_be_visible()
    page.click("#submit")
    page.locator("#result-title").wait_for()
    expect(page.locator(".article .source").last).to_contain_text("Die Bibliothek in der Altstadt öffnet")


def test_narrow_window_shows_one_text(browser: Browser, server: Server) -> None:
    with Tab.opened(browser, server.url, viewport={"width": 390, "height": 844}) as tab:
        page = tab.page
        tab.answer_with(**streamed(warned()))
        tab.result("any")
        expect(page.locator(".summary")).to_be_visible()
        expect(page.locator(".article .target").last).to_be_hidden()
        page.get_by_role("button", name="Übersetzung", exact=True).click()
        expect(page.locator(".summary")).to_be_hidden()
        expect(page.locator(".article .source").last).to_be_hidden()
        expect(page.locator(".article .target").last).to_be_visible()
        page.get_by_role("button", name="Hinweise", exact=True).click()
        page.get_by_role("button", name="Im Text zeigen").click()
        expect(page.locator(".target mark.lit")).to_be_in_viewport()
        page.get_by_role("button", name="Artikel", exact=True).click()
        expect(page.locator(".article .source").last).to_contain_text(SOURCE[3:10])


def test_edit_keeps_the_tab_of_a_narrow_window(browser: Browser, server: Server) -> None:
    with Tab.opened(browser, server.url, viewport={"width": 390, "height": 844}) as tab:
        tab.answer_with(**streamed(warned()))
        tab.result("any")
        tab.page.get_by_role("button", name="Übersetzung", exact=True).click()
        tab.page.locator(TARGET).first.click()
        tab.page.fill(".editor textarea", CHANGED)
        tab.page.keyboard.press("Enter")
        expect(tab.page.locator(f"{TARGET}.edited")).to_be_visible()
        expect(tab.page.locator("[data-tab=translation]")).to_have_attribute("aria-pressed", "true")


def test_answer_without_a_translation_has_no_tab_for_it(tab: Tab, page: Page) -> None:
    answer = warned()
    answer["translation"] = None
    tab.answer_with(**streamed(answer))
    tab.result("any")
    assert page.locator("[data-tab]").evaluate_all("(all) => all.map((one) => one.dataset.tab)") == [
        "summary",
        "article",
        "notes",
    ]
