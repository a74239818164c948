"""A checkpoint in CTranslate2's format: the library's loaders, with what they get wrong or leave out put right."""

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
import transformers
from ctranslate2.converters import transformers as loaders

from service.errors import ModelError
from service.manifest import Architecture

LOADERS: Mapping[Architecture, type[Any]] = {
    "marian": loaders.MarianMTLoader,
    "t5": loaders.T5Loader,
    "mt5": loaders.MT5Loader,
    "bart": loaders.BartLoader,
    "mbart": loaders.MBartLoader,
    "m2m100": loaders.M2M100Loader,
}
# Which side of a layer is normalised. transformers' classes know; the loaders ask the configuration.
NORMALIZE_BEFORE: Mapping[str, bool] = {"bart": False, "mbart": True}
START: Mapping[str, str] = {"t5": "<pad>", "mt5": "<pad>"}
PAD, EOS, UNKNOWN = "<pad>", "</s>", "<unk>"


def load_checkpoint(folder: Path) -> Any:
    """The checkpoint in float32, whatever it is stored in.

    Raises:
        ModelError: transformers cannot load it, or weights are missing.
    """
    try:
        model, report = transformers.AutoModelForSeq2SeqLM.from_pretrained(
            str(folder), dtype=torch.float32, local_files_only=True, output_loading_info=True
        )
    except (OSError, ValueError, RuntimeError, KeyError) as error:
        raise ModelError(f"transformers cannot load the checkpoint: {error}") from error
    if report["missing_keys"]:
        raise ModelError(f"the checkpoint lacks weights: {', '.join(sorted(report['missing_keys'])[:3])}")
    return model.eval()


def write(model: Any, architecture: Architecture, pieces: Mapping[str, int], folder: Path, quantization: str) -> None:
    """Write ``model`` to ``folder``, its weights in ``quantization``; ``pieces`` maps each piece to its row.

    Raises:
        ModelError: the model has a shape that CTranslate2 does not know.
    """
    try:
        with torch.no_grad(), _put_right(model.config, architecture):
            specification = LOADERS[architecture]().get_model_spec(model)
        rows = _rows(pieces, specification.encoder.embeddings[0].weight.shape[0])
        specification.register_source_vocabulary(rows)
        specification.register_target_vocabulary(rows)
        _name_special(specification.config, model, architecture, rows)
        specification.validate()
    except (ValueError, KeyError, AttributeError) as error:
        raise ModelError(f"CTranslate2 cannot convert this {architecture} checkpoint: {error}") from error
    specification.optimize(quantization=None if quantization == "float32" else quantization)
    folder.mkdir(parents=True)
    specification.save(str(folder))


@contextlib.contextmanager
def _put_right(config: Any, architecture: Architecture) -> Iterator[None]:
    """While the loader reads the configuration, it says what the loader takes it to say.

    The loader scales T5's outputs where ``tie_word_embeddings`` is set, and transformers 5 always sets it: whether to
    scale is in ``scale_decoder_outputs`` now, which mT5 does not have, as it never scales.
    """
    if architecture in NORMALIZE_BEFORE and not hasattr(config, "normalize_before"):
        config.normalize_before = NORMALIZE_BEFORE[architecture]
    tied = config.tie_word_embeddings
    if architecture in {"t5", "mt5"}:
        config.tie_word_embeddings = getattr(config, "scale_decoder_outputs", False)
    try:
        yield
    finally:
        config.tie_word_embeddings = tied


def _rows(pieces: Mapping[str, int], count: int) -> list[str]:
    """A name for each row; rows beyond the tokenizer's pieces get names that no tokenizer writes."""
    names = {number: piece for piece, number in pieces.items()}
    return [names.get(number, f"<row {number}>") for number in range(count)]


def _name_special(config: Any, model: Any, architecture: Architecture, rows: list[str]) -> None:
    missing = {EOS, UNKNOWN} - set(rows)
    if missing:
        raise ModelError(f"the vocabulary lacks {', '.join(sorted(missing))}")
    config.eos_token, config.unk_token = EOS, UNKNOWN
    config.bos_token = PAD if architecture in START else "<s>"
    # Marian's decoder starts from a zero embedding, whatever the name.
    start = getattr(model.config, "decoder_start_token_id", None)
    config.decoder_start_token = EOS if architecture == "marian" else START.get(architecture) or rows[_required(start)]


def _required(start: int | None) -> int:
    if start is None:
        raise ModelError("the configuration names no decoder_start_token_id")
    return start
