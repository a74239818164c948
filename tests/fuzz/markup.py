"""A fuzz target for markup: unchanged documents keep every byte, and translated ones keep their tags and blocks."""

from collections import Counter
from zlib import crc32

from service.domain import Span
from service.text.html.document import parse, parts
from service.text.html.render import TranslatedSentence, render
from service.text.html.tags import BLOCK, HTML_RULES, VOID, TagRules, Vocabulary, vocabulary
from service.text.html.tokens import tokens
from service.text.segmentation import segment
from tests.fuzz.target import Target, encoded
from tests.languages import DE
from tests.text.html_cases import same, scramble, translated

XML = TagRules(xml=True, ignored=frozenset({"x"}), splitting=frozenset({"p", "b"}), non_splitting=frozenset({"i"}))
LAST = "<p>Ende.</p>"  # a tag at the end is always a boundary, because it may be incomplete
SEEDS = (
    '<p>Die <b>Bahn</b> fährt <a href="/x?a=1&amp;b=2">nach <i>Bonn</i></a>.<br>Heute nicht.</p>\n<ul><li>Eins<li>Zwei',
    "<!-- wp:paragraph -->\n<p>„M&uuml;ller“ &lt;sagt&gt;<sup>[1]</sup> <code>a < b</code></p>\n<!-- /wp:paragraph -->",
    '<figure><img src="a.jpg" alt="Ein Zug" title=Zug><figcaption>Foto</figcaption></figure><script>a<b</script>',
    "<div><b>x<div>Ein Satz.</b> Noch einer.</div><span translate=no>Die Zeit</span> <svg><p>y</p></svg><textarea>z",
    '<?xml version="1.0"?><doc><x>bleibt</x><t>Ein <i>Satz</i>.</t><e/><p>Noch einer.</p></doc>',
)


def work(text: str) -> str:
    """Parse ``text`` as HTML, append a word to each block as its translation, and return the rendered HTML."""
    document = parse(text)
    sentences = [[TranslatedSentence(Span(0, len(one.text)), f"{one.text} etc")] for one in document.blocks]
    return render(document, sentences, DE).html


def check(text: str) -> None:
    """Raise an exception if markup of ``text`` is lost, duplicated or moved to another block.

    The text is processed both as HTML and as XML.
    """
    for rules in (HTML_RULES, XML):
        _check(text, rules)


def _check(text: str, rules: TagRules) -> None:
    document = parse(text, attribute_texts=True, rules=rules)
    for one in document.blocks:
        assert 0 <= one.source.start < one.source.end <= len(text)
        segmentation = segment(one.text, DE)
        assert all(span.of(one.text) for span in segmentation.sentences)
    assert render(document, translated(document, same), DE).html == text
    _check_markup(text + LAST, rules)


def _check_markup(text: str, rules: TagRules) -> None:
    """Assert that a translation into random words keeps all tags and block boundaries."""
    document = parse(text, rules=rules)
    rendered = render(document, translated(document, scramble(crc32(encoded(text)))), DE)
    words = vocabulary(text, rules)  # in XML the role of a tag depends on the text next to it
    assert _tags(rendered.html, words) == _tags(text, words)
    assert _boundaries(rendered.html, words) == _boundaries(text, words)
    for block in rendered.sentences:
        assert all(0 <= span.start <= span.end <= len(rendered.html) for span in block)


def _tags(html: str, words: Vocabulary) -> Counter[str]:
    found = tokens(html, xml=words.xml, raw_texts=words.html)
    return Counter(token.span.of(html) for token in found if token.kind in {"start", "end", "comment"})


def _boundaries(html: str, words: Vocabulary) -> list[str]:
    return [part.span.of(html) for part in parts(html, words) if part.role == "boundary"]


WORDS = (
    *(f"<{name}>" for name in sorted(BLOCK | VOID)),
    *(f"</{name}>" for name in sorted(BLOCK)),
    *("<b>", "</b>", "<a href=", "</a>", "<code>", "</code>", "<svg>", "</svg>", "<script>", "</script>", "<textarea>"),
    *(
        "<!--",
        "-->",
        "<!-- wp:",
        "<![CDATA[",
        "]]>",
        "<!DOCTYPE",
        "<?",
        "?>",
        "/>",
        "&amp;",
        "&#x",
        "&#",
        "&lt",
        "translate=no",
    ),
    *("alt=", "title=", 'class="notranslate"', "<sup>", "</sup>", "[1]", "<i>", "</i>", "<x>", "</x>", "\u00ad", "\n"),
)
TARGET = Target("markup", check, work, SEEDS, WORDS)
