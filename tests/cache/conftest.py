"""Fixtures of the cache tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.redis_server import RedisServer, redis_running


@pytest.fixture
def redis_server(tmp_path: Path) -> Iterator[RedisServer]:
    """Start a real Redis server without any data."""
    with redis_running(tmp_path) as server:
        yield server
