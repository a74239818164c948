"""The tokenizers library's format, ``tokenizer.json``: byte-level BPE (BART), WordPiece (BERT), Unigram."""

import json
import re
from collections.abc import Sequence
from pathlib import Path

import tokenizers

from service.errors import ModelError

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
    single_bytes: frozenset[str] = frozenset()  # byte-level BPE writes every character in letters of its own

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
