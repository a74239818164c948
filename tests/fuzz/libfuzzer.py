"""A process that runs a fuzz target with libFuzzer, which uses code coverage to generate new inputs."""

import sys
from zlib import crc32

import atheris

with atheris.instrument_imports(include=["service.cache", "service.cleaning", "service.documents", "service.text"]):
    from tests.fuzz.target import Target, decoded
    from tests.fuzz.targets import TARGETS

PUMPED_OF = 64  # one of 64 inputs is repeated until it is long enough for its time to be measurable


def search(target: Target, arguments: list[str]) -> None:
    """Run libFuzzer on ``target`` with the command-line ``arguments``.

    libFuzzer exits the process when it has finished.
    """

    def one(data: bytes) -> None:
        text = decoded(data)
        target.check(text)
        if crc32(data) % PUMPED_OF == 0:
            target.require_linear(text)

    atheris.Setup([sys.argv[0], *arguments], one)
    atheris.Fuzz()


if __name__ == "__main__":
    search(TARGETS[sys.argv[1]], sys.argv[2:])
