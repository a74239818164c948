"""A document and the translations of its blocks, as HTML again."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from service.text.markup_aligned import Aligned
from service.text.markup_alignment import Alignment
from service.text.markup_block import Block
from service.text.markup_copy import Copy
from service.text.markup_document import Document
from service.text.markup_placement import OUTSIDE, Placement, place
from service.text.markup_references import escaped, quoted
from service.text.markup_stretch import Proportional, Same, Stretch
from service.text.normalise import for_model
from service.types import Span

_BARE = frozenset("<&")
_SPACES = frozenset("\t\n\f\r ")


@dataclass(frozen=True, slots=True)
class TranslatedSentence:
    """A sentence of a block (a range of its text), its translation, and their alignment where it is known.

    A sentence that was not translated is its own translation, as it stands or as the model would see it.
    """

    source: Span
    text: str
    alignment: Alignment | None = None


@dataclass(frozen=True, slots=True)
class Rendered:
    """HTML, and for each block where its sentences stand there, as far as they have characters; none for attributes."""

    html: str
    sentences: tuple[tuple[Span, ...], ...]


def render(document: Document, translations: Sequence[Sequence[TranslatedSentence]]) -> Rendered:
    """The document's HTML with each block's sentences, in order, in the place of the source's.

    Whatever is no block is copied, as is a block of which no sentence was changed.

    Raises:
        ValueError: there are more or fewer translations than blocks, or sentences that are out of order.
    """
    blocks = list(zip(document.blocks, translations, strict=True))
    changed = {block.source: _attribute(block, sentences) for block, sentences in blocks if block.attribute}
    copy = Copy(document.html, changed)
    parts: list[str] = []
    found: list[tuple[Span, ...]] = []
    done = length = 0
    for block, sentences in blocks:
        if block.attribute:
            found.append(())
            continue
        gap = copy.of(Span(done, block.source.start))
        text, spans = _block(block, sentences, copy)
        found.append(tuple(span.shifted(length + len(gap)) for span in spans))
        parts += (gap, text)
        length += len(gap) + len(text)
        done = block.source.end
    parts.append(copy.of(Span(done, len(document.html))))
    return Rendered("".join(parts), tuple(found))


def _attribute(block: Block, sentences: Sequence[TranslatedSentence]) -> str | None:
    """The value of an attribute with its quotation marks; None where it stays as it is."""
    target = _Target(block, sentences)
    return None if target.unchanged else f'"{quoted(target.text)}"'


def _block(block: Block, sentences: Sequence[TranslatedSentence], copy: Copy) -> tuple[str, list[Span]]:
    """The HTML of a block, and where its sentences stand in it."""
    target = _Target(block, sentences)
    if target.unchanged:
        start = copy.length(block.source.start)
        places = (block.in_html(sentence.source) for sentence in sentences)
        spans = [Span(copy.length(place.start) - start, copy.length(place.end) - start) for place in places]
        return copy.of(block.source), spans
    writer = _Writer(target.cells(copy.html), copy)
    writer.write(block, place(block, target.stretches()))
    return "".join(writer.parts), [writer.written(span) for span in target.spans]


class _Target:
    """The text of a block's translation: sentences and the gaps between them."""

    def __init__(self, block: Block, sentences: Sequence[TranslatedSentence]) -> None:
        self._block = block
        self._pieces = list(_pieces(block, sentences))
        self._ends: list[int] = []
        for _, text, _ in self._pieces:
            self._ends.append(len(text) + (self._ends[-1] if self._ends else 0))
        self.text = "".join(text for _, text, _ in self._pieces)

    @property
    def unchanged(self) -> bool:
        return all(self._is_same(source, text) for source, text, _ in self._pieces)

    @property
    def spans(self) -> list[Span]:
        """Where the sentences stand in the text."""
        return [
            Span(end - len(text), end)
            for (_, text, sentence), end in zip(self._pieces, self._ends, strict=True)
            if sentence is not None
        ]

    def stretches(self) -> list[Stretch]:
        return [
            self._stretch(source, Span(end - len(text), end), sentence)
            for (source, text, sentence), end in zip(self._pieces, self._ends, strict=True)
            if source.start < source.end
        ]

    def cells(self, html: str) -> list[str]:
        """What to write for each character: that of the source where the text is the same."""
        cells: list[str] = []
        for source, text, _ in self._pieces:
            if self._is_same(source, text):
                raw = (html[self._block.starts[at] : self._block.ends[at]] for at in range(*source))
                # A bare "<" or "&" is harmless only before what follows it in the source.
                cells += (escaped(one) if one in _BARE else one for one in raw)
            else:
                cells += map(escaped, text)
        return cells

    def _is_same(self, source: Span, text: str) -> bool:
        return text == source.of(self._block.text)

    def _stretch(self, source: Span, target: Span, sentence: TranslatedSentence | None) -> Stretch:
        if self._is_same(source, target.of(self.text)):
            return Same(source, target.start)
        if sentence is None or sentence.alignment is None:
            return Proportional(source, self._block.text, target, self.text)
        return Aligned(source, self._block.text, target, self.text, sentence.alignment)


def _pieces(
    block: Block, sentences: Sequence[TranslatedSentence]
) -> Iterator[tuple[Span, str, TranslatedSentence | None]]:
    """(range of the source, its text in the target, the sentence) of gaps and sentences, in order."""
    done = 0
    for sentence in sentences:
        start, end = sentence.source
        if not done <= start < end <= len(block.text):
            raise ValueError(f"sentence {sentence.source} is out of order or out of the block")
        if done < start:
            yield Span(done, start), block.text[done:start], None
        source = sentence.source.of(block.text)
        # What the model would see of a sentence is no translation of it.
        text = source if sentence.text == for_model(source) else sentence.text
        yield sentence.source, text, sentence
        done = end
    if done < len(block.text):
        yield Span(done, len(block.text)), block.text[done:], None


class _Writer:
    """Writes text and tags in the order of the target."""

    def __init__(self, cells: Sequence[str], copy: Copy) -> None:
        self.parts: list[str] = []
        self._cells = cells
        self._copy = copy
        self._length = 0
        self._places = [0] * (len(cells) + 1)  # of each character's start in what is written; the last: of the end

    def write(self, block: Block, placement: Placement) -> None:
        # Elements may be nested deeper than Python's own stack.
        stack = [(OUTSIDE, iter(placement.children.get(OUTSIDE, ())), len(self._cells))]
        done = 0
        while stack:
            parent, children, end = stack[-1]
            number = next(children, None)
            if number is None:
                self._text(done, end)
                done = end
                stack.pop()
                if parent != OUTSIDE:
                    self._markup(block.inlines[parent].closing)
                continue
            inline, span = block.inlines[number], placement.spans[number]
            self._text(done, span.start)
            done = span.start
            if inline.kind in {"kept", "point"} and done and self._cells[done - 1].isalnum():
                self._space(inline.opening.start - 1)
            self._markup(inline.opening)
            if inline.kind in {"kept", "point"} and "".join(self._cells[span.end : span.end + 1]).isalnum():
                self._space(inline.opening.end)
            if inline.kind == "element":
                stack.append((number, iter(placement.children.get(number, ())), span.end))
            else:
                self._skip(span)
                done = span.end

    def written(self, span: Span) -> Span:
        """The range of what is written from the first to the last character of a range of the target."""
        if span.start == span.end:
            return Span(self._places[span.start], self._places[span.start])
        return Span(self._places[span.start], self._places[span.end - 1] + len(self._cells[span.end - 1]))

    def _text(self, start: int, end: int) -> None:
        for at in range(start, end):
            self._places[at] = self._length
            self._length += len(self._cells[at])
        self._places[end] = self._length
        self.parts += self._cells[start:end]

    def _markup(self, span: Span | None) -> None:
        if span is not None:
            self.parts.append(self._copy.of(span))
            self._length += len(self.parts[-1])

    def _space(self, place: int) -> None:
        """Part what has no text from the words round it where the source does at that place."""
        if self._copy.html[place : place + 1] in _SPACES:
            self.parts.append(" ")
            self._length += 1

    def _skip(self, span: Span) -> None:
        for at in range(*span):
            self._places[at] = self._length
