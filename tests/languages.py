"""The two languages that most tests are about."""

from service.languages.base import LanguagePair, language

DE, EN = language("de"), language("en")
DE_EN = LanguagePair(DE, EN)
