"""Texts of an exact number of sentences, none of which stands in two of them."""

import re
from collections.abc import Iterator, Sequence
from itertools import count, islice
from pathlib import Path

from benchmarks.latency.finding import Failed
from benchmarks.load.articles import PARAGRAPH_SENTENCES, Article, read

SHORT = "Der Bus {} hält um {} Uhr in {}."
TOWNS = ("Aalen", "Bremen", "Celle", "Dresden", "Essen", "Fulda", "Goslar", "Hagen", "Ilmenau", "Jena")


def joined(sentences: Sequence[str]) -> str:
    """Paragraphs of these sentences."""
    starts = range(0, len(sentences), PARAGRAPH_SENTENCES)
    return "\n\n".join(" ".join(sentences[start : start + PARAGRAPH_SENTENCES]) for start in starts)


def exact(data: Path | None, number: int, sentences: int, seed: int) -> list[Article]:
    """``number`` articles of exactly so many sentences of the news, as the service cuts them.

    Raises:
        SystemExit: the data has too few.
    """
    pool = [sentence for article in read(data, 2 * number * sentences // 10, seed) for sentence in article.sentences]
    found = (as_cut(pool[at : at + sentences]) for at in range(0, len(pool) - sentences + 1, sentences))
    articles = list(islice((article for article in found if article is not None), number))
    if len(articles) < number:
        raise SystemExit(f"{len(articles)} articles of {sentences} sentences were found, {number} are asked for")
    return articles


def as_cut(sentences: Sequence[str]) -> Article | None:
    """The article of these sentences; None where the service would cut them in other places."""
    article = Article.of(joined(sentences))
    return article if article.sentences == tuple(sentences) else None


def edited(article: Article, place: int) -> Article:
    """The same article with another word in the sentence at ``place``.

    Raises:
        Failed: the service would cut the edited text in other places.
    """
    sentence = re.sub(r"\s", " gestern ", article.sentences[place], count=1)
    found = as_cut([*article.sentences[:place], sentence, *article.sentences[place + 1 :]])
    if found is None or found.sentences[place] == article.sentences[place]:
        raise Failed(f"sentence {place} could not be edited")
    return found


def short(sentences: int) -> Iterator[Article]:
    """Endless articles of so many short sentences, all of them different."""
    numbers = count(1)
    while True:
        chosen = tuple(SHORT.format(n, n % 24, TOWNS[n % len(TOWNS)]) for n in islice(numbers, sentences))
        yield Article(joined(chosen), chosen)


def long(chars: int) -> str:
    """A text of that many characters, all its sentences different, of a usual length."""
    parts: list[str] = []
    size = 0
    for number in count(1):
        town = TOWNS[number % len(TOWNS)]
        parts.append(f"Am {number}. Tag fuhr der Zug Nummer {number} nicht nach {town}, sondern nach Kiel und Lübeck. ")
        size += len(parts[-1])
        if size >= chars:
            return "".join(parts)[:chars]
    raise AssertionError("the numbers do not end")
