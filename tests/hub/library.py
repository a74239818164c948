"""A fake model that consists of small files and a manifest, for tests of the registry."""

import hashlib
from pathlib import Path

FILES = (
    "ct2-int8/model.bin",
    "ct2-int8/config.json",
    "float16/model.safetensors",
    "float16/vocab.json",
    "pieces.model",
)
MANIFEST = """
id = "test/{name}"
revision = "1"
task = "translation"
architecture = "marian"
source_lang = "{source_lang}"
target_lang = "{target_lang}"
licence = "Apache-2.0"
commercial_use = "yes"
quality = "starter"
weights = "embedded/{name}"

[tokens]
source = "pieces.model"
target = "pieces.model"
vocabulary = "float16/vocab.json"
max_source_tokens = 128
max_output_tokens = 200
output_ratio = 1.5

[decoding]
beam_size = 4
hypotheses = 2

[engines.ctranslate2]
folder = "ct2-int8"
compute_type = "int8"

[engines.torch]
folder = "float16"
compute_type = "float32"

[files]
{files}"""


def write_model(models: Path, name: str, *, source_lang: str = "de", target_lang: str = "en") -> Path:
    """Write a model's files and manifest to ``models``, and return the path of the manifest."""
    folder = models / "embedded" / name
    lines = []
    for file in FILES:
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_bytes(file.encode())
        lines.append(f'"{file}" = "{hashlib.sha256(file.encode()).hexdigest()}"\n')
    path = models / "catalog" / f"{name}.toml"
    path.parent.mkdir(parents=True, exist_ok=True)
    text = MANIFEST.format(name=name, source_lang=source_lang, target_lang=target_lang, files="".join(lines))
    path.write_text(text, "utf-8")
    return path
