"""Whether a German word is a form of another: endings and umlauts, no dictionary."""

import unicodedata

ENDINGS = ("", "s", "es", "n", "en", "e", "er", "ern", "em", "ens")
ADJECTIVE_ENDINGS = ("e", "er", "es", "en", "em")
LEAST_STEM_CHARS = 3
_UMLAUTS = str.maketrans("äöü", "aou")


def folded(word: str) -> str:
    """Without case and umlauts: equal for all forms of a word but for their endings."""
    return unicodedata.normalize("NFC", word).casefold().translate(_UMLAUTS)


def stems(word: str) -> set[str]:
    """The folded word without each ending that it may carry; the word itself is among them."""
    whole = folded(word)
    return {whole.removesuffix(ending) for ending in ENDINGS if len(whole) - len(ending) >= min(len(whole), 2)}


def related(word: str) -> set[str]:
    """Keys of which any two words have one in common where one is a form (`is_form`) of the other."""
    adjective = _adjective_stem(word)
    keys = stems(word)
    if adjective is not None:
        keys.add(folded(adjective))
    if word.isupper():
        keys.add(folded(word) + "s")
    return keys


def is_form(word: str, term: str, *, last: bool) -> bool:
    """Whether ``word`` is ``term`` with another ending; before the ``last`` word of a term stand adjectives.

    A noun keeps its capital, an acronym takes only an "s", and an umlaut comes only with an ending ("Verbände").
    """
    if word == term or _same_but_case(word, term):
        return True
    if not term.isalpha() or not word.isalpha() or (term[0].isupper() and not word[0].isupper()):
        return False
    if term.isupper():
        return word == f"{term}s"
    if len(term) < LEAST_STEM_CHARS:
        return False
    return _is_noun_form(word, term) or (not last and _adjective_stem(word) == _adjective_stem(term) is not None)


def _same_but_case(word: str, term: str) -> bool:
    """A lower-case term may begin a sentence; any longer one may stand in capitals."""
    begins = term[0].islower() and word == term[0].upper() + term[1:]
    shouted = word.isupper() and len(term) > LEAST_STEM_CHARS and folded(word) == folded(term)
    return begins or shouted


def _is_noun_form(word: str, term: str) -> bool:
    small, base = word.casefold(), term.casefold()
    if any(small == base + ending for ending in ENDINGS):
        return True
    # The umlaut of a plural: the ending may be missing ("Mütter"), the stem's vowel is another.
    return "".join(c for c in small if c in "äöü") != "".join(c for c in base if c in "äöü") and any(
        folded(small) == folded(base) + ending for ending in ("", "e", "er", "ern", "en", "n")
    )


def _adjective_stem(word: str) -> str | None:
    small = word.casefold()
    found = max((e for e in ADJECTIVE_ENDINGS if small.endswith(e)), key=len, default=None)
    return None if found is None else small.removesuffix(found)
