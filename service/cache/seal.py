"""Seals values for a store that others can read or write: AES-256-GCM, bound to the key of their entry.

Needs the extra ``depesche[seal]`` (cryptography), which is imported when a seal is made.
"""

import base64
import os
from collections.abc import Sequence

from service.errors import DepescheError

SECRET_BYTES = 32
# Random nonces of 96 bits: safe up to 2**32 values under one secret (NIST SP 800-38D, 8.3), 13 years of ten a second.
NONCE_BYTES = 12
TAG_BYTES = 16


class SealUnavailable(DepescheError):
    """Values are to be sealed, and the library for it is not installed."""

    code = "seal_unavailable"


class Seal:
    """Seals with the first of ``secrets`` and opens with all of them, so that a secret can be changed.

    To change one: put the new one behind the old one everywhere, then in front, then take the old one away.

    Raises:
        SealUnavailable: cryptography is not installed.
        ValueError: a secret does not have 32 bytes.
    """

    def __init__(self, secrets: Sequence[bytes]) -> None:
        try:
            from cryptography.exceptions import InvalidTag  # noqa: PLC0415 - an extra that most do without
            from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415
        except ImportError as error:
            raise SealUnavailable("sealing cache values needs the extra depesche[seal]") from error
        if not secrets or any(len(secret) != SECRET_BYTES for secret in secrets):
            raise ValueError(f"a secret for sealing has {SECRET_BYTES} bytes")
        self._ciphers = [AESGCM(secret) for secret in secrets]
        self._refused = InvalidTag

    def close(self, value: bytes, place: bytes) -> bytes:
        """``value``, sealed for this ``place`` alone: a random nonce, the ciphertext, its tag."""
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self._ciphers[0].encrypt(nonce, value, place)

    def open(self, sealed: bytes, place: bytes) -> bytes | None:
        """What was sealed for ``place``; None for all else: of another place or secret, changed, or never sealed."""
        if len(sealed) < NONCE_BYTES + TAG_BYTES:
            return None
        for cipher in self._ciphers:
            try:
                return cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], place)
            except self._refused:
                continue
        return None


def secrets_in(setting: str) -> list[bytes]:
    """The secrets of a setting: base64, the one that seals first, with commas between them.

    Raises:
        ValueError: one is no base64 of 32 bytes; the message does not hold it.
    """
    try:
        secrets = [base64.b64decode(one.strip(), validate=True) for one in setting.split(",")]
    except ValueError:
        raise ValueError("a secret for sealing is base64 of 32 bytes") from None
    if any(len(secret) != SECRET_BYTES for secret in secrets):
        raise ValueError("a secret for sealing is base64 of 32 bytes")
    return secrets
