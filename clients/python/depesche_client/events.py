"""The events of a stream, and the error that a response or a stream reports."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import httpx

Result = dict[str, Any]


class Event(NamedTuple):
    """An event of a stream: ``progress``, ``sentence``, ``article`` or ``result``, with its data."""

    name: str
    data: Result


class Refused(Exception):
    """The service answered with an error.

    Attributes:
        status: the HTTP status.
        code: the stable code of the error. docs/api/codes.md lists the codes.
        detail: an explanation for a person.
        request_id: the id under which the operator finds the request in the log.
        errors: the invalid fields, each with ``pointer``, ``code``, ``detail`` and ``limit``.
    """

    def __init__(self, status: int, problem: Mapping[str, Any]) -> None:
        self.status = status
        self.code = str(problem.get("code", "http_error"))
        self.detail = str(problem.get("detail", ""))
        self.request_id = str(problem.get("request_id", ""))
        self.errors: Sequence[Mapping[str, Any]] = problem.get("errors", [])
        super().__init__(f"{status} {self.code}: {self.detail}")


class Events:
    """A parser for server-sent events. Only line feeds end a line."""

    def __init__(self) -> None:
        self._rest, self._last = "", ""

    def feed(self, text: str) -> Iterator[Event]:
        """Add a part of the stream, and yield the events that are complete.

        Raises:
            Refused: the stream reports an error.
        """
        *blocks, self._rest = (self._rest + text).split("\n\n")
        for block in blocks:
            fields = dict(line.split(": ", 1) for line in block.split("\n") if ": " in line and line[0] != ":")
            if "event" in fields:
                self._last, data = fields["event"], json.loads(fields["data"])
                if self._last == "error":
                    raise Refused(int(data["status"]), data)
                yield Event(self._last, data)

    def end(self) -> None:
        """Check that the stream ended with a result.

        Raises:
            httpx.RemoteProtocolError: the stream ended without a result.
        """
        if self._last != "result":
            raise httpx.RemoteProtocolError("the stream ended without a result")
