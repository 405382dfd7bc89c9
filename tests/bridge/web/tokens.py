"""Tokens as an identity provider makes them."""

import json
import time
from dataclasses import dataclass
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

SECRET = "a-secret-for-tests-of-40-characters-0007"


def token(user_id: object = "sam", key: Any = SECRET, algorithm: str = "HS256", kid: str = "", **claims: object) -> str:
    """Return a token that is good for a minute, unless the claims say otherwise; None leaves a claim out."""
    all_claims = {"sub": user_id, "exp": int(time.time()) + 60} | claims
    payload = {name: claim for name, claim in all_claims.items() if claim is not None}
    headers = {"kid": kid} if kid else None
    return jwt.encode(payload, key, algorithm, headers)


@dataclass(frozen=True)
class Signer:
    """A private key and what a JWKS has of it."""

    key: Any
    jwk: dict[str, Any]

    @property
    def pem(self) -> bytes:
        pem: bytes = self.key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        return pem


def _jwk(algorithm: Any, key: Any, **fields: str) -> dict[str, Any]:
    told = algorithm.to_jwk(key.public_key())
    return {**(json.loads(told) if isinstance(told, str) else told), **fields}


def rsa_signer(kid: str = "rsa", **fields: str) -> Signer:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return Signer(key, _jwk(RSAAlgorithm, key, kid=kid, **fields))


def ec_signer(kid: str = "ec") -> Signer:
    key = ec.generate_private_key(ec.SECP256R1())
    return Signer(key, _jwk(ECAlgorithm, key, kid=kid, alg="ES256", use="sig"))


def ed_signer(kid: str = "ed") -> Signer:
    key = ed25519.Ed25519PrivateKey.generate()
    return Signer(key, _jwk(OKPAlgorithm, key, kid=kid))
