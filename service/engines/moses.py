"""The tokenizer of fairseq's WMT19 models (FSMT): Moses rules and byte pairs, as transformers has them."""

from collections.abc import Sequence
from pathlib import Path

from service.errors import ModelError

UNKNOWN = "<unk>"


class MosesPieces:
    """Source and target pieces of an FSMT checkpoint, whose vocabularies differ.

    Moses writes typographic quotation marks as plain ones; the models were trained so.
    """

    complete = False
    single_bytes: frozenset[str] = frozenset()

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
