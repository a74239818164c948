"""Tests of the benchmark in which readers judge summaries: the files for the readers, and the counts of their marks."""

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks.judgement import (
    KEY,
    PAIRS,
    SENTENCE_MARKS,
    SENTENCES,
    context,
    judged,
    kappa,
    of_length,
    read_marks,
    write_sample,
)

ARTICLE = "Die Stadt baut ein neues Museum. Es kostet zwölf Millionen Euro. Der Rat stimmte am Montag zu."


def made(name: str, lead: str) -> dict[str, Any]:
    texts = ["Die Stadt baut ein neues Museum.", "Für zwölf Millionen soll ein Haus entstehen."]
    sentences = [{"text": text, "support": [[0, 32]], "verbatim": False} for text in texts]
    return {"id": name, "article": ARTICLE, "summary": {"text": " ".join(texts), "sentences": sentences}, "lead": lead}


@pytest.fixture
def key(tmp_path: Path) -> dict[str, Any]:
    write_sample([made("one", ARTICLE), made("two", ARTICLE), made("same", made("", "")["summary"]["text"])], tmp_path)
    found: dict[str, Any] = json.loads((tmp_path / KEY).read_text("utf-8"))
    return found


def test_readers_get_texts_and_no_key(tmp_path: Path, key: dict[str, Any]) -> None:
    sentences, pairs = (
        [line.split("\t") for line in (tmp_path / name).read_text("utf-8").splitlines()] for name in (SENTENCES, PAIRS)
    )
    assert [len(sentences), len(pairs), key["equal_to_lead"]] == [7, 3, 1]
    assert sentences[0] == ["number", "source", "sentence", "state"]
    assert {row[1] for row in sentences[1:]} == {"Die Stadt baut ein neues Museum."}
    for row, hidden in zip(pairs[1:], key["pairs"], strict=True):
        assert row[pairs[0].index(hidden["summary"])] == made("", "")["summary"]["text"]


def test_sample_is_limited_and_the_key_counts_all_sentences(tmp_path: Path) -> None:
    write_sample([made("one", ARTICLE)], tmp_path, most=1)
    key = json.loads((tmp_path / KEY).read_text("utf-8"))
    assert [len(key["sentences"]), len(key["delivered"])] == [1, 2]
    assert len((tmp_path / SENTENCES).read_text("utf-8").splitlines()) == 2


def test_source_follows_the_sentence_before_it() -> None:
    start = ARTICLE.index("Es kostet")
    assert context(ARTICLE, [[start, start + 31]]) == (
        "[Die Stadt baut ein neues Museum.] Es kostet zwölf Millionen Euro."
    )


@pytest.mark.parametrize(("count", "expected"), [(1, 1), (6, 1), (10, 2), (40, 3)])
def test_lead_has_about_as_many_words_as_the_summary(count: int, expected: int) -> None:
    sentences = ["Die Stadt baut ein neues Museum.", "Es kostet zwölf Millionen Euro.", "Der Rat stimmte zu."]
    assert of_length(sentences, count) == " ".join(sentences[:expected])


def test_marks_are_counted_without_texts(key: dict[str, Any]) -> None:
    one = ["ok", "broken", "unfaithful", "ok", "broken unfaithful", "ok"]
    other = ["ok", "broken", "ok", "ok", "unfaithful", "ok"]
    summary, lead = (key["pairs"][0]["summary"], {"a": "b", "b": "a"}[key["pairs"][1]["summary"]])
    found = judged(key, [one, other], [[summary, lead], [summary, "same"]])
    assert [found["broken"]["found"], found["unfaithful"]["found"]] == [2, 2]
    assert found["reworded"]["found"] == 3
    against = found["against_the_lead"]
    assert [against[name] for name in ("summary", "lead", "equal", "equal_texts")] == [2, 1, 1, 1]
    assert against["preferred"]["percent"] == 66.7
    assert "Museum" not in json.dumps(found)


def test_kappa() -> None:
    assert kappa(["a", "a", "b", "b"], ["a", "a", "b", "b"]) == 1.0
    assert kappa(["a", "a", "b", "b"], ["a", "b", "a", "b"]) == 0.0
    assert kappa(["a", "a"], ["a", "a"]) is None
    assert kappa([], []) is None


@pytest.mark.parametrize("text", ["0\tok\n", "0\tok\n0\tok\n", "0\tok\n1\tgood\n", "0\tok\n2\tok\n"])
def test_incomplete_marks_are_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "marks.tsv"
    path.write_text(text, "utf-8")
    with pytest.raises(ValueError, match="marks"):
        read_marks(path, 2, SENTENCE_MARKS)
