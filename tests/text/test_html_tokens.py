"""Tests that the HTML tokenizer finds the same tokens as browsers and loses no character."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.errors import InvalidInput
from service.text.html.tokens import MAX_ATTRIBUTES, attributes, require_few_attributes, tokens

PIECES = """< > </ /> <b> </b> <p <!-- --> --!> <! <? " ' = / - x &amp; <script> </script> <title <IFRAME>""".split()


def cut(html: str) -> list[tuple[str, str]]:
    return [(token.kind, token.span.of(html)) for token in tokens(html)]


@given(st.lists(st.sampled_from([*PIECES, " ", "\n"]), max_size=20).map("".join) | st.text())
def test_tokens_join_to_the_html(html: str) -> None:
    assert "".join(token.span.of(html) for token in tokens(html)) == html


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("a < b <3", [("text", "a < b <3")]),
        ("<B CLASS=x>y</B >", [("start", "<B CLASS=x>"), ("text", "y"), ("end", "</B >")]),
        ("<a title='x > y'>z", [("start", "<a title='x > y'>"), ("text", "z")]),
        ('<a title"x>y">', [("start", '<a title"x>'), ("text", 'y">')]),
        ("<br/><img src=a/b />", [("start", "<br/>"), ("start", "<img src=a/b />")]),
        ("<!--a-->b<!-->c", [("comment", "<!--a-->"), ("text", "b"), ("comment", "<!-->"), ("text", "c")]),
        ("<!--a--!>b", [("comment", "<!--a--!>"), ("text", "b")]),
        ("<!doctype html>x<?php 1 ?>", [("comment", "<!doctype html>"), ("text", "x"), ("comment", "<?php 1 ?>")]),
        ("x</>y</ z>", [("text", "x"), ("comment", "</>"), ("text", "y"), ("comment", "</ z>")]),
        (
            "<script>a<b></p></script>x",
            [("start", "<script>"), ("raw", "a<b></p>"), ("end", "</script>"), ("text", "x")],
        ),
        ("<textarea></TEXTAREA>", [("start", "<textarea>"), ("end", "</TEXTAREA>")]),
        ("<title>a<b</title>", [("start", "<title>"), ("raw", "a<b"), ("end", "</title>")]),
        ("x<!-- <p>", [("text", "x"), ("comment", "<!-- <p>")]),
        ("x<b y='", [("text", "x"), ("comment", "<b y='")]),
    ],
)
def test_tokens_end_as_in_browsers(html: str, expected: list[tuple[str, str]]) -> None:
    assert cut(html) == expected


def test_attributes_have_names_and_values() -> None:
    html = """<img ALT = "x > y" src=a/b title='' hidden data-x/>"""
    (tag,) = tokens(html)
    found = [(name, value and value.of(html)) for name, value in attributes(html, tag)]
    assert found == [("alt", '"x > y"'), ("src", "a/b"), ("title", "''"), ("hidden", None), ("data-x", None)]


def test_attributes_are_found_after_a_name_that_changes_its_length_in_lower_case() -> None:
    html = "<aİİ b>"
    assert [one.name for one in attributes(html, next(tokens(html)))] == ["b"]


@pytest.mark.parametrize("name", ["a", "aİİ", 'a="x'])
@pytest.mark.parametrize("end", [">", "/>", ""])
def test_exactly_the_maximum_number_of_attributes_is_accepted(name: str, end: str) -> None:
    accepted = " ".join(f"b{number}=1" for number in range(MAX_ATTRIBUTES))
    require_few_attributes(f"<{name} {accepted}{end}", "/document")
    with pytest.raises(InvalidInput) as refused:
        require_few_attributes(f"<{name} {accepted} c{end}", "/document")
    assert (refused.value.code, refused.value.limit) == ("too_many_attributes", MAX_ATTRIBUTES)
