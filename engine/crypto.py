"""Secrets of the file backend: a key from the passphrase, AES-256-GCM for each value, as Pulumi's passphrase provider.

``salt`` is ``v1:<8-byte salt>:v1:<nonce>:<ciphertext>``, where the ciphertext is that of the word ``pulumi``, by which
a wrong passphrase is noticed; each value is ``v1:<nonce>:<ciphertext>``; all parts in base64.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import threading
from concurrent.futures import Future
from functools import lru_cache
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from engine.errors import StateDamaged, WrongPassphrase

_ROUNDS: Final = 1_000_000
_PROBE: Final = "pulumi"
_SALT_PARTS: Final = 5


@lru_cache(maxsize=16)
def _derivation(passphrase: str, salt: bytes) -> Future[bytes]:
    """The key, on its way: it takes about a third of a second, on purpose, in a thread that needs no interpreter."""
    future: Future[bytes] = Future()

    def derive() -> None:
        future.set_result(hashlib.pbkdf2_hmac("sha256", passphrase.encode(), salt, _ROUNDS, 32))

    threading.Thread(target=derive, name="key", daemon=True).start()
    return future


def _derive(passphrase: str, salt: bytes) -> bytes:
    return _derivation(passphrase, salt).result()


def prefetch(passphrase: str, salt: str) -> None:
    """Begin to derive the key of a salt that will be needed soon."""
    parts = salt.split(":")
    if len(parts) == _SALT_PARTS:
        _derivation(passphrase, _decode(parts[1]))


class Crypter:
    """Encrypts and decrypts the values of one stack; ``salt`` is the text that goes into state and settings file.

    A ciphertext is used again while the plaintext at its place is the same, so that an unchanged state stays unchanged.
    """

    def __init__(self, passphrase: str, salt: str) -> None:
        parts = salt.split(":", 2)
        if len(salt.split(":")) != _SALT_PARTS or parts[0] != "v1":
            raise StateDamaged(f"encryptionsalt is not of the form that Pulumi writes: {salt[:16]}...")
        self.salt = salt
        self._aead = AESGCM(_derive(passphrase, _decode(parts[1])))
        self._known: dict[tuple[str, ...], tuple[str, str]] = {}
        self._lock = threading.Lock()
        if self._open(parts[2]) != _PROBE:
            raise WrongPassphrase(
                "incorrect passphrase: the secrets of this stack were encrypted with another one\n"
                "  fix: set PULUMI_CONFIG_PASSPHRASE, or PULUMI_CONFIG_PASSPHRASE_FILE to the file that holds it"
            )

    @classmethod
    def create(cls, passphrase: str) -> Crypter:
        """A crypter with a fresh salt, for a new stack."""
        raw = os.urandom(8)
        aead = AESGCM(_derive(passphrase, raw))
        return cls(passphrase, f"v1:{base64.b64encode(raw).decode()}:{_seal(aead, _PROBE)}")

    def encrypt(self, plaintext: str, place: tuple[str, ...] = ()) -> str:
        """The ciphertext of a text; ``place`` is where it will stand in the state (empty: nowhere in particular)."""
        with self._lock:
            known = self._known.get(place)
            if place and known is not None and known[0] == plaintext:
                return known[1]
        ciphertext = _seal(self._aead, plaintext)
        if place:
            self.remember(place, plaintext, ciphertext)
        return ciphertext

    def decrypt(self, ciphertext: str) -> str:
        """The text of a ciphertext. Raises StateDamaged if it was not made with this key."""
        opened = self._open(ciphertext)
        if opened is None:
            raise StateDamaged("a secret can't be decrypted: it was written with another passphrase or is damaged")
        return opened

    def remember(self, place: tuple[str, ...], plaintext: str, ciphertext: str) -> None:
        """Note what stands at a place of the state that was read."""
        with self._lock:
            self._known[place] = (plaintext, ciphertext)

    def _open(self, ciphertext: str) -> str | None:
        version, nonce, sealed = [*ciphertext.split(":"), "", "", ""][:3]
        if version != "v1":
            return None
        try:
            return self._aead.decrypt(_decode(nonce), _decode(sealed), None).decode()
        except (InvalidTag, ValueError):
            return None


def _seal(aead: AESGCM, plaintext: str) -> str:
    nonce = os.urandom(12)
    sealed = aead.encrypt(nonce, plaintext.encode(), None)
    return f"v1:{base64.b64encode(nonce).decode()}:{base64.b64encode(sealed).decode()}"


def _decode(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise StateDamaged("a ciphertext or salt is not valid base64") from error
