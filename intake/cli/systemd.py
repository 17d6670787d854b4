"""``systemd``: unit files for this installation, hardened as far as the work allows."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from intake.cli.common import DONE, Invocation, options, print_json

if TYPE_CHECKING:
    from intake.config import Config

HOMES = ("/home/", "/root/", "/run/user/")
STATE = Path("/var/lib")
CREDENTIALS = ("password_credential", "client_secret_credential", "key_credential")

# What the program does not need, and why three usual lines are missing: ProcSubset=pid hides the boot's id, by which
# a pass knows that another has died; IPAddressDeny= and PrivateNetwork= would keep it from the mail servers.
HARDENING = """\
UMask=0077
CapabilityBoundingSet=
AmbientCapabilities=
NoNewPrivileges=yes
ProtectSystem=strict
PrivateTmp=yes
PrivateMounts=yes
PrivateDevices=yes
PrivateUsers=yes
DevicePolicy=closed
ProtectProc=invisible
ProtectClock=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectControlGroups=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX
SocketBindDeny=any
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
RemoveIPC=yes
KeyringMode=private
LockPersonality=yes
MemoryDenyWriteExecute=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources
SystemCallErrorNumber=EPERM
"""


@dataclass(frozen=True, slots=True)
class Installation:
    """What the units name: the interpreter, the configuration, and where the service writes."""

    interpreter: Path
    config: Config
    user: str

    def command(self, *words: str) -> str:
        """ExecStart."""
        parts = (str(self.interpreter), "-P", "-m", "intake", *words, "--config", str(self.config.path.absolute()))
        return " ".join(quoted(part).replace("$", "$$") for part in parts)  # Exec lines know variables

    def directories(self) -> list[Path]:
        """Where it writes: ledger and key, and the figures if they are configured."""
        files = [self.config.ledger.file, self.config.ledger.key_file, self.config.metrics.textfile]
        return list(dict.fromkeys(file.absolute().parent for file in files if file is not None))

    def state(self) -> list[str]:
        """StateDirectory for what lies below /var/lib, ReadWritePaths for the rest.

        Not for the folder of the figures: systemd would take that away from whoever reads them.
        """
        files = (self.config.ledger.file, self.config.ledger.key_file)
        own = {file.absolute().parent for file in files if file is not None}
        lines: list[str] = []
        for directory in self.directories():
            if directory in own and directory.is_relative_to(STATE) and directory != STATE:
                lines += [f"StateDirectory={quoted(str(directory.relative_to(STATE)))}", "StateDirectoryMode=0700"]
            else:
                lines.append(f"ReadWritePaths={quoted(str(directory))}")
        return lines

    def homes(self) -> str:
        """Homes stay out of reach unless the installation is in one."""
        named = [self.interpreter, Path(sys.prefix), self.config.path.absolute(), *self.directories()]
        inside = any(str(path).startswith(HOMES) for path in named)
        return "ProtectHome=read-only" if inside else "ProtectHome=yes"

    def listens(self) -> str:
        """The one port that may be bound, if figures are served."""
        port = self.config.metrics.listen.rpartition(":")[2]
        return f"SocketBindAllow=tcp:{port}\n" if port else ""

    def credentials(self) -> list[str]:
        """LoadCredential for each one that the configuration names; the files lie beside it, readable by root only."""
        folder = self.config.path.absolute().parent
        sections = (*self.config.mailboxes, self.config.smtp, self.config.ledger)
        names = (getattr(section, key, "") for section in sections for key in CREDENTIALS)
        # What follows the colon is taken as it is, blanks and all.
        return [f"LoadCredential={name}:{_plain(str(folder / name))}" for name in dict.fromkeys(names) if name]


@click.command()
@click.option(
    "--user", default="", help="Whom the service runs as; default: the owner of the configuration, or intake."
)
@options
def systemd(invocation: Invocation, user: str) -> int:
    """Print unit files: intake.service; or intake-once.service with intake-once.timer. Install one or the other.

    Each stands under a comment line with its file name.
    """
    config = invocation.config()
    made = units(Installation(Path(sys.executable), config, user or _owner(config.path)))
    if invocation.json:
        print_json(made)
    else:
        click.echo("\n".join(f"# {name}\n{text}" for name, text in made.items()), nl=False)
    return DONE


def units(here: Installation) -> dict[str, str]:
    """The text of each unit by its file name."""
    common = [f"User={here.user}", *here.state(), *here.credentials(), here.homes()]
    shared = "\n".join(common) + "\n" + HARDENING
    service = f"""\
[Unit]
Description=Intake, the program behind {_plain(here.config.community.address)}
Wants=network-online.target
After=network-online.target
StartLimitIntervalSec=0

[Service]
Type=notify
NotifyAccess=main
ExecStart={here.command("run")}
ExecReload=/bin/kill -HUP $MAINPID
WatchdogSec=120
Restart=on-failure
RestartSec=10
RestartPreventExitStatus=2 78
TimeoutStopSec=10
{here.listens()}{shared}
[Install]
WantedBy=multi-user.target
"""
    once = f"""\
[Unit]
Description=One pass of Intake, the program behind {_plain(here.config.community.address)}
Wants=network-online.target
After=network-online.target

[Service]
Type=oneshot
ExecStart={here.command("once")}
# What a pass counts tells how many got a report: the journal gets what goes wrong, and nothing else.
StandardOutput=null
# 75: something is left that the next pass tries again.
SuccessExitStatus=75
TimeoutStartSec=30min
{shared}"""
    timer = """\
[Unit]
Description=A pass of Intake each minute

[Timer]
OnCalendar=minutely
AccuracySec=1s
Persistent=true

[Install]
WantedBy=timers.target
"""
    return {"intake.service": service, "intake-once.service": once, "intake-once.timer": timer}


def quoted(word: str) -> str:
    """A word as systemd reads it: % is its own, quotes hold blanks together (systemd.syntax(7))."""
    word = word.replace("\\", "\\\\").replace("%", "%%")
    return '"' + word.replace('"', '\\"') + '"' if any(c in word for c in " \t\"'\\;#") else word


def _plain(text: str) -> str:
    return text.replace("%", "%%").rstrip("\\")


def _owner(path: Path) -> str:
    """The owner of the configuration, unless that is root: the service has no need of root."""
    try:
        owner = path.owner()
    except (KeyError, OSError):
        return "intake"
    return "intake" if owner == "root" else owner
