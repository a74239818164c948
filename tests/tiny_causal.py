"""A tiny Gemma model with random weights for tests of the service. Its two manifests share one folder of weights."""

import hashlib
import shutil
from pathlib import Path

from models.train import recipe
from service.registry.catalog import Entry
from service.registry.manifest import Manifest

ENGINES = {
    "ctranslate2": {"folder": "ct2-float32", "compute_type": "float32"},
    "torch": {"folder": "hf", "compute_type": "float32"},
}


def write_causal(folder: Path) -> None:
    """Write a tiny Gemma model to the new folder ``folder``.

    The model is written to ``hf`` for transformers and to ``ct2-float32`` for CTranslate2, with ``tokenizer.json`` in
    ``folder``.
    """
    from ctranslate2.converters import TransformersConverter  # imports torch, which takes seconds

    from tests.train.tiny import full_tokenizer, write_tiny

    write_tiny(folder / "hf", full_tokenizer())
    TransformersConverter(str(folder / "hf")).convert(str(folder / "ct2-float32"))
    shutil.copy(folder / "hf" / "tokenizer.json", folder)


def causal_entry(folder: Path, task: str = "translation", mark: str = "english") -> Entry:
    """Return a catalogue entry for the model in ``folder``.

    ``mark`` is the name of the model's prompt mark for ``task``.
    """
    files = [path for path in folder.rglob("*") if path.is_file()]
    manifest = Manifest.model_validate(
        {
            "id": "depesche/tiny-causal",
            "revision": "1",
            "task": task,
            "architecture": "gemma3",
            "source_lang": "de",
            "target_lang": "de" if task == "summary" else "en",
            "licence": "Apache-2.0",
            "commercial_use": "yes",
            "quality": "starter",
            "weights": "embedded/tiny-causal",
            "tokens": {
                "kind": "transformers",
                "source": "tokenizer.json",
                "max_source_tokens": 60,
                "max_output_tokens": 60,
            },
            "decoding": {},
            "thorough": {"beam_size": 3, "hypotheses": 3},
            "prompts": {"task": mark, "marks": {name: words.piece for name, words in recipe.load().marks.items()}},
            "engines": ENGINES,
            "files": {
                str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(files)
            },
        }
    )
    return Entry("tiny-causal", manifest, folder)
