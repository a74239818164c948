"""Tests of XML with custom element names: sentence boundaries, unchanged parts, and well-formed output."""

import random
import re
from collections import Counter
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.text.html.document import parse
from service.text.html.render import render
from service.text.html.tags import TagRules
from tests.languages import DE
from tests.text.html_cases import Translate, backwards, scramble, shout, translated

XML = TagRules(xml=True)


def texts(markup: str, rules: TagRules = XML) -> list[str]:
    return [block.text for block in parse(markup, rules=rules).blocks]


def through(markup: str, translate: Translate, rules: TagRules = XML) -> str:
    document = parse(markup, rules=rules)
    return render(document, translated(document, translate), DE).html


def named(*, ignored: str = "", splitting: str = "", non_splitting: str = "") -> TagRules:
    return TagRules(
        xml=True,
        ignored=frozenset(ignored.split()),
        splitting=frozenset(splitting.split()),
        non_splitting=frozenset(non_splitting.split()),
    )


def test_elements_next_to_text_are_inline() -> None:
    found = texts("<meldung><kopf>Der Zug</kopf><absatz>Er <wichtig>fährt</wichtig> heute.</absatz></meldung>")
    assert found == ["Der Zug", "Er fährt heute."]


def test_one_text_sibling_makes_a_name_inline() -> None:
    markup = "<a1><p1><w>Zug</w> <w>fährt</w></p1><p1>Ein <w>Bus</w></p1></a1>"
    assert texts(markup) == ["Zug fährt", "Ein Bus"]


def test_html_inline_names_are_inline_in_xml() -> None:
    assert texts("<doc1><par><b>Bahn:</b> <i>Zug</i></par></doc1>") == ["Bahn: Zug"]


def test_splitting_tags_take_precedence() -> None:
    markup = "<par>Der Zug <x/>fährt.</par>"
    assert texts(markup) == ["Der Zug fährt."]
    assert texts(markup, named(splitting="x", non_splitting="x")) == ["Der Zug", "fährt."]


def test_non_splitting_tags_are_inline() -> None:
    markup = "<par><teil>Der Zug</teil> <teil>fährt.</teil></par>"
    assert texts(markup) == ["Der Zug", "fährt."]
    assert texts(markup, named(non_splitting="teil")) == ["Der Zug fährt."]


def test_only_splitting_tags_split_without_outline() -> None:
    rules = TagRules(xml=True, splitting=frozenset({"par"}), outline=False)
    assert texts("<d1><par><w>Der</w><w>Zug</w></par><par>Bus</par></d1>", rules) == ["DerZug", "Bus"]


@pytest.mark.parametrize("translate", [shout, backwards, scramble(1), scramble(2)])
def test_ignored_elements_are_unchanged(translate: Translate) -> None:
    kept = '<marke art="1">Der  <b>&#8222;Zug&#8220;</b>\n AG</marke>'
    found = through(f"<par>Gestern hat {kept} neue Wagen bestellt.</par>", translate, named(ignored="marke"))
    assert found.count(kept) == 1


def test_ignored_element_is_no_block() -> None:
    markup = "<d1><par>Der Zug</par><roh>Der Bus</roh></d1>"
    assert texts(markup, named(ignored="roh")) == ["Der Zug"]


def test_rules_apply_to_html() -> None:
    rules = TagRules(ignored=frozenset({"em"}), splitting=frozenset({"span"}), non_splitting=frozenset({"div"}))
    assert texts("<div>Der <em>Zug</em> <span>fährt</span></div>", rules) == ["Der Zug", "fährt"]
    assert through("<p>Der <em>Zug</em> fährt</p>", shout, rules) == "<p>DER <em>Zug</em> FÄHRT</p>"


def test_xhtml_elements_may_be_empty() -> None:
    assert texts("<p>Der <code/>Zug <script/>fährt <a id='x'/>heute</p>") == ["Der Zug fährt heute"]


def test_xml_has_no_raw_texts() -> None:
    assert through("<d1><title>Der <hi>Zug</hi></title></d1>", shout) == "<d1><title>DER <hi>ZUG</hi></title></d1>"


def test_unknown_reference_is_unchanged() -> None:
    assert through("<p1>Die &firma; baut &amp; plant.</p1>", shout) == "<p1>DIE &firma; BAUT &amp; PLANT.</p1>"


WORDS = ["Zug", "fährt", "&amp;", "&lt;b", "Haus", "morgen"]
NAMES = ["absatz", "wichtig", "b", "title", "code", "x:y", "br"]
TREES = st.recursive(
    st.sampled_from(WORDS),
    lambda inner: st.builds(
        lambda name, parts: f"<{name}>{' '.join(parts)}</{name}>" if parts else f"<{name}/>",
        st.sampled_from(NAMES),
        st.lists(inner, max_size=4),
    ),
    max_leaves=20,
)


def elements(markup: str) -> Counter[str]:
    root = ET.fromstring(f'<alles xmlns:x="urn:x">{markup}</alles>')  # noqa: S314 - generated above
    return Counter(element.tag for element in root.iter())


@given(st.lists(TREES, min_size=1, max_size=4), st.integers(0, 1_000))
def test_well_formed_xml_keeps_its_elements(parts: list[str], seed: int) -> None:
    markup = f"<beitrag>{' '.join(parts)}</beitrag>"
    chance = random.Random(seed)
    rules = TagRules(
        xml=True,
        ignored=frozenset(chance.sample(NAMES, 1)),
        splitting=frozenset(chance.sample(NAMES, 1)),
        non_splitting=frozenset(chance.sample(NAMES, 2)),
        outline=chance.random() < 0.5,
    )
    assert elements(through(markup, scramble(seed), rules)) == elements(markup)


@pytest.mark.slow
def test_hundred_thousand_elements_take_linear_time() -> None:
    markup = "<w>" * 50_000 + "Zug" + "</w>" * 50_000 + "<v1>" * 50_000
    assert re.sub("<.*?>", "", through(markup, shout)) == "ZUG"


def test_xml_svg_element_may_contain_a_boundary() -> None:
    markup = "<doc1>Der <svg>Zug<x>fährt</x></svg> heute.</doc1>"
    assert texts(markup, named(splitting="x")) == ["Der", "Zug", "fährt", "heute."]
    assert through(markup, shout, named(splitting="x")) == markup.upper().replace("DOC1", "doc1").replace(
        "SVG", "svg"
    ).replace("X>", "x>")
