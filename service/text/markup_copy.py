"""The source of a document as it is copied, with the attribute values that were changed."""

from bisect import bisect_left
from collections.abc import Mapping
from itertools import accumulate

from service.types import Span


class Copy:
    """Copies ranges of the HTML; a changed range lies wholly within a copied one or wholly outside."""

    def __init__(self, html: str, changed: Mapping[Span, str | None]) -> None:
        """``changed``: what stands for a range now, None for what stays."""
        self.html = html
        self._changes = sorted((span, text) for span, text in changed.items() if text is not None)
        self._starts = [span.start for span, _ in self._changes]
        grown = (len(text) - (span.end - span.start) for span, text in self._changes)
        self._growth = list(accumulate(grown, initial=0))

    def of(self, span: Span) -> str:
        """The HTML in a range, with its changes."""
        parts: list[str] = []
        done = span.start
        for place, text in self._changes[bisect_left(self._starts, span.start) : bisect_left(self._starts, span.end)]:
            parts += (self.html[done : place.start], text)
            done = place.end
        parts.append(self.html[done : span.end])
        return "".join(parts)

    def length(self, place: int) -> int:
        """How long the copy is up to a place that is in no changed range."""
        return place + self._growth[bisect_left(self._starts, place)]
