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

import numpy as np
from numpy.typing import NDArray

from service.summarization.lengths import Length, Room
from service.summarization.words import content_stems, count_words, depends_on_previous, loses_noun, reports_speech

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
_SHORT_WORDS, _LONG_WORDS = 7, 40
_OPENING_SENTENCES = 3
_MOST_OPENING = 12
_LEAST_FORM = 0.6
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
    sentences, with a zero diagonal.
    """

    scores: Matrix
    compared: tuple[int, ...]
    similarity_matrix: Matrix

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
        return replace(self, scores=scores)


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

    The first one is the first sentence whose index is not in ``barred``, and it must be among the first three sentences
    of the article. It must contain content words, make sense alone and have no weakness of form (see `_form`). If there
    is a headline, the sentence must also share a content word with the headline, because some articles open with a
    scene instead of the news. If these conditions are not met, the result is empty. Of the next eleven sentences, those
    with a suitable form whose index is not in ``barred`` are included. A sentence that refers to the previous sentence,
    or reports speech without naming the speaker, is included only together with the previous sentence.
    """
    first = next((number for number in range(min(len(sentences), _OPENING_SENTENCES)) if number not in barred), None)
    if first is None or _suitability(sentences[first]) < 1:
        return []
    stems = set(content_stems(sentences[first]))
    if not stems or (headline and not stems & set(content_stems(headline))):
        return []
    found = [first]
    for number in range(first + 1, min(len(sentences), first + _MOST_OPENING)):
        refers = (
            depends_on_previous(sentences[number])
            or reports_speech(sentences[number])
            or loses_noun(sentences[number], sentences[found[-1] + 1 : number])
        )
        if number not in barred and _form(sentences[number]) >= _LEAST_FORM and (not refers or found[-1] == number - 1):
            found.append(number)
    return found


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
    room = Room(budget)
    first = opening(sentences, headline=headline, barred=barred)
    order = relevance_order(assess(sentences, headline=headline).without(barred).promoted(first))
    return sorted(number for number in order if number not in barred and room.take(sentences[number]))


def relevance_order(assessed: Assessment) -> list[int]:
    """Return the indices of the sentences in ``assessed.compared``, in descending order of marginal relevance."""
    return [number for number, _ in relevance(assessed)]


def relevance(assessed: Assessment) -> list[tuple[int, float]]:
    """Return (index, marginal relevance) for each sentence in ``assessed.compared``, most relevant first.

    The marginal relevance of a sentence is its score minus its weighted similarity to the most similar sentence before
    it in this order.
    """
    scores = assessed.scores[list(assessed.compared)]
    order: list[tuple[int, float]] = []
    redundancy = np.zeros(len(scores))
    left = np.ones(len(scores), dtype=bool)
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
    text = sentence.strip()
    count = count_words(text)
    fit = 1.0
    if not _ENDS.search(text):
        fit *= 0.1  # a subheading or a fragment
    if _ASKS.search(text):
        fit *= 0.4
    if _ALL_QUOTED.match(text):
        fit *= 0.5
    if count < _SHORT_WORDS:
        fit *= 0.6
    return fit * (_LONG_WORDS / count if count > _LONG_WORDS else 1.0)
