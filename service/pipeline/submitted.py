"""A submitted text taken apart: itself, or the blocks of its HTML, each cut into sentences that fit the model."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from service.engines.tokenizer import Tokenizer
from service.pipeline.manner import Manner
from service.pipeline.sentences import Prepared, Sentence, notices_of, prepare
from service.text.language import german_notice
from service.text.markup_block import Block
from service.text.markup_document import Document, parse
from service.text.normalise import check_text
from service.types import Notice, Span


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch of text without block markup; ``block`` says where it stands in HTML, None for plain text."""

    prepared: Prepared
    block: Block | None

    def place(self, span: Span) -> Span:
        """Where a range of this part stands in the submitted text."""
        if self.block is None:
            return span
        return self.block.in_html(span) if span.start < span.end else self.block.source

    @property
    def marked_up(self) -> bool:
        """Whether markup has to find its place in the translation."""
        return self.block is not None and bool(self.block.inlines)


@dataclass(frozen=True, slots=True)
class Submitted:
    """A text, its parts in order, and what there is to say of it; ``document`` where it is HTML."""

    text: str
    parts: tuple[Part, ...]
    notices: tuple[Notice, ...]
    document: Document | None = None

    def sentences(self) -> Iterator[tuple[Part, Sentence]]:
        """Every sentence with its part, in order."""
        return ((part, sentence) for part in self.parts for sentence in part.prepared.sentences)


def take_apart(text: str, manner: Manner, tokenizer: Tokenizer, max_tokens: int) -> Submitted:
    """The parts of ``text``.

    Raises:
        InvalidInput: the text is no Unicode.
    """
    if manner.format == "text":
        prepared = prepare(text, tokenizer, max_tokens, manner.split)
        return Submitted(text, (Part(prepared, None),), (*notices_of(text), *prepared.notices))
    checked = check_text(text)
    document = parse(text, attribute_texts=manner.attribute_texts, rules=manner.tags)
    parts = tuple(Part(prepare(block.text, tokenizer, max_tokens, manner.split), block) for block in document.blocks)
    language = german_notice("\n".join(block.text for block in document.blocks))
    inside = (_placed(notice, part) for part in parts for notice in part.prepared.notices)
    return Submitted(text, parts, (*checked, *([language] if language else []), *inside), document)


def _placed(notice: Notice, part: Part) -> Notice:
    return notice if notice.span is None else replace(notice, span=part.place(notice.span))
