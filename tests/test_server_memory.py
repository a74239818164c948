"""Tests that long-lived objects are excluded from garbage collection, and that a reload frees the previous models."""

import asyncio
import gc
import weakref
from collections.abc import Iterator

import pytest

from service.app import create_app
from service.generation.local import LocalGenerator
from service.newsroom.newsroom import Newsroom
from service.process import freeze_gc_heap
from service.settings import Settings

pytestmark = pytest.mark.slow

PATIENCE_S = 180.0


@pytest.fixture(autouse=True)
def in_sight_again() -> Iterator[None]:
    """Include all objects in garbage collection again after each test."""
    yield
    gc.unfreeze()


class Ring:
    """An object in a reference cycle, which only the garbage collector frees."""

    def __init__(self) -> None:
        self.own = self


def test_freeze_spares_the_collector() -> None:
    stays = Ring()
    freeze_gc_heap()
    frozen = gc.get_freeze_count()
    assert frozen > 10_000  # the interpreter and its modules
    assert not any(one is stays for one in gc.get_objects())
    later = Ring()
    assert any(one is later for one in gc.get_objects())


def test_frozen_garbage_is_freed_later() -> None:
    once = Ring()
    freeze_gc_heap()
    left = weakref.ref(once)
    del once
    gc.collect()
    assert left() is not None
    freeze_gc_heap()
    assert left() is None


async def test_reload_frees_the_old_models() -> None:
    settled = asyncio.Event()

    def settling() -> None:
        freeze_gc_heap()
        settled.set()

    app = create_app(Settings(engine_replicas=1, threads=1), on_settled=settling)
    service: Newsroom = app.state.runtime.newsroom
    async with app.router.lifespan_context(app), asyncio.timeout(PATIENCE_S):
        await settled.wait()
        left = [weakref.ref(one) for one in parts(service)]
        settled.clear()
        await service.reload()
        await settled.wait()
        assert [one() for one in left] == [None] * len(left)


def parts(service: Newsroom) -> list[object]:
    """Return the model set in use, and the tokenizer, batcher and engine of each of its models."""
    generation = service._pool.serving
    found: list[object] = [generation]
    for model in generation.models.values():
        assert isinstance(model, LocalGenerator)
        engines = [model.batcher.worker.engine._engine]
        assert all(engine is not None for engine in engines)
        found += [model.tokenizer, model.batcher, *engines]
    return found
