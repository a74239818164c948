"""Functions that count words, return the stems of content words, and find references and reported speech.

Most of them use the summary grammar (stemming rules and word lists) of German. No other language has a summary
grammar, so `require_grammar` rejects other languages.
"""

import re
from collections.abc import Sequence

from service.errors import ModelError
from service.languages.base import Language, SummaryGrammar
from service.languages.de import SUMMARY

GRAMMAR: SummaryGrammar = SUMMARY
_FIRST_WORDS = 3
_WEAK_VERB = re.compile(r"[a-zäöüß]{2,}(?:t|te|ten|ne)")
_ARTICLE_ALONE = re.compile(r"\w+,")  # "Das, so heißt es, …"
_WORD = re.compile(r"[^\W_]+(?:[-.,:’'][^\W_]+)*")


def require_grammar(language: Language) -> None:
    """Check that texts in ``language`` can be summarised.

    Raises:
        ModelError: the language has no summary grammar.
    """
    if language.summary is not GRAMMAR:
        raise ModelError(
            f"texts in {language.name} cannot be summarised: the language has no summary grammar; use a German model"
        )


def count_words(text: str) -> int:
    """Count words as an editor would: strings between white space that contain a letter or digit."""
    return sum(any(char.isalnum() for char in part) for part in text.split())


def words(text: str) -> list[str]:
    """Return the words in order, in their original spelling. A hyphenated word or a decimal number is one word."""
    return _WORD.findall(text)


def spaced_words(text: str) -> list[tuple[str, str]]:
    """Return the words in order. Each is paired with the text that follows it, up to the next word or the end."""
    found = list(_WORD.finditer(text))
    ends = [*(match.start() for match in found[1:]), len(text)]
    return [(match.group(), text[match.end() : end]) for match, end in zip(found, ends, strict=False)]


def content_stems(text: str) -> list[str]:
    """Return the stems of all words except function words, such as articles and prepositions, in order."""
    skipped = GRAMMAR.function_words
    return [GRAMMAR.stem(word) for word in words(text) if word.lower() not in skipped]


def depends_on_previous(sentence: str) -> bool:
    """Return whether one of the first words of a sentence refers to the previous sentence.

    Such a word is a pronoun or an adverb ("Er", "Bis dahin"), or an article that replaces a noun ("Das ist"). The
    result is also True if a phrase refers to the previous sentence ("Im Gegenteil"), or if the sentence answers it.
    """
    found = words(sentence)
    if not found:
        return False
    if GRAMMAR.references.match(sentence) or GRAMMAR.report_end.search(sentence):
        return True
    head = words(sentence.partition(",")[0])  # after a comma, a pronoun can refer to a word before the comma
    return (
        found[0].lower() in GRAMMAR.dangling_openings
        or _is_demonstrative(sentence, found)
        or any(
            word in GRAMMAR.dangling_words and follower not in GRAMMAR.times and not _is_of_quantity(before, follower)
            for before, word, follower in zip(head, head[1:_FIRST_WORDS], [*head[2:], ""], strict=False)
        )
    )


_FULL_NAME = re.compile(r"\b[A-ZÄÖÜ][a-zäöüßéèçš]+ [A-ZÄÖÜ][a-zäöüßéèçšA-Z-]+\b")


def loses_noun(sentence: str, left_out: Sequence[str]) -> bool:
    """Return whether a pronoun of a sentence may replace a name in one of the sentences ``left_out``.

    These are the sentences between the last sentence of the summary and ``sentence``. Only pronouns after the verb are
    considered ("Danach sagte sie"), because `depends_on_previous` finds the others.
    """
    if GRAMMAR.replacing.match(sentence) is None:
        return False
    return any(_FULL_NAME.search(other) and not GRAMMAR.replacing.match(other) for other in left_out)


def _is_of_quantity(before: str, follower: str) -> bool:
    """Return whether a demonstrative between two words is part of a quantity ("viele dieser Orte").

    ``before`` is the word before the demonstrative, and ``follower`` is the word after it.
    """
    return before.lower() in GRAMMAR.quantifiers and follower[:1].isupper()


def _is_demonstrative(sentence: str, found: Sequence[str]) -> bool:
    """Return whether a sentence with the words ``found`` begins with an article directly before its verb or a comma."""
    if len(found) < _FIRST_WORDS or found[0].lower() not in GRAMMAR.articles:
        return False
    if _ARTICLE_ALONE.match(sentence):
        return True
    if found[1] in GRAMMAR.finite_verbs:
        return True
    follows = found[2][0].islower() and found[2] in GRAMMAR.function_words
    return follows and _WEAK_VERB.fullmatch(found[1]) is not None and found[1] not in GRAMMAR.function_words


def reports_speech(sentence: str) -> bool:
    """Return whether a sentence is in reported speech but does not name the speaker ("Das Bild sei verzerrt").

    A sentence with a pronoun of the first person does not count.
    """
    return (
        GRAMMAR.reported.search(sentence) is not None
        and GRAMMAR.attribution.search(sentence) is None
        and GRAMMAR.first_person.search(sentence) is None
    )
