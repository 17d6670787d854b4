"""Machines of their own on one machine: a network, a host name and processes each, and cables that can be cut.

Everything is inside a network and a mount namespace of this process, so the machine itself is left as it was. Needs
root, ``ip`` and ``iptables``.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

PRIVATE = "INTAKE_PRIVATE_NETWORK"
# Whoever sees a process that holds something knows at once whether it still lives; on another machine nobody sees it.
APART = ("unshare", "--uts", "--pid", "--fork", "--kill-child", "--mount-proc")


def alone() -> None:
    """Begin again in a network of one's own, unless that has been done."""
    if os.environ.get(PRIVATE):
        _run("mount", "--make-rprivate", "/")
        Path("/run/netns").mkdir(exist_ok=True)
        _run("mount", "-t", "tmpfs", "none", "/run/netns")  # else their names would stay behind
        _run("ip", "link", "set", "lo", "up")
        return
    if os.geteuid() != 0:
        sys.exit("network namespaces need root")
    command = ["unshare", "--net", "--mount", sys.executable, *sys.argv]
    os.execvpe("unshare", command, {**os.environ, PRIVATE: "1"})  # noqa: S606, S607 - of util-linux, wherever it is


def _run(*words: str) -> str:
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout


def service_address(number: int) -> str:
    """A new address of the servers' side."""
    address = f"10.99.0.{number}"
    _run("ip", "address", "add", f"{address}/32", "dev", "lo")
    return address


@dataclass
class Host:
    """One machine, by its number from 1."""

    number: int
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def __post_init__(self) -> None:
        name, outside, inside = self.name, f"out{self.number}", f"in{self.number}"
        _run("ip", "netns", "add", name)
        _run("ip", "link", "add", outside, "type", "veth", "peer", "name", inside)
        _run("ip", "link", "set", inside, "netns", name)
        _run("ip", "address", "add", f"10.99.{self.number}.1/30", "dev", outside)
        _run("ip", "link", "set", outside, "up")
        _run("ip", "-n", name, "address", "add", f"{self.address}/30", "dev", inside)
        for link in (inside, "lo"):
            _run("ip", "-n", name, "link", "set", link, "up")
        _run("ip", "-n", name, "route", "add", "default", "via", f"10.99.{self.number}.1")

    @property
    def name(self) -> str:
        """Of its namespace, and of the machine."""
        return f"machine{self.number}"

    @property
    def address(self) -> str:
        """Its own."""
        return f"10.99.{self.number}.2"

    def start(self, command: Sequence[str], environment: Mapping[str, str], log: str) -> subprocess.Popen[bytes]:
        """A process on it."""
        script = f'hostname {self.name}; exec "$@"'
        with open(log, "ab") as said:  # noqa: PTH123 - as it stands
            process = subprocess.Popen(
                ["ip", "netns", "exec", self.name, *APART, "sh", "-c", script, "sh", *command],  # noqa: S607 - as above
                env=environment, stdout=said, stderr=said,
            )  # fmt: skip
        self.processes.append(process)
        return process

    def signal(self, what: signal.Signals) -> None:
        """To what was started last, which is the only child of what made its namespaces."""
        parent = self.processes[-1].pid
        (child,) = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
        os.kill(int(child), what)

    def _filter(self, how: str, *addresses: str) -> None:
        for address in addresses:
            for chain, end in (("INPUT", "-s"), ("OUTPUT", "-d")):
                _run("ip", "netns", "exec", self.name, "iptables", how, chain, end, address, "-j", "DROP")

    def cut(self, *addresses: str) -> None:
        """Lose every packet from there and to there, without a word."""
        self._filter("-A", *addresses)

    def mend(self, *addresses: str) -> None:
        """Lose no more."""
        self._filter("-D", *addresses)

    def connections(self, port: int) -> int:
        """How many it has open to a port."""
        wanted = f":{port:04X} 01"  # in the kernel's table: the remote port, then ESTABLISHED
        table = _run("ip", "netns", "exec", self.name, "cat", "/proc/net/tcp")
        return sum(wanted in " ".join(line.split()[2:4]) for line in table.splitlines())
