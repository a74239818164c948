"""Pin the images that the project builds on to their current digests (``make pin-base``).

The program writes the digest of the base image to the Dockerfile, and the digest of the Redis image to compose.yaml and
to the Kubernetes manifests. It needs docker and access to a registry. With the option ``--check`` (``make pin-check``),
it only reports the images without a digest, and needs neither. The release workflow runs this check.
"""

import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parent.parent
DOCKERFILE = ROOT / "Dockerfile"
REDIS_FILES = (ROOT / "compose.yaml", ROOT / "k8s/overlays/redis/kustomization.yaml")
DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
# The tag of the Redis image in compose.yaml (`image: redis:TAG`) and in a kustomization (`newTag: TAG`).
_REDIS = re.compile(r"(?<=image: redis:)[^@\s]+(@\S+)?|(?<=newName: redis\n    newTag: )[^@\s]+(@\S+)?")


class NotPinned(Exception):
    """A digest is missing or cannot be determined. No file has been changed."""


def main(arguments: Sequence[str] = ()) -> None:
    """Write the current digests to the files and print them. With ``--check``, only check that every file has one."""
    try:
        if "--check" in arguments:
            check()
        else:
            pin()
    except NotPinned as error:
        sys.exit(f"pin-base: {error}")


def pin() -> None:
    """Write the current digests to the files, and print them.

    Raises:
        NotPinned: a digest cannot be determined.
    """
    dockerfile = DOCKERFILE.read_text("utf-8")
    redis_files = {path: path.read_text("utf-8") for path in REDIS_FILES}
    base = current(base_image(dockerfile))
    tags = {
        tag: current(f"redis:{tag}")
        for tag in sorted({tag for text in redis_files.values() for tag in redis_tags(text)})
    }
    DOCKERFILE.write_text(pinned(dockerfile, base), "utf-8")
    for path, text in redis_files.items():
        path.write_text(pinned_redis(text, tags), "utf-8")
    print(f"BASE_DIGEST={base}")
    for tag, digest in tags.items():
        print(f"redis:{tag}@{digest}")


def check() -> None:
    """Check that every image has a digest.

    Raises:
        NotPinned: an image has no digest. The message names the files that lack one.
    """
    missing = (
        []
        if re.search(rf"^ARG BASE_DIGEST={DIGEST.pattern}$", DOCKERFILE.read_text("utf-8"), re.MULTILINE)
        else [DOCKERFILE]
    )
    for path in REDIS_FILES:
        found = [match[0] for match in _REDIS.finditer(path.read_text("utf-8"))]
        if not found or not all(DIGEST.fullmatch(one.partition("@")[2]) for one in found):
            missing.append(path)
    if missing:
        raise NotPinned(f"no image digest in {', '.join(path.name for path in missing)}; run make pin-base and commit")


def redis_tags(text: str) -> set[str]:
    """Return the tags of the Redis images in ``text``, the content of compose.yaml or of a kustomization."""
    return {match[0].partition("@")[0] for match in _REDIS.finditer(text)}


def pinned_redis(text: str, digests: dict[str, str]) -> str:
    """Return ``text`` with the digest in ``digests`` after each tag of the Redis image."""
    return _REDIS.sub(lambda match: f"{(tag := match[0].partition('@')[0])}@{digests[tag]}", text)


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
        NotPinned: docker cannot be run or returns no digest.
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
    main(sys.argv[1:])
