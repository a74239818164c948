"""Cleaning of text that was copied from a web page: removal of boilerplate around the headline, lead and body."""

import re
from dataclasses import dataclass
from typing import NamedTuple

from service.cleaning.boilerplate import (
    Line,
    Verdict,
    has_inner_end,
    is_headline_like,
    is_kicker_like,
    is_stopped,
    mark_wire,
    read_lines,
)
from service.cleaning.line_features import LONG_CHARS, META_REASONS
from service.cleaning.line_model import ARTICLE, OUTSIDE, Labelled, label, read_weights
from service.cleaning.rules import (
    MAYBE_BOILERPLATE,
    MAYBE_CAPTION,
    MAYBE_CAPTION_WORDS,
    PARAGRAPH_CHARS,
    doubt_repetitions,
    remove_boilerplate,
    split_glued_lines,
)
from service.domain import Notice, Span
from service.languages.base import Language
from service.text.normalization import normalize_unicode
from service.text.segmentation import glued_kicker_chars

_LEAST_PAGE_LINES = 20
_PAGE_LINES = 5  # minimum number of unrecognised lines outside the article in a whole page
# In a whole page, a line is kept if the probability that it belongs to the article is at least this high.
_LEAST_ARTICLE = 0.15
_LEAST_PARAGRAPH = 0.1  # the minimum for a long paragraph of several sentences
_LEAST_END = 0.25  # the minimum for a long line directly below the last paragraph
# In a text that is not a whole page, a line is removed only if this probability is lower.
_SURELY_NOT = 0.15
_SURELY_NO_SENTENCE = 0.1  # the limit for a full sentence
_LEAST_KNOWN = 4  # the rules must have recognised at least this number of lines before a full sentence is removed
_LEAST_LINES = 16  # the text must have at least this number of lines before a full sentence is removed
_DOUBT = 0.05
_LEAD_CHARS = range(60, 600)
_LEAD_OR_TEXT = frozenset({"lead", "text"})
_LEAST_LEAD = 0.3
_NO_SUBHEADING = re.compile(r"/|[^\w?!“”\"»«]$")
_HEADS = frozenset({"headline", "kicker", "lead"})
_SURE_ABOVE_CREDIT = 0.9
_SURE_TEXT = 0.75
_KEPT_OWN = frozenset({"boilerplate", "head_boilerplate"})
_SURELY_HEAD = 0.8
_LIKELY_HEAD = 0.4
_META_LINES = 4
_REASONS = {
    "head_meta": "byline",
    "meta": "byline",
    "head_caption": "photo_caption",
    "caption": "photo_caption",
    "head_boilerplate": "boilerplate",
    "boilerplate": "boilerplate",
    "before": "outside_article",
    "after": "outside_article",
}


def label_lines(lines: list[Line], verdicts: list[Verdict | None], language: Language) -> Labelled | None:
    """Classify the lines with the line model of the language.

    Return None if the language has no line model, or if no line has been recognised as boilerplate. A text without
    boilerplate is an article or a part of one, not a copy of a page, so none of its lines may be removed.
    """
    if language.page.weights is None or all(line.reason is None for line in lines):
        return None
    return label(lines, verdicts, language, read_weights(language.page.weights))


def is_whole_page(lines: list[Line], labelled: Labelled) -> bool:
    """Return whether a whole page was pasted.

    This is assumed if the text has at least 20 lines, the line model finds article text, and it places at least five
    lines outside the article that no rule has recognised as boilerplate.
    """
    outside = sum(line.kept and state in OUTSIDE for line, state in zip(lines, labelled.states, strict=True))
    return len(lines) >= _LEAST_PAGE_LINES and outside >= _PAGE_LINES and "text" in labelled.states


def remove_outside(lines: list[Line], verdicts: list[Verdict | None], labelled: Labelled, *, whole_page: bool) -> None:
    """Set ``reason`` for each line that is not part of the article according to the line model.

    If ``whole_page`` is False, this applies only to lines between parts of the article. A full sentence is then removed
    only if the text has at least 16 lines, of which at least four are boilerplate. In a text with at least 16 lines, a
    caption directly above a photo credit is also removed. Set ``unsure`` for sentences that are kept although they may
    not belong to the article.
    """
    known = sum(line.reason is not None for line in lines)
    sentence_limit = _SURELY_NO_SENTENCE if known >= _LEAST_KNOWN and len(lines) >= _LEAST_LINES else 0
    for number, (line, verdict, state) in enumerate(zip(lines, verdicts, labelled.states, strict=True)):
        if not line.kept:
            continue
        chance = labelled.chance(number, ARTICLE)
        above_credit = _is_caption_above_credit(lines, number, state, chance)
        if above_credit and len(lines) >= _LEAST_LINES:
            line.reason = "photo_caption"
        elif _stays(lines, labelled, number, whole_page=whole_page, sentence_limit=sentence_limit):
            in_text = state in ARTICLE and (chance >= _SURE_TEXT or not _may_be_caption(line))
            introduces = line.page.biography.match(line.text) is not None
            caption = above_credit or _is_second_lead(lines, labelled, number)
            line.unsure = line.running and (caption or introduces or not in_text)
        elif verdict is not None:
            line.reason = verdict.reason
        elif chance >= _DOUBT:
            line.reason = "maybe_article"
        else:
            line.reason = "timestamp" if "meta" in state and line.text[0].isdigit() else _REASONS[state]


def _stays(lines: list[Line], labelled: Labelled, number: int, *, whole_page: bool, sentence_limit: float) -> bool:
    """Return whether the line with index ``number`` stays in the article (see `remove_outside`).

    In a text that is not a whole page, a full sentence stays if it belongs to the article with a probability of at
    least ``sentence_limit``.
    """
    line, state = lines[number], labelled.states[number]
    if state in ARTICLE or (number in labelled.facts.own and state in _KEPT_OWN):
        return True
    if _is_subheading(lines, labelled, number):
        return True
    chance = labelled.chance(number, ARTICLE)
    if whole_page and state == "after" and _goes_on(lines, labelled, number):
        return chance >= _LEAST_END
    if whole_page:
        return state not in OUTSIDE and chance >= (_LEAST_PARAGRAPH if _is_paragraph(line) else _LEAST_ARTICLE)
    return state in OUTSIDE or chance >= (sentence_limit if line.running or is_stopped(line.text) else _SURELY_NOT)


def _goes_on(lines: list[Line], labelled: Labelled, number: int) -> bool:
    """Return whether the line with index ``number`` is a long line of running text directly below a kept paragraph."""
    above = number - 1
    if number == 0 or not lines[number].running or len(lines[number].text) < LONG_CHARS:
        return False
    return labelled.states[above] == "text" and lines[above].kept


def _is_caption_above_credit(lines: list[Line], number: int, state: str, chance: float) -> bool:
    """Return whether the line with index ``number`` is the caption of the photo whose credit is on the next line.

    A caption has at most 30 words and is not the headline, kicker or lead. ``state`` is the state of the line.
    ``chance`` is the probability that the line belongs to the article, and must be less than 0.9.
    """
    if number + 1 == len(lines) or lines[number + 1].reason != "photo_credit" or state in _HEADS:
        return False
    return _may_be_caption(lines[number]) and chance < _SURE_ABOVE_CREDIT


def _is_second_lead(lines: list[Line], labelled: Labelled, number: int) -> bool:
    """Return whether a short line above a photo credit has the state of a lead although another lead is above it."""
    if labelled.states[number] != "lead" or not _may_be_caption(lines[number]):
        return False
    if number + 1 == len(lines) or lines[number + 1].reason != "photo_credit":
        return False
    return "lead" in labelled.states[:number]


def _may_be_caption(line: Line) -> bool:
    return len(line.text.split()) <= MAYBE_CAPTION_WORDS


def _is_paragraph(line: Line) -> bool:
    return line.running and len(line.text) >= PARAGRAPH_CHARS and has_inner_end(line.text)


def _is_subheading(lines: list[Line], labelled: Labelled, number: int) -> bool:
    """Return whether the line with index ``number`` is a subheading: one short line between two long paragraphs.

    The line model often mistakes such a subheading for a link, because the words of a subheading may not occur in the
    text. A line is not a subheading if it contains a slash, ends with a full stop, comma or similar mark, or has a
    ``doubt``.
    """
    line, around = lines[number], (number - 1, number + 1)
    if labelled.states[number] not in _KEPT_OWN or line.running or not 0 < number < len(lines) - 1:
        return False
    if line.doubt is not None or _NO_SUBHEADING.search(line.text):
        return False
    texts = [lines[n] for n in around if labelled.states[n] == "text"]
    return len(texts) == len(around) and all(one.kept and one.running and len(one.text) >= LONG_CHARS for one in texts)


def mark_by_model(lines: list[Line], labelled: Labelled, language: Language, *, whole_page: bool) -> list[Line]:
    """Mark the headline, kicker and lead that the line model has found, and return all lines.

    If ``whole_page`` is False, a part is marked only if the model is certain of it, and nothing is marked unless the
    model has found a headline without a full stop.
    """
    marked: dict[str, Line] = {}
    states = zip(lines, labelled.states, strict=True)
    # In a text that is not a whole page, a line with a full stop is not a headline.
    if not whole_page and not any(state == "headline" and not is_stopped(line.text) for line, state in states):
        return lines
    for part in ("headline", "kicker", "lead"):
        found = [number for number, state in enumerate(labelled.states) if state == part]
        found = [number for number in found if lines[number].kept or (whole_page and part == "headline")]
        if part == "lead":
            found = [number for number in found if len(lines[number].text.split()) <= MAX_LEAD_WORDS]
            found = [number for number in found if _opens(lines, labelled, number, language)]
            # A paragraph that occurs twice on the page is probably the caption of a photo that is shown twice.
            found = [number for number in found if number not in labelled.facts.copied] or found
        best = max(found, key=lambda number: labelled.chance(number, frozenset({part})), default=None)
        if best is None:
            continue
        if part == "lead" and "headline" in marked:
            best = _first_paragraph(lines, labelled, lines.index(marked["headline"]), best)
        if whole_page or _is_sure(lines, labelled, best, part, headed="headline" in marked):
            marked[part] = lines[best]
            lines[best].reason = None
            lines[best].part = part
    if "headline" not in marked:
        return lines
    first = next((number for number, line in enumerate(lines) if line.kept and line.running), len(lines))
    return mark_kicker(lines, marked["headline"], first, language)


def _is_sure(lines: list[Line], labelled: Labelled, number: int, part: str, *, headed: bool) -> bool:
    """Return whether the line with index ``number`` is surely the ``part`` of a text that is not a whole page.

    A headline needs a lower probability if a byline, timestamp or reading time is at most four lines below it. A lead
    needs a lower probability if a headline has been marked (``headed``).
    """
    chance = labelled.chance(number, frozenset({part}))
    if part == "headline":
        confirmed = any(line.reason in META_REASONS for line in lines[number + 1 : number + 1 + _META_LINES])
        return labelled.has_headline(_SURELY_HEAD) or chance >= (_LIKELY_HEAD if confirmed else _SURELY_HEAD)
    if part == "lead" and headed:
        return labelled.chance(number, _LEAD_OR_TEXT) >= _LIKELY_HEAD
    return chance >= _SURELY_HEAD


def _first_paragraph(lines: list[Line], labelled: Labelled, headline: int, lead: int) -> int:
    """Return the index of the first paragraph between the lines ``headline`` and ``lead``, or ``lead`` if none fits.

    The lead of an article is its first paragraph, so an earlier paragraph is used instead of the line that looks most
    like a lead. The earlier paragraph must have 60 to 599 characters and must not occur twice on the page. In addition,
    it must have a sufficient probability of being the lead or text, or there must be a byline, timestamp or reading
    time below it but not above it.
    """
    for number in range(headline + 1, lead):
        line = lines[number]
        is_text = line.kept and line.running and len(line.text) in _LEAD_CHARS and number not in labelled.facts.copied
        above, below = ({one.reason for one in part} for part in (lines[headline:number], lines[number + 1 : lead]))
        separated = not META_REASONS & above and bool(META_REASONS & below)
        if is_text and (separated or labelled.chance(number, _LEAD_OR_TEXT) >= _LEAST_LEAD):
            return number
    return lead


def _opens(lines: list[Line], labelled: Labelled, number: int, language: Language) -> bool:
    """Return whether the line with index ``number`` can be the lead.

    A line cannot be the lead if a dateline begins this line or any line between the headline and this line.
    """
    headline = max((n for n, state in enumerate(labelled.states[:number]) if state == "headline"), default=number - 1)
    return not any(language.page.dateline.match(line.text) for line in lines[headline + 1 : number + 1])


_PARAGRAPH_GAP = "\n\n"
_ALL_BOILERPLATE = "Every line looks like page boilerplate, so all of them were kept."


@dataclass(frozen=True, slots=True)
class RemovedPart:
    """A removed part of the submitted text, with the reason for its removal and its span.

    The reason is one of ``advert``, ``agency_credit``, ``agency_header``, ``agency_note``, ``boilerplate``,
    ``breadcrumb``, ``byline``, ``control``, ``copyright``, ``maybe_article``, ``media``, ``outside_article``,
    ``partner``, ``photo_caption``, ``photo_credit``, ``reading_time``, ``related``, ``repeated_headline``,
    ``repeated_lead``, ``source_credit``, ``timestamp`` and ``topics``. A part with the reason ``maybe_article`` may
    belong to the article.
    """

    text: str
    reason: str
    span: Span


class Mapping(NamedTuple):
    """A span of the cleaned body and the corresponding span of the submitted text.

    The two spans have the same length. ``doubtful`` is True if the paragraph may be boilerplate, such as a caption.
    """

    cleaned: Span
    source: Span
    doubtful: bool = False


@dataclass(frozen=True, slots=True)
class CleanedArticle:
    """The headline, kicker, lead and body of an article, and the parts of the submitted text that were removed.

    Each visible character of the submitted text is either in the article or in ``removed``. Blank lines separate the
    paragraphs of ``body``, and ``spans`` maps each paragraph to the submitted text. The headline, kicker and lead have
    a span in the submitted text, unless they are None or the caller provided them.
    """

    headline: str | None
    kicker: str | None
    lead: str | None
    body: str
    spans: tuple[Mapping, ...]
    removed: tuple[RemovedPart, ...]
    notices: tuple[Notice, ...]
    headline_span: Span | None
    kicker_span: Span | None
    lead_span: Span | None


def clean(text: str, language: Language, *, headline: str | None = None, lead: str | None = None) -> CleanedArticle:
    """Find the kicker, headline, lead and body in text that was copied from a web page, and remove boilerplate.

    ``text`` is in ``language``. If a whole page was pasted, the lines outside the article are also removed, and a
    ``page_pasted`` notice reports this. Lines that may be boilerplate are kept and reported with a ``maybe_furniture``
    notice. If no line looks like boilerplate, or if all lines do, the whole text is kept. If the caller provides
    ``headline`` or ``lead``, repetitions of the provided text at the top of ``text`` are removed. A different
    headline or lead stays in the body, but the headline of an agency report is removed as ``agency_header``.
    """
    headline, lead = headline if headline and headline.strip() else None, lead if lead and lead.strip() else None
    lines = split_glued_lines(read_lines(text, language))
    lines = mark_wire(lines, language.page.wire)
    is_wire = any(line.reason == "agency_header" for line in lines)
    verdicts = remove_boilerplate(lines, language)
    labelled = None if is_wire else label_lines(lines, verdicts, language)
    whole_page = labelled is not None and is_whole_page(lines, labelled)
    if labelled is not None:
        remove_outside(lines, verdicts, labelled, whole_page=whole_page)
        if headline is None:
            lines = mark_by_model(lines, labelled, language, whole_page=whole_page)
    if headline is not None or not any(line.part == "headline" for line in lines):
        lines = mark_headline(lines, headline, language)
    _unmark_given(lines, headline, lead)
    if lead is not None or not any(line.part == "lead" for line in lines):
        mark_lead(lines, lead, has_headline=headline is not None or any(line.part == "headline" for line in lines))
    doubt_repetitions(lines)
    if any(line.kept and line.part == "body" for line in lines) or all(_is_repeated(line) for line in lines):
        return _assemble(lines, headline, lead, [_page_pasted(lines)] if whole_page else [])
    everything = read_lines(text, language)
    return _assemble(everything, headline, lead, [Notice("maybe_furniture", _ALL_BOILERPLATE)])


def _unmark_given(lines: list[Line], headline: str | None, lead: str | None) -> None:
    """Set the part of a found headline or lead to "body" if the caller has provided this part.

    Otherwise, its text would be lost. A headline of an agency report is removed with the header of the report.
    """
    for line in lines:
        if line.part == "headline" and headline is not None:
            line.part, line.reason = "body", line.reason or "agency_header"
        elif line.part == "lead" and lead is not None:
            line.part = "body"


def _page_pasted(lines: list[Line]) -> Notice:
    words, kept, doubtful = (
        sum(len(line.text.split()) for line in lines if chosen(line))
        for chosen in (lambda _: True, lambda line: line.kept, lambda line: line.reason == "maybe_article")
    )
    share = round(100 * kept / max(1, words))
    message = (
        f"The text looks like a whole web page. {share}% of its words were kept as the article. {doubtful} words "
        "that may belong to the article were removed with the reason maybe_article."
    )
    return Notice("page_pasted", message)


def _is_repeated(line: Line) -> bool:
    return line.reason in {"repeated_headline", "repeated_lead"} or line.part != "body"


def _assemble(lines: list[Line], headline: str | None, lead: str | None, notices: list[Notice]) -> CleanedArticle:
    found = {part: next((line for line in lines if line.part == part), None) for part in ("headline", "kicker", "lead")}
    head = {id(line) for line in found.values()}
    body = [line for line in lines if line.kept and id(line) not in head]
    doubts = [
        Notice("maybe_furniture", line.doubt, line.span) for line in lines if line.kept and line.doubt is not None
    ]
    return CleanedArticle(
        headline=headline if headline is not None or found["headline"] is None else found["headline"].one_line(),
        kicker=_text(found["kicker"]),
        lead=lead if lead is not None else _text(found["lead"]),
        body=_PARAGRAPH_GAP.join(line.text for line in body),
        spans=tuple(_mappings(body)),
        removed=tuple(RemovedPart(line.text, line.reason, line.span) for line in lines if line.reason is not None),
        notices=(*notices, *doubts),
        headline_span=_span(found["headline"]),
        kicker_span=_span(found["kicker"]),
        lead_span=_span(found["lead"]),
    )


def _mappings(body: list[Line]) -> list[Mapping]:
    mappings: list[Mapping] = []
    start = 0
    for line in body:
        doubtful = line.unsure or line.doubt in {MAYBE_BOILERPLATE, MAYBE_CAPTION}
        mappings.append(Mapping(Span(start, start + len(line.text)), line.span, doubtful))
        start += len(line.text) + len(_PARAGRAPH_GAP)
    return mappings


def _text(line: Line | None) -> str | None:
    return None if line is None else line.text


def _span(line: Line | None) -> Span | None:
    return None if line is None else line.span


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
        wanted = comparison_key(lead)
        for line in lines[: running[0] + 1] if running else lines:
            if line.kept and line.part == "body" and comparison_key(line.text) == wanted:
                line.reason = "repeated_lead"
    elif has_headline and len(running) > 1 and _is_lead(lines, running[0], running[1]):
        lines[running[0]].part = "lead"


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
