"""Tests of how the sentences of an article are grouped before a model rewrites them."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.summarization.lengths import PRESETS, Length
from service.summarization.rewriting import groups
from service.summarization.words import count_words

SENTENCES = st.lists(st.text("abcdefgäöüß ,.?!„“1A", max_size=60), max_size=20)


def test_most_cores_open_the_article(article: list[str]) -> None:
    cores = [group.core for group in groups(article, headline=None, length=Length(max_sentences=4))]
    assert cores[0] == 0
    assert sum(core < len(article) / 2 for core in cores) >= 3


def test_number_of_groups_follows_the_length(article: list[str]) -> None:
    assert len(groups(article, headline=None, length=Length(max_sentences=4))) == 4
    assert len(groups(article, headline=None, length=PRESETS["short"])) == 3


def test_dependent_core_includes_previous_sentence() -> None:
    sentences = [
        "Hans Beispiel leitet künftig das Museum für Naturkunde in Berlin.",
        "Er war bisher Direktor der Sammlungen und leitete die Forschung des Museums für Naturkunde in Berlin.",
    ]
    made = groups(sentences, headline="Forschung des Museums", length=Length(max_sentences=1))
    assert made[0].members == (0, 1)


def test_group_stays_within_word_limit(article: list[str]) -> None:
    for group in groups(article, headline=None, length=PRESETS["medium"], max_group_words=25):
        assert len(group.members) == 1 or sum(count_words(article[n]) for n in group.members) <= 25


def test_subheading_is_no_core(article: list[str]) -> None:
    assert all(group.core != 3 for group in groups(article, headline=None, length=PRESETS["medium"]))


def test_spare_groups_do_not_change_other_groups(article: list[str]) -> None:
    length = PRESETS["short"]
    made = groups(article, headline=None, length=length, spares=3)
    assert [group for group in made if not group.spare] == groups(article, headline=None, length=length)
    assert sum(group.spare for group in made) == 3


def test_fillers_are_single_unused_sentences(article: list[str]) -> None:
    length = PRESETS["short"]
    made = groups(article, headline=None, length=length, spares=1, fillers=4)
    fillers = [group for group in made if group.filler]
    others = [group for group in made if not group.filler]
    assert others == groups(article, headline=None, length=length, spares=1)
    assert 0 < len(fillers) <= 4
    assert all(group.members == (group.core,) for group in fillers)
    assert {group.core for group in fillers}.isdisjoint(n for group in others for n in group.members)


def test_barred_sentence_is_no_core(article: list[str]) -> None:
    best = {group.core for group in groups(article, headline=None, length=PRESETS["medium"])}
    others = groups(article, headline=None, length=PRESETS["medium"], barred=best)
    assert others
    assert best.isdisjoint(group.core for group in others)


@pytest.mark.parametrize("sentences", [[], [""], ["…", "?"]])
def test_text_without_content_has_no_groups(sentences: list[str]) -> None:
    assert groups(sentences, headline=None, length=PRESETS["short"]) == []


@settings(max_examples=60, deadline=None)
@given(SENTENCES, st.integers(1, 6))
def test_groups_are_disjoint_ordered_and_contain_their_core(sentences: list[str], most: int) -> None:
    made = groups(sentences, headline="ab cd", length=Length(max_sentences=most))
    members = [number for group in made for number in group.members]
    assert len(members) == len(set(members))
    assert len(made) <= most
    assert [group.core for group in made] == sorted(group.core for group in made)
    assert all(group.core in group.members and list(group.members) == sorted(group.members) for group in made)
