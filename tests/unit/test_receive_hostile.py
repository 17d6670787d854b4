"""IMAP servers that lie, break off or talk nonsense about the mail that they hold: it is read all the same, and once."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from servers.scripted_imap import CAPABILITIES, GREETING, Answer, Peer, Script, ScriptedImap, polite

from intake.errors import MailboxError
from intake.model import MailHead
from intake.ports import Filed
from intake.receive.dates import NO_DATE
from intake.receive.fetching import Reader

from .reading import everything, fails, mailbox_at


def bodies(*answers: bytes | None) -> bytes:
    """FETCH answers for UIDs 1, 2, 3 …: a literal, or NIL."""
    return b"".join(
        b"* %d FETCH (UID %d BODY[] " % (uid, uid)
        + (b"NIL" if body is None else b"{%d}\r\n%s" % (len(body), body))
        + b")\r\n"
        for uid, body in enumerate(answers, 1)
    )


GOOD = b"A: b\r\n\r\nc"  # nine octets, as the polite peer says


@pytest.mark.parametrize(
    "broken",
    [
        pytest.param(lambda peer, _: peer.say(b"* BYE shutting down"), id="BYE"),
        pytest.param(lambda peer, _: peer.raw(b"* 1 FETCH (UID 1 BODY[] {500}\r\nonly this"), id="short literal"),
        pytest.param(lambda peer, _: peer.raw(b"* 1 FETCH (UID 1 BODY[] {99999999999}\r\nx"), id="huge literal"),
        pytest.param(lambda peer, _: peer.raw(b"* 1 FETCH (UID 1 BODY[] {99999999}\r\nx"), id="large literal"),
        pytest.param(lambda peer, tag: peer.raw(b"\x00\xff\xfe\r\n" + tag + b" OK\r\n"), id="bytes"),
        pytest.param(
            lambda peer, tag: peer.raw(b"* 1 FETCH " + b"(" * 50_000 + b"\r\n" + tag + b" OK\r\n"), id="nested"
        ),
        pytest.param(lambda peer, tag: peer.raw(b"* 1 FETCH (UID\r\n" + tag + b" OK\r\n"), id="open list"),
        pytest.param(lambda peer, tag: peer.raw(b'* 1 FETCH (UID x BODY[] "\r\n' + tag + b" OK\r\n"), id="open string"),
        pytest.param(lambda peer, tag: peer.raw(b"* 1 FETCH (UID 1 BODY (1))\r\n" + tag + b" OK\r\n"), id="other item"),
        pytest.param(lambda peer, _: peer.raw(b"zz99 OK done\r\n"), id="strange tag"),
        pytest.param(lambda peer, tag: peer.say(tag + b" NO [SERVERBUG] broken"), id="NO"),
        pytest.param(lambda peer, tag: peer.say(tag + b" BAD broken"), id="BAD"),
    ],
)
def test_one_bad_answer_costs_no_mail(broken: Answer) -> None:
    told = []

    def first_only(peer: Peer, tag: bytes) -> None:
        told.append(tag)
        if len(told) == 1:
            assert callable(broken)
            broken(peer, tag)
            if broken.__code__.co_names[0] != "say":
                peer.connection.shutdown(1)
        else:
            peer.raw(bodies(GOOD, GOOD, GOOD))
            peer.say(tag + b" OK done")

    with ScriptedImap(polite({r"UID FETCH .*BODY\.PEEK\[\]": first_only})) as server:
        mailbox = mailbox_at(server.port, deadline_s=5.0)
        mails = everything(mailbox)
        mailbox.close()
    assert sorted(mail.ref.uid for mail in mails) == [1, 2, 3]
    assert {mail.body for mail in mails} == {GOOD}
    assert not any(mail.unreadable for mail in mails)


def poison(uid: int, do: Callable[[Peer], None]) -> Script:
    """Every FETCH with this UID in it ends badly; its header can be had."""

    def answer(peer: Peer, tag: bytes) -> None:
        wanted = [int(one) for one in said[-1].split(b" ")[3].split(b",")]
        if uid in wanted:
            do(peer)
            peer.connection.shutdown(2)
            return
        for one in wanted:
            section = b"BODY[]<0>" if b"<0." in said[-1] else b"BODY[]"
            peer.raw(b"* %d FETCH (UID %d %s {%d}\r\n%s)\r\n" % (one, one, section, len(GOOD), GOOD))
        peer.say(tag + b" OK done")

    said: list[bytes] = []

    def script(peer: Peer) -> None:
        listen = peer.line

        def line() -> bytes:
            said.append(listen())
            return said[-1]

        peer.line = line  # type: ignore[method-assign]
        header = b"* 2 FETCH (UID 2 BODY[HEADER] {8}\r\nA: b\r\n\r\n)\r\n"
        text = b"* 2 FETCH (UID 2 BODY[TEXT]<0> {4}\r\nrest)\r\n"
        polite({
            r"UID FETCH .*BODY\.PEEK\[\]": answer,
            r"UID FETCH .*BODY\.PEEK\[HEADER\]": header,
            r"UID FETCH .*BODY\.PEEK\[TEXT\]": text,
        })(peer)  # fmt: skip

    return script


@pytest.mark.parametrize(
    "do",
    [
        pytest.param(lambda _: None, id="closes"),
        pytest.param(lambda peer: peer.raw(b"* 2 FETCH (UID 2 BODY[] {500}\r\npart"), id="breaks off"),
        pytest.param(lambda peer: peer.say(b"* BYE internal error"), id="BYE"),
        pytest.param(lambda peer: peer.raw(b"\r\n\r\n"), id="nonsense"),
        pytest.param(lambda peer: peer.hang(), id="hangs"),
    ],
)
def test_a_mail_that_kills_every_batch_is_kept_apart(do: Callable[[Peer], None]) -> None:
    with ScriptedImap(poison(2, do)) as server:
        mailbox = mailbox_at(server.port)
        mails = {mail.ref.uid: mail for mail in everything(mailbox)}
        mailbox.close()
    assert (mails[1].body, mails[3].body) == (GOOD, GOOD)
    assert not mails[1].unreadable
    assert not mails[3].unreadable
    assert mails[2].unreadable
    assert mails[2].body == b"A: b\r\n\r\nrest"


@pytest.mark.parametrize("size", [0, 9])
def test_nil_for_a_body(size: int) -> None:
    nil = b"* 1 FETCH (UID 1 BODY[] NIL)\r\n* 3 FETCH (UID 3 BODY[] {9}\r\n" + GOOD + b")\r\n"
    heads = b"".join(b"* %d FETCH (UID %d RFC822.SIZE %d)\r\n" % (uid, uid, size) for uid in (1, 3))
    script = polite({
        "UID SEARCH UID 1:": b"* SEARCH 1 3\r\n",
        "UID SEARCH UID 1": b"* SEARCH 1\r\n",
        "UID FETCH .*SIZE": heads,
        r"UID FETCH .*BODY\.PEEK\[\]<": b"* 1 FETCH (UID 1 BODY[]<0> NIL)\r\n",
        r"UID FETCH .*BODY\.PEEK\[\]": nil,
        r"UID FETCH .*BODY\.PEEK\[HEADER\]": b"* 1 FETCH (UID 1 BODY[HEADER] NIL)\r\n",
        r"UID FETCH .*BODY\.PEEK\[TEXT\]": b'* 1 FETCH (UID 1 BODY[TEXT]<0> "")\r\n',
    })  # fmt: skip
    with ScriptedImap(script) as server:
        mailbox = mailbox_at(server.port, deadline_s=5.0)
        mails = {mail.ref.uid: mail for mail in everything(mailbox)}
        mailbox.close()
    assert mails[3].body == GOOD
    assert (mails[1].body, mails[1].unreadable) == (b"", size > 0)
    assert mails[1].internal_date == NO_DATE


def test_a_server_that_delivers_nothing_is_ill_and_no_mail_is_given_up() -> None:
    def none(peer: Peer, _: bytes) -> None:
        peer.connection.shutdown(2)

    heads = [MailHead(uid, 9, NO_DATE) for uid in range(1, 201)]
    with ScriptedImap(polite({r"UID FETCH .*BODY\.PEEK\[\]": none})) as server:
        mailbox = mailbox_at(server.port, deadline_s=5.0)
        mailbox.open()
        mailbox.select("INBOX")
        with pytest.raises(MailboxError, match="can't be fetched"):
            list(mailbox.fetch(heads))
        assert 10 < server.connections <= 41


@pytest.mark.parametrize("answer", [b"TAG NO [SERVERBUG] no\r\n", lambda peer, _: peer.connection.shutdown(2)])
def test_a_date_that_can_not_be_had_keeps_no_mail_waiting(answer: Answer) -> None:
    with ScriptedImap(*[polite({r"UID FETCH .*\(INTERNALDATE\)": answer})] * 2) as server:
        mailbox = mailbox_at(server.port, deadline_s=5.0)
        mailbox.open()
        mailbox.select("INBOX")
        assert mailbox.dates([1, 2, 3]) == {}
        assert [head.uid for head in mailbox.heads([1, 2, 3])] == [1, 2, 3], "the connection is as it was"
        mailbox.close()


def test_a_renumbered_folder_ends_the_fetch() -> None:
    renumbered = polite({"EXAMINE": b"* 3 EXISTS\r\n* OK [UIDVALIDITY 8] x\r\n"})
    with ScriptedImap(polite({r"UID FETCH .*BODY": lambda peer, _: peer.connection.shutdown(2)}), renumbered) as server:
        assert "renumbered" in fails(server.port, everything, deadline_s=5.0)


@pytest.mark.parametrize("validity", [b"", b"* OK [UIDVALIDITY 0] x\r\n", b"* OK [UIDNOTSTICKY] x\r\n"])
def test_a_folder_without_uidvalidity_is_not_read(validity: bytes) -> None:
    with ScriptedImap(polite({"EXAMINE": b"* 3 EXISTS\r\n" + validity})) as server:
        assert "UIDVALIDITY" in fails(server.port, everything, deadline_s=5.0)


def test_more_is_sent_than_the_server_said() -> None:
    """A size below the truth must not cut a mail, one above must not hold it up, a lie about the limit must not fill memory.

    Nor may a slice that is shorter than what was asked for cut one.
    """
    body = bytes(range(250)) * 12
    most, beyond = 0, b""

    def slices(peer: Peer, tag: bytes) -> None:
        line = server.heard[-1]
        offset, count = (int(one) for one in line.partition(b"<")[2].partition(b">")[0].split(b"."))
        piece = body[offset : offset + min(count, most)]
        if piece or beyond == b"OK with nothing in it":
            peer.raw(b"* 1 FETCH (UID 1 BODY[]<%d> {%d}\r\n%s)\r\n" % (offset, len(piece), piece))
        peer.say(tag + b" " + (b"OK done" if piece else beyond))

    with ScriptedImap(polite({r"UID FETCH .*BODY\.PEEK\[\]<": slices})) as server:
        for told, limit, longest, at_the_end, whole in (
            (4000, 3999, 9999, b"OK with nothing in it", True),
            (4000, 3999, 9999, b"OK without it", True),
            (4000, 3999, 9999, b"NO there is no more", True),
            (4000, 5000, 700, b"BAD what?", True),
            (2001, 2000, 9999, b"", False),
            (2001, 5000, 9999, b"", True),
            (3000, 5000, 700, b"", True),
        ):
            most, beyond = longest, at_the_end
            mailbox = mailbox_at(server.port, deadline_s=5.0, max_size=limit)
            mailbox.open()
            mailbox.select("INBOX")
            reader = Reader(mailbox._session, mailbox.open, limit)
            reader._small = 0
            [found] = reader.bodies([MailHead(1, told, NO_DATE)])
            assert (found.content, found.truncated) == (body, False) or not whole
            mailbox.close()


def test_searching_and_marking_without_move_and_uidplus() -> None:
    """Copied, marked, and left for its owner to expunge: a plain EXPUNGE would take other people's mail too."""
    script = polite({"UID SEARCH UID 1:3 KEYWORD": b"* SEARCH\r\n"}, capabilities=b"IMAP4rev1")
    with ScriptedImap(script) as server:
        mailbox = mailbox_at(server.port, deadline_s=5.0)
        mailbox.open()
        mailbox.select("INBOX")
        assert mailbox.file([1, 2, 3], "Processed") == Filed((1, 2, 3), ())
        mailbox.close()
        said = [line.partition(b" ")[2] for line in server.heard]
    assert any(line.startswith(b"UID COPY 1:3 ") for line in said)
    assert any(line.startswith(b"UID STORE 1:3 +FLAGS.SILENT") for line in said)
    assert not any(b"EXPUNGE" in line or line.startswith(b"CLOSE") for line in said)


@pytest.mark.parametrize("capabilities", [CAPABILITIES, b"IMAP4rev1 UIDPLUS", b"IMAP4rev1"])
def test_mails_are_named_by_uids_alone(capabilities: bytes) -> None:
    """A number of a position means another mail as soon as somebody removes one."""
    bodies = b"".join(b"* %d FETCH (UID %d BODY[] {2}\r\nhi)\r\n" % (uid, uid) for uid in (1, 2, 3))
    script = polite({"UID FETCH .*BODY": bodies, "UID SEARCH .*KEYWORD": b"* SEARCH\r\n"}, capabilities=capabilities)
    with ScriptedImap(script) as server:
        mailbox = mailbox_at(server.port, deadline_s=5.0)
        mailbox.open()
        mailbox.select("INBOX")
        uids = mailbox.uids(1)
        assert len(list(mailbox.fetch(mailbox.heads(uids)))) == 3
        mailbox.file(uids, "Processed")
        mailbox.remove(uids)
        mailbox.close()
        said = [line.partition(b" ")[2].upper() for line in server.heard]
    named = [line for line in said if re.match(rb"(UID )?(FETCH|SEARCH|STORE|COPY|MOVE|EXPUNGE)\b", line)]
    assert len(named) >= 4
    assert [line for line in named if not line.startswith(b"UID ")] == []
    assert not any(b"BODY[" in line for line in said), "reading would mark it as read: BODY.PEEK does not"


def test_only_what_was_certainly_copied_is_removed() -> None:
    script = polite(
        {
            "UID COPY": b"TAG OK [COPYUID 7 1,3 11:12] done\r\n",
            "SELECT": b"* 3 EXISTS\r\n* OK [UIDVALIDITY 7] x\r\n* OK [PERMANENTFLAGS (\\Deleted \\*)] x\r\n",
            "UID SEARCH .*KEYWORD": b"* SEARCH\r\n",
        },
        capabilities=b"IMAP4rev1 UIDPLUS",
    )
    with ScriptedImap(script) as server:
        mailbox = mailbox_at(server.port, deadline_s=5.0)
        mailbox.open()
        mailbox.select("INBOX")
        mailbox.file([1, 2, 3], "Processed")
        mailbox.close()
        said = [line.partition(b" ")[2] for line in server.heard]
    assert b"UID EXPUNGE 1,3" in said
    assert b"UID STORE 1,3 +FLAGS.SILENT (\\Deleted $IntakeFiled)" in said


def test_a_crash_before_the_expunge_makes_no_second_copy() -> None:
    script = polite(
        {
            "SELECT": b"* 3 EXISTS\r\n* OK [UIDVALIDITY 7] x\r\n* OK [PERMANENTFLAGS (\\Deleted \\*)] x\r\n",
            "UID SEARCH .*KEYWORD": b"* SEARCH 1 2\r\n",
        },
        capabilities=b"IMAP4rev1 UIDPLUS",
    )
    with ScriptedImap(script) as server:
        mailbox = mailbox_at(server.port, deadline_s=5.0)
        mailbox.open()
        mailbox.select("INBOX")
        mailbox.file([1, 2, 3], "Processed")
        mailbox.close()
        said = [line.partition(b" ")[2] for line in server.heard]
    assert [line for line in said if line.startswith(b"UID COPY")] == [b'UID COPY 3 "Processed"']
    assert b"UID EXPUNGE 1:3" in said


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.sampled_from(["LOGIN", "EXAMINE", "UID SEARCH", "UID FETCH .*SIZE", "UID FETCH .*BODY", "CAPABILITY"]), st.data()
)
def test_any_nonsense_ends_in_mail_or_in_one_line(command: str, data: st.DataObject) -> None:
    pieces = st.sampled_from(
        [b"* ", b"1 FETCH (", b"UID 1 ", b"BODY[] ", b"{3}\r\nabc", b"NIL", b")", b"(", b'"', b"\\", b"\r\n", b"TAG OK x\r\n",
         b"* SEARCH 1 x\r\n", b"[UIDVALIDITY ", b"* OK [", b"] ", b"RFC822.SIZE -1 ", b"INTERNALDATE ", b'"99-Foo-0000"', b"\x00",
         b"+ \r\n", b"* 5 EXISTS\r\n", b"{999999999999}\r\n", b"18446744073709551616 ", b"* CAPABILITY \r\n"]
    )  # fmt: skip
    nonsense = b"".join(data.draw(st.lists(pieces | st.binary(max_size=6), max_size=12)))

    def answer(peer: Peer, tag: bytes) -> None:
        peer.raw(nonsense.replace(b"TAG", tag) + b"\r\n" + tag + b" OK done\r\n")
        peer.connection.shutdown(1)

    with ScriptedImap(polite({command: answer})) as server:
        mailbox = mailbox_at(server.port, deadline_s=1.0)
        with contextlib.suppress(MailboxError):  # anything else is a failure of ours
            everything(mailbox)
        mailbox.close()


def test_the_greeting_of_the_polite_peer_is_one() -> None:
    with ScriptedImap(polite({r"UID FETCH .*BODY\.PEEK\[\]": bodies(GOOD, GOOD, GOOD)}, GREETING)) as server:
        mailbox = mailbox_at(server.port, deadline_s=5.0)
        assert [mail.body for mail in everything(mailbox)] == [GOOD] * 3
        mailbox.close()
