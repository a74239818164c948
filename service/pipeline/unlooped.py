"""Sentences that the search left in a loop ("the state of the state of the …"): decoded again, with harder rules."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from service.pipeline.call import Call
from service.pipeline.decoded import Decoded, Decoder, Source
from service.pipeline.recent import Recent
from service.trust.repetition import loops

HARDER = (2, 1)
"""No phrase of so many pieces twice, one rule after the other: as rules for all, they make other sentences worse."""
REMEMBERED = 8_192
Follower = Callable[[int, Decoded], None]
Lander = Callable[[Sequence[tuple[int, Decoded]]], None]


class Unlooper:
    """Decodes, and decodes anew what came out as a loop; where no rule helps, the first output stands."""

    def __init__(self, decoder: Decoder) -> None:
        self._decoder = decoder
        self._known: Recent[bool] = Recent(REMEMBERED)

    async def decode(
        self, sources: Sequence[Source], call: Call, *, finished: Follower, landed: Lander
    ) -> list[Decoded]:
        """As `Decoder.decode`; ``finished`` and ``landed`` are told of what stands in the end.

        Raises:
            QueueFull, DeadlineExceeded, EngineError: see `Decoder.decode`; what was done before is kept in the cache.
        """
        judged: dict[tuple[str, str], bool] = {}

        def caught(source: Source, result: Decoded) -> bool:
            texts = (source.text, result.best.text)
            if texts not in judged:
                judged[texts] = self._known.get(texts, None, lambda: loops(*texts), keep=self._decoder.may_keep(call))
            return judged[texts]

        def land(pairs: Sequence[tuple[int, Decoded]]) -> None:
            if whole := [(number, one) for number, one in pairs if not caught(sources[number], one)]:
                landed(whole)

        told = _Telling(sources, finished, caught)
        results = await self._decoder.decode(sources, call, finished=told.tell, landed=land)
        late = left = [number for number, one in enumerate(results) if caught(sources[number], one)]
        for ngram in HARDER:
            if not left:
                break
            again = await self._decoder.decode([_harder(sources[number], ngram) for number in left], call.quiet())
            for number, one in zip(left, again, strict=True):
                if not caught(sources[number], one):
                    results[number] = replace(one, cached=one.cached and results[number].cached)
            left = [number for number in left if caught(sources[number], results[number])]
        if late:
            landed([(number, results[number]) for number in late])
        told.rest(results)
        return results

    def forget(self) -> None:
        """Forget which outputs were loops."""
        self._known.forget()


def _harder(source: Source, ngram: int) -> Source:
    return replace(source, options=replace(source.options, no_repeat_ngram=ngram))


class _Telling:
    """Passes results on until the first that is decoded again; it and the rest are told at the end."""

    def __init__(
        self, sources: Sequence[Source], finished: Follower, caught: Callable[[Source, Decoded], bool]
    ) -> None:
        self._sources = sources
        self._finished = finished
        self._caught = caught
        self._told = 0
        self._holds = False

    def tell(self, number: int, result: Decoded) -> None:
        """Pass on what stands already."""
        self._holds = self._holds or self._caught(self._sources[number], result)
        if not self._holds:
            self._finished(number, result)
            self._told += 1

    def rest(self, results: Sequence[Decoded]) -> None:
        """Tell of all others."""
        for number in range(self._told, len(results)):
            self._finished(number, results[number])
