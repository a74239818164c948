"""Tests of the checks for names, quotations, negations and units in German and English texts."""

import pytest

from service.checks.base import Code, Finding, Passage, Severity
from service.checks.content import check_negations, check_opposites, check_summary_negations
from service.checks.copied import check_quotations, check_verbatim, quotations
from service.checks.names import check_names, garbles
from service.checks.units import check_units
from tests.languages import DE, EN


def read(german: str, english: str) -> tuple[Passage, Passage]:
    return Passage.of(german, DE), Passage.of(english, EN)


def codes(findings: list[Finding]) -> set[Code]:
    return {finding.code for finding in findings}


@pytest.mark.parametrize(
    ("german", "english"),
    [
        ("In München sprach Selenskyj.", "Zelenskyy spoke in Munich."),
        ("Die Vereinigten Staaten und Russland", "The United States and Russia"),
        ("der iranische Präsident", "the Iranian president"),
        ("Merkels Rede", "Angela's speech? No: Merkel's speech".partition("No: ")[2]),
        ("die österreichische Regierung", "the Austrian government"),
        ("Osttimors Wahl", "East Timor's vote"),
        ("Das Bundesverfassungsgericht entschied.", "The Federal Constitutional Court decided."),
        ("am Donnerstag im Mai", "on Thursday in May"),
        ("DIE STADT BRENNT", "THE CITY IS BURNING"),
    ],
)
def test_english_form_of_a_name_passes(german: str, english: str) -> None:
    assert list(check_names(*read(german, english))) == []


@pytest.mark.parametrize(
    ("german", "english", "code"),
    [
        ("Merkel sprach in Berlin.", "Merkel spoke in Warsaw.", Code.NAME_UNSUPPORTED),
        ("Der Minister sprach mit Habeck.", "The minister spoke with Lindner.", Code.NAME_UNSUPPORTED),
        ("Er reiste nach Österreich.", "He travelled to Germany.", Code.NAME_UNSUPPORTED),
        ("Kanzlerin Merkel sprach.", "The chancellor spoke.", Code.NAME_MISSING),
    ],
)
def test_different_or_missing_name_is_found(german: str, english: str, code: Code) -> None:
    assert code in codes(list(check_names(*read(german, english))))


@pytest.mark.parametrize(
    ("german", "english"),
    [
        ("Bonn wartet.", "Bonnn waits."),
        ("Der Zug nach Bonn", "the train to Bonnn"),
        ("Merkel sprach.", "It was Merkkel's speech."),
        ("Die Berliner kommen.", "People from Berllin come."),
    ],
)
def test_name_with_a_letter_too_often_is_for_review(german: str, english: str) -> None:
    (found,) = check_names(*read(german, english))
    assert (found.code, found.severity) == (Code.NAME_UNSUPPORTED, Severity.REVIEW)


@pytest.mark.parametrize(
    ("german", "english"),
    [
        ("An der Mosel", "On the Moselle"),
        ("Der Papst Benedikt XII. kam.", "Pope Benedict XIII came."),
        ("Die Schifffahrt ruht.", "The Schifffahrt is at rest."),
        ("Brüssel", "Brussels"),
        ("Hannover und Hanover", "Hanover and Hannover"),
    ],
)
def test_doubled_letter_of_another_spelling_passes(german: str, english: str) -> None:
    assert "misspelt" not in " ".join(found.message for found in check_names(*read(german, english)))


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        ("No train goes to Bonnn.", True),
        ("No train goes to Bohn.", True),
        ("No train goes to Bonn.", False),
        ("No train goes there.", False),
        ("The Bonner train does not go.", False),
        ("No train goes to Cologne.", False),
    ],
)
def test_name_that_the_other_output_copies_is_misspelt(other: str, expected: bool) -> None:  # noqa: FBT001 - a parameter of the test
    assert garbles("Kein Zug nach Bonn.", "No train to Bonn.", other) is expected


def test_common_noun_passes() -> None:
    assert list(check_names(*read("Die Feuerwehr löschte das Hallenbad.", "Firefighters put out the pool."))) == []


def test_marks_of_all_kinds_are_paired() -> None:
    text = '„Ja“, sagte er. “No,” she said. "So" »hier«'
    assert [span.of(text) for span in quotations(text)] == ["Ja", "No,", "So", "hier"]


@pytest.mark.parametrize(
    ("german", "english", "expected"),
    [
        ("„Ja“, sagte er.", "“Yes,” he said.", set()),
        ("Er sagte: „Ja, ich", 'He said: "Yes, I', set()),
        ("Der „sogenannte“ Staat", "The 'so-called' state", set()),
        ("„Das ist gut“, sagte er und ging.", "“That,” he said, “is good,” and left.", set()),
        ("„Das ist gut“, sagte er.", "That is good, he said.", {Code.QUOTATION_MISSING}),
        ("Das ist gut, sagte er.", "“That is good,” he said.", {Code.QUOTATION_ADDED}),
        ("„Das ist gut“, sagte er.", "“”, he said.", {Code.QUOTATION_EMPTY}),
    ],
)
def test_quotation_marks_are_compared(german: str, english: str, expected: set[Code]) -> None:
    assert codes(list(check_quotations(german, english))) == expected


def test_title_without_marks_is_a_note() -> None:
    (finding,) = check_quotations("Der Film „Das Boot“ läuft.", "The film Das Boot is on.")
    assert finding.severity is Severity.NOTE


LONG = "Wir haben das lange geprüft und uns dann entschieden."


@pytest.mark.parametrize("titles", [[], ["Das Boot"], ["Das Boot", "Metropolis"]])
@pytest.mark.parametrize("position", [0, 1, 2])
def test_marks_of_a_long_quotation_need_review_next_to_titles(titles: list[str], position: int) -> None:
    quoted = [*titles[:position], LONG, *titles[position:]]
    with_marks, without = " und ".join(f"„{one}“" for one in quoted), " und ".join(quoted)
    for source, output in ((with_marks, without), (without.lower(), with_marks)):
        (finding,) = check_quotations(source, output)
        span, text = (finding.source, source) if finding.source else (finding.output, output)
        assert span is not None
        assert (finding.severity, span.of(text)) == (Severity.REVIEW, LONG)


def test_marks_of_several_titles_are_a_note() -> None:
    (lost,) = check_quotations("„Das Boot“ und „Metropolis“ laufen.", "Das Boot and Metropolis are on.")
    (added,) = check_quotations("Das Boot und Metropolis laufen.", "“Das Boot” and “The Metropolis” are on.")
    assert (lost.severity, added.severity) == (Severity.NOTE, Severity.NOTE)


def test_long_quotation_that_lost_its_marks_is_named_if_a_title_keeps_them() -> None:
    source = f"In „Das Boot“: „{LONG}“"
    (finding,) = check_quotations(source, "In “Das Boot”: We have examined this for a long time and then decided.")
    assert finding.source is not None
    assert (finding.severity, finding.source.of(source)) == (Severity.REVIEW, LONG)


@pytest.mark.parametrize(
    ("summary", "expected"),
    [
        ("Er sagte: „Das ist gut.“", set()),
        ("Er sagte: „Das ist sehr gut.“", {Code.QUOTATION_ALTERED}),
        ("Er „ging“ dann.", {Code.QUOTATION_ADDED}),
        ("Er sagte: „ “.", {Code.QUOTATION_EMPTY}),
    ],
)
def test_summary_must_quote_verbatim(summary: str, expected: set[Code]) -> None:
    assert codes(list(check_verbatim("„Das ist\ngut“, sagte er und ging.", summary))) == expected


@pytest.mark.parametrize(
    ("german", "english", "expected"),
    [
        ("Er kommt nicht.", "He does not come.", set()),
        ("Er kommt nicht.", "He won't come.", set()),
        ("Er kam nicht an.", "He failed to arrive.", set()),
        ("Nicht nur er kam.", "Others came as well.", set()),
        ("Kein Mensch war da, niemand sprach.", "Nobody was there, no one spoke.", set()),
        ("Er lehnte ab.", "He did not agree.", set()),
        ("Er kommt nicht.", "He comes.", {Code.NEGATION_LOST}),
        ("Niemand wurde verletzt.", "People were injured.", {Code.NEGATION_LOST}),
        ("Er kommt.", "He does not come.", {Code.NEGATION_ADDED}),
        ("Er kam ohne sie.", "He did not come without her.", {Code.NEGATION_ADDED}),
    ],
)
def test_lost_or_added_negation_is_found(german: str, english: str, expected: set[Code]) -> None:
    assert codes(list(check_negations(*read(german, english)))) == expected


@pytest.mark.parametrize(
    ("summary", "expected"),
    [
        ("Der Rat stimmte dem Plan zu.", {Code.NEGATION_LOST}),
        ("Der Rat tagte.", set()),
        ("Der Rat stimmte nicht zu.", set()),
    ],
)
def test_summary_may_drop_a_negated_clause(summary: str, expected: set[Code]) -> None:
    source = "Der Rat tagte, stimmte aber nicht dem Plan zu."
    assert codes(list(check_summary_negations(Passage.of(source, DE), Passage.of(summary, DE)))) == expected


def test_negation_added_by_a_summary_is_found() -> None:
    support, sentence = Passage.of("Der Rat stimmte zu.", DE), Passage.of("Der Rat stimmte nicht zu.", DE)
    assert codes(list(check_summary_negations(support, sentence))) == {Code.NEGATION_ADDED}


@pytest.mark.parametrize(
    ("german", "english", "flagged"),
    [
        ("500 Millionen Euro", "500 million euros", False),
        ("fünf Millionen Euro", "€5 million", False),
        ("5 Prozent", "5%", False),
        ("500 Millionen Euro", "500 million dollars", True),
        ("139 Millionen Euro und 148 Millionen Euro", "139 million dollars and 148 million euros", True),
        ("Er wiegt 80 Kilogramm.", "He weighs 80 tonnes.", True),
        ("Er zahlte 5.", "He paid 5 euros.", False),
        ("Er zahlte 500 US-Dollars.", "He paid 500 pounds.", True),
        ("Er zahlte 500 US-Dollarnoten.", "He paid 500 dollarſ.", False),
    ],
)
def test_changed_unit_is_found(german: str, english: str, flagged: bool) -> None:  # noqa: FBT001 - a case's expectation
    assert bool(list(check_units(*read(german, english)))) is flagged


@pytest.mark.parametrize(
    ("german", "english"),
    [
        ("Die Aktie gab um 3,2 Prozent nach.", "The stock rose by 3.2 percent."),
        ("Die Zahl der Opfer sank.", "The number of victims increased."),
        ("Nach dem Spiel sprach er.", "Before the match, he spoke."),
        ("Bayern gewann das Spiel.", "Bayern lost the match."),
        ("Der Angeklagte wurde freigesprochen.", "The defendant was convicted."),
        ("Der Rat stimmte dem Plan zu.", "The council rejected the plan."),
        ("Die Brücke ist gesperrt.", "The bridge is open."),
        ("Sein Vater kam.", "His mother came."),
        ("Die Frau blieb unverletzt.", "The woman was injured."),
        ("Ein Mann rief an.", "A woman called."),
    ],
)
def test_opposite_is_found(german: str, english: str) -> None:
    (found,) = check_opposites(*read(german, english))
    assert found.code is Code.MEANING_REVERSED
    assert found.source is not None
    assert found.output is not None


@pytest.mark.parametrize(
    ("german", "english"),
    [
        ("Die Aktie gab um 3,2 Prozent nach.", "The stock fell by 3.2 percent."),
        ("Der Preis stieg, dann fiel er.", "The price fell after it had risen."),
        ("Er kam nicht vor dem Spiel.", "He came only after the match."),
        ("Sie gab ihm nach dem Spiel Geld.", "She gave him money after the match."),
        ("Er starb.", "He did not survive."),
        ("", "He lost."),
    ],
)
def test_equal_meaning_is_no_opposite(german: str, english: str) -> None:
    assert list(check_opposites(*read(german, english))) == []
