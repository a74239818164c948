"""The manifest: what a model is, which files it has, and how it wants to be used. One TOML file a model."""

import tomllib
from pathlib import Path, PurePosixPath
from typing import Annotated, Literal, Self

import tomli_w
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    field_serializer,
    field_validator,
    model_validator,
)

from service.domain import DecodingOptions, Tokens
from service.errors import ModelError

EngineKind = Literal["ctranslate2", "torch"]
Task = Literal["translation", "summary"]
Quality = Literal["starter", "production"]
Architecture = Literal["marian", "t5", "mt5", "bart", "mbart", "m2m100", "encoder_decoder_bert", "fsmt"]
FileName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_*?][A-Za-z0-9_.*?-]*$")]


def _inside(name: str) -> str:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\\" in name or "\0" in name:
        raise ValueError("the path must lead into the model's folder: relative, without '..'")
    return name


InsidePath = Annotated[str, AfterValidator(_inside)]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class TokenLimits(_Strict):
    """How text becomes tokens, and how many the model was trained for.

    ``sentencepiece`` reads ``source`` and ``target``, ``transformers`` the tokenizer files of the checkpoint. Where the
    model wants its languages named, ``source_code`` (``deu_Latn``, ``de_DE``) is the piece that every source begins
    with, and ``target_code`` the one that every output is made to begin with, which is no part of it.
    ``prefix`` is put before every source text. An output may have at most
    ``output_ratio`` × source + ``output_extra`` tokens; one that meets this limit is reported as truncated.
    ``vocabulary`` maps pieces to ids; empty: their order in ``source``. ``target_vocabulary`` lists the pieces that
    outputs are written with; none: all.
    """

    kind: Literal["sentencepiece", "transformers"] = "sentencepiece"
    source: InsidePath = "source.spm"
    target: InsidePath = "target.spm"
    vocabulary: InsidePath | None = "vocab.json"
    target_vocabulary: InsidePath | None = None
    prefix: str = ""
    source_code: str = ""
    target_code: str = ""
    max_source_tokens: int = Field(gt=8)
    max_output_tokens: int = Field(gt=8)
    output_ratio: float = Field(default=2.0, gt=0)
    output_extra: int = Field(default=10, ge=0)

    @property
    def target_prefix(self) -> Tokens:
        """The pieces that every output is made to begin with."""
        return (self.target_code,) if self.target_code else ()

    @field_validator("vocabulary", "target_vocabulary")
    @classmethod
    def _none_where_empty(cls, name: str | None) -> str | None:
        return name or None  # TOML has no null

    @field_serializer("vocabulary", "target_vocabulary")
    def _empty_where_none(self, name: str | None) -> str:
        return name or ""


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
    ``source_pieces_only`` has it written in pieces of its sources, and of function words and punctuation, alone.
    """

    least_score: float = -100.0
    most_loose_joints: int = Field(default=1_000, ge=0)
    source_pieces_only: bool = True


class Hub(_Strict):
    """Where a pretrained model is published. ``revision`` is a branch, tag or commit; the lock pins it at first pull.

    ``patterns`` name the files that are wanted beside the weights; a ``restricted`` model's terms must be accepted.
    """

    repo: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*/[A-Za-z0-9][A-Za-z0-9_.-]*$")
    revision: str = "main"
    patterns: tuple[FileName, ...] = Field(min_length=1)
    restricted: bool = False


class Score(_Strict):
    """A score that somebody published: the ``metric`` on the test set ``set``, and where it is written."""

    set: str
    metric: str
    value: float
    source: str


class EngineFiles(_Strict):
    """Where an engine's files lie, relative to the model's folder, and the arithmetic it uses by default."""

    folder: InsidePath
    compute_type: str


class Manifest(_Strict):
    """A model's contract with the service. ``files`` maps each file to its SHA-256, in hexadecimal.

    An embedded model names its folder in ``weights``; one of the hub lies beside its installed manifest. Until that is
    written, the catalogue's has neither ``revision`` nor ``engines`` nor ``files``. Fields in ``verified`` were checked
    against the model's own files; all others are as its authors published them.
    """

    id: str
    revision: str = ""
    task: Task
    architecture: Architecture
    source_lang: str
    target_lang: str
    licence: str
    commercial_use: Literal["yes", "no", "unclear"]
    quality: Quality
    weights: InsidePath = ""
    tokens: TokenLimits
    decoding: Decoding = Decoding()
    acceptance: Acceptance = Acceptance()
    hub: Hub | None = None
    published: tuple[Score, ...] = ()
    verified: tuple[str, ...] = ()
    engines: dict[EngineKind, EngineFiles] = {}
    files: dict[InsidePath, str] = {}

    @property
    def complete(self) -> bool:
        """Whether it describes files on disk, so that it can be loaded; the catalogue's of a hub model does not."""
        return bool(self.files)

    @property
    def engine(self) -> EngineKind:
        """The engine that suits the model: CTranslate2 where it is converted, else torch."""
        return "ctranslate2" if "ctranslate2" in self.engines or not self.engines else "torch"

    @model_validator(mode="after")
    def _embedded_or_of_the_hub(self) -> Self:
        if bool(self.weights) == (self.hub is not None):
            raise ValueError("there must be either weights or hub")
        described = {"revision": self.revision, "engines": self.engines, "files": self.files}
        missing = [name for name, value in described.items() if not value]
        if missing and (self.hub is None or len(missing) < len(described)):
            raise ValueError(f"{', '.join(missing)}: missing or empty")
        return self

    @model_validator(mode="after")
    def _verified_fields_exist(self) -> Self:
        unknown = [name for name in self.verified if name.partition(".")[0] not in type(self).model_fields]
        if unknown:
            raise ValueError(f"verified: there is no field {', '.join(unknown)}")
        return self

    def decoding_options(self, source_tokens: int) -> DecodingOptions:
        """Options for one source of that many tokens.

        The output limit is rounded up to a multiple of 64: only items of equal options share a batch.
        """
        limit = int(source_tokens * self.tokens.output_ratio) + self.tokens.output_extra
        return DecodingOptions(
            max_output_tokens=min(-(-limit // 64) * 64, self.tokens.max_output_tokens),
            target_prefix=self.tokens.target_prefix,
            **self.decoding.model_dump(),
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
        fields = "; ".join(": ".join(filter(None, (".".join(map(str, e["loc"])), e["msg"]))) for e in error.errors())
        raise ModelError(f"manifest {path.name}: {fields}") from error


def dumps(manifest: Manifest) -> str:
    """The manifest as TOML, defaults included, so that a later version's defaults do not change the model."""
    return tomli_w.dumps(manifest.model_dump(mode="json", exclude={"hub"} if manifest.hub is None else None))
