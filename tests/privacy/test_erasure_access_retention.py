"""Erasing, handing out, keeping no longer than is right: by the command, on real mailboxes."""

from __future__ import annotations

import json
import stat
import zipfile
from pathlib import Path

import pytest
from servers.postfix import Postfix
from servers.world import World, addresses, world

ALL_OF_IT = ("one", "two", "claim", "answer", "else")
OPENED, LATER, NEXT_YEAR = "2027-03-01T02:00:00+01:00", "2027-03-01T04:00:00+01:00", "2028-04-01T02:00:00+02:00"


def mail(name: str, sender: str, to: str, subject: str, text: str, *more: str) -> bytes:
    lines = [
        f"From: {sender}", f"To: {to}", f"Subject: {subject}", f"Message-ID: <{name}@people.example>",
        "Date: Mon, 01 Mar 2027 01:00:00 +0100", *more, "", text, "",
    ]  # fmt: skip
    return "\r\n".join(lines).encode()


@pytest.fixture
def case(place: World) -> tuple[World, str]:
    """A case on each pair of servers in turn."""
    return begun(place)


@pytest.fixture
def quick(embedded: World) -> tuple[World, str]:
    """A case on the embedded servers, for what does not depend on the server."""
    return begun(embedded)


def begun(place: World) -> tuple[World, str]:
    """A case with a follow-up, a command and an answer of an organizer; beside it another person's case."""
    reporter = "rita@people.example"
    place.configure(more='[retention]\nclosed_cases = "90d"\n', start="all")
    place.deliver(mail("one", f"Rita <{reporter}>", place.community, "Code of conduct", "Somebody shouted at me."))
    place.deliver(mail("else", "Olaf <olaf@people.example>", place.community, "Is there a lift?", "Hi, a lift?"))
    assert place.run("once", "--now", OPENED).code in {0, 1, 75}
    ann = place.people[0]
    [copy] = [one for one in place.arrived(ann.address) if b"<one@people.example>" in one.raw]
    token = copy.head["Message-ID"]
    place.deliver(
        mail(
            "two",
            f"Rita <{reporter}>",
            place.community,
            "Re: Code of conduct",
            "And again.",
            "References: <one@people.example>",
        ),
    )
    place.deliver(
        mail("claim", ann.address, place.community, "Re: report", "claim", f"In-Reply-To: {token}"), ann.address
    )
    place.deliver(
        mail("answer", ann.address, f"{reporter}, {place.community}", "Re: report", "Dear Rita, thank you.",
             f"In-Reply-To: {token}", "References: <one@people.example>"), ann.address,
    )  # fmt: skip
    assert place.run("once", "--now", LATER).code in {0, 1, 75}
    return place, copy.case


def ids_in(place: World) -> list[str]:
    held = [raw for folder in ("INBOX", "Junk", "Processed") for raw in place.filed(folder)]
    return sorted(
        name
        for raw in held
        for name in ("one", "two", "claim", "answer", "else")
        if f"Message-ID: <{name}@".encode() in raw
    )


def test_a_case_is_erased_everywhere_it_can_be_reached(case: tuple[World, str]) -> None:
    place, code = case
    assert ids_in(place) == ["answer", "claim", "else", "one", "two"]
    refused = place.run("erase", code)
    assert (refused.code, refused.out) == (2, "")
    assert "4 mail(s)" in refused.err
    assert "--yes" in refused.err
    assert len(ids_in(place)) == 5

    done = place.run("erase", code, "--yes")
    assert (done.code, done.err) == (0, "")
    assert "Processed: 4 mail(s) deleted" in done.out
    assert "Ann Willems" in done.out  # whose copy nobody but she can delete
    assert "backups" in done.out
    assert ids_in(place) == ["else"]
    assert code not in place.run("cases", "list", "--all").out
    assert code not in place.run("outbox", "list", "--all").out
    assert place.run("audit").code == 0

    again = place.run("erase", code, "--yes")
    assert again.code == 1
    assert "was erased on" in again.err
    quiet = place.run("once", "--json", "--now", LATER).json
    assert (quiet["accepted"], quiet["duplicates"]) == (0, 0)


@pytest.mark.parametrize("watched", [False, True])
def test_copies_that_the_server_keeps_of_everything_go_too(postfix: Postfix, tmp_path: Path, watched: bool) -> None:
    place, code = begun(world(postfix.dovecot, postfix, tmp_path, addresses(f"copies{int(watched)}-")))
    mails = {name: next(raw for raw in place.filed() if f"Message-ID: <{name}@".encode() in raw) for name in ALL_OF_IT}
    ours = [one.raw for who in place.people for one in place.arrived(who.address, 1) if one.case == code]
    assert len(ours) > 2
    of_another = [one.raw for one in place.arrived(place.people[0].address) if one.case not in {"", code}]
    # Somebody has given their mail the Message-ID of the reporter's.
    forged = mail("one", "mallory@people.example", place.community, "Not that one", "Other words.")
    place.imap.append(place.community, "Sent", *ours, *of_another)
    with place.imap.client(place.community) as hand:
        hand.create_folder(place.imap.folder("All Mail"))
        hand.create_folder(place.imap.folder("Trash"))
    place.imap.append(place.community, "All Mail", *mails.values(), *ours, *of_another, forged)
    place.imap.append(place.community, "Trash", mails["one"])
    if watched:
        place.configure(folders='["INBOX", "Junk"]\nsent = "Sent"', start="all")
        assert place.run("once", "--now", LATER).code in {0, 1, 75}

    done = place.run("erase", code, "--yes", "--json")
    assert (done.code, done.json["not_found"]) == (0, 0), done
    assert set(done.json["searched"]) == {"help/Sent", "help/All Mail", "help/Trash"}
    [elsewhere] = [line for line in done.json["out_of_reach"] if "Sent folder" in line]
    assert place.smtp.user in elsewhere  # whose mailbox is another one here
    left = {name: sorted(place.filed(name)) for name in ("Sent", "All Mail", "Trash", "Processed")}
    assert left["Sent"] == sorted(place.imap.read(place.community, "Sent"))
    assert len(left["Sent"]) == len(of_another) > 0
    assert len(left["All Mail"]) == len(of_another) + 2
    assert [raw for raw in left["All Mail"] if b"mallory" in raw]
    assert [raw for raw in left["All Mail"] if b"Message-ID: <else@" in raw]
    assert left["Trash"] == []
    assert not [raw for held in left.values() for raw in held if code.encode() in raw or b"shouted at me" in raw]
    assert place.run("audit").code == 0


def test_a_server_that_restores_an_erased_mail_makes_no_new_case(quick: tuple[World, str]) -> None:
    place, code = quick
    [original] = [raw for raw in place.filed() if b"Message-ID: <one@" in raw]
    assert place.run("erase", code, "--yes").code == 0
    place.imap.append(place.community, "INBOX", original)
    pass_ = place.run("once", "--json", "--now", LATER).json
    assert (pass_["accepted"], pass_["duplicates"], pass_["sent"]) == (0, 1, 0)


def test_mail_that_somebody_moved_is_found_and_what_is_gone_is_told(case: tuple[World, str]) -> None:
    place, code = case
    with place.imap.client(place.community) as hand:
        hand.select_folder(place.imap.folder("Processed"))
        [one] = hand.search(["HEADER", "Message-ID", "<one@people.example>"])
        hand.copy([one], place.imap.folder("Junk"))
        [two] = hand.search(["HEADER", "Message-ID", "<two@people.example>"])
        hand.delete_messages([one, two])
        hand.expunge()
    done = place.run("erase", code, "--yes", "--json")
    assert done.code == 1
    assert done.json["removed"] == {"help/Junk": 1, "help/Processed": 2}
    assert done.json["not_found"] == 1
    assert ids_in(place) == ["else"]


def test_nothing_is_erased_while_the_mailbox_is_out_of_reach(quick: tuple[World, str]) -> None:
    place, code = quick
    place.configure(more='[retention]\nclosed_cases = "90d"\n', **{"imap-password": "wrong"})
    failed = place.run("erase", code, "--yes")
    assert (failed.code, failed.out) == (1, "")
    assert "can't log in" in failed.err
    place.configure()
    assert place.run("cases", "show", code).code == 0
    assert len(ids_in(place)) == 5


def test_a_held_case_is_neither_erased_nor_outlived(quick: tuple[World, str]) -> None:
    place, code = quick
    assert place.run("hold", code).code == 0
    refused = place.run("erase", code, "--yes")
    assert refused.code == 1
    assert f"intake hold {code} --end" in refused.err
    assert place.run("hold", code, "--end").code == 0
    assert place.run("hold", "CGB-NOSUCH").code == 1
    assert len(ids_in(place)) == 5


def test_access_gives_the_reporter_s_part_and_other_people_s_apart(quick: tuple[World, str]) -> None:
    place, code = quick
    target = place.folder / "out"
    done = place.run("export", code, "--to", "out", "--json")
    assert (done.code, done.json["reporter_mails"], done.json["other_mails"]) == (0, 2, 2)
    [path] = target.iterdir()
    assert (stat.S_IMODE(path.stat().st_mode), stat.S_IMODE(target.stat().st_mode)) == (0o600, 0o700)
    with zipfile.ZipFile(path) as bundle:
        held = {name: bundle.read(name) for name in bundle.namelist()}
    assert sorted(held) == [
        "README.txt", "others/case.json", "others/log.json", "others/mail-001.eml", "others/mail-002.eml",
        "others/messages.json", "others/notes.json", "others/withheld.json",
        "reporter/case.json", "reporter/mail-001.eml", "reporter/mail-002.eml",
    ]  # fmt: skip
    theirs = held["reporter/mail-001.eml"] + held["reporter/mail-002.eml"]
    assert b"<one@people.example>" in theirs
    assert b"And again." in theirs
    assert b"Dear Rita" not in theirs
    assert json.loads(held["reporter/case.json"])["code"] == code
    ours = b"".join(
        content for name, content in held.items() if name.startswith("reporter/") and name.endswith(".json")
    )
    assert not [one for one in place.people if one.address.encode() in ours or one.name.encode() in ours]
    assert any(place.people[0].address == one["to"] for one in json.loads(held["others/messages.json"]))
    assert sorted(set(theirs.splitlines())) == sorted(
        {
            line
            for raw in place.filed()
            if b"Message-ID: <one@" in raw or b"Message-ID: <two@" in raw
            for line in raw.splitlines()
        }
    )

    before = path.read_bytes()
    again = place.run("export", code, "--to", "out")
    assert again.code == 1
    assert "is there already" in again.err
    assert path.read_bytes() == before
    assert place.run("export", "CGB-NOSUCH", "--to", "out").code == 1
    assert len(ids_in(place)) == 5


def test_a_copy_of_an_organizer_s_mail_is_none_of_the_reporter_s(quick: tuple[World, str]) -> None:
    place, code = quick
    [answer] = [raw for raw in place.filed() if b"Message-ID: <answer@" in raw]
    place.imap.append(place.community, "INBOX", answer)
    assert place.run("once", "--json", "--now", LATER).json["duplicates"] == 1
    done = place.run("export", code, "--to", "out", "--json").json
    assert (done["reporter_mails"], done["other_mails"], done["not_found"]) == (2, 2, 0)
    with zipfile.ZipFile(place.folder / done["file"]) as bundle:
        theirs = b"".join(bundle.read(name) for name in bundle.namelist() if name.startswith("reporter/"))
    assert b"Dear Rita" not in theirs
    assert place.run("erase", code, "--yes", "--json").json["not_found"] == 0
    assert ids_in(place) == ["else"]


def closed(place: World, code: str) -> None:
    """Ann closes the case by mail."""
    ann = place.people[0]
    [copy] = [one for one in place.arrived(ann.address) if one.case == code and one.kind == "report"]
    place.deliver(
        mail("close", ann.address, place.community, "Re: report", "close warning", f"In-Reply-To: {copy.head['Message-ID']}"),
        ann.address,
    )  # fmt: skip
    assert place.run("once", "--now", LATER).code in {0, 1, 75}


def erased(place: World, month_and_day: str) -> int:
    """How many cases a pass on that day in 2027 erases by itself."""
    return int(place.run("once", "--json", "--now", f"2027-{month_and_day}T02:00:00+01:00").json["erased"])


def test_a_case_goes_by_itself_when_its_time_is_up(quick: tuple[World, str]) -> None:
    place, code = quick
    closed(place, code)
    assert erased(place, "05-29") == 0  # closed on 1 March, kept for 90 days
    assert len(ids_in(place)) == 5
    place.run("hold", code)
    assert erased(place, "06-02") == 0
    place.run("hold", code, "--end")
    assert erased(place, "06-02") == 0  # once a day
    done = place.run("once", "--now", "2027-06-03T05:00:00+02:00")
    assert "whose time was up has been erased" in done.err
    assert code not in done.err  # whoever reads the log may be somebody who must not know of the case
    assert ids_in(place) == ["else"]
    assert code not in place.run("cases", "list", "--all").out
    assert erased(place, "06-05") == 0
    assert place.run("audit").code == 0


def test_a_rule_that_was_made_shorter_takes_nothing_away_unannounced(quick: tuple[World, str]) -> None:
    place, code = quick
    closed(place, code)
    assert erased(place, "03-20") == 0
    place.configure(more='[retention]\nclosed_cases = "9d"\n')
    assert erased(place, "03-21") == 0
    assert code in place.run("digest", "--json", "--now", "2027-03-21T02:00:00+01:00").out
    assert erased(place, "04-03") == 0
    assert erased(place, "04-05") == 1
    assert ids_in(place) == ["else"]


def test_what_can_t_be_erased_now_is_told_and_tried_again(quick: tuple[World, str]) -> None:
    place, code = quick
    closed(place, code)
    place.configure(more='[retention]\nclosed_cases = "90d"\n', **{"imap-password": "wrong"})
    failed = place.run("once", "--now", "2027-06-03T03:00:00+02:00")
    assert failed.code == 75
    assert "what is due is not erased yet: " in failed.err
    assert code not in failed.err
    place.configure(more='[retention]\nclosed_cases = "90d"\n')
    assert place.run("cases", "show", code).code == 0
    assert erased(place, "06-03") == 0  # four hours later: not at every pass
    assert erased(place, "06-04") == 1


def test_retention_counts_then_erases_then_tells(quick: tuple[World, str]) -> None:
    place, code = quick
    closed(place, code)
    early = place.run("retention", "--apply", "--json", "--now", "2027-04-01T02:00:00+02:00").json
    assert (early["due"], early["erased"]) == ([], [])
    assert "intake retention --apply" in place.run("status", "--now", NEXT_YEAR).out
    dry = place.run("retention", "--now", NEXT_YEAR)
    assert f"{code}: closed before" in dry.out
    assert "--apply" in dry.out
    assert code in place.run("cases", "list", "--all").out
    place.run("hold", code)
    kept = place.run("retention", "--apply", "--json", "--now", NEXT_YEAR).json
    assert (kept["due"], kept["held"], kept["erased"]) == ([], [code], [])
    place.run("hold", code, "--end")
    told = place.run("retention", "--apply", "--json", "--now", NEXT_YEAR)
    assert told.code == 0
    [erased] = told.json["erased"]
    assert (erased["code"], erased["mails"], erased["not_found"]) == (code, 5, 0)
    assert ids_in(place) == ["else"]
    assert place.run("audit").code == 0
