"""Tests of the check for packages before a download, which names the command that installs them."""

from pathlib import Path

import pytest

from service.errors import ModelError
from service.hub import pull
from service.registry.catalog import Catalog

SHIPPED = Catalog(Path(__file__).parents[2] / "models")


@pytest.mark.parametrize(
    ("installed", "name", "message"),
    [
        (set(), "wmt19-de-en", r"a pull needs safetensors, transformers, .*; run: make production$"),
        ({*pull.PACKAGES}, "mt5-small-sum-de-mit-v1", r"can only be checked with torch; run: make production-torch$"),
        ({*pull.PACKAGES}, "wmt19-de-en", ""),
        ({*pull.PACKAGES, "torch"}, "mt5-small-sum-de-mit-v1", ""),
    ],
)
def test_missing_packages_are_named(
    installed: set[str], name: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pull, "_has", installed.__contains__)
    if not message:
        pull._require_packages(name, SHIPPED.published(name))
        return
    with pytest.raises(ModelError, match=message):
        pull._require_packages(name, SHIPPED.published(name))


def test_a_conversion_needs_more_memory_with_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = {"model.safetensors": 1 << 30, "config.json": 1000}
    monkeypatch.setattr(pull, "_has", lambda _: False)
    without = pull.Needs.of(sizes)
    monkeypatch.setattr(pull, "_has", lambda _: True)
    assert without.memory_bytes < pull.Needs.of(sizes).memory_bytes
    assert without.download_bytes == sum(sizes.values())
    assert not without.pickled
    assert pull.Needs.of({"pytorch_model.bin": 1 << 30}).disk_bytes > without.disk_bytes
