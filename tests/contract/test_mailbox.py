"""What every IMAP server must give through ImapMailbox: one suite, all servers."""

from __future__ import annotations

import contextlib
import imaplib
import socket
from datetime import UTC, datetime, timedelta, timezone

import pytest
from servers import ImapServer
from servers.mailboxes import mailbox_on, opened

from intake.errors import MailboxError
from intake.ports import Filed, Mailbox
from intake.receive.fetching import BEGINNING
from intake.receive.imap import ImapMailbox

pytestmark = pytest.mark.usefixtures("server")

ARRIVED = datetime(2024, 2, 29, 23, 59, 58, tzinfo=timezone(timedelta(hours=-7)))
PLAIN = b"From: a@b.example\r\nSubject: code-of-conduct\r\n\r\nOne line.\r\n"
ODD = [
    PLAIN,
    b"Subject: no text at all\r\n\r\n",
    b"Subject: eight bits\r\n\r\nd\xe9j\xe0 vu \xff\xfe\r\n",
    b'Subject: looks like IMAP\r\n\r\n* 1 FETCH (UID 9 BODY[] {3}\r\n)"\\" NIL\r\nA1 OK done\r\n',
    b"Subject: one long line\r\n\r\n" + b"x" * 20_000 + b"\r\n",
    b"Subject: dots\r\n\r\n.\r\n..\r\n",
]
NESTED = "Réclamations/Été & co"


def large(size: int) -> bytes:
    """A mail of exactly ``size`` octets whose every slice differs."""
    head = b"From: a@b.example\r\nSubject: large\r\n\r\n"
    lines = b"".join(b"%075d\r\n" % number for number in range((size - len(head)) // 77))
    rest = size - len(head) - len(lines)
    return head + lines + (b"z" * max(rest - 2, 0) + b"\r\n" if rest >= 2 else b"\n" * rest)


def fetch_all(mailbox: ImapMailbox) -> list[bytes]:
    return [mail.body for mail in mailbox.fetch(mailbox.heads(mailbox.uids(1)))]


def cut_the_line(mailbox: ImapMailbox) -> None:
    """What a dying server or network does to a connection."""
    twin = mailbox._session._deadline._twin
    assert twin is not None
    with contextlib.suppress(OSError):  # it is cut already
        twin.shutdown(socket.SHUT_RDWR)


def test_is_a_mailbox(server: ImapServer) -> None:
    mailbox: Mailbox = mailbox_on(server, server.user())
    assert mailbox.name == "help"


@pytest.mark.parametrize("security", ["tls", "starttls", "none"])
def test_every_way_in(server: ImapServer, security: str) -> None:
    user = server.user()
    server.append(user, "INBOX", PLAIN)
    with opened(mailbox_on(server, user, security=security), "INBOX") as mailbox:
        assert fetch_all(mailbox) == server.read(user, "INBOX")


def test_mails_come_as_the_server_holds_them_and_stay_untouched(server: ImapServer) -> None:
    user = server.user()
    server.append(user, "INBOX", *ODD, when=ARRIVED)
    with opened(mailbox_on(server, user)) as mailbox:
        folder = mailbox.select("INBOX")
        heads = mailbox.heads(mailbox.uids(1))
        mails = list(mailbox.fetch(heads))
        assert mailbox.dates([uid for head in heads for uid in (head.uid, head.uid + 1_000)]) == {
            head.uid: ARRIVED for head in heads
        }
    held = server.read(user, "INBOX")
    assert [mail.body for mail in mails] == held
    assert [mail.size for mail in mails] == [len(one) for one in held]
    assert {mail.internal_date for mail in mails} == {ARRIVED}
    assert all(mail.internal_date.utcoffset() is not None for mail in mails)
    assert [mail.ref.uid for mail in mails] == [head.uid for head in heads]
    assert {(mail.ref.mailbox, mail.ref.folder, mail.ref.uidvalidity) for mail in mails} == {
        ("help", "INBOX", folder.uidvalidity)
    }
    assert not any(mail.truncated or mail.unreadable for mail in mails)
    assert set(map(frozenset, server.flags(user, "INBOX").values())) == {frozenset()}


def test_delivered_mail_stays_unseen(server: ImapServer) -> None:
    user = server.user()
    server.deliver(user, PLAIN)
    with opened(mailbox_on(server, user), "INBOX") as mailbox:
        [body] = fetch_all(mailbox)
    assert body.endswith(b"One line.\r\n")
    assert list(server.flags(user, "INBOX").values()) == [set()]


@pytest.mark.parametrize("size", [(1 << 20) - 1, 1 << 20, (1 << 20) + 1, 2 << 20, 3_500_001])
def test_large_mail_comes_in_slices_and_whole(server: ImapServer, size: int) -> None:
    user = server.user()
    server.append(user, "INBOX", PLAIN, large(size), PLAIN)
    with opened(mailbox_on(server, user), "INBOX") as mailbox:
        mails = list(mailbox.fetch(mailbox.heads(mailbox.uids(1))))
    assert sorted(mail.body for mail in mails) == sorted(server.read(user, "INBOX"))
    assert not any(mail.truncated for mail in mails)


@pytest.mark.parametrize(
    ("size", "limit", "whole"),
    [(600_000, 600_000, True), (600_000, 599_999, False), (600_000, 1000, False), (100_000, 99_999, False)],
)
def test_mail_above_the_limit_comes_as_its_beginning(server: ImapServer, size: int, limit: int, whole: bool) -> None:
    user = server.user()
    server.append(user, "INBOX", large(size))
    held = server.read(user, "INBOX")[0]
    with opened(mailbox_on(server, user, max_size=limit), "INBOX") as mailbox:
        [mail] = mailbox.fetch(mailbox.heads(mailbox.uids(1)))
    assert mail.truncated is not whole
    assert mail.size == len(held)
    assert mail.body == (held if whole else held[:BEGINNING])


def test_more_mails_than_one_batch(server: ImapServer) -> None:
    user = server.user()
    server.append(user, "INBOX", *(b"Subject: %d\r\n\r\n%d\r\n" % (number, number) for number in range(230)))
    with opened(mailbox_on(server, user), "INBOX") as mailbox:
        uids = mailbox.uids(1)
        assert fetch_all(mailbox) == server.read(user, "INBOX")
        assert mailbox.uids(uids[10], uids[20]) == uids[10:21]
        assert mailbox.uids(uids[-1]) == uids[-1:]
        assert mailbox.uids(uids[-1] + 1) == []  # although a server answers N:* with its last mail
        assert mailbox.uids(uids[-1] + 1000) == []
        assert mailbox.uids(uids[3], uids[2]) == []


def test_an_empty_folder(server: ImapServer) -> None:
    with opened(mailbox_on(server, server.user())) as mailbox:
        assert mailbox.select("INBOX").exists == 0
        assert mailbox.uids(1) == []
        assert mailbox.heads([1, 2, 3]) == []
        assert list(mailbox.fetch([])) == []
        assert mailbox.file([], "Processed") == Filed((), ())


def test_mail_that_vanishes_is_left_out(server: ImapServer) -> None:
    user = server.user()
    server.append(user, "INBOX", *ODD)
    with opened(mailbox_on(server, user), "INBOX") as mailbox:
        uids = mailbox.uids(1)
        heads = mailbox.heads([*uids, uids[-1] + 7])
        assert [head.uid for head in heads] == uids
        with server.client(user) as other:
            other.select_folder("INBOX")
            other.delete_messages(uids[1:3])
            other.expunge()
        rest = {mail.ref.uid: mail for mail in mailbox.fetch(heads)}
        mailbox.select("INBOX")
        assert mailbox.uids(1) == [uids[0], *uids[3:]]
    # A server may go on serving what this session was not told is gone (RFC 9051, 7.5.1); none comes broken.
    assert {uids[0], *uids[3:]} <= set(rest)
    assert not any(mail.unreadable or not mail.body for mail in rest.values())


@pytest.mark.parametrize("name", [NESTED, "日本語/台北", "With \"quotes\" and 'more'", "100 % sûr", "Junk"])
def test_folders_by_the_names_people_give(server: ImapServer, name: str) -> None:
    name = "".join(letter for letter in name if letter not in server.forbidden)
    user = server.user()
    server.append(user, name, PLAIN, when=ARRIVED)
    with opened(mailbox_on(server, user)) as mailbox:
        folder = mailbox.select(name)
        assert (folder.name, folder.exists) == (name, 1)
        [mail] = mailbox.fetch(mailbox.heads(mailbox.uids(1)))
    assert mail.ref.folder == name
    assert [mail.body] == server.read(user, name)


def test_the_server_own_name_for_a_folder_works_too(server: ImapServer) -> None:
    user = server.user()
    server.append(user, "Team/Reports", PLAIN)
    with opened(mailbox_on(server, user)) as mailbox:
        assert mailbox.select(server.folder("Team/Reports")).exists == 1


def test_inbox_in_any_case(server: ImapServer) -> None:
    user = server.user()
    server.append(user, "INBOX", PLAIN)
    with opened(mailbox_on(server, user)) as mailbox:
        assert mailbox.select("Inbox").exists == 1


def test_a_missing_folder_is_said_to_be_missing(server: ImapServer) -> None:
    with opened(mailbox_on(server, server.user())) as mailbox:
        with pytest.raises(
            MailboxError, match=r"^mailbox help \(localhost:\d+\): folder Nope .*does not exist; create"
        ):
            mailbox.select("Nope")
        assert mailbox.select("INBOX").exists == 0


@pytest.mark.parametrize("name", ["Processed", NESTED, "INBOX/Done"])
def test_a_folder_is_created_once(server: ImapServer, name: str) -> None:
    user = server.user()
    for _ in range(2):
        with opened(mailbox_on(server, user)) as mailbox:
            mailbox.ensure_folder(name)
            mailbox.ensure_folder(name)
            assert mailbox.select(name).exists == 0
    with server.client(user) as client:
        subscribed = [folder for _, _, folder in client.list_sub_folders()]
    local = name if name != "INBOX/Done" else name.removeprefix("INBOX/") if server.prefix else name
    assert subscribed.count(server.folder(local)) == 1


def test_filing_moves_the_mail_and_nothing_else(server: ImapServer) -> None:
    user = server.user()
    server.append(user, "INBOX", *ODD, when=ARRIVED)
    with server.client(user) as other:
        other.select_folder("INBOX")
        ours = sorted(other.search("ALL"))
        other.add_flags(ours[1], [b"\\Deleted"])
        other.add_flags(ours[2], [b"\\Seen", b"\\Flagged"])
    held = server.read(user, "INBOX")
    with opened(mailbox_on(server, user), "INBOX") as mailbox:
        assert mailbox.file([ours[0], ours[2], ours[4]], NESTED) == Filed((ours[0], ours[2], ours[4]), ())
        assert mailbox.uids(1) == [ours[1], ours[3], ours[5]]
    assert server.read(user, NESTED) == [held[0], held[2], held[4]]
    assert server.read(user, "INBOX") == [held[1], held[3], held[5]]
    assert server.flags(user, "INBOX")[ours[1]] == {b"\\Deleted"}  # somebody else's to remove
    assert [flags for _, flags in sorted(server.flags(user, NESTED).items())] == [
        set(), {b"\\Seen", b"\\Flagged"}, set()
    ]  # fmt: skip
    with opened(mailbox_on(server, user), NESTED) as mailbox:
        assert {head.internal_date for head in mailbox.heads(mailbox.uids(1))} == {ARRIVED}


def test_filing_what_has_vanished_is_no_error(server: ImapServer) -> None:
    user = server.user()
    server.append(user, "INBOX", PLAIN, PLAIN)
    with opened(mailbox_on(server, user), "INBOX") as mailbox:
        first, second = mailbox.uids(1)
        assert mailbox.file([first, second + 50], "Processed") == Filed((first, second + 50), ())
        assert mailbox.file([first], "Processed") == Filed((first,), ())
        assert mailbox.uids(1) == [second]
    assert len(server.read(user, "Processed")) == 1


def test_filing_many(server: ImapServer) -> None:
    user = server.user()
    server.append(user, "INBOX", *(b"Subject: %d\r\n\r\n\r\n" % number for number in range(520)))
    with opened(mailbox_on(server, user), "INBOX") as mailbox:
        uids = mailbox.uids(1)
        filed = mailbox.file(uids, "Processed")
        assert filed == Filed(tuple(uids), ())
        assert mailbox.uids(1) == []
    assert len(server.read(user, "Processed")) == 520


def test_filing_into_its_own_folder_is_refused(server: ImapServer) -> None:
    user = server.user()
    server.append(user, "INBOX", PLAIN)
    with opened(mailbox_on(server, user), "INBOX") as mailbox:
        with pytest.raises(MailboxError, match="the folder it stands in"):
            mailbox.file(mailbox.uids(1), "inbox")
        assert len(mailbox.uids(1)) == 1


def test_removing_takes_these_mails_and_no_others(server: ImapServer) -> None:
    user = server.user()
    server.append(user, "INBOX", *ODD)
    held = server.read(user, "INBOX")
    with server.client(user) as other:
        other.select_folder("INBOX")
        ours = sorted(other.search("ALL"))
        other.add_flags(ours[1], [b"\\Deleted"])
    with opened(mailbox_on(server, user), "INBOX") as mailbox:
        gone = ours[5] + 50
        assert mailbox.remove([]) == Filed((), ())
        assert mailbox.remove([ours[0], ours[3], gone]) == Filed((ours[0], ours[3], gone), ())
        assert mailbox.uids(1) == [ours[1], ours[2], ours[4], ours[5]]
        assert mailbox.remove([ours[0]]) == Filed((ours[0],), ())  # a second time is no error
    assert server.read(user, "INBOX") == [held[1], held[2], held[4], held[5]]
    assert server.flags(user, "INBOX")[ours[1]] == {b"\\Deleted"}  # somebody else's to remove


def test_uidvalidity_lasts_and_changes_with_the_folder(server: ImapServer) -> None:
    user = server.user()
    server.append(user, "Junk/Old", PLAIN)
    seen = []
    for _ in range(2):
        with opened(mailbox_on(server, user)) as mailbox:
            seen.append(mailbox.select("Junk/Old").uidvalidity)
    assert seen[0] == seen[1] > 0
    with server.client(user) as other:
        other.delete_folder(server.folder("Junk/Old"))
        other.create_folder(server.folder("Another"))  # servers count UIDVALIDITY in seconds, or by folders
        other.rename_folder(server.folder("Another"), server.folder("Junk/Old"))
    with opened(mailbox_on(server, user)) as mailbox:
        assert mailbox.select("Junk/Old").exists == 0


def test_a_dead_connection_is_told_and_opens_again(server: ImapServer) -> None:
    user = server.user()
    server.append(user, "INBOX", PLAIN)
    with opened(mailbox_on(server, user), "INBOX") as mailbox:
        cut_the_line(mailbox)
        with pytest.raises(MailboxError, match="connection"):
            mailbox.uids(1)
        with pytest.raises(MailboxError, match="opened again in the next pass"):
            mailbox.uids(1)
        mailbox.open()
        mailbox.select("INBOX")
        assert fetch_all(mailbox) == server.read(user, "INBOX")


def test_a_connection_that_dies_while_mail_is_fetched_loses_none(server: ImapServer) -> None:
    user = server.user()
    server.append(user, "INBOX", large(1_200_000), large(2_300_000), PLAIN, *ODD)
    with opened(mailbox_on(server, user), "INBOX") as mailbox:
        bodies = []
        for mail in mailbox.fetch(mailbox.heads(mailbox.uids(1))):
            bodies.append(mail.body)
            assert not mail.unreadable
            if len(bodies) in {1, 7, 8}:
                cut_the_line(mailbox)
    assert sorted(bodies) == sorted(server.read(user, "INBOX"))


def test_a_wrong_password_is_told_from_other_trouble(server: ImapServer) -> None:
    mailbox = mailbox_on(server, server.user(), password="not the password")
    with pytest.raises(
        MailboxError, match=r"can't log in: the server refuses .*check user and password|check both"
    ) as told:
        mailbox.open()
    assert "not the password" not in str(told.value)
    assert "\n" not in str(told.value)


def test_closing_twice_and_closing_the_dead(server: ImapServer) -> None:
    mailbox = mailbox_on(server, server.user())
    mailbox.close()
    mailbox.open()
    cut_the_line(mailbox)
    mailbox.close()
    mailbox.close()
    mailbox.open()
    mailbox.open()
    assert mailbox.select("INBOX").exists == 0
    mailbox.close()


def test_a_second_client_sees_no_trace_of_the_reader(server: ImapServer) -> None:
    user = server.user()
    server.append(user, "INBOX", PLAIN)
    with opened(mailbox_on(server, user), "INBOX") as mailbox:
        fetch_all(mailbox)
    raw = imaplib.IMAP4("127.0.0.1", server.imap_port)
    raw.login(user, server.password)
    raw.select("INBOX")
    recent = raw.recent()[1]
    raw.logout()
    assert recent[-1] in {b"1", None} or server.separator == "."


def test_times_are_in_utc(server: ImapServer) -> None:
    user = server.user()
    server.append(user, "INBOX", PLAIN, when=ARRIVED)
    with opened(mailbox_on(server, user), "INBOX") as mailbox:
        [head] = mailbox.heads(mailbox.uids(1))
    assert head.internal_date == ARRIVED
    assert head.internal_date.tzinfo is UTC


def test_a_folder_too_large_for_one_answer_is_listed_in_pages(
    server: ImapServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("intake.receive.imap.SEARCH_AT_ONCE", 7)
    user = server.user()
    server.append(user, "INBOX", *(b"Subject: %d\r\n\r\n" % number for number in range(30)))
    with opened(mailbox_on(server, user), "INBOX") as mailbox:
        uids = mailbox.uids(1)
        assert len(uids) == 30
        assert uids == sorted(set(uids))
        assert mailbox.uids(uids[4], uids[24]) == uids[4:25]
        assert mailbox.uids(uids[25]) == uids[25:]


AWKWARD = ('<"a b*%"@quoted.example>', "<100%{5}*@signs.example>")


def test_mail_is_found_by_its_message_id_and_by_no_part_of_it(server: ImapServer) -> None:
    user = server.user()
    ids = [f"<{number}.7f$a+b@help.example>" for number in range(30)]
    server.append(user, "INBOX", *(f"Message-ID: {one}\r\n".encode() + PLAIN for one in ids), PLAIN)
    hostile = [
        '<x" OR ALL "y@a.example>',
        "<x\r\nA1 DELETE INBOX@a.example>",
        "<{5}\r\n@a.example>",
        "",
        "@help.example",
    ]
    with opened(mailbox_on(server, user), "INBOX") as mailbox:
        there = mailbox.uids(1)
        assert mailbox.bearing([*ids[3:28], *hostile]) == there[3:28]
        assert mailbox.bearing(["<nobody@help.example>"]) == []
        assert mailbox.bearing(hostile) == []
        # Of one that would need quoting, what is within: it finds that mail, and maybe more.
        server.append(user, "INBOX", *(f"Message-ID: {one}\r\n".encode() + PLAIN for one in AWKWARD))
        mailbox.select("INBOX")
        for place, one in enumerate(AWKWARD, len(there)):
            assert mailbox.uids(1)[place] in mailbox.bearing([one])
        there = mailbox.uids(1)
        assert mailbox.uids(1) == there


def test_folders_of_special_use_can_be_opened_by_the_names_that_are_told(server: ImapServer) -> None:
    user = server.user()
    with opened(mailbox_on(server, user)) as mailbox:
        mailbox.ensure_folder("Sent")
        told = mailbox.special()
        assert set(told) <= {"sent", "all", "trash"}
        assert mailbox.select(told["sent"]).exists == 0
    server.append(user, "Sent", PLAIN)
    with opened(mailbox_on(server, user), told["sent"]) as mailbox:
        assert fetch_all(mailbox) == server.read(user, "Sent")
