"""Fixtures of the pipeline tests."""

import asyncio
from pathlib import Path

import pytest

from tests.batching.rig import Clock
from tests.pipeline.rig import train_pieces


@pytest.fixture(scope="session")
def pieces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a tiny SentencePiece model."""
    return train_pieces(tmp_path_factory.mktemp("pieces"))


@pytest.fixture
async def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Stop the clock of the running event loop, so that only the test advances it."""
    loop = asyncio.get_running_loop()
    stopped = Clock(loop.time())
    monkeypatch.setattr(loop, "time", stopped)
    return stopped
