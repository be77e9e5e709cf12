"""User tokens for the provider: RS256 JWTs for one connected user, valid for some minutes.

The signing key can speak for every customer, so it stays out of reprs, logs, errors and the database; it is read again for each
token, so that a changed file takes effect at once.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path

import jwt
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from synclogs.provider.errors import Permanent

LIFETIME = timedelta(minutes=4)
EARLIER = timedelta(seconds=30)  # our clock may run ahead of theirs; what is valid later is refused
SMALLEST_KEY = 2048


class Unusable(Exception):
    """A secret that cannot be used; the text is a sentence that names its setting and holds nothing of it."""


@dataclass(frozen=True, slots=True)
class Secret:
    """A secret by value or in a file; the value wins. `setting` is the name of the first in the environment."""

    setting: str
    value: str = field(default="", repr=False)
    file: str = ""

    def __bool__(self) -> bool:
        return bool(self.value or self.file)

    def read(self) -> str:
        """Raises Unusable."""
        if self.value:
            return self.value.strip()
        if not self.file:
            raise Unusable(f"{self.setting} or {self.setting}_FILE is not set.")
        try:
            return Path(self.file).read_text().strip()
        except (OSError, ValueError) as error:
            words = getattr(error, "strerror", None) or "not a text"
        raise Unusable(f"The file of {self.setting}_FILE cannot be read: {words}.")


@lru_cache(maxsize=16)
def _loaded(pem: bytes) -> object:
    """The key of that text, if it is one. Cached, because the check of an RSA key takes longer than all the rest of a token."""
    try:
        return load_pem_private_key(pem, None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return None


def signing_key(secret: Secret) -> RSAPrivateKey:
    """The key itself. Raises Unusable."""
    # One line with \n in the place of line ends is how a PEM text usually gets into an environment variable.
    pem = secret.read().replace("\\n", "\n").encode()
    key = _loaded(pem)
    if not isinstance(key, RSAPrivateKey) or key.key_size < SMALLEST_KEY:
        raise Unusable(
            f"{secret.setting} holds no RSA private key in PEM form, unencrypted, of at least {SMALLEST_KEY} bits."
        )
    return key


@dataclass(frozen=True, slots=True)
class Signer:
    secret: Secret
    audience: str

    def token(self, user: str, *, now: datetime) -> str:
        """A token that speaks for `user`. Raises Permanent when the key cannot be used."""
        begin = now - EARLIER
        claims = {"sub": user, "aud": self.audience, "iat": begin, "exp": begin + LIFETIME}
        try:
            return jwt.encode(claims, signing_key(self.secret), algorithm="RS256")
        except Unusable as error:
            raise Permanent(f"No token can be made: {error}") from None
