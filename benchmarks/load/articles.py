"""The load: German news articles of 10 to 40 sentences, the same ones for the same seed."""

import itertools
import json
import lzma
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from service.text.segment import segment

SENTENCES = Path(__file__).parent.parent.parent / "tests" / "data" / "sentences.txt"
LEAST, MOST = 10, 40
MOST_CHARS = 280  # a longer sentence may not fit the model: it would be cut in some systems and not in others
PARAGRAPH_SENTENCES = 3


@dataclass(frozen=True, slots=True)
class Article:
    """A text and the sentences that every system has to translate, none of them empty."""

    text: str
    sentences: tuple[str, ...]

    @classmethod
    def of(cls, text: str) -> "Article":
        """The article with this text, cut into sentences as the service cuts it."""
        return cls(text, tuple(span.of(text) for span in segment(text).sentences))

    @property
    def usable(self) -> bool:
        """Whether it has an article's size and only sentences that all systems translate whole."""
        return LEAST <= len(self.sentences) <= MOST and all(
            len(sentence) <= MOST_CHARS and any(map(str.isalpha, sentence)) for sentence in self.sentences
        )


def read(data: Path | None, count: int, seed: int) -> list[Article]:
    """``count`` usable articles in an order that depends on the seed alone; no sentence stands in two of them.

    Sentences that several requests share may be translated once for all of them, which is no measure of speed.

    Raises:
        SystemExit: the data has fewer articles.
    """
    rng = random.Random(seed)
    texts = (
        _made(rng) if data is None else iter(rng.sample(found := [*_news(data), *_documents(data, rng)], len(found)))
    )
    seen: set[str] = set()
    chosen: list[Article] = []
    for article in filter(lambda article: article.usable, map(Article.of, texts)):
        if len(set(article.sentences)) == len(article.sentences) and seen.isdisjoint(article.sentences):
            seen.update(article.sentences)
            chosen.append(article)
        if len(chosen) == count:
            return chosen
    raise SystemExit(f"the data has {len(chosen)} usable articles, {count} are asked for")


def _news(data: Path) -> list[str]:
    """Whole articles of the news set."""
    with lzma.open(data / "summaries" / "wikinews-de.jsonl.xz", "rt", encoding="utf-8") as lines:
        return [row["article"] for row in map(json.loads, lines)]


def _documents(data: Path, rng: random.Random) -> list[str]:
    """Consecutive lines of the news test set in pieces of an article's size."""
    lines = iter((data / "eval" / "wmt19.de").read_text("utf-8").splitlines())
    pieces: list[str] = []
    while piece := list(itertools.islice(lines, rng.randint(LEAST, MOST))):
        pieces.append(_in_paragraphs(piece))
    return pieces


def _made(rng: random.Random) -> Iterator[str]:
    """Endless articles of the test sentences, each made different by a number at its head."""
    sentences = SENTENCES.read_text("utf-8").splitlines()
    numbers = itertools.count(1)
    while True:
        size = rng.randint(LEAST, min(MOST, len(sentences)))
        yield _in_paragraphs([f"Meldung {next(numbers)}: {sentence}" for sentence in rng.sample(sentences, size)])


def _in_paragraphs(sentences: list[str]) -> str:
    starts = range(0, len(sentences), PARAGRAPH_SENTENCES)
    return "\n\n".join(" ".join(sentences[start : start + PARAGRAPH_SENTENCES]) for start in starts)
