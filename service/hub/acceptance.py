"""The checks of a model before its installation, and the record of its outputs for later checks of the installation.

Only the comparison with the original checkpoint, and models without a CTranslate2 converter, need torch.
"""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import ctranslate2
from pydantic import BaseModel, ConfigDict, ValidationError

from service.domain import DecodingOptions, EngineInput, Hypothesis, Tokens
from service.errors import ModelError, OutputsRefused
from service.generation.engines.base import Engine
from service.generation.engines.loading import load_engine, read_vocabulary
from service.generation.engines.tokenizers import EOS, Tokenizer
from service.hub.requirements import judged
from service.registry.manifest import OUTPUTS, Manifest

DATA = Path(__file__).parent / "data"
SENTENCES = DATA / "probe.txt"
OUTPUT_TOKENS = 24
# Rounding differs between the engines, so they may choose different pieces if the probabilities are almost equal.
SCORE_TOLERANCE = 5e-3
TIES_MAX = 1 / 6
# The maximum mean change in log-probability per token that int8 may cause (docs/adr/0012-conversion-check.md).
SHIFT_MAX = 0.25
_UNKNOWN_ID = -1


def probe_sentences() -> list[str]:
    """Return the German sentences on which a converted model is compared with its checkpoint."""
    return SENTENCES.read_text("utf-8").splitlines()


def probe_inputs(manifest: Manifest, tokenizer: Tokenizer) -> list[EngineInput]:
    """Return the probe sentences as engine inputs for a greedy search of at most ``OUTPUT_TOKENS`` tokens."""
    options = DecodingOptions(max_output_tokens=OUTPUT_TOKENS, target_prefix=manifest.tokens.target_prefix)
    return [EngineInput(tokenizer.encode(sentence), options) for sentence in probe_sentences()]


def unknown_share(items: list[EngineInput], known: frozenset[str]) -> float:
    """Return the share (0 to 1) of the tokens in ``items`` that are not in the vocabulary ``known``.

    End-of-sentence tokens are not counted.
    """
    tokens = [token for item in items for token in item.tokens if token != EOS]
    return sum(token not in known for token in tokens) / max(1, len(tokens))


def first_outputs(engine: Engine, items: Sequence[EngineInput]) -> list[Hypothesis]:
    """Return the best output for each item, in order, and close the engine to free its memory."""
    try:
        return [found[0] for found in engine.generate(items)]
    finally:
        engine.close()


def compare_outputs(converted: Sequence[Hypothesis], reference: Sequence[Hypothesis]) -> None:
    """Compare the greedy outputs of two engines in float32.

    Raises:
        ModelError: the outputs differ by more than rounding errors can explain, so the conversion is wrong.
    """
    same = sum(one.tokens == other.tokens for one, other in zip(converted, reference, strict=True))
    gaps = [abs(one - other) for one, other in zip(_scores(converted), _scores(reference), strict=True)]
    if len(gaps) - same > TIES_MAX * len(gaps) or not all(gap <= SCORE_TOLERANCE for gap in gaps):
        raise ModelError(
            f"the converted model differs from the checkpoint: {same} of {len(gaps)} outputs are equal,"
            f" and the scores differ by up to {max(gaps):.3f}"
        )


def check_quantized(float32: Path, quantized: Path, items: Sequence[EngineInput], outputs: Sequence[Tokens]) -> float:
    """Measure how much int8 quantisation changes the probabilities that a model assigns to ``outputs``.

    Return the mean absolute change in log-probability per token. The model in the folder ``float32`` generated
    ``outputs`` from ``items``, and both models score them. Outputs that each model generates separately cannot be
    compared, because they diverge after the first difference.

    Raises:
        ModelError: the change is above `SHIFT_MAX`, or all outputs are empty.
    """
    written = [(item, tokens) for item, tokens in zip(items, outputs, strict=True) if tokens]
    if not written:
        raise ModelError("the checkpoint's outputs are empty for all probe sentences")
    sources = [list(item.tokens) for item, _ in written]
    targets = [[*item.options.target_prefix, *tokens] for item, tokens in written]
    before = _score(float32, "float32", sources, targets)
    after = _score(quantized, "int8", sources, targets)
    shift = statistics.fmean(abs(one - other) for one, other in zip(before, after, strict=True))
    if shift > SHIFT_MAX:
        raise ModelError(f"int8 changes the log-probability by {shift:.2f} per token; the limit is {SHIFT_MAX}")
    return shift


def check_unconverted(found: Sequence[Hypothesis]) -> None:
    """Check the outputs of a checkpoint that is not converted.

    Raises:
        ModelError: each output is empty or has no score.
    """
    silent = sum(not one.tokens or math.isnan(score) for one, score in zip(found, _scores(found), strict=True))
    if silent == len(found):
        raise ModelError("the checkpoint's outputs are empty for all probe sentences")


def _score(folder: Path, compute_type: str, sources: list[list[str]], targets: list[list[str]]) -> list[float]:
    """Return the mean log-probability per token of each target, without the end token that CTranslate2 appends."""
    model: Any = ctranslate2.Translator(str(folder), device="cpu", compute_type=compute_type)
    scores = model.score_batch(sources, targets, max_input_length=0)
    model.unload_model()
    return [statistics.fmean(one.log_probs[:-1]) for one in scores]


def _scores(found: Sequence[Hypothesis]) -> list[float]:
    """Return the score of each hypothesis, or NaN if it has no score. Every comparison with NaN is False."""
    return [math.nan if one.score is None else one.score for one in found]


class Pair(NamedTuple):
    """A test sentence and its reference translation, which the project wrote."""

    source: str
    reference: str


def reference_pairs() -> list[Pair]:
    """Return the German test sentences with their English references."""
    lines = (DATA / "translation.de-en.tsv").read_text("utf-8").splitlines()
    return [Pair(*line.split("\t")) for line in lines]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class RecordedOutput(_Strict):
    """The output of a model for one source: the ids of the source tokens, and the output text of a greedy search.

    A token that is not in the vocabulary has the id -1.
    """

    source: str
    ids: tuple[int, ...]
    output: str


class Record(_Strict):
    """The outputs of a model for the test sentences, as they were when the model was installed.

    ``chrf`` is the score of the outputs against the references, from 0 to 100. It is None for a model that does not
    translate German to English, because the references are English translations.
    """

    chrf: float | None
    outputs: tuple[RecordedOutput, ...]


@dataclass(frozen=True, slots=True)
class Installation:
    """The files of a model in ``folder``, with its complete manifest."""

    manifest: Manifest
    folder: Path

    def accept(self) -> None:
        """Run the model on the test sentences, check the outputs, and write them to the file `OUTPUTS` in the folder.

        Raises:
            OutputsRefused: the chrF score of a German-English translation model is below ``hub.least_chrf`` in the
                manifest.
            ModelError: the model cannot be loaded; or the outputs must be scored, and sacrebleu is not installed.
        """
        outputs = self._outputs([pair.source for pair in reference_pairs()])
        score = _chrf([one.output for one in outputs]) if judged(self.manifest) else None
        least = 0.0 if self.manifest.hub is None else self.manifest.hub.least_chrf
        if score is not None and score < least:
            raise OutputsRefused(
                f"{self.manifest.id} was rejected: its translations of {len(outputs)} test sentences have chrF "
                f"{score:.1f}; the minimum is {least:g}",
                [(one.source, one.output) for one in outputs],
            )
        record = Record(chrf=None if score is None else round(score, 1), outputs=outputs)
        (self.folder / OUTPUTS).write_text(record.model_dump_json(indent=1), "utf-8")

    def replay(self) -> int:
        """Run the model on the recorded sources again, and return the number of sources.

        At most the share `TIES_MAX` of the outputs may differ, because rounding differs between processors.

        Raises:
            ModelError: the record cannot be read, the tokenizer returns other ids, or too many outputs differ.
        """
        try:
            record = Record.model_validate_json((self.folder / OUTPUTS).read_bytes())
        except (OSError, ValidationError) as error:
            raise ModelError(
                f"{self.manifest.id}: the recorded outputs in {OUTPUTS} cannot be read; install the model again"
            ) from error
        now = self._outputs([one.source for one in record.outputs])
        for old, new in zip(record.outputs, now, strict=True):
            if old.ids != new.ids:
                raise ModelError(
                    f"{self.manifest.id}: the tokens of {old.source!r} differ from those that the installation "
                    "recorded; install the model again"
                )
        other = [(old, new) for old, new in zip(record.outputs, now, strict=True) if old.output != new.output]
        if len(other) > TIES_MAX * len(now):
            old, new = other[0]
            raise ModelError(
                f"{self.manifest.id}: {len(other)} of {len(now)} outputs differ from the recorded ones, for example "
                f"{new.output!r} instead of {old.output!r}"
            )
        return len(now)

    def _outputs(self, sources: Sequence[str]) -> tuple[RecordedOutput, ...]:
        manifest, tokenizer = self.manifest, Tokenizer(self.manifest, self.folder)
        ids = read_vocabulary(manifest, self.folder).source
        greedy = manifest.model_copy(
            update={"decoding": manifest.decoding.model_copy(update={"beam_size": 1, "hypotheses": 1})}
        )
        encoded = [tokenizer.encode(source) for source in sources]
        items = [EngineInput(tokens, greedy.decoding_options(len(tokens))) for tokens in encoded]
        found = first_outputs(load_engine(manifest, self.folder, manifest.engine, device="cpu", threads=1), items)
        return tuple(
            RecordedOutput(
                source=source,
                ids=tuple(ids.get(token, _UNKNOWN_ID) for token in tokens),
                output=tokenizer.decode(one.tokens),
            )
            for source, tokens, one in zip(sources, encoded, found, strict=True)
        )


def _chrf(outputs: Sequence[str]) -> float:
    """Return the chrF score of the outputs for the test sentences against their references, from 0 to 100.

    chrF is the F-score of character n-grams (Popović 2015), with the defaults of sacreBLEU.
    """
    try:
        from sacrebleu import corpus_chrf  # noqa: PLC0415 - an optional extra
    except ImportError as error:
        raise ModelError(
            "installing a model from a hub requires the package sacrebleu, which is not installed; run: make production"
        ) from error
    return float(corpus_chrf(list(outputs), [[pair.reference for pair in reference_pairs()]]).score)
