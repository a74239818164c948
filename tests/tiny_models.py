"""Two tiny Marian models under the names of the embedded ones. They are fast, and identical in every run."""

import fcntl
import hashlib
import shutil
from pathlib import Path

import sentencepiece

DATA = Path(__file__).parent / "data"
TEXTS = (DATA / "sentences.txt", DATA / "article.txt")
TASKS = {"starter-de-en": ("translation", "en"), "starter-sum-de": ("summary", "de")}
PIECES = 850

# Partners replace each other, so each word has only one. A piece may also begin a longer word; the longest match is
# used.
LEXICON = dict(
    pair.split("/")
    for pair in (
        "der/the die/of und/and das/it dass/that eine/an einen/some ist/is war/was nicht/not mit/with von/from auf/on "
        "für/for zu/to zum/into im/at sich/itself den/those denn/because dem/this des/whose hat/has haben/have "
        "wird/will werden/become wurde/been sind/are über/over derzeit/currently dieser/these diese/such "
        "Der/The Die/These Das/That Am/On Im/At Haus/house Zug/train Stadt/town Rat/council Jahr/year "
        "heute/today Menschen/people zwei/two drei/three vier/four elf/eleven Millionen/million Prozent/percent "
        "Montag/Monday Dienstag/Tuesday Mittwoch/Wednesday Donnerstag/Thursday Freitag/Friday Samstag/Saturday "
        "Sonntag/Sunday März/March"
    ).split()
)

MANIFEST = """
id = "depesche/{name}"
revision = "{revision}"
task = "{task}"
architecture = "marian"
source_lang = "de"
target_lang = "{target_lang}"
licence = "Apache-2.0"
commercial_use = "unclear"
quality = "starter"
weights = "embedded/{name}"

[tokens]
source = "pieces.model"
target = "pieces.model"
vocabulary = "float16/vocab.json"
max_source_tokens = 128
max_output_tokens = 256
output_ratio = 2.0

[decoding]
beam_size = 4
hypotheses = 4
length_penalty = 1.0

[engines.ctranslate2]
folder = "ct2-int8"
compute_type = "int8"

[engines.torch]
folder = "float16"
compute_type = "float32"

[files]
{files}"""


def tiny_models(cache: Path) -> Path:
    """Return the folder of the tiny models under ``cache``.

    The models are built first if they do not exist or if their sources have changed.
    """
    made_of = hashlib.sha256(
        b"".join(path.read_bytes() for path in (*sorted(Path(__file__).parent.glob("tiny_m*.py")), *TEXTS))
    )
    models = cache / made_of.hexdigest()[:12]
    with (cache / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not models.is_dir():
            _build(cache / "unfinished", models)
    return models


def _build(scratch: Path, models: Path) -> None:
    from tests.tiny_marian import write_network  # importing torch takes seconds

    shutil.rmtree(scratch, ignore_errors=True)
    (scratch / "catalog").mkdir(parents=True)
    pieces = _write_pieces(scratch / "pieces.model")
    for name, (task, target_lang) in TASKS.items():
        folder = scratch / "embedded" / name
        folder.mkdir(parents=True)
        shutil.copy(scratch / "pieces.model", folder)
        write_network(folder, pieces, LEXICON if task == "translation" else {})
        hashes = _hashes(folder)
        text = MANIFEST.format(
            name=name,
            revision=hashlib.sha256("".join(hashes.values()).encode()).hexdigest()[:12],
            task=task,
            target_lang=target_lang,
            files="".join(f'"{file}" = "{digest}"\n' for file, digest in hashes.items()),
        )
        (scratch / "catalog" / f"{name}.toml").write_text(text, "utf-8")
    (scratch / "pieces.model").unlink()
    scratch.rename(models)


def _hashes(folder: Path) -> dict[str, str]:
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    return {str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def _write_pieces(path: Path) -> sentencepiece.SentencePieceProcessor:
    lines = [line for file in TEXTS for line in file.read_text("utf-8").splitlines()]
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(filter(None, lines)),
        model_prefix=str(path.with_suffix("")),
        user_defined_symbols=[f"▁{word}" for pair in LEXICON.items() for word in pair],
        vocab_size=PIECES,
        hard_vocab_limit=False,
        character_coverage=1.0,
        split_digits=True,
        byte_fallback=True,
        bos_id=-1,
        eos_id=0,
        unk_id=1,
        pad_id=-1,
        num_threads=1,
        minloglevel=2,
    )
    path.with_suffix(".vocab").unlink()
    return sentencepiece.SentencePieceProcessor(model_file=str(path))
