"""Tests of the engine for causal models: it continues prompts like transformers, and scores given outputs."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM

from service.domain import DecodingOptions, EngineInput, Hypothesis, Mark
from service.errors import ModelError
from service.generation.engines.base import Engine
from service.generation.engines.loading import load_engine
from service.generation.engines.tokenizers import Tokenizer
from service.generation.local import EngineChoice, load_generator
from service.generation.scheduler import Limits
from service.registry.catalog import Entry
from tests.tiny_causal import causal_entry, write_causal

TEXTS = (
    "Der Minister kam am Montag nach Berlin.",
    "Am Abend regnete es in ganz Bayern, und es wurde sehr kalt.",
    "Ja.",
    "Er sagte: „Wir kommen bald wieder.“",
)
GREEDY = DecodingOptions(max_output_tokens=12)


@pytest.fixture(scope="module")
def entry(tmp_path_factory: pytest.TempPathFactory) -> Entry:
    folder = tmp_path_factory.mktemp("causal") / "tiny"
    write_causal(folder)
    return causal_entry(folder)


@pytest.fixture(scope="module")
def tokenizer(entry: Entry) -> Tokenizer:
    return Tokenizer(entry.manifest, entry.folder)


@pytest.fixture(scope="module")
def engine(entry: Entry) -> Engine:
    return load_engine(entry.manifest, entry.folder, "ctranslate2", device="cpu", threads=1)


@pytest.fixture(scope="module")
def network(entry: Entry) -> Any:
    loaded: Any = AutoModelForCausalLM.from_pretrained(str(entry.folder / "hf"), dtype=torch.float32)
    return loaded.eval()


def ids(entry: Entry, tokens: tuple[str, ...]) -> list[int]:
    from tokenizers import Tokenizer as Library

    table = Library.from_file(str(entry.folder / "tokenizer.json"))
    vocabulary = table.get_vocab()
    return [vocabulary[token] for token in tokens]


def test_a_text_gets_the_start_and_the_mark_of_the_models_task(tokenizer: Tokenizer) -> None:
    tokens = tokenizer.encode("Ja.")
    assert (tokens[0], tokens[-1]) == ("<bos>", "<unused0>")
    assert tokenizer.decode(tokens[1:-1]) == "Ja."


def test_a_mark_that_a_user_types_is_text(tokenizer: Tokenizer) -> None:
    typed = tokenizer.encode("Ja <unused0> nein <eos>")
    assert typed.count("<unused0>") == 1
    assert "<eos>" not in typed
    assert tokenizer.decode(typed[1:-1]) == "Ja <unused0> nein <eos>"


def test_a_prompt_may_have_several_marks(tokenizer: Tokenizer) -> None:
    tokens = tokenizer.encode(("Es regnet.", Mark("entail"), "Es ist nass.", Mark("verdict")))
    assert [token for token in tokens if token.startswith("<unused")] == ["<unused7>", "<unused8>"]


def test_greedy_outputs_are_those_of_transformers(
    entry: Entry, engine: Engine, tokenizer: Tokenizer, network: Any
) -> None:
    inputs = [EngineInput(tokenizer.encode(text), GREEDY) for text in TEXTS]
    found = [hypotheses[0] for hypotheses in engine.generate(inputs)]
    for one, hypothesis in zip(inputs, found, strict=True):
        prompt = torch.tensor([ids(entry, one.tokens)])
        never = ids(entry, tuple(piece for piece in ("<pad>", "<bos>", "<unk>", *marks(entry))))
        written = network.generate(
            prompt, max_new_tokens=12, do_sample=False, suppress_tokens=never, eos_token_id=ids(entry, ("<eos>",))
        )[0, prompt.shape[1] :].tolist()
        if written[-1] == ids(entry, ("<eos>",))[0]:
            written.pop()
        assert ids(entry, hypothesis.tokens) == written


def marks(entry: Entry) -> tuple[str, ...]:
    prompts = entry.manifest.prompts
    assert prompts is not None
    return tuple(prompts.marks.values())


def test_an_output_in_company_is_the_same_as_alone(engine: Engine, tokenizer: Tokenizer) -> None:
    inputs = [EngineInput(tokenizer.encode(text), GREEDY) for text in TEXTS]
    assert [only(engine, one) for one in inputs] == [found[0].tokens for found in engine.generate(inputs)]


def only(engine: Engine, item: EngineInput) -> tuple[str, ...]:
    return engine.generate([item])[0][0].tokens


def test_an_output_that_meets_its_limit_says_so(engine: Engine, tokenizer: Tokenizer) -> None:
    item = EngineInput(tokenizer.encode(TEXTS[0]), DecodingOptions(max_output_tokens=2, min_output_tokens=2))
    assert engine.generate([item])[0][0].finish_reason == "length"
    assert len(engine.generate([item])[0][0].tokens) == 2


def test_a_beam_returns_its_hypotheses_best_first(engine: Engine, tokenizer: Tokenizer) -> None:
    options = DecodingOptions(beam_size=3, hypotheses=3, max_output_tokens=8)
    found = engine.generate([EngineInput(tokenizer.encode(TEXTS[0]), options)])[0]
    scores = [one.score or 0.0 for one in found]
    assert len(found) == 3
    assert scores == sorted(scores, reverse=True)


@pytest.mark.parametrize("beam_size", [1, 3])
def test_scores_are_per_token_with_every_length_penalty(engine: Engine, tokenizer: Tokenizer, beam_size: int) -> None:
    for text in TEXTS:
        plain, punished = (
            engine.generate([EngineInput(tokenizer.encode(text), DecodingOptions(beam_size, 1, 8, 8, penalty))])[0][0]
            for penalty in (1.0, 1.5)
        )
        assert punished.tokens == plain.tokens
        assert punished.score == pytest.approx(plain.score, rel=1e-4)


def test_a_given_output_has_the_networks_log_probability(
    entry: Entry, engine: Engine, tokenizer: Tokenizer, network: Any
) -> None:
    target = (*tokenizer.encode_target("The minister came."), "<eos>")
    texts = [text[:end] for text in TEXTS for end in (-1, -2, -3)]  # several lengths in one library call
    items = [EngineInput(tokenizer.encode(text), GREEDY, target) for text in texts]
    found: list[Hypothesis] = [hypotheses[0] for hypotheses in engine.generate(items)]
    for item, one in zip(items, found, strict=True):
        whole = torch.tensor([ids(entry, (*item.tokens, *target))])
        logits = network(whole).logits[0].log_softmax(-1)
        start = len(item.tokens)
        expected = [logits[n - 1, whole[0, n]].item() for n in range(start, whole.shape[1])]
        assert one.tokens == target
        assert one.score == pytest.approx(sum(expected) / len(expected), abs=1e-4)


def test_searched_and_scored_items_may_share_a_call(engine: Engine, tokenizer: Tokenizer) -> None:
    searched = EngineInput(tokenizer.encode(TEXTS[0]), GREEDY)
    scored = EngineInput(tokenizer.encode(TEXTS[1]), GREEDY, tokenizer.encode_target("Rain."))
    both = engine.generate([searched, scored])
    assert both[0][0].tokens == only(engine, searched)
    assert both[1][0].tokens == scored.target


async def test_missing_engine_is_named_before_loading(entry: Entry) -> None:
    engines = {kind: files for kind, files in entry.manifest.engines.items() if kind == "ctranslate2"}
    other = replace(entry, manifest=entry.manifest.model_copy(update={"engines": engines}))
    with pytest.raises(ModelError, match="cannot run on torch; its manifest lists ctranslate2"):
        await load_generator(other, EngineChoice("torch", "cpu", 1, 1), Limits(), lambda _: None, lambda: None)
