"""The texts of a request, checked against the limits."""

from service.api.state import TextLimits
from service.errors import InvalidInput
from service.text.normalise import check_text, visible_span
from service.types import Span


def texts_of(text: str | list[str], limits: TextLimits) -> list[str]:
    """The text or texts as a list.

    Raises:
        InvalidInput: there are too many, one is too long or no Unicode, or a lone text is blank.
    """
    if isinstance(text, str):
        require_text(text, "/text", limits)
        return [text]
    if not text:
        raise InvalidInput("text_empty", "the list holds no text", pointer="/text")
    if len(text) > limits.texts:
        raise InvalidInput(
            "too_many_texts", f"{len(text)} texts, at most {limits.texts}", pointer="/text", limit=limits.texts
        )
    for number, member in enumerate(text):
        require_fitting(member, f"/text/{number}", limits)
    return text


def require_text(text: str, pointer: str, limits: TextLimits) -> None:
    """Refuse a text that is too long, no Unicode, or blank: nothing in it is left for a model."""
    require_fitting(text, pointer, limits)
    visible = visible_span(text, Span(0, len(text)))
    if visible.start == visible.end:
        raise InvalidInput("text_empty", "the text is empty or blank", pointer=pointer)


def require_fitting(text: str, pointer: str, limits: TextLimits) -> None:
    """Refuse a text that is too long or no Unicode."""
    if len(text) > limits.chars:
        detail = f"{len(text)} characters, at most {limits.chars}"
        raise InvalidInput("text_too_long", detail, pointer=pointer, limit=limits.chars)
    try:
        check_text(text)
    except InvalidInput as error:
        raise InvalidInput(error.code, error.detail, pointer=pointer) from error
