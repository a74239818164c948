"""A deterministic fake engine for tests. It has no model. Instead, a handler function defines its outputs."""

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
    """A fake engine whose ``handler`` produces the result of each call.

    By default, the output is the source in reverse order and in capitals. ``calls`` records the items of every call,
    including failed calls. A test may change the handler between calls: ``engine.handler = raising(RuntimeError("out of
    memory"))``.
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
        """Return the number of items in all calls."""
        return sum(len(call) for call in self.calls)

    @property
    def source_tokens(self) -> int:
        """Return the number of source tokens in all calls, without padding."""
        return sum(len(item.tokens) for call in self.calls for item in call)

    def generate(self, items: Sequence[EngineInput]) -> list[list[Hypothesis]]:
        """Record the items of the call, and return the handler's result."""
        self.calls.append(tuple(items))
        return self.handler(items)

    def close(self) -> None:
        """Record that the engine was closed."""
        self.closed = True


def backwards(tokens: Tokens) -> Tokens:
    """Return the tokens in reverse order and in capitals."""
    return tuple(token.upper() for token in reversed(tokens))


def writing(write: Writer) -> Handler:
    """Return a handler whose best output is ``write`` applied to the source without its end token.

    The item's options limit the output. Each further hypothesis ends with a token ``~n``, so that all hypotheses are
    different.
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
    """Return the attention of a reversed text: target token i attends to word ``max(0, words - 1 - i)``.

    ``targets`` and ``sources`` are the numbers of target and source tokens.
    """
    return Attention.of(
        [[float(source == max(words - 1 - target, 0)) for source in range(sources)] for target in range(targets)]
    )


def raising(error: Exception, *, when: Callable[[EngineInput], bool] = lambda _: True) -> Handler:
    """Return a handler that raises ``error`` for calls that contain an item for which ``when`` is true."""
    write = writing(backwards)

    def handle(items: Sequence[EngineInput]) -> list[list[Hypothesis]]:
        if any(when(item) for item in items):
            raise error
        return write(items)

    return handle


def losing_one(items: Sequence[EngineInput]) -> list[list[Hypothesis]]:
    """Return one result fewer than there are items, as a faulty engine would."""
    return writing(backwards)(items)[:-1]


def taking(seconds: float, then: Handler | None = None) -> Handler:
    """Return a handler that sleeps for ``seconds`` in each call, regardless of the number of items."""
    answer = then or writing(backwards)

    def handle(items: Sequence[EngineInput]) -> list[list[Hypothesis]]:
        time.sleep(seconds)
        return answer(items)

    return handle


class Gate:
    """A handler that blocks every call, as a hung model would.

    A call is blocked until `release` is called or ``GATE_LIMIT_S`` seconds have passed. ``entered`` is set as soon as a
    call is blocked.
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
        """Unblock the blocked calls and all later calls."""
        self.released.set()
