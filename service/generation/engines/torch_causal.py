"""The PyTorch engine for causal models.

It is the reference implementation for the CTranslate2 engine, and can read the weights in a CTranslate2 model.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import tokenizers

from service.domain import DecodingOptions, EngineInput, Hypothesis, Tokens
from service.errors import EngineError, ModelError
from service.generation.engines.ctranslate2_file import gemma3_state, read_weights
from service.generation.engines.loading import Vocabulary
from service.generation.engines.tokenizers import Tokenizer
from service.generation.engines.torch import TorchEngine, special_id

WEIGHTS, CONFIG, VOCABULARY = "model.bin", "transformers.json", "vocabulary.json"
"""File names. CONFIG stores the ``config.json`` of transformers, because CTranslate2 has its own ``config.json``."""


class CausalTorchEngine(TorchEngine):
    """An engine that continues prompts with ``AutoModelForCausalLM.generate``, and scores existing outputs."""

    def __init__(
        self, folder: Path, tokenizer: Tokenizer, *, dtype: str = "float32", device: str = "cpu", threads: int = 1
    ) -> None:
        """Load the model in ``folder``.

        The folder contains either a CTranslate2 model and a ``transformers.json``, or a transformers checkpoint. The
        quantised weights of a CTranslate2 model are converted to ``dtype``.

        Raises:
            ModelError: torch or transformers is not installed, the model or its vocabulary cannot be loaded, the
                vocabulary lacks the end token, or the configuration lacks the id of the padding piece.
        """
        torch, model = _loaded(folder, dtype, device)
        pieces = _pieces(folder)
        if tokenizer.end not in pieces:
            raise ModelError(f"the vocabulary in {folder.name} does not contain the end token {tokenizer.end}")
        vocabulary = Vocabulary(pieces, pieces, tokenizer.writable)
        torch.set_num_threads(threads)
        self._use(torch, model, vocabulary, pieces[tokenizer.end], special_id(model, "pad_token_id"), device)

    def _forced(self, item: EngineInput, target: Tokens) -> Hypothesis:
        """Return ``target`` with its mean log-probability per token, given the prompt in ``item``.

        The log-probabilities come from one forward pass.

        Raises:
            EngineError: the model failed.
        """
        start = len(item.tokens)
        ids = [self._source_ids.get(piece, self._unknown_id) for piece in (*item.tokens, *target)]
        try:
            with self._torch.inference_mode():
                sequence = self._torch.tensor([ids], device=self._device)
                logits = self._model(input_ids=sequence).logits[0, start - 1 : -1].float()
                found = logits.log_softmax(-1).gather(1, sequence[0, start:, None])
                return Hypothesis(target, float(found.sum()) / max(1, len(target)), "eos")
        except (RuntimeError, ValueError, IndexError) as error:
            raise EngineError(f"transformers raised {type(error).__name__}") from error

    def _search(self, sources: list[list[str]], options: DecodingOptions) -> list[list[Hypothesis]]:
        inputs, mask = self._padded(sources)
        start = inputs.shape[1]
        output = self._model.generate(
            input_ids=inputs,
            attention_mask=mask,
            generation_config=self._generation_config(options),
            logits_processor=_of_outputs(options, start),
        )
        rows = output.sequences[:, start:].tolist()
        scores = self._scores(output, start) if options.scored else [None] * len(rows)
        found = [self._hypothesis(row, score) for row, score in zip(rows, scores, strict=True)]
        groups = [found[at : at + options.hypotheses] for at in range(0, len(found), options.hypotheses)]
        if not options.scored:
            return groups
        return [sorted(group, key=lambda one: one.score or 0.0, reverse=True) for group in groups]

    def _padded(self, sources: list[list[str]]) -> tuple[Any, Any]:
        """Return the token ids of the prompts and the attention mask.

        Prompts are padded on the left, so that each output directly follows its prompt.
        """
        length = max(map(len, sources))
        before = [length - len(one) for one in sources]
        ids = [[self._source_ids.get(piece, self._unknown_id) for piece in one] for one in sources]
        rows = [[self._pad_id] * count + row for count, row in zip(before, ids, strict=True)]
        mask = [[0] * count + [1] * (length - count) for count in before]
        tensor = self._torch.tensor
        return tensor(rows, device=self._device), tensor(mask, device=self._device)

    def _generation_config(self, options: DecodingOptions) -> Any:
        config = super()._generation_config(options)
        config.repetition_penalty, config.no_repeat_ngram_size = None, None  # see _of_outputs
        return config


def _of_outputs(options: DecodingOptions, start: int) -> Sequence[Any]:
    """Return logits processors that penalise or forbid repetition within an output.

    ``start`` is the length of the prompt. Like CTranslate2, the processors ignore the prompt. The processors that
    transformers itself creates would also count repetitions of tokens in the prompt.
    """
    from transformers import LogitsProcessorList  # noqa: PLC0415 - already loaded
    from transformers.generation.logits_process import (  # noqa: PLC0415
        NoRepeatNGramLogitsProcessor,
        RepetitionPenaltyLogitsProcessor,
    )

    rules: list[Any] = []
    if options.repetition_penalty > 1:
        rules.append(RepetitionPenaltyLogitsProcessor(options.repetition_penalty))
    if options.no_repeat_ngram:
        rules.append(NoRepeatNGramLogitsProcessor(options.no_repeat_ngram))

    def applied(ids: Any, scores: Any) -> Any:
        for rule in rules:
            scores = rule(ids[:, start:], scores)
        return scores

    return LogitsProcessorList([applied] if rules else [])


def _loaded(folder: Path, dtype: str, device: str) -> tuple[Any, Any]:
    """Import torch, load the model in ``folder``, and return the module ``torch`` and the model.

    Raises:
        ModelError: torch or transformers is not installed, or the model cannot be loaded.
    """
    try:
        import torch  # noqa: PLC0415 - an optional extra that takes seconds to import
        import transformers  # noqa: PLC0415
    except ImportError as error:
        raise ModelError("the torch engine requires an extra: pip install 'depesche[torch]'") from error
    kind = getattr(torch, dtype)
    try:
        if (folder / WEIGHTS).is_file():
            settings = json.loads((folder / CONFIG).read_text("utf-8"))
            config = transformers.AutoConfig.for_model(**settings)
            model: Any = transformers.AutoModelForCausalLM.from_config(config, dtype=kind)  # type: ignore[no-untyped-call]
            state = gemma3_state(read_weights(folder / WEIGHTS), settings)
            model.load_state_dict({name: torch.from_numpy(array) for name, array in state.items()})
        else:
            model = transformers.AutoModelForCausalLM.from_pretrained(str(folder), dtype=kind, local_files_only=True)
        return torch, model.to(device).eval()
    except (OSError, ValueError, RuntimeError, AssertionError, TypeError) as error:
        raise ModelError(f"transformers cannot load {folder.name}: {error}") from error


def _pieces(folder: Path) -> dict[str, int]:
    """Return the id of each piece in the vocabulary of the model.

    The vocabulary comes from CTranslate2's ``vocabulary.json`` if there is one, and otherwise from the checkpoint's
    ``tokenizer.json``.

    Raises:
        ModelError: the file is missing or damaged.
    """
    try:
        if (folder / VOCABULARY).is_file():
            pieces = json.loads((folder / VOCABULARY).read_text("utf-8"))
            return {piece: number for number, piece in enumerate(pieces)}
        table = json.loads((folder / "tokenizer.json").read_text("utf-8"))
        found: dict[str, int] = tokenizers.Tokenizer.from_str(json.dumps(table)).get_vocab()
    except (OSError, ValueError) as error:
        raise ModelError(f"{folder.name} has no vocabulary: {error}") from error
    return found
