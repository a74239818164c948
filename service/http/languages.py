"""Language codes in requests: they are checked against the served pair, which the OpenAPI document names."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field

from service.languages.base import Language, LanguagePair

Role = Literal["source", "target", "either", "source_form", "target_form"]
_MARK = "x-depesche-language"


def _marked(role: Role) -> Any:
    return Field(json_schema_extra={_MARK: role})


# A field that is not given means the served language; the document has its code as the default.
SourceLang = Annotated[str, _marked("source")]
TargetLang = Annotated[str, _marked("target")]
EitherLang = Annotated[str, _marked("either")]
SourceForm = Annotated[str, _marked("source_form")]
TargetForm = Annotated[str, _marked("target_form")]
"""Codes in the forms that the compatible APIs accept: any case, and with a region."""


def require_served(body: BaseModel, served: Mapping[str, tuple[str, ...]]) -> None:
    """Check the given languages of a body; ``served`` are the codes that each field may have.

    Raises:
        RequestValidationError: a language is not served. The answer is that of a field with any other wrong value.
    """
    errors = []
    for field in body.model_fields_set & served.keys():
        given, codes = getattr(body, field), served[field]
        if given not in codes:
            expected = " or ".join(f"'{code}'" for code in codes)
            error = {"type": "literal_error", "loc": ("body", field), "msg": f"Input should be {expected}"}
            errors.append({**error, "input": given, "ctx": {"expected": expected}})
    if errors:
        raise RequestValidationError(errors)


def forms_of(language: Language) -> tuple[str, ...]:
    """The codes that mean a language, in lower case: without a region and with each."""
    return (language.code, *language.regions)


def _pattern(codes: tuple[str, ...]) -> str:
    """A pattern for any of the codes in any case, as JSON Schema has no flag for it."""
    letters = ("".join(f"[{c.upper()}{c}]" if c.isalpha() else c for c in code) for code in codes)
    return rf"^\s*({'|'.join(letters)})\s*$"


def describe_languages(document: Any, languages: LanguagePair) -> None:
    """Put the served languages into an OpenAPI document, wherever a field is marked."""
    if isinstance(document, dict):
        role = document.pop(_MARK, None)
        if role is not None:
            document.update(_schema(role, languages))
        for value in document.values():
            describe_languages(value, languages)
    elif isinstance(document, list):
        for value in document:
            describe_languages(value, languages)


def _schema(role: Role, languages: LanguagePair) -> dict[str, Any]:
    source, target = languages
    match role:
        case "source":
            return {"const": source.code, "default": source.code}
        case "target":
            return {"const": target.code, "default": target.code}
        case "either":
            return {"enum": [source.code, target.code], "default": source.code}
        case "source_form":
            return {"pattern": _pattern(("", "auto", *forms_of(source)))}
        case "target_form":
            return {"pattern": _pattern(forms_of(target))}
