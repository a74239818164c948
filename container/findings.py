"""What a proof has found: each fact printed as it is confirmed, and the first that is not so ends it."""


class Disproved(Exception):
    """The image is not what it should be."""


def confirm(what: str, *, so: bool) -> None:
    """Print a fact; raises Disproved where it is none."""
    if not so:
        raise Disproved(f"not so: {what}")
    print(f"ok: {what}")
