"""Tests of the web page's JavaScript modules in a browser."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from playwright.sync_api import Page, expect

from tests.browser.answers import ARTICLE
from tests.browser.tab import Tab

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


def run(page: Page, module: str, program: str, given: Any) -> Any:
    """Call the JavaScript function ``program`` with a module of the web page and the value ``given``.

    Return the result of the function. ``module`` is the name of the module without ``.js``.
    """
    return page.evaluate(f"async (given) => ({program})(await import('/static/{module}.js'), given)", given)


@given(texts=st.lists(TEXTS, min_size=1, max_size=20))
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_offsets_are_code_points(page: Page, texts: list[str]) -> None:
    cuts = [
        (text, start, end) for text in texts for start in range(len(text) + 1) for end in range(start, len(text) + 1)
    ]
    program = "({CodePoints}, cuts) => cuts.map(([text, start, end]) => new CodePoints(text).slice(start, end))"
    assert run(page, "codepoints", program, cuts) == [text[start:end] for text, start, end in cuts]


def test_emoji_offsets_convert_both_ways(page: Page) -> None:
    program = """({CodePoints}, text) => {
        const points = new CodePoints(text);
        return [points.length, points.utf16(2), points.of(3), points.utf16(99)];
    }"""
    assert run(page, "codepoints", program, "a🎉b👩‍🚀") == [6, 3, 2, 9]


def test_events_are_read_from_any_chunks(page: Page) -> None:
    first = ': alive\n\nevent: sentence\ndata: {"text": "Grüße 🎉"}\n\ndata: [1]\n\n'
    stream = first + 'event: result\ndata: {"a":\ndata: 2}\n\nevent: cut'
    program = """async ({eventsOf}, {stream, size}) => {
        const bytes = new TextEncoder().encode(stream);
        const body = new ReadableStream({ start(control) {
            for (let n = 0; n < bytes.length; n += size) control.enqueue(bytes.slice(n, n + size));
            control.close();
        } });
        const found = [];
        for await (const event of eventsOf(body)) found.push([event.name, event.data]);
        return found;
    }"""
    for size in (1, 7, 1000):
        found = run(page, "stream", program, {"stream": stream, "size": size})
        assert found == [["sentence", {"text": "Grüße 🎉"}], ["message", [1]], ["result", {"a": 2}]]


def test_overlapping_ranges_lose_no_text(page: Page) -> None:
    program = """async ({piecesOf}, text) => {
        const {CodePoints} = await import("/static/codepoints.js");
        const ranges = [{start: 0, end: 4, name: "a"}, {start: 2, end: 9, name: "b"}, {start: 5, end: 5, name: "c"}];
        const names = (piece) => piece.ranges.map((range) => range.name).join("");
        return piecesOf(new CodePoints(text), 1, 6, ranges).map((piece) => [piece.text, names(piece)]);
    }"""
    assert run(page, "pieces", program, "0🎉234567") == [["🎉", "a"], ["23", "ab"], ["45", "b"]]


def test_pasted_page_runs_no_script(page: Page) -> None:
    html = """<html><head><title>T</title><script>window.hit = 1</script></head><body><h1>Titel</h1>
        <p>Ein <b>fetter</b>\n   Satz.<br>Neue Zeile &lt;hier&gt;</p><img src="/never.png">
        <ul><li>eins<li>zwei</ul></body></html>"""
    text = run(page, "file", "({visibleText}, html) => visibleText(html)", html)
    assert text == "Titel\n\nEin fetter Satz.\nNeue Zeile <hier>\n\neins\n\nzwei"
    assert page.evaluate("window.hit") is None


@pytest.mark.parametrize(
    ("name", "content", "text"),
    [
        ("a.txt", "Grüße 🎉".encode(), "Grüße 🎉"),
        ("alt.txt", "Grüße".encode("cp1252"), "Grüße"),
        ("seite.html", "<p>Grüße</p><script>1</script>".encode(), "Grüße"),
    ],
)
def test_file_opens_in_the_form(page: Page, name: str, content: bytes, text: str) -> None:
    page.set_input_files("#file", {"name": name, "mimeType": "", "buffer": content})
    expect(page.locator("#body")).to_have_value(text)
    expect(page.locator("#status")).to_contain_text(f"{name} geöffnet")


@pytest.mark.parametrize(
    ("lines", "terms"),
    [
        ("", {"glossary": {}, "do_not_translate": []}),
        (" Rathaus =  city hall \n\n1. FC Köln\na = b = c", {"glossary": {"Rathaus": "city hall", "a": "b = c"}}),
        ("Bahn\r\nBus", {"do_not_translate": ["Bahn", "Bus"]}),
        ("__proto__ = x\nconstructor", {"do_not_translate": ["constructor"]}),
    ],
)
def test_terms_are_read_line_by_line(page: Page, lines: str, terms: dict[str, Any]) -> None:
    found = run(page, "glossary", "({termsOf}, lines) => termsOf(lines)", lines)
    assert found.keys() == {"glossary", "do_not_translate"}
    assert {**found, **terms} == found


@pytest.mark.parametrize(("lines", "wrong"), [("= x", 1), ("\nRathaus =", 2), ("a = b\na = c", 2), ("a\nb\na", 3)])
def test_malformed_term_is_named(page: Page, lines: str, wrong: int) -> None:
    page.fill("#body", "Es regnet.")
    page.click("#options > summary")
    page.fill("#terms", lines)
    page.click("#submit")
    message = page.locator("#terms").evaluate("(field) => field.validationMessage")
    assert message.startswith(f"Zeile {wrong}:")
    page.fill("#terms", "")
    page.click("#submit")
    page.locator("#result-title").wait_for()


def test_large_file_is_refused(page: Page, tmp_path: Path) -> None:
    large = tmp_path / "large.txt"
    large.write_bytes(b"x" * (8 * 2**20 + 1))
    page.set_input_files("#file", large)
    expect(page.locator("#status")).to_contain_text("höchstens 8 MB")
    expect(page.locator("#body")).to_have_value("")


def test_sample_article_works(tab: Tab, page: Page, given_article: str) -> None:
    tab.result(given_article)
    assert page.locator(".summary .sentence").count() > 0
    assert page.locator(".target .sentence").count() > 30
    assert ARTICLE not in page.content()
