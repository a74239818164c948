"""Tests of properties that hold for any HTML, well-formed or not, and any translation of it."""

import re
from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from service.text.html.document import parse
from service.text.html.tokens import tokens
from tests.text.html_cases import backwards, bare, faults, same, scramble, shape, shout, texts, through, translated

WORDS = st.sampled_from(
    "Haus Tür Montag drei &amp; &lt;b&gt; 1.000 „Ja“ M&uuml;ller na&shy;he Ende. Wirklich? so,".split()
)
SPACES = st.sampled_from([" ", " ", " ", "\n", "\t ", "\r\n   "])
VOIDS = st.sampled_from(['<img src="a.jpg" alt="x">', "<br>", "<br />", "<wbr>", "<!-- Notiz -->", "<!--more-->"])
KEPT = st.sampled_from(["<code>a &lt; b</code>", '<span translate="no">Die <b>Zeit</b></span>', "<script>a<b</script>"])
TAGS = st.sampled_from(["b", "i", 'a href="/x?a=1&amp;b=2"', 'span class="c"', "em", "strong", "sub"])
SEPARATORS = st.sampled_from(["", "\n", "\n\n<!-- wp:separator -->\n<hr>\n<!-- /wp:separator -->", "<!-- c -->", " "])
SEEDS = st.integers(0, 1_000_000)


def wrapped(tag: str, content: str) -> str:
    return f"<{tag}>{content}</{tag.split(maxsplit=1)[0]}>"


def spaced(parts: list[tuple[str, str]]) -> str:
    return "".join(space + part for space, part in parts)


def elements(content: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    inner = st.lists(st.tuples(SPACES, content), max_size=4).map(spaced)
    return st.builds(wrapped, TAGS, inner.map(str.strip) | inner)


INLINE = st.recursive(st.one_of(WORDS, WORDS, WORDS, VOIDS, KEPT), elements, max_leaves=4)
CONTENT = st.lists(st.tuples(SPACES, INLINE), max_size=5).map(spaced)


def blocks(content: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    names = st.sampled_from(["div", "blockquote", 'section id="s"', "article"])
    inner = st.lists(st.tuples(SEPARATORS, content), max_size=3).map(spaced)
    return st.builds(wrapped, names, inner)


LEAF = st.builds(wrapped, st.sampled_from(["p", "h2", 'p class="x"', "figcaption", "td"]), CONTENT)
LISTS = st.lists(CONTENT, max_size=3).map(lambda items: wrapped("ul", "".join(wrapped("li", item) for item in items)))
FRAGMENTS = st.lists(st.tuples(SEPARATORS, st.recursive(LEAF | LISTS, blocks, max_leaves=2)), max_size=3).map(spaced)
PIECES = """
<b>|</b>|<i>|</i>|<p>|</p>|<a |</a>|<div>|</div>|<li>|<code>|</code>|<br>|<|>|&|&amp;|&#|<!--|-->|<!-- wp:x -->|<script>
</script>|<svg>|</svg>|<textarea>|<span translate=no>|</span>|<sup>[1]|</sup>|Eins|zwei.|Drei| """
BROKEN = st.lists(st.sampled_from(re.split(r"[|\n]", PIECES)), max_size=20).map("".join)


@given(FRAGMENTS | BROKEN)
@settings(max_examples=50, deadline=None)
def test_unchanged_html_is_identical(html: str) -> None:
    assert through(html, same, attribute_texts=True) == html


@given(FRAGMENTS)
@settings(max_examples=50, deadline=None)
def test_markup_follows_its_words(html: str) -> None:
    assert bare(through(html, shout)) == bare(html)


@given(FRAGMENTS, SEEDS)
@settings(max_examples=50, deadline=None)
def test_well_formed_html_stays_well_formed(html: str, seed: int) -> None:
    output = through(html, scramble(seed))
    assert not faults(output)
    assert shape(output) == shape(html)


@given(FRAGMENTS | BROKEN, SEEDS)
@settings(max_examples=50, deadline=None)
def test_tags_are_not_lost_or_doubled(html: str, seed: int) -> None:
    def markup(text: str) -> Counter[str]:
        return Counter(token.span.of(text) for token in tokens(text) if token.kind != "text")

    assert markup(through(html, scramble(seed))) == markup(html)
    assert markup(through(html, backwards)) == markup(html)


@given(FRAGMENTS.filter(lambda html: "<code" not in html and "translate" not in html), SEEDS)
@settings(max_examples=50, deadline=None)
def test_text_is_not_lost_or_doubled(html: str, seed: int) -> None:
    document = parse(html)
    expected = []
    for block, sentences in zip(document.blocks, translated(document, scramble(seed)), strict=True):
        text = block.text
        for sentence in reversed(sentences):
            text = text[: sentence.source.start] + sentence.text + text[sentence.source.end :]
        expected.append(re.sub(r"\s+", "", text))
    output = through(html, scramble(seed))
    worded = [text for text in expected if re.search(r"[^\W_]", text)]
    assert worded == [re.sub(r"\s+", "", text) for text in texts(output)]
