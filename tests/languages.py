"""The two languages that most tests are about."""

from service.languages.base import language

DE, EN = language("de"), language("en")
