"""Tests of the rules for candidate sentences of a causal model: each rule rejects only sentences that violate it."""

import asyncio
import math
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.domain import Mark
from service.generation.base import GivenOutput, Source, TextFuture, TextHypothesis
from service.registry.manifest import Acceptance
from service.summarization.candidates import (
    Candidate,
    CandidateKind,
    Request,
    Scores,
    headline_rank,
    objection_to_scores,
    objection_to_text,
    rank,
    tasks_for,
    whole_output,
)
from tests.languages import DE

COUNCIL = "Der Stadtrat von Musterhausen stimmte am Dienstag mit 14 Stimmen dem Umbau des Hallenbads zu."
COSTS = "Für den Umbau rechnet die Verwaltung mit Kosten von 12,5 Millionen Euro."
REWORDED = "Musterhausens Stadtrat hat am Dienstag den Umbau des Hallenbads gebilligt."
FUSED = "Der Stadtrat von Musterhausen billigte den Umbau des Hallenbads für 12,5 Millionen Euro."
HEADLINE = "Stadtrat billigt Umbau des Hallenbads"
ACCEPTANCE = Acceptance(least_score=-1.0, least_whole=-3.0, least_entailment=0.5)


def never_searched(sources: Sequence[Source]) -> list[TextFuture]:
    """Raise an error, because a test expects that no candidate is searched a second time."""
    raise AssertionError(sources)


def written(text: str, score: float | None = -0.2) -> TextHypothesis:
    return TextHypothesis(text, score, "eos")


def objection(text: str, *sources: str, task: str = "reword") -> str | None:
    request = Request(task, sources or (COUNCIL,), 70 if task == "headline" else None)  # type: ignore[arg-type]  # short
    return objection_to_text(request, written(text), ACCEPTANCE, DE)


@pytest.mark.parametrize(("text", "sources"), [(REWORDED, [COUNCIL]), (FUSED, [COUNCIL, COSTS])])
def test_whole_faithful_rewording_is_accepted(text: str, sources: list[str]) -> None:
    assert objection(text, *sources) is None


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (COUNCIL, "unchanged"),
        ("The town council of Musterhausen approved the conversion on Tuesday with 14 votes.", "foreign"),
        ("Er stimmte.", "length"),
        ("Der Stadtrat von Musterhausen billigte den Umbau", "fragment"),
        ("Der „Stadtrat von Musterhausen billigte den Umbau.", "unbalanced"),
        ("Der Stadtrat billigte den Umbau des Hallenbads, des Hallenbads.", "repetition"),
        ("Der Stadtrat von Musterhausen billigte den Umbau nicht.", "negation"),
        ("Der Umbau des Hallenbads von Musterhausen am Dienstag.", "verbless"),
        ("Der Stadtrat von Potsdam billigte den Umbau.", "unsupported"),
        ("Der Stadtrat billigte den Umbau mit 15 Stimmen.", "unsupported"),
        ("Der Stadtrat billigte am Mittwoch den Umbau.", "unsupported"),
    ],
    ids=lambda value: value if " " not in value else None,
)
def test_rule_on_wording_rejects_its_case(text: str, reason: str) -> None:
    assert objection(text) == reason


def test_unfinished_or_unlikely_output_is_rejected() -> None:
    request = Request("reword", (COUNCIL,))
    cut = TextHypothesis(REWORDED, -0.2, "length")
    assert objection_to_text(request, cut, ACCEPTANCE, DE) == "unfinished"
    assert objection_to_text(request, written(REWORDED, -1.1), ACCEPTANCE, DE) == "unlikely"
    assert objection_to_text(request, written(REWORDED, None), ACCEPTANCE, DE) == "unlikely"


def test_headline_needs_no_verb_and_no_full_stop() -> None:
    assert objection(HEADLINE, task="headline") is None
    assert objection(HEADLINE) == "fragment"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Stadtrat von Musterhausen billigt am Dienstag den Umbau des Hallenbads!", "length"),
        ("Hallenbad", "length"),
        ("Stadtrat billigt Umbau,", "fragment"),
        ("Stadtrat billigt „Umbau des Hallenbads", "unbalanced"),
        ("Stadtrat Stadtrat billigt Umbau", "repetition"),
        ("Minister reist wieder ab", "unsupported"),
        ("Potsdam billigt Umbau des Hallenbads", "unsupported"),
        ("Stadtrat billigt Umbau mit 15 Stimmen", "unsupported"),
    ],
)
def test_rule_on_headlines_rejects_its_case(text: str, reason: str) -> None:
    assert objection(text, task="headline") == reason


@pytest.mark.parametrize(
    ("scores", "reason"),
    [
        (Scores(-0.2, -3.0, 0.5), None),
        (Scores(-0.2, None, 0.5), None),
        (Scores(-0.2, -3.1, 0.5), "cut"),
        (Scores(-0.2, -1.0, 0.4), "unfaithful"),
        (Scores(-0.2, -math.inf, 9.0), "cut"),
        (Scores(-0.2, -1.0, math.nan), "unfaithful"),
    ],
)
def test_rule_on_scores_rejects_its_case(scores: Scores, reason: str | None) -> None:
    assert objection_to_scores(scores, ACCEPTANCE) == reason


def test_rank_rises_with_words_saved_new_words_probability_and_entailment() -> None:
    sure = Scores(-0.2, -1.0, 4.0)

    def of(text: str, scores: Scores = sure) -> float:
        return rank(text, (COUNCIL,), scores, ACCEPTANCE)

    assert of("Der Stadtrat von Musterhausen stimmte dem Umbau des Hallenbads zu.") > of(COUNCIL)
    assert of(REWORDED) > of("Der Stadtrat von Musterhausen stimmte am Dienstag mit 14 Stimmen zu.")
    assert of(REWORDED, Scores(-0.1, -1.0, 4.0)) > of(REWORDED) > of(REWORDED, Scores(-0.2, -1.0, 1.0))
    assert of(COUNCIL) < 0
    assert of(COUNCIL, Scores(0.0, 0.0, 1_000.0)) == pytest.approx(0.0)
    assert headline_rank(Scores(-0.2, None, -1_000.0), ACCEPTANCE) == pytest.approx(-500.05)


def test_the_group_decides_the_tasks() -> None:
    short = "Der Rat tagte am Abend."
    assert tasks_for((COUNCIL,), 0) == [("reword", (0,)), ("shorten", (0,))]
    assert tasks_for((short,), 0) == [("reword", (0,))]
    assert tasks_for((short, COUNCIL, COSTS), 1) == [("fuse", (0, 1, 2)), ("shorten", (1,))]
    assert tasks_for((short, COUNCIL), 0) == [("fuse", (0, 1))]


@pytest.mark.parametrize(
    ("sentence", "rest", "end"),
    [("Er kam.", "Er kam", "."), ("Sie rief: „Komm!“", "Sie rief: „Komm", "!“"), ("Er las „Die Räuber“.", None, ".")],
)
def test_the_end_of_a_sentence_is_scored_as_a_continuation(sentence: str, rest: str | None, end: str) -> None:
    expected = (sentence.removesuffix(end) if rest is None else rest,)
    assert whole_output(sentence) == GivenOutput(expected, end, ended=False)


class ListedScores:
    """A scorer with listed log-probabilities: ``ends`` for the ends of sentences, and ``verdicts`` for hypotheses."""

    def __init__(self, ends: dict[str, float], verdicts: dict[str, float]) -> None:
        self._ends, self._verdicts = ends, verdicts

    async def log_probs(self, outputs: Sequence[GivenOutput]) -> list[float]:
        return [self._one(one) for one in outputs]

    def _one(self, one: GivenOutput) -> float:
        if Mark("verdict") in one.source:
            return self._verdicts[str(one.source[2])] if one.output == "ja" else 0.0
        return self._ends[f"{one.source[0]}{one.output}"]


TEXTS = [
    REWORDED,
    FUSED,
    COUNCIL,
    "Der Stadtrat von Potsdam billigte den Umbau.",
    "Der Stadtrat von Musterhausen billigte am Dienstag den Umbau des Hallenbads",
    "Das Hallenbad von Musterhausen wird für 12,5 Millionen Euro umgebaut.",
    "",
]
NUMBERS = st.floats(-6, 6)


@given(
    st.lists(st.tuples(st.sampled_from(TEXTS), st.floats(-2, 0), st.sampled_from(["eos", "length"])), max_size=8),
    st.lists(NUMBERS, min_size=len(TEXTS), max_size=len(TEXTS)),
    st.lists(NUMBERS, min_size=len(TEXTS), max_size=len(TEXTS)),
)
def test_no_candidate_fails_a_rule_and_none_that_passes_is_lost(
    outputs: list[tuple[str, float, str]], ends: list[float], verdicts: list[float]
) -> None:
    request = Request("fuse", (COUNCIL, COSTS))
    hypotheses = [TextHypothesis(text, score, reason) for text, score, reason in outputs]  # type: ignore[arg-type]
    end_of, verdict_of = dict(zip(TEXTS, ends, strict=True)), dict(zip(TEXTS, verdicts, strict=True))
    kind = CandidateKind(ACCEPTANCE, ListedScores(end_of, verdict_of), DE)
    (found,) = asyncio.run(kind.make([(request, hypotheses)], never_searched))
    passed = {}
    for one in reversed(hypotheses):
        scores = Scores(one.score or 0.0, end_of[one.text], verdict_of[one.text])
        if objection_to_text(request, one, ACCEPTANCE, DE) is None:
            place = rank(one.text, request.members, scores, ACCEPTANCE)
            passed[one.text] = place if objection_to_scores(scores, ACCEPTANCE) is None and place > 0 else None
    assert {one.text: one.rank for one in found} == {text: place for text, place in passed.items() if place is not None}
    assert [one.rank for one in found] == sorted((one.rank for one in found), reverse=True)


@given(st.lists(st.tuples(st.text(), st.lists(st.integers(0, 1)), st.floats(-9, 9)), max_size=4))
def test_candidates_survive_the_cache(rows: list[tuple[str, list[int], float]]) -> None:
    kind = CandidateKind(ACCEPTANCE, ListedScores({}, {}), DE)
    request = Request("fuse", (COUNCIL, COSTS))
    made = tuple(Candidate(text, tuple(places), place) for text, places, place in rows)
    assert kind.decode(kind.encode(made), request) == made


def test_entry_of_another_request_is_refused() -> None:
    kind = CandidateKind(ACCEPTANCE, ListedScores({}, {}), DE)
    entry = kind.encode((Candidate(FUSED, (1,), 0.5),))
    with pytest.raises(ValueError, match="must be a whole number from 0 to 0"):
        kind.decode(entry, Request("reword", (COUNCIL,)))


def test_key_depends_on_task_and_sentences() -> None:
    kind = CandidateKind(ACCEPTANCE, ListedScores({}, {}), DE)
    requests = [
        Request("reword", (COUNCIL,)),
        Request("shorten", (COUNCIL,)),
        Request("fuse", (COUNCIL, COSTS)),
        Request("headline", (COUNCIL,), 70),
        Request("headline", (COUNCIL,), 60),
    ]
    assert len({str(kind.key(one)) for one in requests}) == len(requests)
    other = CandidateKind(Acceptance(least_whole=-1.0), ListedScores({}, {}), DE)
    assert kind.versions != other.versions
