"""Model manifests. A manifest is a TOML file that describes a model's task, languages, files and decoding options."""

import math
import sys
import tomllib
from pathlib import Path, PurePosixPath
from typing import Annotated, Literal, Self

import tomli_w
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    StringConstraints,
    ValidationError,
    field_serializer,
    field_validator,
    model_validator,
)

from service.domain import DecodingOptions, Tokens
from service.errors import ModelError

LEAST_LOG_PROB = -5.0
MOST_DOUBTS = 3
EngineKind = Literal["ctranslate2", "torch"]
Task = Literal["translation", "summary", "alignment"]
"""An ``alignment`` model matches the words of an output with the words of its source."""
Quality = Literal["starter", "draft", "production"]
"""The intended use of the outputs.

``starter`` outputs are for trials. ``draft`` outputs must be compared with the source by an editor. ``production``
outputs can be published after a review.
"""
Architecture = Literal[
    "marian", "t5", "mt5", "bart", "mbart", "m2m100", "encoder_decoder_bert", "fsmt", "gemma3", "remote", "rules"
]
"""The architecture of a model.

``remote`` is any model on an OpenAI-compatible server. ``rules`` means the grammar rules of a language package,
which need no model.
"""
CAUSAL: frozenset[Architecture] = frozenset({"gemma3"})
"""Decoder-only architectures. Their models continue a prompt and return no attention from outputs to sources."""
BACKWARD_MARK = "german"
"""The name of the mark that follows a translation in the prompt with which a causal model scores the source."""
OUTPUTS = "outputs.json"
"""The file of an installed model that records its outputs for the test sentences."""
TERM_MARKS = ("term", "term_end")
"""The names of the marks around the required translation of a term, which is inserted after the term in the source."""
LanguageCode = Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}$")]
FileName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_*?][A-Za-z0-9_.*?-]*$")]


def _inside(name: str) -> str:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\\" in name or "\0" in name:
        raise ValueError("the path must be relative to the model's folder and must not contain '..'")
    return name


InsidePath = Annotated[str, AfterValidator(_inside)]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class TokenLimits(_Strict):
    """The tokenizer of a model, and the maximum numbers of tokens in its inputs and outputs.

    If ``normalise`` is ``moses``, typographic punctuation is replaced with ASCII before texts are encoded, as in the
    training of the model.

    The tokenizer of the kind ``sentencepiece`` reads the SentencePiece models ``source`` and ``target``. The kind
    ``transformers`` reads the tokenizer files that were published with the model. ``vocabulary`` is a file that maps
    tokens to ids. If it is None, the id of a token is its position in ``source``. ``target_vocabulary`` is a file that
    lists the tokens that outputs may contain. If it is None, outputs may contain all tokens that are text. In TOML, an
    empty string represents None.

    If the model has language codes, ``source_code`` (such as ``deu_Latn`` or ``de_DE``) is the first token of every
    source. ``target_code`` is forced as the first token of every output, and is then removed from the output.
    ``prefix`` is text that is added before every source.

    An output has at most ``output_ratio`` × source tokens + ``output_extra`` tokens, rounded up to a multiple of 64,
    and at most ``max_output_tokens``. An output that reaches the limit is reported as truncated.
    """

    kind: Literal["sentencepiece", "transformers"] = "sentencepiece"
    normalise: Literal["", "moses"] = ""
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
        """The tokens that are forced at the start of every output: ``target_code``, if the model has one."""
        return (self.target_code,) if self.target_code else ()

    @field_validator("vocabulary", "target_vocabulary")
    @classmethod
    def _none_where_empty(cls, name: str | None) -> str | None:
        return name or None  # TOML has no null

    @field_serializer("vocabulary", "target_vocabulary")
    def _empty_where_none(self, name: str | None) -> str:
        return name or ""


NO_TOKENS = TokenLimits(max_source_tokens=sys.maxsize, max_output_tokens=sys.maxsize)
"""The limits of a model without a tokenizer."""


class Prompts(_Strict):
    """The format of the prompts of a causal (decoder-only) model.

    A prompt consists of the token ``start``, a text, and a special token that names the task. ``marks`` maps names to
    these special tokens, which do not occur in texts. ``task`` is the name in ``marks`` for the main task of the model.
    An output ends with the token ``end``.

    If ``hints`` is True, the required translation of each glossary term is inserted after the term, between the special
    tokens `TERM_MARKS`. If ``pad`` is set, this token is repeated before ``start`` until the prompt has one of a few
    common lengths. The model must have been trained to ignore it.
    """

    start: str = "<bos>"
    end: str = "<eos>"
    pad: str = ""
    task: str
    marks: dict[str, str]
    hints: bool = False

    @model_validator(mode="after")
    def _has_the_marks_of_its_task(self) -> Self:
        for name in (self.task, *(TERM_MARKS if self.hints else ())):
            if name not in self.marks:
                raise ValueError(f"`marks` has no entry for {name!r}")
        return self


class Decoding(_Strict):
    """The search settings with which the model was evaluated.

    ``hypotheses`` is the number of outputs for each input, best first. It must not exceed ``beam_size``.
    """

    beam_size: int = Field(default=1, ge=1, le=16)
    hypotheses: int = Field(default=1, ge=1, le=16)
    length_penalty: float = 1.0
    repetition_penalty: float = Field(default=1.0, ge=1.0)
    no_repeat_ngram: int = Field(default=0, ge=0)

    @model_validator(mode="after")
    def _a_beam_holds_its_hypotheses(self) -> Self:
        if self.hypotheses > self.beam_size:
            raise ValueError(f"`hypotheses` ({self.hypotheses}) must not exceed `beam_size` ({self.beam_size})")
        return self


class Thorough(Decoding):
    """The settings of a second, slower search for sentences whose first translation is doubtful.

    A translation is doubtful if its score (the log-probability per token) is less than ``below_score``, if the checks
    report a problem that an editor must review, if it lacks a term of the caller, or if it reached its length limit. If
    several candidates have equally few problems, the candidate with the highest sum is used: its score plus
    ``backward_weight`` times the log-probability per token of the source, given the candidate.
    """

    below_score: float = -100.0
    backward_weight: float = Field(default=0.0, ge=0)


class ConfidenceTable(_Strict):
    """The coefficients by which the confidence of a translated sentence is computed.

    The confidence is the estimated probability that the sentence has no major error, by logistic regression.
    `benchmarks.confidence` fits the coefficients ``intercept``, ``log_prob`` and ``doubts``. The table is valid only
    for outputs of ``engine`` with the weights of ``revision``. A sentence with a confidence less than ``below`` needs a
    review. ``sentences`` is the number of marked sentences on which the coefficients were fitted.
    """

    engine: EngineKind
    revision: str
    intercept: float
    log_prob: float
    doubts: float
    below: float = Field(ge=0, le=1)
    sentences: int = Field(ge=1)

    def confidence(self, log_prob: float | None, doubts: int) -> float | None:
        """Return the confidence of a sentence, rounded to three decimals.

        The parameters are those of `confidence_features`. The result is None if the log-probability is unknown or not
        finite.
        """
        if log_prob is None or not math.isfinite(log_prob):
            return None
        score, capped = confidence_features(log_prob, doubts)
        total = self.intercept + self.log_prob * score + self.doubts * capped
        return round(1 / (1 + math.exp(-max(-50.0, min(total, 50.0)))), 3)


def confidence_features(log_prob: float, doubts: int) -> tuple[float, float]:
    """Return the features of a translated sentence: its log-probability and its doubts.

    ``log_prob`` is the log-probability per token that the model assigned to the translation. It is limited to -5 or
    more. ``doubts`` is the number of findings that need a review. It is limited to 3.
    """
    return max(log_prob, LEAST_LOG_PROB), float(min(doubts, MOST_DOUBTS))


class Acceptance(_Strict):
    """The conditions that a rewritten sentence must meet, in addition to the rules that apply to every model.

    ``least_score`` is the minimum log-probability per token.

    The next two fields have no effect on a causal model. ``most_loose_joints`` is the maximum number of loose joints,
    such as pairs of adjacent words that are not adjacent in any original sentence (see
    `service.summarization.rewriting.loose_joints`). If it is 0, the model can do little more than omit whole clauses.
    If ``source_pieces_only`` is True, a rewritten sentence may contain only tokens of the original sentences, function
    words and punctuation.

    The other fields apply only to causal models. ``least_whole`` is the minimum log-probability per token of the
    closing punctuation, given the rest of the sentence. ``least_entailment`` is the minimum of log P(ja) - log P(nein).
    "ja" (yes) and "nein" (no) are the answers of the model to the question of whether the sentence follows from the
    original sentences. The ``…_weight`` fields are the weights in the formula for the rank of a sentence (see
    `service.summarization.candidates`).
    """

    least_score: float = -100.0
    most_loose_joints: int = Field(default=1_000, ge=0)
    source_pieces_only: bool = True
    least_whole: float = -3.5
    least_entailment: float = 0.0
    saved_weight: float = Field(default=1.0, ge=0)
    novelty_weight: float = Field(default=0.5, ge=0)
    score_weight: float = Field(default=0.25, ge=0)
    entailment_weight: float = Field(default=0.5, ge=0)


class Hub(_Strict):
    """The repository of a model on the Hugging Face Hub.

    ``revision`` is a branch, tag or commit. When the model is installed, the commit is recorded in the lock file, and
    later installations use this commit. ``patterns`` match the names of the required files other than the weights. If
    ``restricted`` is True, the operator must accept the terms of the model when it is installed. A German-English
    translation model is installed only if its outputs for the test sentences reach the chrF score ``least_chrf`` (0 to
    100).
    """

    repo: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*/[A-Za-z0-9][A-Za-z0-9_.-]*$")
    revision: str = "main"
    patterns: tuple[FileName, ...] = Field(min_length=1)
    restricted: bool = False
    least_chrf: float = Field(default=45.0, ge=0, le=100)


class Remote(_Strict):
    """A model that runs on an OpenAI-compatible server.

    The address of the server is a setting and not part of the manifest.

    ``prompt`` is the name of a prompt file in ``service/generation/remote/prompts``. ``form`` is the form of an answer:
    ``numbered`` lines, a ``json`` object, or the ``plain`` text. ``context_sentences`` is the number of preceding
    sentences that are added to a prompt. ``temperature`` is used if several candidates are requested. A single
    candidate is generated with temperature 0. If ``logprobs`` is True, the log-probabilities of the tokens are
    requested. ``body`` contains additional fields for the request.

    The other fields are information for operators. ``terms`` is the address of the terms of the model. ``restricted``
    is True if the terms must be accepted before the download. ``memory_gib`` is the memory that the weights need, in
    GiB. ``start`` is a command that starts a server for the model.
    """

    prompt: str = Field(pattern=r"^[a-z0-9][a-z0-9.-]*$")
    form: Literal["numbered", "json", "plain"] = "numbered"
    context_sentences: int = Field(default=2, ge=0, le=2)
    temperature: float = Field(default=0.7, gt=0, le=2)
    logprobs: bool = True
    body: dict[str, JsonValue] = {}
    terms: str = ""
    restricted: bool = False
    memory_gib: float = Field(default=0.0, ge=0)
    start: str = ""


class Score(_Strict):
    """A published evaluation score.

    ``set`` is the test set, and ``source`` is the publication that reports the score.
    """

    set: str
    metric: str
    value: float
    source: str


class EngineFiles(_Strict):
    """The files of a model for one engine.

    ``folder`` is relative to the folder of the model. ``compute_type`` is the default compute type, such as ``int8``.
    """

    folder: InsidePath
    compute_type: str


class Joined(_Strict):
    """A file that is stored in parts, because the repository limits the size of a file.

    ``parts`` lists the paths of the parts, in order. ``sha256`` is the SHA-256 of the whole file, in hexadecimal.
    """

    parts: tuple[InsidePath, ...] = Field(min_length=1)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")


class Manifest(_Strict):
    """The description of a model. Exactly one of ``weights``, ``hub`` and ``remote`` is set, or none for ``rules``.

    The files of an embedded model are in the folder ``weights``. A ``hub`` model must be installed. Its files are then
    in the folder of the installed manifest. Before the installation, its manifest has no ``revision``, ``engines`` or
    ``files``. A ``remote`` model has no files, because it runs on another server. A ``rules`` model has neither
    files nor tokens.

    ``files`` maps each file to its SHA-256 in hexadecimal. ``joined`` maps each file that is stored in parts to its
    parts, which are also listed in ``files``.

    If several models have the same task, languages and quality, the model that is marked as ``preferred`` is the
    default. ``decoding`` contains the normal search settings, and ``thorough`` those of a slower and better search.
    ``confidence`` is None if no table was fitted for the model. The fields listed in ``verified`` were checked against
    the model's files. All other fields are as published by the model's authors.
    """

    id: str
    revision: str = ""
    task: Task
    architecture: Architecture
    source_lang: LanguageCode
    target_lang: LanguageCode
    licence: str
    commercial_use: Literal["yes", "no", "unclear"]
    quality: Quality
    preferred: bool = False
    weights: InsidePath = ""
    tokens: TokenLimits = NO_TOKENS
    decoding: Decoding = Decoding()
    acceptance: Acceptance = Acceptance()
    prompts: Prompts | None = None
    thorough: Thorough | None = None
    confidence: ConfidenceTable | None = None
    hub: Hub | None = None
    remote: Remote | None = None
    published: tuple[Score, ...] = ()
    verified: tuple[str, ...] = ()
    engines: dict[EngineKind, EngineFiles] = {}
    files: dict[InsidePath, str] = {}
    joined: dict[InsidePath, Joined] = {}

    @property
    def causal(self) -> bool:
        """True if the model is decoder-only, that is, if it continues a prompt."""
        return self.architecture in CAUSAL

    @property
    def rules(self) -> bool:
        """True if the model is a set of rules, which are part of the service."""
        return self.architecture == "rules"

    @property
    def complete(self) -> bool:
        """True if the manifest lists files.

        This is not the case for rules, for a remote model, or for a hub model before its installation.
        """
        return bool(self.files)

    @property
    def checked(self) -> bool:
        """True if the outputs of the model were checked.

        This is the case for models that are part of the service, and for models whose outputs were checked at the
        installation.
        """
        return bool(self.weights) or self.rules or OUTPUTS in self.files

    @property
    def whole(self) -> "Manifest":
        """A copy of the manifest that lists joined files instead of their parts."""
        parts = {part for joined in self.joined.values() for part in joined.parts}
        files = {name: sha256 for name, sha256 in self.files.items() if name not in parts}
        files |= {name: joined.sha256 for name, joined in self.joined.items()}
        return self.model_copy(update={"files": files, "joined": {}})

    @property
    def engine(self) -> EngineKind:
        """The default engine.

        It is ``torch`` if the model has files only for this engine, and otherwise ``ctranslate2``.
        """
        return "ctranslate2" if "ctranslate2" in self.engines or not self.engines else "torch"

    @model_validator(mode="after")
    def _embedded_or_of_the_hub(self) -> Self:
        origins = [bool(self.weights), self.hub is not None, self.remote is not None].count(True)
        if self.rules:
            if origins or self.engines or self.files or self.task != "summary" or "tokens" in self.model_fields_set:
                raise ValueError(
                    "for `rules`, `task` must be 'summary', and `weights`, `hub`, `remote`, `tokens`, `engines` and "
                    "`files` must not be set"
                )
            return self
        if origins != 1:
            raise ValueError("exactly one of `weights`, `hub` and `remote` is required")
        if "tokens" not in self.model_fields_set:
            raise ValueError("`tokens` is required")
        if self.remote is not None:
            return self
        described = {"revision": self.revision, "engines": self.engines, "files": self.files}
        missing = [name for name, value in described.items() if not value]
        if missing and (self.hub is None or len(missing) < len(described)):
            raise ValueError(f"these fields are missing or empty: {', '.join(missing)}")
        return self

    @model_validator(mode="after")
    def _remote_has_no_files(self) -> Self:
        if (self.architecture == "remote") != (self.remote is not None):
            raise ValueError("`architecture` must be 'remote' if and only if the table `remote` is set")
        if self.remote is not None and (self.engines or self.files or self.joined):
            raise ValueError("`engines`, `files` and `joined` must not be set for a remote model")
        if self.remote is not None and self.task == "summary" and self.acceptance.source_pieces_only:
            raise ValueError(
                "`acceptance.source_pieces_only` must be false, because a remote model cannot be restricted"
            )
        return self

    @model_validator(mode="after")
    def _parts_are_files(self) -> Self:
        parts = [part for joined in self.joined.values() for part in joined.parts]
        if unlisted := set(parts) - self.files.keys():
            raise ValueError(f"`joined` contains the part {min(unlisted)!r}, which is not in `files`")
        if len(set(parts)) < len(parts):
            raise ValueError("`joined` contains a part twice; list each part once, under one file")
        if stored := self.joined.keys() & self.files.keys():
            raise ValueError(f"{min(stored)!r} must not be in both `joined` and `files`")
        return self

    @model_validator(mode="after")
    def _prompts_of_a_causal_model(self) -> Self:
        if self.causal != (self.prompts is not None):
            raise ValueError("`prompts` is required for a causal model, and forbidden for any other model")
        return self

    @model_validator(mode="after")
    def _has_the_mark_for_backward_scores(self) -> Self:
        weighted = self.thorough is not None and self.thorough.backward_weight > 0
        if weighted and (self.prompts is None or BACKWARD_MARK not in self.prompts.marks):
            raise ValueError(f"thorough.backward_weight requires a causal model with the mark {BACKWARD_MARK!r}")
        return self

    @model_validator(mode="after")
    def _verified_fields_exist(self) -> Self:
        unknown = [name for name in self.verified if name.partition(".")[0] not in type(self).model_fields]
        if unknown:
            raise ValueError(f"`verified` lists unknown fields: {', '.join(unknown)}")
        return self

    def confidence_for(self, engine: str) -> ConfidenceTable | None:
        """Return the table for outputs of ``engine``.

        The result is None if there is no table, or if the table was fitted for another engine or other weights.
        """
        table = self.confidence
        return table if table is not None and (table.engine, table.revision) == (engine, self.revision) else None

    def decoding_options(self, source_tokens: int, *, thorough: bool = False) -> DecodingOptions:
        """Return the decoding options for a source of ``source_tokens`` tokens.

        If ``thorough`` is True and the manifest has the field ``thorough``, use the settings in this field. The output
        limit is rounded up to a multiple of 64, because only sources with equal options can share a batch, and is at
        most ``max_output_tokens``.
        """
        limit = int(source_tokens * self.tokens.output_ratio) + self.tokens.output_extra
        search = self.thorough if thorough and self.thorough is not None else self.decoding
        return DecodingOptions(
            max_output_tokens=min(-(-limit // 64) * 64, self.tokens.max_output_tokens),
            target_prefix=self.tokens.target_prefix,
            **search.model_dump(include=set(Decoding.model_fields)),
        )


def load(path: Path) -> Manifest:
    """Read and validate a manifest.

    Raises:
        ModelError: the file cannot be read or is not valid TOML; a field is missing, unknown, of the wrong type or out
            of range; or the values of several fields contradict each other.
    """
    try:
        return Manifest.model_validate(tomllib.loads(path.read_text("utf-8")))
    except OSError as error:
        raise ModelError(f"manifest {path.name} cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ModelError(f"manifest {path.name} is not valid TOML: {error}") from error
    except ValidationError as error:
        fields = "; ".join(": ".join(filter(None, (".".join(map(str, e["loc"])), e["msg"]))) for e in error.errors())
        raise ModelError(f"the manifest {path.name} is invalid: {fields}") from error


def dumps(manifest: Manifest) -> str:
    """Return the manifest as TOML.

    Fields with default values are written as well. Otherwise, a later version with other defaults could change the
    behaviour of the model.
    """
    missing = {
        name for name in ("confidence", "hub", "prompts", "remote", "thorough") if getattr(manifest, name) is None
    }  # TOML has no null
    return tomli_w.dumps(manifest.model_dump(mode="json", exclude=missing))
