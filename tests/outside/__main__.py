"""``python -m tests.outside --seconds 600``: run Schemathesis for a longer time than in the test suite."""

import argparse
import sys

from tests.outside.schemathesis_run import examine, serving


def main() -> int:
    """Run Schemathesis, print its output, and return its exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.outside", description=__doc__)
    parser.add_argument(
        "--seconds", type=int, default=600, help="at least; the phases are repeated until they are over"
    )
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    with serving() as url:
        done = examine(url, "--max-time", str(given.seconds), "--continue-on-failure", seed=given.seed)
    print(done.stdout, done.stderr, sep="\n")
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
