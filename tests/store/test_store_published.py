"""The catalogue that is shipped: each model of the hub with what an operator must know before taking it."""

from pathlib import Path

import pytest

from service.manifest import Hub, Manifest
from service.store.catalog import Catalog
from service.store.hub import wanted

CATALOG = Catalog(Path(__file__).parents[2] / "models")
MANIFESTS = {name: CATALOG.published(name) for name in CATALOG.names()}
OF_THE_HUB = {name: (manifest, manifest.hub) for name, manifest in MANIFESTS.items() if manifest.hub}
DEFAULTS = {"opus-mt-de-en": "translation", "mt5-small-sum-de-mit-v1": "summary"}


def test_the_default_production_models_may_be_used_commercially_without_asking() -> None:
    for name, task in DEFAULTS.items():
        manifest, hub = OF_THE_HUB[name]
        assert (manifest.task, manifest.commercial_use, hub.restricted) == (task, "yes", False)


@pytest.mark.parametrize(("manifest", "hub"), OF_THE_HUB.values(), ids=OF_THE_HUB)
def test_a_model_whose_use_is_not_free_is_restricted(manifest: Manifest, hub: Hub) -> None:
    assert hub.restricted == (manifest.commercial_use != "yes")
    if manifest.licence == "none stated":
        assert manifest.commercial_use == "unclear"
    assert ("NC" in manifest.licence) == (manifest.commercial_use == "no")


@pytest.mark.parametrize(("manifest", "hub"), OF_THE_HUB.values(), ids=OF_THE_HUB)
def test_a_score_says_where_it_is_published_and_nothing_is_called_verified(manifest: Manifest, hub: Hub) -> None:
    assert all(
        hub.repo.split("/")[0] in score.source or "deutsche-telekom" in score.source for score in manifest.published
    )
    assert manifest.verified == ()


@pytest.mark.parametrize(("manifest", "hub"), OF_THE_HUB.values(), ids=OF_THE_HUB)
def test_the_files_that_the_tokenizer_needs_are_among_those_that_are_wanted(manifest: Manifest, hub: Hub) -> None:
    tokens = manifest.tokens
    needed = [tokens.source, tokens.target, tokens.vocabulary] if tokens.kind == "sentencepiece" else []
    there = ["config.json", "model.safetensors", "README.md", *filter(None, needed), *hub.patterns]
    found = wanted([name for name in there if "*" not in name], hub)
    assert {*filter(None, needed)} <= {*found}
    assert "README.md" not in found


@pytest.mark.parametrize(("manifest", "hub"), OF_THE_HUB.values(), ids=OF_THE_HUB)
def test_a_pretrained_summariser_writes_words_of_its_own_and_offers_the_guard_a_choice(
    manifest: Manifest, hub: Hub
) -> None:
    del hub
    if manifest.task == "summary":
        assert not manifest.acceptance.source_pieces_only
        assert manifest.decoding.hypotheses == manifest.decoding.beam_size > 1


@pytest.mark.parametrize("name", OF_THE_HUB)
def test_a_models_name_is_that_of_its_repository(name: str) -> None:
    _, hub = OF_THE_HUB[name]
    assert name == hub.repo.split("/")[1].replace("_", "-")
