"""A summary model without weights: the rules of grammar in a language package reword the sentences."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import service.languages
from service.errors import ModelError
from service.generation.base import Health, Host, TextGenerator
from service.languages.base import language
from service.registry.catalog import Entry
from service.registry.manifest import Manifest


@dataclass(frozen=True, slots=True)
class RulesModel:
    """A model of the architecture ``rules``. It has no engine and no queue, so it is always ready.

    The revision in ``manifest`` is a digest of the language package (see `load_rules`).
    """

    name: str
    manifest: Manifest

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


ServedModel = TextGenerator | RulesModel
"""A model that the service uses."""


def load_rules(entry: Entry) -> RulesModel:
    """Return the rules that ``entry`` describes. Their revision is the start of the SHA-256 of the language package.

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
