"""Errors of grammar and spelling in German sentences.

Articles contain slips. Each rule finds one kind of slip, and only in simple structures in which the sentence has no
correct reading (Duden, Die Grammatik). Tagging a sentence takes about 9 ms, so a pattern first selects the sentences
that may contain the slip.
"""

import re
from collections.abc import Callable
from functools import cache
from itertools import islice, pairwise

from service.languages.de.clauses import (
    FINITE,
    NOUNS,
    PREPOSITIONS,
    QUOTES,
    Token,
    Tokens,
    has,
    is_base_form,
    is_simple_noun,
    skip,
    tagged,
)
from service.languages.de.grammar import LISTS

# A feminine article does not allow the ending "en" before its noun. In "eine vielen bekannte Frau", "bekannte" follows.
_WRONG_FORM = re.compile(
    r"\beine\s(?:[a-zäöüß]{2,}(?:hin|lich|ig|isch|sehr|ers|weise)\s|sehr\s|besonders\s)?"
    r"(?!zwischen\s)[a-zäöüß]{2,}(?:iert|[^e]et|ig|lich|isch|bar|los|sam)en\s[A-ZÄÖÜ][\wäöüß-]+(?!\s(?:[a-zäöüß-]+\s)?[a-zäöüß-]+e\s[A-ZÄÖÜ])"
    r"|\b[a-zäöüß]{3,}tetet\s(?=[A-ZÄÖÜ])"
    # "das", as a subject in the singular, does not allow a plural verb.
    r"|,\sdas\s(?:(?:zuletzt|auch|bereits|schon|noch|nicht|nun|erst|später|damals|heute|ebenfalls|dort|inzwischen)\s)*"
    r"(?:(?:in|aus|bei|mit|nach|an|auf|von)\s(?:de[rmn]\s)?[A-ZÄÖÜ][\wäöüß-]+(?:\s[A-ZÄÖÜ][\wäöüß-]+)?\s)?"
    r"[a-zäöüß]*ge[a-zäöüß]{2,}(?:t|en)\s(?:waren|sind|wurden|werden"
    r"(?!\s(?:muss|soll|kann|darf|wird|will|konnte|musste|sollte|durfte|könnte|müsste|dürfte)))\b"
)


def _has_wrong_form(sentence: str) -> bool:
    return _WRONG_FORM.search(sentence) is not None


_PERSON = (
    r"(?:beauftrag|verletz|verurteil|beteilig|beschuldig|beschäftig|angestell|vorgesetz|inhaftier|erkrank|infizier"
    r"|geschädig|bevollmächtig|delegier|angeklag|verlob|versicher)"
)
"""Participles, without their ending "t", that are used as nouns for persons ("der Beauftragte")."""
_PLURALS = r"[Dd]ie|[Dd]en|[Zz]wei|[Dd]rei|[Vv]ier|[Mm]ehrere[nr]?|[Vv]iele[nr]?|\d+"
_BETWEEN = r"\s(?:[a-zäöüß]{3,}e[nrsm]?\s)?"
MISSPELT = re.compile(
    rf"\b(?:{_PLURALS}|[Dd]e[rms]|[Ee]ine?[mnr]?|als){_BETWEEN}"
    rf"(?:(?=[A-ZÄÖÜ])(?i:{_PERSON})(?=e\b(?!-))|[A-ZÄÖÜ][a-zäöüß]{{3,}}{_PERSON}(?=en?\b(?!-)))"
    rf"|\b(?:{_PLURALS}){_BETWEEN}(?=[A-ZÄÖÜ])(?i:{_PERSON})(?=en\b(?!-))"
)
"""Nouns for persons that lack the "t" of their participle ("drei Verletze"). A match ends where the "t" is missing."""


def with_correct_spelling(sentence: str) -> str:
    """Return the sentence with the missing letter in each match of `MISSPELT` that is not in a quotation."""
    opening = min((place for mark in QUOTES if (place := sentence.find(mark)) >= 0), default=len(sentence))
    return MISSPELT.sub(lambda match: match[0] + "t" * (match.end() <= opening), sentence)


_LINKS = (
    "Allerdings|Auch|Außerdem|Bereits|Bisher|Bislang|Dabei|Dadurch|Dafür|Dagegen|Daher|Damals|Danach|Daneben|Dann|Daran"
    "|Daraufhin|Darin|Darüber|Darunter|Dazu|Demnach|Denn|Dennoch|Deshalb|Deswegen|Diese[mnrs]?|Doch|Dort|Ebenso"
    "|Gleichzeitig|Hingegen|Immerhin|Insgesamt|Inzwischen|Jedoch|Mittlerweile|Nachdem|Obwohl|Schließlich|Seitdem|Sobald|Somit"
    "|Stattdessen|Trotzdem|Unterdessen|Weiterhin|Zudem|Zuerst|Zugleich|Zuletzt|Zumindest|Zunächst|Zuvor|Zwar"
)
_OTHER_STARTS = "D(?:er|ie|as|em|en|a|amit)|Eine?|I[mn]|Am|Auf|Beim?|Bis|Mit|Seit|Zu[mr]|Als|Also|Dies|Er|Es|Ob"
"""Words that begin a sentence, or a title after a noun or a function word ("der Film Das Boot")."""
_RUN_ON = re.compile(
    rf"[a-zäöüß]{{2}}\s(?:{_LINKS})\s(?=[a-zäöüß])"
    rf"|(?<!\S)(?P<before>[a-zäöüß]+)\s(?:{_OTHER_STARTS})\s(?!und\s)(?=[a-zäöüß])"
)


def _has_no_stop(sentence: str) -> bool:
    """Return whether a word that only begins sentences follows a word without a punctuation mark."""
    return any(match["before"] not in _function_words() for match in _RUN_ON.finditer(sentence))


@cache
def _function_words() -> frozenset[str]:
    return LISTS.phrases("function_words")


# The beginning of "beißen" and similar verbs is no prefix.
_PREFIX = re.compile(
    r"(?!(?:beißen|beizen|bellen|bergen|bessern|beten|betteln|betten|beugen|beulen|erben|ernten|zerren)$)"
    r"(?:be|emp|ent|er|ver|zer)[a-zäöüß]{3,}"
)
_PARTICLE = re.compile(
    r"\b(?:[Bb]e|[Ee]mp|[Ee]nt|[Ee]r|[Vv]er|[Zz]er)[a-zäöüß]{2,}\s[^,.;:!?–]{0,200}\s(?:ab|an|auf|aus|bei|ein|vor)"
    r"(?=[,.;:!?])"
)
_CLAUSE_ENDS = frozenset({",", ".", ";", ":", "!", "?"})
_CIRCUMPOSITIONS = frozenset({"von", "Von", "vom", "Vom", "wie"})
_VERBS = ("VV", "VA", "VM")


@cache
def _prefixed() -> frozenset[tuple[str, str]]:
    """Return the pairs of a particle and an infinitive in the list ``prefixed_verbs``."""
    return frozenset((particle, verb) for particle, verbs in LISTS.forms("prefixed_verbs").items() for verb in verbs)


def _has_stray_particle(sentence: str) -> bool:
    """Return whether a clause ends with a particle that its verb does not take ("Wir erhalten das Geld an.").

    The verb has an inseparable prefix, and is the only verb between the particle and the punctuation mark before it. A
    particle may also belong to a preposition ("von Montag an").
    """
    if _PARTICLE.search(sentence) is None:
        return False
    tokens = tagged(sentence)
    particles = {particle for particle, _ in _prefixed()}
    for end in range(2, len(tokens) - 1):
        particle = tokens[end]
        if particle.tag != "PTKVZ" or particle.text not in particles or tokens[end + 1].text not in _CLAUSE_ENDS:
            continue
        if tokens[end - 1].text == "und":  # "ab und an"
            continue
        marks = (n for n in range(end - 1, -1, -1) if tokens[n].text in _CLAUSE_ENDS | {"–"})
        clause = tokens[next(marks, -1) + 1 : end]
        verbs = [token for token in clause if token.tag.startswith(_VERBS) or _is_mistagged(token)]
        if len(verbs) == 1 and verbs[0].tag == "VV(FIN)" and not has(clause, _CIRCUMPOSITIONS):
            verb = verbs[0].lemma
            if _PREFIX.fullmatch(verb) and (particle.text, verb) not in _prefixed():
                return True
    return False


def _is_mistagged(token: Token) -> bool:
    """Return whether a token has the tag of a noun, but is probably a verb, because it is in lower case."""
    return token.tag in NOUNS and token.text[0].islower()


_SUSPENDED = re.compile(
    r"(?<![\w-])[A-ZÄÖÜ][a-zäöüß]{3,}-\s(?:und|oder|sowie|bzw\.)\s(?P<noun>[A-ZÄÖÜ][a-zäöüß]{2,8})(?![\w-]|\s[A-ZÄÖÜ])"
)
_MOST_SUSPENDED = 3


def _suspends_nothing(sentence: str) -> bool:
    """Return whether a suspended hyphen precedes a noun that is no compound ("Musik- und Bilder").

    The hyphen replaces the last part of the compound that follows ("Musik- und Bildaufnahmen").
    """
    found = islice(_SUSPENDED.finditer(sentence), _MOST_SUSPENDED)
    return any(is_simple_noun(match["noun"]) for match in found)


_OWN_PLURALS = tuple(
    "mutter tochter schwester butter steuer feier mauer dauer leiter oper nummer kammer faser leber schulter ziffer"
    " feder folter trauer klammer ader wimper elster jungfer marter kelter natter auster viper lauer schleuder scheuer"
    " kiefer leier bauer bayer vetter pommer".split()
)
"""Nouns with the ending "er" that are feminine, or that end with "n" in all plural forms."""
_TWO_DATIVES = re.compile(
    r"\b(?P<preposition>(?i:an|auf|aus|bei|hinter|in|mit|nach|neben|seit|über|unter|von|vor|zu|zwischen)\s)?"
    r"(?:[Dd]en|[Dd]iesen|[Bb]eiden|[Mm]ehreren|[Ee]inigen|[Vv]ielen|[Aa]llen|[Ii]hren|[Ss]einen)\s(?:[a-zäöüß]+en\s){0,3}"
    r"(?P<first>[A-ZÄÖÜ][a-zäöüß-]+n)\s(?P<second>[A-ZÄÖÜ][a-zäöüß-]+er)n\b"
    r"(?!\s(?:zufolge|gegenüber|nach|zuliebe|entsprechend|entgegen)\b)"
)
_COUNTING = re.compile(
    r"hundert|tausend|dutzend|million|milliard|billion|tagen|wochen|monaten|jahren|stunden|minuten|paaren|gruppen|fällen",
    re.IGNORECASE,
)


def _lacks_conjunction(sentence: str) -> bool:
    """Return whether two nouns in the dative plural follow each other ("den Kindern Lehrern").

    The form of the second noun can only be a dative plural. After a preposition, a number or a period, it may be
    another constituent.
    """
    return any(
        match["preposition"] is None
        and not match["second"].lower().endswith(_OWN_PLURALS)
        and _COUNTING.search(match["first"]) is None
        and _are_nouns(tagged(sentence), match["first"], match["second"])
        for match in _TWO_DATIVES.finditer(sentence)
    )


def _are_nouns(tokens: Tokens, plural: str, lemma: str) -> bool:
    """Return whether two adjacent tokens are the common noun ``plural`` and the dative plural of ``lemma``."""
    return any(
        (first.text, first.tag, second.tag, second.lemma) == (plural, "NN", "NN", lemma)
        and first.lemma != plural
        and second.text == f"{lemma}n"
        for first, second in pairwise(tokens)
    )


_GENITIVE_START = re.compile(
    r"(?:^[„»\"]?|[,;:–]\s(?:(?:an|auf|bei|durch|für|in|mit|nach|über|um|unter|von|vor|zu)\s(?:de[rmn]|denen|die|das)"
    r"|dass|weil|wenn|ob|nachdem|obwohl|bevor|damit)\s)"
    r"[Dd]er\s(?:[a-zäöüß]+en\s){1,3}(?P<noun>[A-ZÄÖÜ][\w-]+)"
)
_GOVERNING = re.compile(
    r"gedenk|gedach|bedarf|bedürf|bedurf|annahm|angenommen|annehm|nimmt|nahm|entledig|erfreu|harr|schäm|erinner|bedien"
    r"|bemächtig|enthalt|enthielt|rühm|vergewisser|bewusst|sicher|überdrüssig|müde|würdig|wert|mächtig|kundig|schuldig|Herr"
)
"""The beginnings of verbs and adjectives that take an object in the genitive."""


def _has_loose_genitive(sentence: str) -> bool:
    """Return whether a clause begins with a genitive plural that no noun governs ("an dem der neuen Lehrer saßen").

    After "der" and an adjective with the ending "en", a noun is in the genitive plural unless it is feminine. If
    another adjective follows, the noun that governs the genitive may follow as well.
    """
    match = _GENITIVE_START.search(sentence)
    if match is None or _GOVERNING.search(sentence):
        return False
    pairs = pairwise(tagged(sentence))
    noun, following = next((pair for pair in pairs if pair[0].text == match["noun"]), (None, None))
    if noun is None or following is None or noun.tag != "NN":
        return False
    if following.tag == "ADJ(A)" or following.text in {"wegen", "halber"}:
        return False
    is_masculine = noun.text.endswith("er") and not noun.text.lower().endswith(_OWN_PLURALS)
    return is_masculine or (noun.text != noun.lemma and noun.text.endswith("en"))


_PLURAL_VERB = r"(?:sind|seien|(?![a-zäöüß]*schien\b)[a-zäöüß]+(?:en|ern|eln))\b"
_SINGULAR_START = re.compile(
    r"(?:^[„»\"]?|[,;:–]\s)[Dd]ie\s(?:[a-zäöüß-]+e\s){0,3}[A-ZÄÖÜ][\w-]*(?:ung|heit|keit|schaft|ion|tät|enz|anz|ik|ei|ur|e)\s"
    rf"(?:(?:von|de[rs]|eine[rs])\s(?:[\w-]+\s){{1,4}}?)?{_PLURAL_VERB}"
)
_FEMININE = re.compile(
    r"\w*(?:ung|heit|keit|schaft|ion|tät|enz|anz|ik|(?<!kn)ie|(?<!dr)(?<!zw)ei|[gst]ur)", re.IGNORECASE
)
"""Nouns whose singular ends like this differ from their plurals."""
_MAYBE_PLURAL = re.compile(r"ge\w+|\w*(?:leute|[äöü]\w{0,5})", re.IGNORECASE)
_QUANTITY = re.compile(
    r"\w*(?:mehrheit|mehrzahl|minderheit|zahl|hälfte|menge|reihe|gruppe|masse|fülle|sorte|generation|auswahl)",
    re.IGNORECASE,
)
_ADJECTIVES = frozenset({"ADJ(A)"})
_ATTRIBUTES = frozenset({"von", "des", "der", "eines", "einer"})
_ARTICLES = frozenset({"ART", "PPOSAT", "PDAT", "PIAT"})
_OTHER_CASES = frozenset("ein eine einen einem einer eines das dem des den der".split())
"""Articles of phrases that are in the singular or in a case other than the nominative."""
_IN_PHRASES = frozenset({"ADJ(A)", "CARD"})
_NO_SUBJECTS = frozenset(
    {"ADV", "ADJ(D)", "PROAV", "PRF", "PTKVZ", "PTKNEG", "PTKZU", "VV(PP)", "VV(INF)", "VV(IZU)", "VA(PP)", "VA(INF)"}
)
"""Tags of words that are no part of a subject."""


def _disagrees(sentence: str) -> bool:
    """Return whether a plural verb follows a subject in the singular ("Die Verwaltung haben den Plan geändert.").

    The clause must end with the sentence, and contain nothing else that may be the subject.
    """
    if _SINGULAR_START.search(sentence) is None:
        return False
    tokens = tagged(sentence)
    if not tokens or tokens[-1].text not in {".", "!"}:
        return False
    return any(_is_disagreement(tokens, start) for start, token in enumerate(tokens) if token.text in {"Die", "die"})


def _is_disagreement(tokens: Tokens, start: int) -> bool:
    """Return whether the article at the index ``start`` begins a subject in the singular that has a plural verb."""
    if tokens[start].tag != "ART" or not _begins_clause(tokens, start):
        return False
    verb = _verb_after(tokens, start)
    if verb is None or not _is_singular(tokens, start):
        return False
    rest = tokens[verb + 1 : -1]
    return bool(rest) and not _may_contain_subject(rest)


def _begins_clause(tokens: Tokens, start: int) -> bool:
    """Return whether a clause begins at the index ``start``.

    The result is False after a comma that follows a noun, because an enumeration or a relative clause may begin there.
    """
    before = tokens[:start]
    if not before or before[-1].text in {":", ";", "–"}:
        return True
    if before[-1].text == ",":
        return start > 1 and before[-2].tag not in NOUNS | {"CARD"}
    return start == 1 and before[0].text in QUOTES


def _verb_after(tokens: Tokens, start: int) -> int | None:
    """Return the index of the plural verb that directly follows the phrase at the index ``start``, or None.

    The phrase may have an attribute: a noun in the genitive, or a name with "von".
    """
    end = skip(tokens, skip(tokens, start + 1, _ADJECTIVES), frozenset({"NN"}))
    if end < len(tokens) and tokens[end].text in _ATTRIBUTES:
        end = skip(tokens, skip(tokens, end + 1, _ADJECTIVES), NOUNS)
    if end == len(tokens) or tokens[end].tag not in FINITE:
        return None
    return end if re.fullmatch(_PLURAL_VERB, tokens[end].text) else None


def _is_singular(tokens: Tokens, start: int) -> bool:
    """Return whether the phrase that begins with "die" at the index ``start`` is certainly in the singular."""
    noun = skip(tokens, start + 1, _ADJECTIVES)
    if noun == len(tokens) or tokens[noun].tag != "NN" or _QUANTITY.fullmatch(tokens[noun].text):
        return False
    if noun > start + 1:
        return _end_with_e(tokens[start + 1 : noun])
    word = tokens[noun].text
    if word != tokens[noun].lemma:
        return False
    if _FEMININE.fullmatch(word):
        return True
    return (
        word.endswith("e") and not _MAYBE_PLURAL.fullmatch(word) and is_base_form(word) and not is_base_form(word[:-1])
    )


def _end_with_e(adjectives: Tokens) -> bool:
    """Return whether all adjectives end with "e". After an article, they do so only in the singular."""
    return bool(adjectives) and all(token.text.endswith("e") for token in adjectives)


def _may_contain_subject(tokens: Tokens) -> bool:
    """Return whether a part of the tokens may be a subject in the plural."""
    place = 0
    while place < len(tokens):
        token = tokens[place]
        if token.tag in PREPOSITIONS:
            noun = skip(tokens, skip(tokens, place + 1, _ARTICLES), _IN_PHRASES)
            place = skip(tokens, noun + 1, frozenset({"NE"}))
        elif token.tag in _ARTICLES:
            noun = skip(tokens, place + 1, _ADJECTIVES)
            is_other = token.text in _OTHER_CASES or _end_with_e(tokens[place + 1 : noun])
            if noun == len(tokens) or tokens[noun].tag not in NOUNS:
                return True
            if not is_other and not (token.text == "die" and _is_singular(tokens, place)):
                return True
            place = noun + 1
        elif token.tag in _NO_SUBJECTS:
            place += 1
        else:
            return True
    return False


ERRORS: tuple[tuple[str, Callable[[str], bool]], ...] = (
    ("has a word in a wrong form", _has_wrong_form),
    ("has no stop between two sentences", _has_no_stop),
    ("has a separable particle that its verb does not take", _has_stray_particle),
    ("has a suspended hyphen before a word that is no compound", _suspends_nothing),
    ("lacks a conjunction or a comma between two nouns", _lacks_conjunction),
    ("has an article in a wrong form", _has_loose_genitive),
    ("has a plural verb with a subject in the singular", _disagrees),
)


def error_of(sentence: str) -> str | None:
    """Return a description of the first error that a sentence contains, or None if no rule finds an error.

    The description is a predicate for a message, such as "has an article in a wrong form".
    """
    return next((name for name, applies in ERRORS if applies(sentence)), None)
