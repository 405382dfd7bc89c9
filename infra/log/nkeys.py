"""NATS's keys: Ed25519, written as text (https://docs.nats.io, "NKeys"). The seed signs what the server asks for."""

import base64
import binascii
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # most connections need no key, and the import takes time
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

SEED, USER = 18 << 3, 20 << 3
"""First bits of a seed (written `S…`), and of a user's key (`U…`)."""

KEY_BYTES = 32


class BadSeed(ValueError):
    """The text is not the seed of a user's key."""


@dataclass(frozen=True, slots=True)
class UserKey:
    """The key of a NATS user; `public` is what a server is told, `seed` is the secret."""

    private: "Ed25519PrivateKey"

    @classmethod
    def generated(cls) -> "UserKey":
        """Return a new key."""
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        return cls(Ed25519PrivateKey.generate())

    @classmethod
    def of_seed(cls, text: str) -> "UserKey":
        """Return the key of a seed (`SU…`). Raises BadSeed."""
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        text = text.strip()
        try:
            raw = base64.b32decode(text + "=" * (-len(text) % 8))
        except (binascii.Error, ValueError):
            raise BadSeed("it has characters that no seed has") from None
        body, checksum = raw[:-2], raw[-2:]
        if len(raw) != 2 + KEY_BYTES + 2 or body[0] & 0xF8 != SEED:
            raise BadSeed("a seed has 58 characters and begins with SU")
        if _checksum(body) != checksum:
            raise BadSeed("its checksum is wrong: some characters are missing or mistyped")
        if (body[0] & 7) << 5 | body[1] >> 3 != USER:
            raise BadSeed("it is the seed of an operator, account or server; a user's begins with SU")
        return cls(Ed25519PrivateKey.from_private_bytes(body[2:]))

    @property
    def public(self) -> str:
        """The public key, `U…`."""
        from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

        return _text(bytes([USER]) + self.private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw))

    @property
    def seed(self) -> str:
        """The secret, `SU…`."""
        head = bytes([SEED | USER >> 5, (USER & 31) << 3])
        return _text(head + self.private.private_bytes_raw())

    def signature(self, nonce: str) -> bytes:
        """Return the signature of a server's nonce, in base64."""
        return base64.b64encode(self.private.sign(nonce.encode()))


def _text(body: bytes) -> str:
    return base64.b32encode(body + _checksum(body)).rstrip(b"=").decode()


def _checksum(data: bytes) -> bytes:
    """Return the CRC-16 (XMODEM), the lower byte first."""
    return binascii.crc_hqx(data, 0).to_bytes(2, "little")
