"""How every system searches: the manifest's decoding settings, as far as it can be told."""

import json
from dataclasses import asdict, dataclass

from service.manifest import Manifest


@dataclass(frozen=True, slots=True)
class Search:
    """Decoding settings that transformers and CTranslate2 both know."""

    beam_size: int
    max_output_tokens: int
    no_repeat_ngram: int
    repetition_penalty: float
    length_penalty: float

    @classmethod
    def of(cls, manifest: Manifest, beam_size: int) -> "Search":
        """The manifest's settings at that beam."""
        decoding = manifest.decoding
        return cls(
            beam_size,
            manifest.tokens.max_output_tokens,
            decoding.no_repeat_ngram,
            decoding.repetition_penalty,
            decoding.length_penalty,
        )

    @classmethod
    def parse(cls, text: str) -> "Search":
        """From `json`."""
        return cls(**json.loads(text))

    def json(self) -> str:
        """As a program's argument."""
        return json.dumps(asdict(self))
