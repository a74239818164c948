"""The manifest: what a model is, which files it has, and how it wants to be used. One TOML file a model."""

import tomllib
from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from service.errors import ModelError
from service.types import DecodingOptions

EngineKind = Literal["ctranslate2", "torch"]
Task = Literal["translation", "summary"]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class TokenLimits(_Strict):
    """How text becomes tokens, and how many the model was trained for.

    ``prefix`` is put before every source text. An output may have at most
    ``output_ratio`` × source + ``output_extra`` tokens; one that meets this limit is reported as truncated.
    ``target_vocabulary`` lists the pieces of ``vocabulary`` that outputs are written with; none: all.
    """

    source: str = "source.spm"
    target: str = "target.spm"
    vocabulary: str | None = "vocab.json"
    target_vocabulary: str | None = None
    prefix: str = ""
    max_source_tokens: int = Field(gt=8)
    max_output_tokens: int = Field(gt=8)
    output_ratio: float = Field(default=2.0, gt=0)
    output_extra: int = Field(default=10, ge=0)


class Decoding(_Strict):
    """Search settings that the model was measured with; at most as many ``hypotheses`` as the beam is wide."""

    beam_size: int = Field(default=1, ge=1, le=16)
    hypotheses: int = Field(default=1, ge=1, le=16)
    length_penalty: float = 1.0
    repetition_penalty: float = Field(default=1.0, ge=1.0)
    no_repeat_ngram: int = Field(default=0, ge=0)

    @model_validator(mode="after")
    def _a_beam_holds_its_hypotheses(self) -> Self:
        if self.hypotheses > self.beam_size:
            raise ValueError(f"{self.hypotheses} hypotheses cannot come from a beam of {self.beam_size}")
        return self


class Acceptance(_Strict):
    """What a rewritten sentence must keep beyond the guard's rules, as the model was measured.

    ``least_score`` is a log-probability a token; ``most_loose_joints`` counts places where words meet that do not
    follow each other in a source, nor at its punctuation: 0 holds a small model to leaving out whole clauses.
    """

    least_score: float = -100.0
    most_loose_joints: int = Field(default=1_000, ge=0)


class EngineFiles(_Strict):
    """Where an engine's files lie, relative to the model's folder, and the arithmetic it uses by default."""

    folder: str
    compute_type: str


class Manifest(_Strict):
    """A model's contract with the service. ``files`` maps each file to its SHA-256, in hexadecimal."""

    id: str
    revision: str
    task: Task
    architecture: Literal["marian", "t5"]
    source_lang: str
    target_lang: str
    licence: str
    commercial_use: Literal["yes", "no", "unclear"]
    quality: Literal["starter", "production"]
    weights: str
    tokens: TokenLimits
    decoding: Decoding = Decoding()
    acceptance: Acceptance = Acceptance()
    engines: dict[EngineKind, EngineFiles] = Field(min_length=1)
    files: dict[str, str] = Field(min_length=1)

    def decoding_options(self, source_tokens: int) -> DecodingOptions:
        """Options for one source of that many tokens.

        The output limit is rounded up to a multiple of 64: only items of equal options share a batch.
        """
        limit = int(source_tokens * self.tokens.output_ratio) + self.tokens.output_extra
        return DecodingOptions(
            max_output_tokens=min(-(-limit // 64) * 64, self.tokens.max_output_tokens), **self.decoding.model_dump()
        )


def load(path: Path) -> Manifest:
    """Read a manifest.

    Raises:
        ModelError: the file is missing, is no TOML, or a field is missing, unknown, of the wrong type or out of range.
    """
    try:
        return Manifest.model_validate(tomllib.loads(path.read_text("utf-8")))
    except OSError as error:
        raise ModelError(f"manifest {path.name} cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ModelError(f"manifest {path.name} is not TOML: {error}") from error
    except ValidationError as error:
        fields = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise ModelError(f"manifest {path.name}: {fields}") from error
