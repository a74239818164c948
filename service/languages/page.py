"""Patterns and word lists that distinguish an article's text from the rest of a news page or an agency report."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

NEVER = re.compile(r"(?!)")
"""A pattern that never matches."""

Weight = Literal["sure", "context", "doubt"]
"""The degree of certainty that a line is boilerplate.

A ``sure`` line is always removed. A ``context`` line is removed above the text, below it, or next to other boilerplate.
A ``doubt`` line is only reported.
"""


@dataclass(frozen=True, slots=True, eq=False)
class WireGrammar:
    """Patterns for the parts of news agency reports that are not article text.

    Attributes:
        header: a pattern for the header line, with the number, priority, section and length of the report.
        slug: a pattern for the line of keywords.
        version: a pattern for the line that states the version of the report.
        marked_notes: a pattern for the beginning of notes for editors. The pattern matches no other text.
        notes: a pattern for the beginning of notes for editors. The pattern is used only for reports with a header or a
            marked headline.
        sign_off: a pattern for the editors' initials and the time at the end of the report.
    """

    header: re.Pattern[str] = NEVER
    slug: re.Pattern[str] = NEVER
    version: re.Pattern[str] = NEVER
    marked_notes: re.Pattern[str] = NEVER
    notes: re.Pattern[str] = NEVER
    sign_off: re.Pattern[str] = NEVER


@dataclass(frozen=True, slots=True, eq=False)
class PageGrammar:
    """Boilerplate that surrounds articles on news pages. "Folded" entries are results of `str.casefold`.

    Attributes:
        verb: a pattern for words that identify a long line as a sentence.
        roots: names of the home page in a breadcrumb trail.
        sections: names of the site's sections, such as politics.
        headings: maps each reason for removal to the headings (folded) of the blocks that are removed for this reason.
        announcing: reasons from ``headings``. Their headings may be followed by a colon and text on the same line.
        controls: labels of buttons and links (folded).
        agencies: news agencies (folded).
        agency_break: a pattern for the separators between agencies in a credit.
        boilerplate: the beginnings of sentences in consent boxes, paywalls and newsletters.
        standard: a pattern for further boilerplate sentences, and for notes about the origin of a report.
        lines: (pattern, reason, weight) triples for whole lines. The patterns are tried in this order.
        copyright: a pattern for whole lines that contain a copyright notice.
        bare_names: a pattern for whole lines that consist of names of people.
        byline_start: a pattern for the words of a byline before the name.
        appeal: a pattern for paragraphs that ask the readers to support the newsroom with money.
        answer: a pattern for whole lines with an answer of a readers' poll, such as yes or no.
        photo_credit: a pattern for whole lines that contain a photo credit.
        dateline: a pattern for the place and agency at the beginning of a report.
        meta_end: a pattern for a byline, a timestamp or button labels at the end of a paragraph.
        photo_ends: patterns for a photo credit at the end of a paragraph.
        caption: a pattern for lines that are a photo caption with a credit. The match begins with the caption.
        period: a pattern for whole lines with two dates, such as those of a person's birth and death.
        related: a pattern for headings (folded) of links to other articles, in addition to the list in ``headings``.
        newsletter: a pattern for sentences that offer a newsletter.
        teaser_end: a pattern for the link at the end of a teaser of another article.
        biography: a pattern for the beginning of a text that introduces the author or an interviewed person.
        digest: a pattern for headings of a box that states the main points of the article.
        comments: a pattern for whole lines that are the heading of the readers' comments.
        comment_row: a pattern for whole lines with the buttons of a reader's comment.
        source_end: a pattern for the credit of a photo or of the report at the end of a paragraph.
        wire: the patterns for agency reports.
        cues: maps names of features in ``weights`` to patterns for words that indicate the type of a line.
        weights: the weights file of the model that finds the lines of an article in a page, or None.
    """

    verb: re.Pattern[str] = NEVER
    roots: frozenset[str] = frozenset()
    sections: frozenset[str] = frozenset()
    headings: Mapping[str, frozenset[str]] = field(default_factory=dict)
    announcing: frozenset[str] = frozenset()
    controls: frozenset[str] = frozenset()
    agencies: frozenset[str] = frozenset()
    agency_break: re.Pattern[str] = NEVER
    boilerplate: tuple[str, ...] = ()
    standard: re.Pattern[str] = NEVER
    lines: tuple[tuple[re.Pattern[str], str, Weight], ...] = ()
    copyright: re.Pattern[str] = NEVER
    bare_names: re.Pattern[str] = NEVER
    byline_start: re.Pattern[str] = NEVER
    appeal: re.Pattern[str] = NEVER
    answer: re.Pattern[str] = NEVER
    photo_credit: re.Pattern[str] = NEVER
    dateline: re.Pattern[str] = NEVER
    meta_end: re.Pattern[str] = NEVER
    photo_ends: tuple[re.Pattern[str], ...] = ()
    caption: re.Pattern[str] = NEVER
    period: re.Pattern[str] = NEVER
    related: re.Pattern[str] = NEVER
    newsletter: re.Pattern[str] = NEVER
    teaser_end: re.Pattern[str] = NEVER
    biography: re.Pattern[str] = NEVER
    digest: re.Pattern[str] = NEVER
    comments: re.Pattern[str] = NEVER
    comment_row: re.Pattern[str] = NEVER
    source_end: re.Pattern[str] = NEVER
    wire: WireGrammar = WireGrammar()
    cues: Mapping[str, re.Pattern[str]] = field(default_factory=dict)
    weights: Path | None = None
