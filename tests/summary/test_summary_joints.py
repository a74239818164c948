"""Tests of loose joints, that is, adjacent words in a summary that are not adjacent in any source sentence.

Removing a whole clause leaves no loose joint. Removing words inside a clause leaves at least one.
"""

import pytest

from service.summarization.rewriting import loose_joints

SOURCE = "Der Minister, der gestern aus Wien kam, sprach am Abend mit der Präsidentin, weil der Streit andauert."


@pytest.mark.parametrize(
    "sentence",
    [
        SOURCE,
        "Der Minister sprach am Abend mit der Präsidentin, weil der Streit andauert.",
        "Der Minister, der gestern aus Wien kam, sprach am Abend mit der Präsidentin.",
        "Der Minister sprach am Abend mit der Präsidentin.",
    ],
)
def test_removed_clause_leaves_no_loose_joint(sentence: str) -> None:
    assert loose_joints(sentence, [SOURCE]) == 0


@pytest.mark.parametrize(
    "sentence",
    [
        "Der Minister sprach mit der Präsidentin.",  # "am Abend" is not a clause
        "Der Minister sprach am Abend.",  # ends inside a clause
        "Am Abend sprach der Minister mit der Präsidentin.",  # different order
        "Aus Wien kam der Minister.",  # starts inside a clause
        "Der Minister sprach heute mit der Präsidentin.",  # a new word
    ],
)
def test_removed_words_inside_clause_leave_a_loose_joint(sentence: str) -> None:
    assert loose_joints(sentence, [SOURCE]) > 0


def test_joint_across_sources_is_loose() -> None:
    assert loose_joints("Der Zug fährt morgen nicht.", ["Der Zug steht heute still.", "Er fährt morgen nicht."]) > 0


def test_empty_text_has_no_joints() -> None:
    assert loose_joints("", [SOURCE]) == 0
