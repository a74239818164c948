"""Tests that each setting is documented, has the right default, and rejects invalid values."""

import base64
from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError

from service.app import create_app, plan_of
from service.cache.seal import SealMissing
from service.settings import Settings

DOCUMENT = (Path(__file__).parent.parent / "docs" / "settings.md").read_text("utf-8")


@pytest.mark.parametrize("name", Settings.model_fields)
def test_a_setting_is_documented_as_it_is(name: str) -> None:
    field = Settings.model_fields[name]
    (line,) = [line for line in DOCUMENT.splitlines() if line.startswith(f"| `DEPESCHE_{name.upper()}` |")]
    assert field.description
    assert field.description in line
    if name not in {"models_dir", "installed_dir", "weights_dir"}:  # their defaults are paths of this machine
        assert ("| none |" if field.default is None else f"`{field.default}`") in line


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEPESCHE_PORT", "9000")
    assert Settings().port == 9000


def test_the_document_names_no_setting_that_does_not_exist() -> None:
    named = {line.split("`")[1] for line in DOCUMENT.splitlines() if line.startswith("| `DEPESCHE_")}
    assert named == {f"DEPESCHE_{name.upper()}" for name in Settings.model_fields}


@pytest.mark.parametrize("url", ["http://:geheim@cache:6379", "redis//:geheim@cache", "redis://:ge/heim@cache:6379"])
def test_a_redis_url_that_is_none_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(ValidationError) as refused:
        Settings(redis_url=SecretStr(url))
    assert "is not a Redis URL" in str(refused.value)
    assert "heim" not in str(refused.value)
    assert refused.value.__cause__ is None
    with pytest.raises(ValidationError, match="is not a Redis URL"):
        Settings(rate_redis_url=SecretStr(url))


@pytest.mark.parametrize("url", ["redis://cache", "rediss://user:pw@cache:6380/2", "unix:///run/redis.sock"])
def test_every_kind_of_redis_url_is_taken(url: str) -> None:
    assert Settings(redis_url=SecretStr(url), cache_seal_key=SecretStr("none")).redis_url == SecretStr(url)
    assert Settings(rate_redis_url=SecretStr(url)).rate_redis_url == SecretStr(url)


def test_ports_that_do_not_go_together_are_refused() -> None:
    with pytest.raises(ValidationError, match="must differ"):
        Settings(port=9000, admin_port=9000)
    with pytest.raises(ValidationError, match="set `admin_port` too"):
        Settings(metrics_port="both")


@pytest.mark.parametrize(
    "given", [{"rate_requests": "many"}, {"rate_chars": "0/day"}, {"rate_denied": "0/day"}, {"trusted_proxies": "*"}]
)
def test_a_limit_or_network_that_is_none_is_refused(given: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        Settings(**given)  # type: ignore[arg-type]  # one of three


def test_a_shared_cache_needs_a_seal_key_or_a_refusal() -> None:
    url, key = SecretStr("redis://cache"), base64.b64encode(bytes(32)).decode()
    with pytest.raises(SealMissing, match="DEPESCHE_REDIS_URL requires DEPESCHE_CACHE_SEAL_KEY"):
        create_app(Settings(redis_url=url))
    assert Settings(redis_url=url, cache_seal_key=SecretStr("none")).seal_secrets == []
    assert Settings(redis_url=url, cache_seal_key=SecretStr(key)).seal_secrets == [bytes(32)]


@pytest.mark.parametrize(
    ("url", "used"),
    [
        ("redis://cache:6379/1", "redis://:p%2Fw@cache:6379/1"),
        ("redis://user@cache", "redis://user:p%2Fw@cache"),
        ("redis://user:@cache", "redis://user:p%2Fw@cache"),
        ("rediss://user:own@cache", "rediss://user:own@cache"),
        ("redis://cache?password=own", "redis://cache?password=own"),
    ],
)
def test_redis_password_is_used_for_a_url_without_one(url: str, used: str) -> None:
    settings = Settings(redis_url=SecretStr(url), redis_password=SecretStr("p/w"), cache_seal_key=SecretStr("none"))
    assert plan_of(settings).redis_url == used
