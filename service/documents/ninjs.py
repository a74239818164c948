"""Reading and writing of IPTC ninjs 3.1 items (and 3.0, which is a subset)."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, FailFast, Field, ValidationError

from service.bounded import Bounded
from service.documents.base import BodyFormat, Document, Edition, Format
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
    """A ninjs item with all properties of the standard. Properties that contain no article text are not interpreted."""

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

    The article consists of the HTML body (if there is one, else the plain-text body), the main headline, and a
    description as the lead.

    Raises:
        InvalidInput: the item is invalid (the pointer names the first invalid field) or contains no text.
    """
    try:
        item = Item.model_validate(value)
    except ValidationError as error:
        first = error.errors()[0]
        pointer = "".join(f"/{part}" for part in ("document", *first["loc"]))
        raise InvalidInput("ninjs_invalid", f"the ninjs item is invalid: {first['msg']}", pointer=pointer) from error
    body = _body(item)
    if body is None:
        raise InvalidInput("document_empty", "the item has no body with text", pointer="/document/bodies")
    headline, lead = _first(item.headlines, ("main", None)), _first(item.descriptions, LEAD_ROLES)
    return Document(
        headline=headline.value if headline else None,
        lead=lead.value if lead else None,
        body=body.value,
        body_format=_format(body),
        language=item.language,
        uri=item.uri,
        original=value,
        original_format="ninjs",
    )


def _body(item: Item) -> Body | None:
    """Return the body to translate: an HTML body if there is one, else a plain-text body.

    Among several such bodies, one with the role ``main`` is preferred. Bodies that are neither HTML nor plain text are
    ignored.
    """
    texts = [
        body for body in item.bodies if body.value.strip() and body.contentType in {*HTML_TYPES, "text/plain", None}
    ]
    return min(texts, key=lambda body: (_format(body) != "html", body.role != "main"), default=None)


def _format(body: Body) -> BodyFormat:
    return "html" if body.contentType in HTML_TYPES else "text"


def _first(contents: list[Content], roles: tuple[str | None, ...]) -> Content | None:
    texts = [content for content in contents if content.value.strip()]
    by_role = (content for role in roles for content in texts if content.role == role)
    return next(by_role, texts[0] if texts else None)


def write_ninjs(document: Document, edition: Edition) -> dict[str, Any]:
    """Render the edition as a ninjs 3.1 item with a link to the original item.

    The other headlines, descriptions and bodies of the original item are left out.

    Raises:
        InvalidInput: the document has no URI, which every item needs.
    """
    if document.uri is None:
        raise InvalidInput(
            "document_without_uri", "a ninjs item requires a URI, but the document has none", pointer="/as"
        )
    item = {
        name: value
        for name, value in (document.original if document.original_format == "ninjs" else {}).items()
        if name not in {"headlines", "descriptions", "bodies", "trustIndicators"}
    }
    descriptions = [("lead", edition.lead), ("summary", edition.summary)]
    content_type = "text/html" if document.body_format == "html" else "text/plain"
    return {
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


def _source_type(uri: str | None) -> dict[str, Any]:
    return {} if uri is None else {"digitalSourceType": {"name": uri.rsplit("/", 1)[-1], "uri": uri}}


# An object that matches no other format is parsed as a ninjs item, so that the error names the invalid property.
FORMAT = Format("ninjs", lambda value: isinstance(value, Mapping), read_ninjs, write_ninjs, fallback=True)
