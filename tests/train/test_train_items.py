"""Tests of training items: each is drawn once per round, and only target tokens count for the loss."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from models.train import items
from models.train.items import HELD, Item, Items, Position, collate, grouped, noised
from models.train.recipe import Recipe, Stage
from models.train.tokens import Example, Mark, Tokens

ITEMS = st.lists(
    st.builds(
        lambda prompt, target: Item(np.arange(prompt + target, dtype=np.uint16) + 5, prompt, 1.0),
        st.integers(1, 9),
        st.integers(1, 9),
    ),
    min_size=1,
    max_size=30,
)


def numbered(name: str, count: int) -> Items:
    """Return ``count`` items of two tokens each. The second token of an item is the item's number."""
    ids = np.array([i for number in range(count) for i in (0, number)], np.uint16)
    return Items(ids, np.arange(2, 2 * count + 1, 2), np.ones(count, np.uint16), float(len(name)))


@given(ITEMS, st.integers(10, 60))
def test_batches_hold_every_item_once(drawn: list[Item], batch_tokens: int) -> None:
    groups = grouped(drawn, batch_tokens)
    assert Counter(id(item) for group in groups for item in group) == Counter(id(item) for item in drawn)
    for group in groups:
        assert len(group) == 1 or collate(group, 0).ids.numel() <= batch_tokens


@given(ITEMS)
def test_only_targets_count_for_the_loss(drawn: list[Item]) -> None:
    batch = collate(drawn, pad=0)
    flat = batch.ids.flatten()
    assert torch.equal(flat[batch.places + 1], batch.labels)
    written = [item.ids[item.prompt :].tolist() for item in drawn]
    assert batch.labels.tolist() == [number for target in written for number in target]
    assert batch.ids[0, len(drawn[0].ids) :].eq(0).all()


@given(ITEMS, st.floats(0, 1), st.integers(0, 2**31))
def test_noise_hides_target_tokens_and_nothing_else(drawn: list[Item], share: float, seed: int) -> None:
    batch = collate(drawn, pad=0)
    noisy = noised(batch, share, 0, torch.Generator().manual_seed(seed))
    changed = noisy.ids.flatten() != batch.ids.flatten()
    assert set(changed.nonzero().flatten().tolist()) <= set((batch.places + 1).tolist())
    assert noisy.ids[changed.view_as(noisy.ids)].eq(0).all()
    assert torch.equal(noisy.labels, batch.labels)


def test_noise_hides_its_share_of_the_target() -> None:
    batch = collate([Item(np.full(4_000, 7, np.uint16), 2_000, 1.0)], pad=0)
    noisy = noised(batch, 0.2, 0, torch.Generator().manual_seed(1))
    assert 300 < int(noisy.ids.eq(0).sum()) < 500


def test_source_is_drawn_fully_before_it_repeats() -> None:
    sources = {"a": numbered("a", 4_000), "bb": numbered("bb", 100)}
    stage = Stage("all", 10**9, 0.01, 0.0, {"a": 2.0, "bb": 1.0})
    drawn, taken = items.window(sources, stage, Position(0, 0, 0, {}), seed=1)
    by_source = {name: [int(item.ids[1]) for item in drawn if item.weight == len(name)] for name in sources}
    assert taken == {name: len(numbers) for name, numbers in by_source.items()}
    assert 3_700 < taken["a"] < 4_300
    assert len(set(by_source["a"][:4_000])) == len(by_source["a"][:4_000])
    turns = [by_source["bb"][start : start + 100] for start in range(0, 1_900, 100)]
    assert all(sorted(turn) == list(range(100)) for turn in turns)
    assert turns[0] != turns[1]


def test_windows_follow_each_other() -> None:
    sources = {"a": numbered("a", 20_000)}
    stage = Stage("all", 10**9, 0.01, 0.0, {"a": 1.0})
    first, taken = items.window(sources, stage, Position(0, 0, 0, {}), seed=1)
    second, _ = items.window(sources, stage, Position(0, 1, 0, taken), seed=1)
    numbers = [int(item.ids[1]) for item in (*first, *second)]
    assert len(set(numbers)) == 2 * items.WINDOW_ITEMS


def test_seed_determines_the_steps(plan: Recipe) -> None:
    drawn = [numbered("a", 90).item(number) for number in range(90)]
    small = replace(plan, batch_tokens=10, batches_a_step=3, padded_share=0.0)
    made = [items.steps(drawn, small, Position(0, 0, 0, {}), seed, pad=0) for seed in (1, 1, 2)]
    one, other, third = ([[int(i.ids[1]) for g in step for i in g] for step in steps] for steps in made)
    assert one == other != third
    assert len(one) == 6
    assert all(len(step) == small.batches_a_step for step in made[0])


def test_padded_prompts_have_few_lengths(plan: Recipe, tokens: Tokens) -> None:
    drawn = [items.Item(np.arange(100, 120 + n % 60, dtype=np.uint16), 10 + n % 60, 1.0) for n in range(200)]
    made = {
        share: [
            item
            for step in items.steps(
                drawn, replace(plan, padded_share=share, batches_a_step=1), Position(0, 0, 0, {}), 1, tokens.pad
            )
            for group in step
            for item in group
        ]
        for share in (0.0, 1.0)
    }
    assert {item.prompt for item in made[1.0]} == {32, 64, 96}
    plain, padded = (sorted(items_of, key=lambda item: item.ids[-1]) for items_of in made.values())
    for one, other in zip(plain, padded, strict=True):
        more = len(other.ids) - len(one.ids)
        assert other.ids.tolist() == [tokens.pad] * more + one.ids.tolist()


def test_items_round_trip(tokens: Tokens, plan: Recipe, tmp_path: Path) -> None:
    source = plan.sources["entailment"]
    long = Example(("Es regnet. " * 200, Mark("entail"), "Es ist nass.", Mark("verdict")), "ja")
    short = Example(("Es regnet.", Mark("entail"), "Es ist nass.", Mark("verdict")), "nein")
    made = items.tokenised([short, long, short], tokens, source, plan.longest_tokens)
    items.write(tmp_path / "items.npz", {"entailment": made, "entailment" + HELD: made})
    read = items.read(tmp_path / "items.npz", plan)
    assert set(read) == {"entailment", "entailment held"}
    assert len(read["entailment"]) == 2
    item = read["entailment"].item(1)
    ((prompt, target),) = tokens.examples([short])
    assert (item.ids.tolist(), item.prompt, item.weight) == ([*prompt, *target], len(prompt), source.weight)
