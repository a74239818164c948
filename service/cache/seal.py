"""Encryption of cache values with AES-256-GCM.

Each value is bound to its cache key, so it cannot be decrypted under another cache key.
"""

import base64
import os
from collections.abc import Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from service.errors import DepescheError

SECRET_BYTES = 32
# Random 96-bit nonces are safe for 2**32 values under one secret (NIST SP 800-38D, 8.3). At ten values per second, this
# is 13 years.
NONCE_BYTES = 12
TAG_BYTES = 16


class SealMissing(DepescheError):
    """A shared cache is configured, but its encryption is neither configured nor turned off."""

    code = "seal_missing"


class Seal:
    """A cipher for cache values, with secrets that can be rotated.

    The cipher encrypts with the first of ``secrets`` and decrypts with any of them. To rotate secrets, add the new
    secret after the old one on all hosts. Then move the new secret to the front, and finally remove the old one.

    Raises:
        ValueError: there is no secret, or a secret does not have 32 bytes.
    """

    def __init__(self, secrets: Sequence[bytes]) -> None:
        if not secrets or any(len(secret) != SECRET_BYTES for secret in secrets):
            raise ValueError(f"at least one encryption secret is required, and each must have {SECRET_BYTES} bytes")
        self._ciphers = [AESGCM(secret) for secret in secrets]

    def close(self, value: bytes, place: bytes) -> bytes:
        """Encrypt ``value``. The result can be decrypted only with the same ``place``, which is the full cache key.

        The result is a random nonce, followed by the ciphertext and the authentication tag.
        """
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self._ciphers[0].encrypt(nonce, value, place)

    def open(self, sealed: bytes, place: bytes) -> bytes | None:
        """Decrypt a value, or return None if it cannot be decrypted.

        Decryption fails if the value has been modified, is not encrypted, or was encrypted for another place or with
        another secret.
        """
        if len(sealed) < NONCE_BYTES + TAG_BYTES:
            return None
        for cipher in self._ciphers:
            try:
                return cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], place)
            except InvalidTag:
                continue
        return None


def secrets_in(setting: str) -> list[bytes]:
    """Parse a comma-separated list of base64-encoded secrets. The first secret is used for encryption.

    Raises:
        ValueError: a secret is not the base64 encoding of 32 bytes. The message does not contain the secret.
    """
    try:
        secrets = [base64.b64decode(one.strip(), validate=True) for one in setting.split(",")]
    except ValueError:
        raise ValueError("an encryption secret must be 32 bytes in base64") from None
    if any(len(secret) != SECRET_BYTES for secret in secrets):
        raise ValueError("an encryption secret must be 32 bytes in base64")
    return secrets
