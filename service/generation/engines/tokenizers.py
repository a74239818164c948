"""Tokenizers, which convert text to the pieces of a model and back."""

import json
import math
import pickle
import re
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

import sentencepiece
import tokenizers

from service.domain import Mark, Prompt, Tokens
from service.errors import ModelError
from service.registry.manifest import Manifest, Prompts


class Pieces(Protocol):
    """The interface of a tokenizer that converts text to pieces and back.

    ``control`` contains the target pieces that are not text. ``writable`` contains the source and target pieces that
    are text. ``complete`` means that `encode` can add the special pieces of a source. Otherwise, the caller must add
    them.
    """

    @property
    def control(self) -> frozenset[str]: ...

    @property
    def writable(self) -> frozenset[str]: ...

    @property
    def complete(self) -> bool: ...

    def encode(self, text: str, *, special: bool = True) -> list[str]:
        """Encode a source. If ``special`` is True, add the special pieces that the tokenizer knows."""
        ...

    def encode_target(self, text: str) -> list[str]:
        """Encode a target without special pieces."""
        ...

    def decode(self, pieces: Sequence[str]) -> str:
        """Decode target pieces. The caller must have removed the pieces in ``control``."""
        ...


SPACE = "▁"
"""The character that SentencePiece uses for the space before a word."""


class SentencePieces:
    """A tokenizer with one SentencePiece model for the source and one for the target."""

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
        """Implement `Pieces.writable`. The set is large and used only once, so it is not stored."""
        models = [self._target] if self._source is self._target else [self._source, self._target]
        return frozenset(model.id_to_piece(i) for model in models for i in range(model.get_piece_size())) - self.control

    def encode(self, text: str, *, special: bool = False) -> list[str]:
        """Implement `Pieces.encode`."""
        del special  # SentencePiece models have no special pieces
        pieces: list[str] = self._source.encode(text, out_type=str)
        return pieces

    def encode_target(self, text: str) -> list[str]:
        """Implement `Pieces.encode_target`."""
        pieces: list[str] = self._target.encode(text, out_type=str)
        return pieces

    def decode(self, pieces: Sequence[str]) -> str:
        """Implement `Pieces.decode`."""
        text: str = self._target.decode(list(pieces))
        # The target model returns pieces of the source model as they are.
        return " ".join(text.replace(SPACE, " ").split()) if SPACE in text else text


def sentence_pieces(source: Path, target: Path) -> SentencePieces:
    """Load the SentencePiece models from both files. If both paths are the same, the file is loaded once.

    Raises:
        ModelError: a file is missing or is not a SentencePiece model.
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


# WordPiece splits text at every punctuation mark and loses the original spacing. These patterns match spaces that the
# original text does not have.
_BEFORE = re.compile(r" (?=[.,;:!?%)\]}…“‘”’‹])")
_APOSTROPHE = re.compile(r"(?<=\w) ' (?=(?:s|t|m|re|ve|ll|d)\b)")
_AFTER = re.compile(r"(?<=[„‚(\[{›]) ")
_INSIDE = re.compile(r"(?<=\w) ?([-/]) (?=\w)")
_NUMBER = re.compile(r"(?<=\d)([.,:]) (?=\d)")
_PAIRED = re.compile(r'([»"]) ?(.+?) ?([«"])')


class Subwords:
    """A tokenizer that is loaded from a ``tokenizer.json`` and used for both sources and targets."""

    complete = True

    def __init__(self, path: Path, *, marked: bool = False) -> None:
        """Load the file, and disable its truncation and padding.

        If ``marked`` is True, text that looks like a special token is encoded as ordinary text. This is necessary if
        special tokens separate the parts of a prompt, because a text must not be able to forge them.

        Raises:
            ModelError: the file is missing or is not a tokenizer.
        """
        if not path.is_file():
            raise ModelError(f"tokenizer file {path.name} is missing")
        try:
            content = json.loads(path.read_text("utf-8"))
            self._tokenizer = tokenizers.Tokenizer.from_str(json.dumps(content))
        except Exception as error:  # the library raises bare Exceptions
            raise ModelError(f"tokenizer file {path.name} cannot be read by the tokenizers library") from error
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        self._tokenizer.encode_special_tokens = marked
        added = {one.content for one in self._tokenizer.get_added_tokens_decoder().values() if one.special}
        unknown = content["model"].get("unk_token")
        self.control = frozenset(added if unknown is None else added | {unknown})
        self._spaced = content["model"]["type"] == "WordPiece"

    @property
    def writable(self) -> frozenset[str]:
        """Implement `Pieces.writable`. The set is large and used only once, so it is not stored."""
        return frozenset(self._tokenizer.get_vocab()) - self.control

    def encode(self, text: str, *, special: bool = True) -> list[str]:
        """Implement `Pieces.encode`."""
        tokens: list[str] = self._tokenizer.encode(text, add_special_tokens=special).tokens
        return tokens

    def encode_target(self, text: str) -> list[str]:
        """Implement `Pieces.encode_target`."""
        return self.encode(text, special=False)

    def decode(self, pieces: Sequence[str]) -> str:
        """Implement `Pieces.decode`."""
        decoder = self._tokenizer.decoder
        text: str = " ".join(pieces) if decoder is None else decoder.decode(list(pieces))
        return restore_spacing(text) if self._spaced else text.removeprefix(" ")


def restore_spacing(text: str) -> str:
    """Restore German and English spacing in text decoded from WordPieces.

    This covers quotation marks, hyphens, numbers and punctuation. A full stop, comma or colon between digits counts as
    part of a number.
    """
    text = _PAIRED.sub(r"\1\2\3", _APOSTROPHE.sub("'", text))
    text = _AFTER.sub("", _BEFORE.sub("", text))
    return _NUMBER.sub(r"\1", _INSIDE.sub(r"\1", text))


UNKNOWN = "<unk>"


class MosesPieces:
    """The tokenizer of an FSMT checkpoint, which has different vocabularies for source and target.

    It preprocesses text with Moses, which replaces typographic quotation marks with plain ones. FSMT models were
    trained on text preprocessed in this way.
    """

    complete = False

    def __init__(self, folder: Path) -> None:
        """Load the tokenizer files of the checkpoint in ``folder``.

        Raises:
            ModelError: a file is missing or damaged, or transformers or sacremoses is not installed.
        """
        try:
            from transformers.models.fsmt.tokenization_fsmt import FSMTTokenizer  # noqa: PLC0415 - an optional extra

            self._tokenizer = FSMTTokenizer.from_pretrained(str(folder), local_files_only=True)
        except ImportError as error:
            raise ModelError("an FSMT model requires an extra: pip install 'depesche[torch]'") from error
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ModelError(f"transformers cannot load the tokenizer in {folder.name}: {error}") from error
        self.control = frozenset(self._tokenizer.all_special_tokens)

    @property
    def writable(self) -> frozenset[str]:
        """Implement `Pieces.writable`."""
        return frozenset(self._tokenizer.decoder.values()) - self.control

    def encode(self, text: str, *, special: bool = False) -> list[str]:
        """Implement `Pieces.encode`."""
        del special
        return list(self._tokenizer.tokenize(text))

    def encode_target(self, text: str) -> list[str]:
        """Implement `Pieces.encode_target`.

        Source and target share byte pairs, so the text is encoded as a source, and pieces outside the target vocabulary
        are removed.
        """
        targets = set(self._tokenizer.decoder.values())
        return [piece for piece in self.encode(text) if piece in targets]

    def decode(self, pieces: Sequence[str]) -> str:
        """Implement `Pieces.decode`."""
        return str(self._tokenizer.convert_tokens_to_string(list(pieces)))


EOS = "</s>"
_BOUNDED = re.compile(r"[\x20-\x7eäöüÄÖÜß„“”‚‘’»«–—€]*")
"""Matches texts that normalisation never makes longer. Each piece of such a text has at least one byte."""
_SPECIAL_TOKENS = 4
"""Maximum number of pieces added to a text: a leading space, a language code, a start token and an end token."""


class Tokenizer:
    """A tokenizer that encodes the sources and decodes the targets of one model. It is thread-safe."""

    def __init__(self, manifest: Manifest, folder: Path) -> None:
        """Load the tokenizer files that ``manifest`` names from the model's ``folder``.

        Raises:
            ModelError: a file is missing or is not a tokenizer, or a required library is not installed.
        """
        self.prefix = manifest.tokens.prefix
        self._files = (manifest, folder)
        self._pieces = _pieces(manifest, folder)
        self._code = (manifest.tokens.source_code,) if manifest.tokens.source_code else ()
        self._prompts = manifest.prompts
        self.end = EOS if manifest.prompts is None else manifest.prompts.end

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the manifest and the folder instead of the loaded files. A process loads the same files only once."""
        return _tokenizer, (pickle.dumps(self._files),)

    def encode(self, source: str | Prompt) -> Tokens:
        """Encode a source with the special tokens that the model expects. The text is never truncated.

        For a causal model, the special token of the model's task is added to the end of a text. A prompt already
        contains all special tokens except the start token, which is always added.

        Raises:
            ValueError: ``source`` is a prompt, but the model is not causal.
        """
        if self._prompts is not None:
            return self._prompt(source, self._prompts)
        if not isinstance(source, str):
            raise ValueError("this model does not accept prompts")  # noqa: TRY004 - the manifest decides, not the type
        return self._plain(source)

    def _prompt(self, source: str | Prompt, prompts: Prompts) -> Tokens:
        parts = (source, Mark(prompts.task)) if isinstance(source, str) else source
        encoded = [prompts.start]
        for part in parts:
            encoded += [prompts.marks[part.name]] if isinstance(part, Mark) else self._pieces.encode_target(part)
        return tuple(encoded)

    def _plain(self, text: str) -> Tokens:
        if self._pieces.complete and not self._code:
            return tuple(self._pieces.encode(self.prefix + text))
        return (*self._code, *self._pieces.encode(self.prefix + text, special=False), EOS)

    def framed(self, source: Tokens) -> tuple[Tokens, Tokens, Tokens]:
        """Split an encoded source into the tokens before its text, those of the text, and those after it."""
        before = len(self._code) if self._prompts is None else 1
        after = len(source) - (source[-1:] == (EOS,) or self._prompts is not None)
        return source[:before], source[before:after], source[after:]

    def most_tokens(self, text: str) -> float:
        """Return an upper bound on the number of source tokens in ``text``, without encoding it.

        The result is infinity if no bound is known.
        """
        if isinstance(self._pieces, MosesPieces) or not _BOUNDED.fullmatch(text):
            return math.inf
        return len((self.prefix + text).encode()) + _SPECIAL_TOKENS

    def encode_target(self, text: str) -> Tokens:
        """Encode a target without special tokens."""
        return tuple(self._pieces.encode_target(text))

    def decode(self, tokens: Tokens) -> str:
        """Decode target tokens. Control pieces are omitted."""
        control = self._pieces.control
        if control.isdisjoint(tokens):  # the usual case, which needs no copy
            return self._pieces.decode(tokens)
        return self._pieces.decode([token for token in tokens if token not in control])

    def pieces(self, text: str) -> frozenset[str]:
        """Return the distinct target pieces of ``text``."""
        return frozenset(self._pieces.encode_target(text))

    @property
    def control(self) -> frozenset[str]:
        """The target pieces that are not text."""
        return self._pieces.control

    @property
    def writable(self) -> frozenset[str]:
        """The source and target pieces that are text. Outputs contain no other pieces of the model's vocabulary."""
        return self._pieces.writable


@lru_cache(maxsize=4)
def _tokenizer(files: bytes) -> Tokenizer:
    return Tokenizer(*pickle.loads(files))  # noqa: S301 - written by `Tokenizer.__reduce__` in another process of ours


def _pieces(manifest: Manifest, folder: Path) -> Pieces:
    source, target = (folder / name for name in (manifest.tokens.source, manifest.tokens.target))
    if manifest.tokens.kind == "sentencepiece":
        return sentence_pieces(source, target)
    if manifest.architecture == "fsmt":
        return MosesPieces(source.parent)
    return Subwords(source, marked=manifest.causal)
