"""Tests of named glossaries: their files and their digests."""

from pathlib import Path

from service.terms.glossary import Terms, read_glossaries


def test_digest_ignores_the_order_of_terms() -> None:
    one = Terms({"Kanzlerin": "chancellor", "Land": "state"}, ("AfD",))
    assert one.digest == Terms({"Land": "state", "Kanzlerin": "chancellor"}, ("AfD",)).digest
    assert one.digest != Terms({"Kanzlerin": "chancellor", "Land": "country"}, ("AfD",)).digest


def test_byte_order_mark_is_not_part_of_the_first_line(tmp_path: Path) -> None:
    (tmp_path / "politik.tsv").write_text("# Begriffe\nLand\tstate\nAfD\n", "utf-8-sig")
    (tmp_path / "sport.tsv").write_text("Land\tcountry\n", "utf-8-sig")
    found = read_glossaries(tmp_path)
    assert (found["politik"].translated, found["politik"].kept) == ({"Land": "state"}, ("AfD",))
    assert found["sport"].translated == {"Land": "country"}
