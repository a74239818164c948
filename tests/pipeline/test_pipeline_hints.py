"""Tests of hints, which are required translations of terms in the prompt of a causal model.

The tests also check that inflected forms of these translations count as applied.
"""

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.cache.memory import Memory
from service.cache.tiers import Cache
from service.domain import EngineInput, Mark, Span
from service.events import ignore
from service.generation.base import GenerationOptions, GivenOutput, Source, TextHypothesis
from service.generation.call import Call
from service.generation.local import EngineChoice, LocalGenerator, load_generator
from service.generation.scheduler import Limits
from service.registry.manifest import Thorough
from service.terms.glossary import Glossary
from service.text.normalization import for_model
from service.translation.postprocessing import FinishedSentence, best, finish
from service.translation.preparation import Sentence, SentenceConstraints, TranslationOptions, constraints_of, hinted
from service.translation.translator import Translator
from tests.languages import DE, PAIR
from tests.tiny_causal import causal_entry, write_causal
from tests.train.test_train_hints import HINTS

BEGIN, END = Mark("term"), Mark("term_end")


def wanted(source: str, terms: dict[str, str], *kept: str, inflected: bool = True) -> SentenceConstraints:
    text = for_model(source, DE)
    sentence = Sentence(Span(0, len(source)), text, has_letters=True)
    return constraints_of(source, sentence, Glossary(terms, kept), PAIR, aligned=False, inflected=inflected)


def test_hint_has_the_form_of_the_training_data() -> None:
    german = "Die Bundesregierung plant."
    trained = HINTS.prompt(german, "The Federal Government plans.", random.Random(1))
    served = hinted(wanted(german, {"Bundesregierung": "Federal Government"}), PAIR)
    assert trained is not None
    assert served is not None
    assert [repr(part) for part in served] == [repr(part) for part in trained]


@pytest.mark.parametrize(
    ("source", "terms", "expected"),
    [
        ("Der Rat tagt.", {"Rat": "council"}, ("Der Rat", BEGIN, " council", END, " tagt.")),
        ("Es tagt der Rat", {"Rat": "council"}, ("Es tagt der Rat", BEGIN, " council", END)),
        (
            "Der  Stadt\xadrat und das Rathaus",
            {"Stadtrat": "council", "Rathaus": "town hall"},
            ("Der Stadtrat", BEGIN, " council", END, " und das Rathaus", BEGIN, " town hall", END),
        ),
        ("Am 3.10.2026 zahlt er 1.000 Euro.", {"Rat": "council"}, None),
    ],
)
def test_hints_follow_their_terms(source: str, terms: dict[str, str], expected: object) -> None:
    assert hinted(wanted(source, terms), PAIR) == expected


def test_kept_term_is_its_own_hint() -> None:
    assert hinted(wanted("Das Werk steht.", {}, "Werk"), PAIR) == ("Das Werk", BEGIN, " Werk", END, " steht.")


words = st.lists(st.sampled_from(["Rat", "Haus", "der", "1.000", "\xa0", "\xad", "e\u0301", ",", "Räte"]), max_size=9)


@given(words)
def test_prompt_without_its_hints_is_the_sentence(parts: list[str]) -> None:
    one = wanted(" ".join(parts), {"Rat": "council", "Haus": "house"})
    prompt = hinted(one, PAIR)
    if prompt is not None:
        kept = [part for n, part in enumerate(prompt) if isinstance(part, str) and prompt[n - 1 : n] != (BEGIN,)]
        assert "".join(kept) == one.sentence.text


def finished(one: SentenceConstraints, output: str) -> FinishedSentence:
    steps = finish(one, PAIR, TextHypothesis(output, -0.1, "eos"))
    try:
        next(steps)
        steps.send(None)
    except StopIteration as stopped:
        value: FinishedSentence = stopped.value
        return value
    raise AssertionError("a sentence needs one alignment at most")


def test_inflected_term_stays_as_the_model_wrote_it() -> None:
    one = wanted("Die Rathäuser öffnen.", {"Rathaus": "town hall"})
    done = finished(one, "The town halls open.")
    assert (done.text, done.missing) == ("The town halls open.", ())
    assert [use.text for use in done.applied] == ["town hall"]
    plain = wanted("Die Rathäuser öffnen.", {"Rathaus": "town hall"}, inflected=False)
    assert finished(plain, "The town halls open.").missing == plain.required


@pytest.mark.parametrize(
    ("term", "plural"), [("council", "councils"), ("city", "cities"), ("day", "days"), ("tax", "taxes")]
)
def test_english_plural(term: str, plural: str) -> None:
    assert PAIR.target.forms(term) == (plural,)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("causal") / "tiny"
    write_causal(found)
    return found


@asynccontextmanager
async def tiny(folder: Path, thorough: Thorough | None = None, *, hints: bool = False) -> AsyncIterator[LocalGenerator]:
    """Start a generator for a tiny Gemma model with random weights, and yield it.

    ``thorough`` contains the settings of a second search. If ``hints`` is True, the prompts contain hints.
    """
    entry = causal_entry(folder)
    prompts = entry.manifest.prompts
    assert prompts is not None
    changes = {"thorough": thorough, "prompts": prompts.model_copy(update={"hints": hints})}
    entry = replace(entry, manifest=entry.manifest.model_copy(update=changes))
    generator = await load_generator(entry, EngineChoice("ctranslate2", "cpu", 1, 1), Limits(), ignore, lambda: None)
    await generator.start()
    try:
        yield generator
    finally:
        await generator.close(0.0)


async def prompts_of(folder: Path, monkeypatch: pytest.MonkeyPatch, term: str, *, hints: bool) -> list[object]:
    """Translate a text in which "Minister" must become ``term``, and return the prompts that the model received."""
    options, item = TranslationOptions(glossary=Glossary({"Minister": term})), LocalGenerator._item
    sources: list[object] = []

    def record(generator: LocalGenerator, source: Source) -> EngineInput:
        sources.append(source.text)
        return item(generator, source)

    monkeypatch.setattr(LocalGenerator, "_item", record)
    async with tiny(folder, hints=hints) as generator:
        translator = Translator(generator, Cache(Memory(max_bytes=0, ttl_s=1.0)), None)
        await translator.translate(["Der Minister kam."], Call(), options=options)
    return sources


async def test_hint_reaches_the_model(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    prompt = ("Der Minister", BEGIN, " secretary", END, " kam.", Mark("english"))
    assert await prompts_of(folder, monkeypatch, "secretary", hints=True) == [prompt]


async def test_manifest_can_forbid_hints(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert await prompts_of(folder, monkeypatch, "secretary", hints=False) == ["Der Minister kam."]


async def test_prompt_that_would_not_fit_has_no_hints(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert await prompts_of(folder, monkeypatch, "secretary " * 60, hints=True) == ["Der Minister kam."]


async def test_chosen_output_has_the_best_sum_of_both_scores(folder: Path) -> None:
    """Check that the translator chooses the output with the best sum of its score and its weighted backward score."""
    text, weight = "Der Minister kam am Montag nach Berlin, und am Abend regnete es in ganz Bayern.", 2.0
    thorough = Thorough(beam_size=4, hypotheses=4, below_score=0.0, backward_weight=weight)
    async with tiny(folder, thorough) as generator:
        translator = Translator(generator, Cache(Memory(max_bytes=0, ttl_s=1.0)), None, scorer=generator)
        (found,) = await translator.translate([text], Call())
        asked = [Source(text, GenerationOptions(scored=True, thorough=again)) for again in (False, True)]
        candidates = [one for future in generator.generate(asked) for one in await future]
        done = [finished(wanted(text, {}), one.text) for one in candidates]
        places = best(text, done)
        backward = await generator.log_probs([GivenOutput((done[n].text, Mark("german")), text) for n in places])
        totals = [(candidates[n].score or 0.0) + weight * b for n, b in zip(places, backward, strict=True)]
        assert found.text == done[places[totals.index(max(totals))]].text
