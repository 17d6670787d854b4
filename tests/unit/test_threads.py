"""How mail programs put our messages together: by the rules of each, on the messages as they are sent."""

from __future__ import annotations

import base64
import email
import itertools
import re
from email.header import decode_header, make_header
from email.message import Message
from pathlib import Path

import pytest

from .worlds import ANN, BOB, World, header, mail

REPLY = re.compile(r"^(?:(?:re|fwd?|aw|antw|tr|rv|sv)\s*:\s*)+", re.IGNORECASE)


class Thread:
    """Messages that a program shows together."""

    def __init__(self) -> None:
        self.above: Thread | None = None

    @property
    def top(self) -> Thread:
        found = self
        while found.above is not None:
            found = found.above
        return found


def by_references(messages: list[Message]) -> list[set[str]]:
    """Threads as Thunderbird, Apple Mail, K-9 and mutt make them, after Jamie Zawinski's algorithm, steps 1 to 3.

    What a message refers to is a chain, whether those mails are there or not; subjects do not join anything.
    """
    known: dict[str, Thread] = {}
    for message in messages:
        chain = re.findall(r"<[^<>\s]+>", str(message["References"] or ""))
        chain = chain or re.findall(r"<[^<>\s]+>", str(message["In-Reply-To"] or ""))[:1]
        links = [known.setdefault(one, Thread()) for one in (*chain, str(message["Message-ID"]).strip())]
        for above, below in itertools.pairwise(links):
            if below.above is None and above.top is not below:
                below.above = above
        links[-1].above = links[-2] if len(links) > 1 and links[-2].top is not links[-1] else links[-1].above
    groups: dict[int, set[str]] = {}
    for message in messages:
        token = str(message["Message-ID"]).strip()
        groups.setdefault(id(known[token].top), set()).add(token)
    return list(groups.values())


def subject(message: Message) -> str:
    return REPLY.sub("", str(make_header(decode_header(message["Subject"]))))


@pytest.fixture
def inbox(tmp_path: Path) -> list[Message]:
    """All that Ann finds in her inbox after two cases, one of them worked on; her own mails stand elsewhere."""
    world = World(tmp_path)
    world.deliver(mail(1))
    world.deliver(mail(2))
    world.until_quiet()

    def token(to: str, code: str) -> str:
        return next(
            header(o, "Message-ID") for o in world.sent("report") if o.recipient == to and code in str(o.content)
        )

    code = header(world.sent("report")[0], "X-Intake-Case")

    def replies(number: str, sender: str, refers: str, words: str) -> None:
        refer = f"In-Reply-To: {refers}\r\nReferences: {refers}\r\n"
        world.deliver(mail(number, words, "Re: x", sender, refer))
        world.until_quiet()

    replies("b", BOB, token(BOB, code), "I know a little more.")
    replies("c", ANN, token(ANN, code), "recuse Nobody Known")
    replies("d", BOB, token(BOB, code), "claim")
    replies("e", ANN, token(ANN, code), "note I have called her.")
    replies("f", "rita1@example.com", "<m1@example.com>", "One more thing.")
    replies("g", ANN, token(ANN, code), "close")
    return [email.message_from_bytes(o.content) for o in world.transport.taken if o.recipient == ANN]


def of_cases(inbox: list[Message]) -> dict[str, list[Message]]:
    found: dict[str, list[Message]] = {}
    for message in inbox:
        if message["X-Intake-Case"]:
            found.setdefault(str(message["X-Intake-Case"]), []).append(message)
    return found


def test_references_make_one_thread_of_each_case(inbox: list[Message]) -> None:
    cases = of_cases(inbox)
    assert len(cases) == 2
    kinds = {str(message["X-Intake-Kind"]) for message in inbox}
    assert {"report", "follow-up", "notice"} <= kinds
    assert max(map(len, cases.values())) >= 7
    threads = by_references(inbox)
    for messages in cases.values():
        tokens = {str(message["Message-ID"]).strip() for message in messages}
        assert [thread for thread in threads if thread & tokens] == [tokens]


def test_the_subject_stays_the_same_as_gmail_wants_it(inbox: list[Message]) -> None:
    cases = of_cases(inbox)
    subjects = [{subject(message) for message in messages} for messages in cases.values()]
    assert all(len(one) == 1 for one in subjects), subjects
    assert subjects[0] != subjects[1]


def test_the_index_is_what_outlook_threads_by(inbox: list[Message]) -> None:
    """[MS-OXOMSG] 2.2.1.3: 22 bytes, the first of them 1, and five more for each answer below; topic: the subject."""
    begun: dict[str, set[bytes]] = {}
    for code, messages in of_cases(inbox).items():
        lengths = set()
        for message in messages:
            index = base64.b64decode(str(message["Thread-Index"]), validate=True)
            assert index[0] == 1
            assert (len(index) - 22) % 5 == 0
            lengths.add(len(index))
            begun.setdefault(code, set()).add(index[:22])
            assert str(make_header(decode_header(message["Thread-Topic"]))) == subject(message)
        assert 22 in lengths
        assert len({str(message["Thread-Index"]) for message in messages}) == len(messages)
    assert all(len(one) == 1 for one in begun.values())
    assert len({next(iter(one)) for one in begun.values()}) == 2


def test_the_rules_can_tell_threads_apart() -> None:
    def made(token: str, refers: str) -> Message:
        return email.message_from_string(f"Message-ID: {token}\nReferences: {refers}\n\n")

    found = by_references([made("<a@x>", ""), made("<c@x>", "<a@x> <b@x>"), made("<d@x>", "<e@x>")])
    assert sorted(map(len, found)) == [1, 2]
