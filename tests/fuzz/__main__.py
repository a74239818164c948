"""``python -m tests.fuzz TARGET --seconds 600``: search for inputs on which a fuzz target fails, and store them."""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.fuzz import regression_files
from tests.fuzz.target import Target, encoded
from tests.fuzz.targets import TARGETS

MOST_CHARS = 4_000  # maximum length of an input; `Target.require_linear` repeats inputs to a greater length
HANG_S = 30


def main() -> int:
    """Fuzz the target that the command line names, starting from its seeds.

    If an input fails, store it as a regression input and return 1.
    """
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("target", choices=sorted(TARGETS))
    parser.add_argument("--seconds", type=int, default=600)
    parser.add_argument("--seed", type=int, default=0, help="of libFuzzer; 0 takes one of its own")
    given = parser.parse_args()
    target = TARGETS[given.target]
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        ended = _search(target, folder, given.seconds, given.seed)
        broken = [*folder.glob("crash-*"), *folder.glob("timeout-*"), *folder.glob("oom-*")]
        if broken or ended:
            return _keep(target, broken, ended)
        count = sum(1 for _ in (folder / "inputs").iterdir())
    print(f"{target.name}: nothing broke; {count} inputs reach something of their own")
    return 0


def _search(target: Target, folder: Path, seconds: int, seed: int) -> int:
    """Run libFuzzer for ``seconds`` and return its exit status.

    ``folder`` receives the generated inputs and the inputs that fail.
    """
    inputs = folder / "inputs"
    inputs.mkdir()
    for number, text in enumerate(target.seeds):
        (inputs / f"seed-{number}").write_bytes(encoded(text))
    words = folder / "words"
    words.write_text("".join(f'"{_escaped(word)}"\n' for word in target.words), "ascii")
    options = {
        "max_total_time": seconds,
        "max_len": MOST_CHARS,
        "len_control": 0,
        "timeout": HANG_S,
        "rss_limit_mb": 4096,
        "dict": words,
        "artifact_prefix": f"{folder}/",
        "print_final_stats": 1,
        "seed": seed,
    }
    arguments = [f"-{name}={value}" for name, value in options.items()]
    folders = [inputs, *(one for one in [regression_files.FOLDER / target.name] if one.is_dir())]
    command = [sys.executable, "-m", "tests.fuzz.libfuzzer", target.name, *arguments, *map(str, folders)]
    return subprocess.run(command, check=False).returncode


def _escaped(word: str) -> str:
    """Return ``word`` in the format of libFuzzer's dictionaries."""
    return "".join(f"\\x{byte:02x}" for byte in encoded(word))


def _keep(target: Target, broken: list[Path], status: int) -> int:
    """Copy the failing inputs ``broken`` to the regression inputs, which `make test` runs, and return 1.

    ``status`` is the exit status of libFuzzer.
    """
    folder = regression_files.FOLDER / target.name
    folder.mkdir(parents=True, exist_ok=True)
    for path in broken:
        copy = folder / path.name[:24]
        copy.write_bytes(path.read_bytes())
        print(f"{target.name}: broken by {copy}")
    print(f"{target.name}: the search ended with status {status}")
    return 1


if __name__ == "__main__":
    sys.exit(main())
