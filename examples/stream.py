"""Print the translation of an article while it is being produced, using server-sent events.

pip install httpx
DEPESCHE_URL=http://127.0.0.1:8000 python stream.py [FILE]
"""

import json
import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import httpx

URL = os.environ.get("DEPESCHE_URL", "http://127.0.0.1:8000")
KEY = os.environ.get("DEPESCHE_KEY", "")
# The service sends a comment at least every 15 seconds, so a longer silence means that the connection is broken.
SILENCE_S = 45.0
EXAMPLE = "Der Stadtrat hat über die Brücke beraten. Sie soll 2027 fertig sein. Anwohner fürchten den Lärm."


def main() -> int:
    """Stream the translation of the file named by the first argument, or of the example if there is none."""
    body = {"body": Path(sys.argv[1]).read_text("utf-8") if len(sys.argv) > 1 else EXAMPLE}
    headers = {"Accept": "text/event-stream"} | ({"Authorization": f"Bearer {KEY}"} if KEY else {})
    try:
        with httpx.stream("POST", f"{URL}/v1/articles", json=body, headers=headers, timeout=SILENCE_S) as answer:
            if not answer.is_success:
                answer.read()
                print(f"HTTP {answer.status_code}: {answer.text}", file=sys.stderr)
                return 1
            return shown(events(answer.iter_lines()))
    except httpx.TransportError as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 1


def events(lines: Iterable[str]) -> Iterator[tuple[str, Any]]:
    """Yield the name and the data of each event. Skip comments, which only keep the connection open."""
    name, data = "message", ""
    for line in lines:
        field, _, value = line.partition(":")
        if field == "event":
            name = value.removeprefix(" ")
        elif field == "data":
            data += value.removeprefix(" ")
        elif not line and data:
            yield name, json.loads(data)
            name, data = "message", ""


def shown(found: Iterable[tuple[str, Any]]) -> int:
    """Print the events. Return 0 if the last one is the result, otherwise 1.

    Once the stream has started, a failure is reported as an event.
    """
    for name, data in found:
        if name == "progress":
            print(f"{data['done']} of {data['of']}", file=sys.stderr)
        elif name == "sentence":
            print(f"text {data['text_number']}, {data['source']}: {data['text']}")
        elif name == "error":
            print(f"{data['status']} {data['code']}: {data['detail']}", file=sys.stderr)
            return 1
        elif name == "result":
            print(f"Summary: {data['summary']['text']}")
            return 0
    print("the stream ended without a result", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
