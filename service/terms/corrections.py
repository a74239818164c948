"""Corrections: sentences with the translations that an editor chose, and the glossary terms that they suggest.

A file of corrections has one of two formats. In JSON Lines, each line is an object with the fields ``source``,
``target`` and, if the model's translation is known, ``machine``. The other format is TMX 1.4. There, the model's
translation is the property ``x-machine`` of a translation unit.
"""

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any

from lxml import etree

from service.errors import InvalidInput, ModelError
from service.languages.base import Language, LanguagePair
from service.text.normalization import check_text, compose

MAX_CORRECTIONS = 1_000
"""The maximum number of corrections in a list."""
MAX_FILE_CORRECTIONS = 20_000
"""The maximum number of corrections in a file."""
CORRECTION_CHARS = 1_000
"""The maximum number of characters in a text of a correction."""
FILE_CHARS = 1_000_000
"""The maximum number of characters in a file of corrections that is part of a request."""
MACHINE_PROPERTY = "x-machine"
_LANG = "{http://www.w3.org/XML/1998/namespace}lang"


@dataclass(frozen=True, slots=True)
class Correction:
    """A source sentence, the translation that an editor chose, and the model's translation if it is known."""

    source: str
    target: str
    machine: str | None = None


class Corrections:
    """Translations of sentences, which are found by their source sentence.

    Two source sentences are equal if they differ only in white space, soft hyphens and the Unicode normalisation. If
    several corrections have equal source sentences, the last one is used. The corrections in ``base`` are used for
    sentences that ``corrections`` does not contain.
    """

    def __init__(self, corrections: Sequence[Correction] = (), base: "Corrections | None" = None) -> None:
        self._targets = {_normal(one.source): " ".join(one.target.split()) for one in corrections}
        self._base = base

    def __bool__(self) -> bool:
        return bool(self._targets) or bool(self._base)

    def target_of(self, sentence: str) -> str | None:
        """Return the translation of a sentence, or None if there is none."""
        if not self:
            return None
        found = self._targets.get(_normal(sentence))
        return self._base.target_of(sentence) if found is None and self._base is not None else found

    @cached_property
    def digest(self) -> str:
        """A hash of the corrections for use in result keys, or an empty string if there are none."""
        if not self:
            return ""
        content = [sorted(self._targets.items()), "" if self._base is None else self._base.digest]
        return sha256(json.dumps(content, ensure_ascii=False).encode("utf-8", "surrogatepass")).hexdigest()


def _normal(sentence: str) -> str:
    return " ".join(compose(sentence).text.split())


def read_corrections(given: str | Sequence[Correction], languages: LanguagePair) -> list[Correction]:
    """Return the corrections that a request contains, either as a list or as the text of a file.

    The pointer of an error in a list names the field of the correction. The pointer of an error in a file is
    "/memory", and the message names the line.

    Raises:
        InvalidInput: the file is in neither of the two formats or contains too many corrections, or a text is blank,
            too long or not valid Unicode.
    """
    if isinstance(given, str):
        numbered = _read_file(given, languages)
        for line, one in numbered:
            _require_texts(one, f"the correction in line {line}")
        return [one for _, one in numbered]
    for number, one in enumerate(given):
        _require_texts(one, f"correction {number + 1}", f"/{number}")
    return list(given)


def _require_texts(correction: Correction, name: str, path: str | None = None) -> None:
    """Check the texts of a correction.

    Error messages contain ``name``. ``path`` is the pointer to the correction within ``memory``, or None if ``memory``
    is the text of a file.
    """
    for field, text in (("source", correction.source), ("target", correction.target), ("machine", correction.machine)):
        if text is None and field == "machine":
            continue
        pointer = "/memory" if path is None else f"/memory{path}/{field}"
        if not isinstance(text, str) or not text.strip():
            raise InvalidInput("memory_invalid", f"{name} has no text in `{field}`", pointer=pointer)
        if len(text) > CORRECTION_CHARS:
            detail = f"`{field}` of {name}: {len(text)} characters exceed the limit of {CORRECTION_CHARS}"
            raise InvalidInput("text_too_long", detail, pointer=pointer, limit=CORRECTION_CHARS)
        try:
            check_text(text)
        except InvalidInput as error:
            raise InvalidInput(error.code, f"`{field}` of {name}: {error.detail}", pointer=pointer) from error


def _read_file(text: str, languages: LanguagePair) -> list[tuple[int, Correction]]:
    """Return the corrections in the text of a file, each with the number of its line."""
    content = text.lstrip("\ufeff \t\r\n")
    first = text.count("\n", 0, len(text) - len(content)) + 1
    found = list(_from_memory(content, languages, first) if content.startswith("<") else _from_lines(content, first))
    if len(found) > MAX_FILE_CORRECTIONS:
        detail = f"{len(found)} corrections exceed the limit of {MAX_FILE_CORRECTIONS}; split the file"
        raise InvalidInput("memory_invalid", detail, pointer="/memory", limit=MAX_FILE_CORRECTIONS)
    return found


def _from_lines(text: str, first: int) -> Iterator[tuple[int, Correction]]:
    """Yield the number of the line and the correction for each line of JSON Lines. Only line feeds end a line.

    ``first`` is the number of the first line.
    """
    for number, line in enumerate(text.split("\n"), first):
        if not line.strip():
            continue
        try:
            fields = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise _invalid(f"line {number} is not JSON") from error
        if not isinstance(fields, dict):
            raise _invalid(f"line {number} is not an object")
        texts = (fields.get(name) for name in ("source", "target", "machine"))
        yield number, Correction(*texts)  # type: ignore[arg-type]  # checked by `read_corrections`


def _from_memory(text: str, languages: LanguagePair, first: int) -> Iterator[tuple[int, Correction]]:
    """Yield the number of the line and the correction for each unit in TMX. ``first`` is the number of the first line.

    A unit without a text in one of the languages is skipped.
    """
    parser = etree.XMLParser(encoding="utf-8", resolve_entities=False, no_network=True, remove_comments=True)
    try:
        root = etree.fromstring(text.encode("utf-8", "replace"), parser=parser)
    except etree.XMLSyntaxError as error:
        raise _invalid(f"the TMX document is damaged: {error.msg}") from error
    if root.tag != "tmx":
        raise _invalid("the XML document is not TMX")
    for unit in root.iter("tu"):
        source, target = (_segment(unit, language) for language in languages)
        if source and target:
            properties = (one for one in unit.findall("prop") if one.get("type") == MACHINE_PROPERTY)
            machine = next((_text(one) for one in properties), None) or None
            yield first - 1 + unit.sourceline, Correction(source, target, machine)


def _segment(unit: Any, language: Language) -> str:
    for variant in unit.findall("tuv"):
        code = (variant.get(_LANG) or variant.get("lang") or "").casefold()
        segment = variant.find("seg")
        if code.partition("-")[0] == language.code and segment is not None:
            return _text(segment)
    return ""


def _text(element: Any) -> str:
    return "".join(element.itertext()).strip()


def _invalid(detail: str) -> InvalidInput:
    return InvalidInput(
        "memory_invalid", f"the corrections are neither JSON Lines nor TMX: {detail}", pointer="/memory"
    )


def read_correction_file(path: Path, languages: LanguagePair) -> list[Correction]:
    """Read a file of corrections.

    Raises:
        ModelError: the file cannot be read, or its content is not valid.
    """
    try:
        return read_corrections(path.read_text("utf-8-sig"), languages)
    except (OSError, UnicodeDecodeError) as error:
        raise ModelError(f"the corrections cannot be read: {error}") from error
    except InvalidInput as error:
        raise ModelError(f"{path.name}: {error.detail}") from error


_WORD = re.compile(r"[^\W_]+(?:[-&][^\W_]+)*")
_MOST_WORDS = 3
_LEAST_CORRECTIONS = 2


def suggest_terms(corrections: Sequence[Correction], languages: LanguagePair) -> list[tuple[str, str, int]]:
    """Return the glossary terms that the corrections suggest, as (term, translation, number of corrections).

    A translation is suggested if an editor wrote the same one to three words in at least two corrections, in place of
    other words of the model. The term consists of the capitalised words that the source sentences of these corrections
    have in common. A word is not part of the term if it also occurs in the source sentence of a correction that does
    not contain the translation. Nothing is suggested if the words do not form one term (see `_one_term`). If several
    translations are possible for a term, the one from most corrections is used. Corrections without the model's
    translation are ignored. The terms are sorted.
    """
    known = [one for one in corrections if one.machine is not None]
    nouns = _nouns([one.source for one in known], languages.source)
    written: dict[str, set[int]] = defaultdict(set)
    for number, one in enumerate(known):
        for words in _new_words(one.machine or "", one.target):
            written[words].add(number)
    found: dict[str, tuple[str, int]] = {}
    for words, numbers in sorted(written.items(), key=lambda pair: (-len(pair[1]), -len(pair[0]), pair[0])):
        if len(numbers) < _LEAST_CORRECTIONS:
            continue
        whole = re.compile(rf"(?<!\w){re.escape(words)}(?!\w)")
        translated = {number for number, one in enumerate(known) if whole.search(one.target)}
        common = set.intersection(*(set(nouns[number]) for number in numbers))
        keys = [key for key in sorted(common) if all(n in translated for n, own in enumerate(nouns) if key in own)]
        if (term := _one_term(keys, [nouns[number] for number in sorted(numbers)])) and term not in found:
            found[term] = (words, len(numbers))
    return sorted((term, words, count) for term, (words, count) in found.items())


def _nouns(sentences: Sequence[str], language: Language) -> list[dict[str, str]]:
    """Return the capitalised words of each sentence in order, except articles and other function words.

    Each word is listed by a key that all forms of the word have in common.
    """
    skipped = frozenset() if language.summary is None else language.summary.function_words
    words = [
        [word for word in _WORD.findall(compose(one).text) if word[0].isupper() and word.lower() not in skipped]
        for one in sentences
    ]
    keys: dict[str, str] = {}
    for word in sorted({word for of_sentence in words for word in of_sentence}, key=lambda word: (len(word), word)):
        stems = language.inflection.stems(word)
        key = next((keys[stem] for stem in sorted(stems) if stem in keys), word)
        for stem in stems:
            keys.setdefault(stem, key)
    return [{_key_of(word, keys, language): word for word in of_sentence} for of_sentence in words]


def _key_of(word: str, keys: Mapping[str, str], language: Language) -> str:
    return next(keys[stem] for stem in sorted(language.inflection.stems(word)) if stem in keys)


def _new_words(machine: str, target: str) -> Iterator[str]:
    """Yield each sequence of one to three words of ``target`` that replaces other words of ``machine``.

    Words that were only inserted are yielded together with the word after them ("mayor", "lord mayor").
    """
    ones, others = _WORD.findall(machine), list(_WORD.finditer(target))
    codes = SequenceMatcher(None, ones, [match[0] for match in others], autojunk=False).get_opcodes()
    for tag, _, _, at, to in codes:
        last = to + 1 if tag == "insert" else to
        if tag in {"replace", "insert"} and at < last <= len(others) and last - at <= _MOST_WORDS:
            yield target[others[at].start() : others[last - 1].end()]


def _one_term(keys: Sequence[str], sentences: Sequence[dict[str, str]]) -> str | None:
    """Return the term that the words with these keys form, or None if they do not form exactly one term.

    The words form a term if they are in the same order in each sentence, without another capitalised word between them.
    Of several forms of the term, the most frequent is returned, and of equally frequent ones the shortest.
    """
    if not keys:
        return None
    forms: Counter[str] = Counter()
    for nouns in sentences:
        order = list(nouns)
        places = sorted(order.index(key) for key in keys)
        if places != list(range(places[0], places[0] + len(places))):
            return None
        forms[" ".join(nouns[order[place]] for place in places)] += 1
    orders = {tuple(sorted(keys, key=list(nouns).index)) for nouns in sentences}
    return None if len(orders) > 1 else min(forms, key=lambda form: (-forms[form], len(form), form))
