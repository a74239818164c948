"""Articles for the tests of the web page, and fixed responses for cases that the tiny models do not produce."""

import json
from typing import Any

ARTICLE = """1. Startseite
2. Regionales

Bibliothek in der Altstadt öffnet nach dem Umbau wieder

Nach zwei Jahren Bauzeit kehren die Bücher zurück. Die Stadt hat 4,2 Millionen Euro ausgegeben.

Foto: Archiv

Die Bibliothek in der Altstadt öffnet am 3. Mai wieder. Das teilte die Stadt am Montag mit. Der Umbau hat \
zwei Jahre gedauert und 4,2 Millionen Euro gekostet.

Im Erdgeschoss steht nun ein großer Lesesaal mit 120 Plätzen. Darüber liegen drei Räume für Gruppen, die sich \
kostenlos buchen lassen. Der Keller nimmt das Archiv auf.

Zur Eröffnung lädt die Stadt zu einem Fest ein. Es beginnt um 10 Uhr und endet am Abend mit einem Konzert. \
Der Eintritt ist frei.

Anzeige
"""
# An emoji is one code point but two UTF-16 code units.
SOURCE = "🎉🎉 Im Saal gab es 120 Plätze. Es blieb ruhig."
TRANSLATION = "🎉🎉 The hall had 1,200 seats. It stayed calm."


def streamed(answer: dict[str, Any]) -> dict[str, Any]:
    """Return the status, headers and body of an event stream whose last event contains ``answer``."""
    body = f": still at work\n\nevent: surprise\ndata: {{}}\n\nevent: result\ndata: {json.dumps(answer)}\n\n"
    return {"status": 200, "headers": {"content-type": "text/event-stream; charset=utf-8"}, "body": body}


def problem(status: int, code: str, **headers: str) -> dict[str, Any]:
    """Return the status, headers and body of an error response with this ``status`` and ``code``."""
    body = {"title": "x", "status": status, "code": code, "detail": "the queue is full", "request_id": "r-1"}
    return {
        "status": status,
        "headers": {"content-type": "application/problem+json", **headers},
        "body": json.dumps(body),
    }


def span(text: str, part: str) -> list[int]:
    """Return the start and the end of ``part`` in ``text``, in code points."""
    start = text.index(part)
    return [start, start + len(part)]


def warned() -> dict[str, Any]:
    """Return a response with three warnings.

    One warning has a span in the source and a span in the output, one has an unknown code, and one has no span.
    """
    sentences = [
        ("🎉🎉 Im Saal gab es 120 Plätze.", "🎉🎉 The hall had 1,200 seats."),
        ("Es blieb ruhig.", "It stayed calm."),
    ]
    return {
        "article": {
            "headline": "Fest 🎉 im Saal",
            "body": SOURCE,
            "spans": [{"cleaned": [0, len(SOURCE)], "source": [7, 7 + len(SOURCE)]}],
        },
        "summary": {
            "text": "Es blieb ruhig 🎉.",
            "method": "abstractive",
            "sentences": [{"text": "Es blieb ruhig 🎉.", "support": [_moved(span(SOURCE, "Es blieb ruhig."))]}],
            "warnings": [{"code": "name_unsupported", "message": "no such name", "target_span": [15, 16]}],
            "needs_review": True,
        },
        "translation": {
            "text": TRANSLATION,
            "sentences": [{"source": _moved(span(SOURCE, s)), "target": span(TRANSLATION, t)} for s, t in sentences],
            "warnings": [
                {
                    "code": "magnitude_changed",
                    "message": "120 became 1,200",
                    "review": True,
                    "span": _moved(span(SOURCE, "120")),
                    "target_span": span(TRANSLATION, "1,200"),
                },
                {
                    "code": "brand_new",
                    "message": "a check that this page does not know",
                    "span": _moved(span(SOURCE, "ruhig")),
                },
                {"code": "untranslated", "message": "somewhere"},
            ],
            "needs_review": True,
            "cached": {"sentences": 1, "of": 2},
        },
    }


def _moved(place: list[int]) -> list[int]:
    """Convert a range in the cleaned body to a range in the submitted body.

    The submitted body has 7 additional characters at its start.
    """
    return [place[0] + 7, place[1] + 7]
