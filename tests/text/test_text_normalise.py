"""Tests of the check of submitted texts, and of the normal form in which a model receives them."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.domain import Span
from service.errors import InvalidInput
from service.text.normalization import check_text, for_model, markup_notice, remove_credentials, visible_span
from tests.languages import DE


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("Er\u00a0kam\tam\r\n 3.\u202fMai. ", "Er kam am 3. Mai."),
        ("Bundes\u00adtag", "Bundestag"),
        ("Null\u200bbreite\ufeff", "Nullbreite"),
        ("Er\x00 kam\x07.", "Er kam."),
        ("Mu\u0308nchen", "München"),
        ("die Wirt-\nschaft wächst", "die Wirtschaft wächst"),
        ("Ein- \nund Ausfuhr", "Ein- und Ausfuhr"),
        ("der Bundes-\nTrojaner", "der Bundes- Trojaner"),
        ("", ""),
        (" \t\x00\u200b", ""),
    ],
)
def test_sentence_is_normalised_for_the_model(sentence: str, expected: str) -> None:
    assert for_model(sentence, DE) == expected


@given(st.text())
def test_normal_form_is_idempotent_and_visible(sentence: str) -> None:
    plain = for_model(sentence, DE)
    assert for_model(plain, DE) == plain
    assert not [c for c in plain if c != " " and unicodedata.category(c) in {"Cc", "Cf", "Zs", "Zl", "Zp"}]


@given(st.text(), st.text(alphabet=" \n\u200b\x00"))
def test_visible_span_keeps_visible_text(text: str, around: str) -> None:
    whole = around + text + around
    span = visible_span(whole, Span(0, len(whole)))
    assert for_model(span.of(whole), DE) == for_model(text, DE)


def test_lone_surrogate_is_refused_with_its_offset() -> None:
    with pytest.raises(InvalidInput) as refused:
        check_text("Geheim \ud800")
    assert refused.value.code == "text_not_unicode"
    assert "7" in refused.value.detail
    assert "Geheim" not in refused.value.detail


def test_control_characters_get_one_notice() -> None:
    (notice,) = check_text("Er kam.\x00\x07")
    assert (notice.code, notice.span) == ("control_characters", Span(7, 8))


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("<p>Der Rat tagt.</p>", "<p>"),
        ("Der Rat tagt.<br>Er berät.<br/>", "<br>"),
        ("&lt;p class=&quot;a&quot;&gt;Der Rat tagt.&lt;/p&gt;", "&lt;p class=&quot;a&quot;&gt;"),
        ("Der Rat&nbsp;tagt in Köln.", "&nbsp;"),
        ("M&uuml;ller &#38; Co.", "&uuml;"),
    ],
)
def test_markup_in_plain_text_gets_a_notice(text: str, place: str) -> None:
    notice = markup_notice(text)
    assert notice is not None
    assert notice.span is not None
    assert (notice.code, notice.span.of(text)) == ("markup_in_text", place)


@pytest.mark.parametrize(
    "text", ["", "5 < 6 > 4 und <3", "AT&T; Müller & Co.", "Das Tag <b> ist alt.", "a<b und c>d &lt;"]
)
def test_signs_of_plain_text_are_no_markup(text: str) -> None:
    assert markup_notice(text) is None


def test_search_for_markup_takes_linear_time() -> None:
    for part in ("<p ", "&lt;p ", "&amp", "<p a&lt;", "&lt;a b"):
        assert markup_notice(part * 50_000) is None


@pytest.mark.parametrize("text", ["", "Er kam.\n\tSie ging.\r\n", "שלום", "😀"])
def test_ordinary_text_gets_no_notice(text: str) -> None:
    assert check_text(text) == []


def test_combining_marks_take_linear_time() -> None:
    text = "a" + "\u0301\u0323" * 100_000
    assert for_model(for_model(text, DE), DE) == for_model(text, DE)


def test_accented_letters_are_composed() -> None:
    assert for_model("a\u0308 e\u0301\u0323", DE) == "ä ẹ́"


CREDENTIALS = "\ufeff" + "".join(map(chr, (*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0))))


@pytest.mark.parametrize("text", ["Er kam.{}", "{}Er kam.", "Er {}kam.", "Er ka{}m.", "Er kam{}."])
def test_content_credentials_reach_no_model(text: str) -> None:
    assert for_model(text.format(CREDENTIALS), DE) == "Er kam."


def test_single_variation_selectors_stay() -> None:
    assert for_model("Ich ❤️ Köln ☎️.", DE) == "Ich ❤️ Köln ☎️."
    assert check_text("Ich ❤️ Köln.") == []


def test_content_credentials_get_a_notice_that_needs_no_review() -> None:
    (notice,) = check_text(f"Er kam.{CREDENTIALS} Sie ging.")
    assert (notice.code, notice.span, notice.review) == ("content_credentials", Span(7, 7 + len(CREDENTIALS)), False)


@given(st.lists(st.sampled_from(["Wort", " ", "❤️", CREDENTIALS]), max_size=12))
def test_removal_of_credentials_moves_spans(parts: list[str]) -> None:
    text, spans, length = "".join(parts), [], 0
    for part in parts:
        if part == "Wort":
            spans.append(Span(length, length + 4))
        length += len(part)
    plain, moved = remove_credentials(text, spans)
    assert plain == text.replace(CREDENTIALS, "")
    assert [span.of(plain) for span in moved if span is not None] == ["Wort"] * len(spans)
