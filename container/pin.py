"""Write the current digest of the base image to the Dockerfile (``make pin-base``).

The program needs docker and access to a registry.
"""

import re
import subprocess
import sys
from pathlib import Path

DOCKERFILE = Path(__file__).parent.parent / "Dockerfile"
DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


class NotPinned(Exception):
    """The digest of the base image cannot be determined, so the Dockerfile is not changed."""


def main() -> None:
    """Write the current digest of the base image to the Dockerfile, and print the digest."""
    try:
        digest = current(base_image(DOCKERFILE.read_text("utf-8")))
    except NotPinned as error:
        sys.exit(f"pin-base: {error}")
    DOCKERFILE.write_text(pinned(DOCKERFILE.read_text("utf-8"), digest), "utf-8")
    print(f"BASE_DIGEST={digest}")


def base_image(dockerfile: str) -> str:
    """Return the name and tag of the base image. ``dockerfile`` is the content of the Dockerfile.

    Raises:
        NotPinned: the Dockerfile contains no ``ARG BASE_IMAGE``.
    """
    found = re.search(r"^ARG BASE_IMAGE=(\S+)$", dockerfile, re.MULTILINE)
    if found is None:
        raise NotPinned("the Dockerfile contains no ARG BASE_IMAGE")
    return found[1]


def current(image: str) -> str:
    """Return the digest that the registry reports for ``image``, which covers the images for all platforms.

    Raises:
        NotPinned: docker is not installed, or the registry returns no digest.
    """
    command = ["docker", "buildx", "imagetools", "inspect", image, "--format", "{{.Manifest.Digest}}"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        raise NotPinned(f"docker cannot be run: {error.strerror}") from error
    answer = done.stdout.strip()
    if done.returncode or not DIGEST.fullmatch(answer):
        raise NotPinned(f"docker returned no digest for {image}: {(done.stderr or answer).strip()}")
    return answer


def pinned(dockerfile: str, digest: str) -> str:
    """Return ``dockerfile``, the content of the Dockerfile, with the base image pinned to ``digest``."""
    return re.sub(r"^ARG BASE_DIGEST=.*$", f"ARG BASE_DIGEST={digest}", dockerfile, flags=re.MULTILINE)


if __name__ == "__main__":
    main()
