"""Every setting is documented, with its default."""

from pathlib import Path

import pytest

from service.settings import Settings

DOCUMENT = (Path(__file__).parent.parent / "docs" / "settings.md").read_text("utf-8")


@pytest.mark.parametrize("name", Settings.model_fields)
def test_a_setting_is_documented_as_it_is(name: str) -> None:
    field = Settings.model_fields[name]
    (line,) = [line for line in DOCUMENT.splitlines() if line.startswith(f"| `DEPESCHE_{name.upper()}` |")]
    assert field.description
    assert field.description in line
    if name not in {"models_dir", "cache_key", "redis_url"}:
        assert f"`{field.default}`" in line


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEPESCHE_PORT", "9000")
    assert Settings().port == 9000


def test_the_document_names_no_setting_that_does_not_exist() -> None:
    named = {line.split("`")[1] for line in DOCUMENT.splitlines() if line.startswith("| `DEPESCHE_")}
    assert named == {f"DEPESCHE_{name.upper()}" for name in Settings.model_fields}
