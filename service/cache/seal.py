"""Encryption of cache values with AES-256-GCM. Each value is bound to the key of its entry.

It needs the extra ``depesche[seal]`` (cryptography), which is imported when a `Seal` is created.
"""

import base64
import os
from collections.abc import Sequence

from service.errors import DepescheError

SECRET_BYTES = 32
# Random 96-bit nonces are safe for 2**32 values under one secret (NIST SP 800-38D, 8.3): 13 years at ten per second.
NONCE_BYTES = 12
TAG_BYTES = 16


class SealUnavailable(DepescheError):
    """Sealing is configured, but the cryptography library is not installed."""

    code = "seal_unavailable"


class Seal:
    """Encrypts with the first of ``secrets`` and decrypts with any of them, so that secrets can be rotated.

    To rotate: add the new secret after the old one on all hosts, then move it to the front, then remove the old one.

    Raises:
        SealUnavailable: cryptography is not installed.
        ValueError: a secret does not have 32 bytes.
    """

    def __init__(self, secrets: Sequence[bytes]) -> None:
        try:
            from cryptography.exceptions import InvalidTag  # noqa: PLC0415 - an optional extra
            from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415
        except ImportError as error:
            raise SealUnavailable("sealing cache values needs the extra depesche[seal]") from error
        if not secrets or any(len(secret) != SECRET_BYTES for secret in secrets):
            raise ValueError(f"a secret for sealing must have {SECRET_BYTES} bytes")
        self._ciphers = [AESGCM(secret) for secret in secrets]
        self._refused = InvalidTag

    def close(self, value: bytes, place: bytes) -> bytes:
        """Encrypt ``value`` for one ``place`` (its full key): random nonce, ciphertext, authentication tag."""
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self._ciphers[0].encrypt(nonce, value, place)

    def open(self, sealed: bytes, place: bytes) -> bytes | None:
        """Decrypt a value. Returns None if it was changed, never sealed, or sealed for another place or secret."""
        if len(sealed) < NONCE_BYTES + TAG_BYTES:
            return None
        for cipher in self._ciphers:
            try:
                return cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], place)
            except self._refused:
                continue
        return None


def secrets_in(setting: str) -> list[bytes]:
    """Parse the secrets of a setting: comma-separated base64, the encrypting secret first.

    Raises:
        ValueError: a secret is not base64 of 32 bytes. The message does not contain the secret.
    """
    try:
        secrets = [base64.b64decode(one.strip(), validate=True) for one in setting.split(",")]
    except ValueError:
        raise ValueError("a secret for sealing is base64 of 32 bytes") from None
    if any(len(secret) != SECRET_BYTES for secret in secrets):
        raise ValueError("a secret for sealing is base64 of 32 bytes")
    return secrets
