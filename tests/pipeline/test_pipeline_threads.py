"""Work on texts beside the event loop: what is remembered needs no thread."""

import asyncio
import threading

import pytest

from service.generation.call import OFF_LOOP_CHARS, LruMemo, off_loop, recalled

CHARS = OFF_LOOP_CHARS + 1


async def length(recent: LruMemo[int], text: str, *, keep: bool = True) -> int:
    return await recalled(CHARS, recent, (text,), None, lambda: len(text), keep=keep)


async def test_what_is_remembered_is_there_while_the_thread_works_on_another_text() -> None:
    recent: LruMemo[int] = LruMemo(4)
    assert await length(recent, "bekannt") == 7
    over = threading.Event()
    busy = asyncio.ensure_future(off_loop(CHARS, over.wait))
    try:
        assert await asyncio.wait_for(length(recent, "bekannt"), timeout=5) == 7
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(length(recent, "neu"), timeout=0.05)
    finally:
        over.set()
        await busy


async def test_what_must_not_stay_is_made_again() -> None:
    recent: LruMemo[int] = LruMemo(4)
    assert await length(recent, "geheim", keep=False) == 6
    assert recent.find(("geheim",), None) is None
