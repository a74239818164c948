"""Finds a kicker that a page glued to its headline: "USABiden will …", "PolitikBiden will …"."""

from collections.abc import Iterable

from service.text.phrases import phrases

_MIN_HEADLINE_WORDS = 4  # a brand such as "EuropaPark" alone is no headline
_MAX_HEADLINE_CHARS = 200


def glued_kicker_chars(line: str, known: Iterable[str] = ()) -> int:
    """How many code points of ``line`` are a kicker glued to what follows; 0 where there is none.

    Only kickers of the phrase lists and of ``known`` (the page's own breadcrumbs and topics) count, the longest first.
    """
    if len(line) > _MAX_HEADLINE_CHARS or len(line.split()) < _MIN_HEADLINE_WORDS:
        return 0
    candidates = (*phrases("acronyms"), *phrases("sections"), *known)
    if not line.startswith(candidates):  # as most lines do not
        return 0
    return max((len(c) for c in candidates if _is_glued(line, c)), default=0)


def _is_glued(line: str, kicker: str) -> bool:
    rest = line[len(kicker) : len(kicker) + 2]
    return line.startswith(kicker) and (rest[:1] in {"„", "»"} or (rest[:1].isupper() and rest[1:].islower()))
