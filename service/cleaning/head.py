"""Detection of the headline, kicker and lead in text that was copied from a web page."""

import re

from service.cleaning.boilerplate import Line, has_inner_end, is_headline_like, is_kicker_like, is_stopped
from service.cleaning.line_features import META_REASONS
from service.languages.base import Language
from service.text.normalization import normalize_unicode
from service.text.segmentation import glued_kicker_chars

MAX_LEAD_WORDS = 70
_MAX_GLUED_KICKER_CHARS = 40
_KICKER_ALONE_WORDS = 2  # a longer line before a blank line may be the headline itself
_SITE_NAME_WORDS = 4
_NEAR_LEAD = frozenset({"control", "photo_caption", "photo_credit", "source_credit"})
_CRUMB_NUMBER = re.compile(r"^\d{1,2}\.\s+")
_PLAIN = str.maketrans(dict.fromkeys("„“”«»‚‘’›‹'", '"') | dict.fromkeys("–—‐‑", "-"))


def comparison_key(text: str) -> str:
    """Return a key by which texts are compared.

    The key does not depend on case, white space, the kind of quotation marks and dashes, or a final full stop.
    """
    return " ".join(normalize_unicode(text, "NFKC").translate(_PLAIN).casefold().split()).rstrip(" .")


def mark_headline(lines: list[Line], headline: str | None, language: Language) -> list[Line]:
    """Mark the headline and the kicker (a few words above the headline), and return all lines.

    If ``headline`` is not None, the caller has provided it. In this case, mark only the kicker, and mark repetitions of
    the headline in ``lines`` as removed.
    """
    first = next((number for number, line in enumerate(lines) if line.kept and line.running), None)
    if headline is not None:
        return _without_repeated(lines, headline, 1 if first is None else first + 1)
    if first is not None and _is_long_headline(lines, first):
        first = next(n for n in range(first + 1, len(lines)) if lines[n].kept and lines[n].running)
    return lines if first is None else _with_found_headline(lines, first, language)


def _is_long_headline(lines: list[Line], at: int) -> bool:
    """Return whether the line with index ``at`` is a long headline: one sentence without a full stop.

    The line is the first one that looks like running text. Longer running text must follow it, and no other kept line
    may precede it.
    """
    line = lines[at]
    if not is_headline_like(line.text) or has_inner_end(line.text) or any(one.kept for one in lines[:at]):
        return False
    return any(one.kept and one.running and len(one.text) > len(line.text) for one in lines[at + 1 :])


def _without_repeated(lines: list[Line], headline: str, limit: int) -> list[Line]:
    """Mark repetitions of ``headline`` in the first ``limit`` lines as removed, and return all lines.

    The kicker directly above a repetition is marked, and names of sections above it are marked as removed.

    The headline may be very long, and every line may repeat it. To limit the running time, the comparison key of the
    headline is computed only once, and the lines above a repetition are examined only once.
    """
    result: list[Line] = []
    headline, wanted = headline.strip(), _letters(headline)
    seen = 0
    for line in lines[:limit]:
        parts = _split_at_headline(line, headline) if line.kept else [line]
        if parts[-1].kept and _repeats(parts[-1].text, wanted):
            parts[-1].reason = "repeated_headline"
            _mark_kicker_above(result)
            _remove_sections(result[seen:])
            seen = len(result)
        result.extend(parts)
    return [*result, *lines[limit:]]


def _remove_sections(above: list[Line]) -> None:
    for line in above:
        if line.kept and line.part == "body" and _is_section(line):
            line.reason = "breadcrumb"


def _mark_kicker_above(above: list[Line]) -> None:
    if above and above[-1].kept and above[-1].part == "body" and is_kicker_like(above[-1].text):
        above[-1].part = "kicker"


def _split_at_headline(line: Line, headline: str) -> list[Line]:
    chars = len(line.text) - len(headline)
    if not 0 < chars <= _MAX_GLUED_KICKER_CHARS or not line.text.endswith(headline):
        return [line]
    kicker, rest = line.cut(chars)
    kicker.part = "kicker"
    return [kicker, rest]


def _repeats(text: str, wanted: str) -> bool:
    """Return whether the letters and digits of the text are ``wanted``, possibly with a site name after the last " | ".

    A site name has at most four words. Punctuation and spaces do not matter, because they are often lost between the
    parts of a headline.
    """
    if wanted and _letters(text) == wanted:
        return True
    title, bar, site = text.rpartition(" | ")
    return bool(bar) and len(site.split()) <= _SITE_NAME_WORDS and _letters(title) == wanted


def _letters(text: str) -> str:
    """Return the letters and digits of a text in a form for comparisons (see `comparison_key`)."""
    return "".join(filter(str.isalnum, comparison_key(text)))


def _with_found_headline(lines: list[Line], first: int, language: Language) -> list[Line]:
    head: list[Line] = []
    for line in lines[:first]:
        if line.kept and is_stopped(line.text):
            break
        if line.kept:
            head.append(line)
    titles = (number for number, line in enumerate(head) if is_headline_like(line.text) and not _is_section(line))
    at = next(titles, None)
    if at is None:
        return lines
    if at > 0 and _is_kicker(head[at - 1], head[at]):
        head[at - 1].part = "kicker"
    elif at + 1 < len(head) and _is_kicker(head[at], head[at + 1]):
        head[at].part = "kicker"
        at += 1
    _remove_sections(head[:at])
    return mark_kicker(lines, head[at], first, language)


def _is_section(line: Line) -> bool:
    return line.text.strip("+ ") in line.page.sections


def _is_kicker(line: Line, below: Line) -> bool:
    if not is_kicker_like(line.text) or not is_headline_like(below.text):
        return False
    short = len(line.text.split()) <= _KICKER_ALONE_WORDS
    return short or _is_section(line) or not below.after_blank


def mark_kicker(lines: list[Line], headline: Line, first: int, language: Language) -> list[Line]:
    """Mark the line ``headline``, a kicker at its start, and repetitions of the headline, and return all lines.

    ``first`` is the index of the first line of the text. Only repetitions above this line are marked.
    """
    at = lines.index(headline)
    known = [_CRUMB_NUMBER.sub("", line.text) for line in lines if line.reason in {"breadcrumb", "topics"}]
    chars = glued_kicker_chars(headline.text, language, known)
    parts = list(headline.cut(chars)) if chars else [headline]
    if chars:
        parts[0].part = "kicker"
    parts[-1].part = "headline"
    wanted = _letters(parts[-1].text)
    for line in lines[:first]:
        if line is not headline and line.kept and line.part == "body" and _repeats(line.text, wanted):
            line.reason = "repeated_headline"
    return [*lines[:at], *parts, *lines[at + 1 :]]


def mark_lead(lines: list[Line], lead: str | None, *, has_headline: bool) -> None:
    """Mark the lead, if the page has one. The lead is the introductory paragraph below the headline.

    If ``lead`` is not None, the caller has provided it. In this case, mark its repetitions above the text as removed.
    """
    running = [number for number, line in enumerate(lines) if line.kept and line.running and line.part == "body"]
    if lead is not None:
        _remove_given_lead(lines, lead, running[0] if running else len(lines) - 1)
    elif has_headline and len(running) > 1 and _is_lead(lines, running[0], running[1]):
        lines[running[0]].part = "lead"


def _remove_given_lead(lines: list[Line], lead: str, limit: int) -> None:
    wanted = comparison_key(lead)
    for line in lines[: limit + 1]:
        if line.kept and line.part == "body" and comparison_key(line.text) == wanted:
            line.reason = "repeated_lead"


def _is_lead(lines: list[Line], at: int, following: int) -> bool:
    """Return whether the paragraph with index ``at`` is the lead. ``following`` is the index of the next paragraph.

    The lead has at most 70 words, and only removed lines separate it from the next paragraph. These must include a
    byline, timestamp or reading time or, if there is none above the lead, a photo or a button. Otherwise, the next
    paragraph must open with a dateline.
    """
    if len(lines[at].text.split()) > MAX_LEAD_WORDS or any(line.kept for line in lines[at + 1 : following]):
        return False
    above = {line.reason for line in lines[:at]}
    between = {line.reason for line in lines[at + 1 : following]}
    # If a byline is above the paragraph, a photo or button below is no evidence, because it may follow the first
    # paragraph of the body.
    separated = bool(between & META_REASONS) or (bool(between & _NEAR_LEAD) and not above & META_REASONS)
    return separated or lines[following].page.dateline.match(lines[following].text) is not None
