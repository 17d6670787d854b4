"""Faults that a real Dovecot has by itself: files that break, sessions that are thrown out, quotas, missing offers."""

from __future__ import annotations

import re
import shutil
import socket
from datetime import UTC, datetime
from pathlib import Path

import pytest
from servers import Dovecot, ScriptedImap
from servers.mailboxes import Secret, Settings, mailbox_on, opened

from intake.errors import MailboxError
from intake.model import RawMail
from intake.ports import Filed
from intake.receive.filing import COPIED
from intake.receive.imap import ImapMailbox
from intake.steps.numbers import given_again

PLAIN = b"From: a@b.example\r\nSubject: code-of-conduct\r\n\r\n%d\r\n"


def filled(dovecot: Dovecot, count: int) -> str:
    user = dovecot.user()
    dovecot.append(user, "INBOX", *(PLAIN % number for number in range(count)))
    return user


def files(dovecot: Dovecot, user: str) -> list[Path]:
    """The mail files of INBOX in the order of their UIDs."""
    inbox = dovecot.maildir(user)
    order = [line.partition(" :")[2] for line in (inbox / "dovecot-uidlist").read_text().splitlines()[1:]]
    found = {file.name.partition(":")[0]: file for file in [*(inbox / "cur").iterdir(), *(inbox / "new").iterdir()]}
    return [found[name.partition(":")[0]] for name in order]


def make_unreadable(file: Path) -> None:
    """Take the server its right to read: the process that serves the mailbox is not root."""
    file.chmod(0)


def test_a_name_that_no_folder_may_have_is_told_with_what_to_do(dovecot: Dovecot) -> None:
    with (
        opened(mailbox_on(dovecot, dovecot.user())) as mailbox,
        pytest.raises(MailboxError, match=r"can't be created: .*; make it by hand, or name another in `processed`$"),
    ):
        mailbox.ensure_folder("x" * 300)


@pytest.mark.parametrize("early", [False, True])
@pytest.mark.parametrize("bad", [[0], [219], [3, 4, 150]])
def test_a_mail_that_the_server_can_not_read_costs_no_other(dovecot: Dovecot, bad: list[int], early: bool) -> None:
    user = filled(dovecot, 220)
    held = dovecot.read(user, "INBOX")
    if early:  # the server forgets the sizes too, so that telling them fails already
        stored = files(dovecot, user)
        for broken in [stored[index] for index in bad]:
            make_unreadable(broken.rename(broken.with_name(re.sub(r",.*", "", broken.name))))
        for index_file in dovecot.maildir(user).glob("dovecot.index*"):
            index_file.unlink()
    with opened(mailbox_on(dovecot, user), "INBOX") as mailbox:
        heads = mailbox.heads(mailbox.uids(1))
        for index in [] if early else bad:
            make_unreadable(files(dovecot, user)[index])
        mails = list(mailbox.fetch(heads))
    assert sorted(mail.body for mail in mails if not mail.unreadable) == sorted(
        body for index, body in enumerate(held) if index not in bad
    )
    assert len([mail for mail in mails if mail.unreadable]) == len(bad)


def test_the_only_mail_is_one_that_can_not_be_read(dovecot: Dovecot) -> None:
    user = filled(dovecot, 1)
    make_unreadable(files(dovecot, user)[0])
    with opened(mailbox_on(dovecot, user), "INBOX") as mailbox:
        [mail] = mailbox.fetch(mailbox.heads(mailbox.uids(1)))
        assert mail.unreadable
        assert mailbox.file([mail.ref.uid], "Processed").moved == (mail.ref.uid,)


def test_a_wrong_size_in_the_name_of_a_file_heals(dovecot: Dovecot) -> None:
    """Dovecot hangs up in the FETCH, renames the file, and gives the mail another UID: none is lost or given up."""
    user = filled(dovecot, 5)
    for file in files(dovecot, user)[1:3]:
        file.rename(file.with_name(re.sub(r"W=\d+", "W=66", file.name)))
    seen = 0
    mails: list[RawMail] = []
    for _ in range(2):
        with opened(mailbox_on(dovecot, user), "INBOX") as mailbox:
            uids = mailbox.uids(seen + 1)
            mails += mailbox.fetch(mailbox.heads(uids))
            seen = max([seen, *uids])
    assert sorted(mail.body for mail in mails) == [PLAIN % number for number in range(5)]
    assert not any(mail.unreadable for mail in mails)


def test_thrown_out_in_the_middle(dovecot: Dovecot) -> None:
    user = filled(dovecot, 420)
    with opened(mailbox_on(dovecot, user), "INBOX") as mailbox:
        bodies = []
        for mail in mailbox.fetch(mailbox.heads(mailbox.uids(1))):
            bodies.append(mail.body)
            if len(bodies) in {200, 400}:
                dovecot.doveadm("kick", user)
        assert sorted(bodies) == sorted(PLAIN % number for number in range(420))
        mailbox.close()  # the last kick may have come when all had been read: only a live session can be thrown out
        mailbox.open()
        mailbox.select("INBOX")
        dovecot.doveadm("kick", user)
        with pytest.raises(MailboxError, match="closed the connection"):
            mailbox.file(mailbox.uids(1), "Processed")


def test_a_folder_that_is_renumbered_under_a_live_session(dovecot: Dovecot) -> None:
    user = filled(dovecot, 3)
    with opened(mailbox_on(dovecot, user)) as mailbox:
        before = mailbox.select("INBOX")
        dovecot.doveadm("mailbox", "update", "-u", user, "--uid-validity", str(before.uidvalidity + 7), "INBOX")
        try:
            kept = {mail.ref.uidvalidity for mail in mailbox.fetch(mailbox.heads(mailbox.uids(1)))}
        except MailboxError:
            kept = set()
        assert kept <= {before.uidvalidity}
        mailbox.open()
        assert mailbox.select("INBOX").uidvalidity == before.uidvalidity + 7
        assert len(mailbox.uids(1)) == 3


@pytest.mark.parametrize("came", [1, 2, 3])
def test_numbers_that_a_restored_server_gives_again_stand_for_other_mails(dovecot: Dovecot, came: int) -> None:
    """Its backup knows of one mail, and two more were read when it was put back; ``came`` have come in since."""
    user = dovecot.user()
    dovecot.append(user, "INBOX", PLAIN % 0, when=datetime(2026, 4, 20, tzinfo=UTC))
    kept = dovecot.maildir(user).with_name("kept")
    shutil.copytree(dovecot.maildir(user), kept)
    dovecot.append(user, "INBOX", PLAIN % 1, PLAIN % 2, when=datetime(2026, 4, 21, tzinfo=UTC))
    with opened(mailbox_on(dovecot, user)) as mailbox:
        before = mailbox.select("INBOX")
        known = {head.uid: head.internal_date for head in mailbox.heads(mailbox.uids(1))}

        def of(uids: range) -> dict[int, datetime]:
            return {uid: date for uid, date in known.items() if uid in uids}

        assert not given_again(mailbox, before, before.uidnext, of)
    shutil.rmtree(dovecot.maildir(user))
    shutil.copytree(kept, dovecot.maildir(user))
    for file in [dovecot.maildir(user), *dovecot.maildir(user).rglob("*")]:
        shutil.chown(file, dovecot.maildir(user).parent.owner(), dovecot.maildir(user).parent.group())
    dovecot.append(user, "INBOX", *(PLAIN % (7 + one) for one in range(came)), when=datetime(2026, 4, 22, tzinfo=UTC))
    with opened(mailbox_on(dovecot, user)) as mailbox:
        after = mailbox.select("INBOX")
        assert (after.uidvalidity, after.uidnext) == (before.uidvalidity, before.uidnext - 2 + came)
        assert given_again(mailbox, after, before.uidnext, of)


def test_a_folder_removed_between_two_filings_is_made_again(dovecot: Dovecot) -> None:
    user = filled(dovecot, 2)
    with opened(mailbox_on(dovecot, user), "INBOX") as mailbox:
        first, second = mailbox.uids(1)
        mailbox.file([first], "Processed")
        dovecot.doveadm("mailbox", "delete", "-s", "-u", user, "Processed")
        with pytest.raises(MailboxError, match="can't be moved to Processed"):
            mailbox.file([second], "Processed")
        assert mailbox.file([second], "Processed") == Filed((second,), ())
    assert dovecot.read(user, "Processed") == [PLAIN % 1]


def test_two_make_the_same_folder_at_once(dovecot: Dovecot) -> None:
    user = filled(dovecot, 1)
    with opened(mailbox_on(dovecot, user)) as one:
        told = one._session.exists
        names = []

        def late(folder: str) -> bool:
            names.append(folder)
            if len(names) == 1:  # it looks, sees nothing, and then another program is faster
                dovecot.create(user, "Processed")
                return False
            return told(folder)

        one._session.exists = late  # type: ignore[method-assign]
        one.ensure_folder("Processed")
    assert len(names) == 2


def test_without_uidplus_the_mail_is_copied_once_and_marked(dovecot_bare: Dovecot) -> None:
    user = filled(dovecot_bare, 3)
    with dovecot_bare.client(user) as other:
        other.select_folder("INBOX")
        other.add_flags([2], [b"\\Deleted"])
    for _ in range(2):
        with opened(mailbox_on(dovecot_bare, user), "INBOX") as mailbox:
            assert mailbox.file([1, 3], "Processed") == Filed((1, 3), ())
    assert dovecot_bare.read(user, "Processed") == [PLAIN % 0, PLAIN % 2]
    flags = dovecot_bare.flags(user, "INBOX")
    assert flags == {
        1: {b"\\Deleted", COPIED.encode()},
        2: {b"\\Deleted"},
        3: {b"\\Deleted", COPIED.encode()},
    }


def test_without_uidplus_nothing_is_removed_but_all_is_marked(dovecot_bare: Dovecot) -> None:
    user = filled(dovecot_bare, 3)
    with opened(mailbox_on(dovecot_bare, user), "INBOX") as mailbox:
        assert mailbox.remove([1, 3, 99]) == Filed((99,), (1, 3))
    assert dovecot_bare.flags(user, "INBOX") == {1: {b"\\Deleted"}, 2: set(), 3: {b"\\Deleted"}}


def test_without_namespace_the_place_below_inbox_is_found(dovecot_bare: Dovecot) -> None:
    user = dovecot_bare.user()
    dovecot_bare.append(user, "Réclamations/Été", PLAIN % 1)
    with opened(mailbox_on(dovecot_bare, user)) as mailbox:
        assert mailbox.select("Réclamations/Été").exists == 1
        mailbox.ensure_folder("Processed/2026")
        assert mailbox.select("Processed/2026").exists == 0
    with dovecot_bare.client(user) as other:
        assert "INBOX.Processed.2026" in [name for _, _, name in other.list_folders()]


def test_a_crash_between_mark_and_expunge(dovecot_inbox: Dovecot) -> None:
    user = filled(dovecot_inbox, 3)
    dovecot_inbox.create(user, "Processed")
    with dovecot_inbox.client(user) as other:
        other.select_folder("INBOX")
        other.copy([1, 2], dovecot_inbox.folder("Processed"))
        other.add_flags([1, 2], [b"\\Deleted", COPIED.encode()])
    with opened(mailbox_on(dovecot_inbox, user), "INBOX") as mailbox:
        assert mailbox.file([1, 2, 3], "Processed") == Filed((1, 2, 3), ())
    assert dovecot_inbox.read(user, "Processed") == [PLAIN % number for number in range(3)]
    assert dovecot_inbox.read(user, "INBOX") == []


@pytest.mark.dovecot
def test_a_password_of_any_letters() -> None:
    server = Dovecot()
    server.password = "pâté"
    with server:
        user = server.user()
        with opened(mailbox_on(server, user), "INBOX") as mailbox:
            assert mailbox.uids(1) == []


def test_an_address_of_this_machine_that_is_not_loopback_is_refused() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("192.0.2.1", 9))  # sends nothing: only asks which address would be ours
        ours = str(probe.getsockname()[0])
    with ScriptedImap(lambda peer: peer.hang(), address=ours) as server:
        mailbox = ImapMailbox(Settings(server.port, host=ours, security="none"), lambda: Secret("x"), deadline_s=5.0)
        with pytest.raises(MailboxError, match="for this machine only"):
            mailbox.open()
        assert server.heard == []
