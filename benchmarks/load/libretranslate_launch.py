"""Start LibreTranslate inside its virtual environment with three changes.

With these changes, LibreTranslate downloads no packages, treats each line as one sentence, and counts the sentences
whose translation is blank.
"""

import importlib
from collections.abc import Callable
from typing import Any


class Counter:
    """A replacement for CTranslate2's translator class that counts the blank outputs of all translators it creates."""

    def __init__(self, translator: Callable[..., Any]) -> None:
        self.blank = 0
        self._translator = translator

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Create a translator whose blank outputs are counted."""
        return _Counting(self, self._translator(*args, **kwargs))


class _Counting:
    def __init__(self, counter: Counter, translator: Any) -> None:
        self._counter = counter
        self._translator = translator

    def translate_batch(self, *args: Any, **kwargs: Any) -> Any:
        results = self._translator.translate_batch(*args, **kwargs)
        self._counter.blank += sum(not "".join(result.hypotheses[0]).strip("▁ ") for result in results)
        return results


def main() -> None:
    """Run the LibreTranslate server until it is interrupted. The command-line arguments are those of LibreTranslate."""
    # These packages are imported dynamically, because only LibreTranslate's environment contains them.
    names = ("ctranslate2", "libretranslate.main", "libretranslate.init", "argostranslate.sbd")
    ctranslate2, server, init, sbd = map(_module, names)
    counter = Counter(ctranslate2.Translator)
    ctranslate2.Translator = counter
    init.check_and_install_models = lambda **_: None
    sbd.MiniSBDSentencizer.split_sentences = lambda _self, text: [text]
    create_app = server.create_app

    def created(arguments: Any) -> Any:
        app = create_app(arguments)
        app.add_url_rule("/benchmark/blank", view_func=lambda: str(counter.blank), endpoint="blank")
        return app

    server.create_app = created
    server.main()


def _module(name: str) -> Any:
    return importlib.import_module(name)


if __name__ == "__main__":
    main()
