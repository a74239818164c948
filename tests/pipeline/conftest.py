"""Fixtures of the pipeline tests."""

import asyncio
from pathlib import Path

import pytest

from tests.batching.rig import Clock
from tests.pipeline.rig import train_pieces


@pytest.fixture(scope="session")
def pieces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Train a tiny SentencePiece model, and return its folder."""
    return train_pieces(tmp_path_factory.mktemp("pieces"))


@pytest.fixture
async def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Replace the clock of the running event loop with a clock that only the test advances."""
    loop = asyncio.get_running_loop()
    stopped = Clock(loop.time())
    monkeypatch.setattr(loop, "time", stopped)
    return stopped
