"""The vocabulary: a SentencePiece model for source and target, with token ids in the order that Marian expects."""

import io
from collections.abc import Iterable
from pathlib import Path

import sentencepiece

EOS = "</s>"
UNK = "<unk>"
PAD = "<pad>"
SPACE = "▁"
REQUIRED_CHARS = "0123456789äöüÄÖÜßéèáàçñ„“”‚‘’‹›«»–—…€%§°&/()[]+-*:;!?'\""


def train_vocabulary(sentences: Iterable[str], size: int, path: Path) -> None:
    """Train one unigram SentencePiece model for both languages, and write it to ``path``.

    The model has ``size`` pieces, not counting padding. Each digit is a separate piece, so numbers are copied digit by
    digit. Characters that are rare in the training data or do not occur in it are encoded as bytes, except for those in
    ``REQUIRED_CHARS``.
    """
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(sentences),
        model_writer=model,
        vocab_size=size,
        model_type="unigram",
        character_coverage=0.9998,
        required_chars=REQUIRED_CHARS,
        split_digits=True,
        byte_fallback=True,
        normalization_rule_name="nmt_nfkc",
        bos_id=-1,
        eos_id=0,
        unk_id=1,
        pad_id=-1,
        input_sentence_size=400_000,
        shuffle_input_sentence=True,
        num_threads=2,
        minloglevel=1,
    )
    path.write_bytes(model.getvalue())


class Pieces:
    """A SentencePiece model with the token ids that Marian uses: those of SentencePiece, and one more for ``<pad>``."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._model = sentencepiece.SentencePieceProcessor(model_file=str(path))
        self.pad_id: int = self._model.get_piece_size()
        self.eos_id: int = self._model.eos_id()

    def __len__(self) -> int:
        return self.pad_id + 1

    def encode(self, texts: list[str]) -> list[list[int]]:
        """Return the ids of each text, followed by the end-of-sentence id."""
        encoded: list[list[int]] = self._model.encode(texts, out_type=int, add_eos=True, num_threads=2)
        return encoded

    def decode(self, ids: list[int]) -> str:
        """Return the text for ``ids``, without end-of-sentence and padding tokens."""
        text: str = self._model.decode([i for i in ids if i not in (self.eos_id, self.pad_id)])
        return text

    def spelling_ids(self) -> set[int]:
        """Return the ids of the pieces that can spell any text.

        They are the special pieces, bytes, and single characters with and without a preceding space.
        """
        model = self._model
        return {
            i
            for i in range(self.pad_id)
            if model.is_control(i)
            or model.is_unknown(i)
            or model.is_byte(i)
            or len(model.id_to_piece(i).removeprefix(SPACE)) <= 1
        }

    def vocabulary(self) -> dict[str, int]:
        """Return the id of each piece, as in the ``vocab.json`` of a Marian checkpoint."""
        pieces = {self._model.id_to_piece(i): i for i in range(self.pad_id)}
        return {**pieces, PAD: self.pad_id}
