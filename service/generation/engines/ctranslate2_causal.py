"""The CTranslate2 engine for causal models, which continues prompts and scores given outputs."""

from collections.abc import Sequence
from typing import Any

import ctranslate2

from service.domain import DecodingOptions, EngineInput, Hypothesis, Tokens
from service.errors import EngineError
from service.generation.engines.base import by_padded_length
from service.generation.engines.ctranslate2 import CTranslate2Engine, Result, result_of

MOST_SCORED_TOKENS = 4_096
"""Maximum number of padded tokens in a scoring call. The library computes logits over the vocabulary for each token."""


class CausalCTranslate2Engine(CTranslate2Engine):
    """An engine that runs a converted decoder-only model with CTranslate2's ``Generator``.

    CTranslate2 processes the prompts of a call in one step up to the length of the shortest prompt. It processes the
    rest of each prompt token by token, so only prompts of similar length share a call. Prompts are not padded, so no
    filler source is added to a call.
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
                asynchronous=True,
                beam_size=options.beam_size,
                num_hypotheses=options.hypotheses,
                max_length=options.max_output_tokens,
                min_length=options.min_output_tokens,
                length_penalty=options.length_penalty,
                repetition_penalty=options.repetition_penalty,
                no_repeat_ngram_size=options.no_repeat_ngram,
                disable_unk=True,
                suppress_sequences=self._suppressed(options) or None,
                end_token=self._end,
                return_end_token=True,
                return_scores=options.scored,
                include_prompt_in_result=False,
                sampling_topk=1,
            )
        except (RuntimeError, ValueError) as error:
            raise EngineError(f"CTranslate2 raised {type(error).__name__}") from error
        return running

    def _result(self, running: Any) -> Result:
        found = result_of(running)
        return Result(found.sequences, found.scores, [])
