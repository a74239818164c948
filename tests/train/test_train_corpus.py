"""The translation data: what is left out and why, how sources are weighted, and that a seed fixes all of it."""

import hashlib
import lzma
import random
from pathlib import Path

import pytest

from models.train import corpus
from models.train.corpus import Mix, Source


@pytest.mark.parametrize(
    ("german", "english", "reason"),
    [
        ("Der Zug fährt heute nicht.", "The train does not run today.", None),
        ("Ja.", "Yes.", None),
        ("", "", "copy"),
        ("OK", "OK", "copy"),
        ("Der Zug fährt. " * 40, "The train runs. " * 40, "too long"),
        ("Der Zug fährt heute leider wieder einmal nicht bis nach Kiel.", "No train today.", "length ratio"),
        ("Der <b>Zug</b> fährt.", "The <b>train</b> runs.", "markup"),
        ("1 2 3 4 5 6 7 8 9 A", "1 2 3 4 5 6 7 8 9 B", "few letters"),
        ("The train is not on time.", "The train is late today.", "language"),
        ("Der Zug ist nicht da.", "Der Zug ist auch nicht pünktlich.", "language"),
    ],
)
def test_a_pair_is_left_out_for_its_reason(german: str, english: str, reason: str | None) -> None:
    assert corpus.refusal(german, english) == reason


def test_tokenised_text_is_detokenised() -> None:
    assert corpus.detokenise("Er kam ( am Abend ) , ging .") == "Er kam (am Abend), ging."


@pytest.mark.parametrize(("weight", "count"), [(2.0, 20), (0.5, 5), (1.3, 13), (0.0, 0)])
def test_a_weight_repeats_or_samples(weight: float, count: int) -> None:
    pairs = [(str(n), str(n)) for n in range(10)]
    assert len(corpus.weighted(pairs, weight, random.Random(1))) == count


def word(number: int) -> str:
    """A word for a number: pairs that differ in digits alone count once."""
    return "".join(chr(ord("a") + int(digit)) for digit in str(number))


@pytest.fixture
def data(tmp_path: Path) -> Path:
    (tmp_path / "parallel").mkdir()
    for name in ("news", "web"):
        lines = [f"Satz {word(n)} der Quelle {name}.\tSentence {word(n)} of {name}.\n" for n in range(200)]
        with lzma.open(tmp_path / "parallel" / f"{name}.tsv.xz", "wt", encoding="utf-8") as file:
            file.writelines(lines + lines[:100])
    return tmp_path


MIX = Mix((Source("news", 2.0, "own"), Source("web", 0.5, "own")), dev_source="news", dev_pairs=20)


def test_a_seed_fixes_the_corpus(data: Path) -> None:
    one, other, third = (corpus.build(data, MIX, seed=seed, sample=1.0)[0] for seed in (1, 1, 2))
    assert one == other != third


def test_a_seed_s_corpus_is_that_of_the_landed_weights(data: Path) -> None:
    """Who trains on from them must hold the same pairs back."""
    train, dev, _ = corpus.build(data, MIX, seed=1, sample=1.0)
    digest = hashlib.sha256(repr((train, dev)).encode()).hexdigest()
    assert digest == "37cac3c3c53ecfd59e205744014d235838c5e80e8833d76e0ebd113d4a3a2ec0"


def test_a_trial_reads_a_share_of_each_source(data: Path) -> None:
    _, _, report = corpus.build(data, MIX, seed=1, sample=0.2)
    assert all(30 <= counts.total() <= 90 for counts in report.values())


def test_the_held_back_slice_is_in_no_training_pair(data: Path) -> None:
    train, dev, report = corpus.build(data, MIX, seed=1, sample=1.0)
    assert len(dev) == 20
    assert not set(dev) & set(train)
    assert len(train) == 2 * 180 + 100
    assert report["news"]["duplicate"] == 100


def test_an_ablation_leaves_a_source_out_and_all_else_as_it_was(data: Path) -> None:
    train, dev, _ = corpus.build(data, MIX, seed=1, sample=1.0)
    ablated, same_dev, report = corpus.build(data, MIX, seed=1, sample=1.0, without={"news"})
    assert same_dev == dev
    assert sorted(ablated) == sorted(pair for pair in train if "Quelle web" in pair[0])
    assert report["news"]["kept, but left out of the mix"] == 200


@pytest.mark.parametrize(
    ("names", "terms", "found"),
    [
        (["newstest-*"], [], {"newstest-2008-2018", "newstest-ende-2020-2022"}),
        ([], ["RESEARCH"], {"newstest-2008-2018", "newstest-ende-2020-2022"}),
        (["pud"], ["tatoeba.org"], {"pud", "tatoeba"}),
        ([], [], set()),
    ],
)
def test_sources_are_left_out_by_name_or_by_terms(names: list[str], terms: list[str], found: set[str]) -> None:
    mix = corpus.load_mix(Path(corpus.__file__).parent / "mix.toml")
    assert corpus.left_out(mix, names, terms) == found


def test_a_name_that_means_no_source_is_an_error() -> None:
    with pytest.raises(ValueError, match="'newtest'"):
        corpus.left_out(MIX, ["newtest"], [])


def test_templates_that_differ_in_a_number_alone_count_once(tmp_path: Path) -> None:
    (tmp_path / "parallel").mkdir()
    with lzma.open(tmp_path / "parallel" / "news.tsv.xz", "wt", encoding="utf-8") as file:
        file.writelines(f"Das Problem ist in Version {n} behoben.\tThis is fixed in version {n}.\n" for n in range(9))
    _, _, report = corpus.build(tmp_path, Mix(MIX.sources[:1], "none", 0), seed=1, sample=1.0)
    assert report["news"] == {"kept": 1, "duplicate": 8}


def test_pairs_are_read_as_they_were_written(tmp_path: Path) -> None:
    pairs = [("ä „x“", "a"), ("b c", "d")]
    corpus.write_pairs(tmp_path / "folder" / "pairs.tsv", pairs)
    assert corpus.load_pairs(tmp_path / "folder" / "pairs.tsv") == pairs


def test_the_mix_uses_no_source_without_terms() -> None:
    mix = corpus.load_mix(Path(corpus.__file__).parent / "mix.toml")
    assert "wmt-sample" not in {source.name for source in mix.sources}
    assert all(source.terms for source in mix.sources)
