"""Tests of the check for packages before a download, which names the command that installs them."""

from pathlib import Path

import pytest

from service.errors import ModelError
from service.hub import requirements
from service.hub.conversion import LOADERS
from service.hub.requirements import CONVERTIBLE, Needs
from service.registry.catalog import Catalog

SHIPPED = Catalog(Path(__file__).parents[2] / "models")


@pytest.mark.parametrize(
    ("installed", "name", "message"),
    [
        (set(), "wmt19-de-en", r"not installed: safetensors, transformers, .*; run: make production$"),
        (
            {*requirements.PACKAGES},
            "mt5-small-sum-de-mit-v1",
            r"can only be checked with torch; run: make production-torch$",
        ),
        ({*requirements.PACKAGES}, "wmt19-de-en", ""),
        (
            {*requirements.PACKAGES},
            "bert2bert-shared-german-finetuned-summarization",
            r"with torch; run: make production-torch$",
        ),
        ({*requirements.PACKAGES, "torch"}, "mt5-small-sum-de-mit-v1", ""),
    ],
)
def test_missing_packages_are_named(
    installed: set[str], name: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(requirements, "has", installed.__contains__)
    if not message:
        requirements.require_packages(SHIPPED.published(name), name)
        return
    with pytest.raises(ModelError, match=message):
        requirements.require_packages(SHIPPED.published(name), name)


def test_a_conversion_needs_more_memory_with_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = {"model.safetensors": 1 << 30, "config.json": 1000}
    monkeypatch.setattr(requirements, "has", lambda _: False)
    without = Needs.of(sizes)
    monkeypatch.setattr(requirements, "has", lambda _: True)
    assert without.memory_bytes < Needs.of(sizes).memory_bytes
    assert without.download_bytes == sum(sizes.values())
    assert not without.pickled
    assert Needs.of({"pytorch_model.bin": 1 << 30}).disk_bytes > without.disk_bytes


def test_weights_of_two_bytes_need_the_space_of_four() -> None:
    half = {"model.safetensors": 1 << 30}
    stated = Needs.of(half, parameters=1 << 29)  # two bytes per parameter
    assert stated == Needs.of(half)  # without a statement, the weights may have two bytes
    whole = Needs.of(half, parameters=1 << 28)
    assert (whole.disk_bytes, stated.disk_bytes) == (2 << 30, 4 << 30)
    assert whole.memory_bytes < stated.memory_bytes


def test_a_kept_checkpoint_needs_its_own_space() -> None:
    sizes = {"model.safetensors": 1 << 30, "config.json": 10}
    assert Needs.of(sizes, 1 << 28, keep=True).disk_bytes - Needs.of(sizes, 1 << 28).disk_bytes == 1 << 30


def test_every_convertible_architecture_has_a_loader() -> None:
    assert LOADERS.keys() == CONVERTIBLE
