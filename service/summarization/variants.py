"""Variants of a summary that differ enough."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from service.summarization.lengths import Length, Room
from service.summarization.words import words

NGRAM_WORDS = 4
COPY_NOVELTY = 0.1


def novelty(sentence: str, sources: Sequence[str], *, ngram_words: int = NGRAM_WORDS) -> float:
    """Share of the sentence's word n-grams that no source has, from 0 (copied) to 1; case does not matter.

    A sentence shorter than an n-gram is taken as one n-gram of its own length; one without words has novelty 0.
    """
    tokens = [word.lower() for word in words(sentence)]
    size = min(ngram_words, len(tokens))
    if not size:
        return 0.0
    known: set[tuple[str, ...]] = set()
    for source in sources:
        known |= set(_ngrams([word.lower() for word in words(source)], size))
    own = _ngrams(tokens, size)
    return sum(ngram not in known for ngram in own) / len(own)


def copies(sentence: str, sources: Sequence[str]) -> bool:
    """Whether a sentence is taken over as it stands, but for a word here and there."""
    return novelty(sentence, sources) < COPY_NOVELTY


def _ngrams(tokens: list[str], size: int) -> list[tuple[str, ...]]:
    return [tuple(tokens[start : start + size]) for start in range(len(tokens) - size + 1)]


USE_COST = 0.15
RANK_COST = 0.05
MOST_TRIES = 6

Choice = tuple[int, int]
"""The number of an offer and the number of its wording."""


@dataclass(frozen=True, slots=True)
class Offer:
    """Wordings of one sentence, the best first; an empty one counts as none.

    ``score`` is at most 1. A ``spare`` stands in where others leave room, a ``filler`` where those do, too. Only the
    first summary takes offers with ``in_first``, only the others with ``in_further``.
    """

    wordings: tuple[str, ...]
    score: float
    spare: bool = False
    filler: bool = False
    in_first: bool = True
    in_further: bool = True

    def only_if(self, wanted: bool) -> "Offer":  # noqa: FBT001 - reads as a sentence
        """The offer, without its wordings where it is not wanted."""
        return self if wanted else replace(self, wordings=())


def chosen(offers: Sequence[Offer], length: Length) -> list[Choice]:
    """The best summary within ``length``, in the offers' order; [] where nothing fits.

    Each offer gives at most one wording: the best that fits. Spares and then fillers take the room that is left. Where
    that makes less than the length's least number of sentences, short wordings go before good ones.
    """
    offers = [offer.only_if(offer.in_first) for offer in offers]
    found = _within(offers, length, Counter(), spares_last=True)
    if not _missing(found, length):
        return found
    share = length.share()
    short = [replace(offer, wordings=tuple(w if share.fits([w]) else "" for w in offer.wordings)) for offer in offers]
    return max(found, _within(offers, length, Counter()), _within(short, length, Counter()), key=len)


def variants(first: Sequence[Choice], offers: Sequence[Offer], length: Length, count: int) -> list[list[Choice]]:
    """At most ``count`` summaries of different texts, ``first`` at their head, the others best first.

    Each further one is the best that is left when every wording loses ``USE_COST`` for each use and ``RANK_COST`` for
    each better wording. What repeats an earlier one but for a word here and there is none, nor is a part of it. None
    has more sentences than the first, or fewer than the length's least.
    """
    made = [list(first)]
    uses = Counter(first)
    further = [offer.only_if(offer.in_further) for offer in offers]
    for _ in range(MOST_TRIES * count):
        if len(made) == count or not first:
            break
        found = _within(further, length, uses, most=len(first))
        if not _missing(found, length) and not _copies(found, made, offers):
            made.append(found)
        uses.update(found)
    return made


def _within(
    offers: Sequence[Offer],
    length: Length,
    uses: Counter[Choice],
    most: int | None = None,
    *,
    spares_last: bool = False,
) -> list[Choice]:
    def turn(choice: Choice) -> tuple[bool, bool, float, Choice]:
        offer = offers[choice[0]]
        cost = USE_COST * uses[choice] + RANK_COST * choice[1] - offer.score
        return offer.filler, spares_last and offer.spare, cost, choice

    wordings = ((number, offer.wordings) for number, offer in enumerate(offers))
    choices = [(number, rank) for number, written in wordings for rank, text in enumerate(written) if text]
    choices.sort(key=turn)
    room = Room(length)
    taken: dict[int, int] = {}
    for number, rank in choices:
        if len(taken) == most:
            break
        if number not in taken and room.take(offers[number].wordings[rank]):
            taken[number] = rank
    return sorted(taken.items())


def _missing(found: Sequence[Choice], length: Length) -> bool:
    return len(found) < max(1, length.min_sentences)


def _copies(found: Sequence[Choice], made: Sequence[Sequence[Choice]], offers: Sequence[Offer]) -> bool:
    text = _text(found, offers)
    return any(copies(text, [_text(earlier, offers)]) for earlier in made)


def _text(found: Sequence[Choice], offers: Sequence[Offer]) -> str:
    return " ".join(offers[number].wordings[rank] for number, rank in found)
