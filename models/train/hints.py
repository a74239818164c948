"""Glossary hints for training. A hint is an English term that follows a German noun in the source sentence.

The terms are derived from parallel text. A noun is paired with a term of one or two words if the two often occur in the
same sentence pairs, as measured by the Dice coefficient (Dice 1945).
"""

import random
import re
from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np

from models.train.tokens import Mark

Pair = tuple[str, str]
NOUN = re.compile(r"\b[A-ZÄÖÜ][\w-]{4,}\b")
WORD = re.compile(r"[A-Za-z][\w'-]*")
LEAST_PAIRS = 5
COMMON = 0.02
LEAST_DICE = 0.15
SINGULAR = 0.5
TWO_WORDS = 1.1


def terms(english: str) -> Iterator[tuple[str, int, int]]:
    """Yield each term in an English text as (term in lower case, start, end), with character offsets.

    A term is a word of at least three letters, or a pair of such words separated by one space.
    """
    before: re.Match[str] | None = None
    for word in WORD.finditer(english):
        if len(word[0]) >= 3:
            yield word[0].lower(), word.start(), word.end()
            if before and english[before.end() : word.start()] == " " and len(before[0]) >= 3:
                yield f"{before[0]} {word[0]}".lower(), before.start(), word.end()
        before = word


class Hints:
    """The association between German nouns and English terms, estimated from pairs of German and English sentences."""

    def __init__(self, pairs: Sequence[Pair]) -> None:
        sides = [
            ({noun[0] for noun in NOUN.finditer(german)}, {term for term, _, _ in terms(english)})
            for german, english in pairs
        ]
        most = COMMON * len(pairs)
        self.nouns, self.terms = (
            {
                word: (number, count)
                for number, (word, count) in enumerate(Counter(w for side in sides for w in side[i]).items())
                if LEAST_PAIRS <= count <= most
            }
            for i in (0, 1)
        )
        self.terms = {term: told for term, told in self.terms.items() if all(w in self.terms for w in term.split())}
        self.width = max((number for number, _ in self.terms.values()), default=0) + 1
        cells = [
            self.nouns[noun][0] * self.width + np.fromiter((self.terms[t][0] for t in english if t in self.terms), int)
            for german, english in sides
            for noun in german
            if noun in self.nouns
        ]
        unique, counts = np.unique(np.concatenate(cells) if cells else np.zeros(0, int), return_counts=True)
        often = counts >= LEAST_PAIRS - 2
        self.together = dict(zip(unique[often].tolist(), counts[often].tolist(), strict=True))

    def dice(self, noun: str, term: str) -> float:
        """Return the Dice coefficient of a noun and a term, or 0 if either of them is unknown.

        The coefficient is from 0 to 1. For a term of two words, it is multiplied by `TWO_WORDS`. Without this bonus, a
        German compound would be paired with only one English word.
        """
        if noun not in self.nouns or term not in self.terms:
            return 0.0
        (i, of_noun), (j, of_term) = self.nouns[noun], self.terms[term]
        dice: float = 2 * self.together.get(i * self.width + j, 0) / (of_noun + of_term)
        return dice * TWO_WORDS if " " in term else dice

    def found(self, german: str, english: str) -> list[tuple[int, str]]:
        """Return (end of the noun, term) for each noun in ``german`` that is associated with a term in ``english``.

        A noun is associated with the term that has the highest Dice coefficient with it. The coefficient must be at
        least `LEAST_DICE`, and no other noun in ``german`` may have a higher coefficient with the same term. The end is
        a character offset in ``german``. The term is spelled as in ``english``.
        """
        nouns = list(NOUN.finditer(german))
        found = []
        for noun in nouns:
            scored = [(self.dice(noun[0], term), term, start, end) for term, start, end in terms(english)]
            best, term, start, end = max(scored, default=(0.0, "", 0, 0))
            if best >= LEAST_DICE and all(self.dice(other[0], term) <= best for other in nouns):
                found.append((noun.end(), english[start:end]))
        return found

    def base_form(self, term: str, rng: random.Random) -> str:
        """Return the singular of ``term`` with a probability of one half. The model thereby learns to inflect terms.

        The term is returned unchanged if it does not end in "s", or if its singular is not a known term.
        """
        if term.endswith("s") and term[:-1].lower() in self.terms and rng.random() < SINGULAR:
            return term[:-1]
        return term

    def prompt(self, german: str, english: str, rng: random.Random) -> tuple[str | Mark, ...] | None:
        """Return ``german`` as a prompt with one to three hints, or None if no hint is found.

        ``english`` is the translation from which the hints are taken. Each hint follows its noun, between the marks
        ``term`` and ``term_end``.
        """
        found = self.found(german, english)
        if not found:
            return None
        chosen = sorted(rng.sample(found, min(len(found), rng.choice((1, 1, 2, 3)))))
        parts: list[str | Mark] = []
        start = 0
        for end, term in chosen:
            parts += [german[start:end], Mark("term"), f" {self.base_form(term, rng)}", Mark("term_end")]
            start = end
        return (*parts, german[start:]) if german[start:] else tuple(parts)
