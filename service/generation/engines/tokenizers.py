"""Tokenizers: text to the pieces of a model and back."""

import json
import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import sentencepiece
import tokenizers

from service.domain import Tokens
from service.errors import ModelError
from service.registry.manifest import Manifest


class Pieces(Protocol):
    """Text to pieces and back.

    ``control`` are the target pieces that stand for no text, ``writable`` all pieces of both sides that stand for
    text. ``complete`` tells whether `encode` knows which special
    pieces a source has; otherwise it begins and ends with text.
    """

    @property
    def control(self) -> frozenset[str]: ...

    @property
    def writable(self) -> frozenset[str]: ...

    @property
    def complete(self) -> bool: ...

    def encode(self, text: str, *, special: bool = True) -> list[str]:
        """Source pieces, with special ones where asked for and known."""
        ...

    def encode_target(self, text: str) -> list[str]:
        """Target pieces, without special ones."""
        ...

    def decode(self, pieces: Sequence[str]) -> str:
        """The text of target pieces, none of which is in ``control``."""
        ...


class SentencePieces:
    """A SentencePiece model a side."""

    complete = False

    def __init__(
        self, source: sentencepiece.SentencePieceProcessor, target: sentencepiece.SentencePieceProcessor
    ) -> None:
        self._source = source
        self._target = target
        ids = range(target.get_piece_size())
        self.control = frozenset(target.id_to_piece(i) for i in ids if target.is_control(i) or target.is_unknown(i))

    @property
    def writable(self) -> frozenset[str]:
        """See `Pieces`; made anew each time, as it is needed once and large."""
        models = [self._target] if self._source is self._target else [self._source, self._target]
        return frozenset(model.id_to_piece(i) for model in models for i in range(model.get_piece_size())) - self.control

    def encode(self, text: str, *, special: bool = False) -> list[str]:
        """See `Pieces.encode`."""
        del special  # a SentencePiece model knows none
        pieces: list[str] = self._source.encode(text, out_type=str)
        return pieces

    def encode_target(self, text: str) -> list[str]:
        """See `Pieces.encode_target`."""
        pieces: list[str] = self._target.encode(text, out_type=str)
        return pieces

    def decode(self, pieces: Sequence[str]) -> str:
        """See `Pieces.decode`."""
        text: str = self._target.decode(list(pieces))
        return text


def sentence_pieces(source: Path, target: Path) -> SentencePieces:
    """The models in both files, loaded once where they are one file.

    Raises:
        ModelError: a file is missing or is no SentencePiece model.
    """
    loaded = _load(source)
    return SentencePieces(loaded, loaded if target == source else _load(target))


def _load(path: Path) -> sentencepiece.SentencePieceProcessor:
    if not path.is_file():
        raise ModelError(f"tokenizer file {path.name} is missing")
    try:
        return sentencepiece.SentencePieceProcessor(model_file=str(path))
    except (OSError, RuntimeError) as error:
        raise ModelError(f"tokenizer file {path.name} is not a SentencePiece model") from error


# WordPiece cuts at every mark and forgets whether a space stood there. These had none.
_BEFORE = re.compile(r" (?=[.,;:!?%)\]}…“‘”’‹])")
_APOSTROPHE = re.compile(r"(?<=\w) ' (?=(?:s|t|m|re|ve|ll|d)\b)")
_AFTER = re.compile(r"(?<=[„‚(\[{›]) ")
_INSIDE = re.compile(r"(?<=\w) ?([-/]) (?=\w)")
_NUMBER = re.compile(r"(?<=\d)([.,:]) (?=\d)")
_PAIRED = re.compile(r'([»"]) ?(.+?) ?([«"])')


class Subwords:
    """One ``tokenizer.json`` for both sides."""

    complete = True

    def __init__(self, path: Path) -> None:
        """Load the file; what it says of cutting and padding is turned off.

        Raises:
            ModelError: the file is missing or is no tokenizer.
        """
        if not path.is_file():
            raise ModelError(f"tokenizer file {path.name} is missing")
        try:
            content = json.loads(path.read_text("utf-8"))
            self._tokenizer = tokenizers.Tokenizer.from_str(json.dumps(content))
        except Exception as error:  # the library raises bare Exceptions
            raise ModelError(f"tokenizer file {path.name} is not of the tokenizers library") from error
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        added = {one.content for one in self._tokenizer.get_added_tokens_decoder().values() if one.special}
        unknown = content["model"].get("unk_token")
        self.control = frozenset(added if unknown is None else added | {unknown})
        self._spaced = content["model"]["type"] == "WordPiece"

    @property
    def writable(self) -> frozenset[str]:
        """See `Pieces`; made anew each time, as it is needed once and large."""
        return frozenset(self._tokenizer.get_vocab()) - self.control

    def encode(self, text: str, *, special: bool = True) -> list[str]:
        """See `Pieces.encode`."""
        tokens: list[str] = self._tokenizer.encode(text, add_special_tokens=special).tokens
        return tokens

    def encode_target(self, text: str) -> list[str]:
        """See `Pieces.encode_target`."""
        return self.encode(text, special=False)

    def decode(self, pieces: Sequence[str]) -> str:
        """See `Pieces.decode`."""
        decoder = self._tokenizer.decoder
        text: str = " ".join(pieces) if decoder is None else decoder.decode(list(pieces))
        return closed_up(text) if self._spaced else text.removeprefix(" ")


def closed_up(text: str) -> str:
    """Text out of WordPieces with German and English spacing of quotation marks, hyphens, numbers and the rest.

    A comma or a colon between digits is taken for a part of a number, as it mostly is.
    """
    text = _PAIRED.sub(r"\1\2\3", _APOSTROPHE.sub("'", text))
    text = _AFTER.sub("", _BEFORE.sub("", text))
    return _NUMBER.sub(r"\1", _INSIDE.sub(r"\1", text))


UNKNOWN = "<unk>"


class MosesPieces:
    """Source and target pieces of an FSMT checkpoint, whose vocabularies differ.

    Moses writes typographic quotation marks as plain ones; the models were trained so.
    """

    complete = False

    def __init__(self, folder: Path) -> None:
        """Load the checkpoint's tokenizer files in ``folder``.

        Raises:
            ModelError: a file is missing or damaged, or transformers or sacremoses is not installed.
        """
        try:
            from transformers.models.fsmt.tokenization_fsmt import FSMTTokenizer  # noqa: PLC0415 - an optional extra

            self._tokenizer = FSMTTokenizer.from_pretrained(str(folder), local_files_only=True)
        except ImportError as error:
            raise ModelError("an FSMT model needs the extra: pip install 'depesche[torch]'") from error
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ModelError(f"transformers cannot load the tokenizer in {folder.name}: {error}") from error
        self.control = frozenset(self._tokenizer.all_special_tokens)

    @property
    def writable(self) -> frozenset[str]:
        """See `Pieces`."""
        return frozenset(self._tokenizer.decoder.values()) - self.control

    def encode(self, text: str, *, special: bool = False) -> list[str]:
        """See `Pieces.encode`."""
        del special
        return list(self._tokenizer.tokenize(text))

    def encode_target(self, text: str) -> list[str]:
        """See `Pieces.encode_target`; the byte pairs of both sides are the same, their vocabularies are not."""
        targets = set(self._tokenizer.decoder.values())
        return [piece for piece in self.encode(text) if piece in targets]

    def decode(self, pieces: Sequence[str]) -> str:
        """See `Pieces.decode`."""
        return str(self._tokenizer.convert_tokens_to_string(list(pieces)))


EOS = "</s>"
_BOUNDED = re.compile(r"[\x20-\x7eäöüÄÖÜß„“”‚‘’»«–—€]*")
"""Characters that no normal form makes longer: a piece of them is at least one byte."""
_SPECIAL_TOKENS = 4
"""A space in front, the language's code, a beginning and an end are the most that are added to a text."""


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

    def most_tokens(self, text: str) -> float:
        """A bound of the source tokens of ``text`` that costs no encoding; infinite where none is known."""
        if isinstance(self._pieces, MosesPieces) or not _BOUNDED.fullmatch(text):
            return math.inf
        return len((self.prefix + text).encode()) + _SPECIAL_TOKENS

    def encode_target(self, text: str) -> Tokens:
        """Target tokens of ``text``, without special ones."""
        return tuple(self._pieces.encode_target(text))

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
    def writable(self) -> frozenset[str]:
        """The pieces of either side that stand for text: an output has no others, whatever the model has rows for."""
        return self._pieces.writable


def _pieces(manifest: Manifest, folder: Path) -> Pieces:
    source, target = (folder / name for name in (manifest.tokens.source, manifest.tokens.target))
    if manifest.tokens.kind == "sentencepiece":
        return sentence_pieces(source, target)
    if manifest.architecture == "fsmt":
        return MosesPieces(source.parent)
    return Subwords(source)
