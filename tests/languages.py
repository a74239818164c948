"""The two languages that most tests use: German and English."""

from service.languages.base import LanguagePair, language

DE, EN = language("de"), language("en")
PAIR = LanguagePair(DE, EN)
