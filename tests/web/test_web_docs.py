"""Tests of the documentation page `/docs`, and of a service whose paths have a prefix."""

from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from service.app import create_app
from service.settings import Settings

PREFIX = "/tools/depesche"


@pytest.fixture(params=["", PREFIX])
def below_a_path(request: pytest.FixtureRequest) -> tuple[TestClient, str]:
    """Return a client of a service with a path prefix, and the prefix that the client must add to its paths.

    A proxy may remove the prefix, so the client adds either nothing or the whole prefix.
    """
    return TestClient(create_app(Settings(root_path=PREFIX))), request.param


def test_docs_load_nothing_from_other_hosts() -> None:
    client = TestClient(create_app(Settings()))
    page = client.get("/docs")
    assert page.status_code == 200
    assert "https:" not in page.text
    assert "'unsafe-inline'" not in page.headers["content-security-policy"]
    assert client.get("/redoc").status_code == 404


def test_docs_can_be_turned_off() -> None:
    client = TestClient(create_app(Settings(docs=False)))
    assert client.get("/docs").status_code == 404
    assert client.get("/openapi.json").status_code == 404
    assert client.get("/livez").status_code == 200


def test_every_path_works_below_a_prefix(below_a_path: tuple[TestClient, str]) -> None:
    client, prefix = below_a_path
    for path in ("/", "/docs", "/static/docs.js", "/openapi.json", "/livez", "/v1/models", "/languages"):
        assert client.get(prefix + path).status_code == 200, path
    assert client.get(f"{prefix}/openapi.json").json()["servers"][0]["url"] == PREFIX


def test_prefix_of_another_name_is_not_removed() -> None:
    client = TestClient(create_app(Settings(root_path="/depesche")))
    assert client.get("/depesches/livez").status_code == 404
    assert client.get("/depesche/depesche/livez").status_code == 404


def test_key_is_required_below_a_prefix(tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    keys.write_text(f"cms translate sha256:{'0' * 64}\n")
    client = TestClient(create_app(Settings(root_path=PREFIX, keys_file=keys)))
    assert client.get(f"{PREFIX}/v1/models").status_code == 401
    assert client.get(f"{PREFIX}/livez").status_code == 200


@pytest.mark.parametrize("given", ["depesche", "/depesche/", "/a b", "//x"])
def test_invalid_prefix_is_refused(given: str) -> None:
    with pytest.raises(ValueError, match="root_path"):
        Settings(root_path=given)
