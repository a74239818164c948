"""Helpers for the tests of HTML: artificial translations, and an independent parser for comparing HTML."""

import random
import re
from collections import Counter
from collections.abc import Callable, Sequence
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

from service.domain import Span
from service.text.alignment import WORD, Alignment
from service.text.html.document import Document, parse, parts
from service.text.html.render import TranslatedSentence, render
from service.text.html.tags import BLOCK, VOID
from service.text.segmentation import segment
from tests.languages import DE

Translate = Callable[[str], tuple[str, Alignment | None]]

FOLDER = Path(__file__).parent.parent / "data" / "fragments"
FRAGMENTS = {
    f"{path.stem}: {name}": html
    for path in sorted(FOLDER.glob("*.html"))
    for name, html in re.findall(r"^%%% (.+)\n((?:(?!%%% ).*\n)*)", path.read_text("utf-8"), re.MULTILINE)
}


def words(text: str) -> tuple[Span, ...]:
    return tuple(Span(*found.span()) for found in WORD.finditer(text))


def same(text: str) -> tuple[str, None]:
    return text, None


def shout(text: str) -> tuple[str, Alignment]:
    """Return a translation of ``text`` in capitals, with an exact word alignment."""
    there = words(text)
    loud = "".join(c.upper() if len(c.upper()) == 1 else c for c in text)
    return loud, Alignment(there, there, tuple(tuple(float(i == j) for j in there) for i in there))


def backwards(text: str) -> tuple[str, Alignment]:
    """Return a translation of ``text`` in capitals and in reverse word order, with an exact word alignment."""
    there = words(text)
    loud = [span.of(text).upper() for span in reversed(there)]
    target = " ".join(loud)
    starts = [sum(map(len, loud[:n])) + n for n in range(len(loud))]
    spans = tuple(Span(start, start + len(word)) for start, word in zip(starts, loud, strict=True))
    return target, Alignment(there, spans, tuple(tuple(float(i == j) for j in there) for i in reversed(there)))


def scramble(seed: int) -> Translate:
    """Return a function that translates to random words in random order, with a random alignment or with none."""
    chance = random.Random(seed)

    def translate(text: str) -> tuple[str, Alignment | None]:
        there = words(text)
        chosen = [span.of(text) for span in there if chance.random() < 0.7] + ["x<y", "&amp;", "neu."][
            : chance.randrange(4)
        ]
        chance.shuffle(chosen)
        target = " ".join(chosen)
        spans = words(target)
        if chance.random() < 0.3:
            return target, None
        return target, Alignment(there, spans, tuple(tuple(chance.random() / len(there) for _ in there) for _ in spans))

    return translate


def translated(document: Document, translate: Translate) -> list[list[TranslatedSentence]]:
    return [
        [TranslatedSentence(span, *translate(span.of(block.text))) for span in segment(block.text, DE).sentences]
        for block in document.blocks
    ]


def through(html: str, translate: Translate, *, attribute_texts: bool = False) -> str:
    """Return the HTML with all sentences translated by ``translate``."""
    document = parse(html, attribute_texts=attribute_texts)
    return render(document, translated(document, translate), DE).html


def texts(html: str) -> list[str]:
    return [block.text for block in parse(html).blocks]


def bare(html: str) -> str:
    """Return the HTML with changed texts: lower case, decoded character references and no white space."""
    return "".join(
        re.sub(r"[\s\ufeff]+", "", unescape(part.span.of(html)).lower()) if part.role == "text" else part.span.of(html)
        for part in parts(html)
    )


class _Shape(HTMLParser):
    """A parser that records block boundaries, the inline markup between them, and misplaced end tags."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=False)
        self.boundaries: list[str] = []
        self.between: list[Counter[str]] = [Counter()]
        self.faults: list[str] = []
        self._open: list[str] = []

    def _add(self, event: str, *, block: bool) -> None:
        if block and not {"svg", "math"} & set(self._open):
            self.boundaries.append(event)
            self.between.append(Counter())
        else:
            self.between[-1][event] += 1

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        self._add(f"<{tag} {attrs}>", block=tag in BLOCK)
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        self._add(f"<{tag} {attrs}/>", block=tag in BLOCK)

    def handle_endtag(self, tag: str) -> None:
        self._add(f"</{tag}>", block=tag in BLOCK)
        if not self._open or self._open.pop() != tag:
            self.faults.append(tag)

    def handle_comment(self, data: str) -> None:
        self._add(f"<!--{data}-->", block=data.strip().lstrip("/").startswith("wp:"))

    def handle_pi(self, data: str) -> None:
        self._add(f"<?{data}>", block=False)


def shape(html: str) -> tuple[list[str], list[Counter[str]]]:
    """Return the boundaries (block tags and editor comments) in order, and the inline markup between them."""
    found = _Shape()
    found.feed(html)
    found.close()
    return found.boundaries, found.between


def faults(html: str) -> list[str]:
    """Return the end tags that do not close the innermost open element."""
    found = _Shape()
    found.feed(html)
    found.close()
    return found.faults
