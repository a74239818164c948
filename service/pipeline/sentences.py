"""Text to sentences that fit the model: segmented, normalised, and halved where they are too long for it."""

import asyncio
import re
from dataclasses import dataclass, replace

from service.engines.tokenizer import Tokenizer
from service.text.normalise import for_model
from service.text.segment import Segmentation, segment, split_long
from service.types import Notice, Span, Tokens

OFF_LOOP_CHARS = 20_000
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


async def prepare(text: str, tokenizer: Tokenizer, max_tokens: int) -> Prepared:
    """Prepare ``text``; long ones off the event loop."""
    if len(text) > OFF_LOOP_CHARS:
        return await asyncio.to_thread(_prepare, text, tokenizer, max_tokens)
    return _prepare(text, tokenizer, max_tokens)


def _prepare(text: str, tokenizer: Tokenizer, max_tokens: int) -> Prepared:
    found = segment(text)
    sentences: list[Sentence] = []
    notices: list[Notice] = []
    for span in found.sentences:
        parts = _fitting(text, span, tokenizer, max_tokens)
        if len(parts) > 1:
            notices.append(
                Notice("sentence_split", f"a sentence of over {max_tokens} tokens was translated in parts", span)
            )
        sentences += parts
    spans = tuple(sentence.span for sentence in sentences)
    return Prepared(replace(found, sentences=spans), tuple(sentences), tuple(notices))


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
        # A token is at least one byte: encoding what is far too long only to count it would be wasted.
        tokens = tokenizer.encode(normal) if len(normal) <= max_tokens * 16 else None
        halves = split_long(text, part) if tokens is None or len(tokens) > max_tokens else None
        if halves is None:
            fitting.append(Sentence(part, normal, tokens or tokenizer.encode(normal)))
        else:
            waiting += reversed(halves)
    return fitting
