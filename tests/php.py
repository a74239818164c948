"""PHP on the command line, for the tests of the example plugin."""

import shutil
import subprocess

import pytest

PROGRAM = "php"
LIMIT_S = 120.0


def php(*args: str, given: str = "") -> str:
    """Run PHP with ``args`` and the standard input ``given``, and return its output.

    Skip the test if PHP is not installed.
    """
    if shutil.which(PROGRAM) is None:
        pytest.skip(f"{PROGRAM} is not installed")
    command = [PROGRAM, "-d", "display_errors=stderr", "-d", "error_reporting=-1", *args]
    done = subprocess.run(command, input=given, capture_output=True, text=True, check=False, timeout=LIMIT_S)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout + done.stderr
    return done.stdout
