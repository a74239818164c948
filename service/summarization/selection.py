"""Selection of sentences for a summary by importance and redundancy.

Importance combines LexRank (Erkan and Radev, 2004) on tf-idf cosines, similarity to the whole text and to the headline,
and position in the article. Maximal marginal relevance (Carbonell and Goldstein, 1998) reduces redundancy. To limit the
cost of LexRank, only the `MOST_COMPARED` sentences that rate highest without it are compared with each other.
"""

import math
import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from service.summarization.lengths import Length, Room
from service.summarization.words import (
    content_stems,
    count_words,
    depends_on_previous,
    known_noun,
    loses_noun,
    refers_by_word,
    reports_speech,
)

Matrix = NDArray[np.float64]
Vector = Mapping[str, float]
"""The weight of each stem, normalised to unit length. A sentence without content words has an empty vector."""


def sentence_vectors(sentences: Sequence[str]) -> list[Vector]:
    """Return the tf-idf vector of each sentence, normalised to unit length. This takes linear time and space.

    Before normalisation, the weight of a stem is (1 + ln tf) * ln(1 + n / df). Here, tf is the number of times that the
    stem occurs in the sentence, n is the number of sentences, and df is the number of sentences that contain the stem.
    """
    bags = [Counter(content_stems(sentence)) for sentence in sentences]
    frequency = Counter(stem for bag in bags for stem in bag)
    inverse = {stem: math.log(1 + len(sentences) / count) for stem, count in frequency.items()}
    return [_unit({stem: (1 + math.log(count)) * inverse[stem] for stem, count in bag.items()}) for bag in bags]


def _unit(vector: Vector) -> Vector:
    length = math.hypot(*vector.values())
    return {stem: weight / length for stem, weight in vector.items()}


def centroid_similarity(vectors: Sequence[Vector]) -> Matrix:
    """Return the cosine between each sentence and the sum of all sentence vectors. Shape: [sentences]."""
    centre: defaultdict[str, float] = defaultdict(float)
    for vector in vectors:
        for stem, weight in vector.items():
            centre[stem] += weight
    return _cosines(_unit(centre), vectors)


def query_similarity(query: str, vectors: Sequence[Vector]) -> Matrix:
    """Return the cosine between each sentence and ``query``. Shape: [sentences].

    Stems of the query that do not occur in any sentence are ignored.
    """
    known = {stem for vector in vectors for stem in vector}
    return _cosines(_unit(dict.fromkeys(known.intersection(content_stems(query)), 1.0)), vectors)


def _cosines(one: Vector, vectors: Iterable[Vector]) -> Matrix:
    return np.array([sum(weight * one.get(stem, 0.0) for stem, weight in vector.items()) for vector in vectors])


def similarity(vectors: Sequence[Vector]) -> Matrix:
    """Return the cosine of each pair of sentences, with a zero diagonal. Shape: [sentences, sentences]."""
    rows: defaultdict[str, list[int]] = defaultdict(list)
    weights: defaultdict[str, list[float]] = defaultdict(list)
    for row, vector in enumerate(vectors):
        for stem, weight in vector.items():
            rows[stem].append(row)
            weights[stem].append(weight)
    cosines = np.zeros((len(vectors), len(vectors)))
    for stem, found in rows.items():
        if len(found) > 1:
            cosines[np.ix_(found, found)] += np.outer(weights[stem], weights[stem])
    np.fill_diagonal(cosines, 0.0)
    return cosines


DAMPING = 0.85
MAX_ITERATIONS = 60
CONVERGED = 1e-9
REDUNDANCY_WEIGHT = 0.6
MOST_COMPARED = 800  # takes about a second; an article has about fifty sentences
_ENDS = re.compile(r"[.!?…][\"“”»«’)\]]*$")
_ASKS = re.compile(r"\?[\"“”»«’)\]]*$")
_ALL_QUOTED = re.compile(r"[„“\"»«‚].*[“”\"«»‘][.,!?]?$", re.DOTALL)
_QUOTE = re.compile(r"[„“”\"»«‚]")
_QUOTED = re.compile(r"„[^“”]*[“”]|»[^«]*«|«[^»]*»|\"[^\"]*\"")
_QUOTED_SHARE = 0.7
_ANSWER = re.compile(
    r"[„«»\"]?(?:Ja|Nein|Wohl|Nicht|Kaum|Eher|Doch|Genau|Natürlich|Klar|Das|Dies|Diese[rs]?)\b|[^:]{3,40}: "
)
_MOST_BEFORE_QUESTION = 8
"""A question behind a colon and at least as many words is a part of a statement."""
_SHORT_WORDS, _LONG_WORDS = 7, 40
_SCENE_SENTENCES = 12
"""The number of sentences at the beginning of an article among which the news is searched."""
_LEAST_SCENE, _MORE_IN_COMMON = 3, 3
_RELATED_CHARS, _COMPOUND_CHARS = 4, 6
_SPARE_SENTENCES, _FULL_SHARE = 4, 0.7
_MOST_OPENING = 20
_LEAST_FORM = 0.6
_KNOWN_SHARE = 0.85
_INTRODUCTION = 3
_ADDRESS = re.compile(r"\b(?:können|finden|lesen|erfahren|sehen|hören|wollen|möchten|müssen|haben|sollten) Sie\b")
_OTHERS, _OPENING_STEP = 0.5, 0.02
"""The factor for the scores of sentences outside the opening, and the score difference between opening sentences."""
_DEPENDENT, _UNATTRIBUTED = 0.5, 0.6
"""The factors for the rating of a sentence that refers to the previous one, and of speech without its speaker."""


@dataclass(frozen=True)
class Weights:
    """The weight of each feature in the score that `assess` computes for a sentence."""

    rank: float = 1.0
    centroid: float = 1.0
    headline: float = 1.0
    place: float = 1.5


DEFAULT_WEIGHTS = Weights()


@dataclass(frozen=True)
class Assessment:
    """The scores of the sentences in an article.

    ``scores`` (shape [sentences]) contains numbers from 0 to 1. In a long article, only the `MOST_COMPARED` most
    promising sentences are compared with each other, and all others score 0. ``compared`` lists the indices of the
    compared sentences. ``similarity_matrix`` (shape [compared, compared]) contains the cosines of all pairs of these
    sentences, with a zero diagonal. ``first`` contains the indices of sentences that come before all others, in order.
    """

    scores: Matrix
    compared: tuple[int, ...]
    similarity_matrix: Matrix
    first: tuple[int, ...] = ()

    def closest(self, number: int, *, least: float, most: int) -> list[int]:
        """Return the indices of up to ``most`` sentences that are most similar to the sentence with index ``number``.

        Their cosine with that sentence is at least ``least``.
        """
        cosines = self.similarity_matrix[self.compared.index(number)]
        rows = np.argsort(-cosines, kind="stable")[:most]
        return [self.compared[row] for row in rows if cosines[row] >= least]

    def without(self, numbers: Collection[int]) -> "Assessment":
        """Return a copy in which the sentences with indices ``numbers`` score 0."""
        scores = self.scores.copy()
        scores[list(numbers)] = 0.0
        return replace(self, scores=scores)

    def promoted(self, numbers: Sequence[int]) -> "Assessment":
        """Return a copy in which the sentences with the indices ``numbers`` score more than all others, in this order.

        If ``numbers`` is empty, return this assessment.
        """
        if not numbers:
            return self
        scores = _OTHERS * self.scores
        scores[list(numbers)] = 1.0 - _OPENING_STEP * np.arange(len(numbers))
        return replace(self, scores=scores, first=tuple(numbers))


def assess(sentences: Sequence[str], *, headline: str | None = None, weights: Weights = DEFAULT_WEIGHTS) -> Assessment:
    """Score the sentences of an article. ``weights`` contains the weight of each feature in the scores.

    The best sentence scores 1. All scores are 0 if no sentence contains content words.
    """
    if not sentences:
        return Assessment(np.zeros(0), (), np.zeros((0, 0)))
    vectors = sentence_vectors(sentences)
    score = weights.centroid * _scaled(centroid_similarity(vectors))
    if headline:
        score += weights.headline * _scaled(query_similarity(headline, vectors))
    score += weights.place / (1 + np.arange(len(sentences)) / 2)
    suitable = np.array([bool(v) and _suitability(s) for s, v in zip(sentences, vectors, strict=True)], dtype=float)
    compared = np.sort(np.argsort(-score * suitable, kind="stable")[:MOST_COMPARED])
    similarity_matrix = similarity([vectors[n] for n in compared])
    score[compared] += weights.rank * _scaled(_lexrank(similarity_matrix))
    scores = np.zeros(len(sentences))
    scores[compared] = _scaled((score * suitable)[compared])
    return Assessment(scores, tuple(compared.tolist()), similarity_matrix)


def opening(sentences: Sequence[str], *, headline: str | None, barred: Collection[int] = ()) -> list[int]:
    """Return the indices of the sentences that open a news article. They state its news in order of importance.

    The first one states the news (see `_news`). Further sentences follow if their form is suitable and they do not
    repeat earlier ones. A sentence that refers to the sentence before it needs that sentence. The result is empty if no
    sentence near the beginning makes sense alone.
    """
    start = _news(sentences, headline, barred)
    if start is None:
        return []
    found = [start]
    known = [set(content_stems(sentences[start]))]
    for number in range(start + 1, min(len(sentences), start + _MOST_OPENING)):
        stems = set(content_stems(sentences[number]))
        if number in barred or not stems or _adds_little(*sentences[number : number + 2]):
            continue
        is_known = any(len(stems & one) >= _KNOWN_SHARE * len(stems) for one in known)
        follows = all(skipped in barred for skipped in range(found[-1] + 1, number))
        lost = loses_noun(sentences[number], sentences[found[-1] + 1 : number])
        if not is_known and (follows or not (lost or refers(sentences[number]))):
            found.append(number)
            known.append(stems)
    return found


def _news(sentences: Sequence[str], headline: str | None, barred: Collection[int]) -> int | None:
    """Return the index of the sentence that states the news of an article, or None.

    This is the first sentence that ``barred`` does not contain and that is no question, appeal or bare quotation,
    unless it begins a scene. After a scene, the first sentence that has much in common with the headline states the
    news. The result is also None if the text begins with a short sentence and nothing of the headline.
    """
    free = [number for number in range(min(len(sentences), _SCENE_SENTENCES)) if number not in barred]
    first = next((n for n in free[:_LEAST_SCENE] if _shape(sentences[n]) == 1 and content_stems(sentences[n])), None)
    if first is None or (first > free[0] and refers(sentences[first])):
        return None
    shared = {number: _in_common(sentences[number], headline or "") for number in free}
    if headline and not any(shared.values()) and count_words(sentences[first]) < _SHORT_WORDS:
        return None
    if first > 0 or not _is_scene(sentences[first], shared):
        return first
    enough = max(shared.values()) / 2
    later = (n for n in free if shared[n] >= enough and _form(sentences[n]) == 1 and not refers(sentences[n]))
    return next(later, first)


def _is_scene(first: str, shared: Mapping[int, int]) -> bool:
    """Return whether an article seems to open with a scene. ``first`` is its first sentence.

    The scene has at least three sentences, and no number in the first one. They have nothing in common with the
    headline, or far less than a later sentence. ``shared`` contains the numbers of common content words by sentence.
    """
    best = max(shared.values())
    most = max((count for number, count in shared.items() if number < _LEAST_SCENE), default=0)
    has_more = best > 1 if most == 0 else best >= most + _MORE_IN_COMMON
    return has_more and not any(char.isdigit() for char in first)


def _adds_little(sentence: str, following: str = "") -> bool:
    """Return whether a sentence behind the first one has a weak form, such as a question, or is mostly a quotation.

    It is needed if the sentence ``following`` it refers to it or answers it.
    """
    quotation = _QUOTED.match(sentence)
    is_quotation = quotation is not None and quotation.end() >= _QUOTED_SHARE * len(sentence.strip())
    is_weak = _form(sentence) < _LEAST_FORM or is_quotation
    return is_weak and not (refers(following) or _ANSWER.match(following))


def _in_common(sentence: str, headline: str) -> int:
    """Return how many content words of the headline the sentence takes up, also as part of a compound."""
    own = set(content_stems(sentence))
    return sum(any(_are_related(stem, other) for other in own) for stem in set(content_stems(headline)))


def _are_related(one: str, other: str) -> bool:
    short, long = sorted((one, other), key=len)
    if len(short) < _RELATED_CHARS:
        return short == long
    return long.startswith(short) or long.endswith(short) or one[:_COMPOUND_CHARS] == other[:_COMPOUND_CHARS]


def refers(sentence: str, known: Collection[str] | None = None) -> bool:
    """Return whether a sentence can only be understood after the sentence before it.

    It contains a pronoun that refers to that sentence, or it is reported speech without its speaker. If the stems
    ``known`` of earlier sentences are given, a noun phrase that names something as known must also be among them.
    """
    if depends_on_previous(sentence) or reports_speech(sentence) or refers_by_word(sentence):
        return True
    noun = known_noun(sentence)
    return known is not None and noun is not None and noun not in known


def predecessors(sentences: Sequence[str], *, headline: str | None, barred: Collection[int] = ()) -> dict[int, int]:
    """Return, for each sentence that refers to the sentence before it, the index of that sentence.

    The sentences with the indices ``barred`` do not count, because most of them repeat the headline.
    """
    introduced = [*([headline] if headline else []), *sentences[:_INTRODUCTION]]
    known = {stem for text in introduced for stem in content_stems(text)}
    free = [number for number in range(len(sentences)) if number not in barred]
    return {number: before for before, number in pairwise(free) if refers(sentences[number], known)}


def rank(sentences: Sequence[str], *, headline: str | None = None) -> list[float]:
    """Return the score of each sentence, from 0 to 1, in the order of ``sentences`` (see `assess`)."""
    return [float(score) for score in assess(sentences, headline=headline).scores]


def select(
    sentences: Sequence[str], *, budget: Length, headline: str | None = None, barred: Collection[int] = ()
) -> list[int]:
    """Select sentences that summarise the article within ``budget``, and return their indices in article order.

    ``barred`` contains the indices of sentences that are never selected. If all other sentences fit within ``budget``,
    all of them are selected. A sentence that is too long for the remaining space is skipped, not cut. The result is
    empty if no sentence fits.
    """
    free = [number for number in range(len(sentences)) if number not in barred]
    if budget.fits([sentences[number] for number in free]):
        return free
    first = opening(sentences, headline=headline, barred=barred)
    order = relevance_order(assess(sentences, headline=headline).without(barred).promoted(first))
    needed = predecessors(sentences, headline=headline, barred=barred)
    offered = within(first, sentences, budget) or [number for number in order if number not in barred]
    return _fitting(sentences, offered, budget, needed) or _fitting(sentences, offered, budget, {})


def within(first: Sequence[int], sentences: Sequence[str], budget: Length) -> list[int]:
    """Return those opening sentences ``first`` that a summary should choose from, or none if they do not fill it.

    These are the ones that fill ``budget``, and the next one, which may become shorter. If they leave much room, the
    next one is long, and a few more may be used instead of it.
    """
    room = Room(budget)
    end = next((place for place, number in enumerate(first) if not room.take(sentences[number])), None)
    if end is None:
        return []
    used = sum(count_words(sentences[number]) for number in first[:end])
    is_full = budget.max_words is not None and used >= _FULL_SHARE * budget.max_words
    return list(first[: end + (1 if is_full else _SPARE_SENTENCES)])


def _fitting(sentences: Sequence[str], order: Sequence[int], budget: Length, needed: Mapping[int, int]) -> list[int]:
    """Return those sentences in ``order`` that fit within ``budget``, without those whose predecessor is missing."""
    room = Room(budget)
    found: set[int] = set()
    for number in order:
        if (number not in needed or needed[number] in found) and room.take(sentences[number]):
            found.add(number)
    return sorted(found)


def relevance_order(assessed: Assessment) -> list[int]:
    """Return the indices of the sentences in ``assessed.compared``, in descending order of marginal relevance."""
    return [number for number, _ in relevance(assessed)]


def relevance(assessed: Assessment) -> list[tuple[int, float]]:
    """Return (index, marginal relevance) for each sentence in ``assessed.compared``, most relevant first.

    The sentences ``assessed.first`` come first. The marginal relevance of another sentence is its score minus its
    weighted similarity to the most similar sentence before it in this order.
    """
    scores = assessed.scores[list(assessed.compared)]
    rows = {number: row for row, number in enumerate(assessed.compared)}
    first = [number for number in assessed.first if number in rows]
    order = [(number, float(assessed.scores[number])) for number in first]
    redundancy = np.zeros(len(scores))
    left = np.ones(len(scores), dtype=bool)
    for number in first:
        left[rows[number]] = False
        redundancy = np.maximum(redundancy, assessed.similarity_matrix[rows[number]])
    while left.any():
        marginal = np.where(left, scores - REDUNDANCY_WEIGHT * redundancy, -np.inf)
        best = int(marginal.argmax())
        order.append((assessed.compared[best], float(marginal[best])))
        left[best] = False
        redundancy = np.maximum(redundancy, assessed.similarity_matrix[best])
    return order


def _scaled(values: Matrix) -> Matrix:
    top = values.max()
    scaled: Matrix = values / top if top > 0 else values
    return scaled


def _lexrank(similarity_matrix: Matrix) -> Matrix:
    """Compute continuous LexRank by power iteration.

    The ranks are the stationary distribution of a random walk between similar sentences.
    """
    count = len(similarity_matrix)
    sums = similarity_matrix.sum(axis=1, keepdims=True)
    steps = np.divide(similarity_matrix, sums, out=np.full_like(similarity_matrix, 1 / count), where=sums > 0)
    found = np.full(count, 1 / count)
    for _ in range(MAX_ITERATIONS):
        following = (1 - DAMPING) / count + DAMPING * (found @ steps)
        if np.abs(following - found).sum() < CONVERGED:
            break
        found = following
    ranks: Matrix = found
    return ranks


def _suitability(sentence: str) -> float:
    """Rate how suitable a sentence is for a summary without its predecessor. The rating is at most 1."""
    fit = _form(sentence)
    if depends_on_previous(sentence):
        fit *= _DEPENDENT
    if reports_speech(sentence):
        fit *= _UNATTRIBUTED
    return fit


def _form(sentence: str) -> float:
    """Rate how suitable the form of a sentence is for a summary. The rating is 1, reduced for each weakness."""
    count = count_words(sentence)
    fit = _shape(sentence)
    if count < _SHORT_WORDS:
        fit *= 0.6
    return fit * (_LONG_WORDS / count if count > _LONG_WORDS else 1.0)


def _shape(sentence: str) -> float:
    """Rate the form of a sentence without regard to its length."""
    text = sentence.strip()
    fit = 1.0
    if not _ENDS.search(text):
        fit *= 0.1  # a subheading or a fragment
    if _ASKS.search(text) and count_words(text.rpartition(":")[0]) < _MOST_BEFORE_QUESTION:
        fit *= 0.4
    if _ALL_QUOTED.match(text):
        fit *= 0.5
    if _ADDRESS.search(text) and not _QUOTE.search(text):
        fit *= 0.5  # it addresses the reader
    return fit
