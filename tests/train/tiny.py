"""A language model with a few thousand parameters, its tokenizer, and a few lines of training data."""

import json
import lzma
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import Gemma3ForCausalLM, Gemma3TextConfig

from models.train import base, recipe

SENTENCES = (Path(__file__).parent.parent / "data" / "sentences.txt").read_text("utf-8").splitlines()
PAIRS = [
    ("Der Minister kam am Montag nach Berlin.", "The minister came to Berlin on Monday."),
    ("Die Regierung senkt die Steuern um 3 Prozent.", "The government cuts taxes by 3 per cent."),
    ('Er sagte: "Wir kommen bald wieder."', 'He said: "We will come back soon."'),
    ("Am Abend regnete es in ganz Bayern.", "In the evening it rained all over Bavaria."),
] * 8
LINES: dict[str, list[dict[str, Any]]] = {
    "summaries/ch-bund-lead-to-title.jsonl.xz": [
        {"lead": f"Der Bundesrat hat am {n}. Mai beschlossen, die Steuern für kleine Betriebe zu senken.", "title": t}
        for n, t in enumerate(["Bundesrat senkt Steuern", "Steuern für kleine Betriebe sinken", "Am 99. Mai ist alles"])
    ],
    "rewording/wmt-de-shorter-pairs.jsonl.xz": [
        {"line": n, "longer": f"Der Mann, der {n} Hunde hat, ging.", "shorter": "Der Mann mit Hunden ging."}
        for n in (5, 500)
    ],
    "guard/rte3-de.jsonl.xz": [
        {"split": split, "premise": "Es regnet.", "hypothesis": f"Es ist nass {n}.", "entailment": n % 2 == 0}
        for split in ("dev", "test")
        for n in range(4)
    ],
}
NAMED = ("<pad>", "<eos>", "<bos>", "<unk>")


def full_tokenizer() -> dict[str, Any]:
    """Return a tokenizer like Gemma's: spaces as ▁, bytes for unknown characters, and unused pieces."""
    marks = [mark.piece for mark in recipe.load().marks.values()]
    letters = [f"<0x{byte:02X}>" for byte in range(256)]
    tokenizer = Tokenizer(models.BPE(byte_fallback=True, unk_token="<unk>", fuse_unk=True))  # noqa: S106
    tokenizer.normalizer = normalizers.Replace(" ", "▁")
    tokenizer.pre_tokenizer = pre_tokenizers.Split("▁", "merged_with_next")
    tokenizer.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()])
    trainer = trainers.BpeTrainer(vocab_size=700, special_tokens=[*NAMED, *marks, *letters], show_progress=False)
    words = [word for mark in recipe.load().marks.values() for word in mark.words]
    tokenizer.train_from_iterator([*SENTENCES, *(side for pair in PAIRS for side in pair), *words * 9], trainer)
    table: dict[str, Any] = json.loads(tokenizer.to_str())
    table["added_tokens"] = [token for token in table["added_tokens"] if token["content"] not in letters]
    return table


def write_tiny(folder: Path, tokenizer: dict[str, Any], **changed: Any) -> None:
    """Write a model with random weights and two layers to ``folder``. One layer has global attention.

    ``changed`` replaces values of the model's configuration.
    """
    torch.manual_seed(1)
    sizes = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "head_dim": 16}
    heads = {"num_attention_heads": 4, "num_key_value_heads": 1, "query_pre_attn_scalar": 16}
    kinds = {"layer_types": ["sliding_attention", "full_attention"], "sliding_window": 128}
    count = len(tokenizer["model"]["vocab"])
    config = Gemma3TextConfig(vocab_size=count, **{**sizes, **heads, **kinds, **changed})
    network = Gemma3ForCausalLM(config)
    for weight in network.parameters():
        torch.nn.init.normal_(weight, std=0.2)
    weights = {name: weight for name, weight in network.state_dict().items() if name != "lm_head.weight"}
    folder.mkdir(parents=True)
    base.write_folder(folder, network.config.to_dict(), weights, tokenizer)
    named = {f"{piece[1:-1]}_token": piece for piece in NAMED}
    settings = {"tokenizer_class": "PreTrainedTokenizerFast", **named}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings), "utf-8")


def write_lines(path: Path, lines: Iterable[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with lzma.open(path, "wt", encoding="utf-8") as file:
        file.writelines(f"{line}\n" for line in lines)
