"""Tests that values in Redis are encrypted, that only a secret makes them readable, and that secrets can be rotated."""

import base64
import itertools
from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr, ValidationError

from service.cache.redis import KEY_PREFIX, SEALED, Breaker, Shared, pack
from service.cache.seal import Seal, secrets_in
from service.events import EntryUnopened, Event
from service.settings import Settings
from tests.redis_server import RedisServer

A, B = (bytes([number]) * 32 for number in range(2))
OLD, NEW = b"o" * 32, b"n" * 32
TEXT = b"Der Zug faehrt heute nicht."
TTL_S, PATIENT_S = 60.0, 30.0
LATER_MS = 2**42


class Tiers:
    """A factory of shared cache tiers that use one Redis server, and the events that these tiers report."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._made: list[Shared] = []
        self.events: list[Event] = []

    def __call__(self, *secrets: bytes) -> Shared:
        seal = Seal(secrets) if secrets else None
        tier = Shared(
            self._url, ttl_s=TTL_S, timeout_s=PATIENT_S, breaker=Breaker(), seal=seal, listener=self.events.append
        )
        self._made.append(tier)
        return tier

    async def close(self) -> None:
        for tier in self._made:
            await tier.close()


@pytest.fixture
async def tiers(redis_server: RedisServer) -> AsyncIterator[Tiers]:
    found = Tiers(redis_server.url)
    yield found
    await found.close()


async def values(tier: Shared, *keys: bytes) -> dict[bytes, bytes]:
    return {key: found.value for key, found in (await tier.get_many(keys)).items()}


@given(st.binary(max_size=500), st.binary(max_size=50))
def test_sealed_value_opens_at_its_key(value: bytes, place: bytes) -> None:
    seal = Seal([OLD])
    assert seal.open(seal.close(value, place), place) == value
    assert seal.open(seal.close(value, place), place + b"x") is None
    assert Seal([NEW]).open(seal.close(value, place), place) is None


@given(st.data())
def test_changed_value_does_not_open(data: st.DataObject) -> None:
    seal = Seal([OLD])
    sealed = bytearray(seal.close(TEXT, A))
    sealed[data.draw(st.integers(0, len(sealed) - 1))] ^= data.draw(st.integers(1, 255))
    assert seal.open(bytes(sealed), A) is None
    assert seal.open(bytes(sealed[: data.draw(st.integers(0, len(sealed) - 1))]), A) is None


@given(st.binary(max_size=100))
def test_open_never_raises(stored: bytes) -> None:
    assert Seal([OLD, NEW]).open(stored, A) is None


def test_equal_values_have_different_ciphertexts() -> None:
    seal = Seal([OLD])
    assert len({seal.close(TEXT, A) for _ in range(100)}) == 100


async def test_redis_holds_no_plaintext(tiers: Tiers, redis_server: RedisServer) -> None:
    sealed = tiers(OLD)
    assert await sealed.put_many({A: TEXT}, {})
    assert await values(sealed, A, B) == {A: TEXT}
    with redis_server.client() as client:
        stored = client.get(KEY_PREFIX + A)
        assert isinstance(stored, bytes)
        assert stored.startswith(SEALED)
        assert not [word for word in TEXT.split() if word in stored]
    assert tiers.events == []


async def test_moved_value_is_a_counted_miss(tiers: Tiers, redis_server: RedisServer) -> None:
    sealed = tiers(OLD)
    await sealed.put_many({A: TEXT}, {})
    with redis_server.client() as client:
        client.copy(KEY_PREFIX + A, KEY_PREFIX + B)
    assert await values(sealed, A, B) == {A: TEXT}
    assert tiers.events == [EntryUnopened("seal")]


async def test_unsealed_value_is_a_miss(tiers: Tiers, redis_server: RedisServer) -> None:
    await tiers().put_many({A: TEXT}, {})
    with redis_server.client() as client:
        client.set(KEY_PREFIX + B, SEALED + pack(TEXT, LATER_MS))
        assert await values(tiers(OLD), A, B) == {}
        assert tiers.events == [EntryUnopened("unsealed"), EntryUnopened("seal")]
        assert not client.exists(KEY_PREFIX + A, KEY_PREFIX + B)


async def test_sealed_value_is_a_miss_without_secret(tiers: Tiers) -> None:
    for reads in ((), (NEW,)):
        await tiers(OLD).put_many({A: TEXT}, {})
        assert await values(tiers(*reads), A) == {}
    assert tiers.events == [EntryUnopened("unreadable"), EntryUnopened("seal")]


async def test_secret_rotation_has_no_miss(tiers: Tiers) -> None:
    steps = [(OLD,), (OLD, NEW), (NEW, OLD), (NEW,)]
    for before, after in itertools.pairwise(steps):
        # During a roll-out, processes with both settings share the entries. The last step follows one entry lifetime
        # later.
        for writes, reads in ((after, before), *([] if after == (NEW,) else [(before, after)])):
            await tiers(*writes).put_many({A: TEXT}, {})
            assert await values(tiers(*reads), A) == {A: TEXT}
    assert tiers.events == []


def test_setting_is_parsed_into_secrets() -> None:
    first, second = (base64.b64encode(secret).decode() for secret in (NEW, OLD))
    assert secrets_in(f"{first}, {second}") == [NEW, OLD]


@pytest.mark.parametrize("wrong", ["geheim", "Z2VoZWlt", base64.b64encode(bytes(31)).decode(), "ü" * 44])
def test_invalid_secret_is_refused_and_not_logged(wrong: str) -> None:
    with pytest.raises(ValidationError, match="32 bytes in base64") as refused:
        Settings(cache_seal_key=SecretStr(wrong))
    assert wrong not in str(refused.value)
