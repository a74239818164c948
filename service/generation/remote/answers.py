"""Reading of the answers of a language model.

An answer is used only if it has the requested form and contains nothing but the text. The text itself is checked later,
like that of any other model.
"""

import json
import re
from dataclasses import dataclass
from typing import Literal

from service.generation.remote.prompts import Form, Prompt

Fault = Literal["empty", "form", "lines", "markdown", "refusal", "prompt"]
"""The reason why an answer cannot be used.

It is empty; it does not have the requested form; it has more than one line; it contains Markdown that the source does
not contain; it talks about the request; or it repeats the prompt.
"""
_NUMBERED = re.compile(r"1\s?[:.)]\s*(?P<text>.*)")
_MARKDOWN = re.compile(
    r"```|\*\*|__|^\s*(?:#{1,6}\s|>\s|[-*+]\s)|\[[^\]\n]{1,200}\]\([^)\n]{1,500}\)|<think>", re.MULTILINE
)


@dataclass(frozen=True, slots=True)
class Answer:
    """The text of an answer, or the reason why it cannot be used. If there is a ``fault``, ``text`` is empty."""

    text: str
    fault: Fault | None = None


def read_answer(content: str, source: str, prompt: Prompt) -> Answer:
    """Read an answer to a request for ``source``."""
    content = content.strip()
    if not content:
        return Answer("", "empty")
    text = _text_of(content, prompt.form)
    if text is None:
        return Answer("", _form_fault(content, source))
    fault = _text_fault(text, source, prompt)
    return Answer(text) if fault is None else Answer("", fault)


def _text_of(content: str, form: Form) -> str | None:
    """Return the text in an answer, or None if the answer does not have the requested form."""
    match form:
        case "plain":
            return content if _is_one_line(content) else None
        case "numbered":
            found = _NUMBERED.fullmatch(content) if _is_one_line(content) else None
            return None if found is None else found["text"].strip()
        case "json":
            return _json_text(content)


def _json_text(content: str) -> str | None:
    try:
        value = json.loads(content)
    except (ValueError, RecursionError):
        return None
    if not isinstance(value, dict) or value.keys() != {"text"} or not isinstance(value["text"], str):
        return None
    text = value["text"].strip()
    return text if _is_one_line(text) else None


def _is_one_line(text: str) -> bool:
    return len(text.splitlines()) <= 1


def _form_fault(content: str, source: str) -> Fault:
    if _adds_markdown(content, source):
        return "markdown"
    return "form" if _is_one_line(content) else "lines"


def _text_fault(text: str, source: str, prompt: Prompt) -> Fault | None:
    if not text:
        return "empty"
    if _adds_markdown(text, source):
        return "markdown"
    if prompt.is_refusal(text):
        return "refusal"
    return "prompt" if prompt.leaks_into(text, source) else None


def _adds_markdown(text: str, source: str) -> bool:
    return _MARKDOWN.search(text) is not None and _MARKDOWN.search(source) is None
