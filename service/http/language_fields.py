"""The language fields of requests: types, a check of the requested languages, and a description for OpenAPI."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field

from service.languages.base import Language, LanguagePair

Role = Literal["source", "target", "either", "source_form", "target_form"]
_MARK = "x-depesche-language"


def _language_field(role: Role) -> Any:
    return Field(json_schema_extra={_MARK: role})


# If the field is missing, the supported language is used. `describe_languages` writes it as the default into OpenAPI.
SourceLang = Annotated[str, _language_field("source")]
TargetLang = Annotated[str, _language_field("target")]
EitherLang = Annotated[str, _language_field("either")]
SourceForm = Annotated[str, _language_field("source_form")]
TargetForm = Annotated[str, _language_field("target_form")]
"""A language code in the DeepL- and LibreTranslate-compatible APIs. Case is ignored, and a region is allowed."""


def require_served(body: BaseModel, served: Mapping[str, tuple[str, ...]]) -> None:
    """Check that the service supports the languages that the request names.

    ``served`` maps the name of each language field to the codes that the field accepts. Fields that the request does
    not set are not checked.

    Raises:
        RequestValidationError: a language is not supported. The response is the same as for other invalid fields.
    """
    errors = []
    for field in body.model_fields_set & served.keys():
        value, codes = getattr(body, field), served[field]
        if value not in codes:
            expected = " or ".join(f"'{code}'" for code in codes)
            error = {"type": "literal_error", "loc": ("body", field), "msg": f"Input should be {expected}"}
            errors.append({**error, "input": value, "ctx": {"expected": expected}})
    if errors:
        raise RequestValidationError(errors)


def forms_of(language: Language) -> tuple[str, ...]:
    """Return all codes of a language, with and without a region, in lower case.

    The code without a region comes first.
    """
    return (language.code, *language.regions)


def _pattern(codes: tuple[str, ...]) -> str:
    """Return a regular expression that matches any of the codes, in upper or lower case.

    White space around a code is allowed. The expression lists both cases of each letter, because JSON Schema has no
    flag for ignoring case.
    """
    letters = ("".join(f"[{c.upper()}{c}]" if c.isalpha() else c for c in code) for code in codes)
    return rf"^\s*({'|'.join(letters)})\s*$"


def describe_languages(document: Any, languages: LanguagePair) -> None:
    """Replace the internal marks of language fields in an OpenAPI document with the supported languages, in place."""
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
