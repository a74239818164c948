"""The choice of sentences for a summary, and for variants of the summary that differ sufficiently from each other."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from service.summarization.lengths import Length, Room
from service.summarization.words import words

NGRAM_WORDS = 4
COPY_NOVELTY = 0.1


def novelty(sentence: str, sources: Sequence[str], *, ngram_words: int = NGRAM_WORDS) -> float:
    """Return the share of the sentence's word n-grams that do not occur in any source. Case is ignored.

    The share is 0 if the sentence is copied, and 1 if none of its n-grams occurs in a source. A sentence with fewer
    than ``ngram_words`` words counts as one n-gram. The novelty of a sentence without words is 0.
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
    """Return whether a sentence is mostly copied from the sources. Its `novelty` is then below `COPY_NOVELTY`."""
    return novelty(sentence, sources) < COPY_NOVELTY


def _ngrams(tokens: list[str], size: int) -> list[tuple[str, ...]]:
    return [tuple(tokens[start : start + size]) for start in range(len(tokens) - size + 1)]


USE_COST = 0.15
RANK_COST = 0.05
MOST_TRIES = 6

Choice = tuple[int, int]
"""The index of an offer, and the index of one of its wordings."""


@dataclass(frozen=True, slots=True)
class Offer:
    """Alternative wordings of one summary sentence, best first. An empty wording is never used.

    ``score`` is at most 1. In the first summary, ``spare`` offers are used only after normal offers. In all summaries,
    ``filler`` offers are used last. The offer may be used in the first summary if ``in_first`` is True, and in further
    variants of the summary if ``in_further`` is True.
    """

    wordings: tuple[str, ...]
    score: float
    spare: bool = False
    filler: bool = False
    in_first: bool = True
    in_further: bool = True

    def only_if(self, wanted: bool) -> "Offer":  # noqa: FBT001 - `only_if` names the flag
        """Return the offer itself if ``wanted`` is True. Otherwise, return a copy without wordings."""
        return self if wanted else replace(self, wordings=())

    def without(self, rank: int) -> "Offer":
        """Return a copy that does not use the wording at ``rank``. The other wordings keep their ranks."""
        return replace(self, wordings=tuple("" if n == rank else text for n, text in enumerate(self.wordings)))


def choose(offers: Sequence[Offer], length: Length) -> list[Choice]:
    """Choose the wordings of the best summary within ``length``, and return their indices in the order of the offers.

    The result is empty if nothing fits. Each offer contributes at most one wording, which is the best one that fits.
    Spare offers and then fillers (see `Offer`) use the remaining space. If the summary would otherwise have fewer than
    ``min_sentences`` sentences, spare offers and short wordings may be chosen before better ones.
    """
    offers = [offer.only_if(offer.in_first) for offer in offers]
    found = _within(offers, length, Counter(), spares_last=True)
    if not _missing(found, length):
        return found
    share = length.share()
    short = [replace(offer, wordings=tuple(w if share.fits([w]) else "" for w in offer.wordings)) for offer in offers]
    return max(found, _within(offers, length, Counter()), _within(short, length, Counter()), key=len)


def variants(first: Sequence[Choice], offers: Sequence[Offer], length: Length, count: int) -> list[list[Choice]]:
    """Return up to ``count`` different summaries: ``first``, followed by further ones.

    The score of a wording is reduced by ``USE_COST`` for each earlier summary that uses it, including summaries that
    were skipped, and by ``RANK_COST`` for each better wording in its offer. Each further summary is the best one by
    these reduced scores. Summaries that copy an earlier summary, or part of one, are skipped. No further summary has
    more sentences than ``first`` or fewer than ``min_sentences``.
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
