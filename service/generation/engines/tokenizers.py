"""Tokenizers, which convert text to the subword pieces of a model's vocabulary and back."""

import itertools
import json
import math
import pickle
import re
import unicodedata
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
    """The interface of a tokenizer that converts text to pieces (subword units) and back.

    ``control`` contains the target pieces that are not text. ``writable`` contains the target pieces that are text. If
    ``complete`` is True, `encode` can add the special pieces of a source. Otherwise, the caller must add them.
    """

    @property
    def control(self) -> frozenset[str]: ...

    @property
    def writable(self) -> frozenset[str]: ...

    @property
    def complete(self) -> bool: ...

    def encode(self, text: str, *, special: bool = True) -> list[str]:
        """Encode a source text. If ``special`` is True, add the special pieces that the tokenizer knows."""
        ...

    def encode_target(self, text: str) -> list[str]:
        """Encode a target text without special pieces."""
        ...

    def decode(self, pieces: Sequence[str]) -> str:
        """Decode target pieces to text. The caller must have removed the pieces in ``control``."""
        ...


SPACE = "▁"
"""The character that SentencePiece uses for the space before a word."""


class SentencePieces:
    """A tokenizer with one SentencePiece model for source texts and one for target texts."""

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
        """The target pieces that are text. The set is large and used only once, so it is not stored."""
        return frozenset(map(self._target.id_to_piece, range(self._target.get_piece_size()))) - self.control

    def encode(self, text: str, *, special: bool = False) -> list[str]:
        """Encode a source text. The caller adds the special pieces, so ``special`` has no effect."""
        del special
        pieces: list[str] = self._source.encode(text, out_type=str)
        return pieces

    def encode_target(self, text: str) -> list[str]:
        """Encode a target text with the target model."""
        pieces: list[str] = self._target.encode(text, out_type=str)
        return pieces

    def decode(self, pieces: Sequence[str]) -> str:
        """Decode target pieces to text.

        If the target model leaves space marks, they are replaced with spaces, and each run of white space becomes one
        space.
        """
        text: str = self._target.decode(list(pieces))
        # The target model does not decode pieces that only the source model has.
        return " ".join(text.replace(SPACE, " ").split()) if SPACE in text else text


def sentence_pieces(source: Path, target: Path) -> SentencePieces:
    """Load a tokenizer from the SentencePiece files for the source and the target, which may be the same file.

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
    """A tokenizer that is loaded from a ``tokenizer.json`` file and used for both sources and targets."""

    complete = True

    def __init__(self, path: Path, *, marked: bool = False) -> None:
        """Load the tokenizer from ``path``, without the truncation and padding that the file may define.

        If ``marked`` is True, text that looks like a special token is encoded as ordinary text. This is necessary if
        special tokens separate the parts of a prompt, because an article could otherwise contain these tokens.

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
        """The target pieces that are text. The set is large and used only once, so it is not stored."""
        return frozenset(self._tokenizer.get_vocab()) - self.control

    def encode(self, text: str, *, special: bool = True) -> list[str]:
        """Encode a source text. If ``special`` is True, add the special pieces that the file defines."""
        tokens: list[str] = self._tokenizer.encode(text, add_special_tokens=special).tokens
        return tokens

    def encode_target(self, text: str) -> list[str]:
        """Encode a target text without special pieces."""
        return self.encode(text, special=False)

    def decode(self, pieces: Sequence[str]) -> str:
        """Decode target pieces to text. Restore the spacing of WordPieces. Remove a leading space from other text."""
        decoder = self._tokenizer.decoder
        text: str = " ".join(pieces) if decoder is None else decoder.decode(list(pieces))
        return restore_spacing(text) if self._spaced else text.removeprefix(" ")


def restore_spacing(text: str) -> str:
    """Remove the spaces that decoding from WordPieces leaves around punctuation in German and English text.

    This covers quotation marks, apostrophes, hyphens, numbers and punctuation marks. A full stop, comma or colon
    between digits counts as part of a number.
    """
    text = _PAIRED.sub(r"\1\2\3", _APOSTROPHE.sub("'", text))
    text = _AFTER.sub("", _BEFORE.sub("", text))
    return _NUMBER.sub(r"\1", _INSIDE.sub(r"\1", text))


EOS, UNKNOWN = "</s>", "<unk>"
_WORD_END = "</w>"
_CACHED_WORDS = 10_000
_MOSES_UNICODE = str.maketrans({
    **dict(zip("，、”“∶：？《》）！（；」「～’━〈〉【】％", ",,\"\"::?\"\")!(;\"\"~'-<>[]%", strict=True)),
    **dict(zip("０１２３４５６７８９", "0123456789", strict=True)),
    "。": ". ", "．": ". ", "…": "...",
})  # fmt: skip
"""The replacements of the Moses script replace-unicode-punctuation.perl."""


class MosesPieces:
    """The tokenizer of an FSMT checkpoint, which has different vocabularies for source and target.

    It prepares text with the rules of Moses, as in the training of FSMT models, and divides each word into the pieces
    of a byte-pair encoding. Typographic quotation marks become plain ones.
    """

    complete = False

    def __init__(self, folder: Path) -> None:
        """Load the tokenizer files of the checkpoint in ``folder``.

        Raises:
            ModelError: a file is missing or damaged.
        """
        import sacremoses  # noqa: PLC0415 - only FSMT models need it

        try:
            source, target = json.loads((folder / "tokenizer_config.json").read_text("utf-8"))["langs"]
            merges = (folder / "merges.txt").read_text("utf-8").splitlines()
            self._targets = frozenset(json.loads((folder / "vocab-tgt.json").read_text("utf-8")))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ModelError(f"the tokenizer files in {folder.name} are missing or damaged: {error}") from error
        self._ranks = {tuple(line.split()[:2]): rank for rank, line in enumerate(merges)}
        self._punctuation = sacremoses.MosesPunctNormalizer(lang=source)
        self._words = sacremoses.MosesTokenizer(lang=source)
        self._text = sacremoses.MosesDetokenizer(lang=target)
        self.control = frozenset({"<s>", "<pad>", EOS, UNKNOWN})
        self._word_pieces = lru_cache(maxsize=_CACHED_WORDS)(self._merged)

    @property
    def writable(self) -> frozenset[str]:
        """The target pieces that are text."""
        return self._targets - self.control

    def encode(self, text: str, *, special: bool = False) -> list[str]:
        """Prepare and encode a source text. The caller adds the special pieces, so ``special`` has no effect."""
        del special
        plain = self._punctuation.normalize(text.translate(_MOSES_UNICODE))
        visible = "".join(one for one in plain if not unicodedata.category(one).startswith("C"))
        words = self._words.tokenize(visible, aggressive_dash_splits=True, escape=True)
        return [piece for word in words for piece in self._word_pieces(word)]

    def _merged(self, word: str) -> tuple[str, ...]:
        """Return the pieces of a word. Byte-pair encoding repeatedly merges the pair with the lowest rank."""
        pieces = [*word[:-1], f"{word[-1]}{_WORD_END}"]
        while len(pieces) > 1:
            pairs = itertools.pairwise(pieces)
            best = min(pairs, key=lambda pair: self._ranks.get(pair, math.inf))
            if best not in self._ranks:
                break
            merged: list[str] = []
            for piece in pieces:
                if merged and (merged[-1], piece) == best:
                    merged[-1] += piece
                else:
                    merged.append(piece)
            pieces = merged
        return tuple(pieces)

    def encode_target(self, text: str) -> list[str]:
        """Encode a target text.

        The source and target vocabularies use the same byte-pair merges. The text is therefore encoded as a source, and
        pieces that are not in the target vocabulary are removed.
        """
        return [piece for piece in self.encode(text) if piece in self._targets]

    def decode(self, pieces: Sequence[str]) -> str:
        """Decode target pieces to text with the detokenizer of Moses."""
        return str(self._text.detokenize("".join(pieces).replace(_WORD_END, " ").split()))


_PLAIN_PUNCTUATION = str.maketrans({
    **dict.fromkeys("„“”‟«»″", '"'), **dict.fromkeys("‚‘’‛‹›`´", "'"), "–": "-", "—": " - ", "…": "...",
})  # fmt: skip
"""The replacements of the Moses script normalize-punctuation.perl for quotation marks, dashes and ellipses."""
_BOUNDED = re.compile(r"[\x20-\x7eäöüÄÖÜß„“”‚‘’»«–—€]*")
"""Matches texts that normalisation never makes longer. Each piece of such a text has at least one byte."""
_SPECIAL_TOKENS = 4
"""Maximum number of pieces added to a text: a leading space, a language code, a start token and an end token."""


class Tokenizer:
    """A tokenizer that encodes the sources and decodes the targets of one model. It is thread-safe."""

    def __init__(self, manifest: Manifest, folder: Path) -> None:
        """Load the tokenizer files that ``manifest`` names from the model's ``folder``.

        Raises:
            ModelError: a file is missing or is not a tokenizer.
        """
        self.prefix = manifest.tokens.prefix
        self._files = (manifest, folder)
        self._pieces = _pieces(manifest, folder)
        self._code = (manifest.tokens.source_code,) if manifest.tokens.source_code else ()
        self._plain_punctuation = manifest.tokens.normalise == "moses"
        self._prompts = manifest.prompts
        self.end = EOS if manifest.prompts is None else manifest.prompts.end

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the manifest and the folder, so that the process that unpickles the tokenizer loads the files itself.

        Each process keeps the last few tokenizers that it loaded, so it rarely loads the same files twice.
        """
        return _tokenizer, (pickle.dumps(self._files),)

    def encode(self, source: str | Prompt) -> Tokens:
        """Encode a source with the special tokens that the model expects. The text is never truncated.

        For a causal model, a text is followed by the special token of the model's task. A prompt must already contain
        its special tokens, except the start token, which is always added.

        Raises:
            ValueError: ``source`` is a prompt, but the model is not causal.
        """
        if self._prompts is not None:
            return self._prompt(source, self._prompts)
        if not isinstance(source, str):
            # The manifest decides, not the type.
            raise ValueError("this model accepts only texts: its manifest has no table `prompts`")  # noqa: TRY004
        return self._plain(source)

    def _prompt(self, source: str | Prompt, prompts: Prompts) -> Tokens:
        parts = (source, Mark(prompts.task)) if isinstance(source, str) else source
        encoded = [prompts.start]
        for part in parts:
            encoded += [prompts.marks[part.name]] if isinstance(part, Mark) else self._pieces.encode_target(part)
        return tuple(encoded)

    def _plain(self, text: str) -> Tokens:
        text = self._normalised(text)
        if self._pieces.complete and not self._code:
            return tuple(self._pieces.encode(self.prefix + text))
        return (*self._code, *self._pieces.encode(self.prefix + text, special=False), EOS)

    def framed(self, source: Tokens) -> tuple[Tokens, Tokens, Tokens]:
        """Split an encoded source into the tokens before its text, of its text, and after its text.

        The start token of a causal model, the language code, the mark of the task and a final end-of-sentence token are
        not part of the text. Other special tokens of a ``tokenizer.json`` count as text.
        """
        before = len(self._code) if self._prompts is None else 1
        after = len(source) - (source[-1:] == (EOS,) or self._prompts is not None)
        return source[:before], source[before:after], source[after:]

    def most_tokens(self, text: str) -> float:
        """Return an upper bound on the number of source tokens in ``text``, without encoding the text.

        The result is infinity if no bound is known.
        """
        if isinstance(self._pieces, MosesPieces) or not _BOUNDED.fullmatch(text):
            return math.inf
        return len((self.prefix + text).encode()) + _SPECIAL_TOKENS

    def encode_target(self, text: str) -> Tokens:
        """Encode a target text without special tokens."""
        return tuple(self._pieces.encode_target(self._normalised(text)))

    def _normalised(self, text: str) -> str:
        return text.translate(_PLAIN_PUNCTUATION) if self._plain_punctuation else text

    def decode(self, tokens: Tokens) -> str:
        """Decode target tokens to text. Tokens in ``control`` are omitted."""
        control = self._pieces.control
        if control.isdisjoint(tokens):  # the usual case, which needs no copy
            return self._pieces.decode(tokens)
        return self._pieces.decode([token for token in tokens if token not in control])

    def pieces(self, text: str) -> frozenset[str]:
        """Return the distinct target pieces into which ``text`` is encoded."""
        return frozenset(self.encode_target(text))

    @property
    def control(self) -> frozenset[str]:
        """The target pieces that are not text."""
        return self._pieces.control

    @property
    def writable(self) -> frozenset[str]:
        """The target pieces that are text. Apart from the end-of-sentence token, an engine outputs no other pieces."""
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
