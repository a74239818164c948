"""A fuzz target for event streams: a client that follows the HTML standard reads the JSON that the service sent."""

import json
import re

from sse_starlette import ServerSentEvent

from service.http.responses import NEWLINE, _one_line
from tests.fuzz.target import Target

# The line ends of section 9.2.5 of the HTML standard.
LINE_END = re.compile(r"\r\n|\n|\r")


def work(text: str) -> str:
    """Return an event whose data is a JSON object with ``text``, as the service sends it."""
    data = json.dumps({"text": text.encode("utf-8", "replace").decode()}, ensure_ascii=False)
    return bytes(ServerSentEvent(_one_line(data), event="sentence", sep=NEWLINE).encode()).decode()


def received(stream: str) -> list[tuple[str, str]]:
    """Return the (type, data) of each event in ``stream``, according to section 9.2.6 of the HTML standard."""
    found, kind, data = [], "message", []
    for line in LINE_END.split(stream):
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if not line:
            if data:
                found.append((kind, "\n".join(data)))
            kind, data = "message", []
        elif name == "event":
            kind = value
        elif name == "data":
            data.append(value)
    return found


def check(text: str) -> None:
    """Raise an exception if the client reads another event, or if readers of lines split the event differently."""
    sent = work(text)
    ((kind, data),) = received(sent)
    assert kind == "sentence"
    assert json.loads(data) == {"text": text.encode("utf-8", "replace").decode()}
    assert sent.splitlines() == LINE_END.split(sent.removesuffix("\n"))  # Python splits at more characters


SEEDS = (
    "Ja.\n\nNein.\r\ndata: x\nevent: result",
    "a\u2028b\u2029c\u0085d",
    ": keep-alive\n\nid: 1\nretry: 5",
    "\x0b\x0c\x1c\x1d\x1e\ufeff",
)
WORDS = (
    "\n\n",
    "\r",
    "\r\n",
    "data:",
    "event:",
    "id:",
    "retry:",
    ":",
    "\u2028",
    "\u2029",
    "\u0085",
    "\x0b",
    "\x1c",
    "\ufeff",
    "\x00",
)
TARGET = Target("sse", check, work, SEEDS, WORDS)
