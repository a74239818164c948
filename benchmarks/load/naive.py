"""The service that people write: FastAPI round transformers' ``generate``.

A program, ``python -m benchmarks.load.naive``:
``--unit sentence`` calls the model once a sentence; ``--unit article`` gives it all sentences of the article, padded.
Sentences are cut as the service cuts them, so that all systems translate the same ones.
"""

import threading
from pathlib import Path
from typing import Annotated, Any, Literal

import torch
import transformers
import typer
import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel

from benchmarks.load.articles import Article
from benchmarks.load.search import Search

Dtype = Literal["float32", "bfloat16"]


class Request(BaseModel):
    """An article to translate."""

    text: str


class Translator:
    """A transformers checkpoint. One call at a time: on few cores calls side by side only disturb each other."""

    def __init__(self, checkpoint: Path, dtype: Dtype, search: Search) -> None:
        self._tokenizer = transformers.AutoTokenizer.from_pretrained(str(checkpoint))
        model: Any = transformers.AutoModelForSeq2SeqLM.from_pretrained(str(checkpoint), dtype=getattr(torch, dtype))
        self._model = model.eval()
        self._search = search
        self._one_at_a_time = threading.Lock()

    def translate(self, sentences: list[str]) -> list[str]:
        """One padded batch."""
        with self._one_at_a_time, torch.inference_mode():
            inputs = self._tokenizer(sentences, return_tensors="pt", padding=True)
            outputs = self._model.generate(
                **inputs,
                do_sample=False,
                num_beams=self._search.beam_size,
                max_new_tokens=self._search.max_output_tokens,
                no_repeat_ngram_size=self._search.no_repeat_ngram,
                repetition_penalty=self._search.repetition_penalty,
                # transformers warns of a length penalty without a beam
                **({"length_penalty": self._search.length_penalty} if self._search.beam_size > 1 else {}),
            )
            found: list[str] = self._tokenizer.batch_decode(outputs, skip_special_tokens=True)
        return found


def application(translator: Translator, unit: Literal["sentence", "article"]) -> FastAPI:
    """The service: ``POST /translate`` and a probe."""
    app = FastAPI()

    @app.get("/health")
    def health() -> str:
        return "ok"

    @app.post("/translate")
    def translate(request: Request) -> dict[str, list[str]]:
        sentences = list(Article.of(request.text).sentences)
        if unit == "article":
            return {"translations": translator.translate(sentences)}
        return {"translations": [text for sentence in sentences for text in translator.translate([sentence])]}

    return app


def main(
    checkpoint: Path,
    port: int,
    search: Annotated[str, typer.Argument(help="JSON of a Search.")],
    unit: Annotated[str, typer.Option(help="sentence or article")] = "sentence",
    dtype: Annotated[str, typer.Option(help="float32 or bfloat16")] = "float32",
) -> None:
    """Serve until interrupted."""
    checked: Dtype = "bfloat16" if dtype == "bfloat16" else "float32"
    app = application(
        Translator(checkpoint, checked, Search.parse(search)), "article" if unit == "article" else "sentence"
    )
    uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning")


if __name__ == "__main__":
    typer.run(main)
