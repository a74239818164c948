"""Text to tokens and back, by the model's own tokenizer files."""

from pathlib import Path

from service.engines.pieces import Pieces, sentence_pieces
from service.manifest import Manifest
from service.types import Tokens

EOS = "</s>"


class Tokenizer:
    """Encodes sources and decodes targets of one model. Safe to share between threads."""

    def __init__(self, manifest: Manifest, folder: Path) -> None:
        """Load the files that the manifest names from the model's ``folder``.

        Raises:
            ModelError: a file is missing or is no tokenizer, or a library that it needs is not installed.
        """
        self.prefix = manifest.tokens.prefix
        self._pieces = _pieces(manifest, folder)
        self._code = (manifest.tokens.source_code,) if manifest.tokens.source_code else ()

    def encode(self, text: str) -> Tokens:
        """Source tokens of ``text``, with the special tokens that the model expects; never cut."""
        if self._pieces.complete and not self._code:
            return tuple(self._pieces.encode(self.prefix + text))
        return (*self._code, *self._pieces.encode(self.prefix + text, special=False), EOS)

    def decode(self, tokens: Tokens) -> str:
        """Text of target tokens; control pieces are left out."""
        control = self._pieces.control
        if control.isdisjoint(tokens):  # as an engine's mostly are
            return self._pieces.decode(tokens)
        return self._pieces.decode([token for token in tokens if token not in control])

    def pieces(self, text: str) -> frozenset[str]:
        """The target pieces that ``text`` is made of."""
        return frozenset(self._pieces.encode_target(text))

    @property
    def control(self) -> frozenset[str]:
        """The target pieces that stand for no text."""
        return self._pieces.control

    @property
    def byte_pieces(self) -> frozenset[str]:
        """The pieces that stand for single bytes of characters outside the vocabulary."""
        return self._pieces.single_bytes

    @property
    def writable(self) -> frozenset[str]:
        """The pieces of either side that stand for text: an output has no others, whatever the model has rows for."""
        return self._pieces.writable


def _pieces(manifest: Manifest, folder: Path) -> Pieces:
    source, target = (folder / name for name in (manifest.tokens.source, manifest.tokens.target))
    if manifest.tokens.kind == "sentencepiece":
        return sentence_pieces(source, target)
    if manifest.architecture == "fsmt":
        from service.engines.moses import MosesPieces  # noqa: PLC0415 - transformers is an optional extra

        return MosesPieces(source.parent)
    from service.engines.subwords import Subwords  # noqa: PLC0415 - most models do without this library

    return Subwords(source)
