"""Records of evaluations for tests, without models."""

from collections.abc import Sequence

from service.evaluation.record import (
    ArticleOutputs,
    Evaluation,
    Output,
    Segment,
    SystemRecord,
    identity_of,
    pairs_of,
)

SOURCE = "Eins ist da. Zwei ist da. Drei ist da."
ENDS = (12, 25, 38)


def output_of(sentences: Sequence[str], *, flags: dict[str, int] | None = None, failure: str | None = None) -> Output:
    """Return a translation of `SOURCE` that consists of ``sentences``, or the output of a failed system."""
    if failure is not None:
        return Output(failure=failure)
    segments, at = [], 0
    for number, sentence in enumerate(sentences):
        start = ENDS[number - 1] + 1 if number else 0
        segments.append(Segment(start, ENDS[number], at, at + len(sentence)))
        at += len(sentence) + 1
    return Output(text=" ".join(sentences), segments=tuple(segments), sentences=len(segments), flags=flags or {})


def article_of(one: Output, other: Output, name: str = "a.txt", reference: str | None = None) -> ArticleOutputs:
    """Return the outputs of two systems for an article."""
    return ArticleOutputs(name=name, source=SOURCE, reference=reference, outputs=(one, other))


def system_of(label: str, **fields: object) -> SystemRecord:
    """Return the record of a system. ``fields`` replaces the default values."""
    known = {
        "label": label,
        "model": label,
        "model_id": f"test/{label}",
        "revision": "1",
        "engine": "ctranslate2",
        "licence": "Apache-2.0",
        "commercial_use": "yes",
        "quality": "draft",
        "host": "process",
        "seconds": 2.0,
        "processor_s": 1.0,
    }
    return SystemRecord.model_validate({**known, **fields})


def evaluation_of(
    *articles: ArticleOutputs, seed: int = 1, most: int = 60, systems: tuple[SystemRecord, SystemRecord] | None = None
) -> Evaluation:
    """Return the evaluation of translations with ``articles``, and with at most ``most`` pairs."""
    pairs, equal, left_out = pairs_of(articles, "translation", seed, most)
    return Evaluation(
        id=identity_of(articles, seed),
        software="depesche 0",
        made_at="2026-01-01T00:00:00+00:00",
        machine="Linux",
        task="translation",
        seed=seed,
        systems=systems or (system_of("alpha"), system_of("beta")),
        articles=articles,
        pairs=pairs,
        equal=equal,
        left_out=left_out,
    )
