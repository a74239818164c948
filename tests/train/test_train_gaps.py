"""The summariser's pairs: made from articles, the same for a seed, and without inventions."""

import json
import lzma
import random
from pathlib import Path

import pytest

from models.train import gaps
from models.train.corpus import Pair
from models.train.german import content_stems

NEWS = {
    "title": "Stadt baut Hallenbad um",
    "summary": "Die Stadt baut das alte Hallenbad für zwölf Millionen Euro um. Der Rat stimmte am Dienstag zu.",
    "article": (
        "Für den Umbau des Hallenbads, das seit 1974 besteht, rechnet die Verwaltung mit zwei Jahren. "
        "Der Umbau des Hallenbads kostet nach ihrer Rechnung zwölf Millionen Euro. "
        "Die Schulen weichen in das Freibad aus, obwohl es dort kein warmes Wasser gibt."
    ),
}
ENTRY = {
    "title": "Hallenbad",
    "lead": "Ein Hallenbad ist ein Schwimmbad unter einem festen Dach.",
    "article": (
        "Ein Hallenbad ist ein Schwimmbad unter einem festen Dach.\n\n== Geschichte\n\n"
        "Die ersten Hallenbäder (vor allem in England) entstanden im 19. Jahrhundert in großen Städten.\n"
        "Sie dienten zunächst der Reinigung der Arbeiter und ihrer Familien.\n"
    ),
    "klexikon": "Die ersten Hallenbäder entstanden im 19. Jahrhundert in großen Städten.\n",
}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "summaries"
    folder.mkdir()
    for name, row, dev in (("wikinews-de", NEWS, "dev"), ("wikipedia-klexikon", ENTRY, "validation")):
        with lzma.open(folder / f"{name}.jsonl.xz", "wt", encoding="utf-8") as lines:
            for split in ("train", dev, "test"):
                marked = {key: value.replace("Dienstag", f"Dienstag-{split}") for key, value in row.items()}
                lines.write(json.dumps({"split": split, **marked}) + "\n")
    return tmp_path


def build(data: Path, seed: int) -> tuple[list[Pair], list[Pair]]:
    return gaps.build(data, seed=seed, sample=1.0, say=lambda _line: None)


def test_pairs_are_the_same_for_a_seed(data: Path) -> None:
    assert build(data, 3) == build(data, 3)


def test_the_test_split_is_never_used(data: Path) -> None:
    train, dev = build(data, 1)
    text = "".join(source + target for source, target in train + dev)
    assert train
    assert dev
    assert "Dienstag-test" not in text


def test_training_pairs_come_from_the_training_split_alone(data: Path) -> None:
    train, _ = build(data, 1)
    assert not any("Dienstag-dev" in source + target for source, target in train)


def test_lengths_and_contents_of_targets_keep_to_the_source(data: Path) -> None:
    for source, target in build(data, 1)[0]:
        assert gaps.MIN_WORDS <= len(target.split()) <= gaps.MAX_WORDS
        assert len(source) <= gaps.SOURCE_CHARS
        found = set(content_stems(source))
        assert sum(stem in found for stem in content_stems(target)) >= 0.6 * len(content_stems(target))


def test_noise_takes_no_content_word_away() -> None:
    sentence = "Der Stadtrat stimmte am Dienstag nicht für den Umbau des alten Hallenbads."
    source, target = gaps.noise(sentence, "Die Schulen weichen aus.", random.Random(4)).pair  # a seeded draw, no secret
    assert target == sentence
    assert {"Stadtrat", "stimmte", "Dienstag", "nicht", "Umbau", "alten", "Hallenbads."} <= set(source.split())


def test_the_report_says_what_was_left_out(data: Path) -> None:
    lines: list[str] = []
    gaps.build(data, seed=1, sample=1.0, say=lines.append)
    assert any(line.startswith("news compression: {'kept': ") for line in lines)
