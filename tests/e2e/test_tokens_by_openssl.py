"""Keys and tokens made by the `openssl` program alone, as a shell script or an HSM would make them."""

import base64
import json
import subprocess
import time

import pytest
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from support.tokens import bearer

KEYS = {
    "RS256": "-algorithm RSA -pkeyopt rsa_keygen_bits:2048",
    "PS256": "-algorithm RSA -pkeyopt rsa_keygen_bits:3072",
    "ES256": "-algorithm EC -pkeyopt ec_paramgen_curve:P-256",
    "EdDSA": "-algorithm ed25519",
}
SIGN = {
    "RS256": "dgst -sha256 -sign {key} {text}",
    "PS256": "dgst -sha256 -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:32 -sign {key} {text}",
    "ES256": "dgst -sha256 -sign {key} {text}",
    "EdDSA": "pkeyutl -sign -inkey {key} -rawin -in {text}",
}


def openssl(line, **places):
    command = ["openssl", *(word.format(**places) for word in line.split())]
    return subprocess.run(command, check=True, capture_output=True, timeout=60).stdout


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class OpensslIssuer:
    def __init__(self, algorithm, folder):
        self.algorithm, self.key, self.text = algorithm, folder / "key.pem", folder / "text"
        self.public = folder / "public.pem"
        openssl(f"genpkey {KEYS[algorithm]} -out {{key}}", key=self.key)
        openssl("pkey -in {key} -pubout -out {public}", key=self.key, public=self.public)

    def token(self, **claims):
        header = {"alg": self.algorithm, "typ": "JWT"}
        body = {"exp": int(time.time()) + 60, **claims}
        text = ".".join(base64url(json.dumps(part).encode()) for part in (header, body))
        self.text.write_text(text)
        signature = openssl(SIGN[self.algorithm], key=self.key, text=self.text)
        if self.algorithm == "ES256":  # JOSE wants the two numbers, not their DER
            signature = b"".join(number.to_bytes(32, "big") for number in decode_dss_signature(signature))
        return f"{text}.{base64url(signature)}"


@pytest.mark.parametrize("algorithm", KEYS)
def test_openssl_makes_users_and_administrators(make_bridge, tmp_path, algorithm):
    issuer = OpensslIssuer(algorithm, tmp_path)
    bridge = make_bridge({"auth.public_key_file": str(issuer.public), "auth.audience": "*"})
    assert bridge.connect(headers=bearer(issuer.token(sub="ada"))).hello["user"] == "ada"
    assert bridge.get("/api/ws/stats", bearer(issuer.token(sub="ada"))).status == 403
    assert bridge.get("/api/ws/stats", bearer(issuer.token(sub="ada", roles=["ops", "admin"]))).status == 200
    other = issuer.token(sub="bob").rsplit(".", 1)[1]
    mixed = issuer.token(sub="ada").rsplit(".", 1)[0] + "." + other
    assert bridge.connect(headers=bearer(mixed), greeted=False).wait_closed()[0] == 4401
