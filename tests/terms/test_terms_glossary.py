"""Tests that glossary terms are found as whole words and in inflected forms, and that the longest term is used."""

import itertools
from collections.abc import Iterable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.domain import Span
from service.errors import InvalidInput
from service.terms.glossary import _WORD, COMPARISONS_PER_WORD, Glossary
from tests.languages import DE


def found(text: str, translated: dict[str, str], kept: list[str] | None = None) -> list[tuple[str, str]]:
    """Return, for each term found in ``text``, its words there and the translation that the glossary requires.

    ``translated`` maps terms to translations. ``kept`` contains terms that must not be translated.
    """
    return [(one.span.of(text), one.text) for one in Glossary(translated, kept or []).find(text, DE)]


@pytest.mark.parametrize(
    ("text", "term"),
    [
        ("Die Länder der Bundesrepublik", "Land"),
        ("Er lobte den Bundestag.", "Bundestag"),
        ("Die Sitzung des Bundestages dauert.", "Bundestag"),
        ("Merkels Rede", "Merkel"),
        ("Kritik an der Deutschen Bahn", "Deutsche Bahn"),
        ("Die Verbände fordern mehr.", "Verband"),
        ("Zwei GmbHs", "GmbH"),
        ("Die Grünen Punkte sammeln", "Grüner Punkt"),
        ("Schnelles Internet fehlt", "schnelles Internet"),
        ("BUNDESTAG TAGT", "Bundestag"),
        ("Kosten von AT&T", "AT&T"),
    ],
)
def test_inflected_form_is_found(text: str, term: str) -> None:
    assert [target for _, target in found(text, {term: "X"})] == ["X"]


@pytest.mark.parametrize(
    ("text", "term"),
    [
        ("Die Bundestagswahl naht.", "Bundestag"),
        ("Ein AfD-naher Verein", "AfD"),
        ("Er landete sicher.", "Land"),
        ("Das reiche Land", "Reich"),
        ("Bahn. Deutsche sagen", "Deutsche Bahn"),
        ("ein Test", "T.st"),
        ("Die Eule", "E"),
    ],
)
def test_other_word_is_not_found(text: str, term: str) -> None:
    assert found(text, {term: "X"}) == []


def test_longest_term_wins() -> None:
    terms = {"Deutsche": "German", "Deutsche Bahn": "Deutsche Bahn AG"}
    assert found("Die Deutsche Bahn baut.", terms) == [("Deutsche Bahn", "Deutsche Bahn AG")]


def test_exact_form_wins() -> None:
    assert found("Die Grünen tagen.", {"Grüne": "Greens", "Grünen": "the Greens"}) == [("Grünen", "the Greens")]


def test_kept_term_is_its_own_translation() -> None:
    assert found("Kritik an der Tagesschau", {}, ["Tagesschau"]) == [("Tagesschau", "Tagesschau")]


def test_regular_expression_is_plain_text() -> None:
    assert found("a.c abc (x|y)* a.c", {"a.c": "yes"}) == [
        ("a.c", "yes"),
        ("a.c", "yes"),
    ]


@pytest.mark.parametrize(("translated", "kept"), [({"": "x"}, []), ({"...": "x"}, []), ({"a": " "}, []), ({}, ["-"])])
def test_term_without_words_is_refused(translated: dict[str, str], kept: list[str]) -> None:
    with pytest.raises(InvalidInput, match="term"):
        Glossary(translated, kept)


def test_term_in_both_lists_is_refused() -> None:
    with pytest.raises(InvalidInput, match="in both"):
        Glossary({"Bahn": "rail"}, ["Bahn"])


WORDS = st.sampled_from(["Bahn", "Deutsche", "Land", "Länder", "Bundestages", "und", "a.b", "AfD", "AfD-nah", "x"])


@given(st.lists(WORDS), st.lists(WORDS, min_size=1, max_size=3), st.sampled_from([" ", "\n", ", "]))
def test_found_terms_are_ordered_and_disjoint(words: list[str], term: list[str], gap: str) -> None:
    text = gap.join(words)
    spans = [one.span for one in Glossary({" ".join(term): "T", "Land": "country"}).find(text, DE)]
    assert all(a.end <= b.start for a, b in itertools.pairwise(spans))
    assert all(span.of(text).strip() == span.of(text) != "" for span in spans)


def comparisons(monkeypatch: pytest.MonkeyPatch, text: str, terms: Iterable[str]) -> int:
    """Return how often a word of ``terms`` is compared with a word of ``text`` while terms are being searched for."""
    made = 0

    is_form = DE.inflection.is_form

    def counted(word: str, term: str, *, last: bool) -> bool:
        nonlocal made
        made += 1
        return is_form(word, term, last=last)

    with monkeypatch.context() as patched:
        patched.setattr(DE.inflection, "is_form", counted)
        Glossary(dict.fromkeys(terms, "x")).find(text, DE)
    return made


@pytest.mark.parametrize("shape", ["Begriff{}", "Aaa x{}", "Aaa Bbb Ccc x{} y"], ids=["one", "two", "five"])
def test_cost_does_not_depend_on_term_count(monkeypatch: pytest.MonkeyPatch, shape: str) -> None:
    text = "Aaa Bbb Ccc Begriff7 " * 200
    few, many = (comparisons(monkeypatch, text, (shape.format(n) for n in range(count))) for count in (10, 10_000))
    assert many == few > 0


def test_shared_prefix_costs_one_comparison(monkeypatch: pytest.MonkeyPatch) -> None:
    start = "Aaa " * 50
    assert comparisons(monkeypatch, "Aaa " * 2_000, (f"{start}x{n}" for n in range(1_000))) <= 51 * 2_000


@pytest.mark.parametrize(
    "terms",
    [
        ["".join(letters) for letters in itertools.product("aA", repeat=10)],
        [" ".join(words) for words in itertools.product(["gute", "guten", "guter", "gutes"], repeat=5)],
        ["gute " * 1_000 + "nie"],
    ],
    ids=["capitals", "endings", "long"],
)
def test_similar_terms_are_refused(monkeypatch: pytest.MonkeyPatch, terms: list[str]) -> None:
    text = "guten " * 1_000 + "aaaaaaaaaa " * 1_000
    with pytest.raises(InvalidInput, match="too similar") as refused:
        comparisons(monkeypatch, text, terms)
    assert refused.value.limit == COMPARISONS_PER_WORD * 2_000


def exhaustive_search(text: str, terms: Sequence[str]) -> list[tuple[int, int]]:
    """Return the start and end of each of the ``terms`` in ``text``. Every term is compared at every position."""
    words = [(match.group(), Span(*match.span())) for match in _WORD.finditer(text)]
    found = []
    place = 0
    while place < len(words):
        fitting = [length for term in terms if (length := matching_words(term, text, words, place))]
        if fitting:
            found.append((words[place][1].start, words[place + max(fitting) - 1][1].end))
        place += max(fitting, default=1)
    return found


def matching_words(term: str, text: str, words: Sequence[tuple[str, Span]], place: int) -> int:
    """Return the number of words in ``term`` if it occurs in ``text`` from the word with index ``place`` on, else 0.

    ``words`` contains the words of ``text`` with their spans.
    """
    wanted = _WORD.findall(term)
    here = words[place : place + len(wanted)]
    gaps = [text[one.end : other.start] for (_, one), (_, other) in itertools.pairwise(here)]
    fits = (
        len(here) == len(wanted)
        and bool(DE.inflection.stems(here[0][0]) & DE.inflection.stems(wanted[0]))
        and all(map(str.isspace, gaps))
    )
    pairs = enumerate(zip(here, wanted, strict=False), 1)
    return (
        len(wanted)
        if fits and all(DE.inflection.is_form(w, t, last=n == len(wanted)) for n, ((w, _), t) in pairs)
        else 0
    )


FORMS = st.sampled_from(
    "der des dem gute Guten GUTER Land Länder lande EU EUs X Xs Bahn Bahnen BAHN bahn a.b Ae Aes ens".split()
)


@given(
    st.lists(st.tuples(FORMS, st.sampled_from([" ", "\n ", ", "])), max_size=12),
    st.lists(st.lists(FORMS, min_size=1, max_size=4).map(" ".join), min_size=1, max_size=8, unique=True),
)
def test_trie_equals_exhaustive_search(parts: list[tuple[str, str]], terms: list[str]) -> None:
    text = "".join(itertools.chain.from_iterable(parts))
    found = Glossary(dict.fromkeys(terms, "x")).find(text, DE)
    assert [tuple(one.span) for one in found] == exhaustive_search(text, terms)


@pytest.mark.parametrize(
    ("text", "term"),
    [
        ("Die Firma Müller & Söhne gewinnt.", "Müller & Söhne"),
        ("Der 1. FC Köln gewinnt.", "1. FC Köln"),
        ("Nach Art. 5 GG ist das erlaubt.", "Art. 5 GG"),
        ("Die Sendung Jeopardy! Gold läuft.", "Jeopardy! Gold"),
        ("Die Bürger\u00admeisterin tritt zurück.", "Bürgermeisterin"),
        ("Die Bu\u0308rgermeisterin tritt zurück.", "Bürgermeisterin"),
        ("Die Bürgermeisterin tritt zurück.", "Bu\u0308rgermeisterin"),
        ("Das meldet c’t heute.", "c't"),
        ("Das meldet c't heute.", "c’t"),
        ("Frau Müller\u2011Meier kam.", "Müller-Meier"),
        ("Das ist AT&T heute.", "AT&T"),
        ("Yahoo! wächst.", "Yahoo!"),
    ],
)
def test_term_with_signs_or_other_spelling_is_found(text: str, term: str) -> None:
    (found,) = Glossary({}, [term]).find(text, DE)
    assert found.term == term


@pytest.mark.parametrize("text", ["Müller und Söhne", "Müller, Söhne", "1 FC Köln", "Art 5"])
def test_term_with_other_signs_is_not_found(text: str) -> None:
    assert Glossary({}, ["Müller & Söhne", "1. FC Köln", "Art. 5 GG"]).find(text, DE) == []
