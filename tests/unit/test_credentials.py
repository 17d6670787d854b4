"""Secrets: where they come from, what is refused, and that none is ever shown."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest

from intake import credentials
from intake.config import Config, loads
from intake.credentials import CredentialError, Password, Token
from intake.errors import ConfigError

TEXT = """
[community]
name = "Test Group"
address = "help@test.example"
[[mailbox]]
name = "help"
host = "imap.test.example"
user = "help"
LOGIN
[smtp]
host = "127.0.0.1"
security = "none"
auth = "none"
[[organizer]]
name = "Ann"
email = "ann@test.example"
"""
CANARY = "canary-7f3a"


def config(folder: Path, login: str) -> Config:
    return loads(TEXT.replace("LOGIN", login), folder / "config.toml")


def ask(folder: Path, login: str, environ: dict[str, str] | None = None) -> Password | Token | None:
    loaded = config(folder, login)
    return credentials.credential(loaded.mailboxes[0], folder, environ or {})


def secret(folder: Path, content: bytes, mode: int = 0o600) -> Path:
    path = folder / "secret"
    path.write_bytes(content)
    path.chmod(mode)
    return path


def problem(folder: Path, login: str, environ: dict[str, str] | None = None) -> str:
    with pytest.raises(ConfigError) as caught:
        ask(folder, login, environ)
    (line,) = caught.value.problems
    assert CANARY not in line
    assert line.isprintable()
    assert line.startswith(f"{folder}/config.toml:9: mailbox[1].")
    return line.partition("].")[2]


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"pass word", "pass word"),
        (b"p\n", "p"),
        (b"p\r\n", "p"),
        (b" p ", " p "),
        ("pässwörd\n".encode(), "pässwörd"),
        (b"#=\"'\\\n", "#=\"'\\"),
    ],
)
def test_a_file_gives_its_line(tmp_path: Path, content: bytes, text: str) -> None:
    secret(tmp_path, content)
    assert ask(tmp_path, 'password_file = "secret"') == Password(text)


def test_environment_and_systemd(tmp_path: Path) -> None:
    secret(tmp_path, b"from systemd\n", 0o440)  # systemd guards by access lists, which show as group rights
    environ = {"IMAP": "from outside", "CREDENTIALS_DIRECTORY": str(tmp_path)}
    assert ask(tmp_path, 'password_env = "IMAP"', environ) == Password("from outside")
    assert ask(tmp_path, 'password_credential = "secret"', environ) == Password("from systemd")


@pytest.mark.parametrize("content", [b"", b"\n", b"two\nlines\n", b"end\n\n", b"nul\0", b"\xff\xfe", b"x" * 70_000])
def test_what_is_no_password(tmp_path: Path, content: bytes) -> None:
    secret(tmp_path, content)
    assert problem(tmp_path, 'password_file = "secret"').startswith("password_file: ")


def test_what_can_t_be_had_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe", 0o600)
    gone = problem(tmp_path, 'password_file = "gone"')
    assert gone == f"password_file: can't read {tmp_path}/gone (No such file or directory); make it, with rights 0600"
    assert problem(tmp_path, 'password_env = "X"') == "password_env: $X is not set; set it for this program"
    assert "LoadCredential=x:" in problem(tmp_path, 'password_credential = "x"')
    environ = {"CREDENTIALS_DIRECTORY": str(tmp_path)}
    assert "no credential's name" in problem(tmp_path, 'password_credential = "../x"', environ)
    for name in ("folder", "pipe"):
        loaded = config(tmp_path, 'password_env = "X"')
        other = loaded.mailboxes[0].model_copy(update={"password_env": "", "password_file": tmp_path / name})
        with pytest.raises(ConfigError, match="is no file"):
            credentials.password(other, tmp_path, {})


def test_rights_are_looked_at_when_it_is_read(tmp_path: Path) -> None:
    path = secret(tmp_path, CANARY.encode())
    loaded = config(tmp_path, 'password_file = "secret"')
    path.chmod(0o640)
    with pytest.raises(ConfigError, match=f"others can read {path}; run: chmod 600 {path}"):
        credentials.credential(loaded.mailboxes[0], tmp_path, {})


def command(code: str) -> str:
    return f"auth = \"token\"\ntoken_command = '''{sys.executable} -c \"{code}\"'''"


def test_a_command_prints_a_token_without_a_shell(tmp_path: Path) -> None:
    login = command("import os, sys; print('ya29.' + os.path.basename(os.getcwd()) + sys.argv[1])") + "\n"
    login = login.replace("\"'''", "\" $HOME;'''")
    assert ask(tmp_path, login, dict(os.environ)) == Token(f"ya29.{tmp_path.name}$HOME;")


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (f"import sys; print('{CANARY}'); sys.exit(3)", "ended with status 3"),
        (f"import sys; sys.stderr.write('{CANARY}')", "printed no token"),
        (f"print('{CANARY} two words')", "printed no token"),
        ("print('x' * 99999)", "printed no token"),
    ],
)
def test_a_command_that_fails_is_tried_again_later(tmp_path: Path, code: str, said: str) -> None:
    with pytest.raises(CredentialError, match=said) as caught:
        ask(tmp_path, command(code), dict(os.environ))
    assert CANARY not in str(caught.value)


def test_a_command_that_hangs_is_ended_with_its_children(tmp_path: Path) -> None:
    hangs = "import subprocess, sys, time; subprocess.run([sys.executable, '-c', 'import time; time.sleep(60)'])"
    loaded = config(tmp_path, command(hangs))
    started = time.monotonic()
    with pytest.raises(CredentialError, match=r"within 0\.5 s"):
        credentials.token(loaded.mailboxes[0], tmp_path, dict(os.environ), seconds=0.5)
    assert time.monotonic() - started < 20


def test_a_command_that_is_not_there(tmp_path: Path) -> None:
    loaded = config(tmp_path, 'auth = "token"\ntoken_command = "/no/such/program"')
    with pytest.raises(ConfigError, match=r"config\.toml:10: .*can't be started \(No such file or directory\)"):
        credentials.credential(loaded.mailboxes[0], tmp_path, {})


def test_a_library_that_is_missing_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(credentials, "EXTRAS", {"microsoft": ("microsoft", ("no_such_library.at_all",))})
    login = 'auth = "microsoft"\ntenant = "t"\nclient_id = "c"\nclient_secret_env = "S"'
    loaded = config(tmp_path, login)
    with pytest.raises(ConfigError, match=r'pip install "conduct-intake\[microsoft\]"'):
        credentials.demand_available(loaded.mailboxes[0])
    assert len(credentials.problems(loaded, {"S": "secret"})) == 1


def test_a_missing_client_secret_is_a_problem(tmp_path: Path) -> None:
    loaded = config(tmp_path, 'auth = "microsoft"\ntenant = "t"\nclient_id = "c"\nclient_secret_env = "S"')
    (line,) = credentials.problems(loaded, {})
    assert "client_secret_env: $S is not set" in line
    assert credentials.problems(loaded, {"S": "x"}) == []


def test_no_log_in_needs_no_secret(tmp_path: Path) -> None:
    loaded = config(tmp_path, 'password_env = "X"')
    assert credentials.credential(loaded.smtp, tmp_path, {}) is None


def test_all_problems_at_once(tmp_path: Path) -> None:
    loaded = config(tmp_path, 'password_env = "X"\n[ledger]\nkey_env = "KEY"')
    assert [line.partition(": ")[2] for line in credentials.problems(loaded, {})] == [
        "mailbox[1].password_env: $X is not set; set it for this program",
        "ledger.key_env: $KEY is not set; set it for this program",
    ]
    assert credentials.key_text(loaded.ledger, {"KEY": "abc\n"}) == "abc"


def test_no_repr_shows_a_secret() -> None:
    assert CANARY not in repr((Password(CANARY), Token(CANARY), str(Password(CANARY))))
