"""Fixtures of the batching tests."""

import asyncio

import pytest

from tests.batching.rig import Clock


@pytest.fixture
async def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Replace the clock of the running event loop with a clock that only the test advances."""
    loop = asyncio.get_running_loop()
    stopped = Clock(loop.time())
    monkeypatch.setattr(loop, "time", stopped)
    return stopped
