"""Tests that unmodified DeepL and LibreTranslate clients work with the service's keys and report its errors."""

import urllib.error
from collections.abc import Iterator
from contextlib import closing

import deepl
import pytest
from libretranslatepy import LibreTranslateAPI

from service.http.keys import Key, Scope, digest_of
from tests.chaos.server import Server, serving

pytestmark = pytest.mark.slow

GOOD, OTHER, SPENT = (f"depesche_{name}-" + "x" * 40 for name in ("good", "other", "spent"))
SCOPES: dict[str, Scope] = {GOOD: "translate", OTHER: "summarize", SPENT: "translate"}
TEXT = "Der Zug fährt heute nicht."
QUOTA_CHARS = 200


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Start a service with two keys and a limit of ``QUOTA_CHARS`` characters per day."""
    file = tmp_path_factory.mktemp("keys") / "keys"
    lines = (
        Key(token[9:14].strip("-"), frozenset({scope}), digest_of(token)).line() for token, scope in SCOPES.items()
    )
    file.write_text("\n".join(lines), "utf-8")
    with serving(keys_file=str(file), rate_chars=f"{QUOTA_CHARS}/day") as found:
        yield found


def test_deepl_client_accepts_valid_key(server: Server) -> None:
    with closing(deepl.Translator(GOOD, server_url=server.url)) as client:
        assert str(client.translate_text(TEXT, target_lang="EN-US"))
        assert client.get_usage().character.valid
        assert client.get_source_languages()


@pytest.mark.parametrize("token", ["wrong:fx", OTHER])
def test_deepl_client_reports_wrong_key(server: Server, token: str) -> None:
    with (
        closing(deepl.Translator(token, server_url=server.url)) as client,
        pytest.raises(deepl.AuthorizationException, match="key"),
    ):
        client.translate_text(TEXT, target_lang="EN-US")


def test_deepl_client_does_not_retry_used_quota(server: Server) -> None:
    counted = 'depesche_http_requests_total{method="POST",route="/v2/translate",status="456"}'
    with closing(deepl.Translator(SPENT, server_url=server.url)) as client:
        client.translate_text(TEXT * 7, target_lang="EN-US")
        used = client.get_usage().character
        assert (used.count, used.limit) == (len(TEXT * 7), QUOTA_CHARS)
        with pytest.raises(deepl.QuotaExceededException, match="characters"):
            client.translate_text(TEXT, target_lang="EN-US")
    assert server.sample(counted) == 1


def test_libretranslate_client_accepts_valid_key(server: Server) -> None:
    assert LibreTranslateAPI(server.url, GOOD).translate(TEXT, "de", "en")
    assert LibreTranslateAPI(server.url, GOOD).detect(TEXT)[0]["language"] == "de"
    assert {language["code"] for language in LibreTranslateAPI(server.url, GOOD).languages()} == {"de", "en"}


@pytest.mark.parametrize("token", [None, "wrong", OTHER])
def test_libretranslate_client_reports_wrong_key(server: Server, token: str | None) -> None:
    with pytest.raises(urllib.error.HTTPError) as raised:
        LibreTranslateAPI(server.url, token).translate(TEXT, "de", "en")
    with raised.value as answer:
        assert answer.code == 403
        assert b'"error":"' in answer.read()
