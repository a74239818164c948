"""A real redis-server for tests, which are skipped where the program is missing."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from benchmarks.load.server import free_port
from benchmarks.redis_server import PROGRAM, RedisServer

__all__ = ["RedisServer", "free_port", "redis_running"]


@contextmanager
def redis_running(folder: Path) -> Iterator[RedisServer]:
    """A server, killed at the end; the test is skipped where the program is missing."""
    if shutil.which(PROGRAM) is None:
        pytest.skip(f"{PROGRAM} is not installed")
    server = RedisServer(folder)
    try:
        server.start()
        yield server
    finally:
        server.kill()
