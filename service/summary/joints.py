"""Where a shortened sentence joins words that do not follow each other in its source, and nothing marks the seam."""

from collections.abc import Sequence
from itertools import pairwise

from service.summary.words import spaced_words

SEAMS = frozenset(',;:–—()[]„“”»«".!?…')


def loose_joints(sentence: str, sources: Sequence[str]) -> int:
    """How many joints of ``sentence`` are loose: 0 for a sentence with whole clauses left out, or none.

    Two words may stand side by side when they do so in a source, or when one source has them in this order and what was
    left out between them begins or ends at punctuation. So may the sentence begin and end.
    """
    found = [word.lower() for word, _ in spaced_words(sentence)]
    texts = [_Source(source) for source in sources]
    inner = sum(not any(text.joins(one, other) for text in texts) for one, other in pairwise(found))
    if not found:
        return 0
    ends = (any(text.begins(found[0]) for text in texts), any(text.ends(found[-1]) for text in texts))
    return inner + ends.count(False)


class _Source:
    """The words of a source by place, and whether a seam follows each."""

    def __init__(self, text: str) -> None:
        spaced = spaced_words(text)
        self._places: dict[str, list[int]] = {}
        for place, (word, _) in enumerate(spaced):
            self._places.setdefault(word.lower(), []).append(place)
        self._seam_after = [bool(SEAMS & set(space)) for _, space in spaced]
        if self._seam_after:
            self._seam_after[-1] = True

    def _seam_before(self, place: int) -> bool:
        return place == 0 or self._seam_after[place - 1]

    def begins(self, word: str) -> bool:
        """Whether a clause begins with ``word``."""
        return any(self._seam_before(place) for place in self._places.get(word, ()))

    def ends(self, word: str) -> bool:
        """Whether a clause ends in ``word``."""
        return any(self._seam_after[place] for place in self._places.get(word, ()))

    def joins(self, one: str, other: str) -> bool:
        """Whether the words follow each other, or have a seam where something between them was left out."""
        return any(
            later == place + 1 or (later > place and (self._seam_after[place] or self._seam_before(later)))
            for place in self._places.get(one, ())
            for later in self._places.get(other, ())
        )
