"""Named glossaries: files of a folder, one term a line, read when the service starts."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from service.errors import ModelError
from service.terms.glossary import Glossary

SUFFIX = ".tsv"
COMMENT = "#"


@dataclass(frozen=True, slots=True)
class Terms:
    """The terms of one file: those with an English one, and those that stay as they are."""

    translated: Mapping[str, str]
    kept: tuple[str, ...]

    @property
    def digest(self) -> str:
        """Equal for equal terms: a result depends on what a file holds, not on its name."""
        terms = [sorted(self.translated.items()), sorted(self.kept)]
        return sha256(json.dumps(terms, ensure_ascii=False).encode("utf-8", "surrogatepass")).hexdigest()

    def beside(self, translated: Mapping[str, str], kept: Sequence[str]) -> Glossary:
        """A request's own terms, and those of the file that it does not give itself.

        Raises:
            InvalidInput: a term cannot be looked for.
        """
        own = {*translated, *kept}
        more = {source: target for source, target in self.translated.items() if source not in own}
        return Glossary({**more, **translated}, [*kept, *(term for term in self.kept if term not in own)])


def read_glossaries(folder: Path) -> dict[str, Terms]:
    """Every ``NAME.tsv`` in ``folder``: ``German<TAB>English`` a line, a German term alone where it is kept.

    Raises:
        ModelError: the folder or a file cannot be read, or a line has more than two columns.
    """
    try:
        return {path.stem: _terms(path) for path in sorted(folder.iterdir()) if path.suffix == SUFFIX}
    except (OSError, UnicodeDecodeError) as error:
        raise ModelError(f"the glossaries cannot be read: {error}") from error


def _terms(path: Path) -> Terms:
    translated: dict[str, str] = {}
    kept: list[str] = []
    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        columns = [column.strip() for column in line.split("\t")]
        if not any(columns) or line.startswith(COMMENT):
            continue
        match columns:
            case [source, target] if source and target:
                translated[source] = target
            case [source] if source:
                kept.append(source)
            case _:
                raise ModelError(f"{path.name}, line {number}: not German<TAB>English")
    return Terms(translated, tuple(kept))
