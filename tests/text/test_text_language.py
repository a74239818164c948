"""Tests of language identification: texts in languages other than German get a notice."""

import subprocess
import sys

import pytest

from service.text.language_id import foreign_notice
from tests.languages import DE

FOREIGN = {
    "English": "The government said on Monday that it would raise taxes for the rich next year.",
    "French": "Le gouvernement a annoncé lundi de nouvelles mesures pour les entreprises du pays.",
    "Dutch": "De regering heeft maandag nieuwe maatregelen aangekondigd voor bedrijven in het land.",
    "Danish": "Regeringen foreslog mandag nye skatter, som skal betales af virksomheder i hele landet.",
    "Russian": "Правительство объявило о новых мерах",
    "Chinese": "政府周一宣布了新的措施",
    "Arabic": "أعلنت الحكومة يوم الاثنين عن إجراءات جديدة",
}


@pytest.mark.parametrize("text", FOREIGN.values(), ids=FOREIGN)
def test_foreign_sentence_gets_a_notice(text: str) -> None:
    notice = foreign_notice(text, DE)
    assert notice is not None
    assert notice.code == "source_not_german"


@pytest.mark.parametrize(
    "text",
    [
        "Die Regierung hat am Montag neue Maßnahmen für Unternehmen angekündigt.",
        "DIE REGIERUNG HAT HEUTE NEUE STEUERN BESCHLOSSEN",
        "Biden will im Ukraine-Konflikt vermitteln – doch Putin bleibt unberechenbar",
        "Champions League: Real Madrid siegt",
        "Moskau warnt Nato",
        "1. FC Köln",
        "Live-Ticker",
        "Best of Berlinale",
        "Angela Merkel, Emmanuel Macron, Joe Biden, Wladimir Putin",
        "12345 678 90 1,5 20.30",
        "https://www.example.org/the/best/page/of/the/year",
        "Der Slogan „Make America great again“ ist nach wie vor auf vielen Plakaten zu sehen.",
        "",
        " \n",
        "😀😀😀",
        "\ud800",
    ],
)
def test_german_and_ambiguous_texts_get_none(text: str) -> None:
    assert foreign_notice(text, DE) is None


def test_german_article_may_quote_english() -> None:
    german = "Der Minister hat sich am Montag zu den Plänen der Regierung geäußert und um Geduld gebeten. " * 20
    assert foreign_notice(german + FOREIGN["English"] * 4, DE) is None


def test_import_does_not_load_the_model() -> None:
    program = "import sys, service.text.language_id; sys.exit('py3langid' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
