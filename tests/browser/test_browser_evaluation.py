"""Tests of the evaluation page on which editors mark pairs blind. The page is opened as a file, without a server."""

import json
from pathlib import Path

from playwright.sync_api import Browser, expect

from service.evaluation.command import read_record
from service.evaluation.pages import marking_page, report_page
from service.evaluation.record import Evaluation, Marks, verdict
from tests.evaluation.records import article_of, evaluation_of, output_of

A = output_of(["One is there.", "Two is there.", "Three is there."])
B = output_of(["One is here.", "Two is <i>here</i>.", "Three is here."])


def written(folder: Path) -> tuple[Evaluation, str]:
    """Write the marking page of an evaluation with six pairs to ``folder``, and return its URL."""
    evaluation = evaluation_of(article_of(A, B, "a.txt"), article_of(A, B, "b.txt"))
    file = folder / "marking.html"
    file.write_text(marking_page(evaluation, "de", "en"), "utf-8")
    return evaluation, file.as_uri()


def test_pairs_are_marked_by_keys_and_buttons_and_saved(browser: Browser, tmp_path: Path, screenshot: Path) -> None:
    evaluation, url = written(tmp_path)
    complaints: list[str] = []
    with browser.new_context(locale="de-DE", accept_downloads=True) as context:
        page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on(
            "request", lambda asked: None if asked.url.startswith(("file:", "blob:")) else complaints.append(asked.url)
        )
        page.goto(url)
        page.locator("body[data-ready]").wait_for()
        shown = []
        for key in "132":
            shown.append((page.locator("#left").text_content(), page.locator("#right").text_content()))
            page.keyboard.press(key)
        page.get_by_role("button", name="Rechts ist besser").click()
        expect(page.locator("#count")).to_have_text("4 von 6 Paaren beurteilt. Paar 5.")
        page.keyboard.press("ArrowLeft")
        expect(page.locator("[data-mark=right]")).to_have_attribute("aria-pressed", "true")
        page.reload()
        expect(page.locator("#count")).to_have_text("4 von 6 Paaren beurteilt. Paar 5.")
        page.screenshot(path=screenshot)
        with page.expect_download() as download:
            page.get_by_role("button", name="Urteile als Datei speichern").click()
        download.value.save_as(tmp_path / "marks.json")
    marks = read_record(tmp_path / "marks.json", Marks)
    ids = [pair.id for pair in evaluation.pairs]
    assert marks.marks == dict(zip(ids, ["left", "right", "equal", "right"], strict=False))
    assert shown == [p.texts if p.first == "left" else p.texts[::-1] for p in evaluation.pairs[:3]]
    assert verdict(evaluation, [marks]).equal == 1
    assert complaints == []


def test_the_report_loads_nothing(browser: Browser, tmp_path: Path, screenshot: Path) -> None:
    evaluation, _ = written(tmp_path)
    marks = Marks(evaluation=evaluation.id, marks=json.loads('{"p0001": "left", "p0002": "equal"}'))
    (tmp_path / "report.html").write_text(report_page(evaluation, [marks]), "utf-8")
    asked: list[str] = []
    with browser.new_context() as context:
        page = context.new_page()
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda message: asked.append(message.text))
        page.goto((tmp_path / "report.html").as_uri())
        expect(page.get_by_role("heading", name="Translation: alpha and beta")).to_be_visible()
        expect(page.locator(".bar span")).to_have_count(3)
        page.screenshot(path=screenshot, full_page=True)
    assert asked == [(tmp_path / "report.html").as_uri()]
