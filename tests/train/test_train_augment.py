"""Augmentation: what is added, what stays as it is, and that a seed fixes it."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.train.augment import MAX_CHARS, Augmentation, augmented, in_marks, requoted

PAIRS = [
    ("Der Zug fährt nach Kiel.", "The train goes to Kiel."),
    ("„Wir kommen“, sagte sie.", "“We are coming,” she said."),
    ("Die Straße ist gesperrt.", "The road is closed."),
    ("Er rief: »Halt!« und »Nein!«", "He cried “Stop!” and “No!”"),
]
TEXTS = st.text("abc„“»« .", max_size=12)


def added(shares: Augmentation, seed: int = 1) -> list[tuple[str, str]]:
    made = augmented(PAIRS, shares, random.Random(seed))
    assert made[: len(PAIRS)] == PAIRS
    return made[len(PAIRS) :]


def test_two_pairs_stand_in_a_row_on_both_sides() -> None:
    rows = {(f"{a[0]} {b[0]}", f"{a[1]} {b[1]}") for a in PAIRS for b in PAIRS}
    made = added(Augmentation(concatenated=1.0))
    assert len(made) == 4
    assert set(made) <= rows


def test_capitals_are_on_both_sides() -> None:
    made = added(Augmentation(capitals=0.5))
    assert len(made) == 2
    assert {(german.upper(), english.upper()) for german, english in PAIRS} >= set(made)


def test_quotation_marks_are_exchanged_in_pairs_that_have_some_and_the_english_stays() -> None:
    made = added(Augmentation(quotes=1.0))
    assert {english for _, english in made} == {PAIRS[1][1], PAIRS[3][1]}
    assert not {german for german, _ in made} & {german for german, _ in PAIRS}


@pytest.mark.parametrize("seed", range(6))
def test_all_quotations_of_a_sentence_get_the_same_marks(seed: int) -> None:
    found = requoted("Er rief: »Halt!« und »Nein!«", random.Random(seed))
    assert found in {f"Er rief: {o}Halt!{c} und {o}Nein!{c}" for o, c in ("„“", "“”", '""')}


def test_marks_can_be_chosen_and_a_mark_without_a_partner_stays() -> None:
    assert in_marks('„Ja“ und »nein« und 5" breit', ('"', '"')) == '"Ja" und "nein" und 5" breit'


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=8), st.floats(0, 1), st.integers(0, 3))
def test_a_seed_fixes_it_and_nothing_is_lost_or_too_long(pairs: list[tuple[str, str]], share: float, seed: int) -> None:
    shares = Augmentation(share, share, share)
    one, other = (augmented(pairs, shares, random.Random(seed)) for _ in range(2))
    assert one == other
    assert one[: len(pairs)] == pairs
    assert all(max(map(len, pair)) <= MAX_CHARS for pair in one)
    assert augmented(pairs, Augmentation(), random.Random(seed)) == pairs
