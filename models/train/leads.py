"""Alignment of a summary sentence with the article sentences that support it, so that no invention is taught."""

import math
from collections import Counter, defaultdict
from collections.abc import Sequence

from models.train.german import FUNCTION_WORDS, content_stems, stem, words


def support_words(sentence: str) -> set[str]:
    """Stems of what a faithful retelling must find in its source: numbers, and words with a capital inside a sentence.

    German nouns are written so too; `Index.align` therefore asks for names and numbers apart from the rest.
    """
    return {stem(word.lower()) for word in words(sentence)[1:] if word[0].isupper() or word[0].isdigit()}


def numbers(sentence: str) -> set[str]:
    """Numbers of a sentence as written."""
    return {word for word in words(sentence) if any(char.isdigit() for char in word)}


class Index:
    """Sentences of one article, searchable by stem."""

    def __init__(self, sentences: Sequence[str]) -> None:
        self.sentences = sentences
        self.stems = [set(content_stems(sentence)) for sentence in sentences]
        self._where: defaultdict[str, list[int]] = defaultdict(list)
        for number, found in enumerate(self.stems):
            for each in found:
                self._where[each].append(number)

    def _weight(self, each: str) -> float:
        return math.log(1 + len(self.sentences) / (1 + len(self._where.get(each, ()))))

    def cover(self, target: str, most: int, max_chars: int) -> list[int]:
        """Numbers of at most ``most`` sentences that together hold the most of ``target``'s weight, greedily.

        Sentences over ``max_chars`` in sum are not added, nor any that adds under a tenth of the weight.
        """
        wanted = {each: self._weight(each) for each in set(content_stems(target))}
        floor = 0.1 * sum(wanted.values())
        chosen: list[int] = []
        room = max_chars
        while len(chosen) < most:
            gains: Counter[int] = Counter()
            for each, weight in wanted.items():
                for number in self._where.get(each, ()):
                    gains[number] += weight  # type: ignore[assignment]  # a Counter sums floats as well
            fitting = [(-gain, n) for n, gain in gains.items() if n not in chosen and len(self.sentences[n]) <= room]
            if not fitting or -min(fitting)[0] < max(floor, 1e-9):
                break
            best = min(fitting)[1]
            chosen.append(best)
            room -= len(self.sentences[best]) + 1
            wanted = {each: weight for each, weight in wanted.items() if each not in self.stems[best]}
        return sorted(chosen)


def supported_share(target: str, source: str) -> float:
    """Share of ``target``'s distinct content stems that stand in ``source`` (compounds match by a long beginning)."""
    wanted, found = set(content_stems(target)), set(content_stems(source))
    if not wanted:
        return 0.0
    return sum(_is_found(each, found) for each in wanted) / len(wanted)


def _is_found(each: str, found: set[str]) -> bool:
    if each in found:
        return True
    return len(each) >= 6 and any(
        other.startswith(each[:6]) or each.startswith(other[:6]) for other in found if len(other) >= 6
    )


def unsupported_facts(target: str, source: str) -> tuple[int, int]:
    """How many numbers, and how many capitalised words inside the sentence, ``source`` does not have."""
    found = set(content_stems(source))
    nouns = {each for each in support_words(target) if not each[0].isdigit() and each not in FUNCTION_WORDS}
    missing = sum(not _is_found(each, found) for each in nouns)
    return len(numbers(target) - numbers(source)), missing
