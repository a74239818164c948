"""The record of an evaluation, which is stored as JSON, and the marks that editors gave to its pairs of outputs."""

import hashlib
import math
from collections import Counter
from collections.abc import Iterator, Sequence
from random import Random
from typing import Literal, NamedTuple

from pydantic import BaseModel, ConfigDict

from service.errors import DepescheError

EvaluationTask = Literal["translation", "summary"]
Side = Literal["left", "right"]
Mark = Literal["left", "right", "equal"]
BEFORE_CHARS = 300
"""The maximum length, in characters, of the preceding text that an editor sees above a sentence."""


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Segment(NamedTuple):
    """A range of the source and the corresponding range of an output, in code points."""

    source_start: int
    source_end: int
    target_start: int
    target_end: int


class Output(_Strict):
    """The output of a system for one article.

    ``segments`` contains the sentences of a translation, and is empty for a summary. ``sentences`` is the number of
    output sentences. ``flags`` counts the warnings that require a review, by code. ``seconds`` is the elapsed time. If
    the system failed, ``failure`` is the code of the error, and the text is empty.
    """

    text: str = ""
    segments: tuple[Segment, ...] = ()
    sentences: int = 0
    flags: dict[str, int] = {}
    seconds: float = 0.0
    failure: str | None = None


class ArticleOutputs(_Strict):
    """An article with its reference, if there is one, and the outputs of the two systems."""

    name: str
    source: str
    reference: str | None
    outputs: tuple[Output, Output]

    @property
    def complete(self) -> bool:
        """True if neither system failed."""
        return all(output.failure is None for output in self.outputs)


class SystemRecord(_Strict):
    """One of the two systems: its specification, its model, and the resources that it used for all articles.

    ``seconds`` is the elapsed time, and ``processor_s`` is the processor time of this process in seconds.
    ``prompt_tokens`` and ``output_tokens`` are the counts that a remote server reported for ``calls`` answers. They are
    None for a model in this process, or if an answer reported no counts. Prices are per million tokens.
    """

    label: str
    model: str
    model_id: str
    revision: str
    engine: str
    licence: str
    commercial_use: str
    quality: str
    host: str
    seconds: float
    processor_s: float
    calls: int = 0
    prompt_tokens: int | None = None
    output_tokens: int | None = None
    input_price: float | None = None
    output_price: float | None = None

    @property
    def cost(self) -> float | None:
        """The price of all tokens, or None if the prices or the token counts are unknown."""
        counts, prices = (self.prompt_tokens, self.output_tokens), (self.input_price, self.output_price)
        if None in counts or None in prices:
            return None
        return sum(count * price for count, price in zip(counts, prices, strict=True) if count and price) / 1e6


class Pair(_Strict):
    """Two different outputs for the same passage, which an editor compares.

    ``texts`` are in the order of the systems. ``first`` is the side on which the editor sees the output of the first
    system. ``before`` is the text before the passage.
    """

    id: str
    article: str
    before: str
    source: str
    texts: tuple[str, str]
    first: Side


class Evaluation(_Strict):
    """An evaluation: the systems, their outputs, and the pairs for the editors.

    ``equal`` is the number of passages with equal outputs. ``left_out`` is the number of pairs that differ but are not
    shown to editors, because there are too many.
    """

    id: str
    software: str
    made_at: str
    machine: str
    task: EvaluationTask
    seed: int
    systems: tuple[SystemRecord, SystemRecord]
    articles: tuple[ArticleOutputs, ...]
    pairs: tuple[Pair, ...]
    equal: int
    left_out: int

    @property
    def compared(self) -> Sequence[ArticleOutputs]:
        """The articles for which neither system failed. Only these are scored."""
        return [article for article in self.articles if article.complete]


class Marks(_Strict):
    """The marks of one editor. ``evaluation`` is the id of the evaluation, and ``marks`` maps pair ids to marks."""

    evaluation: str
    marks: dict[str, Mark]


def identity_of(articles: Sequence[ArticleOutputs], seed: int) -> str:
    """Return an id that depends on the articles, the references, the outputs without their times, and the seed.

    Marks contain this id, so they are valid for only one evaluation.
    """
    digest = hashlib.sha256(str(seed).encode())
    for article in articles:
        digest.update(article.model_dump_json(exclude={"outputs": {"__all__": {"seconds"}}}).encode())
    return digest.hexdigest()[:12]


def pairs_of(
    articles: Sequence[ArticleOutputs], task: EvaluationTask, seed: int, most: int
) -> tuple[tuple[Pair, ...], int, int]:
    """Return the pairs for the editors, the number of passages with equal outputs, and the number of omitted pairs.

    If more than ``most`` pairs differ, a sample is drawn. ``seed`` determines the sample, the order of the pairs and
    the side of each output.
    """
    random = Random(seed)  # noqa: S311 - the order is not a secret
    found = [one for article in articles if article.complete for one in _passages(article, task)]
    different = [one for one in found if one[2][0] != one[2][1]]
    chosen = random.sample(different, min(most, len(different)))
    pairs = tuple(
        Pair(
            id=f"p{number:04}",
            article=article,
            before=passage[0],
            source=passage[1],
            texts=texts,
            first=random.choice(("left", "right")),
        )
        for number, (article, passage, texts) in enumerate(chosen, 1)
    )
    return pairs, len(found) - len(different), len(different) - len(pairs)


def _passages(article: ArticleOutputs, task: EvaluationTask) -> Iterator[tuple[str, tuple[str, str], tuple[str, str]]]:
    """Yield the name of the article, a passage with the text before it, and the two outputs for the passage."""
    one, other = article.outputs
    if task == "summary":
        yield article.name, ("", article.source), (one.text, other.text)
        return
    for left, right in aligned(one.segments, other.segments):
        start, end = left[0].source_start, max(left[-1].source_end, right[-1].source_end)
        texts = _text(one, left), _text(other, right)
        yield (
            article.name,
            (article.source[max(0, start - BEFORE_CHARS) : start].strip(), article.source[start:end]),
            texts,
        )


def _text(output: Output, segments: Sequence[Segment]) -> str:
    return output.text[segments[0].target_start : segments[-1].target_end].strip()


def aligned(one: Sequence[Segment], other: Sequence[Segment]) -> Iterator[tuple[Sequence[Segment], Sequence[Segment]]]:
    """Yield the shortest groups of segments of two outputs that cover the same part of the source.

    Two models may split a source differently, because the maximum length of their inputs differs.
    """
    left = right = 0
    for number, segment in enumerate(one, 1):
        ends = [at for at, its in enumerate(other[right:], right + 1) if its.source_end == segment.source_end]
        if ends or number == len(one):
            end = ends[0] if ends else len(other)
            if end > right:
                yield one[left:number], other[right:end]
                left, right = number, end


class Verdict(NamedTuple):
    """The numbers of marks of all editors: for the first system, for the second system, and for neither (``equal``).

    ``chance`` is the p-value of a two-sided sign test: the probability of a difference at least as large if both
    systems were equally good. Marks without a preference are ignored.
    """

    first: int
    second: int
    equal: int
    chance: float

    @property
    def decided(self) -> int:
        """The number of marks with a preference."""
        return self.first + self.second


def verdict(evaluation: Evaluation, marks: Sequence[Marks]) -> Verdict:
    """Count the marks of all editors.

    Raises:
        DepescheError: the marks belong to another evaluation, or contain an unknown pair.
    """
    pairs = {pair.id: pair for pair in evaluation.pairs}
    counts: Counter[str] = Counter()
    for one in marks:
        if one.evaluation != evaluation.id:
            raise DepescheError(f"the marks belong to the evaluation {one.evaluation}, not to {evaluation.id}")
        if unknown := sorted(one.marks.keys() - pairs.keys()):
            raise DepescheError(f"the marks contain {unknown[0]}, which is not a pair of evaluation {evaluation.id}")
        for name, mark in one.marks.items():
            counts["equal" if mark == "equal" else "first" if mark == pairs[name].first else "second"] += 1
    first, second = counts["first"], counts["second"]
    return Verdict(first, second, counts["equal"], sign_test(first, second))


def sign_test(first: int, second: int) -> float:
    """Return the two-sided p-value of the sign test, from 0 to 1.

    ``first`` and ``second`` are the numbers of decisions for the first and the second system.
    """
    total = first + second
    tail = sum(math.comb(total, k) for k in range(min(first, second) + 1))
    return min(1.0, float(2 * tail / 2**total))
