"""Tests that results cached with one beam size are not used with another, although the weights are the same."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from service.registry.manifest import dumps, load
from tests.api.both import both

TEXT = "Der Zug fährt heute nicht."


def models(tiny: Path, folder: Path, **decoding: float) -> Path:
    """Copy the tiny models to ``folder``, and return ``folder``.

    ``decoding`` replaces decoding options of the translation model.
    """
    shutil.copytree(tiny / "catalog", folder / "catalog")
    shutil.copytree(tiny / "embedded", folder / "embedded")
    path = folder / "catalog" / "starter-de-en.toml"
    manifest = load(path)
    other = manifest.model_copy(update={"decoding": manifest.decoding.model_copy(update=decoding)})
    path.write_text(dumps(other), "utf-8")
    return folder


async def test_changed_search_changes_keys(monkeypatch: pytest.MonkeyPatch, models_dir: Path, tmp_path: Path) -> None:
    folder = models(models_dir, tmp_path / "models")
    answers: list[dict[str, Any]] = []
    async with both(monkeypatch, models_dir=folder) as ports:
        for penalty in (None, 1.75):
            if penalty is not None:
                shutil.rmtree(folder)
                models(models_dir, folder, length_penalty=penalty)
                assert (await ports.admin.post("/admin/reload", json={})).status_code == 200
            answers += [(await ports.translate(TEXT)).json() for _ in range(2)]
    keys = [answer["result_key"] for answer in answers]
    assert keys[0] == keys[1] != keys[2] == keys[3]
    assert [answer["translations"][0]["cached"]["sentences"] for answer in answers] == [0, 1, 0, 1]
    assert len({answer["model"]["revision"] for answer in answers}) == 1
