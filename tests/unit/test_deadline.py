"""The deadline: it cuts what is stuck, costs nothing else, and leaves no thread behind."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator

import pytest

from intake.deadline import Deadline, dial

SOON, NEVER = 0.05, 600.0
Watchers = Callable[[], list[threading.Thread]]


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.settimeout(30)  # a test that fails ends all the same
        yield ours, theirs


@pytest.fixture
def watchers() -> Watchers:
    """Those of this test: a mailbox that another test has left open is watched as well."""
    others = threading.enumerate()
    return lambda: [one for one in threading.enumerate() if one.name == "deadline" and one not in others]


def test_a_step_that_takes_too_long_is_cut(pair: tuple[socket.socket, socket.socket]) -> None:
    deadline = Deadline(SOON)
    deadline.guard(pair[0])
    with deadline.step():
        assert pair[0].recv(1) == b""
    assert deadline.expired
    deadline.forget()


def test_a_drip_does_not_outlive_it(pair: tuple[socket.socket, socket.socket]) -> None:
    deadline = Deadline(SOON)
    deadline.guard(pair[0])
    stop = threading.Event()

    def drip() -> None:
        try:
            while not stop.wait(0.001):
                pair[1].send(b".")
        except OSError:
            return

    dripping = threading.Thread(target=drip)
    dripping.start()
    with deadline.step():
        while pair[0].recv(1):
            pass
    stop.set()
    dripping.join()
    assert deadline.expired
    deadline.forget()


def test_a_step_in_time_is_left_alone_and_the_next_starts_afresh(
    pair: tuple[socket.socket, socket.socket], watchers: Watchers
) -> None:
    deadline = Deadline(NEVER)
    deadline.guard(pair[0])
    for _ in range(1000):
        with deadline.step():
            pass
    assert len(watchers()) == 1
    with deadline.step(SOON):  # earlier than what the watcher waits for
        assert pair[0].recv(1) == b""
    assert deadline.expired
    with deadline.step():
        assert not deadline.expired
    deadline.forget()


def test_a_connection_that_is_guarded_too_late_is_cut_at_once(pair: tuple[socket.socket, socket.socket]) -> None:
    deadline = Deadline(SOON)
    other, end = socket.socketpair()
    with other, end, deadline.step():
        deadline.guard(other)
        other.settimeout(30)
        assert other.recv(1) == b""
        deadline.guard(pair[0])
        assert pair[0].recv(1) == b""
    deadline.forget()


def test_an_inner_step_is_due_with_the_outer_one(pair: tuple[socket.socket, socket.socket]) -> None:
    deadline = Deadline(SOON)
    deadline.guard(pair[0])
    with deadline.step(), deadline.step(NEVER):
        assert pair[0].recv(1) == b""
    assert deadline.expired
    deadline.forget()


def test_the_watcher_ends_with_the_connection(pair: tuple[socket.socket, socket.socket], watchers: Watchers) -> None:
    deadline = Deadline(NEVER)
    for _ in range(3):
        with deadline.step():
            deadline.guard(pair[0])
            (watcher,) = watchers()
        deadline.forget()
        watcher.join(30)
        assert not watcher.is_alive()
    with deadline.step():  # nothing guarded: the watcher ends with the step
        (watcher,) = watchers()
    watcher.join(30)
    assert not watcher.is_alive()


def test_dialling_sets_no_delay_and_says_what_failed() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with dial("127.0.0.1", port, 30) as connection:
            assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    with pytest.raises(ConnectionRefusedError):
        dial("127.0.0.1", port, 30)
    with pytest.raises(OSError, match=r"."):
        dial("no-such-host.invalid", 25, 30)
    with pytest.raises((OSError, ValueError)):
        dial("a" * 300 + ".invalid", 25, 30)
