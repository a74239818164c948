"""Starts LibreTranslate inside its own environment: a program of three small changes, none to how it translates.

It installs no packages (ours is there), it counts the sentences that the model gave text for (and fails a request that
has one without), and on the first argument ``ours`` it cuts sentences as Depesche does, where its own splitter's model
cannot be had.
"""

import importlib
import sys
import threading
from collections.abc import Callable
from typing import Any


class Counter:
    """Stands where LibreTranslate finds CTranslate2's translator, and counts the sentences of all it makes."""

    def __init__(self, translator: Callable[..., Any]) -> None:
        self.sentences = 0
        self._translator = translator
        self._lock = threading.Lock()

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Make a translator that counts."""
        return _Counting(self, self._translator(*args, **kwargs))

    def add(self, sentences: int) -> None:
        """Requests are worked on in several threads."""
        with self._lock:
            self.sentences += sentences


class _Counting:
    def __init__(self, counter: Counter, translator: Any) -> None:
        self._counter = counter
        self._translator = translator

    def translate_batch(self, *args: Any, **kwargs: Any) -> Any:
        results = self._translator.translate_batch(*args, **kwargs)
        if not all("".join(result.hypotheses[0]).strip("▁ ") for result in results):
            raise RuntimeError("a sentence has no translation")
        self._counter.add(len(results))
        return results


def _split(_self: Any, text: str) -> list[str]:
    segment = importlib.import_module("service.text.segment").segment
    return [span.of(text) for span in segment(text).sentences]


def _with_count(create_app: Callable[[Any], Any], counter: Counter) -> Callable[[Any], Any]:
    def created(arguments: Any) -> Any:
        app = create_app(arguments)
        app.add_url_rule("/benchmark/sentences", view_func=lambda: str(counter.sentences), endpoint="sentences")
        return app

    return created


def main() -> None:
    """Serve until interrupted; the arguments after the first are LibreTranslate's."""
    splitter = sys.argv.pop(1)
    # By name: these packages are in LibreTranslate's environment alone.
    ctranslate2, server, init, sbd = map(
        _module, ("ctranslate2", "libretranslate.main", "libretranslate.init", "argostranslate.sbd")
    )
    counter = Counter(ctranslate2.Translator)
    ctranslate2.Translator = counter
    init.check_and_install_models = lambda **_: None
    if splitter == "ours":
        sbd.MiniSBDSentencizer.split_sentences = _split
    server.create_app = _with_count(server.create_app, counter)
    server.main()


def _module(name: str) -> Any:
    return importlib.import_module(name)


if __name__ == "__main__":
    main()
