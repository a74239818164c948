"""Tests that malicious HTML is processed in linear time and keeps its tags."""

import time
from collections import Counter

import pytest

from service.domain import Span
from service.text.html import placement as markup_placement
from service.text.html.document import parse
from service.text.html.placement import UnchangedStretch
from service.text.html.render import TranslatedSentence, render
from service.text.html.tokens import tokens
from tests.languages import DE
from tests.text.html_cases import Translate, same, shout, through

CHARS = 30_000
MOST_S = 6.0  # processor time; a quadratic algorithm would take minutes for this length
REPEATED = [
    "<",
    "<!",
    "<!--",
    "<a ",
    "<a b=",
    '<a b="',
    "</",
    "</b>",
    "&",
    "&amp;",
    "&#x41;",
    "&#",
    "&lt",
    "<b>",
    "<b>x",
    "<b>x</i>",
    "<i><b>x</i>",
    "<p>x",
    "<div><b>x",
    "<a><div>x</a>",
    "<code>x",
    "<sup>[",
    "<sup>[1]</sup>x ",
    "<span translate=no>x",
    "<span translate=no>x</span> y ",
    "<script>",
    "<svg>",
    "x<br>",
    "<b>x</b> ",
    "<img alt=x>",
    "<td>x",
    "x. ",
    "„x",
]


def tags(html: str) -> Counter[str]:
    return Counter(token.span.of(html) for token in tokens(html) if token.kind in {"start", "end", "comment"})


def proportional(html: str) -> str:
    """Return the HTML after a word has been appended to each block as its translation, without an alignment."""
    document = parse(html)
    sentences = [[TranslatedSentence(Span(0, len(b.text)), f"{b.text} etc")] for b in document.blocks]
    return render(document, sentences, DE).html


@pytest.mark.slow
@pytest.mark.parametrize("piece", REPEATED)
def test_time_is_linear_in_the_length(piece: str) -> None:
    html = "Wort " + piece * (CHARS // len(piece))
    start = time.process_time()
    output = proportional(html)
    assert time.process_time() - start < MOST_S
    assert tags(output) == tags(html)


class Counted(int):
    """An integer. The class counts how often a hash of its instances is computed."""

    hashed = 0

    def __hash__(self) -> int:
        Counted.hashed += 1
        return int(self)


def test_placement_is_linear_in_the_elements() -> None:
    count = 500
    (block,) = parse("<b>a</b> " * count).blocks
    placing = markup_placement._InlinePlacer(block, [UnchangedStretch(Span(0, len(block.text)), 0)])
    Counted.hashed = 0
    assert len(placing._place(markup_placement.OUTSIDE, [Counted(n) for n in range(count)])) == count
    assert Counted.hashed <= 4 * count


@pytest.mark.parametrize("translate", [same, shout], ids=["same", "shout"])
def test_thousand_nested_elements_stay_nested(translate: Translate) -> None:
    html = "<p>" + "<b><i>" * 1000 + "Tief <u>unten</u>" + "</i></b>" * 1000 + " steht es</p>"
    output = through(html, translate)
    assert output.lower() == html.lower()


def test_megabyte_of_references_is_decoded() -> None:
    html = "&lt;b&gt;&#252;&nbsp;" * 50_000
    start = time.process_time()
    (block,) = parse(html).blocks
    assert time.process_time() - start < MOST_S
    assert block.text == "<b>ü\xa0" * 50_000
    assert through("&lt;b&gt; ist fett", shout) == "&lt;B&gt; IST FETT"


@pytest.mark.parametrize("digits", ["9" * 10_000, "x" + "F" * 10_000, "0" * 10_000, "xD800", "x110000", "1"])
def test_invalid_references_are_kept(digits: str) -> None:
    html = f"Ein &#{digits}; Satz"
    assert through(html, same) == html
    assert through(html, shout).startswith("EIN ")


@pytest.mark.parametrize("end", ["<!-- offen", "<b", "<a href='", "<script>x", "<textarea>y", "<code>z", "<svg><p>"])
def test_unclosed_markup_stays_at_the_end(end: str) -> None:
    html = f"<p>Vorn <b>und</b> hinten {end}"
    assert through(html, shout) == f"<p>VORN <b>UND</b> HINTEN {end}"
