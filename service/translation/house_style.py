"""Application of a house style to translated sentences.

The style is applied to finished sentences, after the engine, the checks and the cache. Cached sentences can therefore
be used with any style.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from service.domain import Span
from service.languages.base import Language
from service.languages.house_style import Edit, HouseStyle, RuleName
from service.text.literals import find_literals
from service.translation.postprocessing import FinishedSentence
from service.translation.preparation import CALLER_TERMS, Part, Sentence

_CAPITALISED = re.compile(r"(?<!\w)[^\W\d_]\w+")
_OPENING, _CLOSING, _STRAIGHT, _SINGLE = "“„«", "”»", '"', "‘‚’'"
_MARKS = re.compile(f"[{_OPENING}{_CLOSING}{_STRAIGHT}{_SINGLE}]")
_SINGLE_OPENS = re.compile(r"(?<![\w’'])[‘‚'](?=[\w“\"])")
_SINGLE_CLOSES = re.compile(r"(?<=[\w.,!?…”\"])[’'](?!\w)")
_PAIRS = {"double": ("“”", "‘’"), "single": ("‘’", "“”"), "straight": ('""', "''")}


@dataclass(frozen=True, slots=True)
class StyleChange:
    """A change by a house style, from the text ``before`` to the text ``after``.

    ``span`` is the place of the text ``after`` in the changed sentence.
    """

    rule: RuleName
    span: Span
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class StyledSentence:
    """A finished sentence that follows a house style, and the changes by the style."""

    finished: FinishedSentence
    changes: tuple[StyleChange, ...] = ()


class Stylist:
    """A stylist that applies a house style to the sentences of one text, in text order.

    The words in quotations, literal passages such as addresses, and the caller's terms are not changed. A quotation may
    extend over several sentences of a paragraph.
    """

    def __init__(self, style: HouseStyle, language: Language) -> None:
        self._style = style
        self._rules = None if language.style_rules is None or not style else language.style_rules(style)
        self._part: Part | None = None
        self._end = 0
        self._is_quoting = False

    def apply(self, part: Part, sentence: Sentence, finished: FinishedSentence) -> StyledSentence:
        """Return the translation of a sentence in the house style.

        A sentence for which the model gave no usable answer is not changed.
        """
        if self._rules is None or not finished.answered:
            return StyledSentence(finished)
        source, span = part.prepared.segmentation.text, sentence.span
        if part is not self._part or "\n" in source[self._end : span.start]:
            self._is_quoting = False
        draft = _Draft(finished.text)
        continues = self._is_quoting
        marks, quoted, is_quoting = _quotations(finished.text, is_open=continues)
        if sentence.has_letters:  # a caller that skips the other sentences gets the same results
            self._part, self._end, self._is_quoting = part, span.end, is_quoting
        draft.kept = [*quoted, *(one.span for one in find_literals(finished.text)), *_terms(finished)]
        if self._style.quotation_marks is not None:
            edits = _with_marks(finished.text, marks, self._style)
            if continues or _is_stable(finished.text, edits, quoted, self._style):
                draft.apply("quotation_marks", edits, is_inside=True)
        shared = frozenset(_CAPITALISED.findall(span.of(source)))
        for rule in self._rules:
            draft.apply(rule.name, rule.find(draft.text, self._style, shared))
        return StyledSentence(draft.moved(finished), draft.changes) if draft.changes else StyledSentence(finished)


class _Draft:
    """A sentence while rules are applied to it. ``kept`` are the spans that the rules must not change."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.kept: list[Span] = []
        self._changes: list[StyleChange] = []
        self._steps: list[Sequence[Edit]] = []

    @property
    def changes(self) -> tuple[StyleChange, ...]:
        """The changes so far, in text order."""
        return tuple(sorted(self._changes, key=lambda change: change.span))

    def apply(self, rule: RuleName, proposed: Sequence[Edit], *, is_inside: bool = False) -> None:
        """Apply the edits of a rule, which are in order and do not overlap.

        An edit of text in ``kept`` is only applied if ``is_inside`` is True.
        """
        edits = [edit for edit in proposed if is_inside or not any(edit.span.overlaps(kept) for kept in self.kept)]
        changes = [self._absorbing(rule, edit) for edit in edits]
        left = [one for one in self._changes if not any(one.span.overlaps(new.span) for new in changes)]
        edits = [Edit(change.span, change.after) for change in changes]
        self._changes = [replace(one, span=_moved(one.span, edits)) for one in (*left, *changes)]
        self.kept = [_moved(span, edits) for span in self.kept]
        for edit in reversed(edits):
            self.text = self.text[: edit.span.start] + edit.text + self.text[edit.span.end :]
        self._steps.append(edits)

    def _absorbing(self, rule: RuleName, edit: Edit) -> StyleChange:
        """Return the change that an edit makes, combined with earlier changes that it overlaps."""
        earlier = [one for one in self._changes if one.span.overlaps(edit.span)]
        start = min([edit.span.start, *(one.span.start for one in earlier)])
        end = max([edit.span.end, *(one.span.end for one in earlier)])
        before = self.text[start:end]
        for one in sorted(earlier, key=lambda change: change.span, reverse=True):
            before = before[: one.span.start - start] + one.before + before[one.span.end - start :]
        after = self.text[start : edit.span.start] + edit.text + self.text[edit.span.end : end]
        return StyleChange(rule, Span(start, end), before, after)

    def moved(self, finished: FinishedSentence) -> FinishedSentence:
        """Return ``finished`` with the text of this draft.

        The spans of its word alignment and of its findings are converted to this text.
        """
        alignment, findings = finished.alignment, finished.findings
        if alignment is not None:
            alignment = replace(alignment, target=tuple(map(self._move, alignment.target)))
        findings = tuple(one if one.output is None else replace(one, output=self._move(one.output)) for one in findings)
        return replace(finished, text=self.text, alignment=alignment, findings=findings)

    def _move(self, span: Span) -> Span:
        for edits in self._steps:
            span = _moved(span, edits)
        return span


def _moved(span: Span, edits: Sequence[Edit]) -> Span:
    """Convert ``span`` to the text after the edits. If an edit overlaps the span, the result covers the whole edit."""
    start, end = span
    shift_start = shift_end = 0
    for edit in edits:
        grown = len(edit.text) - (edit.span.end - edit.span.start)
        if edit.span.end <= span.start:
            shift_start += grown
        elif edit.span.start < span.start:
            start = edit.span.start
        if edit.span.end <= span.end:
            shift_end += grown
        elif edit.span.start < span.end:
            end = edit.span.end
            shift_end += grown
    return Span(start + shift_start, end + shift_end)


def _terms(finished: FinishedSentence) -> Iterator[Span]:
    """Yield the span of each occurrence of a form that satisfies one of the caller's terms."""
    for term in finished.applied:
        if term.kind in CALLER_TERMS:
            for form in (term.text, *term.accepted):
                for match in re.finditer(re.escape(form), finished.text, re.IGNORECASE):
                    yield Span(*match.span())


class _Mark(NamedTuple):
    """A quotation mark at the offset ``at``, which opens or closes a quotation.

    ``depth`` is 1 if this quotation is inside another one, and otherwise 0.
    """

    at: int
    opens: bool
    depth: int


def _quotations(text: str, *, is_open: bool) -> tuple[list[_Mark], list[Span], bool]:
    """Find the quotations in a sentence.

    ``is_open`` states whether the sentence begins inside a quotation. Return the quotation marks, the spans of the
    words in outer quotations, and whether the sentence ends inside a quotation. Only quotations in double quotation
    marks extend over several sentences. If the marks are not properly paired, no marks are returned.
    """
    singles = _single_marks(text)
    marks: list[_Mark] = []
    quoted: list[Span] = []
    is_ordered = True
    stack = [("double", 0, "“")] if is_open else []
    for match in _MARKS.finditer(text):
        mark, at = match[0], match.start()
        if mark in _SINGLE and at not in singles:
            continue  # an apostrophe
        kind = "single" if mark in _SINGLE else "double"
        inside = [one for one in stack if one[0] == kind]
        if not inside and len(stack) < len(_PAIRS["double"]) and mark not in _CLOSING:
            marks.append(_Mark(at, opens=True, depth=len(stack)))
            stack.append((kind, at + 1, mark))
        elif inside and mark in _OPENING and not (mark == "“" and inside[0][2] == "„"):
            is_ordered = False  # the quotation is already open
        elif inside or mark in _CLOSING:
            is_ordered = is_ordered and bool(inside)
            depth = stack.index(inside[0]) if inside else 0
            marks.append(_Mark(at, opens=False, depth=depth))
            if depth == 0:
                quoted.append(Span(stack[0][1] if stack else 0, at))
            del stack[depth:]
    if stack:
        quoted.append(Span(stack[0][1], len(text)))
    return marks if is_ordered else [], quoted, bool(stack) and stack[0][0] == "double"


def _single_marks(text: str) -> frozenset[int]:
    """Return the offsets of single quotation marks that are not apostrophes.

    A mark after "s" may be an apostrophe ("the boys’ toys"), so it closes a quotation only if it is the only mark that
    can. A mark that only opens quotations needs no counterpart.
    """
    closes = [match.start() for match in _SINGLE_CLOSES.finditer(text)]
    opens = [match.start() for match in _SINGLE_OPENS.finditer(text)]
    found: list[int] = []
    for number, at in enumerate(opens):
        limit = opens[number + 1] if number + 1 < len(opens) else len(text)
        fitting = [close for close in closes if at < close < limit]
        sure = [close for close in fitting if text[close - 1] not in "sS"] or fitting
        if sure is not fitting or len(sure) == 1:
            found += [at, sure[0]]
        elif text[at] in "‘‚":
            found.append(at)
    return frozenset(found)


def _with_marks(text: str, marks: Sequence[_Mark], style: HouseStyle) -> list[Edit]:
    """Return the edits that write quotation marks in the house style, in order."""
    pairs = _PAIRS[style.quotation_marks or "straight"]
    edits = [Edit(Span(one.at, one.at + 1), pairs[one.depth][not one.opens]) for one in marks]
    return [edit for edit in edits if edit.span.of(text) != edit.text]


def _is_stable(text: str, edits: Sequence[Edit], quoted: Sequence[Span], style: HouseStyle) -> bool:
    """Return whether the quotations ``quoted`` of ``text`` can still be recognised after ``edits`` of quotation marks.

    The new marks can be ambiguous, for example if they look like apostrophes. The result is therefore False if
    `_quotations` finds other quotations in the changed text, or if the style would change its marks again. Each edit
    replaces one character with another.
    """
    letters = list(text)
    for edit in edits:
        letters[edit.span.start] = edit.text
    changed = "".join(letters)
    marks, found, _ = _quotations(changed, is_open=False)
    return list(quoted) == found and not _with_marks(changed, marks, style)
