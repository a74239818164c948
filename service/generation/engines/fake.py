"""A deterministic engine without a model, to test what stands above engines; a handler says what it does."""

import threading
import time
from collections.abc import Callable, Sequence

from service.domain import Attention, EngineInput, FinishReason, Hypothesis, Tokens

END_OF_SENTENCE = "</s>"
SCORE_A_RANK = -0.125
GATE_LIMIT_S = 60.0

Handler = Callable[[Sequence[EngineInput]], list[list[Hypothesis]]]
Writer = Callable[[Tokens], Tokens]


class FakeEngine:
    """An engine whose ``handler`` answers each call; the default writes the source backwards in capitals.

    ``calls`` keeps the items of every call in order, those that raised included. The handler may be changed between
    calls: ``engine.handler = raising(RuntimeError("out of memory"))``.
    """

    name = "fake"
    replicas = 1
    ahead = 0

    def __init__(self, handler: Handler | None = None) -> None:
        self.handler: Handler = handler or writing(backwards)
        self.calls: list[tuple[EngineInput, ...]] = []
        self.closed = False

    @property
    def items(self) -> int:
        """How many items all calls brought."""
        return sum(len(call) for call in self.calls)

    @property
    def source_tokens(self) -> int:
        """How many source tokens all calls brought, padding not counted."""
        return sum(len(item.tokens) for call in self.calls for item in call)

    def generate(self, items: Sequence[EngineInput]) -> list[list[Hypothesis]]:
        """Write the call down and give it to the handler; raises what the handler raises."""
        self.calls.append(tuple(items))
        return self.handler(items)

    def close(self) -> None:
        """Note that the engine was closed."""
        self.closed = True


def backwards(tokens: Tokens) -> Tokens:
    """The tokens from last to first, in capitals."""
    return tuple(token.upper() for token in reversed(tokens))


def writing(write: Writer) -> Handler:
    """A handler whose hypotheses are ``write(source without end-of-sentence)``, cut as the decoding options say.

    The n-th best hypothesis ends in the token ``~n``, so that no two are equal.
    """

    def handle(items: Sequence[EngineInput]) -> list[list[Hypothesis]]:
        return [
            [_hypothesis(item, write, rank) for rank in range(item.options.hypotheses)]
            if item.target is None
            else [_forced(item, item.target)]
            for item in items
        ]

    return handle


def _hypothesis(item: EngineInput, write: Writer, rank: int) -> Hypothesis:
    options = item.options
    source = item.tokens[:-1] if item.tokens[-1:] == (END_OF_SENTENCE,) else item.tokens
    written = write(source) + ((f"~{rank + 1}",) if rank else ())
    if options.allowed is not None:
        written = tuple(token for token in written if token in options.allowed)
    tokens = written[: options.max_output_tokens]
    reason: FinishReason = "length" if len(tokens) < len(written) else "eos"
    alignment = _mirrored(len(tokens), len(source), len(item.tokens)) if options.alignment else None
    return Hypothesis(tokens, SCORE_A_RANK * (rank + 1), reason, alignment)


def _forced(item: EngineInput, target: Tokens) -> Hypothesis:
    return Hypothesis(target, None, "eos", _mirrored(len(target), len(item.tokens) - 1, len(item.tokens)))


def _mirrored(targets: int, words: int, sources: int) -> Attention:
    """The weights of a text written backwards: target token i looks at word ``words - 1 - i``, any further at 0."""
    return Attention.of(
        [[float(source == max(words - 1 - target, 0)) for source in range(sources)] for target in range(targets)]
    )


def raising(error: Exception, *, when: Callable[[EngineInput], bool] = lambda _: True) -> Handler:
    """A handler that raises ``error`` for a call that brings an item of which ``when`` is true, else writes."""
    write = writing(backwards)

    def handle(items: Sequence[EngineInput]) -> list[list[Hypothesis]]:
        if any(when(item) for item in items):
            raise error
        return write(items)

    return handle


def losing_one(items: Sequence[EngineInput]) -> list[list[Hypothesis]]:
    """A handler that forgets the last item: n - 1 results for n items."""
    return writing(backwards)(items)[:-1]


def taking(seconds: float, then: Handler | None = None) -> Handler:
    """A handler that lets ``seconds`` of wall time pass in every call, however many items it brings."""
    answer = then or writing(backwards)

    def handle(items: Sequence[EngineInput]) -> list[list[Hypothesis]]:
        time.sleep(seconds)
        return answer(items)

    return handle


class Gate:
    """A handler that holds every call until it is released, as a slow or hung model does.

    ``entered`` is set as soon as a call waits; ``GATE_LIMIT_S`` after that the call goes on by itself.
    """

    def __init__(self, then: Handler | None = None) -> None:
        self.entered = threading.Event()
        self.released = threading.Event()
        self._then = then or writing(backwards)

    def __call__(self, items: Sequence[EngineInput]) -> list[list[Hypothesis]]:
        self.entered.set()
        self.released.wait(GATE_LIMIT_S)
        return self._then(items)

    def release(self) -> None:
        """Let the held call and all later ones through."""
        self.released.set()
