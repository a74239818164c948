"""Find the differences between two OpenAPI documents, and decide whether each of them breaks callers.

A change is breaking if a request that was valid before is refused, or if a client that was generated from the old
document cannot read a response. `compare` supports the keywords of JSON Schema that the service's documents use, and
ignores descriptive keywords such as ``title``. A change to any other keyword counts as breaking, unless it removes a
restriction from a request.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

Schema = Mapping[str, Any]
Direction = Literal["request", "response"]
NOTES = frozenset({"title", "description", "examples", "example", "default", "discriminator"})
UPPER = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")
LOWER = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
HANDLED = {"properties", "required", "anyOf", "enum", "items", "additionalProperties", "$ref", *UPPER, *LOWER}
TEXT = {"type": "string"}
RULES = frozenset({"const", "pattern", "format", "not", "if", "then", "else"})
"""Keywords without which a schema accepts more values."""


@dataclass(frozen=True, slots=True)
class Change:
    """A difference between two documents.

    ``place`` names the part of the document that differs, and ``what`` describes the change. ``breaking`` is True if
    the change breaks callers.
    """

    place: str
    what: str
    breaking: bool

    def __str__(self) -> str:
        """Return a line with the place, the change, and the word BREAKING or compatible."""
        return f"{'BREAKING' if self.breaking else 'compatible'}: {self.place}: {self.what}"


def compare(old: Schema, new: Schema) -> list[Change]:
    """Return the differences between two OpenAPI documents that callers can notice. Breaking changes come first."""
    before, after = _operations(old), _operations(new)
    found = [Change(name, "the operation was removed", breaking=True) for name in before.keys() - after.keys()]
    found += [Change(name, "the operation was added", breaking=False) for name in after.keys() - before.keys()]
    pair = _Pair(old, new, frozenset())
    for name in before.keys() & after.keys():
        found += pair.operations(name, before[name], after[name])
    return sorted(dict.fromkeys(found), key=lambda one: (not one.breaking, one.place, one.what))


def _operations(document: Schema) -> dict[str, Schema]:
    return {
        f"{method.upper()} {path}": one
        for path, methods in document["paths"].items()
        for method, one in methods.items()
    }


@dataclass(frozen=True, slots=True)
class _Pair:
    """Two OpenAPI documents to compare.

    ``seen`` contains the pairs of ``$ref`` values that are already being compared, so recursive schemas end the
    comparison.
    """

    old: Schema
    new: Schema
    seen: frozenset[tuple[str, str]]

    def operations(self, name: str, old: Schema, new: Schema) -> Iterator[Change]:
        if old.get("operationId") != new.get("operationId"):
            yield Change(name, f"operationId {old.get('operationId')} became {new.get('operationId')}", breaking=True)
        if {} in old.get("security", [{}]) and {} not in new.get("security", [{}]):
            yield Change(name, "an API key became required", breaking=True)
        yield from self.parameters(name, old, new)
        yield from self.contents(f"{name} body", old.get("requestBody", {}), new.get("requestBody", {}), "request")
        before, after = old["responses"], new["responses"]
        for status in before.keys() | after.keys():
            place = f"{name} {status}"
            if status not in after:
                yield Change(place, "the status was removed", breaking=status.startswith("2"))
            elif status not in before:
                yield Change(place, "the status was added", breaking=False)
            else:
                yield from self.contents(place, before[status], after[status], "response")

    def parameters(self, name: str, old: Schema, new: Schema) -> Iterator[Change]:
        def by_name(document: Schema, operation: Schema) -> dict[str, Schema]:
            found = (resolved(document, one) for one in operation.get("parameters", []))
            return {f"{name} {one['in']} {one['name']}": one for one in found}

        before, after = by_name(self.old, old), by_name(self.new, new)
        for place in before.keys() | after.keys():
            if place not in after:
                yield Change(place, "the parameter was removed", breaking=True)
            elif place not in before:
                yield Change(place, "the parameter was added", breaking=bool(after[place].get("required")))
            else:
                yield from self.schemas(place, before[place]["schema"], after[place]["schema"], "request")

    def contents(self, name: str, old: Schema, new: Schema, direction: Direction) -> Iterator[Change]:
        before, after = old.get("content", {}), new.get("content", {})
        for media in before.keys() | after.keys():
            if media not in after:
                yield Change(name, f"the media type {media} was removed", breaking=True)
            elif media not in before:
                yield Change(name, f"the media type {media} was added", breaking=False)
            else:
                yield from self.schemas(
                    name, before[media].get("schema", {}), after[media].get("schema", {}), direction
                )

    def schemas(self, place: str, old: Schema, new: Schema, direction: Direction) -> Iterator[Change]:
        refs = (str(old.get("$ref", "")), str(new.get("$ref", "")))
        if any(refs) and refs in self.seen:
            return
        pair = replace(self, seen=self.seen | {refs})
        old, new = resolved(self.old, old), resolved(self.new, new)
        yield from pair.fields(place, old, new, direction)
        yield from pair.branches(place, old, new, direction)
        yield from _values(place, old, new, direction)
        yield from _limits(place, old, new, direction)
        for inner in ("items", "additionalProperties"):
            if isinstance(old.get(inner), dict) and isinstance(new.get(inner), dict):
                yield from pair.schemas(f"{place}[]", old[inner], new[inner], direction)
        for key in (old.keys() | new.keys()) - HANDLED - NOTES:
            if not key.startswith("x-") and old.get(key) != new.get(key):
                dropped = key not in new and key in RULES
                yield Change(place, f"`{key}` changed", breaking=not (dropped and direction == "request"))

    def fields(self, place: str, old: Schema, new: Schema, direction: Direction) -> Iterator[Change]:
        before, after = old.get("properties", {}), new.get("properties", {})
        needed_before, needed_after = set(old.get("required", [])), set(new.get("required", []))
        for name in before.keys() | after.keys():
            where = f"{place}.{name}"
            if name not in after:
                yield Change(where, "the field was removed", breaking=True)
            elif name not in before:
                yield Change(where, "the field was added", breaking=direction == "request" and name in needed_after)
            else:
                yield from self.schemas(where, before[name], after[name], direction)
                if name in needed_after - needed_before:
                    yield Change(where, "the field became required", breaking=direction == "request")
                elif name in needed_before - needed_after:
                    yield Change(where, "the field became optional", breaking=direction == "response")

    def branches(self, place: str, old: Schema, new: Schema, direction: Direction) -> Iterator[Change]:
        before = {_kind(self.old, one): one for one in old.get("anyOf", [])}
        after = {_kind(self.new, one): one for one in new.get("anyOf", [])}
        for kind in before.keys() | after.keys():
            if kind not in after:
                yield Change(place, f"the alternative {kind} was removed", breaking=direction == "request")
            elif kind not in before:
                yield Change(place, f"the alternative {kind} was added", breaking=direction == "response")
            elif direction == "request" or TEXT not in new["anyOf"]:  # otherwise, unknown strings are permitted
                yield from self.schemas(place, before[kind], after[kind], direction)


def resolved(document: Schema, schema: Schema) -> Schema:
    """Return the schema to which ``schema`` refers in ``document``, or ``schema`` itself if it is not a reference."""
    while "$ref" in schema:
        found: Any = document
        for part in schema["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        schema = found
    return schema


def _kind(document: Schema, branch: Schema) -> str:
    """Return a name for ``branch``, an alternative in ``anyOf``.

    The name identifies the alternative in both documents.
    """
    found = resolved(document, branch)
    kind = found.get("type", "any")
    return f"enum of {kind}" if "enum" in found else str(found.get("title") or kind)


def _values(place: str, old: Schema, new: Schema, direction: Direction) -> Iterator[Change]:
    if "enum" not in old and "enum" not in new:
        return
    before, after = set(old.get("enum", [])), set(new.get("enum", []))
    if before and after:
        for value in before - after:
            yield Change(place, f"the value {value!r} was removed", breaking=direction == "request")
        for value in after - before:
            yield Change(place, f"the value {value!r} was added", breaking=direction == "response")
    else:
        yield Change(place, "the list of values changed", breaking=True)


def _limits(place: str, old: Schema, new: Schema, direction: Direction) -> Iterator[Change]:
    for key in (*UPPER, *LOWER):
        before, after = old.get(key), new.get(key)
        if before == after:
            continue
        is_lower = after is not None and (before is None or (after < before))
        is_higher = after is not None and (before is None or (after > before))
        tighter = is_lower if key in UPPER else is_higher
        yield Change(place, f"`{key}` {before} became {after}", breaking=tighter and direction == "request")
