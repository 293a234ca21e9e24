"""docs/IDENTITY.md: each block of configuration takes tokens in the shape of the provider that it is for."""

from __future__ import annotations

import json
import re
import time
import tomllib
from typing import Any

import jwt
import pytest

from support.bridge import ROOT
from support.tokens import Issuer, bearer

PAGE = (ROOT / "docs/IDENTITY.md").read_text()
SECTIONS = re.split(r"^## (.+)\n", PAGE, flags=re.MULTILINE)[1:]
BLOCKS = {
    title: re.findall(r"^```toml\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    for title, text in zip(SECTIONS[::2], SECTIONS[1::2], strict=True)
}
PROVIDERS = {title: blocks[0] for title, blocks in BLOCKS.items() if blocks}

# What a provider puts beside user and roles: of its key, of its token's header, and of the token itself.
SIGNED: dict[str, tuple[dict[str, Any], dict[str, Any], dict[str, Any]]] = {
    "Keycloak": (
        {"use": "sig", "alg": "RS256", "x5c": ["MIIC"], "x5t": "c2hh", "x5t#S256": "c2hh"},
        {},
        {
            "iss": "https://id.example.org/realms/example", "aud": ["zwsbridge", "account"], "typ": "Bearer",
            "azp": "web", "sid": "s", "acr": "1", "allowed-origins": ["*"], "scope": "openid email",
            "resource_access": {"account": {"roles": ["manage-account"]}}, "email_verified": True,
        },
    ),
    "Auth0": (
        {"use": "sig", "alg": "RS256", "x5c": ["MIIC"], "x5t": "c2hh"},
        {},
        {
            "iss": "https://example.eu.auth0.com/", "azp": "web", "scope": "openid profile", "permissions": ["a:b"],
            "aud": ["https://events.example.org", "https://example.eu.auth0.com/userinfo"],
        },
    ),
    "Microsoft Entra ID": (
        {"use": "sig", "x5t": "one", "x5c": ["MIIC"], "cloud_instance_name": "example", "issuer": "https://x/{tenantid}"},
        {"x5t": "one"},
        {
            "iss": "https://login.microsoftonline.com/11111111-2222-4333-8444-555555555555/v2.0", "sub": "pairwise",
            "aud": "66666666-7777-4888-9999-000000000000", "ver": "2.0", "tid": "11111111", "scp": "events", "rh": "0.",
        },
    ),
    "Google and Firebase": (
        {"use": "sig", "alg": "RS256"},
        {},
        {
            "iss": "https://securetoken.google.com/example-project", "aud": "example-project", "user_id": "u",
            "auth_time": 1, "firebase": {"identities": {"email": ["a@example.org"]}, "sign_in_provider": "password"},
        },
    ),
    "Amazon Cognito": (
        {"use": "sig", "alg": "RS256"},
        {},
        {
            "iss": "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_example", "aud": "exampleclientid",
            "token_use": "id", "cognito:username": "ada", "origin_jti": "o", "event_id": "e", "auth_time": 1,
        },
    ),
    "Supabase": (
        {"use": "sig", "alg": "ES256", "key_ops": ["verify"], "ext": True},
        {},
        {
            "iss": "https://example.supabase.co/auth/v1", "aud": "authenticated", "role": "authenticated", "aal": "aal1",
            "amr": [{"method": "password", "timestamp": 1}], "user_metadata": {"roles": ["admin"]}, "phone": "",
        },
    ),
    "Okta": (
        {"use": "sig", "alg": "RS256", "status": "ACTIVE"},
        {},
        {
            "iss": "https://example.okta.com/oauth2/default", "aud": "api://default", "ver": 1, "cid": "c",
            "scp": ["openid"], "auth_time": 1, "sub": "ada@example.org",
        },
    ),
    "Clerk": (
        {"use": "sig", "alg": "RS256"},
        {"cat": "cl_B7d4PD111AAA"},
        {"iss": "https://example.clerk.accounts.dev", "azp": "https://example.org", "fva": [1, -1], "sts": "active", "v": 2},
    ),
    "Django: SimpleJWT": ({}, {}, {"token_type": "access", "jti": "j"}),
    "FastAPI": ({}, {}, {}),
    "Flask-JWT-Extended": ({}, {}, {"fresh": False, "jti": "j", "type": "access", "csrf": "c"}),
    "Laravel": ({}, {}, {"iss": "http://localhost/api/auth/login", "jti": "j", "prv": "23bd5c8949f600adb39e701c400872db"}),
    "Rails: devise-jwt": ({}, {}, {"aud": None, "jti": "j"}),
    "ASP.NET": (
        {},
        {},
        {
            "iss": "https://app.example.org", "aud": "https://app.example.org",
            "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/name": "ada",
        },
    ),
    "Spring Authorization Server": (
        {"alg": None, "use": None},
        {},
        {"iss": "https://auth.example.org", "aud": "events-client", "scope": ["openid"], "jti": "j"},
    ),
}  # fmt: skip

# Who that is, and the roles of somebody and of an administrator, where they stand.
NAME = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/nameidentifier"
ROLE = "http://schemas.microsoft.com/ws/2008/06/identity/claims/role"
PEOPLE: dict[str, tuple[dict[str, Any], dict[str, Any], dict[str, Any] | None]] = {
    "Keycloak": (
        {"sub": "f3c1"},
        {"realm_access": {"roles": ["offline_access"]}},
        {"realm_access": {"roles": ["offline_access", "zwsbridge-admin"]}},
    ),
    "Auth0": ({"sub": "auth0|5f7c"}, {}, {"https://example.org/roles": ["admin"]}),
    "Microsoft Entra ID": ({"oid": "00000000-0000-4000-8000-000000000001"}, {}, {"roles": ["Bridge.Admin"]}),
    "Google and Firebase": ({"sub": "Zk3x"}, {}, {"role": "admin"}),
    "Amazon Cognito": ({"sub": "aaaa-bbbb"}, {"cognito:groups": ["readers"]}, {"cognito:groups": ["admins"]}),
    "Supabase": ({"sub": "8f1c"}, {"app_metadata": {"provider": "email"}}, {"app_metadata": {"roles": ["admin"]}}),
    "Okta": ({"uid": "00u1"}, {"groups": ["Everyone"]}, {"groups": ["Everyone", "Bridge admins"]}),
    "Clerk": ({"sub": "user_2x"}, {}, {"o": {"id": "org_1", "rol": "admin", "slg": "example"}}),
    "Django: SimpleJWT": ({"user_id": 17}, {}, {"role": "admin"}),
    "FastAPI": ({"sub": "ada"}, {"scope": "me admin"}, {"scope": "me events:admin"}),
    "Flask-JWT-Extended": ({"sub": "ada"}, {}, {"roles": ["admin"]}),
    "Laravel": ({"sub": "1"}, {}, {"role": "admin"}),
    "Rails: devise-jwt": ({"sub": "1"}, {"scp": "user"}, {"scp": "admin_user"}),
    "ASP.NET": ({NAME: "ada"}, {ROLE: "User"}, {ROLE: ["User", "Admin"]}),
    "Spring Authorization Server": ({"sub": "ada"}, {}, {"authorities": ["ROLE_ADMIN"]}),
}


def flat(table: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Tables of TOML as dotted keys; names that need quotes have them."""
    found: dict[str, Any] = {}
    for name, value in table.items():
        path = prefix + (name if re.fullmatch(r"[\w-]+", name) else json.dumps(name))
        found |= flat(value, path + ".") if isinstance(value, dict) else {path: value}
    return found


class Provider:
    """Keys of its own, published or shared as the provider does it, and tokens in its shape."""

    def __init__(self, title: str) -> None:
        self.of_key, self.header, self.claims = SIGNED[title]
        self.issuer = Issuer("HS256" if "secret" in PROVIDERS[title] else self.of_key.get("alg") or "RS256")

    def settings(self, block: str, folder: Any) -> dict[str, Any]:
        settings = flat(tomllib.loads(block))
        file = folder / "keys"
        if "auth.hs256_secret_file" in settings:
            file.write_text(self.issuer.key + "\n")
            return {**settings, "auth.hs256_secret_file": str(file)}
        mine = jwt.get_algorithm_by_name(self.issuer.algorithm).to_jwk(self.issuer.key.public_key(), as_dict=True)
        mine.pop("key_ops", None)
        other = {"kid": "enc", "kty": "RSA", "use": "enc", "alg": "RSA-OAEP", "n": "AQAB", "e": "AQAB"}
        file.write_text(json.dumps({"keys": [other, {**mine, **self.of_key, "kid": "one="}]}))
        return {**settings, "auth.jwks_file": str(file)}

    def token(self, **claims: Any) -> str:
        now = int(time.time())
        body = {"iat": now, "nbf": now, "exp": now + 60, **self.claims, **claims}
        header = {"kid": "one=", **self.header} if self.of_key else self.header
        return jwt.PyJWS().encode(json.dumps(body).encode(), self.issuer.key, self.issuer.algorithm, header)


def test_every_provider_of_the_page_has_a_shape_here_and_the_other_way_round():
    assert list(PROVIDERS) == list(SIGNED) == list(PEOPLE)
    assert all(len(blocks) <= 1 for blocks in BLOCKS.values())


def test_a_backend_makes_a_token_as_the_page_shows(make_bridge, tmp_path, monkeypatch):
    (program,) = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    file = tmp_path / "secret.txt"
    file.write_text("0123456789abcdef0123456789abcdef\n")
    monkeypatch.chdir(tmp_path)
    made: dict[str, Any] = {}
    exec(program, made)
    client = make_bridge({"auth.hs256_secret_file": str(file)}).connect(headers=bearer(made["token"]))
    assert client.hello["user"] == "ada"
    answers = [client.ask({"type": "subscribe", "topic": topic})["success"] for topic in ("import:1", "other")]
    assert answers == [True, False]


@pytest.mark.parametrize("title", PROVIDERS)
def test_the_lines_of_the_page_take_the_providers_tokens(make_bridge, tmp_path, title):
    provider = Provider(title)
    bridge = make_bridge(provider.settings(PROVIDERS[title], tmp_path))
    who, roles, admin_roles = PEOPLE[title]
    name = str(next(iter(who.values())))
    for more, admin in ((roles, False), (admin_roles, True)):
        client = bridge.connect(headers=bearer(provider.token(**who, **more)))
        assert client.hello["user"] == name
        assert client.ask({"type": "get_stats"})["data"]["connection"]["admin"] is admin
    strangers = [Provider(title).token(**who)]
    if "auth.issuer" in flat(tomllib.loads(PROVIDERS[title])):
        strangers.append(provider.token(**who, iss="https://elsewhere.example.org"))
    if flat(tomllib.loads(PROVIDERS[title])).get("auth.audience", "*") != "*":
        strangers.append(provider.token(**who, aud="somebody-else"))
    for token in strangers:
        assert bridge.connect(headers=bearer(token), greeted=False).wait_closed()[0] == 4401


def test_a_scope_is_a_role_of_fastapi(make_bridge, tmp_path):
    provider = Provider("FastAPI")
    bridge = make_bridge(provider.settings(PROVIDERS["FastAPI"], tmp_path))
    event = {"topic": "a", "message": 1}
    for scope, status in (("me events:publish", 200), ("me events", 403)):
        token = provider.token(sub="ada", scope=scope)
        assert bridge.http("POST", "/api/ws/publish", event, bearer(token)).status == status
