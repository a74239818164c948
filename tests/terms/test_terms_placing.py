"""Tests that required terms are inserted at the places in a translation that the word alignment indicates."""

import re

from hypothesis import given
from hypothesis import strategies as st

from service.domain import Link, Span
from service.terms.constraints import Kind, TermConstraint, name_constraints
from service.terms.placement import PlacementResult, place_terms


def linked(source: str, output: str, pairs: dict[str, str]) -> list[Link]:
    """Return a word alignment. ``pairs`` maps words of ``output`` to words of ``source``."""
    return [
        Link(Span(output.index(t), output.index(t) + len(t)), Span(source.index(s), source.index(s) + len(s)), 0.9)
        for t, s in pairs.items()
    ]


def required(source: str, term: str, text: str, kind: Kind, *accepted: str) -> TermConstraint:
    """Return the constraint that the translation must contain ``text`` for ``term``, a word of ``source``.

    ``accepted`` contains other accepted translations.
    """
    return TermConstraint(Span(source.index(term), source.index(term) + len(term)), text, kind, term, accepted)


SOURCE = "Die Bahn fährt nach Köln."


def test_term_replaces_its_words() -> None:
    output = "The train goes to Cologne."
    links = linked(SOURCE, output, {"train": "Bahn", "goes": "fährt", "Cologne": "Köln"})
    placed = place_terms(output, links, [required(SOURCE, "Bahn", "railway company", "glossary")])
    assert placed.text == "The railway company goes to Cologne."
    assert [link.target.of(placed.text) for link in placed.links] == ["railway company", "goes", "Cologne"]


def test_present_term_changes_nothing() -> None:
    output = "The railway company goes."
    placed = place_terms(output, [], [required(SOURCE, "Bahn", "Railway Company", "glossary")])
    assert (placed.text, len(placed.applied)) == (output, 1)


def test_term_required_twice_must_occur_twice() -> None:
    twice = [required("Bahn Bahn", "Bahn", "rail", "glossary")] * 2
    placed = place_terms("rail", [], twice)
    assert (len(placed.applied), len(placed.missing)) == (1, 1)


def test_term_without_a_place_is_missing() -> None:
    placed = place_terms("Somebody goes.", [], [required(SOURCE, "Bahn", "railway", "glossary")])
    assert (placed.text, [one.term for one in placed.missing]) == ("Somebody goes.", ["Bahn"])


def test_first_term_is_capitalised() -> None:
    output = "Trains run."
    placed = place_terms(
        output,
        linked("Bahnen fahren.", output, {"Trains": "Bahnen"}),
        [required("Bahnen fahren.", "Bahnen", "railways", "glossary")],
    )
    assert placed.text == "Railways run."


def test_address_is_never_lost() -> None:
    source = "Schreiben Sie an info@example.org bitte."
    links = linked(source, "Please write.", {"write": "Schreiben"})
    placed = place_terms("Please write.", links, [required(source, "info@example.org", "info@example.org", "literal")])
    assert placed.text == "Please write info@example.org."


def test_copied_german_number_becomes_english() -> None:
    source = "Es kamen 100.000 Menschen."
    placed = place_terms("There were 100.000 people.", [], [required(source, "100.000", "100,000", "number", "100000")])
    assert placed.text == "There were 100,000 people."


def test_number_replaces_no_word() -> None:
    source = "Es kamen 1,5 Millionen."
    output = "Many came."
    links = linked(source, output, {"Many": "1,5"})
    assert place_terms(output, links, [required(source, "1,5", "1.5", "number")]).text == output


def test_part_of_a_number_does_not_count() -> None:
    source = "Es waren 1,5 Liter."
    placed = place_terms("It was 11.52 litres.", [], [required(source, "1,5", "1.5", "number")])
    assert placed.missing != ()


WORDS = st.lists(st.sampled_from(["a", "bc", "1.5", "D", "e-f"]), min_size=1, max_size=8)


@st.composite
def sentences(draw: st.DrawFn) -> tuple[str, list[Link], list[TermConstraint]]:
    """Generate an output, a random word alignment, and the required translations of some words of a source."""
    source, output = " ".join(draw(WORDS)), " ".join(draw(WORDS))
    spans = [Span(*m.span()) for m in re.finditer(r"\S+", source)]
    targets = [Span(*m.span()) for m in re.finditer(r"\S+", output)]
    pairs = draw(st.lists(st.tuples(st.sampled_from(targets), st.sampled_from(spans)), max_size=6))
    kinds: st.SearchStrategy[Kind] = st.sampled_from(["glossary", "kept", "literal", "number"])
    wanted = draw(st.lists(st.sampled_from(spans), unique=True, max_size=3))
    return (
        output,
        [Link(target, place, 0.5) for target, place in pairs],
        [
            TermConstraint(span, draw(st.sampled_from(["NEW", "x y"])), draw(kinds), span.of(source))
            for span in sorted(wanted)
        ],
    )


@given(sentences())
def test_applied_terms_are_in_the_text(case: tuple[str, list[Link], list[TermConstraint]]) -> None:
    output, links, wanted = case
    placed: PlacementResult = place_terms(output, links, wanted)
    assert len(placed.applied) + len(placed.missing) == len(wanted)
    for text in {one.text for one in placed.applied}:
        assert placed.text.casefold().count(text.casefold()) >= sum(one.text == text for one in placed.applied)
    assert all(one.kind not in {"kept", "literal"} for one in placed.missing)


@given(sentences())
def test_links_are_inside_the_text(case: tuple[str, list[Link], list[TermConstraint]]) -> None:
    placed = place_terms(*case)
    assert all(0 <= link.target.start <= link.target.end <= len(placed.text) for link in placed.links)


def test_replaced_words_before_a_replacement_move_its_link() -> None:
    source, output = "a b", "bc bc bc"
    spans = [Span(0, 2), Span(3, 5), Span(6, 8)]
    links = [
        Link(target, place, 0.5) for target, place in zip(spans, [Span(0, 1), Span(0, 1), Span(2, 3)], strict=True)
    ]
    placed = place_terms(output, links, [required(source, one, "NEW", "glossary") for one in "ab"])
    assert placed.text == "NEW NEW"
    assert [link.target for link in placed.links] == [Span(0, 3), Span(0, 3), Span(4, 7)]


def test_address_keeps_its_edges_where_the_model_glued_it() -> None:
    source = "Schreiben Sie an a@b.example oder an c@d.example."
    output = "Write to lesa@b.exam or c@d.example."
    links = [Link(Span(9, 14), Span(source.index("a@b"), source.index(" oder")), 0.9)]
    wanted = [required(source, one, one, "literal") for one in ("a@b.example", "c@d.example")]
    placed = place_terms(output, links, wanted)
    assert re.search(r"(?<![\w@])a@b\.example(?![\w@])", placed.text)


def test_insertion_does_not_cut_a_word() -> None:
    source = "Anmeldung bei a@b.example."
    output = "Registration."
    links = [Link(Span(0, 4), Span(0, 9), 0.9)]
    placed = place_terms(output, links, [required(source, "a@b.example", "a@b.example", "literal")])
    assert placed.text == "Registration a@b.example."


def test_kept_term_must_have_its_own_case() -> None:
    placed = place_terms("e.ON cuts jobs.", [], [required("E.ON baut Stellen ab.", "E.ON", "E.ON", "kept")])
    assert placed.text == "E.ON cuts jobs."


def test_abbreviation_is_not_the_pronoun_with_its_letters() -> None:
    wanted = [required("Die USA warnen uns.", "USA", "US", "glossary")]
    assert place_terms("They warn us.", [], wanted).missing == tuple(wanted)


def sign_placed(source: str, sign: str, output: str, pairs: dict[str, str]) -> str:
    one = TermConstraint(Span(source.index(sign), source.index(sign) + len(sign)), sign, "sign", sign, ("euros",))
    return place_terms(output, linked(source, output, pairs), [one]).text


def test_sign_is_written_at_its_number() -> None:
    price = "Sie kostet 1.200 € im Monat."
    assert sign_placed(price, "€", "It costs 1,200 a month.", {"1,200": "1.200"}) == "It costs €1,200 a month."
    assert sign_placed(price, "€", "It costs 1,200 euros.", {"1,200": "1.200"}) == "It costs 1,200 euros."
    assert sign_placed(price, "€", "It is dear.", {}) == "It is dear."
    assert sign_placed("Nach § 218", "§", "Under 218", {"218": "218"}) == "Under § 218"
    assert sign_placed("Es sind <2 Grad.", "<", "It is 2 degrees.", {"2": "2"}) == "It is <2 degrees."
    assert sign_placed("ELVARO® siegt.", "®", "ELVARO wins.", {"ELVARO": "ELVARO"}) == "ELVARO® wins."


def test_name_that_the_model_could_not_write_is_restored() -> None:
    source, output = "Am Montag traf Gündoğan ein.", "On Monday, Gündo\ufffdogan arrived."
    links = linked(source, output, {"Gündo\ufffdogan": "Gündoğan"})
    (wanted,) = name_constraints(source)
    assert place_terms(output, links, [wanted]).text == "On Monday, Gündoğan arrived."
    assert place_terms("Gundogan arrived.", [], [wanted]).text == "Gundogan arrived."


def test_replacement_characters_are_removed() -> None:
    assert place_terms("Input\ufffd\ufffd is here.", [], []).text == "Input is here."
