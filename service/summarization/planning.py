"""Planning of a summary: chooses groups of sentences to rewrite, and checks the joints of rewritten sentences."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from service.summarization.lengths import Length
from service.summarization.selection import Assessment, Matrix, assess, relevance_order
from service.summarization.words import count_words, depends_on_previous, spaced_words

SEAMS = frozenset(',;:–—()[]„“”»«".!?…')


def loose_joints(sentence: str, sources: Sequence[str]) -> int:
    """The number of loose joints in ``sentence``; 0 if it is a source sentence, or one with whole clauses removed.

    A joint of two adjacent words is not loose if they are adjacent in a source, or if a source has them in this order
    and the removed words between them begin or end at punctuation. The same rule holds for the first and last word.
    """
    found = [word.lower() for word, _ in spaced_words(sentence)]
    texts = [_Source(source) for source in sources]
    inner = sum(not any(text.joins(one, other) for text in texts) for one, other in pairwise(found))
    if not found:
        return 0
    ends = (any(text.begins(found[0]) for text in texts), any(text.ends(found[-1]) for text in texts))
    return inner + ends.count(False)


class _Source:
    """The positions of the words of a source, and whether punctuation (a seam) follows each position."""

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
        """Whether a clause starts with ``word``."""
        return any(self._seam_before(place) for place in self._places.get(word, ()))

    def ends(self, word: str) -> bool:
        """Whether a clause ends with ``word``."""
        return any(self._seam_after[place] for place in self._places.get(word, ()))

    def joins(self, one: str, other: str) -> bool:
        """Whether the words are adjacent, or the words between them begin or end at a seam."""
        return any(
            later == place + 1 or (later > place and (self._seam_after[place] or self._seam_before(later)))
            for place in self._places.get(one, ())
            for later in self._places.get(other, ())
        )


MAX_GROUP_WORDS = 48  # about 110 pieces with an 8,000-piece vocabulary
MAX_MEMBERS = 3
LEAST_SIMILARITY = 0.15
PARTS = 3
LONG_SENTENCES = 12


@dataclass(frozen=True, slots=True)
class Group:
    """Sentences that are rewritten as one. ``core`` is the chosen sentence, ``members`` are all sentences in order.

    ``score`` is the core's score; the groups with the lowest scores are dropped if the summary is too long. A ``spare``
    group exceeds the expected room. A ``filler`` is a single sentence that is not rewritten and fills remaining room.
    ``in_first`` allows the group in the first variant, ``in_further`` in the other variants.
    """

    core: int
    members: tuple[int, ...]
    score: float
    spare: bool = False
    filler: bool = False
    in_first: bool = True
    in_further: bool = True


def groups(
    sentences: Sequence[str],
    *,
    headline: str | None,
    length: Length,
    max_group_words: int = MAX_GROUP_WORDS,
    max_members: int = MAX_MEMBERS,
    barred: Collection[int] = (),
    spares: int = 0,
    fillers: int = 0,
    further: int = 0,
) -> list[Group]:
    """Choose the groups of a summary, in the order of their cores: as many as fit ``length`` after rewriting.

    If three or more cores are needed, a long article (twelve sentences or more) has a core in each third. A core longer
    than ``max_group_words`` is a group of its own; no other group exceeds this limit. Headings, ``barred`` sentences
    and empty sentences cannot be cores. The remaining sentences form up to ``spares`` spare groups and ``fillers``
    fillers.

    Further variants get ``further`` additional spare groups, which the first variant does not use. So the first variant
    does not depend on the number of variants. The groups of each variant are disjoint.
    """
    assessed = assess(sentences, headline=headline).without(barred)
    scores = assessed.scores
    cores = _spread(_cores(assessed, length.expected_sentences()), scores, len(sentences))
    every = _cores(assessed, len(sentences))
    taken = set(cores)
    made: list[Group] = []

    def make(core: int, *, spare: bool, in_first: bool = True) -> None:
        company = [other for other in _company(core, sentences, assessed) if other not in taken]
        members = _members(core, company, sentences, max_group_words, max_members)
        taken.update(members)
        made.append(Group(core, tuple(sorted(members)), float(scores[core]), spare, in_first=in_first))

    def left() -> list[int]:
        return [core for core in every if core not in taken]

    for core in sorted(cores, key=lambda n: (-scores[n], n)):
        make(core, spare=False)
    for core in every:
        if core not in taken and len(made) < len(cores) + spares:
            make(core, spare=True)
    fillers_of_first = left()[:fillers]
    for core in every:
        if core not in taken and len(made) < len(cores) + spares + further:
            make(core, spare=True, in_first=False)
    fillers_of_further = left()[:fillers]
    for core in {*fillers_of_first, *fillers_of_further}:
        in_first, in_further = core in fillers_of_first, core in fillers_of_further
        made.append(Group(core, (core,), float(scores[core]), filler=True, in_first=in_first, in_further=in_further))
    return sorted(made, key=lambda group: group.core)


def _members(
    core: int, company: Iterable[int], sentences: Sequence[str], max_words: int, max_members: int
) -> list[int]:
    """``core`` and those sentences of ``company`` that fit into its group, the most helpful first."""
    room = max_words - count_words(sentences[core])
    members = [core]
    for other in company:
        if len(members) < max_members and count_words(sentences[other]) <= room:
            members.append(other)
            room -= count_words(sentences[other])
    return members


def _cores(assessed: Assessment, wanted: int) -> list[int]:
    """The best sentences with a positive score, without redundant ones."""
    return [number for number in relevance_order(assessed) if assessed.scores[number] > 0][:wanted]


def _spread(cores: list[int], scores: Matrix, count: int) -> list[int]:
    """Ensure a core in each third of a long article, in place of the weakest core of the third with the most cores."""
    if len(cores) < PARTS or count < LONG_SENTENCES:
        return cores
    spread = list(cores)
    for part in range(PARTS):
        inside = [n for n in range(count) if n * PARTS // count == part]
        best = max(inside, key=lambda n: scores[n])
        if scores[best] > 0 and not set(inside) & set(spread):
            spread.remove(_weakest_of_fullest(spread, scores, count))
            spread.append(best)
    return spread


def _weakest_of_fullest(cores: Iterable[int], scores: Matrix, count: int) -> int:
    thirds: list[list[int]] = [[] for _ in range(PARTS)]
    for core in cores:
        thirds[core * PARTS // count].append(core)
    fullest = max(range(PARTS), key=lambda part: len(thirds[part]))
    return min(thirds[fullest], key=lambda n: scores[n])


def _company(core: int, sentences: Sequence[str], assessed: Assessment) -> list[int]:
    """Sentences that help to rewrite ``core``, the most helpful first.

    These are the previous sentence if the core refers to it, the next sentence if it refers to the core, and then the
    most similar sentences of the article.
    """
    company = []
    if core > 0 and depends_on_previous(sentences[core]):
        company.append(core - 1)
    if core + 1 < len(sentences) and depends_on_previous(sentences[core + 1]):
        company.append(core + 1)
    close = assessed.closest(core, least=LEAST_SIMILARITY, most=MAX_MEMBERS)
    return company + [number for number in close if number not in company]
