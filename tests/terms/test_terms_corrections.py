"""Tests of files of corrections, of the search for a correction, and of the terms that corrections suggest."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.errors import InvalidInput, ModelError
from service.languages.base import LanguagePair
from service.terms.corrections import (
    CORRECTION_CHARS,
    MAX_FILE_CORRECTIONS,
    Correction,
    Corrections,
    read_correction_file,
    read_corrections,
    suggest_terms,
)

PAIR = LanguagePair.of("de", "en")
QUIET = Correction("Es blieb ruhig.", "It remained quiet.", "It stayed calm.")
TMX = """<?xml version="1.0" encoding="UTF-8"?>
<tmx version="1.4">
  <header srclang="de" datatype="plaintext"/>
  <body>
    <tu><prop type="x-machine">It stayed calm.</prop><tuv xml:lang="de-DE"><seg>Es blieb ruhig.</seg></tuv><tuv
      xml:lang="EN"><seg>It remained <hi>quiet</hi>.</seg></tuv></tu>
    <tu><tuv xml:lang="de"><seg>Nur deutsch</seg></tuv><tuv xml:lang="fr"><seg>Rien</seg></tuv></tu>
  </body>
</tmx>
"""


def lines(corrections: Sequence[Correction]) -> str:
    fields = ({"source": one.source, "target": one.target, "machine": one.machine} for one in corrections)
    return "".join(f"{json.dumps(one)}\n" for one in fields)


@pytest.mark.parametrize("file", [lines([QUIET]), f"\ufeff{lines([QUIET])}\r\n\n", TMX, f"\ufeff\n{TMX}"])
def test_file_is_read(file: str) -> None:
    assert read_corrections(file, PAIR) == [QUIET]


WORDS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(str.strip)


@given(st.lists(st.builds(Correction, WORDS, WORDS, st.none() | WORDS)))
def test_any_json_lines_are_read_again(corrections: list[Correction]) -> None:
    assert read_corrections(lines(corrections), PAIR) == corrections


@pytest.mark.parametrize(
    ("file", "said"),
    [
        ("keine Korrekturen", "line 1 is not JSON"),
        (lines([QUIET]) + "[1]", "line 2 is not an object"),
        ('{"source": "Ja.", "target": " "}', "no text in `target`"),
        ('{"source": 5, "target": "x"}', "no text in `source`"),
        ('{"source": "Ja.", "target": "Yes.", "machine": 5}', "no text in `machine`"),
        ("<tmx><body>", "damaged"),
        ("<html/>", "not TMX"),
        (lines([QUIET]) * (MAX_FILE_CORRECTIONS + 1), f"the limit of {MAX_FILE_CORRECTIONS}"),
        (lines([Correction("a" * (CORRECTION_CHARS + 1), "b")]), f"the limit of {CORRECTION_CHARS}"),
        ('{"source": "\\ud800", "target": "x"}', "lone surrogate"),
    ],
)
def test_invalid_file_is_refused(file: str, said: str) -> None:
    with pytest.raises(InvalidInput, match=said) as error:
        read_corrections(file, PAIR)
    assert error.value.pointer.startswith("/memory")


GOOD = '{"source": "a", "target": "b"}'
UNIT = '<tu><tuv xml:lang="de"><seg>a</seg></tuv><tuv xml:lang="en"><seg>{}</seg></tuv></tu>'
LONG = "b" * (CORRECTION_CHARS + 1)


@pytest.mark.parametrize(
    ("file", "line", "code"),
    [
        (f'{GOOD}\n\n{{"source": "a"}}\n', 3, "memory_invalid"),
        (f'{GOOD}\n{{"source": 1, "target": "b"}}\n', 2, "memory_invalid"),
        (f'\n\r\n{{"source": "a", "target": "{LONG}"}}\n{GOOD}', 3, "text_too_long"),
        (f'{GOOD}\n{{"source": "a", "target": "b", "machine": "\\ud800"}}', 2, "text_not_unicode"),
        (f"\n{GOOD}\nx", 3, "memory_invalid"),
        (f"\n<tmx>\n{UNIT.format('b')}\n\n{UNIT.format(LONG)}\n</tmx>", 5, "text_too_long"),
    ],
)
def test_error_in_a_file_names_the_line_and_points_to_the_file(file: str, line: int, code: str) -> None:
    with pytest.raises(InvalidInput, match=rf"\bline {line}\b") as error:
        read_corrections(file, PAIR)
    assert (error.value.code, error.value.pointer) == (code, "/memory")


def test_error_in_a_list_points_to_the_field() -> None:
    with pytest.raises(InvalidInput, match="correction 2") as error:
        read_corrections([QUIET, Correction("a", LONG)], PAIR)
    assert (error.value.code, error.value.pointer) == ("text_too_long", "/memory/1/target")


def test_tmx_reads_no_other_file(tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("secret", "utf-8")
    entity = f'<!DOCTYPE tmx [<!ENTITY x SYSTEM "{(tmp_path / "secret.txt").as_uri()}">]>'
    file = TMX.replace('<tmx version="1.4">', f'{entity}<tmx version="1.4">').replace(
        "Es blieb ruhig.", "Es &x; blieb."
    )
    assert "secret" not in str(read_corrections(file, PAIR))


@pytest.mark.parametrize(
    "sentence",
    ["Über Köln  blieb\nes ruhig.", "U\u0308ber Ko\u0308ln blieb es ruhig.", "Über Köln blieb es ru\u00adhig. "],
)
def test_sentence_is_found_in_any_unicode_form(sentence: str) -> None:
    known = Corrections([Correction("Über Köln blieb es ruhig.", "It was quiet\nover Cologne.")])
    assert known.target_of(sentence) == "It was quiet over Cologne."


@pytest.mark.parametrize("sentence", ["Es blieb ruhig", "es blieb ruhig.", "Es blieb sehr ruhig."])
def test_other_sentence_is_not_found(sentence: str) -> None:
    assert Corrections([QUIET]).target_of(sentence) is None


def test_corrections_of_the_request_come_first() -> None:
    server = Corrections([QUIET, Correction("Ja.", "Yes.")])
    both = Corrections([Correction(QUIET.source, "All was quiet.")], server)
    assert (both.target_of(QUIET.source), both.target_of("Ja.")) == ("All was quiet.", "Yes.")


def test_digest_depends_on_the_corrections_alone() -> None:
    one, other = Correction("Ja.", "Yes."), Correction("Nein.", "No.")
    assert Corrections([one, other]).digest == Corrections([other, one]).digest
    assert len({found.digest for found in (Corrections([one]), Corrections([other]), Corrections())}) == 3
    assert Corrections().digest == ""


def test_damaged_file_of_the_server_is_a_model_error(tmp_path: Path) -> None:
    (tmp_path / "c.jsonl").write_text("{", "utf-8")
    with pytest.raises(ModelError, match=r"c\.jsonl: .*line 1"):
        read_correction_file(tmp_path / "c.jsonl", PAIR)
    with pytest.raises(ModelError, match="cannot be read"):
        read_correction_file(tmp_path / "missing.jsonl", PAIR)


MAYOR = [
    Correction(
        "Der Oberbürgermeister sprach am Montag.", "The lord mayor spoke on Monday.", "The mayor spoke on Monday."
    ),
    Correction(
        "Die Rede des Oberbürgermeisters war lang.", "The lord mayor's speech was long.", "The mayor's speech was long."
    ),
]
TABLE = [
    Correction("Der Runde Tisch tagt.", "The roundtable forum meets.", "The round table meets."),
    Correction(
        "Zehn Leute saßen am Runden Tisch.", "Ten people sat at the roundtable forum.", "Ten people sat at the table."
    ),
]


def test_replaced_words_become_terms() -> None:
    assert suggest_terms([*MAYOR, *TABLE], PAIR) == [
        ("Oberbürgermeister", "lord mayor", 2),
        ("Runde Tisch", "roundtable forum", 2),
    ]


def test_suggestions_do_not_depend_on_the_order() -> None:
    assert suggest_terms([*reversed(TABLE), *MAYOR], PAIR) == suggest_terms([*MAYOR, *TABLE], PAIR)


@pytest.mark.parametrize(
    "corrections",
    [
        MAYOR[:1],
        [Correction(one.source, one.target) for one in MAYOR],
        [*MAYOR, Correction("Der Oberbürgermeister geht.", "The chief burgomaster leaves.", "The mayor leaves.")],
        [
            Correction("Es ist so.", "It is true.", "It is so."),
            Correction("Das ist so.", "That is true.", "That is so."),
        ],
    ],
    ids=["only one correction", "no texts of the model", "another translation", "no noun"],
)
def test_inconsistent_words_are_not_suggested(corrections: Sequence[Correction]) -> None:
    assert suggest_terms(corrections, PAIR) == []
