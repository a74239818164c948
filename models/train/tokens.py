"""Tokenisation of training examples, with task marks that cannot occur in texts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tokenizers import Tokenizer

from models.train.recipe import MarkWords

PAD, EOS, BOS = "<pad>", "<eos>", "<bos>"


@dataclass(frozen=True)
class Mark:
    """A task mark in a prompt, identified by its name in the recipe."""

    name: str


@dataclass(frozen=True)
class Example:
    """A training example: a prompt, which consists of texts and marks, and its target."""

    prompt: tuple[str | Mark, ...]
    target: str


class Tokens:
    """A tokenizer with the trimmed vocabulary.

    Text that looks like a task mark or a special piece is encoded as ordinary text.
    """

    def __init__(self, path: Path, marks: Mapping[str, MarkWords]) -> None:
        """Read the tokenizer from the file ``tokenizer.json`` at ``path``. ``marks`` contains the task marks by name.

        Raises:
            ValueError: the vocabulary does not contain a special piece or the piece for one of the marks.
        """
        self.tokenizer = Tokenizer.from_file(str(path))
        self.tokenizer.encode_special_tokens = True
        self.pad, self.eos, self.bos = (self._id(piece) for piece in (PAD, EOS, BOS))
        self.marks = {name: self._id(mark.piece) for name, mark in marks.items()}

    def _id(self, piece: str) -> int:
        found = self.tokenizer.token_to_id(piece)
        if found is None:
            raise ValueError(f"the tokenizer has no piece {piece}")
        return int(found)

    def __len__(self) -> int:
        return int(self.tokenizer.get_vocab_size())

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """Return the ids of each text, without special pieces."""
        return [encoding.ids for encoding in self.tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)]

    def decode(self, ids: Sequence[int]) -> str:
        """Return the text for ``ids``, without special pieces."""
        return str(self.tokenizer.decode(list(ids), skip_special_tokens=True))

    def examples(self, examples: Sequence[Example]) -> list[tuple[list[int], list[int]]]:
        """Return the token ids of each example as (ids of the prompt, ids of the target).

        A prompt starts with ``<bos>``, and a target ends with ``<eos>``.
        """
        texts = [part for example in examples for part in (*example.prompt, example.target) if isinstance(part, str)]
        encoded = iter(self.encode(texts))
        made = []
        for example in examples:
            prompt = [self.bos]
            for part in example.prompt:
                prompt += [self.marks[part.name]] if isinstance(part, Mark) else next(encoded)
            made.append((prompt, [*next(encoded), self.eos]))
        return made
