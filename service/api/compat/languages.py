"""The one language pair that is served, by the names that other services' clients use."""

import asyncio
from collections.abc import Sequence
from typing import Annotated

from pydantic import Field

from service.errors import InvalidInput
from service.pipeline.manner import Manner
from service.text.language import german_notice, likely_languages
from service.text.markup_document import parse

ENGLISH = frozenset({"en", "en-us", "en-gb"})
GERMAN = frozenset({"de", "de-de", "de-at", "de-ch"})
# For the documentation: what `require_english` and `is_to_detect` take.
ENGLISH_PATTERN = r"^\s*[Ee][Nn](-[Uu][Ss]|-[Gg][Bb])?\s*$"
GERMAN_PATTERN = r"^\s*([Dd][Ee](-[Dd][Ee]|-[Aa][Tt]|-[Cc][Hh])?|[Aa][Uu][Tt][Oo])?\s*$"
TO_DETECT = frozenset({"", "auto"})
UNSUPPORTED = {"source": "source_lang_unsupported", "target": "target_lang_unsupported"}
Detected = tuple[str, float]
Source = Annotated[str, Field(json_schema_extra={"pattern": GERMAN_PATTERN})]
Target = Annotated[str, Field(json_schema_extra={"pattern": ENGLISH_PATTERN})]


def require_english(target: str, field: str) -> None:
    """Refuse a target language that is not English in one of its forms."""
    if target.strip().lower() not in ENGLISH:
        detail = f"Value for '{field}' not supported: texts are translated to English only (en, en-us, en-gb)."
        raise InvalidInput(UNSUPPORTED["target"], detail, pointer=f"/{field}")


def is_to_detect(source: str | None, field: str) -> bool:
    """Whether no source language is given.

    Raises:
        InvalidInput: one is given, and it is not German.
    """
    given = "" if source is None else source.strip().lower()
    if given not in GERMAN | TO_DETECT:
        detail = f"Value for '{field}' not supported: only German (de) is translated."
        raise InvalidInput(UNSUPPORTED["source"], detail, pointer=f"/{field}")
    return given in TO_DETECT


async def sources_of(source: str | None, texts: Sequence[str], manner: Manner, field: str) -> list[Detected]:
    """The language of each text with how sure that is (0 to 1): as given, or detected.

    Raises:
        InvalidInput: another language than German was given, or a text is surely in another.
    """
    if is_to_detect(source, field):
        return await asyncio.to_thread(_detected, texts, manner, field)
    return [("de", 1.0) for _ in texts]


def _detected(texts: Sequence[str], manner: Manner, field: str) -> list[Detected]:
    return [_german(_words(text, manner), number, field) for number, text in enumerate(texts)]


def _words(text: str, manner: Manner) -> str:
    """The text without its markup, whose names are English."""
    if manner.format == "text":
        return text
    return "\n".join(block.text for block in parse(text, rules=manner.tags).blocks)


def _german(text: str, number: int, field: str) -> Detected:
    """What cannot be told (a headline, a name, a number) counts as German, the only language that is translated."""
    found = likely_languages(text)
    if german_notice(text) is not None:
        language = next(name for name, _ in found if name != "de")
        detail = f"The language of text {number + 1} seems to be '{language}'; only German (de) is translated."
        raise InvalidInput(UNSUPPORTED["source"], detail, pointer=f"/{field}")
    return "de", dict(found).get("de", 0.0)
