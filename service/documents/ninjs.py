"""Reading and writing of IPTC ninjs items, versions 1.x to 3.1."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, FailFast, Field, ValidationError

from service.bounded import Bounded
from service.documents.base import BodyFormat, Document, Edition, Format
from service.documents.jsonld import plain_field, plain_text
from service.errors import InvalidInput

SCHEMA = "http://www.iptc.org/std/ninjs/ninjs-schema_3.1.json"
HTML_TYPES = ("text/html", "application/xhtml+xml")
LEAD_ROLES = ("lead", "teaser", "summary", "short", "main", None)
Objects = Annotated[list[dict[str, Any]], FailFast()]


class _Ninjs(Bounded, BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Content(_Ninjs):
    """A headline or description of an item."""

    value: str
    role: str | None = None
    contentType: str | None = None


class Body(Content):
    """A body of an item."""

    charCount: int | None = None
    wordCount: int | None = None


class Item(_Ninjs):
    """A ninjs 3.1 item with all properties of the standard, for validation.

    The objects in properties without article text are not checked.
    """

    uri: str = Field(pattern=r"^[A-Za-z][A-Za-z0-9+.-]*:\S+$")
    type: Literal["text", "audio", "video", "picture", "graphic", "composite", "component", "event", "planning"] = (
        "text"
    )
    representationType: Literal["full", "partial"] | None = None
    profile: str | None = None
    version: str | None = None
    firstCreated: AwareDatetime | None = Field(None, strict=False)
    versionCreated: AwareDatetime | None = Field(None, strict=False)
    contentCreated: AwareDatetime | None = Field(None, strict=False)
    embargoedUntil: AwareDatetime | None = Field(None, strict=False)
    expires: AwareDatetime | None = Field(None, strict=False)
    pubStatus: Literal["usable", "withheld", "canceled"] | None = None
    urgency: int | None = Field(None, ge=1, le=9)
    copyrightHolder: str | None = None
    copyrightNotice: str | None = None
    usageTerms: str | None = None
    edNote: str | None = None
    language: str | None = None
    descriptions: Annotated[list[Content], FailFast()] = []
    bodies: Annotated[list[Body], FailFast()] = Field(min_length=1)
    headlines: Annotated[list[Content], FailFast()] = []
    people: Objects = []
    organisations: Objects = []
    places: Objects = []
    subjects: Objects = []
    events: Objects = []
    objects: Objects = []
    eventDetails: dict[str, Any] | None = None
    plannedCoverage: Objects = []
    infoSources: Objects = []
    by: str | None = None
    slugline: str | None = None
    located: str | None = None
    renditions: Objects = []
    associations: Objects = []
    altIds: Objects = []
    trustIndicators: Objects = []
    standard: dict[str, Any] | None = None
    genres: Objects = []
    rightsInfo: dict[str, Any] | None = None
    digitalSourceType: dict[str, Any] | None = None


def read_ninjs(value: Mapping[str, Any]) -> Document:
    """Read the article of a ninjs item.

    The body is the HTML body or, if there is none, the plain-text body. The headline is the one with the role ``main``
    or, if there is none, the first without a role or the first of all. The lead is the description whose role comes
    first in `LEAD_ROLES` or, if there is none, the first description.

    Raises:
        InvalidInput: the item is invalid (the pointer names the first invalid field) or contains no text.
    """
    version = version_of(value)
    try:
        item = Item.model_validate(as_version_3(value, version))
    except ValidationError as error:
        first = error.errors()[0]
        pointer = original_pointer(value, version, first["loc"])
        raise InvalidInput("ninjs_invalid", f"the ninjs item is invalid: {first['msg']}", pointer=pointer) from error
    body = _body(item)
    if body is None:
        raise InvalidInput(
            "document_empty",
            "the item has no HTML or plain-text body with text; add one",
            pointer=original_pointer(value, version, ("bodies",)),
        )
    headline, lead = _first(item.headlines, ("main", None)), _first(item.descriptions, LEAD_ROLES)
    return Document(
        headline=_plain(headline),
        lead=_plain(lead),
        body=body.value,
        body_format=_format(body),
        language=item.language,
        uri=item.uri,
        original=value,
        original_format="ninjs",
    )


def _body(item: Item) -> Body | None:
    """Return the HTML body or, if there is none, the plain-text body. Return None if neither has text.

    If there are several bodies in the same format, one with the role ``main`` is preferred. A body without a media type
    is plain text. Bodies in other formats are ignored.
    """
    served = {*HTML_TYPES, "text/plain", None}
    texts = [body for body in item.bodies if body.value.strip() and _media_type(body) in served]
    return min(texts, key=lambda body: (_format(body) != "html", body.role != "main"), default=None)


def _format(body: Body) -> BodyFormat:
    return "html" if _media_type(body) in HTML_TYPES else "text"


def _media_type(content: Content) -> str | None:
    """Return the media type of the content in lower case, without parameters such as the character set."""
    return content.contentType.partition(";")[0].strip().lower() if content.contentType else None


def _plain(content: Content | None) -> str | None:
    """Return the text of a headline or description without markup, or None if there is no text."""
    if content is None:
        return None
    return plain_text(content.value) if _media_type(content) in HTML_TYPES else plain_field(content.value)


def _first(contents: list[Content], roles: tuple[str | None, ...]) -> Content | None:
    texts = [content for content in contents if content.value.strip()]
    by_role = (content for role in roles for content in texts if content.role == role)
    return next(by_role, texts[0] if texts else None)


def write_ninjs(document: Document, edition: Edition) -> dict[str, Any]:
    """Render the edition as a ninjs item with a link to the original ``document``.

    The item has the major version of the original item, or 3 if the original is in another format. Version 3 is written
    as 3.1. The headlines, descriptions and bodies of the original item are replaced, and its trust indicators are left
    out.

    Raises:
        InvalidInput: the document has no URI, which every ninjs item must have.
    """
    if document.uri is None:
        raise InvalidInput(
            "document_without_uri",
            "a ninjs item requires a URI, but the document has none; add one or choose another format",
            pointer="/as",
        )
    original = document.original if document.original_format == "ninjs" else {}
    version = version_of(original)
    item = {
        name: value
        for name, value in as_version_3(original, version).items()
        if name not in {"headlines", "descriptions", "bodies", "trustIndicators"}
    }
    descriptions = [("lead", edition.lead), ("summary", edition.summary)]
    content_type = "text/html" if document.body_format == "html" else "text/plain"
    written = {
        **item,
        "uri": f"{document.uri.split('#')[0]}#{edition.language}",
        "type": "text",
        "versionCreated": edition.made_at,
        "language": edition.language,
        "headlines": [{"role": "main", "value": edition.headline}] if edition.headline else [],
        "descriptions": [{"role": role, "value": value} for role, value in descriptions if value],
        "bodies": [{"role": "main", "contentType": content_type, "value": edition.body}],
        "associations": [*item.get("associations", []), {"name": "source", "rel": "source", "uri": document.uri}],
        **_source_type(edition.source_type),
        "edNote": " ".join(filter(None, (item.get("edNote"), edition.credit))),
        "standard": {"name": "ninjs", "version": "3.1", "schema": SCHEMA},
    }
    return as_version(written, version, original)


def _source_type(uri: str | None) -> dict[str, Any]:
    return {} if uri is None else {"digitalSourceType": {"name": uri.rsplit("/", 1)[-1], "uri": uri}}


Version = Literal[1, 2, 3]
"""A major version of ninjs.

Version 1 has one property for each text, such as ``headline`` and ``body_html``. Version 2 has the same lists as
version 3, but writes all property names in lower case. Source: https://iptc.org/std/ninjs/
"""

_CAMEL = (
    *("representationType", "firstCreated", "versionCreated", "contentCreated", "pubStatus", "copyrightHolder"),
    *("copyrightNotice", "usageTerms", "edNote", "eventDetails", "plannedCoverage", "infoSources", "altIds"),
    *("trustIndicators", "rightsInfo", "digitalSourceType", "contentType", "charCount", "wordCount"),
)
_FROM_LOWER = {**{name.lower(): name for name in _CAMEL}, "embargoed": "embargoedUntil"}
_TO_LOWER = {camel: lower for lower, camel in _FROM_LOWER.items()}
_LISTS = ("headlines", "descriptions", "bodies")
_TEXTS = ("headline", "description", "body")  # the properties of version 1, possibly with a suffix ("body_html")
_PLURALS = {"headline": "headlines", "description": "descriptions", "body": "bodies"}
_HTML_SUFFIXES = frozenset({"html", "xhtml"})
_COMMON = ("uri", "language", "type", "version", "profile", "urgency", "located", "slugline")


def version_of(value: Mapping[str, Any]) -> Version:
    """Return the major version of a ninjs item, which is 3 if the item has no property of an older version."""
    if not any(name in value for name in _LISTS):
        return 1 if any(_text_name(name) for name in value) else 3
    lists = [one for name in _LISTS if isinstance(value.get(name), list) for one in value[name]]
    older = any(name in _FROM_LOWER for name in value)
    return 2 if older or any(isinstance(one, Mapping) and "contenttype" in one for one in lists) else 3


def _text_name(name: str) -> str | None:
    """Return "headline", "description" or "body" if the version 1 property ``name`` contains such a text, or None."""
    begin, _, suffix = name.partition("_")
    return begin if begin in _TEXTS and (suffix or begin == "headline") else None


def as_version_3(value: Mapping[str, Any], version: Version) -> dict[str, Any]:
    """Convert the item ``value``, which has the version ``version``, to the structure of version 3.

    From a version 1 item, only the texts and the properties in ``_COMMON`` are copied.
    """
    if version == 2:  # noqa: PLR2004 - the version
        item = {_FROM_LOWER.get(name, name): one for name, one in value.items()}
        return item | {name: _renamed(item[name], _FROM_LOWER) for name in _LISTS if name in item}
    if version == 1:
        item = {name: value[name] for name in _COMMON if name in value}
        for name, text in value.items():
            kind = _text_name(name)
            if kind is not None:
                item.setdefault(_PLURALS[kind], []).append(_content(name, text))
        return item
    return dict(value)


def _content(name: str, text: object) -> dict[str, object]:
    suffix = name.partition("_")[2]
    if suffix in _HTML_SUFFIXES:
        return {"value": text, "contentType": "text/html"}
    return {"value": text, "role": suffix} if suffix not in {"", "text"} else {"value": text}


def _renamed(value: object, names: Mapping[str, str]) -> object:
    if not isinstance(value, list):
        return value
    return [{names.get(k, k): v for k, v in one.items()} if isinstance(one, Mapping) else one for one in value]


def original_pointer(value: Mapping[str, Any], version: Version, path: tuple[int | str, ...]) -> str:
    """Return the JSON pointer to a property of the submitted item ``value``, which has the version ``version``.

    ``path`` is the path to the property in the structure that `as_version_3` returns.
    """
    if version == 2:  # noqa: PLR2004 - the version
        path = tuple(_TO_LOWER.get(part, part) if isinstance(part, str) else part for part in path)
    if version == 1 and len(path) > 1 and isinstance(path[1], int):
        names = [name for name in value if (kind := _text_name(name)) and _PLURALS[kind] == path[0]]
        path = tuple(names[path[1] : path[1] + 1])
    elif version == 1 and path[:1] == ("bodies",):
        path = ("body_text",)
    return "".join(f"/{part}" for part in ("document", *path))


def as_version(item: Mapping[str, Any], version: Version, original: Mapping[str, Any]) -> dict[str, Any]:
    """Convert an item from the structure of version 3 to that of ``version``.

    For version 1, the other properties of the submitted item ``original`` are added.
    """
    if version == 3:  # noqa: PLR2004 - the version
        return dict(item)
    standard = dict(original["standard"]) if isinstance(original.get("standard"), Mapping) else None
    if version == 2:  # noqa: PLR2004 - the version
        lower = {_TO_LOWER.get(name, name): one for name, one in item.items() if name != "standard"}
        lower |= {name: _renamed(lower[name], _TO_LOWER) for name in _LISTS if name in lower}
        return lower | ({"standard": standard} if standard else {})
    texts = {
        "headline": next((one["value"] for one in item.get("headlines", [])), None),
        **{f"description_{one['role']}": one["value"] for one in item.get("descriptions", [])},
    }
    body = item["bodies"][0]
    texts["body_html" if body["contentType"] == "text/html" else "body_text"] = body["value"]
    kept = {name: one for name, one in original.items() if _text_name(name) is None}
    links = original.get("associations")
    source = next(one for one in item["associations"] if one.get("rel") == "source")
    return {
        **kept,
        **{name: text for name, text in texts.items() if text is not None},
        "uri": item["uri"],
        "language": item["language"],
        "versioncreated": item["versionCreated"],
        "ednote": item["edNote"],
        "associations": {**(links if isinstance(links, Mapping) else {}), "source": {"uri": source["uri"]}},
    }


# An object that matches no other format is parsed as a ninjs item, so that the error names the invalid property.
FORMAT = Format("ninjs", lambda value: isinstance(value, Mapping), read_ninjs, write_ninjs, fallback=True)
