"""The line model: a linear-chain conditional random field that finds the article among the lines of a pasted page.

The model assigns a state to each line. There are different states for lines before the headline, lines between the
headline and the text, lines in the text, and lines after the text. The most probable sequence of states, found with the
Viterbi algorithm, therefore also determines where the article begins and ends. All features of a line are binary. The
method is described in Lafferty, McCallum and Pereira, "Conditional Random Fields" (2001). Each language has its own
weights, which are trained in ``models/pages``.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import takewhile
from pathlib import Path
from typing import Any

import numpy as np

from service.cleaning.boilerplate import Line, Verdict
from service.cleaning.line_features import META_REACH, META_REASONS, Facts, features, has_clock, line_ending
from service.languages.base import Language

STATES = (
    "before",
    "kicker",
    "headline",
    "lead",
    "head_meta",
    "head_caption",
    "head_boilerplate",
    "text",
    "subheading",
    "list",
    "meta",
    "caption",
    "boilerplate",
    "after",
)
ARTICLE = frozenset({"kicker", "headline", "lead", "text", "subheading", "list"})
OUTSIDE = frozenset({"before", "after"})
GROUPS = {  # states of the same kind of line; they share weights in training
    "before": "boilerplate",
    "after": "boilerplate",
    "head_boilerplate": "boilerplate",
    "boilerplate": "boilerplate",
    "head_meta": "meta",
    "meta": "meta",
    "head_caption": "caption",
    "caption": "caption",
}
_HEAD = ("lead", "head_meta", "head_caption", "head_boilerplate")
_TEXT = ("text", "subheading", "list", "meta", "caption", "boilerplate")
_FIRST = ("before", "kicker", "headline", "lead", *_TEXT)
_NEXT = {
    "before": (*_FIRST, "after"),
    "kicker": ("headline",),
    "headline": (*_HEAD, *_TEXT),
    **dict.fromkeys(_HEAD, (*_HEAD, *_TEXT)),
    **dict.fromkeys(_TEXT, (*_TEXT, "after")),
    "after": ("after",),
}
ALLOWED = np.array([[state in _NEXT[previous] for state in STATES] for previous in STATES])
"""Whether the state of a column may follow the state of a row. Only ``after`` may follow ``after``."""
STARTS = np.array([state in _FIRST for state in STATES])
_NOTHING = -1e9


@dataclass(frozen=True, slots=True)
class Weights:
    """The weights of a line model.

    ``rows`` maps each feature to a row of ``emission`` (features × states). ``transition`` (states × states) and
    ``start`` (states) contain logarithmic weights. Forbidden transitions and start states have a very large negative
    weight.
    """

    rows: dict[str, int]
    emission: "np.ndarray[Any, np.dtype[np.float64]]"
    transition: "np.ndarray[Any, np.dtype[np.float64]]"
    start: "np.ndarray[Any, np.dtype[np.float64]]"

    def scores(self, found: Sequence[Sequence[str]]) -> "np.ndarray[Any, np.dtype[np.float64]]":
        """Return the score of each state for each line (lines × states).

        ``found`` contains the names of the features of each line. Unknown features are ignored.
        """
        result = np.zeros((len(found), len(STATES)))
        for number, names in enumerate(found):
            known = [row for name in names if (row := self.rows.get(name)) is not None]
            result[number] = self.emission[known].sum(axis=0)
        return result


@cache
def read_weights(path: Path) -> Weights:
    """Read the weights for a language from a JSON file, which contains them as integers, multiplied by 100.

    Raises:
        OSError: the file cannot be read.
        ValueError: the file was written for a different set of states.
    """
    content = json.loads(path.read_text("utf-8"))
    if tuple(content["states"]) != STATES:
        raise ValueError(f"{path.name}: the weights are for another version of the line model; train the model again")
    emission = np.array(list(content["features"].values()), dtype=float) / 100
    transition = np.where(ALLOWED, np.array(content["transition"], dtype=float) / 100, _NOTHING)
    start = np.where(STARTS, np.array(content["start"], dtype=float) / 100, _NOTHING)
    return Weights({name: row for row, name in enumerate(content["features"])}, emission, transition, start)


@dataclass(frozen=True, slots=True)
class Labelled:
    """The result of the line model: the state of each line, and the probability of each state.

    ``chances`` contains the probabilities (lines × states). ``facts`` are the facts about the page.
    """

    states: tuple[str, ...]
    chances: "np.ndarray[Any, np.dtype[np.float64]]"
    facts: Facts

    def chance(self, number: int, states: frozenset[str]) -> float:
        """Return the probability that the line with index ``number`` has one of ``states``."""
        return float(self.chances[number, [STATES.index(state) for state in states]].sum())

    def has_headline(self, least: float) -> bool:
        """Return whether any line is a headline with a probability of at least ``least``."""
        return bool((self.chances[:, STATES.index("headline")] >= least).any())


def label(lines: Sequence[Line], verdicts: Sequence[Verdict | None], language: Language, weights: Weights) -> Labelled:
    """Find the most probable sequence of states (Viterbi) and all state probabilities (forward-backward algorithm).

    The headline is then chosen by its place on the page (see `_with_headline`). ``verdicts`` contains the verdict of
    the boilerplate rules on each line.
    """
    found, facts = features(lines, verdicts, language)
    scores = weights.scores(found)
    if not len(scores):
        return Labelled((), scores, facts)
    _forbid(scores, lines, verdicts, facts.anchors)
    path = _best_path(scores, weights.start, weights)
    leads = [number for number, state in enumerate(path) if state == "lead"]
    if len(leads) > _MOST_LEADS:  # the text was mistaken for a lead of many paragraphs
        below = leads[0] + 1
        scores[below:, [STATES.index(state) for state in _HEAD]] += _FORBIDDEN
        path[below:] = _best_path(scores[below:], weights.transition[STATES.index("lead")], weights)
    chances = _chances(scores, weights)
    states = _with_headline(path, lines, verdicts, chances, facts)
    return Labelled(tuple(states), chances, facts)


def _best_path(
    scores: "np.ndarray[Any, np.dtype[np.float64]]", start: "np.ndarray[Any, np.dtype[np.float64]]", weights: Weights
) -> list[str]:
    """Return the most probable sequence of states (Viterbi).

    ``scores`` (lines × states) contains the scores of the features, and ``start`` contains the scores of the states of
    the first line.
    """
    best = scores[0] + start
    pointers = np.zeros(scores.shape, dtype=np.int64)
    for number in range(1, len(scores)):
        ways = best[:, None] + weights.transition
        pointers[number] = ways.argmax(axis=0)
        best = ways.max(axis=0) + scores[number]
    path = [int(best.argmax())]
    for number in range(len(scores) - 1, 0, -1):
        path.append(int(pointers[number, path[-1]]))
    return [STATES[state] for state in reversed(path)]


_MOST_LEADS = 4
_HEAD_LINES = 40
_HEADLINE_WORDS = range(2, 26)
_USUAL_WORDS = range(4, 17)
_FEW_WORDS = range(1, 4)
_LEAD_CHARS = range(60, 600)


def _with_headline(
    states: list[str],
    lines: Sequence[Line],
    verdicts: Sequence[Verdict | None],
    chances: "np.ndarray[Any, np.dtype[np.float64]]",
    facts: Facts,
) -> list[str]:
    """Choose the headline among the lines above the text, and return the states with this headline.

    The random field considers only neighbouring lines, but a headline is recognised by its place on the page: it shares
    words with the text below it, the page often repeats it, and a byline follows it. A line gets points for each of
    these properties, and the line with the most points is chosen. If no line has enough points, the states are returned
    unchanged. If there is no lead, the first line below the headline that may be the lead gets this state.
    """
    first = _first_text_line(states, lines, verdicts, facts)
    if not first:
        return states
    best: tuple[float, int] | None = None
    for number in range(max(0, first - _HEAD_LINES), first):
        points = _headline_points(number, first, lines, verdicts, chances, facts)
        if points is not None and (best is None or points >= best[0]):
            best = points, number
    if best is None or best[0] < _LEAST_POINTS:
        return states
    headline = _second_headline(best, first, lines, verdicts, chances, facts)
    found = ["before"] * headline + ["headline"]
    if headline and states[headline - 1] == "kicker":
        found[headline - 1] = "kicker"
    for number in range(headline + 1, first):
        state = states[number]
        found.append(state if state in _HEAD else "head_boilerplate")
    if "lead" not in (*found, *states[first : first + 2]):
        free = (n for n in range(headline + 1, first) if _may_be_lead(n, lines, verdicts, chances, facts, found[n]))
        lead = next(free, None)
        if lead is not None:
            found[lead] = "lead"
    return found + states[first:]


_TEASER_LINES = 12
_BYLINE_LINES = 3


def _first_text_line(
    states: Sequence[str], lines: Sequence[Line], verdicts: Sequence[Verdict | None], facts: Facts
) -> int | None:
    """Return the index of the first line of the text, or None if the page has no text."""
    first = next((n for n, state in enumerate(states) if state in _TEXT and (n in facts.own or state == "text")), None)
    if first is None:
        return None
    return _below_headline(lines, verdicts, facts, min(first, *facts.anchors[:1]) if facts.anchors else first)


def _below_headline(lines: Sequence[Line], verdicts: Sequence[Verdict | None], facts: Facts, first: int) -> int:
    """Return the index of the first line of the text, which the model has placed at line ``first``.

    Teasers of other articles about the same topic may precede the headline. One of the twelve lines from ``first`` on
    is the headline if at least 80% of its content words occur in the text, the page contains the line or a similar one
    twice, and the next byline is at most three lines below it. The text then begins below this line. A byline ends the
    search.
    """
    for number in range(first, min(first + _TEASER_LINES, len(lines))):
        if _reason(lines[number], verdicts[number]) == "byline":
            return first
        words = len(lines[number].text.split())
        is_title = words in _HEADLINE_WORDS and number in facts.copied and (facts.shares[number] or 0) >= _TITLE_SHARE
        below = range(number + 1, min(number + 1 + _BYLINE_LINES, len(lines)))
        if is_title and any(_reason(lines[one], verdicts[one]) == "byline" for one in below):
            return next((one for one in below if lines[one].running), below[-1] + 1)
    return first


_TITLE_SHARE = 0.8


def _second_headline(
    best: tuple[float, int],
    first: int,
    lines: Sequence[Line],
    verdicts: Sequence[Verdict | None],
    chances: "np.ndarray[Any, np.dtype[np.float64]]",
    facts: Facts,
) -> int:
    """Return the index of a second headline below the line ``best``, or that of ``best`` if there is none.

    ``best`` contains the points and the index of the line with the most points. Many pages show a headline for search
    engines in the breadcrumb trail, and below it a kicker and the headline for readers. The second headline has nearly
    as many points as the first. A deck (a line that explains the headline) also follows a headline, but has no kicker.
    Other pages repeat the headline in other words directly below, with the kicker on the same line.
    """
    points, number = best
    words = len(lines[number].text.split())
    between = range(number + 1, min(first, number + 1 + _KICKER_LINES))
    kickers = list(takewhile(lambda one: _is_kicker_line(lines[one], verdicts[one]), between))
    second = number + 1 + len(kickers)
    if not kickers and second < first and _is_reworded(lines[number].text, lines[second].text):
        return second
    if not kickers or second >= first or len(lines[second].text.split()) < min(words, _USUAL_WORDS.start):
        return number
    found = _headline_points(second, first, lines, verdicts, chances, facts)
    trail = number > 0 and _reason(lines[number - 1], verdicts[number - 1]) == "breadcrumb"
    least = points - (_SECOND_POINTS_IN_TRAIL if trail else _SECOND_POINTS)
    shown = found is not None and found >= least and line_ending(lines[second].text) != "."
    return second if shown else number


def _is_reworded(headline: str, text: str) -> bool:
    """Return whether ``text`` contains at least 60% of the words of ``headline`` that have four or more letters.

    ``headline`` must have at least two such words. ``text`` must have 2 to 25 words and must not end with a full stop,
    a colon or a comma.
    """
    wanted, words = (set(_WORD.findall(one.casefold())) for one in (headline, text))
    same = len(wanted & words) >= _REWORDED * len(wanted) and len(wanted) > 1
    return same and len(text.split()) in _HEADLINE_WORDS and line_ending(text) not in {".", ":", ","}


def _is_kicker_line(line: Line, verdict: Verdict | None) -> bool:
    """Return whether a line can be a kicker, or consists of dashes or other marks between a kicker and a headline.

    Such a line has at most four words, is not running text, has not been removed, and has no verdict or one for a
    breadcrumb.
    """
    known = line.reason is not None or (verdict is not None and verdict.reason != "breadcrumb")
    return not known and len(line.text.split()) <= _KICKER_ALONE_WORDS and not line.running


def _may_be_lead(
    number: int,
    lines: Sequence[Line],
    verdicts: Sequence[Verdict | None],
    chances: "np.ndarray[Any, np.dtype[np.float64]]",
    facts: Facts,
    state: str,
) -> bool:
    line = lines[number]
    free = line.reason is None and verdicts[number] is None and line.running and number not in facts.copied
    article = float(chances[number, [STATES.index(one) for one in ARTICLE]].sum())
    return free and len(line.text) in _LEAD_CHARS and (state != "head_caption" or article >= _LEAST_LEAD)


_LEAST_LEAD = 0.3
_LEAST_POINTS = 2.0
_SECOND_POINTS = 2.0
_SECOND_POINTS_IN_TRAIL = 4.0
_REWORDED = 0.6
_WORD = re.compile(r"[^\W\d_]{4,}")
_KICKER_LINES = 2
_KICKER_ALONE_WORDS = 4


def _headline_points(
    number: int,
    first: int,
    lines: Sequence[Line],
    verdicts: Sequence[Verdict | None],
    chances: "np.ndarray[Any, np.dtype[np.float64]]",
    facts: Facts,
) -> float | None:
    """Return the points of line ``number`` as the headline of the text that begins at line ``first``.

    More points mean that the line is more likely the headline. Return None if the line cannot be a headline.
    """
    line, verdict = lines[number], verdicts[number]
    words = len(line.text.split())
    known = line.reason not in _MAYBE_HEADLINE or (verdict is not None and verdict.weight != "doubt")
    if known or words not in _HEADLINE_WORDS or len(line.text) > _HEADLINE_CHARS:
        return None
    reach = range(number + 1, min(first, number + 1 + META_REACH))
    reasons = {_reason(lines[one], verdicts[one]) for one in reach}
    points = 3 * (facts.shares[number] or 0) + 2 * float(chances[number, STATES.index("headline")])
    points += (words in _USUAL_WORDS) - (words in _FEW_WORDS) + 1.5 * (number in facts.copied and words in _USUAL_WORDS)
    points += (not META_REASONS.isdisjoint(reasons)) + 0.5 * any(lines[one].running for one in reach)
    points -= 0.08 * (first - number) + _END_COSTS.get(line_ending(line.text), 0)
    cues = line.page.cues
    points -= 1.5 * any(name in cues and cues[name].search(line.text) is not None for name in ("account", "sharing"))
    credits_ = [_is_credit(lines[one], verdicts[one]) for one in (number - 1, number + 1) if 0 <= one < len(lines)]
    points -= 2.5 * credits_[-1] + 2.5 * all(credits_) + 3 * has_clock(line.text)
    return points


def _reason(line: Line, verdict: Verdict | None) -> str | None:
    return line.reason or (verdict.reason if verdict is not None else None)


def _is_credit(line: Line, verdict: Verdict | None) -> bool:
    """Return whether a line is a photo credit, or a caption with its credit.

    The boilerplate rules must recognise the line, or it must be short and have a slash ("Agentur/Ida Beispiel").
    """
    short = len(line.text.split()) <= _CREDIT_WORDS and not line.running
    return _reason(line, verdict) in _CREDITS or (short and _SLASHED.fullmatch(line.text) is not None)


# If the mark of an advert is directly above the headline, the rules mistake the headline for the advert.
_MAYBE_HEADLINE = frozenset({None, "advert"})
_CREDITS = frozenset({"photo_credit", "photo_caption"})
_CREDIT_WORDS = 6
_SLASHED = re.compile(r"[^\W\d_][^/|]*/[^\W\d_][^/|]*")
_END_COSTS = {".": 3.5, ":": 1.5, ",": 1.5}


_FORBIDDEN = -1e4
_HEADLINE_CHARS = 200
_LEAD_WORDS = 6
_KICKER_WORDS = 8


def _forbid(
    scores: "np.ndarray[Any, np.dtype[np.float64]]",
    lines: Sequence[Line],
    verdicts: Sequence[Verdict | None],
    anchors: Sequence[int],
) -> None:
    """Lower the scores of impossible states in place.

    A line cannot have a state that does not fit its form. From the first of the ``anchors``, no line can be before the
    article. Up to the last of them, no line can be after the article.
    """
    headline, lead, kicker = (STATES.index(state) for state in ("headline", "lead", "kicker"))
    for number, (line, verdict) in enumerate(zip(lines, verdicts, strict=True)):
        words = len(line.text.split())
        known = line.reason is not None or (verdict is not None and verdict.weight != "doubt")
        if known or words < 2 or len(line.text) > _HEADLINE_CHARS:  # noqa: PLR2004 - one word is not a headline
            scores[number, headline] += _FORBIDDEN
        if known or words < _LEAD_WORDS:
            scores[number, lead] += _FORBIDDEN
        if words > _KICKER_WORDS:
            scores[number, kicker] += _FORBIDDEN
    if anchors:
        scores[anchors[0] :, STATES.index("before")] += _FORBIDDEN
        scores[: anchors[-1] + 1, STATES.index("after")] += _FORBIDDEN


def _chances(
    scores: "np.ndarray[Any, np.dtype[np.float64]]", weights: Weights
) -> "np.ndarray[Any, np.dtype[np.float64]]":
    moves, emitted = np.exp(weights.transition), np.exp(scores - scores.max(axis=1, keepdims=True))
    forward, backward = np.zeros(scores.shape), np.ones(scores.shape)
    state = np.exp(weights.start) * emitted[0]
    for number in range(len(scores)):
        if number:
            state = (forward[number - 1] @ moves) * emitted[number]
        forward[number] = state / max(state.sum(), _LEAST)
    for number in range(len(scores) - 2, -1, -1):
        state = moves @ (emitted[number + 1] * backward[number + 1])
        backward[number] = state / max(state.sum(), _LEAST)
    result = forward * backward
    return np.asarray(result / np.maximum(result.sum(axis=1, keepdims=True), _LEAST))


_LEAST = 1e-300
