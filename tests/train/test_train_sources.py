"""Tests of the sources of training data: examples of each task, filters, and held-out parts."""

import json
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.train import recipe, sources
from models.train.recipe import Source
from models.train.texts import beginning, covered, has_its_facts, is_translation
from models.train.tokens import Example, Mark
from tests.train.tiny import write_lines


def made(folder: Path, rows: list[Any], kind: str, **settings: Any) -> sources.Made:
    """Write ``rows`` to the only file of a source, and return the examples of this source.

    Tuples are written as tab-separated lines, and other rows as JSON lines. ``kind`` is the type of the source.
    """
    lines = ["\t".join(row) if isinstance(row, tuple) else json.dumps(row) for row in rows]
    write_lines(folder / "file.xz", lines)
    return sources.make(Source(name="one", kind=kind, files=("file.xz",), terms="", **settings), folder, 1)


PAIRS = [(f"Das ist der deutsche Satz {n}.", f"This is the English sentence {n}.") for n in range(6)]


def test_first_pairs_are_held_back(tmp_path: Path) -> None:
    kept, held = made(tmp_path, PAIRS, "translation", held_back=2)
    assert held == [Example((german, Mark("english")), english) for german, english in PAIRS[:2]]
    assert kept == [Example((german, Mark("english")), english) for german, english in PAIRS[2:]]


def test_reversed_source_writes_german(tmp_path: Path) -> None:
    kept, _ = made(tmp_path, PAIRS, "translation", reverse=True)
    assert kept[0] == Example((PAIRS[0][1], Mark("german")), PAIRS[0][0])


def test_versions_share_the_english_side(tmp_path: Path) -> None:
    write_lines(tmp_path / "pairs.xz", ["\t".join(pair) for pair in PAIRS])
    groups = [
        {
            "set": "a",
            "line": line,
            "variants": [{"text": PAIRS[number][0]}, {"text": f"Ein anderer deutscher Satz {number}."}],
        }
        for line, number in ((500, 0), (501, 4), (3, 5))
    ]
    groups.append({"set": "a", "line": 502, "variants": [{"text": "Ohne Gegenstück in den Paaren."}] * 2})
    kept, held = made(tmp_path, groups, "versions", pairs=("pairs.xz",), held_back=2, held_lines=100)
    assert kept == [Example(("Ein anderer deutscher Satz 4.", Mark("english")), PAIRS[4][1])]
    assert held == []


def test_rows_keep_order_and_skip_held_back(tmp_path: Path) -> None:
    kept, held = made(tmp_path, PAIRS, "translation", in_a_row=2, held_back=2)
    assert [example.target for example in held] == [english for _, english in PAIRS[:2]]
    assert [example.target for example in kept] == [f"{PAIRS[n][1]} {PAIRS[n + 1][1]}" for n in (2, 4)]


def test_only_german_quotation_marks_change(tmp_path: Path) -> None:
    pairs = [('Er rief laut: "Halt!"', 'He cried aloud: "Stop!"')] * 9
    kept, _ = made(tmp_path, pairs, "translation", quotes=0.5)
    assert len({example.prompt[0] for example in kept}) > 2
    assert {example.target for example in kept} == {pairs[0][1]}


@pytest.mark.parametrize(
    ("german", "english"),
    [("Zu kurz.", "Too short."), ("Das bleibt, wie es ist.", "Das bleibt, wie es ist."), ("Ein Satz mit Inhalt.", "A")],
)
def test_pair_that_is_no_translation_is_dropped(german: str, english: str) -> None:
    assert not is_translation(german, english)


def test_headline_with_unsupported_number_is_dropped(tmp_path: Path) -> None:
    text = "Die Polizei nahm am Montag in Berlin drei Männer fest, die ein Auto gestohlen haben sollen."
    rows = [
        {"text": f"Mitte\n{text}", "title": "Drei Männer in Berlin fest genommen (Nr. 1681)"},
        {"text": text, "title": "Polizei nimmt 17 Männer fest"},
        {"text": text, "title": "Wetterbericht: Regen überall erwartet"},
    ]
    kept, _ = made(tmp_path, rows, "headline", source="text", target="title")
    assert kept == [Example((text, Mark("headline")), "Drei Männer in Berlin fest genommen")]


def test_broken_quotation_marks_are_dropped(tmp_path: Path) -> None:
    rows = [
        {"line": line, "longer": "Der alte Mann ging sehr langsam.", "shorter": shorter}
        for line, shorter in (
            (9, "Der Mann ging."),
            (9, "„Der Mann ging."),
            (9, "Der Mann sagte ,nein’."),
            (1, "Er ging."),
        )
    ]
    kept, held = made(tmp_path, rows, "shorten", source="longer", target="shorter", held_lines=5)
    assert [example.target for example in kept] == ["Der Mann ging."]
    assert [example.target for example in held] == ["Er ging."]


def test_paraphrases_share_their_numbers(tmp_path: Path) -> None:
    versions = ["Am 3. Mai kam die EU überein.", "Die EU einigte sich am 3. Mai.", "Am 4. Mai kam die EU überein."]
    kept, _ = made(tmp_path, [{"set": "x", "line": 9, "variants": versions}], "paraphrase")
    assert {(example.prompt[0], example.target) for example in kept} == {
        (versions[0], versions[1]),
        (versions[1], versions[0]),
    }


def test_verdicts_are_balanced(tmp_path: Path) -> None:
    rows = [
        {"split": split, "premise": "Es regnet.", "hypothesis": f"Es ist nass {n}.", "entailment": n % 3 == 0}
        for split in ("dev", "test")
        for n in range(9)
    ]
    kept, held = made(tmp_path, rows, "entail", split="dev", held_split="test")
    assert sorted(example.target for example in kept) == ["ja"] * 3 + ["nein"] * 3
    assert len(held) == 9
    assert kept[0].prompt == ("Es regnet.", Mark("entail"), "Es ist nass 0.", Mark("verdict"))


def test_changed_number_does_not_follow(tmp_path: Path) -> None:
    rows = [
        {"set": "x", "line": 1, "variants": ["Es waren 12 Kinder da.", "12 Kinder waren da."]},
        {"set": "x", "line": 2, "variants": ["Sie spielten lange Ball.", "Lange spielten sie Ball."]},
        {"set": "y", "line": 1, "variants": ["Das Wetter war sehr gut.", "Gut war das Wetter sehr."]},
    ]
    kept, _ = made(tmp_path, rows, "neighbours")
    assert [example.target for example in kept] == ["ja", "nein"]
    hypothesis = kept[1].prompt[2]
    assert isinstance(hypothesis, str)
    assert "Kinder" in hypothesis
    assert "12" not in hypothesis


@given(st.text(max_size=60))
def test_beginning_is_a_prefix(text: str) -> None:
    assert text.startswith(beginning(text, 20))


def test_beginning_ends_with_a_sentence() -> None:
    sentence = "Das ist ein Satz, der lang genug ist, um einer zu sein."
    assert beginning(f"{sentence} {sentence} {sentence}", 120) == f"{sentence} {sentence}"


def test_facts_and_words_are_looked_up() -> None:
    assert has_its_facts("Am 3. Mai um 12 Uhr", "12 Uhr")
    assert not has_its_facts("Am 3. Mai", "Am 30. Mai")
    assert covered("Die Steuern sinken bald", "Steuersenkung bald") == pytest.approx(1.0)
    assert covered("Es regnet", "Steuersenkung") == 0


def test_every_source_has_a_maker_and_terms() -> None:
    for source in recipe.load().sources.values():
        assert source.kind in sources.KINDS
        assert len(source.terms) > 5


def test_unknown_source_is_named(tmp_path: Path) -> None:
    text = (recipe.HERE / "recipe.toml").read_text("utf-8").replace("shares = {", "shares = { gone = 1,")
    (tmp_path / "recipe.toml").write_text(text, "utf-8")
    with pytest.raises(ValueError, match="gone"):
        recipe.load(tmp_path / "recipe.toml")


def test_number_becomes_another() -> None:
    assert all(sources._renumbered("Um 0 Uhr", random.Random(seed)) != "Um 0 Uhr" for seed in range(20))
