"""Tests of the example plugin in a real WordPress, in the block editor, with a real service."""

import base64
import json
import re
import shutil
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, Response, Route, expect

from tests.browser.gate import Gate, gated
from tests.browser.tab import PATIENCE_MS
from tests.chaos.server import PATIENCE_S, Server, serving
from tests.clients.conftest import Scripted, scripted
from tests.redis_server import redis_running
from tests.wordpress_site import PLUGIN, Site, wordpress_running

pytestmark = [pytest.mark.browser, pytest.mark.slow]

BLOCKS = (
    "<!-- wp:paragraph -->\n<p>Der <em>Stadtrat</em> hat am Montag über die Brücke beraten.</p>\n<!-- /wp:paragraph -->"
    "\n\n<!-- wp:paragraph -->\n"
    '<p>Sie soll <a href="https://cms.example/b">2027</a> fertig sein.</p>\n<!-- /wp:paragraph -->'
)
ARTICLE = {"title": "Rat berät", "excerpt": "Der Rat tagt am Abend.", "content": BLOCKS}
SEAL = base64.b64encode(b"s" * 32).decode()
AWAY = "http://127.0.0.1:9"
NO_JOBS: Scripted = (501, {}, b'{"code": "async_unavailable"}')
READY = "window.wp?.data?.select('core/editor')?.getCurrentPostId()"
SAVED = "(() => { const e = wp.data.select('core/editor'); return !e.isSavingPost() && !e.isEditedPostDirty(); })()"
SETUP = """() => {
    wp.data.dispatch('core/preferences').set('core/edit-post', 'welcomeGuide', false);
    wp.data.dispatch('core/edit-post').openGeneralSidebar('edit-post/document');
}"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with wordpress_running(tmp_path_factory.mktemp("wordpress")) as found:
        yield found
        assert found.errors() == ""


@pytest.fixture(scope="module")
def jobs_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Start a service with a Redis server, which therefore runs jobs."""
    with (
        redis_running(tmp_path_factory.mktemp("redis")) as redis,
        serving(redis_url=redis.url, cache_seal_key=SEAL) as found,
    ):
        yield found


@pytest.fixture(params=["jobs", "waiting"])
def gate(request: pytest.FixtureRequest, site: Site) -> Iterator[Gate]:
    """Connect the site to a service that delays its results, once with jobs and once without."""
    service: Server = request.getfixturevalue("jobs_server" if request.param == "jobs" else "server")
    with gated(service.url) as found:
        site.configure(url=found.url)
        yield found


@contextmanager
def editing(browser: Browser, site: Site, post: int) -> Iterator[Page]:
    """Open a post in the block editor, with the panel of the plugin."""
    cookies: Any = [{"name": c.name, "value": c.value, "url": f"{site.url}{c.path}"} for c in site.http.cookies.jar]
    with browser.new_context(locale="de-DE", viewport={"width": 1360, "height": 1000}) as context:
        context.set_default_timeout(PATIENCE_MS)
        context.add_cookies(cookies)
        page = context.new_page()
        failures: list[str] = []
        page.on("pageerror", lambda error: failures.append(str(error)))
        show(page, f"{site.url}/wp-admin/post.php?post={post}&action=edit")
        yield page
        assert failures == []


def show(page: Page, url: str) -> None:
    """Load the editor of a post, and open the panel."""
    page.on("dialog", lambda dialog: dialog.accept())
    page.goto(url, wait_until="domcontentloaded")
    page.wait_for_function(READY)
    page.evaluate(SETUP)
    head = page.get_by_role("button", name="Depesche", exact=True)
    head.wait_for()
    if head.get_attribute("aria-expanded") != "true":
        head.click()


def panel(page: Page) -> Locator:
    return page.locator(".components-panel__body", has=page.get_by_role("button", name="Depesche", exact=True))


def is_start(response: Response) -> bool:
    return response.request.method == "POST" and "english" in response.url


def write_and_save(page: Page, word: str) -> None:
    """Type a word at the end of the title, and store the post."""
    page.locator(".wp-block-post-title").click()
    page.keyboard.press("End")
    page.keyboard.type(f" {word}")
    save(page)


def save(page: Page) -> None:
    page.get_by_role("button", name="Save draft").click()
    page.wait_for_function(SAVED)


def content_of(site: Site, post: int) -> Any:
    return site.rest("GET", f"/wp/v2/posts/{post}?context=edit")


def ended(site: Site, task: str) -> Any:
    """Poll a task as the panel does, and return its state as soon as it has ended."""
    end = time.monotonic() + PATIENCE_S
    while (found := site.rest("GET", f"{task}&work=1"))["state"] == "running":
        assert time.monotonic() < end, found
        time.sleep(0.5)
    return found


def drafts_of(site: Site, post: int) -> list[Any]:
    """Return the English versions of a post."""
    found = site.rest("GET", "/wp/v2/posts?context=edit&status=draft&per_page=100")
    return [one for one in found if one["meta"]["_depesche_source"] == post]


# The block editor


def test_editor_writes_on_while_the_article_is_translated(
    browser: Browser, site: Site, gate: Gate, screenshot: Path
) -> None:
    post = site.post("Rat berät", BLOCKS, "Der Rat tagt am Abend.")
    with editing(browser, site, post) as page:
        page.get_by_role("button", name="Englische Fassung").click()
        assert gate.started.wait(PATIENCE_S)
        working = panel(page).get_by_text("In Arbeit.")
        working.wait_for()
        write_and_save(page, "heute")
        assert content_of(site, post)["title"]["raw"] == "Rat berät heute"
        expect(working).to_be_visible()
        page.screenshot(path=screenshot)
        gate.opened.set()
        panel(page).get_by_text("Die englische Fassung ist als Entwurf gespeichert.").wait_for()
        expect(panel(page).get_by_role("button", name="Englische Fassung")).to_be_enabled()
    (draft,) = drafts_of(site, post)
    assert draft["content"]["raw"].count("<!-- wp:paragraph -->") == 2
    assert '<a href="https://cms.example/b">' in draft["content"]["raw"]
    assert draft["title"]["raw"]
    assert draft["excerpt"]["raw"]
    assert "trainedAlgorithmicMedia" in draft["meta"]["_depesche_provenance"]
    assert content_of(site, post)["content"]["raw"] == BLOCKS


def test_english_version_shows_its_origin_and_warnings(
    browser: Browser, site: Site, server: Server, screenshot: Path
) -> None:
    site.configure(url=server.url)
    post = site.post("Rat berät", BLOCKS)
    with editing(browser, site, post) as page:
        page.get_by_role("button", name="Englische Fassung").click()
        link = page.get_by_role("link", name="Englische Fassung öffnen")
        link.wait_for()
        (draft,) = drafts_of(site, post)
        warnings = [one["message"] for one in json.loads(draft["meta"]["_depesche_notes"])["warnings"]]
        assert warnings
        expect(panel(page).get_by_text(warnings[0], exact=True).first).to_be_visible()
        page.screenshot(path=screenshot)
        show(page, str(link.get_attribute("href")))
        panel(page).get_by_text("Maschinelle Übersetzung dieses Beitrags:").wait_for()
        expect(panel(page).get_by_text(warnings[0], exact=True).first).to_be_visible()
        page.screenshot(path=screenshot.with_stem(f"{screenshot.stem}-draft"))
        assert "Maschinelle Übersetzung, nicht geprüft" in site.http.get("/wp-admin/edit.php").text
        page.get_by_label("Von einem Menschen geprüft").check()
        save(page)
        expect(page.get_by_role("link", name="Original öffnen")).to_have_attribute(
            "href", f"post.php?action=edit&post={post}"
        )
    assert site.meta(draft["id"])["_depesche_human_reviewed"] is True


def test_teaser_becomes_the_excerpt(browser: Browser, site: Site, server: Server, screenshot: Path) -> None:
    site.configure(url=server.url)
    post = site.post("Rat berät", BLOCKS, "Der alte Auszug.")
    with editing(browser, site, post) as page:
        page.get_by_role("button", name="Teaser").click()
        dialog = page.get_by_role("dialog")
        dialog.get_by_text("Der alte Auszug.").wait_for()
        teaser = dialog.locator("p").first.inner_text()
        page.screenshot(path=screenshot)
        dialog.get_by_role("button", name="Als Textauszug übernehmen").click()
        save(page)
    assert teaser
    assert content_of(site, post)["excerpt"]["raw"] == teaser


def test_service_that_is_away_stops_nobody(browser: Browser, site: Site, server: Server, screenshot: Path) -> None:
    site.configure(url=AWAY)
    post = site.post("Rat berät", BLOCKS)
    with editing(browser, site, post) as page:
        page.get_by_role("button", name="Englische Fassung").click()
        panel(page).get_by_text("Der Dienst ist nicht erreichbar.").wait_for()
        page.screenshot(path=screenshot)
        write_and_save(page, "weiter")
        site.configure(url=server.url)
        page.get_by_role("button", name="Englische Fassung").click()
        page.get_by_role("link", name="Englische Fassung öffnen").wait_for()
        expect(panel(page).get_by_text("Der Dienst ist nicht erreichbar.")).to_have_count(0)
    assert content_of(site, post)["title"]["raw"] == "Rat berät weiter"


@pytest.mark.parametrize("gate", ["waiting"], indirect=True)
def test_closed_editor_finds_its_task_again(browser: Browser, site: Site, gate: Gate) -> None:
    post = site.post("Rat berät", BLOCKS)
    with editing(browser, site, post) as page, page.expect_response(is_start):
        page.get_by_role("button", name="Englische Fassung").click()
    with editing(browser, site, post) as page:
        panel(page).get_by_text("In Arbeit.").wait_for()
        gate.opened.set()
        page.get_by_role("link", name="Englische Fassung öffnen").wait_for()
    assert len(drafts_of(site, post)) == 1


def test_request_that_the_web_server_breaks_off_is_repeated(browser: Browser, site: Site, server: Server) -> None:
    site.configure(url=server.url)
    post = site.post("Rat berät", BLOCKS)
    broken = []

    def break_off(route: Route) -> None:
        broken.append(route)
        if len(broken) == 1:
            route.abort()
        else:
            route.continue_()

    with editing(browser, site, post) as page:
        page.route(re.compile("work=1"), break_off)
        page.get_by_role("button", name="Englische Fassung").click()
        page.get_by_role("link", name="Englische Fassung öffnen").wait_for()
    assert len(broken) > 1


# The REST routes


@pytest.fixture
def start(site: Site) -> Callable[..., tuple[str, Any]]:
    """Return a function that starts a task for a new post, and returns the route of the task and the response."""

    def started(kind: str, url: str, **article: str) -> tuple[str, Any]:
        site.configure(url=url, key="secret")
        task = f"/depesche/v1/tasks/{kind}?post={site.post('Rat berät', BLOCKS)}"
        return task, site.asked("POST", task, ARTICLE | article)

    return started


def test_job_survives_a_service_that_is_away_for_a_moment(
    site: Site, jobs_server: Server, start: Callable[..., tuple[str, Any]]
) -> None:
    with gated(jobs_server.url) as gate:
        task, answer = start("english", gate.url)
        assert answer.json()["state"] == "running"
        gate.away.set()
        found = site.rest("GET", f"{task}&work=1")
        assert (found["state"], found["message"]) == ("running", "The service cannot be reached.")
        gate.away.clear()
        gate.opened.set()
        assert ended(site, task)["state"] == "done"


def test_request_without_a_result_in_time_is_repeated(
    site: Site, server: Server, start: Callable[..., tuple[str, Any]]
) -> None:
    late: Scripted = (504, {}, b'{"code": "deadline_exceeded"}')
    full: Scripted = (503, {"Retry-After": "1"}, b'{"code": "queue_full"}')
    with scripted(server.url, NO_JOBS, late, full) as (front, paths):
        task, _ = start("teaser", front)
        found = ended(site, task)
    assert found["state"] == "done"
    assert found["teaser"]
    assert paths == ["/v1/articles"] * 4


def test_two_windows_store_one_draft(site: Site, jobs_server: Server, start: Callable[..., tuple[str, Any]]) -> None:
    task, _ = start("english", jobs_server.url)
    nonce = site.http.get("/wp-admin/admin-ajax.php", params={"action": "rest-nonce"}).text
    with ThreadPoolExecutor(2) as windows:
        for _ in range(20):
            states = {
                one.json()["state"]
                for one in windows.map(lambda _: site.asked("GET", f"{task}&work=1", nonce=nonce), "ab")
            }
            if states == {"done"}:
                break
            time.sleep(0.2)
    assert states == {"done"}
    assert len(drafts_of(site, int(task.rpartition("=")[2]))) == 1


def test_lost_job_is_reported(site: Site, server: Server, start: Callable[..., tuple[str, Any]]) -> None:
    job: Scripted = (202, {}, b'{"id": "lost"}')
    with scripted(server.url, job) as (front, _):
        task, _ = start("english", front)
        site.configure(url=server.url)  # it knows no such job
        found = ended(site, task)
    assert found["state"] == "failed"
    assert found["message"].startswith(("The service has lost the task.", "The service answers 501"))


@pytest.mark.parametrize(
    ("answer", "status", "code", "message"),
    [
        ((503, {"Retry-After": "7"}, b'{"code": "queue_full"}'), 503, "depesche_queue_full", "in 7 seconds"),
        ((401, {}, b'{"code": "key_missing"}'), 502, "depesche_key_missing", "refuses the key"),
        ((200, {}, b"<html>login</html>"), 502, "depesche_not_understood", "not that of a Depesche service"),
        ((202, {}, b"[]"), 502, "depesche_not_understood", "not that of a Depesche service"),
    ],
)
def test_refusal_ends_no_session(
    server: Server, start: Callable[..., tuple[str, Any]], answer: Scripted, status: int, code: str, message: str
) -> None:
    with scripted(server.url, answer) as (front, _):
        _, found = start("english", front)
    assert (found.status_code, found.json()["code"]) == (status, code)
    assert message in found.json()["message"]


def test_invalid_article_is_explained(site: Site, server: Server, start: Callable[..., tuple[str, Any]]) -> None:
    task, _ = start("teaser", server.url, content=" ")
    found = ended(site, task)
    assert found["state"] == "failed"
    assert "[/body: " in found["message"]


def test_scripts_in_a_translation_are_removed(site: Site, start: Callable[..., tuple[str, Any]]) -> None:
    translation: dict[str, Any] = {
        "headline": "<b>T</b>",
        "lead": None,
        "text": "<p>a</p><script>x</script>",
        "warnings": [],
    }
    result = {"article": {"warnings": []}, "models": {}, "translation": translation}
    with scripted("", NO_JOBS, (200, {}, json.dumps(result).encode())) as (front, _):
        task, _ = start("english", front)
        assert ended(site, task)["state"] == "done"
    (draft,) = drafts_of(site, int(task.rpartition("=")[2]))
    assert (draft["title"]["raw"], draft["content"]["raw"].strip()) == ("T", "<p>a</p>x")


def test_only_who_may_edit_the_post_may_ask(site: Site, server: Server) -> None:
    site.configure(url=server.url)
    post = site.post("Rat berät", BLOCKS)
    route = f"/depesche/v1/tasks/english?post={post}"
    assert site.asked("POST", route, ARTICLE, nonce="stale").status_code == 403
    password = "another long password"  # noqa: S105 - the site exists only during the test
    name = f"author{post}"
    user = {"username": name, "email": f"{name}@cms.example", "password": password, "roles": ["author"]}
    site.rest("POST", "/wp/v2/users", user)
    with site.logged_in(name, password) as author:
        assert author.asked("POST", route, ARTICLE).json()["code"] == "rest_forbidden"
        own = author.post("Eigener Beitrag", BLOCKS)
        assert author.asked("POST", f"/depesche/v1/tasks/english?post={own}", ARTICLE).status_code == 200


# Settings


def test_settings_keep_a_key_secret(site: Site) -> None:
    site.configure(url="http://10.0.0.5:8000/", key="t0p-secret")
    page = site.configure(url="http://10.0.0.5:8000", key="")
    assert 'value="http://10.0.0.5:8000"' in page
    assert "t0p-secret" not in page
    assert "gespeichert; leer lassen behält ihn" in page
    assert 'placeholder="keiner"' in site.configure(url="http://10.0.0.5:8000", forget_key="1")


@pytest.mark.parametrize("typed", ["javascript:alert(1)", "no address"])
def test_wrong_address_is_refused(site: Site, typed: str) -> None:
    site.configure(url="https://depesche.example")
    page = site.configure(url=typed)
    assert 'value="https://depesche.example"' in page
    assert "Die Adresse muss aussehen wie" in page


def test_uninstalling_deletes_the_key_and_keeps_the_drafts(site: Site, server: Server) -> None:
    site.configure(url=server.url, key="t0p-secret")
    post = site.post("Rat berät", BLOCKS)
    task = f"/depesche/v1/tasks/english?post={post}"
    site.rest("POST", task, ARTICLE)
    ended(site, task)
    folder = site.plugins / "depesche"
    site.rest("POST", "/wp/v2/plugins/depesche/depesche", {"status": "inactive"})
    site.rest("DELETE", "/wp/v2/plugins/depesche/depesche")
    assert not folder.exists()
    shutil.copytree(PLUGIN, folder)
    site.rest("POST", "/wp/v2/plugins/depesche/depesche", {"status": "active"})
    page = site.http.get("/wp-admin/options-general.php?page=depesche").text
    assert 'placeholder="keiner"' in page
    assert len(drafts_of(site, post)) == 1
