"""Signing key of the simulated provider: made once, stored in a file that only its owner can read.

`python -m synclogs.demo.keypair FILE` makes it without Django. A real project's key comes from the provider.
"""

import os
import secrets
import sys
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

BITS = 2048


def new_key() -> bytes:
    key = rsa.generate_private_key(public_exponent=65537, key_size=BITS)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def ensure_key(path: Path) -> Path:
    """`path`, which holds a key afterwards: the one that was there, or a new one."""
    if not path.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Another start may do the same at once; the first complete file stays.
        making = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
        with os.fdopen(os.open(making, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(new_key())
        try:
            os.link(making, path)
        except FileExistsError:
            pass
        finally:
            making.unlink()
    return path


if __name__ == "__main__":
    ensure_key(Path(sys.argv[1]))
