"""Rules that move a phrase, a predicate or a speaker in a German main clause, or that replace its expletive or source.

Any single constituent may precede the finite verb of a main clause (Drach, 1937). The rules move a phrase only if it
directly follows the verb and certainly ends before the next constituent, so that it is a whole constituent. A rule
returns None if it does not apply.
"""

import re

from service.languages.de.clauses import (
    BREAKS,
    NOUNS,
    PREPOSITIONS,
    QUOTES,
    Token,
    Tokens,
    agrees,
    clause_end,
    continues,
    first_finite,
    has,
    has_loose_relative,
    is_subject,
    lower_initial,
    may_be_genitive,
    skip,
    subject_end,
)

_MOST_SUBJECT = 9
_NON_FINITE = frozenset({"VV(PP)", "VV(INF)", "VV(IZU)", "VA(PP)", "VA(INF)", "VM(INF)", "PTKVZ"})
_FOCUS = frozenset("auch bereits schon erst noch vor allem insbesondere überwiegend".split())
_NEXT = frozenset({"ADV", "ADJ(D)", "PTKNEG", "ART", "PPOSAT", "PIAT"}) | _NON_FINITE
_CIRCUMPOSITIONS = frozenset(
    "an aus hinaus hinweg entlang hindurch her hin herum heraus aufwärts zufolge zuliebe".split()
)
_EXCLUDING = frozenset({"außer", "statt", "ohne"})
_PLACE_TOKENS = 2  # "in Berlin"
_COPULAS = frozenset("ist sind war waren bleibt blieb wird wurde heißt hieß".split())
_AMOUNTS = frozenset("Million Millionen Milliarde Milliarden Prozent Euro Uhr Meter Kilometer".split())
_ATTRIBUTIVE = frozenset("für von mit aus".split())
"""Prepositions that usually begin an attribute of the noun before them."""
_PASSIVES = frozenset("wird werden wurde wurden worden".split())
_NUMBERED = frozenset("Jahr Jahre Platz Rang Gruppe Artikel Paragraf Kapitel".split())
# These nouns form a light-verb construction with a preposition and a verb ("in Kraft treten").
_LIGHT = frozenset(
    "Kraft Frage Anspruch Betracht Verfügung Leben Einsatz Betrieb Druck Not Stande Gang Kauf Rolle Spiel Hand Sicht"
    " Rede Ruhe Bewegung Gefahr Ende Tage Wort Ausdruck Schau Wehr Grunde Auge Weg Griff Wanken Acht Bezug"
    " Kenntnis".split()
)
_REPORTED_MIDDLE = 4


def _rest_of_subject(tokens: Tokens, verb: int, start: int) -> list[Token]:
    """Return the subject and the reflexive pronoun in the order that they have if both follow the verb."""
    subject = [lower_initial(tokens[0])._replace(spaced=True), *tokens[1:verb]]
    reflexive = tokens[verb + 1 : start]
    return [*subject, *reflexive] if subject[0].tag in {"PPER", "PIS"} else [*reflexive, *subject]


def _opening(tokens: Tokens) -> tuple[int, int] | None:
    """Return the indices of the finite verb and of the constituent after it.

    The result is None unless the sentence begins with a simple subject and its verb, and ends with a full stop. It is
    also None if a second verb may share the subject, or if a relative clause does not directly follow its noun.
    """
    verb = first_finite(tokens)
    if not verb or verb > _MOST_SUBJECT or has(tokens[: verb + 1], BREAKS | QUOTES | {","}) or tokens[-1].text != ".":
        return None
    if not is_subject(tokens, verb) or (tokens[0].text in {"Es", "Das", "Dies"} and verb == 1):
        return None
    if continues(tokens, verb) or has_loose_relative(tokens, verb):
        return None
    return verb, skip(tokens, verb + 1, frozenset({"PRF"}))


def phrase_first(tokens: Tokens) -> list[Token] | None:
    """Move the prepositional phrase after the verb to the beginning ("X sprach mit Y" to "Mit Y sprach X")."""
    opening = _opening(tokens)
    if opening is None:
        return None
    verb, start = opening
    preposition = skip(tokens, start, frozenset({"ADV"}))
    if any(token.text not in _FOCUS for token in tokens[start:preposition]):
        return None
    end = _prepositional_end(tokens, preposition)
    if end is None or not _ends_surely(tokens, preposition, end):
        return None
    last = end + 1 == len(tokens)
    if tokens[verb].text in _COPULAS and (last or tokens[end].tag not in _NON_FINITE):
        return None
    if has(tokens[preposition:end], _LIGHT) or has(tokens[verb:], QUOTES | BREAKS):
        return None
    return [*tokens[start:end], tokens[verb], *_rest_of_subject(tokens, verb, start), *tokens[end:]]


def _prepositional_end(tokens: Tokens, start: int) -> int | None:
    """Return the index after the prepositional phrase that starts at ``start``, or None.

    The phrase consists of a preposition, a noun with its determiner, adjectives and name, and attributes in the
    genitive or with "von".
    """
    if (
        start >= len(tokens)
        or tokens[start].tag not in PREPOSITIONS
        or tokens[start].text in {"außer", "statt", "ohne"}
    ):
        return None
    noun = skip(tokens, start + 1, frozenset({"ART", "PPOSAT", "PDAT", "PIAT", "ADJ(A)", "CARD"}))
    if tokens[start + 1].text in {"der", "die", "das", "dem", "den"} and noun == len(tokens):
        return None
    end = _nouns_end(tokens, noun)
    while end is not None and end < len(tokens):
        token = tokens[end]
        if not may_be_genitive(token) and not _is_quantity(tokens, end):
            return end
        if tokens[end - 1].tag == "NE" and token.text.startswith("ein"):  # after a name, a dative
            return end
        end = _nouns_end(tokens, skip(tokens, end + 1, frozenset({"ART", "PPOSAT", "PDAT", "ADJ(A)", "CARD"})))
    return end


def _is_quantity(tokens: Tokens, place: int) -> bool:
    """Return whether "von" at ``place`` begins an attribute, because a number or a name without an article follows.

    The result is False in a passive, in which the phrase may name the agent.
    """
    return tokens[place].text == "von" and tokens[place + 1].tag in {"CARD", "NE"} and not has(tokens, _PASSIVES)


def _nouns_end(tokens: Tokens, noun: int) -> int | None:
    """Return the index after the noun at ``noun``, its name, and its number ("Platz 24"), or None without a noun."""
    if noun >= len(tokens) or tokens[noun].tag not in NOUNS:
        return None
    end = noun + 1
    while end < len(tokens) and (
        tokens[end].tag in {"NE", "FM"} or (tokens[end].tag in NOUNS and tokens[end - 1].text in _AMOUNTS)
    ):
        end += 1
    is_numbered = tokens[end - 1].text in _NUMBERED and end + 1 < len(tokens) and tokens[end + 1].tag not in NOUNS
    return end + (is_numbered and tokens[end].tag == "CARD")


def _ends_surely(tokens: Tokens, start: int, end: int) -> bool:
    """Return whether the phrase that starts at ``start`` certainly ends before the index ``end``."""
    token = tokens[end]
    if token.text in _CIRCUMPOSITIONS or any(one.tag == "PPOSAT" for one in tokens[start:end]):
        return False  # a possessive pronoun would precede the noun to which it refers
    if token.text[0].isupper():  # a part of a name
        return False
    if token.tag in _NEXT or token.text == ".":
        return token.text not in {"als", "wie"}
    is_place = tokens[end - 1].tag == "NE" and end - start == _PLACE_TOKENS
    return is_place and token.tag in PREPOSITIONS and token.text not in {"von", "aus", "bei"}


_OBJECT = frozenset("den einen keinen diesen ihren seinen".split())


def object_first(tokens: Tokens) -> list[Token] | None:
    """Move an accusative object to the beginning if no other constituent follows the verb ("X lehnt den Plan ab").

    The case must be clear. For example, "den" before a noun that ends with "n" may also be a dative plural.
    """
    opening = _opening(tokens)
    if opening is None:
        return None
    verb, start = opening
    if tokens[0].tag == "PPER":  # a pronoun rarely follows an object
        return None
    end = _object_end(tokens, start)
    if (
        end is None
        or not _is_accusative(tokens, verb, start)
        or (tokens[verb].tag == "VA(FIN)" and end + 1 == len(tokens))
    ):
        return None
    bracket = skip(tokens, end, _NON_FINITE)
    if tokens[bracket].text != "." or bracket + 1 != len(tokens) or start != verb + 1:
        return None
    if tokens[verb].tag == "VA(FIN)" and bracket == end:
        return None
    return [*tokens[start:end], tokens[verb], *_rest_of_subject(tokens, verb, start), *tokens[end:]]


def _is_accusative(tokens: Tokens, verb: int, start: int) -> bool:
    """Return whether the phrase at ``start`` is an object, because of its article or because the verb is plural."""
    is_plural = tokens[verb].text.endswith("n") and tokens[verb].tag != "VA(FIN)"
    return tokens[start].text in _OBJECT or (is_plural and tokens[start].text in {"ein", "eine"})


def _object_end(tokens: Tokens, start: int) -> int | None:
    noun = skip(tokens, start + 1, frozenset({"ADJ(A)", "CARD"}))
    end = _nouns_end(tokens, noun)
    if end is None or (tokens[start].text in {"den", "diesen", "ihren", "seinen"} and tokens[noun].text.endswith("n")):
        return None
    while end is not None and (may_be_genitive(tokens[end]) or tokens[end].text == "von"):
        end = _nouns_end(tokens, skip(tokens, end + 1, frozenset({"ADJ(A)", "CARD", "ADV", "APPR"})))
    return end


def without_expletive(tokens: Tokens) -> list[Token] | None:
    """Replace the expletive "es" of a passive with the subject ("Es wurde ein Lager eingerichtet")."""
    if tokens[0].text != "Es" or (tokens[1:2] and tokens[1].text not in _PASSIVES) or tokens[-1].text != ".":
        return None
    end = subject_end(tokens, 2)
    if end is None or not agrees(tokens[1], tokens[2]) or tokens[2].tag in {"PPER", "PIS"}:
        return None
    stop = clause_end(tokens, 1)
    if tokens[stop - 1].tag != "VV(PP)" or has(tokens, BREAKS | QUOTES) or has(tokens[:stop], frozenset({"zu"})):
        return None
    if end < stop - 1 and tokens[end].tag not in PREPOSITIONS | {"ADV", "ADJ(D)"}:
        return None
    if tokens[end].tag in PREPOSITIONS and tokens[end].text in _ATTRIBUTIVE:
        end = stop - 1
    return [*tokens[2:end], tokens[1], *tokens[end:]]


_EQUATIVES = frozenset("ist sind war waren".split())
_IN_PHRASES = NOUNS | PREPOSITIONS | {"ART", "ADJ(A)", "CARD", "PPOSAT", "PIAT", "PDAT", "KON"}


def predicate_last(tokens: Tokens) -> list[Token] | None:
    """Exchange a predicate and its subject ("Grund des Streits war ein Foul" to "Ein Foul war Grund des Streits").

    The predicate is a participle, an adjective, or a noun that has an attribute but no determiner.
    """
    verb = first_finite(tokens)
    if (
        not verb
        or tokens[verb].text not in _EQUATIVES
        or tokens[-1].text != "."
        or has(tokens, BREAKS | QUOTES | {","})
    ):
        return None
    start = verb + 1 + (tokens[verb + 1].text == "auch")
    subject = tokens[start:-1]
    end = subject_end(tokens, start)
    if end is None or any(token.tag not in _IN_PHRASES for token in subject) or not agrees(tokens[verb], subject[0]):
        return None
    is_noun = tokens[0].tag == "NN" and verb > 1 and (may_be_genitive(tokens[1]) or tokens[1].text == "für")
    is_participle = tokens[0].tag in {"VV(PP)", "ADJ(D)"} and (verb == 1 or tokens[1].tag in PREPOSITIONS)
    if not is_noun and not (is_participle and end == len(tokens) - 1):
        return None
    front = [lower_initial(tokens[0])._replace(spaced=True), *tokens[1:verb]]
    return [*tokens[verb + 1 : -1], tokens[verb]._replace(spaced=True), *front, tokens[-1]]


_SPEAKING = re.compile(
    r"(?:sagte|erklärte|betonte|meinte|antwortete|entgegnete|ergänzte|berichtete|warnte|kritisierte|schrieb|erläuterte"
    r"|versicherte|behauptete|forderte|sagt|erklärt|betont|meint|antwortet|warnt|ergänzt)(?:n|en)?"
)
_MOST_SPEAKER = 16


def speaker_last(tokens: Tokens) -> list[Token] | None:
    """Move the speaker to the end of a statement ("X sagte: „A.“" to "„A“, sagte X.")."""
    verb = first_finite(tokens)
    if not verb or _SPEAKING.fullmatch(tokens[verb].text) is None or has(tokens[:verb], BREAKS | QUOTES | {","}):
        return None
    mark = next((n for n in range(verb, len(tokens)) if tokens[n].text in {":", ","}), None)
    if mark is None or mark > _MOST_SPEAKER:
        return None
    speaker = _speaker(tokens, verb, mark)
    if speaker is None or has(tokens[verb:mark], frozenset({"dass", "ob", "und", "oder"}) | BREAKS | QUOTES):
        return None
    if any(token.tag == "PTKVZ" or (token.tag == "PROAV" and tokens[mark].text == ",") for token in tokens[verb:mark]):
        return None
    speech = tokens[mark + 1 :]
    made = _quotation(speech) if tokens[mark].text == ":" else _reported(speech)
    if made is None:
        return None
    comma = Token(",", ",", "$,", spaced=False)
    stop = Token(".", ".", "$.", spaced=False)
    return [*made, comma, *speaker, stop]


def _speaker(tokens: Tokens, verb: int, mark: int) -> list[Token] | None:
    """Return the verb and the speaker in the order that they have after a statement.

    Return None if the structure of the speaker is not simple.
    """
    behind = tokens[verb + 1 : mark]
    if is_subject(tokens, verb):
        subject = [lower_initial(tokens[0])._replace(spaced=True), *tokens[1:verb]]
        return [tokens[verb], *subject, *behind]
    end = subject_end(tokens, verb + 1)
    if end != mark or tokens[0].tag not in PREPOSITIONS or not agrees(tokens[verb], tokens[verb + 1]):
        return None
    return [tokens[verb], *behind, lower_initial(tokens[0])._replace(spaced=True), *tokens[1:verb]]


def _quotation(speech: Tokens) -> list[Token] | None:
    """Return a quotation without its full stop, or None unless the speech is one quotation of one sentence.

    Also return None if the speech has fewer than four tokens.
    """
    body = speech[:-1] if speech[-1].text == "." else speech
    places = [n for n, token in enumerate(body) if token.text in QUOTES]
    if places != [0, len(body) - 1] or len(body) < _REPORTED_MIDDLE:
        return None
    if has(body[1:-2], frozenset({".", "?", "!", "…"})):
        return None
    inner = body[1:-2] if body[-2].text == "." else body[1:-1]
    return [body[0], *inner, body[-1]]


_MAIN_BEGINNINGS = frozenset(
    "der die das ein eine kein keine dieser diese dieses man viele alle mehrere einige beide es".split()
)


def _reported(speech: Tokens) -> list[Token] | None:
    """Return a reported main clause ("die Zahl sei gestiegen") without its full stop, or None."""
    if speech[-1].text != "." or has(speech, BREAKS | QUOTES):
        return None
    verb = first_finite(speech)
    if not verb or verb > _MOST_SUBJECT or has(speech[:verb], frozenset({","})):
        return None
    first = speech[0]
    if first.text not in _MAIN_BEGINNINGS and first.tag not in {"NN", "NE", "CARD"}:
        return None
    if not is_subject(speech, verb) or speech[verb + 1].text in {",", "."}:
        return None
    return [first._replace(spaced=False), *speech[1:-1]]


_SOURCES = frozenset("Angaben Informationen Berichten Schätzungen Medienberichten Medienangaben Erkenntnissen".split())


def source_of_statement(tokens: Tokens) -> list[Token] | None:
    """Replace "zufolge" before the verb with "nach" or "laut", or "nach" with "zufolge".

    For example, "Ersten Angaben zufolge" becomes "Nach ersten Angaben". "Nach" is replaced only before a noun such as
    "Angaben".
    """
    verb = first_finite(tokens)
    if not verb or verb > _MOST_SUBJECT or has(tokens[:verb], BREAKS | QUOTES | {","}):
        return None
    front = tokens[:verb]
    if front[-1].text == "zufolge" and len(front) > 1:
        is_source = has(front, _SOURCES)
        head = Token("Nach" if is_source else "Laut", "nach", "APPR", spaced=False)
        return [head, lower_initial(front[0])._replace(spaced=True), *front[1:-1], *tokens[verb:]]
    if front[0].text != "Nach" or not has(front[1:3], _SOURCES) or _prepositional_end(tokens, 0) != verb:
        return None
    return [*front[1:], Token("zufolge", "zufolge", "APPO", spaced=True), *tokens[verb:]]
