"""Where secrets come from: a file, an environment variable, a systemd credential, or a command that prints a token.

A secret is read when it is needed and lives in a value that never shows itself. No message here holds one.
"""

from __future__ import annotations

import importlib.util
import os
import shlex
import signal
import stat
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from intake.errors import ConfigError, IntakeError

if TYPE_CHECKING:
    from intake.config import Config, MailboxConfig, SmtpConfig

    class Section(Protocol):
        """A table of the configuration, as errors name it."""

        def place(self, key: str = "") -> str:
            """``file:line``."""

        def label(self, key: str = "") -> str:
            """``table.key``."""

    class Login(Section, Protocol):
        """What a ``[[mailbox]]`` or ``[smtp]`` says about logging in."""

        @property
        def auth(self) -> str:
            """How to log in, such as ``password``."""

        @property
        def password_file(self) -> Path | None:
            """A file that holds the password."""

        @property
        def password_env(self) -> str:
            """Or a variable."""

        @property
        def password_credential(self) -> str:
            """Or a credential of systemd."""

        @property
        def token_command(self) -> str:
            """A command that prints a token."""

    class App(Section, Protocol):
        """What a login says about the application that asks for its tokens."""

        @property
        def client_secret_file(self) -> Path | None:
            """A file that holds its secret."""

        @property
        def client_secret_env(self) -> str:
            """Or a variable."""

        @property
        def client_secret_credential(self) -> str:
            """Or a credential of systemd."""

    class Keyed(Section, Protocol):
        """What ``[ledger]`` says about its key."""

        @property
        def key_env(self) -> str:
            """A variable that holds it."""

        @property
        def key_credential(self) -> str:
            """Or a credential of systemd; both empty with a file."""


TOKEN_SECONDS = 30.0
_LONGEST = 64 << 10  # bytes; no password or token is longer
# Ways to log in that need an extra: the extra, and modules that only it brings.
EXTRAS = {"microsoft": ("microsoft", ("msal",)), "google": ("google", ("google.oauth2", "requests"))}


class CredentialError(IntakeError):
    """A secret can't be had right now; trying again may help."""


@dataclass(frozen=True, slots=True)
class Password:
    """A password: ``text`` is never shown by ``repr``."""

    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Token:
    """An OAuth2 access token (RFC 6750): ``text`` is never shown by ``repr``.

    ``renew`` is there when the token has been used before, so that the server may know better than we whether it
    still holds: it gives one that was issued just now, or raises what ``credential`` raises.
    """

    text: str = field(repr=False)
    renew: Callable[[], Token] | None = field(default=None, repr=False, compare=False)


def credential(settings: Login, directory: Path, environ: Mapping[str, str]) -> Password | Token | None:
    """What to log in with; None where there is no log-in. A token is fetched anew at each call.

    Raises ConfigError when it is not there or not fit, CredentialError when ``token_command`` fails.
    """
    demand_available(settings)
    if settings.auth == "password":
        return password(settings, directory, environ)
    return token(settings, directory, environ) if settings.auth == "token" else None


def demand_available(settings: Login) -> None:
    """Raises ConfigError for a way to log in whose extra is not installed."""
    extra, modules = EXTRAS.get(settings.auth, ("", ()))
    if not all(_is_there(module) for module in modules):
        what = f'"{settings.auth}" needs a library that is not installed'
        raise _error(settings, "auth", what, f'run: pip install "conduct-intake[{extra}]"')


def _is_there(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:  # a package above it is missing
        return False


def password(settings: Login, directory: Path, environ: Mapping[str, str]) -> Password:
    """The password of a mailbox or of the way out. Raises ConfigError with ``file:line``."""
    for key, secret in (
        ("password_file", settings.password_file),
        ("password_env", settings.password_env),
        ("password_credential", settings.password_credential),
    ):
        if secret:
            return Password(_read(settings, key, secret, directory, environ))
    raise _error(settings, "", "there is no password", "name a password_file")


def client_secret(settings: App, directory: Path, environ: Mapping[str, str]) -> str | None:
    """The secret of the application; None where a certificate takes its place. Raises ConfigError."""
    for key, secret in (
        ("client_secret_file", settings.client_secret_file),
        ("client_secret_env", settings.client_secret_env),
        ("client_secret_credential", settings.client_secret_credential),
    ):
        if secret:
            return _read(settings, key, secret, directory, environ)
    return None


def secret_file(settings: Section, key: str, path: Path) -> str:
    """What a secret file of several lines holds: a certificate with its key, a service account. Raises ConfigError."""
    return _from_file(settings, key, path, private=True)


def key_text(settings: Keyed, environ: Mapping[str, str]) -> str | None:
    """The ledger's key as text from ``key_env`` or ``key_credential``; None when it is in ``key_file``."""
    for key, name in (("key_env", settings.key_env), ("key_credential", settings.key_credential)):
        if name:
            return _read(settings, key, name, Path(), environ)
    return None


def token(settings: Login, directory: Path, environ: Mapping[str, str], *, seconds: float = TOKEN_SECONDS) -> Token:
    """What ``token_command`` prints; it runs without a shell, in ``directory``, for ``seconds`` at most.

    Raises ConfigError when it can't be started, CredentialError when it fails or prints no token.
    """
    words = shlex.split(settings.token_command)
    if not words:
        raise _error(settings, "", "there is no token_command", "name a command that prints a token")
    try:
        process = subprocess.Popen(  # noqa: S603 - the operator's own command, split without a shell
            words,
            cwd=directory,
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    except OSError as error:
        raise _error(
            settings, "token_command", f"can't be started ({error.strerror})", "give the command's full path"
        ) from None
    with process:
        try:
            printed, _ = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            _end(process)
            raise CredentialError(f"{_place(settings)} did not answer within {seconds:g} s; run it by hand") from None
    if process.returncode != 0:
        raise CredentialError(f"{_place(settings)} ended with status {process.returncode}; run it by hand")
    return _token(settings, printed)


def problems(config: Config, environ: Mapping[str, str]) -> list[str]:
    """Every secret that can't be had, one line each; no command is run."""
    found: list[str] = []
    logins: tuple[MailboxConfig | SmtpConfig, ...] = (*config.mailboxes, config.smtp)
    for login in logins:
        try:
            demand_available(login)
            if login.auth == "password":
                password(login, config.directory, environ)
            elif login.auth == "microsoft":
                client_secret(login, config.directory, environ)
                if login.certificate_file:
                    secret_file(login, "certificate_file", login.certificate_file)
            elif login.auth == "google" and login.service_account_file:
                secret_file(login, "service_account_file", login.service_account_file)
        except ConfigError as error:
            found.extend(error.problems)
    try:
        key_text(config.ledger, environ)
    except ConfigError as error:
        found.extend(error.problems)
    return found


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the command and whatever it has started: a child that keeps the pipe open would hold us up for ever."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return


def _token(settings: Login, printed: bytes) -> Token:
    try:
        text = printed.decode("ascii").strip()
    except UnicodeDecodeError:
        text = ""
    if not text or len(text) > _LONGEST or not text.isprintable() or " " in text:
        raise CredentialError(f"{_place(settings)} printed no token; it must print the token and nothing else")
    return Token(text)


def _read(settings: Section, key: str, source: Path | str, directory: Path, environ: Mapping[str, str]) -> str:
    """A secret from one source, without its last line end."""
    if isinstance(source, Path):
        text = _from_file(settings, key, directory / source, private=True)
    elif key.endswith("_env"):
        if source not in environ:
            raise _error(settings, key, f"${source} is not set", "set it for this program")
        text = environ[source]
    else:
        folder = environ.get("CREDENTIALS_DIRECTORY")
        if not folder:
            raise _error(settings, key, "there are no systemd credentials", f"add LoadCredential={source}: to the unit")
        if "/" in source or source in {".", ".."}:
            raise _error(settings, key, "is no credential's name", "write the name that LoadCredential= gives")
        text = _from_file(settings, key, Path(folder) / source, private=False)
    text = text.removesuffix("\n").removesuffix("\r")
    if not text:
        raise _error(settings, key, "holds nothing", "write the secret there")
    if any(character in text for character in "\0\r\n"):
        raise _error(settings, key, "holds more than one line", "write the secret alone, on one line")
    return text


def _from_file(settings: Section, key: str, path: Path, *, private: bool) -> str:
    """What a file holds, judged by the opened file itself, so that nothing can be put in its place meanwhile.

    systemd guards its credentials in its own ways; their mode bits don't tell.
    """
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | getattr(os, "O_NONBLOCK", 0))
    except OSError as error:
        raise _error(settings, key, f"can't read {path} ({error.strerror})", "make it, with rights 0600") from None
    try:
        mode = os.fstat(handle).st_mode
        if not stat.S_ISREG(mode):
            raise _error(settings, key, f"{path} is no file", "name the file that holds the secret")
        if private and os.name == "posix" and mode & 0o077:
            raise _error(settings, key, f"others can read {path}", f"run: chmod 600 {path}")
        content = os.read(handle, _LONGEST + 1)
    finally:
        os.close(handle)
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        text = ""
    if not text or len(content) > _LONGEST:
        raise _error(settings, key, f"{path} holds no secret", "write it there as text, on one line")
    return text


def _error(settings: Section, key: str, what: str, remedy: str) -> ConfigError:
    place = settings.place(key)
    return ConfigError([f"{place}: {settings.label(key)}: {what}; {remedy}"])


def _place(settings: Section) -> str:
    return f"{settings.place('token_command')}: {settings.label('token_command')}"
