"""Tests of tokenizers in every format: German text is preserved and never truncated."""

import json
import warnings
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.errors import ModelError
from service.generation.engines.tokenizers import Subwords, Tokenizer, restore_spacing
from tests.engine import checkpoints
from tests.engine.checkpoints import SENTENCES, Checkpoint

# Only letters that occur in the sentences, so that every tiny vocabulary can encode them.
QUOTED = "„In Hamburg“, sagte er, „stieg der Preis um 4,5 Prozent.“"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Checkpoint]:
    folder = tmp_path_factory.mktemp("tokenizers")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # transformers recommends sacremoses for Marian tokenizers
        return {name: checkpoints.installed(name, folder / name) for name in ("marian", "bart", "mbart", "fsmt", "mt5")}


def text_of(tokenizer: Tokenizer, text: str) -> str:
    return tokenizer.decode(tokenizer.encode(text))


@pytest.mark.parametrize("name", ["marian", "bart", "mt5"])
def test_german_text_survives_tokenization(name: str, built: dict[str, Checkpoint]) -> None:
    tokenizer = Tokenizer(built[name].manifest, built[name].folder)
    for sentence in (*SENTENCES, QUOTED):
        assert text_of(tokenizer, sentence) == sentence


def test_language_codes_are_not_decoded(built: dict[str, Checkpoint]) -> None:
    tokenizer = Tokenizer(built["mbart"].manifest, built["mbart"].folder)
    tokens = tokenizer.encode(SENTENCES[0])
    assert (tokens[0], tokens[-1]) == ("de_DE", "</s>")
    assert tokens.count("</s>") == 1
    assert tokenizer.decode(tokens) == SENTENCES[0]


def test_moses_changes_only_quotation_marks(built: dict[str, Checkpoint]) -> None:
    tokenizer = Tokenizer(built["fsmt"].manifest, built["fsmt"].folder)
    assert text_of(tokenizer, QUOTED) == QUOTED.replace("„", '"').replace("“", '"')


def test_writable_pieces_are_text(built: dict[str, Checkpoint]) -> None:
    for checkpoint in built.values():
        tokenizer = Tokenizer(checkpoint.manifest, checkpoint.folder)
        assert not tokenizer.writable & tokenizer.control
        assert tokenizer.pieces(QUOTED) - tokenizer.control <= tokenizer.writable
        assert not tokenizer.writable & {"<pad>", "</s>", "<unk>", "<mask>", "de_DE", "en_XX"}


def test_truncation_and_padding_of_tokenizer_file_are_off(built: dict[str, Checkpoint], tmp_path: Path) -> None:
    path = built["bart"].folder / "tokenizer.json"
    content = json.loads(path.read_text("utf-8"))
    content["truncation"] = {"direction": "Right", "max_length": 8, "strategy": "LongestFirst", "stride": 0}
    content["padding"] = {
        "strategy": {"Fixed": 512},
        "direction": "Right",
        "pad_to_multiple_of": None,
        "pad_id": 1,
        "pad_type_id": 0,
        "pad_token": "<pad>",
    }
    (tmp_path / "tokenizer.json").write_text(json.dumps(content), "utf-8")
    assert Subwords(tmp_path / "tokenizer.json").encode(QUOTED) == Subwords(path).encode(QUOTED)


@pytest.mark.parametrize("content", ["", "{}", '{"model": 1}', "[]"])
def test_invalid_tokenizer_file_is_named(content: str, tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_text(content, "utf-8")
    with pytest.raises(ModelError, match=r"tokenizer\.json cannot be read by the tokenizers library"):
        Subwords(tmp_path / "tokenizer.json")


@pytest.mark.parametrize(
    ("pieces", "text"),
    [
        ("Er sagte : „ Wir kommen “ , und ging .", "Er sagte: „Wir kommen“, und ging."),
        ("Die Band » Die Ärzte « spielt in Baden - Baden .", "Die Band »Die Ärzte« spielt in Baden-Baden."),
        ('Der Film " Heimat " läuft .', 'Der Film "Heimat" läuft.'),
        ("Rund 3 . 000 Euro , also 4 , 5 Prozent ( rund )", "Rund 3.000 Euro, also 4,5 Prozent (rund)"),
        ("um 20 : 15 Uhr – wie immer", "um 20:15 Uhr – wie immer"),
        ("It ' s late", "It's late"),
        ("80 km / h", "80 km/h"),
    ],
)
def test_word_pieces_regain_their_spacing(pieces: str, text: str) -> None:
    assert restore_spacing(pieces) == text


@pytest.mark.parametrize("name", ["marian", "bart", "mbart", "fsmt", "mt5"])
@given(text=st.text(st.sampled_from([*"abcxyzäöüß„“–€ .,0123456789-&'<", "…", "½", "ﷺ", "\u0301"]), max_size=30))
def test_most_tokens_is_an_upper_bound(name: str, built: dict[str, Checkpoint], text: str) -> None:
    tokenizer = Tokenizer(built[name].manifest, built[name].folder)
    assert len(tokenizer.encode(text)) <= tokenizer.most_tokens(text)
