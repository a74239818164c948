"""A summary model without weights, which rewords single sentences with the grammar rules of a language package."""

import asyncio
import hashlib
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import service.languages
from service.errors import ModelError
from service.generation.base import Health, Host, InputLimit, ItemFuture, Source, TextFuture, TextHypothesis
from service.generation.call import TEXT_THREADS, Priority, TextThreads
from service.languages.base import language
from service.registry.catalog import Entry
from service.registry.manifest import Manifest

COST = 10
"""The factor by which rewording a text takes longer than other text processing. A sentence takes about 15 ms."""


class RulesModel:
    """A `TextGenerator` of the architecture ``rules``. It has no engine and no queue, so it is always ready.

    The revision in ``manifest`` is a digest of the language package (see `load_rules`).
    """

    def __init__(self, name: str, manifest: Manifest, threads: TextThreads = TEXT_THREADS) -> None:
        self.name = name
        self.manifest = manifest
        self._threads = threads
        self._running: set[asyncio.Task[list[str]]] = set()

    @property
    def engine(self) -> str:
        """The string "rules", because no engine runs the rules."""
        return "rules"

    @property
    def host(self) -> Host:
        """The string "process", because the rules run in this process."""
        return "process"

    @property
    def identity(self) -> str:
        """A string that changes whenever the same text may get a different output."""
        return f"{self.manifest.id} {self.fingerprint}"

    @property
    def fingerprint(self) -> str:
        """The revision of the rules."""
        return self.manifest.revision

    @property
    def health(self) -> Health:
        """The string "ready", because rules need not be loaded."""
        return "ready"

    async def start(self) -> None:
        """Do nothing: rules need not be loaded."""

    async def close(self, drain_s: float) -> None:
        """Do nothing: rules hold no resources."""

    @property
    def max_source_tokens(self) -> int:
        """The maximum number of tokens in one input, which is practically unlimited."""
        return self.manifest.tokens.max_source_tokens

    @property
    def limit(self) -> InputLimit:
        """The maximum length of one input, which is practically unlimited."""
        return self

    def fits(self, text: str) -> bool:
        """Return True, because rules have no maximum length."""
        del text
        return True

    def prepare(self, source: Source) -> Source:
        """Return ``source`` unchanged, because rules read the text itself."""
        return source

    def generate(
        self,
        sources: Sequence[Source],
        *,
        priority: Priority = "interactive",
        deadline_s: float | None = None,
        admitted: bool = False,
    ) -> list[TextFuture]:
        """Return one future for each sentence in ``sources``, in order.

        The only hypothesis in a future is the reworded sentence, or the sentence itself if no rule applies. The
        sentences of one call are reworded together. There is no queue, so the other arguments have no effect.

        Raises:
            TypeError: a source is a prompt for a causal model.
        """
        del priority, deadline_s, admitted
        texts = [_plain(source) for source in sources]
        chars = sum(map(len, texts))
        futures: list[TextFuture] = [ItemFuture() for _ in texts]
        task = asyncio.create_task(
            self._threads.off_loop(COST * chars, _reworded, self.manifest.source_lang, texts), name="rewording"
        )
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        task.add_done_callback(partial(_complete, futures))
        return futures


def _plain(source: Source) -> str:
    if not isinstance(source.text, str):
        raise TypeError("rules reword only texts, not prompts with marks")
    return source.text


def _reworded(code: str, sentences: Sequence[str]) -> list[str]:
    """Return the new wording of each sentence, or the sentence itself if no rule applies."""
    grammar = language(code).summary
    reword = None if grammar is None else grammar.reword
    return [(reword and reword(sentence)) or sentence for sentence in sentences]


def _complete(futures: Sequence[TextFuture], task: "asyncio.Task[list[str]]") -> None:
    """Complete ``futures`` with the outcome of ``task``."""
    waiting = [(number, future) for number, future in enumerate(futures) if not future.done()]
    for number, future in waiting:
        if task.cancelled():
            future.cancel()
        elif (error := task.exception()) is not None:
            future.set_exception(error)
        else:
            future.set_result([TextHypothesis(task.result()[number], None, "eos")])


def load_rules(entry: Entry) -> RulesModel:
    """Return the rules that ``entry`` describes.

    Their revision is the start of the SHA-256 of the modules and data files of the language package.

    Raises:
        ModelError: the language has no rules that reword sentences.
    """
    code = entry.manifest.source_lang
    grammar = language(code).summary
    if grammar is None or grammar.reword is None:
        raise ModelError(f"{entry.name} cannot summarise: the language {code!r} has no rules that reword sentences")
    digest = hashlib.sha256()
    folder = Path(service.languages.__path__[0], code)
    for path in sorted(path for kind in ("*.py", "data/*") for path in folder.glob(kind)):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return RulesModel(entry.name, entry.manifest.model_copy(update={"revision": digest.hexdigest()[:12]}))
