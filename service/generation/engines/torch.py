"""The PyTorch engine, which is the reference implementation of the engine interface.

It also runs models on GPUs, and models that CTranslate2 cannot convert.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from service.domain import Attention, DecodingOptions, EngineInput, Hypothesis, Tokens
from service.errors import EngineError, ModelError
from service.generation.engines.base import by_options
from service.generation.engines.loading import Vocabulary

UNKNOWN = ("<unk>", "[UNK]")


class TorchEngine:
    """An engine that runs a transformers checkpoint with ``AutoModelForSeq2SeqLM.generate``."""

    name = "torch"
    replicas = 1
    ahead = 0

    def __init__(
        self,
        folder: Path,
        vocabulary: Vocabulary,
        *,
        dtype: str = "float32",
        device: str = "cpu",
        threads: int = 1,
    ) -> None:
        """Load the transformers checkpoint in ``folder``.

        ``vocabulary`` maps pieces to ids, which are the row numbers of the model's embedding matrices. ``dtype`` is the
        name of a torch data type. ``threads`` is the number of CPU threads that torch uses.

        Raises:
            ModelError: torch or transformers is not installed, the checkpoint cannot be loaded or lacks weights, or its
                configuration lacks the id of a special piece.
        """
        torch, model = _loaded(folder, dtype, device)
        eos_id, pad_id, self._start_id = (
            special_id(model, name) for name in ("eos_token_id", "pad_token_id", "decoder_start_token_id")
        )
        torch.set_num_threads(threads)
        self._use(torch, model, vocabulary, eos_id, pad_id, device)

    _start_id: int | None = None

    def _use(self, torch: Any, model: Any, vocabulary: Vocabulary, eos_id: int, pad_id: int, device: str) -> None:
        self._torch, self._model = torch, model
        self._eos_id, self._pad_id = eos_id, pad_id
        # Drop the checkpoint's generation defaults, which apply to every unset option. One of them may force an
        # end-of-sentence token at the limit, which would make a truncated output look complete.
        model.generation_config = type(model.generation_config)()
        self._device = device
        self._source_ids, self._target_ids = vocabulary.source, vocabulary.target
        known = (self._source_ids[piece] for piece in UNKNOWN if piece in self._source_ids)
        self._unknown_id = next(known, self._pad_id)
        self._pieces = {number: piece for piece, number in self._target_ids.items()}
        self._vocabulary_size: int = model.get_output_embeddings().weight.shape[0]
        self._writable_ids = {self._target_ids[piece] for piece in vocabulary.written if piece in self._target_ids}
        self._writable_ids.add(self._eos_id)

    def generate(self, items: Sequence[EngineInput]) -> list[list[Hypothesis]]:
        """Score, align or generate outputs with transformers (see `Engine.generate`)."""
        searched = iter(by_options([item for item in items if item.target is None], self._call))
        return [next(searched) if item.target is None else [self._forced(item, item.target)] for item in items]

    def _forced(self, item: EngineInput, target: Tokens) -> Hypothesis:
        """Return the target, either with its attention or with its log-probability per token.

        One forward pass computes the attention if the item's options request alignment, and the log-probability
        otherwise.
        """
        prefix = [self._start_id, *(self._target_ids[piece] for piece in item.options.target_prefix)]
        written = [self._target_ids.get(piece, self._unknown_id) for piece in target]
        try:
            with self._torch.inference_mode():
                inputs, mask = self._padded([list(item.tokens)])
                sequences = self._torch.tensor([[*prefix, *written, self._eos_id]], device=self._device)
                if not item.options.alignment:
                    return Hypothesis(target, self._log_prob(inputs, mask, sequences, len(prefix)), "eos")
                found = [Hypothesis(target, None, "eos")]
                return self._aligned(found, inputs, mask, sequences, len(prefix))[0]
        except (RuntimeError, ValueError, IndexError) as error:
            raise EngineError(f"transformers raised {type(error).__name__}") from error

    def _log_prob(self, inputs: Any, mask: Any, sequences: Any, prefix_length: int) -> float:
        """Return the mean log-probability of the tokens in ``sequences`` after the first ``prefix_length`` tokens.

        ``sequences`` contains a single output. ``inputs`` and ``mask`` are the ids and the attention mask of its
        source.
        """
        logits = self._model(input_ids=inputs, attention_mask=mask, decoder_input_ids=sequences[:, :-1]).logits
        steps = logits.float().log_softmax(-1)[0, prefix_length - 1 :]
        return float(steps.gather(1, sequences[0, prefix_length:].unsqueeze(1)).mean())

    def _call(self, sources: list[list[str]], options: DecodingOptions) -> list[list[Hypothesis]]:
        try:
            with self._torch.inference_mode():
                return self._search(sources, options)
        except (RuntimeError, ValueError, IndexError) as error:
            raise EngineError(f"transformers raised {type(error).__name__}") from error

    def _search(self, sources: list[list[str]], options: DecodingOptions) -> list[list[Hypothesis]]:
        inputs, mask = self._padded(sources)
        prefix = [self._start_id, *(self._target_ids[piece] for piece in options.target_prefix)]
        output = self._model.generate(
            input_ids=inputs,
            attention_mask=mask,
            decoder_input_ids=self._torch.tensor([prefix] * len(sources), device=self._device),
            generation_config=self._generation_config(options),
        )
        per_source = options.hypotheses
        scores = self._scores(output, len(prefix)) if options.scored else [None] * len(output.sequences)
        rows = output.sequences[:, len(prefix) :].tolist()
        found = [self._hypothesis(row, score) for row, score in zip(rows, scores, strict=True)]
        if options.alignment:
            sources_of = self._torch.arange(len(rows), device=self._device) // per_source
            found = self._aligned(found, inputs[sources_of], mask[sources_of], output.sequences, len(prefix))
        groups = [found[start : start + per_source] for start in range(0, len(found), per_source)]
        if not options.scored:
            return groups
        # The library ranks hypotheses before it suppresses pieces. These scores take suppression into account, so the
        # hypotheses are sorted again.
        return [sorted(group, key=lambda one: one.score or 0.0, reverse=True) for group in groups]

    def _padded(self, sources: list[list[str]]) -> tuple[Any, Any]:
        torch = self._torch
        rows = [torch.tensor([self._source_ids.get(piece, self._unknown_id) for piece in one]) for one in sources]
        inputs = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=self._pad_id)
        lengths = torch.tensor([len(row) for row in rows]).unsqueeze(1)
        mask = (torch.arange(inputs.shape[1]).unsqueeze(0) < lengths).long()
        return inputs.to(self._device), mask.to(self._device)

    def _generation_config(self, options: DecodingOptions) -> Any:
        import transformers  # noqa: PLC0415 - already loaded

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
            decoder_start_token_id=self._start_id,
            output_scores=options.scored,
            output_logits=False,
            return_dict_in_generate=True,
        )

    def _suppressed(self, options: DecodingOptions) -> list[int]:
        kept = self._writable_ids
        if options.allowed is not None:
            allowed = {self._target_ids[piece] for piece in options.allowed if piece in self._target_ids}
            kept = kept & allowed | {self._eos_id}
        return [number for number in range(self._vocabulary_size) if number not in kept]

    def _scores(self, output: Any, prefix_length: int) -> list[float]:
        """Return the log-probability per token of each output.

        The mean includes end-of-sentence tokens, but neither padding nor the first ``prefix_length`` tokens.
        """
        steps = self._model.compute_transition_scores(
            output.sequences, output.scores, getattr(output, "beam_indices", None), normalize_logits=True
        )
        written = (output.sequences[:, prefix_length:] != self._pad_id).to(steps.dtype)[:, : steps.shape[1]]
        steps = steps.masked_fill(written == 0, 0.0)
        return [float(score) for score in steps.sum(1) / written.sum(1).clamp(min=1)]

    def _hypothesis(self, row: list[int], score: float | None) -> Hypothesis:
        ended = self._eos_id in row
        ids = row[: row.index(self._eos_id)] if ended else [i for i in row if i != self._pad_id]
        return Hypothesis(tuple(self._pieces[i] for i in ids), score, "eos" if ended else "length")

    def _aligned(
        self, found: list[Hypothesis], inputs: Any, mask: Any, sequences: Any, prefix_length: int
    ) -> list[Hypothesis]:
        """Return the hypotheses with the attention of the first head in the last decoder layer.

        CTranslate2's converter also chooses this head by default. ``sequences`` contains the token ids of the
        hypotheses. ``inputs`` and ``mask`` are the ids and the attention masks of their sources.
        """
        with self._kernel("eager"):
            passed = self._model(
                input_ids=inputs, attention_mask=mask, decoder_input_ids=sequences[:, :-1], output_attentions=True
            )
        weights = passed.cross_attentions[-1][:, 0, prefix_length - 1 :].tolist()
        lengths = mask.sum(1).tolist()
        return [
            Hypothesis(
                h.tokens, h.score, h.finish_reason, Attention.of([row[:length] for row in rows[: len(h.tokens)]])
            )
            for h, rows, length in zip(found, weights, lengths, strict=True)
        ]

    @contextmanager
    def _kernel(self, name: str) -> Iterator[None]:
        """Use the attention implementation ``name`` in the ``with`` block, and then restore the previous one.

        The previous implementation must be restored because scores depend on it.
        """
        own = self._model.config._attn_implementation  # noqa: SLF001 - transformers has no public name for it
        self._model.set_attn_implementation(name)
        try:
            yield
        finally:
            self._model.set_attn_implementation(own)

    def close(self) -> None:
        """Delete the reference to the model, so that its memory can be freed."""
        del self._model


def _loaded(folder: Path, dtype: str, device: str) -> tuple[Any, Any]:
    """Return the torch module, and the model from ``folder`` on ``device``.

    Raises:
        ModelError: torch or transformers is not installed, or the checkpoint cannot be loaded or lacks weights.
    """
    try:
        import torch  # noqa: PLC0415 - an optional extra that takes seconds to import
        import transformers  # noqa: PLC0415
    except ImportError as error:
        raise ModelError("the torch engine requires an extra: pip install 'depesche[torch]'") from error
    try:
        model, report = transformers.AutoModelForSeq2SeqLM.from_pretrained(
            str(folder), dtype=getattr(torch, dtype), local_files_only=True, output_loading_info=True
        )
    except (OSError, ValueError, RuntimeError, AssertionError) as error:
        raise ModelError(f"transformers cannot load {folder.name}: {error}") from error
    # FSMT computes its positions, and published checkpoints do not contain them.
    absent = [name for name in report["missing_keys"] if not _computed(model, name)]
    if missing := _tie(torch, model, absent):
        raise ModelError(f"the checkpoint {folder.name} lacks weights: {', '.join(sorted(missing)[:3])}")
    try:
        return torch, model.to(device).eval()
    except (RuntimeError, AssertionError) as error:
        raise ModelError(f"PyTorch cannot load {folder.name} on {device}: {error}") from error


def _computed(model: Any, name: str) -> bool:
    return bool(model.config.model_type == "fsmt" and name.endswith(".embed_positions.weight"))


def _tie(torch: Any, model: Any, missing: Iterable[str]) -> list[str]:
    """Copy weights of the decoder to missing weights of the encoder, and return the names that are still missing.

    ``missing`` contains the names of weights that the checkpoint lacks. If the checkpoint's configuration sets
    ``tie_encoder_decoder``, the encoder and the decoder share their weights, and the checkpoint stores them only once.
    transformers 5 ignores this setting and would leave the encoder with random weights. Without this setting, nothing
    is copied.
    """
    if not getattr(model.config, "tie_encoder_decoder", False):
        return list(missing)
    own, left = dict(model.named_parameters()), []
    prefix = f"decoder.{model.decoder.base_model_prefix}."
    for name in missing:
        shared = own.get(prefix + name.removeprefix("encoder."))
        if shared is None or name not in own or not name.startswith("encoder."):
            left.append(name)
        else:
            with torch.no_grad():
                own[name].copy_(shared)
    return left


def special_id(model: Any, name: str) -> int:
    """Return the id of the special piece ``name``, such as "eos_token_id", from the configurations of a checkpoint.

    The id may be in the model's configuration, its generation configuration or its decoder configuration.

    Raises:
        ModelError: none of the configurations contains the id.
    """
    places = (model.config, model.generation_config, getattr(model.config, "decoder", None))
    for place in places:
        found = getattr(place, name, None)
        if found is not None:
            return int(found[0] if isinstance(found, list) else found)
    raise ModelError(f"the checkpoint's configuration has no {name}")
