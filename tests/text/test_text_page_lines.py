"""Tests for kinds of lines in pasted pages: bylines, captions, polls, appeals, teasers and subheadings."""

import pytest

from service.cleaning.boilerplate import judge, read_lines
from service.cleaning.clean import clean
from service.cleaning.rules import remove_boilerplate
from service.summarization.rewriting import prepare_text
from tests.languages import DE
from tests.text.test_text_clean import assert_nothing_is_lost
from tests.text.test_text_whole_page import FOOT, HEADLINE, LEAD, MENU, TEXT, page


def reasons(text: str) -> dict[str, str]:
    found = clean(text, DE)
    assert_nothing_is_lost(text, found)
    return {part.text: part.reason for part in found.removed}


def column(*between: str) -> str:
    """Return an article with ``between`` after its second paragraph, without the menu and the footer of the page."""
    lines = [HEADLINE, LEAD, "Von Ida Beispiel", "12.03.2025, 14:05 Uhr", *TEXT[:2], *between, *TEXT[2:]]
    return "\n\n".join(lines)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("Musterhausen, November 05, 2025, 5:09: Uhr", "timestamp"),
        ("March 3, 2025", "timestamp"),
        ("11.07.2026, 09:30 Uhr Musterhausen", "timestamp"),
        ("Reuters, Max Muster", "byline"),
        ("Max Muster und dpa", "byline"),
        ("Musterbild/Max Muster", "photo_credit"),
        ("Bildlegende:", "photo_credit"),
        ("Jetzt in der App anhören", "media"),
        ("Artikel anhören (03:15 min)", "media"),
        ("00:00 / 03:15", "media"),
    ],
)
def test_form_of_a_line_is_recognised(line: str, reason: str) -> None:
    verdict = judge(line, DE)
    assert verdict is not None
    assert verdict.reason == reason


@pytest.mark.parametrize("line", ["Am 3. März 2025 in Musterhausen", "Union und Max Muster", "Von oben nach unten"])
def test_similar_line_is_not_recognised(line: str) -> None:
    assert judge(line, DE) is None


@pytest.mark.parametrize("start", ["Von", "von", "Ein Kommentar von", "Text:"])
def test_names_below_the_start_of_a_byline_are_removed(start: str) -> None:
    text = "\n".join([HEADLINE, start, "Ida Beispiel,", "Max Muster", LEAD, *TEXT])
    found = reasons(text)
    assert {found[line] for line in (start, "Ida Beispiel,", "Max Muster")} == {"byline"}


QUESTION = "Soll die neue Brücke gebaut werden?"


def test_poll_is_removed() -> None:
    answers = ["Ja, unbedingt.", "Nein, das ist zu teuer.", "Ich bin mir nicht sicher."]
    found = reasons(column(QUESTION, *answers))
    assert {found[line] for line in (QUESTION, *answers)} == {"boilerplate"}


def test_short_answers_of_an_interview_are_kept() -> None:
    interview = [QUESTION, "Ja.", "Warum erst jetzt?", "Nein, früher ging es nicht.", "Und dann?", "Im Herbst."]
    lines = read_lines("\n\n".join([*TEXT[:2], *interview, *TEXT[3:]]), DE)
    remove_boilerplate(lines, DE)
    assert all(line.kept for line in lines)


def test_appeal_to_support_the_newsroom_is_removed() -> None:
    appeal = (
        "Guter Journalismus kostet Geld und ist für alle frei zugänglich. Finden Sie das auch? "
        "Dann machen Sie mit und unterstützen Sie unsere Arbeit."
    )
    assert reasons(column(appeal))[appeal] == "boilerplate"
    quoted = f"„{appeal}“, schrieb der Verein der Zeitung."
    assert quoted in clean(column(quoted), DE).body


@pytest.mark.parametrize(
    "caption",
    [
        "Der Leiter des Bauamts Max Muster (l.) und die Bürgermeisterin auf der alten Brücke.",
        "Max Muster, Ida Beispiel und Uwe Probe (v.l.n.r.) am Mittwoch vor dem Rathaus.",
        "Die Brücke über den Fluss (Archivbild) ist seit dem Sommer für Lastwagen gesperrt.",
        "Der Stadtrat bei der Sitzung am Mittwoch. © Musterbild/Probe/ R.Muster",
    ],
)
def test_caption_is_removed(caption: str) -> None:
    more = "Auch die Stadtwerke und mehrere Vereine haben sich in der Sitzung des Stadtrats zum Bau geäußert."
    assert reasons(column(more, caption))[caption] == "photo_caption"


def test_member_of_the_centre_party_is_no_caption() -> None:
    sentence = "Dagegen stimmte auch Nationalrätin Ida Beispiel (Mitte) am Mittwoch im Parlament."
    assert sentence in clean(column(sentence), DE).body.split("\n\n")


def test_teaser_with_a_lone_colon_is_removed_below_the_text() -> None:
    teaser = "Neues Schwimmbad\n:\nSo teuer wird der Bau für die Stadt"
    assert reasons(column(teaser))[teaser] == "related"


def test_subheading_alone_between_long_paragraphs_is_kept() -> None:
    """As in many teasers, the words of the subheading occur nowhere else on the page."""
    subheading = "Unbewiesene Heilmethoden"
    text = page().replace(TEXT[2], subheading)
    assert subheading in clean(text, DE).body.split("\n\n")


def test_long_article_is_not_a_lead_of_many_paragraphs() -> None:
    """Every paragraph stays, even if the page has no byline between its lead and its text."""
    text = MENU + f"{HEADLINE}\n{LEAD}\n" + "\n\n".join([*TEXT, *reversed(TEXT[3:])]) + "\n\n" + FOOT
    body = clean(text, DE).body.split("\n\n")
    assert set(TEXT) <= set(body)


def test_headline_repeated_without_its_punctuation_is_removed() -> None:
    other = HEADLINE.replace("Stadtrat von", "„Stadtrat“:von")
    found = clean(f"{HEADLINE}\n{other}\nVon Ida Beispiel\n\n" + "\n\n".join(TEXT), DE, headline=HEADLINE)
    assert [part.text for part in found.removed if part.reason == "repeated_headline"] == [HEADLINE, other]


def test_summaries_leave_out_doubtful_sentences() -> None:
    """A caption whose credit was removed stays in the body, but the sentences of a summary do not come from it."""
    caption = (
        "Die Abgeordneten stimmten am Mittwoch nach einer langen Sitzung für den Antrag der Verwaltung zur Brücke."
    )
    text = column(f"{caption} Quelle: Stadtrat via dpa")
    found = clean(text, DE)
    doubtful = [one.cleaned for one in found.spans if one.doubtful]
    assert [span.of(found.body) for span in doubtful] == [caption]
    assert caption in prepare_text(found.body, DE).sentences
    assert caption not in prepare_text(found.body, DE, doubtful).sentences


def test_summaries_leave_out_the_biography_of_a_person() -> None:
    biography = "Die Ökonomin Ida Beispiel ist Professorin für Verkehr und Städtebau an der Universität Musterhausen."
    found = clean(column(biography), DE)
    assert [one.cleaned.of(found.body) for one in found.spans if one.doubtful] == [biography]


def test_doubtful_sentences_are_used_if_too_few_others_remain() -> None:
    text = " ".join(TEXT[:1])
    sentences = prepare_text(text, DE).sentences
    spans = prepare_text(text, DE).spans
    assert prepare_text(text, DE, spans[:1]).sentences == sentences


def doubtful(text: str) -> list[str]:
    found = clean(text, DE)
    return [one.cleaned.of(found.body) for one in found.spans if one.doubtful]


@pytest.mark.parametrize("heading", ["Darum gehts", "Das Wichtigste in Kürze", "Der Artikel für Sie zusammengefasst"])
def test_summaries_leave_out_the_box_with_the_main_points(heading: str) -> None:
    points = ["Der Stadtrat hat über die Brücke entschieden.", "Der Bau kostet die Stadt zwölf Millionen Euro."]
    assert doubtful("\n".join([heading, *points, *TEXT])) == points


def test_summaries_leave_out_a_pull_quote() -> None:
    """The page shows a sentence of the article a second time, in large letters."""
    quote = "Die neue Brücke wird die Stadt noch viele Jahre beschäftigen."
    assert doubtful("\n\n".join([TEXT[0], quote, f"{TEXT[1]} {quote} {TEXT[2]}"])) == [quote]


def test_summaries_leave_out_a_caption_that_the_page_shows_twice() -> None:
    caption = "Ida Beispiel hat den Lauf in Musterhausen am Sonntag gewonnen."
    assert doubtful("\n\n".join([caption, *TEXT[:2], caption, *TEXT[2:]])) == [caption, caption]
