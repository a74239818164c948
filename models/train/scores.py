"""Compute BLEU and chrF of an exported model on test sets, and measure its speed in CTranslate2."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import ctranslate2
import sacrebleu

from models.train.tokens import EOS, Example, Mark, Tokens

SETS = ("wmt19", "wmt20", "flores-dev")
BATCH_SENTENCES = 32
LONGEST_RATIO, LONGEST_MORE = 1.5, 12


def translated(
    generator: ctranslate2.Generator, tokens: Tokens, sentences: Sequence[str], beam: int
) -> tuple[list[str], int]:
    """Translate German sentences with the beam size ``beam``.

    Return the translations in order, and the number of generated tokens.
    """
    prompts = [prompt for prompt, _ in tokens.examples([Example((text, Mark("english")), "") for text in sentences])]
    order = sorted(range(len(prompts)), key=lambda number: len(prompts[number]))
    made, written = [""] * len(prompts), 0
    for start in range(0, len(order), BATCH_SENTENCES):
        numbers = order[start : start + BATCH_SENTENCES]
        pieces = [[tokens.tokenizer.id_to_token(i) for i in prompts[number]] for number in numbers]
        results = generator.generate_batch(
            pieces,
            beam_size=beam,
            max_length=int(max(map(len, pieces)) * LONGEST_RATIO) + LONGEST_MORE,
            sampling_topk=1,
            include_prompt_in_result=False,
            end_token=EOS,
        )
        for number, result in zip(numbers, results, strict=True):
            made[number] = tokens.decode(result.sequences_ids[0]).strip()
            written += len(result.sequences_ids[0])
    return made, written


def score(folder: Path, tokens: Tokens, test: Path, lines: int | None, beam: int, threads: int) -> dict[str, Any]:
    """Score the translations of the sentences in ``TEST.de`` against the references in ``TEST.en``.

    TEST is the path ``test``. Return BLEU, chrF and the number of generated tokens per second. ``folder`` contains the
    CTranslate2 model. If ``lines`` is None, all lines of the test set are used.
    """
    generator = ctranslate2.Generator(str(folder), compute_type="default", inter_threads=1, intra_threads=threads)
    source, reference = (
        test.with_name(f"{test.name}.{side}").read_text("utf-8").splitlines()[:lines] for side in ("de", "en")
    )
    start = time.monotonic()
    made, written = translated(generator, tokens, source, beam)
    seconds = time.monotonic() - start
    return {
        "bleu": round(sacrebleu.corpus_bleu(made, [reference]).score, 2),
        "chrf": round(sacrebleu.corpus_chrf(made, [reference]).score, 2),
        "tokens_per_s": round(written / seconds),
    }
