"""Tokens as an identity provider makes them, with keys that live as long as the test."""

from __future__ import annotations

import secrets
import time
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

MAKERS: dict[str, Any] = {
    "RS256": lambda: rsa.generate_private_key(public_exponent=65537, key_size=2048),
    "PS256": lambda: rsa.generate_private_key(public_exponent=65537, key_size=2048),
    "ES256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "EdDSA": ed25519.Ed25519PrivateKey.generate,
}


class Issuer:
    """Signs tokens with one key. `settings(folder)` makes a bridge trust that key."""

    def __init__(self, algorithm: str = "HS256") -> None:
        self.algorithm = algorithm
        self.key: Any = secrets.token_hex(32) if algorithm == "HS256" else MAKERS[algorithm]()

    def settings(self, folder: Path) -> dict[str, Any]:
        if self.algorithm == "HS256":
            return {"auth.hs256_secret": self.key}
        file = folder / f"{self.algorithm}.pem"
        file.write_bytes(self.public_pem())
        return {"auth.public_key_file": str(file), "auth.audience": "*"}

    def public_pem(self) -> bytes:
        public = self.key.public_key()
        return public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)

    def token(self, sub: Any = "alice", *, lives: float | None = 3600, **claims: Any) -> str:
        """A token for `sub` that ends in `lives` seconds (None: has no `exp`)."""
        body = {"sub": sub, **claims}
        if lives is not None:
            body.setdefault("exp", int(time.time() + lives))
        return jwt.PyJWT({"enforce_minimum_key_length": False}).encode(body, self.key, self.algorithm)

    def admin(self, sub: str = "root") -> str:
        return self.token(sub, role="admin")


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}
