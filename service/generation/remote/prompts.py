"""Prompts for a language model, and the parsing of its answers.

A prompt file contains the instructions and examples for one task and language pair. A prompt is a list of chat
messages: the instructions, the examples as earlier turns of the conversation, and the request. Each text in a request
is on a separate line, so a text cannot imitate the structure of the request.

An answer is used only if it has the requested form and contains nothing except the requested text. That text is checked
later, like the output of any other model.
"""

import hashlib
import json
import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from service.errors import ModelError

Form = Literal["numbered", "json", "plain"]
"""The form of an answer: the line ``1: TEXT``, the JSON object ``{"text": TEXT}``, or only the text."""
FOLDER = Path(__file__).parent / "prompts"
MOST_STYLE_CHARS = 4_000
LEAKED_WORDS = 6
"""An answer that repeats this many consecutive words of a prompt that are not in the source counts as a copy of it."""
_WORD = re.compile(r"\w+")


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Example(_Strict):
    """A request to the model, with the expected answer.

    ``source`` is the text to process, and ``target`` is the expected output. ``context`` contains the sentences before
    the text. ``terms`` contains pairs of a term and its required translation.
    """

    source: str
    target: str
    context: tuple[str, ...] = ()
    terms: tuple[tuple[str, str], ...] = ()


class PromptFile(_Strict):
    """The content of a prompt file.

    ``instructions`` is the system message, and may be empty. ``forms`` contains, for each form of an answer, a sentence
    that describes the form. ``style`` introduces the house style of the newsroom. ``context``, ``terms`` and ``text``
    are the headings in a request. ``term`` is the line for a term, with the placeholders ``{source}`` and ``{target}``.
    ``kept`` is the line for a term that must stay unchanged, with the placeholder ``{source}``. ``reminder`` is
    appended to the request if the first answer could not be used. ``refusals`` contains regular expressions for answers
    that talk about the request instead of answering it. ``examples`` are sent before each request.
    """

    instructions: str = ""
    forms: dict[Form, str] = Field(min_length=1)
    style: str = ""
    context: str
    terms: str
    term: str
    kept: str
    text: str
    reminder: str
    refusals: tuple[str, ...] = ()
    examples: tuple[Example, ...] = ()


@dataclass(frozen=True)
class Prompt:
    """The prompt of one model.

    ``file`` is the prompt file, and ``form`` is the form that answers must have. ``version`` changes whenever the file
    or the house style changes. ``house_style`` is the newsroom's own text, which is appended to the instructions.
    """

    file: PromptFile
    form: Form
    version: str
    house_style: str = ""
    _refusal: re.Pattern[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Compile the regular expressions in ``file.refusals``."""
        pattern = "|".join(self.file.refusals) or r"(?!)"
        object.__setattr__(self, "_refusal", re.compile(pattern, re.IGNORECASE))

    def messages(self, request: Example, *, reminded: bool = False) -> list[dict[str, str]]:
        """Return the chat messages for a request. ``request.target`` is ignored.

        If ``reminded`` is True, the request ends with the ``reminder`` from the prompt file.
        """
        found = [{"role": "system", "content": self._system}] if self._system else []
        for one in self.file.examples:
            found += [_message("user", self._request(one)), _message("assistant", self._answer(one.target))]
        asked = self._request(request)
        return [*found, _message("user", f"{asked}\n\n{self.file.reminder}" if reminded else asked)]

    @cached_property
    def _system(self) -> str:
        parts = [self.file.instructions, self.file.forms.get(self.form, "")]
        if self.house_style:
            parts.append(f"{self.file.style}\n{self.house_style}")
        return "\n\n".join(part.strip() for part in parts if part.strip())

    def _request(self, one: Example) -> str:
        lines = []
        if one.context:
            lines += [self.file.context, *map(single_line, one.context), ""]
        if one.terms:
            lines += [self.file.terms, *(self._term(source, target) for source, target in one.terms), ""]
        number = "1: " if self.form == "numbered" else ""
        return "\n".join([*lines, self.file.text, number + single_line(one.source)]).strip()

    def _term(self, source: str, target: str) -> str:
        line = self.file.kept if source == target else self.file.term
        return line.format(source=single_line(source), target=single_line(target))

    def _answer(self, text: str) -> str:
        match self.form:
            case "numbered":
                return f"1: {text}"
            case "json":
                return json.dumps({"text": text}, ensure_ascii=False)
            case "plain":
                return text

    def is_refusal(self, answer: str) -> bool:
        """Return whether an answer talks about the request, that is, whether it matches one of ``file.refusals``."""
        return self._refusal.search(answer) is not None

    def leaks_into(self, answer: str, source: str) -> bool:
        """Return whether an answer copies `LEAKED_WORDS` consecutive words of the prompt that are not in ``source``."""
        return bool((_runs(answer) & self._own_runs) - _runs(source))

    @cached_property
    def _own_runs(self) -> frozenset[tuple[str, ...]]:
        texts = [self._system, self.file.context, self.file.terms, self.file.text, self.file.reminder]
        texts += [text for one in self.file.examples for text in (one.source, one.target)]
        return frozenset().union(*map(_runs, texts))


def load_prompt(name: str, form: Form, house_style: str = "") -> Prompt:
    """Read the prompt file ``name``, and return the prompt for the answer form ``form`` with ``house_style``.

    Raises:
        ModelError: there is no such file, it is invalid, it does not describe ``form``, or ``house_style`` is too long.
    """
    path = FOLDER / f"{name}.toml"
    try:
        content = path.read_bytes()
        file = PromptFile.model_validate(tomllib.loads(content.decode()))
    except OSError as error:
        known = ", ".join(sorted(one.stem for one in FOLDER.glob("*.toml")))
        raise ModelError(f"there is no prompt file {name!r}; the available files are: {known}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, ValidationError) as error:
        raise ModelError(f"the prompt file {name} is invalid: {error}") from error
    if form not in file.forms:
        known = ", ".join(file.forms)
        raise ModelError(f"the prompt file {name} does not describe the answer form {form!r}; it describes: {known}")
    if len(house_style) > MOST_STYLE_CHARS:
        raise ModelError(
            f"the house style in DEPESCHE_REMOTE_STYLE_FILE has {len(house_style)} characters; it must have at most "
            f"{MOST_STYLE_CHARS} characters"
        )
    version = hashlib.sha256(content + b"\0" + house_style.encode()).hexdigest()[:12]
    return Prompt(file, form, version, house_style.strip())


def single_line(text: str) -> str:
    """Return ``text`` on one line. Each run of white space is replaced with one space."""
    return " ".join(text.split())


def _message(role: str, content: str) -> dict[str, str]:
    return {"role": role, "content": content}


def _runs(text: str) -> frozenset[tuple[str, ...]]:
    words: Sequence[str] = [word.casefold() for word in _WORD.findall(text)]
    return frozenset(tuple(words[n : n + LEAKED_WORDS]) for n in range(len(words) - LEAKED_WORDS + 1))


Fault = Literal["empty", "form", "lines", "markdown", "refusal", "prompt"]
"""The reason why an answer cannot be used.

``empty`` means that the answer contains no text, ``form`` that it is one line without the requested form, ``lines``
that it has several lines and not the requested form, ``markdown`` that it contains Markdown although the source does
not, ``refusal`` that it talks about the request, and ``prompt`` that it repeats the prompt.
"""
_NUMBERED = re.compile(r"1\s?[:.)]\s*(?P<text>.*)")
_MARKDOWN = re.compile(
    r"```|\*\*|__|^\s*(?:#{1,6}\s|>\s|[-*+]\s)|\[[^\]\n]{1,200}\]\([^)\n]{1,500}\)|<think>", re.MULTILINE
)


@dataclass(frozen=True, slots=True)
class Answer:
    """The text in a model's answer, or the reason why the answer cannot be used.

    If ``fault`` is not None, ``text`` is empty.
    """

    text: str
    fault: Fault | None = None


def read_answer(content: str, source: str, prompt: Prompt) -> Answer:
    """Return the text in a model's answer to a request for ``source``, or the reason why the answer cannot be used.

    ``content`` is the answer as the model wrote it.
    """
    content = content.strip()
    if not content:
        return Answer("", "empty")
    text = _text_of(content, prompt.form)
    if text is None:
        return Answer("", _form_fault(content, source))
    fault = _text_fault(text, source, prompt)
    return Answer(text) if fault is None else Answer("", fault)


def _text_of(content: str, form: Form) -> str | None:
    """Return the text in an answer, or None if the answer does not have the form ``form``."""
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
