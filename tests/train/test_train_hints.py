"""Tests of hints: in a prompt, a noun is followed by the English term that the training pairs associate with it."""

import random

from models.train.hints import Hints
from models.train.tokens import Mark

VERBS = ("plans", "waits", "acts", "rests", "falls", "wins")
OTHERS = [(f"Der Wald Nummer {n} ist schön.", f"Forest number {n} is pretty.") for n in range(400)]
PAIRS = [
    *OTHERS,
    *[(f"Die Bundesregierung {d}.", f"The federal government {e}.") for d, e in zip(VERBS, VERBS, strict=True)],
    *[(f"Die Steuern sinken {n} Mal.", f"The taxes fall {n} times.") for n in range(6)],
    *[(f"Die Steuer sinkt {n} Mal.", f"The tax falls {n} times.") for n in range(6)],
]
HINTS = Hints(PAIRS)


def test_compound_gets_its_two_words() -> None:
    assert HINTS.found("Die Bundesregierung plant mehr.", "The federal government plans more.") == [
        (19, "federal government")
    ]


def test_noun_without_its_term_gets_no_hint() -> None:
    assert HINTS.found("Die Bundesregierung plant mehr.", "Berlin wants more of it.") == []
    assert HINTS.prompt("Die Bundesregierung plant mehr.", "Berlin wants more of it.", random.Random(1)) is None


def test_hint_follows_its_noun() -> None:
    prompt = HINTS.prompt("Die Bundesregierung plant.", "The Federal Government plans.", random.Random(1))
    assert prompt == ("Die Bundesregierung", Mark("term"), " Federal Government", Mark("term_end"), " plant.")


def test_half_of_the_plurals_get_a_singular_hint() -> None:
    forms = [HINTS.base_form("taxes", random.Random(seed)) for seed in range(20)]
    assert set(forms) == {"taxes"}  # "taxe" is not a word in the pairs
    forms = [Hints([*PAIRS, *PAIRS]).base_form("things", random.Random(seed)) for seed in range(20)]
    assert set(forms) == {"things"}
    singular = Hints([("Der Hund", "dog and more")] * 6 + [("Die Hunde", "dogs and others")] * 6 + OTHERS * 2)
    assert {singular.base_form("dogs", random.Random(seed)) for seed in range(20)} == {"dog", "dogs"}
