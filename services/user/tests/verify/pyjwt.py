#!/usr/bin/env python3
"""Verifies an access token with PyJWT, an implementation that is not ours, and shows that forged ones are refused.

    pip install 'pyjwt[crypto]'
    python3 services/user/tests/verify/pyjwt.py http://localhost:8080 ada@example.org 'her password'

Optional: nothing in the build runs it.
"""

import base64
import json
import sys
import urllib.request

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

base, email, password = sys.argv[1:4]
request = urllib.request.Request(
    f"{base}/api/user/v1/sessions",
    data=json.dumps({"email": email, "password": password}).encode(),
    headers={"Content-Type": "application/json"},
)
token = json.load(urllib.request.urlopen(request))["access_token"]
client = jwt.PyJWKClient(f"{base}/.well-known/jwks.json")


def verify(token, **options):
    key = client.get_signing_key_from_jwt(token)
    arguments = {"algorithms": ["EdDSA"], "issuer": "rollcall", "audience": "rollcall"} | options
    return jwt.decode(token, key.key, options={"require": ["exp", "iat", "sub", "sid", "jti"]}, **arguments)


claims = verify(token)
print("verified:", {name: claims[name] for name in ("iss", "aud", "sub", "sid", "exp")})

header = jwt.get_unverified_header(token)
parts = token.split(".")
stranger = Ed25519PrivateKey.generate()


def encode(value):
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


forged = {
    "alg none": f"{encode(header | {'alg': 'none'})}.{parts[1]}.",
    "another key": jwt.encode(claims, stranger, algorithm="EdDSA", headers={"kid": header["kid"]}),
    "unknown kid": jwt.encode(claims, stranger, algorithm="EdDSA", headers={"kid": "elsewhere"}),
    "tampered payload": f"{parts[0]}.{encode(claims | {'sub': 'somebody-else'})}.{parts[2]}",
}
failed = 0
for name, bad in forged.items():
    try:
        verify(bad)
    except jwt.PyJWTError as error:
        theirs = type(error).__name__
    else:
        theirs, failed = "TAKEN", failed + 1
    request = urllib.request.Request(f"{base}/api/user/v1/users/me", headers={"Authorization": f"Bearer {bad}"})
    try:
        ours = urllib.request.urlopen(request).status
    except urllib.error.HTTPError as error:
        ours = error.code
    failed += ours != 401
    print(f"{name}: PyJWT {theirs}, Rollcall {ours}")
for name, options in {"another audience": {"audience": "bank"}, "another issuer": {"issuer": "bank"}}.items():
    try:
        verify(token, **options)
    except jwt.PyJWTError as error:
        print(f"{name}: PyJWT {type(error).__name__}")
    else:
        print(f"{name}: TAKEN")
        failed += 1
sys.exit(1 if failed else 0)
