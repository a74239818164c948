"""Tests of the files of the web page: how the service delivers them, and what they must not contain."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from service.app import create_app
from service.observability.metrics import OTHER, WARNINGS
from service.settings import Settings

STATIC = Path(__file__).parents[2] / "service/web/static"
INDEX = (STATIC / "index.html").read_text("utf-8")
TEXTS = sorted(path for path in STATIC.iterdir() if path.suffix != ".png")
SCRIPTS = [path for path in TEXTS if path.suffix == ".js"]
CATALOGUES = {name: json.loads((STATIC / f"messages.{name}.json").read_text("utf-8")) for name in ("de", "en")}
MOST_LINES = 250


class Tags(HTMLParser):
    """A parser that collects the start tags of the web page, and the text in its scripts and styles."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.inline: list[str] = []
        self.feed(INDEX)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Record a start tag with its attributes."""
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        """Record the text between tags if it belongs to a script or style and is not blank."""
        if self.tags and self.tags[-1][0] in {"script", "style"} and data.strip():
            self.inline.append(data)


@pytest.fixture(scope="module")
def unready() -> TestClient:
    """Return a client of an application whose models have not been loaded."""
    return TestClient(create_app(Settings()))


def references(path: Path) -> set[str]:
    """Return the names of the files that ``path``, a file of the web page, refers to."""
    text = path.read_text("utf-8")
    found = re.findall(r'(?:src|href)="static/([^"]+)"', text) + re.findall(r'from "\./([^"]+)"', text)
    return set(found) | set(re.findall(r"url\(['\"]?([^)'\"]+)", text))


def test_page_is_served_before_the_models(unready: TestClient) -> None:
    answer = unready.get("/")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.content == (STATIC / "index.html").read_bytes()


@pytest.mark.parametrize("path", ["/", *(f"/static/{path.name}" for path in sorted(STATIC.iterdir()))])
def test_every_file_has_the_security_policy(unready: TestClient, path: str) -> None:
    answer = unready.get(path)
    assert answer.status_code == 200
    policy = dict(part.split(" ", 1) for part in answer.headers["content-security-policy"].split("; "))
    assert policy == {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "connect-src": "'self'",
        "img-src": "'self' data:",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"


def test_files_have_their_media_types(unready: TestClient) -> None:
    assert unready.get("/static/main.js").headers["content-type"] == "text/javascript; charset=utf-8"
    assert unready.get("/static/page.css").headers["content-type"] == "text/css; charset=utf-8"


def test_known_file_gets_304(unready: TestClient) -> None:
    first = unready.get("/static/page.css")
    assert first.headers["cache-control"] == "no-cache"
    for known in (first.headers["etag"], f'"other", W/{first.headers["etag"]}', "*"):
        again = unready.get("/static/page.css", headers={"if-none-match": known})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == first.headers["etag"]
    assert unready.get("/static/page.css", headers={"if-none-match": '"other"'}).status_code == 200


@pytest.mark.parametrize("path", ["/", "/static/main.js"])
def test_head_answers_like_get(unready: TestClient, path: str) -> None:
    head, get = unready.head(path), unready.get(path)
    assert head.status_code == 200
    for name in ("content-type", "content-length", "etag"):
        assert head.headers[name] == get.headers[name]


@pytest.mark.parametrize("path", ["none.js", "", "../page.py", "%2e%2e/page.py", "sub/main.js", "main.js/"])
def test_unknown_path_gets_404(unready: TestClient, path: str) -> None:
    answer = unready.get(f"/static/{path}")
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == "not_found"


@pytest.mark.parametrize("path", ["/", "/static/main.js"])
def test_page_is_read_only(unready: TestClient, path: str) -> None:
    answer = unready.post(path)
    assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")


def test_page_is_not_in_openapi(unready: TestClient) -> None:
    assert not {"/", "/static/{name}"} & set(unready.get("/openapi.json").json()["paths"])


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.name)
def test_named_files_exist(path: Path) -> None:
    assert references(path) <= {other.name for other in STATIC.iterdir()}


def test_every_file_is_used() -> None:
    named = set().union(*(references(path) for path in TEXTS))
    assert {path.name for path in STATIC.iterdir()} - named == {
        "index.html",
        "docs.html",
        "messages.de.json",
        "messages.en.json",
    }


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.name)
def test_no_file_names_another_origin(path: Path) -> None:
    assert not re.search(r"https?:|[\"'(]//|@import", path.read_text("utf-8"))


def test_page_has_no_inline_code() -> None:
    tags = Tags()
    assert tags.inline == []
    assert not [name for _, attributes in tags.tags for name in attributes if name.startswith("on") or name == "style"]
    assert "javascript:" not in INDEX


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_script_uses_no_unsafe_interface(path: Path) -> None:
    forbidden = r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|createContextualFragment|\beval\(|new Function"
    stores = r"localStorage|indexedDB|\.cookie" + ("" if path.name == "store.js" else "|sessionStorage")
    assert not re.search(f"{forbidden}|{stores}", path.read_text("utf-8"))


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_script_is_small_and_described(path: Path) -> None:
    lines = path.read_text("utf-8").splitlines()
    noun = path.stem.replace("codepoints", "code points")
    assert lines[0].lower().startswith(f"/** {noun}")
    assert lines[0].endswith(". */")
    assert len(lines) <= MOST_LINES


def test_catalogues_have_the_same_keys() -> None:
    german, english = CATALOGUES["de"], CATALOGUES["en"]
    assert list(german) == list(english)
    for key, message in german.items():
        assert message.strip()
        assert set(re.findall(r"\{\w+\}", message)) == set(re.findall(r"\{\w+\}", english[key])), key


def test_used_messages_exist() -> None:
    asked = set(re.findall(r'data-(?:text|label)="([^"]+)"', INDEX))
    for path in SCRIPTS:
        asked |= set(
            re.findall(
                r'"((?:page|entry|file|status|result|review|note|copy|failure|edit|panel|memory|facts|tab|saving)\.[a-z_.]+)"',
                path.read_text(),
            )
        )
    missing = {key for key in asked if key not in CATALOGUES["de"] and f"{key}.one" not in CATALOGUES["de"]}
    assert not missing


def test_page_text_matches_the_catalogue() -> None:
    for key, text in re.findall(r'data-text="([^"]+)">([^<]*)<', INDEX):
        assert CATALOGUES["de"][key] == text


@pytest.mark.parametrize("language", ["de", "en"])
def test_every_warning_has_a_name_and_an_explanation(language: str) -> None:
    codes = WARNINGS - {OTHER}
    assert {f"code.{code}" for code in codes} <= set(CATALOGUES[language])
    assert {f"explain.{code}" for code in codes} <= set(CATALOGUES[language])
