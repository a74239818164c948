"""The quick look for figures: what it passes over has nothing that another text would have to say, too."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.checks.base import Language, Passage
from service.checks.figures import evidence, may_count

WORDS: dict[Language, str] = {
    "de": "ein eine Ein im seit Mai August Montag Palmsonntag Mo., zwölf Million Dutzend halbes die Uhr Mitternacht"
    " Haus Einheit achten der vom 3. 12:30 ½ anderthalb Fünfziger erste dritte Ende bis hundert Sept. und",
    "en": "a an one One in of May march Monday Sun. twelve million dozen half and the o'clock noon house k b m first"
    " third hundred 3 12:30 ½ twenties letter end since no. point",
}


@pytest.mark.parametrize("language", ["de", "en"])
@given(data=st.data())
def test_a_text_that_is_passed_over_has_no_sure_fact(language: Language, data: st.DataObject) -> None:
    words = data.draw(st.lists(st.sampled_from(WORDS[language].split()), max_size=8))
    passage = Passage.of(data.draw(st.sampled_from([" ", "-", ", "])).join(words), language)
    assert may_count(passage) or not any(fact.certain for fact in evidence(passage))


@pytest.mark.parametrize(
    ("text", "language"),
    [("Ein Hund und eine Katze", "de"), ("one of a kind", "en"), ("", "de"), ("Der Rat tagt.", "de")],
)
def test_articles_are_no_figures(text: str, language: Language) -> None:
    assert not may_count(Passage.of(text, language))
