"""Text to sentences that fit the model: segmented, normalised, and halved where they are too long for it."""

import re
from dataclasses import dataclass, replace

from service.engines.tokenizer import Tokenizer
from service.pipeline.manner import Split
from service.text.language import german_notice
from service.text.normalise import check_text, for_model, visible_span
from service.text.segment import Segmentation, segment, split_long
from service.types import Notice, Span, Tokens

CHARS_A_TOKEN = 16
_LINE_END = re.compile(r"[\n\r]")  # each by one blank, so that offsets stay
_LETTER = re.compile(r"[^\W\d_]")


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence as the model gets it; ``tokens`` is None where there is nothing to translate (no letters)."""

    span: Span
    text: str
    tokens: Tokens | None


@dataclass(frozen=True, slots=True)
class Prepared:
    """A text cut into sentences; ``segmentation`` has one span for each of ``sentences``."""

    segmentation: Segmentation
    sentences: tuple[Sentence, ...]
    notices: tuple[Notice, ...]


def notices_of(text: str) -> list[Notice]:
    """What there is to say of any source text.

    Raises:
        InvalidInput: the text is no Unicode.
    """
    notices = check_text(text)
    language = german_notice(text)
    return notices if language is None else [*notices, language]


def prepare(text: str, tokenizer: Tokenizer, max_tokens: int, split: Split = "lines") -> Prepared:
    """Cut ``text``, which is Unicode, into sentences of at most ``max_tokens``; see `Manner` for ``split``."""
    notices: list[Notice] = []
    found = _segmented(text, split)
    sentences: list[Sentence] = []
    for span in found.sentences:
        parts = _fitting(text, span, tokenizer, max_tokens)
        if len(parts) > 1:
            message = f"a sentence of over {max_tokens} tokens was translated in parts"
            notices.append(Notice("sentence_split", message, span))
        sentences += parts
    spans = tuple(sentence.span for sentence in sentences)
    return Prepared(replace(found, sentences=spans), tuple(sentences), tuple(notices))


def _segmented(text: str, split: Split) -> Segmentation:
    """The sentences of ``text``, and its own gaps between them."""
    if split == "lines":
        return segment(text)
    if split == "sentences":
        return replace(segment(_LINE_END.sub(" ", text)), text=text)
    whole = visible_span(text, Span(0, len(text)))
    return Segmentation(text, (whole,) if whole.start < whole.end else (), (whole,))


def _fitting(text: str, span: Span, tokenizer: Tokenizer, max_tokens: int) -> list[Sentence]:
    """The sentence at ``span``, or its parts where it has more than ``max_tokens``; in order."""
    fitting: list[Sentence] = []
    waiting = [span]
    while waiting:
        part = waiting.pop()
        normal = for_model(part.of(text))
        if not _LETTER.search(normal):
            fitting.append(Sentence(part, normal, None))
            continue
        # What is far too long is halved without being encoded only to be counted.
        tokens = tokenizer.encode(normal) if len(normal) <= max_tokens * CHARS_A_TOKEN else None
        if tokens is not None and len(tokens) <= max_tokens:
            fitting.append(Sentence(part, normal, tokens))
            continue
        halves = split_long(text, part)
        if halves is None:
            fitting.append(Sentence(part, normal, tokens))
        else:
            waiting += reversed(halves)
    return fitting
