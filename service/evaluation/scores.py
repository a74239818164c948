"""Scores of two systems against references: BLEU and chrF for translations, and ROUGE for summaries.

sacreBLEU computes BLEU (Papineni et al. 2002) and chrF (Popović 2015) with its default settings. Each article is one
segment. The p-value comes from paired bootstrap resampling (Koehn 2004). ROUGE (Lin 2004) is the mean F-score.
"""

import importlib.util
import re
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from service.errors import DepescheError
from service.evaluation.record import ArticleOutputs, EvaluationTask

PACKAGES = {"translation": ("sacrebleu",), "summary": ("rouge_score",)}
SAMPLES = 1_000
LEAST_ARTICLES = 2
"""The minimum number of articles for bootstrap resampling. All samples of a single article would be equal."""
ROUGE = {"rouge1": "ROUGE-1", "rouge2": "ROUGE-2", "rougeL": "ROUGE-L"}
_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Score:
    """A score of both systems, from 0 to 100.

    ``intervals`` contains half the width of each 95% confidence interval. ``chance`` is the p-value of the difference.
    Both are None if they were not computed.
    """

    name: str
    values: tuple[float, float]
    intervals: tuple[float, float] | None = None
    chance: float | None = None


def require_packages(task: EvaluationTask) -> None:
    """Raise `DepescheError` if a package that scores the outputs of ``task`` is not installed."""
    missing = [package for package in PACKAGES[task] if importlib.util.find_spec(package) is None]
    if missing:
        raise DepescheError(
            f"scores against references need {', '.join(missing)}, which is not installed; run: make evaluation"
        )


def scores_of(articles: Sequence[ArticleOutputs], task: EvaluationTask) -> list[Score]:
    """Return the scores of the two systems on the articles that have a reference, or an empty list if none has one.

    Raises:
        DepescheError: a package that computes the scores is not installed.
    """
    referenced = [article for article in articles if article.reference is not None]
    if not referenced:
        return []
    require_packages(task)
    references = [article.reference or "" for article in referenced]
    texts = [[article.outputs[number].text for article in referenced] for number in (0, 1)]
    return _of_translations(texts, references) if task == "translation" else _of_summaries(texts, references)


def _of_translations(texts: Sequence[Sequence[str]], references: list[str]) -> list[Score]:
    from sacrebleu import BLEU, CHRF  # noqa: PLC0415 - an optional extra
    from sacrebleu.significance import PairedTest  # noqa: PLC0415

    if len(references) < LEAST_ARTICLES:
        return [
            Score(
                name,
                (metric.corpus_score(texts[0], [references]).score, metric.corpus_score(texts[1], [references]).score),
            )
            for name, metric in (("BLEU", BLEU()), ("chrF", CHRF()))
        ]
    metrics: dict[str, Any] = {"BLEU": BLEU(references=[references]), "chrF": CHRF(references=[references])}
    named = [("first", texts[0]), ("second", texts[1])]
    columns: dict[str, Any] = PairedTest(named, metrics, references=None, test_type="bs", n_samples=SAMPLES)()[1]
    _, *found = columns.values()  # the first column contains the names of the systems
    return [
        Score(name, (one.score, other.score), (one.ci, other.ci), other.p_value)
        for name, (one, other) in zip(metrics, found, strict=True)
    ]


class _Tokenizer:
    """A tokenizer for ROUGE. The default tokenizer of the package drops letters such as ä."""

    def tokenize(self, text: str) -> list[str]:
        return _WORD.findall(text.casefold())


def _of_summaries(texts: Sequence[Sequence[str]], references: list[str]) -> list[Score]:
    from rouge_score.rouge_scorer import RougeScorer  # noqa: PLC0415 - an optional extra

    scorer = RougeScorer(list(ROUGE), tokenizer=_Tokenizer())
    found = [
        [scorer.score(reference, text) for reference, text in zip(references, made, strict=True)] for made in texts
    ]
    means = {
        key: [100 * statistics.fmean(score[key].fmeasure for score in scores) for scores in found] for key in ROUGE
    }
    return [Score(name, (means[key][0], means[key][1])) for key, name in ROUGE.items()]
