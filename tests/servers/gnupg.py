"""GnuPG with a home of its own, as the other side of what is encrypted."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class Gnupg:
    """Makes keys and decrypts with them."""

    def __init__(self, home: Path) -> None:
        self.home = home

    def run(self, *words: str, stdin: bytes = b"") -> bytes:
        command = ["gpg", "--homedir", str(self.home), "--batch", "--quiet", "--pinentry-mode", "loopback"]
        done = subprocess.run([*command, "--passphrase", "", *words], input=stdin, capture_output=True, check=True)
        return done.stdout

    def key(self, email: str, *subkeys: str, expires: str = "2y", at: str = "") -> None:
        """A key that signs, with subkeys such as ``cv25519 encr 1y``."""
        # Frozen by its "!": else a slow first command makes a key that is younger than the second one's time.
        when = ("--faked-system-time", f"{at}!") if at else ()
        self.run(*when, "--quick-generate-key", email, "ed25519", "sign", expires)
        listed = self.run("--with-colons", "--list-keys", email).decode()
        self.fingerprint = next(line.split(":")[9] for line in listed.splitlines() if line.startswith("fpr"))
        for subkey in subkeys:
            self.run(*when, "--quick-add-key", self.fingerprint, *subkey.split())

    def revoke(self) -> None:
        """Revoke the key that was made last."""
        text = (self.home / "openpgp-revocs.d" / f"{self.fingerprint}.rev").read_text()
        self.run("--import", stdin=text.replace("\n:---", "\n---").encode())

    def export(self, email: str, path: Path, *, secret: bool = False) -> Path:
        path.write_bytes(self.run("--armor", "--export-secret-keys" if secret else "--export", email))
        return path

    def decrypt(self, content: bytes) -> bytes:
        return self.run("--decrypt", stdin=content)


@contextmanager
def gnupg() -> Iterator[Gnupg]:
    """A fresh home. Its path is short: the agent's socket stands in it."""
    home = Path(tempfile.mkdtemp(prefix="gpg"))
    try:
        yield Gnupg(home)
    finally:
        subprocess.run(["gpgconf", "--homedir", str(home), "--kill", "all"], check=False, capture_output=True)
        shutil.rmtree(home, ignore_errors=True)
