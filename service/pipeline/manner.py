"""How a caller wants a text translated: its format, where it may be cut, and the terms that it has to keep."""

from dataclasses import dataclass, field
from typing import Literal

from service.terms.glossary import Glossary
from service.text.markup_vocabulary import HTML_RULES, TagRules

Format = Literal["text", "html"]
Split = Literal["lines", "sentences", "no"]


@dataclass(frozen=True, slots=True)
class Manner:
    """``split``: at line ends and sentences, at sentences alone, or nowhere but where a text is too long for the model.

    ``attribute_texts``: translate ``title`` and ``alt`` of HTML too. ``tags``: what a caller says of tags, or that
    the HTML is XML. ``alignment``: say which words belong together.
    """

    format: Format = "text"
    attribute_texts: bool = False
    tags: TagRules = HTML_RULES
    split: Split = "lines"
    alignment: bool = False
    glossary: Glossary = field(default_factory=lambda: Glossary({}))


PLAIN = Manner()
