"""Certificates, keys and tokens for tests: what an authority and an identity provider make."""

import base64
import json
import os
import shutil
import subprocess
import tempfile
import time

import grpc
import jwt
from jwt.algorithms import ECAlgorithm, RSAAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa

EC = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
LOCAL = "DNS:localhost,IP:127.0.0.1"


class Folder:
    """Files of one test."""

    def __init__(self):
        self.folder = tempfile.mkdtemp()

    def remove(self):
        shutil.rmtree(self.folder)

    def path(self, name):
        return os.path.join(self.folder, name)

    def read(self, name):
        with open(self.path(name), "rb") as file:
            return file.read()

    def put(self, name, data, mode=0o600):
        """Replaces a file at once, as one should."""
        with open(self.path(name + ".new"), "wb") as file:
            file.write(data)
        os.chmod(self.path(name + ".new"), mode)
        os.rename(self.path(name + ".new"), self.path(name))

    def openssl(self, *arguments):
        subprocess.run(["openssl", *arguments], cwd=self.folder, check=True, capture_output=True)

    def make_authority(self, name):
        self.openssl("req", "-x509", *EC, "-keyout", f"{name}.key", "-out", f"{name}.crt",
                     "-subj", f"/CN={name}", "-days", "2")

    def make_pair(self, name, authority, days=2, names=LOCAL, common_name=None):
        """A key and a certificate, with these alternative names, or "" for none."""
        self.openssl("req", *EC, "-keyout", f"{name}.key", "-out", f"{name}.csr",
                     "-subj", f"/CN={common_name or name}")
        with open(self.path("names"), "w") as file:
            file.write(f"subjectAltName={names}\n" if names else "\n")
        self.openssl("x509", "-req", "-in", f"{name}.csr", "-CA", f"{authority}.crt",
                     "-CAkey", f"{authority}.key", "-CAcreateserial", "-out", f"{name}.crt",
                     "-days", str(days), "-extfile", "names")

    def channel(self, address, authority, name=None):
        """A channel that trusts an authority, with the certificate of this pair, or without. It
        shares its connection with no other."""
        pair = (self.read(f"{name}.key"), self.read(f"{name}.crt")) if name else (None, None)
        return grpc.secure_channel(
            address, grpc.ssl_channel_credentials(self.read(f"{authority}.crt"), *pair),
            [("grpc.use_local_subchannel_pool", 1)])


class Issuer:
    """An identity provider: its keys, and tokens signed by them."""

    ISSUER = "https://issuer.example"
    AUDIENCE = "profile-context"

    def __init__(self):
        self.keys = {}

    def add(self, kid, algorithm="ES256"):
        self.keys[kid] = (algorithm, ec.generate_private_key(ec.SECP256R1())
                          if algorithm == "ES256"
                          else rsa.generate_private_key(public_exponent=65537, key_size=2048))

    def public_jwk(self, kid):
        algorithm, key = self.keys[kid]
        makers = {"ES256": ECAlgorithm, "RS256": RSAAlgorithm}
        if algorithm == "ES256":
            numbers = key.public_key().public_numbers()
            jwk = {"kty": "EC", "crv": "P-256",
                   "x": base64url(numbers.x.to_bytes(32, "big")),
                   "y": base64url(numbers.y.to_bytes(32, "big"))}
        else:
            jwk = json.loads(makers[algorithm].to_jwk(key.public_key()))
        return {**jwk, "kid": kid, "use": "sig", "alg": algorithm}

    def jwks(self, *kids):
        return json.dumps({"keys": [self.public_jwk(kid) for kid in kids or self.keys]}).encode()

    def claims(self, **changes):
        now = int(time.time())
        claims = {"iss": self.ISSUER, "aud": self.AUDIENCE, "sub": "crm", "iat": now,
                  "exp": now + 600, **changes}
        return {name: value for name, value in claims.items() if value is not None}

    def token(self, kid, headers=None, **changes):
        """A signed token; a claim of None is left out."""
        algorithm, key = self.keys[kid]
        return jwt.encode(self.claims(**changes), key, algorithm,
                          headers={"kid": kid, **(headers or {})})


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unsigned_token(header, claims):
    return ".".join([base64url(json.dumps(header).encode()),
                     base64url(json.dumps(claims).encode()), ""])
