"""HTML as a document: the blocks of text that are to be translated, over a source that is copied."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from service.text.markup_block import Block, attribute_block, block
from service.text.markup_elements import TEXT_ATTRIBUTES
from service.text.markup_parts import Part, parts, runs
from service.text.markup_tokens import attributes
from service.text.markup_vocabulary import HTML_RULES, TagRules, vocabulary


@dataclass(frozen=True, slots=True)
class Document:
    """HTML and its blocks, in the order of their ranges' start; a block of an attribute may lie within another."""

    html: str
    blocks: tuple[Block, ...]


def parse(html: str, *, attribute_texts: bool = False, rules: TagRules = HTML_RULES) -> Document:
    """The blocks of any string; with ``attribute_texts`` those of ``title`` and ``alt`` too. Linear in its length.

    ``rules`` say what is known of its tags beside HTML, or that it is XML.
    """
    found = parts(html, vocabulary(html, rules))
    blocks = [one for run in runs(found) if (one := block(html, run)) is not None]
    if attribute_texts:
        blocks += _attribute_blocks(html, found)
        blocks.sort(key=lambda one: (one.source.start, one.attribute))
    return Document(html, tuple(blocks))


def _attribute_blocks(html: str, found: Sequence[Part]) -> Iterator[Block]:
    for part in found:
        if part.tag is None:
            continue
        seen: set[str] = set()
        for name, value in attributes(html, part.tag):
            if name in TEXT_ATTRIBUTES - seen and value is not None:
                seen.add(name)
                one = attribute_block(html, value)
                if one is not None:
                    yield one
