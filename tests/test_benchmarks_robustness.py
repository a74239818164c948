"""Tests that the robustness benchmark selects the right test sentences and rewrites them as intended."""

from benchmarks import robustness
from benchmarks.robustness import Form, Row

GERMAN = ['Er rief: "Halt!"', "Zug nach Köln fährt", "Die Straße ist gesperrt.", "Sie kam um 12.", "Ende."]
ENGLISH = ['He cried: "Stop!"', "Train to Cologne runs", "The road is closed.", "She came at 12.", "The end."]


def rows(form: Form) -> list[tuple[str, ...]]:
    return [(*row.sources, row.reference) for row in form.rows]


def test_each_form_has_its_lines() -> None:
    made = robustness.forms(GERMAN, ENGLISH)
    assert rows(made["as it is"]) == list(zip(GERMAN, ENGLISH, strict=True))
    assert rows(made["quotations in »«"]) == [("Er rief: »Halt!«", ENGLISH[0])]
    assert made["headlines in capitals"] == Form((Row(("ZUG NACH KÖLN FÄHRT",), ENGLISH[1]),), caseless=True)
    assert rows(made["the same in Swiss spelling"]) == [("Die Strasse ist gesperrt.", ENGLISH[2])]
    assert rows(made["with numbers"]) == [(GERMAN[3], ENGLISH[3])]
    joined = [(f"{GERMAN[n]} {GERMAN[n + 1]}", f"{ENGLISH[n]} {ENGLISH[n + 1]}") for n in (0, 2)]
    assert rows(made["two sentences as one"]) == joined
    assert rows(made["two sentences, each alone"]) == [
        (GERMAN[n], GERMAN[n + 1], reference) for n, (_, reference) in zip((0, 2), joined, strict=True)
    ]


def test_gain_is_over_the_other_checkout() -> None:
    form = robustness.forms(GERMAN, ENGLISH)["as it is"]
    ours = {de: {"text": en, "needs_review": de == "Ende."} for de, en in zip(GERMAN, ENGLISH, strict=True)}
    others = {de: {"text": en.upper(), "needs_review": False} for de, en in zip(GERMAN, ENGLISH, strict=True)}
    found = robustness.scored(form, ours, others)
    assert found["needs_review"] == 20.0
    assert found["chrf"] == 100
    assert found["gain"]["chrf"] > 0
    assert "gain" not in robustness.scored(form, ours, None)
