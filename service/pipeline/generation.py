"""A generation of models: loaded together, held by requests, and closed when the last of them has let go."""

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from service.cache.cache import Cache
from service.manifest import Task
from service.pipeline.article import Editor
from service.pipeline.decoded import Decoder
from service.pipeline.served import ServedModel
from service.pipeline.stutters import said_once
from service.pipeline.summarise import Summariser
from service.pipeline.translate import Translator


class Generation:
    """Models that serve together, and what is done with them. Used from the event loop.

    ``models`` holds one model of each task. A request holds a generation from its start to its answer, so that the
    models that it began with are there to its end.
    """

    def __init__(self, models: Mapping[Task, ServedModel], cache: Cache, secret: bytes | None) -> None:
        self.models = models
        self.translator = Translator(Decoder(models["translation"], cache, secret, mend=said_once))
        self.summariser = Summariser(Decoder(models["summary"], cache, secret))
        self.editor = Editor(self.translator, self.summariser)
        self._holders = 0
        self._let_go = asyncio.Event()
        self._let_go.set()

    @contextmanager
    def held(self) -> Iterator["Generation"]:
        """Keep its models open meanwhile."""
        self._holders += 1
        self._let_go.clear()
        try:
            yield self
        finally:
            self._holders -= 1
            if not self._holders:
                self._let_go.set()

    @property
    def ready(self) -> bool:
        """Whether every model takes work."""
        return all(model.batcher.state.ready for model in self.models.values())

    def forget(self) -> None:
        """Forget what was made of recent texts, beside the cache."""
        self.editor.forget()

    async def retire(self) -> None:
        """Close the models when nobody holds them any more: a later generation serves."""
        await self._let_go.wait()
        await self.close(0.0)

    async def close(self, drain_s: float) -> None:
        """Take no new work, finish what was accepted within ``drain_s``, free the engines."""
        await asyncio.gather(*(model.batcher.drain(drain_s) for model in self.models.values()))
