"""Tests that HTML from real editors keeps its blocks, its comments and its inline markup."""

import pytest

from service.text.html.document import parse
from tests.text.html_cases import FRAGMENTS, Translate, backwards, bare, faults, same, scramble, shape, shout, through

every_fragment = pytest.mark.parametrize("html", FRAGMENTS.values(), ids=FRAGMENTS)


def test_fragments_cover_each_editor() -> None:
    assert len(FRAGMENTS) >= 50
    assert {name.partition(":")[0] for name in FRAGMENTS} == {"ckeditor", "gutenberg", "tinymce", "paste"}


@every_fragment
def test_unchanged_fragment_is_identical(html: str) -> None:
    assert parse(html).blocks or "embed" in html
    assert through(html, same, attribute_texts=True) == html


@every_fragment
def test_markup_follows_its_words(html: str) -> None:
    assert bare(through(html, shout)) == bare(html)


@every_fragment
@pytest.mark.parametrize("translate", [backwards, scramble(1), scramble(2)], ids=["backwards", "1", "2"])
def test_blocks_and_inline_markup_are_kept(html: str, translate: Translate) -> None:
    output = through(html, translate)
    assert shape(output) == shape(html)
    assert bool(faults(output)) == bool(faults(html))
