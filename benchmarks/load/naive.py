"""A minimal service for comparison: a FastAPI application that calls the ``generate`` method of transformers.

Usage: ``python -m benchmarks.load.naive WEIGHTS PORT SEARCH UNIT``. WEIGHTS is the folder of the model, and SEARCH is a
JSON object with the search settings. If UNIT is ``sentence``, the model is called once for each sentence of an article.
If UNIT is ``article``, the model is called once for all sentences, as a padded batch.
"""

import json
import shutil
import tempfile
import threading
from pathlib import Path
from typing import Any

import torch
import transformers
import typer
import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel

TOKENIZER = {"tokenizer_class": "MarianTokenizer", "eos_token": "</s>", "unk_token": "<unk>", "pad_token": "<pad>"}


class Request(BaseModel):
    """The body of a request: an article, split into sentences."""

    sentences: list[str]


class Translator:
    """A Marian model in transformers. It runs one call at a time, because parallel calls slow each other down."""

    def __init__(self, weights: Path, search: dict[str, Any]) -> None:
        with tempfile.TemporaryDirectory() as scratch:
            checkpoint = shutil.copytree(weights / "float16", scratch, dirs_exist_ok=True)
            for side in ("source", "target"):
                shutil.copy(weights / "pieces.model", Path(checkpoint) / f"{side}.spm")
            (Path(checkpoint) / "tokenizer_config.json").write_text(json.dumps(TOKENIZER), "utf-8")
            self._tokenizer = transformers.AutoTokenizer.from_pretrained(checkpoint)
            model: Any = transformers.AutoModelForSeq2SeqLM.from_pretrained(checkpoint, dtype=torch.float32)
        self._model = model.eval()
        self._search = search
        self._one_at_a_time = threading.Lock()

    def translate(self, sentences: list[str]) -> list[str]:
        """Translate the sentences as one padded batch."""
        with self._one_at_a_time, torch.inference_mode():
            inputs = self._tokenizer(sentences, return_tensors="pt", padding=True)
            outputs = self._model.generate(
                **inputs,
                do_sample=False,
                num_beams=self._search["beam_size"],
                max_new_tokens=self._search["max_output_tokens"],
                no_repeat_ngram_size=self._search["no_repeat_ngram"],
                # transformers warns about a length penalty without beam search
                **({"length_penalty": self._search["length_penalty"]} if self._search["beam_size"] > 1 else {}),
            )
            found: list[str] = self._tokenizer.batch_decode(outputs, skip_special_tokens=True)
        return found


def application(translator: Translator, unit: str) -> FastAPI:
    """Return an application that serves ``POST /translate`` and a health probe.

    ``unit`` states what each call of the model translates: a ``sentence`` or an ``article``.
    """
    app = FastAPI()

    @app.get("/health")
    def health() -> str:
        return "ok"

    @app.post("/translate")
    def translate(request: Request) -> dict[str, list[str]]:
        if unit == "article":
            return {"translations": translator.translate(request.sentences)}
        return {"translations": [text for sentence in request.sentences for text in translator.translate([sentence])]}

    return app


def main(weights: Path, port: int, search: str, unit: str) -> None:
    """Serve on ``port`` until interrupted.

    ``weights`` is the folder of the model, and ``search`` is a JSON object with the search settings. ``unit`` states
    what each call of the model translates: a ``sentence`` or an ``article``.
    """
    app = application(Translator(weights, json.loads(search)), unit)
    uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning")


if __name__ == "__main__":
    typer.run(main)
