"""Tests for the rules of English house styles."""

import re
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.checks.base import Code, Finding
from service.domain import Span
from service.languages.base import language
from service.languages.en.house_style import spellings
from service.languages.house_style import HouseStyle
from service.terms.constraints import TermConstraint
from service.text.segmentation import Segmentation
from service.translation.house_style import StyledSentence, Stylist
from service.translation.postprocessing import FinishedSentence
from service.translation.preparation import Part, Prepared, Sentence

ENGLISH = language("en")
BRITISH = HouseStyle(
    spelling="british",
    dates="day_month",
    thousands="thin_space",
    percent="per cent",
    currency="word",
    units="word",
    titles="no_point",
    quotation_marks="single",
)
AMERICAN = HouseStyle(
    spelling="american",
    dates="month_day",
    thousands="comma",
    percent="percent",
    currency="sign",
    units="symbol",
    titles="point",
    quotation_marks="double",
)
STYLES = (BRITISH, AMERICAN)


def styled(text: str, style: HouseStyle, source: str = "", **finished: Any) -> StyledSentence:
    """Apply ``style`` to one sentence, the translation of ``source``."""
    (one,) = styled_all([text], style, source, **finished)
    return one


def styled_all(
    texts: list[str], style: HouseStyle, source: str = "", gap: str = " ", **finished: Any
) -> list[StyledSentence]:
    """Apply ``style`` to the sentences of one text. ``gap`` separates their sources."""
    sources = [source or "Quelle." for _ in texts]
    spans, end = [], 0
    for one in sources:
        spans.append(Span(end, end + len(one)))
        end += len(one) + len(gap)
    text = gap.join(sources)
    sentences = tuple(Sentence(span, span.of(text), has_letters=True) for span in spans)
    whole = Segmentation(text, tuple(spans), (Span(0, len(text)),))
    part = Part(Prepared(whole, sentences, ()), None)
    stylist = Stylist(style, ENGLISH)
    return [
        stylist.apply(part, sentence, FinishedSentence(one, **finished))
        for sentence, one in zip(sentences, texts, strict=True)
    ]


def british(text: str, source: str = "") -> str:
    return styled(text, BRITISH, source).finished.text


def american(text: str, source: str = "") -> str:
    return styled(text, AMERICAN, source).finished.text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The organization analyzed the color.", "The organisation analysed the colour."),
        ("Centers of labor were criminalized.", "Centres of labour were criminalised."),
        ("The tax credit helps a training program.", "The tax credit helps a training program."),
        ("On May 4, 2024, he met 12,500 neighbors.", "On 4 May 2024, he met 12\u202f500 neighbours."),
        ("It rose 5% to €3.2 million.", "It rose 5 per cent to 3.2 million euros."),
        ("Dr. Weber ran 5 km in the rain.", "Dr Weber ran 5 kilometres in the rain."),
        ('He called it "a color" twice.', "He called it ‘a color’ twice."),
        ("It costs $5 to $7 million.", "It costs $5 to $7 million."),
        ("It costs €5–7 million and US$5.", "It costs €5–7 million and US$5."),
        ("From May 4 to 6, and May 4-6.", "From May 4 to 6, and May 4-6."),
        ("It pays $1 and €1.", "It pays 1 dollar and 1 euro."),
    ],
)
def test_british_style_changes_only_what_is_certain(text: str, expected: str) -> None:
    assert british(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The organisation analysed the colour.", "The organization analyzed the color."),
        ("A programme with a licence to practise.", "A program with a license to practice."),
        ("On 4 May 2024 he met 12\u202f500 neighbours.", "On May 4, 2024 he met 12,500 neighbors."),
        ("It rose 5 per cent to 3.2 million euros.", "It rose 5 percent to €3.2 million."),
        ("Dr Weber drove 5 kilometres at 20 degrees Celsius.", "Dr. Weber drove 5 km at 20 °C."),
        ("He said ‘no “such” thing’ today.", "He said “no ‘such’ thing” today."),
        ("It takes 5 to 7 euros, or a 5 euro note.", "It takes 5 to 7 euros, or a 5 euro note."),
        ("The 4th of May and the 4 May attack.", "The 4th of May and the 4 May attack."),
        ("He advertised a rise to exercise.", "He advertised a rise to exercise."),
        ("They pay 5 euros and 20 cents.", "They pay 5 euros and 20 cents."),
        ("The tonne of discs lost its boys’ name.", "The tonne of discs lost its boys’ name."),
    ],
)
def test_american_style_changes_only_what_is_certain(text: str, expected: str) -> None:
    assert american(text) == expected


@pytest.mark.parametrize("text", ["The Labor Party met in Pearl Harbor.", "World Trade Center", "COLOR OF LABOR"])
def test_capitalised_words_inside_a_sentence_stay(text: str) -> None:
    assert british(text) == text


def test_word_that_the_source_contains_stays() -> None:
    assert british("Gray denied it.", source="Gray bestritt es.") == "Gray denied it."
    assert british("Gray clouds came.", source="Graue Wolken kamen.") == "Grey clouds came."


@pytest.mark.parametrize("literal", ["https://color.example/center", "color@center.com", "#color", "{color}"])
def test_literal_passages_stay(literal: str) -> None:
    assert literal in british(f"See {literal} for the color.")


def test_required_terms_stay() -> None:
    term = TermConstraint(Span(0, 6), "labor organization", "glossary", "Quelle")
    changed = styled("The labor organization chose a color.", BRITISH, applied=(term,))
    assert changed.finished.text == "The labor organization chose a colour."


def test_quotation_over_several_sentences_stays_until_it_ends() -> None:
    texts = ["She said: “My color.", "The color.”", "The color."]
    assert [one.finished.text for one in styled_all(texts, BRITISH)] == [
        "She said: ‘My color.",
        "The color.’",
        "The colour.",
    ]


def test_quotation_without_an_end_ends_with_its_paragraph() -> None:
    changed = styled_all(["She said: “My color.", "The color."], BRITISH, gap="\n\n")
    assert changed[1].finished.text == "The colour."


def test_untranslated_sentence_stays() -> None:
    missing = Finding(Code.ANSWER_INVALID, "no answer")
    assert styled("color", BRITISH, findings=(missing,)).finished.text == "color"


def test_spellings_form_no_chains() -> None:
    for target in ("british", "american"):
        words = spellings(target)
        assert words.keys().isdisjoint(words.values())


def test_spellings_lead_back() -> None:
    us, british_words = spellings("american"), spellings("british")
    assert all(us.get(british_words[word], word) == word for word in british_words)


_MARKS = ["“", "”", '"', "‘", "’", "„", "'"]
_AMOUNTS = ["degrees Celsius", "5%", "€5", "$3.5 million", "5 km/h", "12,500", "12\u202f500", "per cent"]
_PARTS = (
    "May 4, 2024|4 May 2024|April 3|Dr.|Dr|Mr|May|to|and|or|the|of|said|million|euros|dollars|kilometers|kilometre|km|"
    "kg|percent|%|Weber|boys’|St.|1,5|3.25|2024|4|1|20|007"
).split("|")
_WORDS = st.sampled_from(
    [*list(spellings("british"))[::40], *list(spellings("american"))[::40], *_MARKS, *_AMOUNTS, *_PARTS]
)
_TEXTS = st.builds(
    lambda words, ends: "".join(f"{word}{end}" for word, end in zip(words, ends, strict=False)),
    st.lists(_WORDS, max_size=14),
    st.lists(st.sampled_from([" ", " ", " ", ", ", ". ", "-", "–", ""]), min_size=14, max_size=14),
)
_STYLES = st.builds(
    lambda rules: HouseStyle(**rules),
    st.fixed_dictionaries(
        {},
        optional={
            name: st.sampled_from([getattr(BRITISH, name), getattr(AMERICAN, name)])
            for name in "spelling dates thousands percent currency units titles quotation_marks".split()
        }
        | {"percent": st.sampled_from(["sign", "percent", "per cent"])},
    ),
)


@given(_TEXTS, _STYLES)
def test_second_application_changes_nothing(text: str, style: HouseStyle) -> None:
    once = styled(text, style)
    assert styled(once.finished.text, style).changes == ()


@given(_TEXTS, _STYLES)
def test_digits_keep_their_values(text: str, style: HouseStyle) -> None:
    assert _values(styled(text, style).finished.text) == _values(text)


def _values(text: str) -> Counter[str]:
    """Return the numbers in ``text``, without separators of groups and without leading zeros of days."""
    plain = re.sub(r"(?<=\d)[,\u202f\u2009\u00a0](?=\d{3}(?!\d))", "", text)
    return Counter(found.lstrip("0") for found in re.findall(r"\d+(?:\.\d+)?", plain))


@given(_TEXTS, _STYLES)
def test_reported_changes_lead_back_to_the_original(text: str, style: HouseStyle) -> None:
    changed = styled(text, style)
    restored = changed.finished.text
    for change in reversed(changed.changes):
        assert change.span.of(restored) == change.after
        restored = restored[: change.span.start] + change.before + restored[change.span.end :]
    assert restored == text


@given(st.text(max_size=60), _STYLES)
def test_any_text_is_accepted(text: str, style: HouseStyle) -> None:
    changed = styled(text, style)
    assert styled(changed.finished.text, style).changes == ()


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("marks", ["“{}”", '"{}"', "„{}“", "«{}»"])
def test_words_in_quotation_marks_stay(style: HouseStyle, marks: str) -> None:
    words = "the color of the organisation rose 5% on May 4"
    assert words in styled(f"He said {marks.format(words)} to the neighbors.", style).finished.text
