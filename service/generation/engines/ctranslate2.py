"""The CTranslate2 engines, one for encoder-decoder models and one for causal models.

They are the default for models with files in CTranslate2's format.
"""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import ctranslate2

from service.domain import Attention, DecodingOptions, EngineInput, Hypothesis, Tokens
from service.errors import EngineError, ModelError
from service.generation.engines.base import ParallelConfig, by_padded_length, filler, groups, shared
from service.generation.engines.tokenizers import EOS

ONE_THREAD = ParallelConfig(replicas=1, threads=1)


class Result(NamedTuple):
    """The result of CTranslate2 for one source: the pieces of each output, its score, and its attention matrix.

    The lists ``scores`` and ``attention`` are empty if they were not requested. For a causal model, ``attention`` is
    always empty.
    """

    hypotheses: list[list[str]]
    scores: list[float]
    attention: list[list[list[float]]]


class CTranslate2Engine:
    """An engine that runs an encoder-decoder model that was converted to the CTranslate2 format.

    In a search, outputs contain only the pieces in ``written`` and the end-of-sentence piece ``end``. The items that
    need a search are divided by their options and padded length, and CTranslate2 is called once for each group. An item
    that needs a beam search with alignment gets its own call. The replicas of ``layout`` run these calls in parallel.
    ``compute_type`` is CTranslate2's name for the number formats of the weights and of the computation, such as "int8".
    """

    name = "ctranslate2"
    ahead = 1
    _library: type = ctranslate2.Translator

    def __init__(
        self,
        folder: Path,
        *,
        written: frozenset[str],
        end: str = EOS,
        compute_type: str,
        device: str = "cpu",
        layout: ParallelConfig = ONE_THREAD,
    ) -> None:
        """Load the model in ``folder``. All replicas share the loaded model.

        Raises:
            ModelError: CTranslate2 cannot load the model with this device and compute type, or the model has no target
                vocabulary.
        """
        try:
            self._model: Any = self._library(
                str(folder),
                device=device,
                compute_type=compute_type,
                inter_threads=layout.replicas,
                intra_threads=layout.threads,
                max_queued_batches=-1,
            )
        except (RuntimeError, ValueError) as error:
            raise ModelError(f"CTranslate2 cannot load {folder.name}: {error}") from error
        self.replicas = layout.replicas
        self._end = end
        self._pieces = [[piece] for piece in _target_vocabulary(folder)]
        kept = written | {end}
        self._never = [single for single in self._pieces if single[0] not in kept]

    def generate(self, items: Sequence[EngineInput]) -> list[list[Hypothesis]]:
        """Score, align or generate outputs with CTranslate2 (see `Engine.generate`)."""
        found: list[list[Hypothesis]] = [[] for _ in items]
        scored = [place for place, item in enumerate(items) if item.target is not None and not item.options.alignment]
        forced = [place for place, item in enumerate(items) if item.target is not None and item.options.alignment]
        searched = [place for place, item in enumerate(items) if item.target is None]
        for place, hypothesis in zip(forced, self._forced([items[place] for place in forced]), strict=True):
            found[place] = [hypothesis]
        for place, hypothesis in zip(scored, self._scored([items[place] for place in scored]), strict=True):
            found[place] = [hypothesis]
        for place, hypotheses in zip(searched, self._searched([items[place] for place in searched]), strict=True):
            found[place] = hypotheses
        return found

    def _forced(self, items: Sequence[EngineInput]) -> list[Hypothesis]:
        """Return each item's target with its attention. CTranslate2 decodes the target as a forced prefix."""
        if not items:
            return []
        prefixes = [[*item.options.target_prefix, *(item.target or ())] for item in items]
        try:
            results = self._model.translate_batch(
                [list(item.tokens) for item in items],
                prefixes,
                beam_size=1,
                max_input_length=0,
                max_decoding_length=max(map(len, prefixes)) + 1,
                return_attention=True,
            )
        except (RuntimeError, ValueError) as error:
            raise EngineError(f"CTranslate2 raised {type(error).__name__}") from error
        found = []
        for item, prefix, result in zip(items, prefixes, results, strict=True):
            rows = result.attention[0][len(item.options.target_prefix) : len(prefix)]
            found.append(Hypothesis(item.target or (), None, "eos", Attention.of(rows)))
        return found

    def _scored(self, items: Sequence[EngineInput]) -> list[Hypothesis]:
        """Return each item's target with its log-probability per token, including the end-of-sentence token."""
        if not items:
            return []
        targets = [[*item.options.target_prefix, *(item.target or ())] for item in items]
        try:
            results = self._model.score_batch([list(item.tokens) for item in items], targets, max_input_length=0)
        except (RuntimeError, ValueError) as error:
            raise EngineError(f"CTranslate2 raised {type(error).__name__}") from error
        found = []
        for item, result in zip(items, results, strict=True):
            own = result.log_probs[len(item.options.target_prefix) :]
            found.append(Hypothesis(item.target or (), sum(own) / max(1, len(own)), "eos"))
        return found

    def _searched(self, items: Sequence[EngineInput]) -> list[list[Hypothesis]]:
        started = [
            (places, self._start([items[place].tokens for place in places], _shared_options(items, places)))
            for group in groups(items, shared)
            for places in self._library_calls(items, group)
        ]
        found: list[list[Hypothesis]] = [[] for _ in items]
        again: list[tuple[int, Any]] = []
        for places, running in started:
            for place, one in zip(places, running, strict=True):
                result, item = self._result(one), items[place]
                if item.options.scored and _exceeds_limit(result, item.options):
                    again += [(place, other) for other in self._start([item.tokens], item.options)]
                else:
                    found[place] = _hypotheses(result, item.options, self._end)
        for place, one in again:
            found[place] = _hypotheses(self._result(one), items[place].options, self._end)
        return found

    def _search(self, options: DecodingOptions) -> dict[str, Any]:
        """Return the arguments that all searches share. With these, CTranslate2 searches in the background."""
        return {
            "asynchronous": True,
            "beam_size": options.beam_size,
            "num_hypotheses": options.hypotheses,
            "length_penalty": options.length_penalty,
            "repetition_penalty": options.repetition_penalty,
            "no_repeat_ngram_size": options.no_repeat_ngram,
            "disable_unk": True,
            "suppress_sequences": self._suppressed(options) or None,
            "return_scores": options.scored,
            "return_end_token": True,
        }

    def _start(self, sources: Sequence[Tokens], options: DecodingOptions) -> list[Any]:
        """Start a call to CTranslate2 in the background, and return an asynchronous result for each source."""
        alone = options.alignment and options.beam_size > 1
        padding = [] if alone else filler([len(source) for source in sources])
        prefix = options.target_prefix
        try:
            running: list[Any] = self._model.translate_batch(
                [*(list(source) for source in sources), *padding],
                [list(prefix)] * (len(sources) + len(padding)) if prefix else None,
                max_input_length=0,
                max_decoding_length=options.max_output_tokens + len(prefix),
                min_decoding_length=options.min_output_tokens + len(prefix),
                return_attention=options.alignment,
                **self._search(options),
            )
        except (RuntimeError, ValueError) as error:
            raise EngineError(f"CTranslate2 raised {type(error).__name__}") from error
        return running[: len(sources)]

    def _suppressed(self, options: DecodingOptions) -> list[list[str]]:
        if options.allowed is None:
            return self._never
        kept = options.allowed | {self._end}
        return [single for single in self._pieces if single[0] not in kept]

    def _library_calls(self, items: Sequence[EngineInput], places: Sequence[int]) -> list[list[int]]:
        """Divide the items at ``places`` into calls of CTranslate2, and return the positions of the items of each call.

        The items must have compatible options (see `shared`).
        """
        options = items[places[0]].options
        if options.alignment and options.beam_size > 1:
            # CTranslate2 4.8 bug: with beam search, the first target token gets the attention of another source.
            return [[place] for place in places]
        lengths = [len(items[place].tokens) for place in places]
        return [[places[number] for number in group] for group in by_padded_length(lengths)]

    def _result(self, running: Any) -> Result:
        found = result_of(running)
        return Result(found.hypotheses, found.scores, found.attention)

    def close(self) -> None:
        """Unload the model from memory."""
        self._model.unload_model()


def _target_vocabulary(folder: Path) -> tuple[str, ...]:
    for name in ("shared_vocabulary.json", "target_vocabulary.json", "vocabulary.json"):
        if (folder / name).is_file():
            return tuple(json.loads((folder / name).read_text("utf-8")))
    raise ModelError(f"the model folder {folder.name} has no target vocabulary, such as shared_vocabulary.json")


def _shared_options(items: Sequence[EngineInput], places: Sequence[int]) -> DecodingOptions:
    """Return the decoding options for one call to CTranslate2 with the items at the indices ``places``.

    The output limit is the highest of the items' limits. Alignment is requested if any of the items requests it.
    """
    all_options = [items[place].options for place in places]
    highest = max(all_options, key=lambda options: options.max_output_tokens)
    return replace(highest, alignment=any(options.alignment for options in all_options))


def _exceeds_limit(result: Result, options: DecodingOptions) -> bool:
    """Return whether one of the outputs, with its end token, is longer than the limit in the item's own ``options``.

    This can happen because the items of a call share the highest of their limits. The score of such an output cannot be
    used.
    """
    limit = options.max_output_tokens + len(options.target_prefix)
    return any(len(tokens) > limit for tokens in result.hypotheses)


def result_of(running: Any) -> Any:
    """Wait for an asynchronous result from CTranslate2, and return it.

    Raises:
        EngineError: CTranslate2 raised an exception.
    """
    try:
        return running.result()
    except (RuntimeError, ValueError) as error:
        raise EngineError(f"CTranslate2 raised {type(error).__name__}") from error


def _hypotheses(result: Result, options: DecodingOptions, end: str) -> list[Hypothesis]:
    # Read attention only on request: the library converts each weight to a Python float.
    attention = result.attention if options.alignment else [None] * len(result.hypotheses)
    scores = result.scores if options.scored else [None] * len(result.hypotheses)
    return [
        _hypothesis(tokens, score, rows, options, end)
        for tokens, score, rows in zip(result.hypotheses, scores, attention, strict=True)
    ]


def _hypothesis(
    tokens: list[str], score: float | None, attention: list[list[float]] | None, options: DecodingOptions, end: str
) -> Hypothesis:
    """Convert an output of CTranslate2 to a hypothesis.

    The target prefix is removed, and the output is truncated at the length limit in ``options``. CTranslate2 divides
    the log-probability by a power of the length including the prefix. The score of the hypothesis is the
    log-probability divided by the length without the prefix. Both lengths include the end token.
    """
    started = len(options.target_prefix)
    own = tokens[started : started + options.max_output_tokens]
    ended = bool(own) and own[-1] == end
    written = tuple(own[:-1] if ended else own)
    rows = None if attention is None else Attention.of(attention[started : started + len(written)])
    if score is not None:
        score *= len(tokens) ** options.length_penalty / max(1, len(own))
    return Hypothesis(written, score, "eos" if ended else "length", rows)


MOST_SCORED_TOKENS = 4_096
"""Maximum number of padded tokens in a scoring call, unless a single sequence has more.

The library computes logits over the vocabulary for each token.
"""


class CausalCTranslate2Engine(CTranslate2Engine):
    """An engine that runs a converted decoder-only model with CTranslate2's ``Generator``.

    CTranslate2 processes the prompts of a call in one step up to the length of the shortest prompt. It processes the
    rest of each prompt token by token, so only prompts of similar length share a call. The library does not pad
    prompts, so no filler source is added to a call.
    """

    _library = ctranslate2.Generator

    def _scored(self, items: Sequence[EngineInput]) -> list[Hypothesis]:
        """Return each item's target with its log-probability per token, given the prompt in ``tokens``."""
        found: list[Hypothesis] = [Hypothesis((), None, "eos")] * len(items)
        whole = [[*item.tokens, *(item.target or ())] for item in items]
        for places in by_padded_length([len(one) for one in whole]):
            size = max(1, MOST_SCORED_TOKENS // max(len(whole[place]) for place in places))
            for start in range(0, len(places), size):
                call = places[start : start + size]
                for place, log_probs in zip(call, self._log_probs([whole[place] for place in call]), strict=True):
                    target, last = items[place].target or (), len(whole[place]) - 1
                    own = log_probs[last - len(target) : last]
                    found[place] = Hypothesis(target, sum(own) / max(1, len(own)), "eos")
        return found

    def _log_probs(self, tokens: list[list[str]]) -> list[list[float]]:
        """Return, for each sequence in ``tokens``, the log-probability of every token except the first.

        CTranslate2 4.8 raises an error for sequences of different lengths if the model's attention heads share keys.
        Shorter sequences are therefore padded with end tokens, which do not change the log-probabilities before them.
        """
        longest = max(map(len, tokens))
        equal = [one + [self._end] * (longest - len(one)) for one in tokens]
        try:
            running = self._model.score_batch(equal, max_input_length=0, asynchronous=True)
        except (RuntimeError, ValueError) as error:
            raise EngineError(f"CTranslate2 raised {type(error).__name__}") from error
        return [result_of(one).log_probs for one in running]

    def _start(self, sources: Sequence[Tokens], options: DecodingOptions) -> list[Any]:
        try:
            running: list[Any] = self._model.generate_batch(
                [list(source) for source in sources],
                max_length=options.max_output_tokens,
                min_length=options.min_output_tokens,
                end_token=self._end,
                include_prompt_in_result=False,
                sampling_topk=1,
                **self._search(options),
            )
        except (RuntimeError, ValueError) as error:
            raise EngineError(f"CTranslate2 raised {type(error).__name__}") from error
        return running

    def _result(self, running: Any) -> Result:
        found = result_of(running)
        return Result(found.sequences, found.scores, [])
