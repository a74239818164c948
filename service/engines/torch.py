"""The PyTorch/transformers engine: the reference, for GPUs and for what CTranslate2 cannot convert."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from service.engines.grouping import by_options
from service.engines.tokenizer import EOS
from service.errors import EngineError, ModelError
from service.manifest import Manifest
from service.types import Attention, DecodingOptions, EngineInput, Hypothesis

NEVER_WRITTEN = ("<pad>", "<unk>")


class TorchEngine:
    """A transformers checkpoint run by ``AutoModelForSeq2SeqLM.generate``."""

    name = "torch"

    def __init__(
        self,
        folder: Path,
        vocabulary: dict[str, int],
        *,
        target_pieces: frozenset[str] | None = None,
        dtype: str = "float32",
        device: str = "cpu",
        threads: int = 1,
    ) -> None:
        """Load the checkpoint in ``folder``; ``vocabulary`` maps pieces to its ids.

        ``target_pieces`` are those that may be written; None: all.

        Raises:
            ModelError: torch or transformers is not installed, or the checkpoint cannot be loaded.
        """
        try:
            import torch  # noqa: PLC0415 - an optional extra, and seconds to import
            import transformers  # noqa: PLC0415
        except ImportError as error:
            raise ModelError("the torch engine needs the extra: pip install 'depesche[torch]'") from error
        self._torch = torch
        torch.set_num_threads(threads)
        try:
            model: Any = transformers.AutoModelForSeq2SeqLM.from_pretrained(
                str(folder), dtype=getattr(torch, dtype), local_files_only=True
            )
        except (OSError, ValueError, RuntimeError) as error:
            raise ModelError(f"transformers cannot load {folder.name}: {error}") from error
        self._model = model.to(device).eval()
        self._device = device
        self._ids = vocabulary
        self._pieces = {number: piece for piece, number in vocabulary.items()}
        self._eos_id: int = vocabulary[EOS]
        self._pad_id: int = self._model.config.pad_token_id
        self._limits: int = self._model.get_output_embeddings().weight.shape[0]
        never = {vocabulary[piece] for piece in NEVER_WRITTEN if piece in vocabulary}
        written = vocabulary if target_pieces is None else target_pieces
        self._written = {number for piece, number in vocabulary.items() if piece in written} - never

    def generate(self, items: Sequence[EngineInput]) -> list[list[Hypothesis]]:
        """See `Engine.generate`."""
        return by_options(items, self._call)

    def _call(self, sources: list[list[str]], options: DecodingOptions) -> list[list[Hypothesis]]:
        try:
            with self._torch.inference_mode():
                return self._search(sources, options)
        except (RuntimeError, ValueError, IndexError) as error:
            raise EngineError(f"transformers raised {type(error).__name__}") from error

    def _search(self, sources: list[list[str]], options: DecodingOptions) -> list[list[Hypothesis]]:
        inputs, mask = self._padded(sources)
        output = self._model.generate(
            input_ids=inputs, attention_mask=mask, generation_config=self._generation_config(options)
        )
        per_source = options.hypotheses
        scores = self._scores(output)
        rows = output.sequences[:, 1:].tolist()
        found = [self._hypothesis(row, score) for row, score in zip(rows, scores, strict=True)]
        if options.alignment:
            sources_of = self._torch.arange(len(rows), device=self._device) // per_source
            found = self._aligned(found, inputs[sources_of], mask[sources_of], output.sequences)
        return [found[start : start + per_source] for start in range(0, len(found), per_source)]

    def _padded(self, sources: list[list[str]]) -> tuple[Any, Any]:
        torch = self._torch
        unknown = self._ids.get("<unk>", self._pad_id)
        rows = [torch.tensor([self._ids.get(piece, unknown) for piece in source]) for source in sources]
        inputs = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=self._pad_id)
        lengths = torch.tensor([len(row) for row in rows]).unsqueeze(1)
        mask = (torch.arange(inputs.shape[1]).unsqueeze(0) < lengths).long()
        return inputs.to(self._device), mask.to(self._device)

    def _generation_config(self, options: DecodingOptions) -> Any:
        import transformers  # noqa: PLC0415 - loaded by now

        return transformers.GenerationConfig(  # type: ignore[no-untyped-call]  # transformers leaves it untyped
            num_beams=options.beam_size,
            num_return_sequences=options.hypotheses,
            max_new_tokens=options.max_output_tokens,
            min_new_tokens=options.min_output_tokens,
            length_penalty=options.length_penalty,
            repetition_penalty=options.repetition_penalty,
            no_repeat_ngram_size=options.no_repeat_ngram,
            suppress_tokens=self._suppressed(options),
            do_sample=False,
            early_stopping=False,
            eos_token_id=self._eos_id,
            pad_token_id=self._pad_id,
            decoder_start_token_id=self._model.config.decoder_start_token_id,
            output_scores=True,
            output_logits=False,
            return_dict_in_generate=True,
        )

    def _suppressed(self, options: DecodingOptions) -> list[int]:
        kept = self._written
        if options.allowed is not None:
            kept = kept & {self._ids[piece] for piece in options.allowed if piece in self._ids} | {self._eos_id}
        return [number for number in range(self._limits) if number not in kept]

    def _scores(self, output: Any) -> list[float]:
        """Log-probability a token, end-of-sentence counted, padding not."""
        steps = self._model.compute_transition_scores(
            output.sequences, output.scores, getattr(output, "beam_indices", None), normalize_logits=True
        )
        written = (output.sequences[:, 1:] != self._pad_id).to(steps.dtype)[:, : steps.shape[1]]
        steps = steps.masked_fill(written == 0, 0.0)
        return [float(score) for score in steps.sum(1) / written.sum(1).clamp(min=1)]

    def _hypothesis(self, row: list[int], score: float) -> Hypothesis:
        ended = self._eos_id in row
        ids = row[: row.index(self._eos_id)] if ended else [i for i in row if i != self._pad_id]
        return Hypothesis(tuple(self._pieces[i] for i in ids), score, "eos" if ended else "length")

    def _aligned(self, found: list[Hypothesis], inputs: Any, mask: Any, sequences: Any) -> list[Hypothesis]:
        """Attention of the last layer's first head, as CTranslate2's converter chooses by default."""
        self._model.set_attn_implementation("eager")
        passed = self._model(
            input_ids=inputs, attention_mask=mask, decoder_input_ids=sequences[:, :-1], output_attentions=True
        )
        weights = passed.cross_attentions[-1][:, 0].tolist()
        lengths = mask.sum(1).tolist()
        return [
            Hypothesis(
                h.tokens, h.score, h.finish_reason, Attention.of([row[:length] for row in rows[: len(h.tokens)]])
            )
            for h, rows, length in zip(found, weights, lengths, strict=True)
        ]

    def close(self) -> None:
        """See `Engine.close`."""
        del self._model


def vocabulary(manifest: Manifest, folder: Path) -> dict[str, int]:
    """Piece to id: the checkpoint's ``vocab.json``, or the order of its SentencePiece model where it has none.

    Raises:
        ModelError: the file is missing or damaged.
    """
    if manifest.tokens.vocabulary is None:
        import sentencepiece  # noqa: PLC0415 - only where a checkpoint has no vocab.json

        model = sentencepiece.SentencePieceProcessor(model_file=str(folder / manifest.tokens.source))
        return {model.id_to_piece(number): number for number in range(model.get_piece_size())}
    pieces: dict[str, int] = _read(folder, manifest.tokens.vocabulary)
    return pieces


def target_pieces(manifest: Manifest, folder: Path) -> frozenset[str] | None:
    """The pieces that outputs are written with; None: all.

    Raises:
        ModelError: the file is missing or damaged.
    """
    name = manifest.tokens.target_vocabulary
    return None if name is None else frozenset(_read(folder, name))


def _read(folder: Path, name: str) -> Any:
    try:
        return json.loads((folder / name).read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(f"{name} cannot be read") from error
