"""Conversion of ninjs 1.x and 2.x items to the structure of version 3.1, and back.

ninjs 1.x has one property for each text, such as ``headline`` and ``body_html``. ninjs 2.x has the same lists as
version 3, but writes all property names in lower case. Source: https://iptc.org/std/ninjs/
"""

from collections.abc import Mapping
from typing import Any, Literal

Version = Literal[1, 2, 3]

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
    """Return "headline", "description" or "body" if a property of a version 1 item contains this text, or else None."""
    begin, _, suffix = name.partition("_")
    return begin if begin in _TEXTS and (suffix or begin == "headline") else None


def as_version_3(value: Mapping[str, Any], version: Version) -> dict[str, Any]:
    """Convert an item of the given ``version`` to the structure of version 3.

    Of a version 1 item, only the texts and simple properties are used.
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
    """Return the JSON pointer to a property of the submitted item ``value``, which has the given ``version``.

    ``path`` leads to the property in the structure that `as_version_3` returns.
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
