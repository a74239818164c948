"""Fixtures of the chaos tests."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.batching.rig import Clock
from tests.redis_server import RedisServer, redis_running


@pytest.fixture
async def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Replace the clock of the running event loop with a clock that only the test advances."""
    loop = asyncio.get_running_loop()
    stopped = Clock(loop.time())
    monkeypatch.setattr(loop, "time", stopped)
    return stopped


@pytest.fixture
def redis_server(tmp_path: Path) -> Iterator[RedisServer]:
    """Start a real Redis server without any data."""
    with redis_running(tmp_path) as server:
        yield server
