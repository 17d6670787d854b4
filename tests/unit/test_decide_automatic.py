"""Who gets an automatic answer, and where: one line for each reason there is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intake.decide.automatic import Own, is_deliverable, sender
from intake.model import Kind, Sender
from intake.receive.parse import parse

OWN = Own(frozenset({"help@example.org", "team@example.org"}))
PERSON = "From: Rita <rita@example.com>\nTo: help@example.org\nSubject: Code-of-conduct\n"


def said(headers: str, body: str = "Hello, something happened.") -> Sender:
    return sender(parse(f"{headers}\n{body}\n".encode()), OWN)


@pytest.mark.parametrize(
    ("more", "kind", "reason"),
    [
        ("Auto-Submitted: auto-replied\n", "automatic", "auto-submitted:auto-replied"),
        ("Auto-Submitted: auto-generated (by a form)\n", "automatic", "auto-submitted:auto-generated"),
        ("Auto-Submitted: auto-replied; owner-email=x@y.example\n", "automatic", "auto-submitted:auto-replied"),
        ("auto-submitted: AUTO-NOTIFIED\n", "automatic", "auto-submitted:auto-notified"),
        ("Auto-Submitted: yes\n", "automatic", "auto-submitted:other"),
        ("Auto-Submitted: no\nAuto-Submitted: auto-replied\n", "automatic", "auto-submitted:auto-replied"),
        ("Precedence: bulk\n", "list", "list:precedence-bulk"),
        ("Precedence: first-class\nPrecedence: LIST\n", "list", "list:precedence-list"),
        ("Precedence: junk\n", "list", "list:precedence-junk"),
        ("Precedence: auto_reply\n", "automatic", "precedence:auto-reply"),
        ("X-Autoreply: yes\n", "automatic", "header:x-autoreply"),
        ("X-Autorespond: Re: hello\n", "automatic", "header:x-autorespond"),
        ("X-POST-MessageClass: 9; Autoresponder\n", "automatic", "header:x-post-messageclass"),
        ("X-Loop: help@example.net\n", "automatic", "header:x-loop"),
        ("X-FC-MachineGenerated: true\n", "automatic", "header:x-fc-machinegenerated"),
        ("X-Auto-Response-Suppress: All\n", "automatic", "suppress:all"),
        ("X-Auto-Response-Suppress: DR, OOF, AutoReply\n", "automatic", "suppress:autoreply"),
        ("Delivered-To: Autoresponder\n", "automatic", "header:delivered-to"),
        ("X-Mailer: vacation 1.2.7\n", "automatic", "header:responder"),
        ("Return-Path: <>\n", "bounce", "bounce:null-sender"),
        ("Return-Path: <>\nAuto-Submitted: auto-replied\n", "automatic", "auto-submitted:auto-replied"),
        ("Return-Path: <#@[]>\n", "bounce", "bounce:null-sender"),
        ("X-MS-Exchange-Message-Is-Ndr: 1\n", "bounce", "bounce:failed-recipients"),
        ("X-Apple-Action: VACATION\n", "automatic", "header:responder"),
        ("Return-Path: <MAILER-DAEMON>\n", "bounce", "bounce:daemon"),
        ("X-Failed-Recipients: a@b.example\n", "bounce", "bounce:failed-recipients"),
        ("List-Id: Friends <friends.example.net>\n", "list", "list:list-id"),
        ("List-Unsubscribe: <mailto:x@example.net>\n", "list", "list:list-unsubscribe"),
        ("Mailing-List: contact x-help@example.net; run by ezmlm\n", "list", "list:mailing-list"),
        ("X-BeenThere: friends@example.net\n", "list", "list:x-beenthere"),
        ("Sender: owner-friends@example.net\n", "list", "list:role-sender"),
        ("Return-Path: <friends-bounces@example.net>\n", "list", "list:envelope"),
        ("X-Intake-Kind: acknowledgement\n", "automatic", "header:x-intake-kind"),
    ],
)
def test_marks_of_machines(more: str, kind: str, reason: str) -> None:
    found = said(PERSON + more)
    assert (found.kind.value, found.reason, found.acknowledge, found.to) == (kind, reason, False, None)


@pytest.mark.parametrize(
    "more",
    [
        "Auto-Submitted: no\n",
        "Auto-Submitted: No; whatever\n",
        "Precedence: normal\n",
        "X-Auto-Response-Suppress: DR, RN, NRN, OOF\n",
        "X-Auto-Response-Suppress: None\n",
        "X-Auto-Response-Suppress: DR, OOF, AutoReply\nX-MS-Exchange-Organization-SCL: -1\n",
        "X-Autoreply: no\n",
        "X-Mailer: Microsoft Outlook 16.0\n",
        "Return-Path: <rita@example.com>\n",
        "List-Id: Help <help.example.org>\nPrecedence: list\nList-Post: <mailto:help@example.org>\n",
        "Importance: high\nX-Priority: 1\nDisposition-Notification-To: rita@example.com\n",
        "X-Loop:\n",
    ],
)
def test_people_with_odd_headers(more: str) -> None:
    found = said(PERSON + more)
    assert found.kind is Kind.PERSON
    assert found.acknowledge
    assert found.to is not None
    assert found.to.email == "rita@example.com"


@pytest.mark.parametrize(
    ("author", "kind", "reason"),
    [
        ("MAILER-DAEMON@mx.example.com (Mail Delivery System)", "bounce", "bounce:daemon"),
        ("MAILER-DAEMON", "bounce", "bounce:daemon"),
        ("Mail Delivery Subsystem <x@example.com>", "bounce", "bounce:daemon-name"),
        ("postmaster@example.com", "bounce", "bounce:postmaster"),
        ("no-reply@example.com", "automatic", "sender:no-reply"),
        ("Shop <orders-noreply@example.com>", "automatic", "sender:no-reply"),
        ("do_not_reply@example.com", "automatic", "sender:no-reply"),
        ("donotreply+123@example.com", "automatic", "sender:no-reply"),
        ("ne-pas-repondre@example.com", "automatic", "sender:no-reply"),
        ("keine-antwort@example.com", "automatic", "sender:no-reply"),
        ("cron@host.example.com", "automatic", "sender:machine"),
        ("friends-request@example.net", "list", "list:role-sender"),
        ("owner-friends@example.net", "list", "list:role-sender"),
        ("LISTSERV@example.net", "list", "list:role-sender"),
        ("Help <help@example.org>", "automatic", "sender:own-form"),
        ("team+x@example.org", "automatic", "sender:own-form"),
        ("", "person", "author:empty-from"),
        ("<>", "person", "author:empty-from"),
        ("Rita", "person", "author:invalid-from"),
        ("Friends: a@example.com, b@example.com;", "person", "author:group-from"),
        ("undisclosed-recipients:;", "person", "author:group-from"),
        ("a@example.com, b@example.com", "person", "author:several-authors"),
        ("Rita\x00 <rita@example.com>", "person", "author:control-in-from"),
        ("=?utf-8?q?Rita=0D=0ABcc=3A_x?= <rita@example.com>", "person", "author:control-in-from"),
        ("rita@example.invalid", "person", "author:invalid-address"),
        ("rita@[192.0.2.1]", "person", "author:invalid-address"),
        ('"a b"@example.com', "person", "author:invalid-address"),
        ("rita@-example.com", "person", "author:invalid-address"),
    ],
)
def test_authors_that_get_none(author: str, kind: str, reason: str) -> None:
    found = said(f"From: {author}\nTo: help@example.org\nSubject: Code-of-conduct\n")
    assert (found.kind.value, found.reason, found.acknowledge, found.to) == (kind, reason, False, None)


def test_two_from_headers_are_no_author() -> None:
    found = said("From: a@example.com\n" + PERSON)
    assert (found.kind, found.acknowledge, found.reason) == (Kind.PERSON, False, "author:several-from")


@pytest.mark.parametrize(
    ("author", "email"),
    [
        ("rita@example.com", "rita@example.com"),
        ("Rita <RITA@Example.COM>", "RITA@example.com"),
        ("rita@example.com (Rita)", "rita@example.com"),
        ('"Rita, R." <rita@example.com>', "rita@example.com"),
        ("Reporter, Rita <rita@example.com>", "rita@example.com"),
        ("=?iso-2022-jp?B?GyRCOzNFRBsoQg==?= <yamada@example.jp>", "yamada@example.jp"),
        ("Rita <rita@bücher.example>", "rita@bücher.example"),
        ("Rita <rita@xn--bcher-kva.example>", "rita@xn--bcher-kva.example"),
        ("Юрий <\u0440\u0438\u0442\u0430@пример.рф>", "\u0440\u0438\u0442\u0430@пример.рф"),
        ("no.replyson@example.com", "no.replyson@example.com"),
        ("noreen@example.com", "noreen@example.com"),
        ("norepeat@example.com", "norepeat@example.com"),
        ("r.o'neil+coc@example.com", "r.o'neil+coc@example.com"),
        ("webmaster@example.com", "webmaster@example.com"),
        ("abouncer@example.com", "abouncer@example.com"),
    ],
)
def test_authors_that_get_one(author: str, email: str) -> None:
    found = said(f"From: {author}\nTo: help@example.org\nSubject: Code-of-conduct\n")
    assert found.acknowledge, found.reason
    assert found.to is not None
    assert found.to.email == email


@pytest.mark.parametrize(
    "subject",
    [
        "Automatic reply: Code-of-conduct", "Autoreply: hello", "[Auto-Reply] hello", "Auto Response: x", "Out of Office", "Out of the office: back Monday",
        "Out of Office AutoReply: hello", "Vacation reply", "Abwesenheitsnotiz: Hallo", "Automatische Antwort: Hallo",
        "Automatisch antwoord: Hallo", "Afwezigheidsbericht", "Réponse automatique : Bonjour", "Absence du bureau", "Message d'absence", "Absent du bureau : Bonjour",
        "Respuesta automática: hola", "Fuera de la oficina", "Risposta automatica: ciao", "Fuori sede", "Resposta automática: olá", "Autosvar: hej", "Automatiskt svar: hej", "Automatisk svar: hei",
        "Automaattinen vastaus: moi", "Odpowiedź automatyczna: x", "Automatická odpověď: x", "自動返信: x", "【自動応答】x", "自动回复: x", "자동 회신: x", "Автоматический ответ: x", "Αυτόματη απάντηση: x",
    ],
)  # fmt: skip
def test_out_of_office_by_subject(subject: str) -> None:
    found = sender(
        parse(f"From: rita@example.com\nTo: help@example.org\nSubject: {subject}\n\nI am away.\n".encode()), OWN
    )
    assert (found.kind.value, found.reason) == ("automatic", "subject:out-of-office")


@pytest.mark.parametrize(
    "subject",
    [
        "Auto: hello",
        "OOO: hello",
        "I am out of the office",
        "On vacation",
        "Abwesend: Hallo",
        "Afwezig: terug op maandag",
    ],
)
def test_words_of_people_and_programs_need_a_body_that_says_the_same(subject: str) -> None:
    mail = f"From: rita@example.com\nTo: help@example.org\nSubject: {subject}\n\n"
    away = sender(parse(f"{mail}I am away.\n".encode()), OWN)
    assert (away.kind, away.acknowledge, away.reason) == (Kind.PERSON, False, "wording:out-of-office")
    assert sender(parse(f"{mail}Somebody followed me.\n".encode()), OWN).acknowledge
    assert sender(parse(f"{mail}I am away, because somebody followed me.\n".encode()), OWN).acknowledge


@pytest.mark.parametrize(
    "subject",
    [
        "Auto parking", "Automatic door hit me", "Out of order microphone", "Somebody was out of line", "Vacation rental for speakers", "Re: your talk about autoresponders", "Office hours", "Absence of ramps",
        "Afwezigheid van een helling", "Absence de rampe", "Undelivered badges", "Delivery of the banners", "Fwd: Undeliverable: my report", "TR: Échec de la remise", "WG: Unzustellbar: Bericht", "I am away on Tuesday", "Returned badge",
        "Mail delivery to the venue",
    ],
)  # fmt: skip
def test_subjects_of_people(subject: str) -> None:
    found = sender(parse(f"From: rita@example.com\nTo: help@example.org\nSubject: {subject}\n\nHello.\n".encode()), OWN)
    assert found.acknowledge, found.reason


DSN = (
    "MIME-Version: 1.0\nContent-Type: multipart/report; report-type=delivery-status; boundary=b\n\n--b\n\nIt failed.\n"
    "--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example.com\n\nFinal-Recipient: rfc822; a@b.example\n"
    "Action: failed\nStatus: 5.1.1\n\n--b\nContent-Type: message/rfc822\n\nFrom: help@example.org\nSubject: x\n\nbody\n--b--\n"
)


def test_structure_tells_a_bounce_and_forwarding_one_makes_nobody_a_machine() -> None:
    assert said("From: x@example.com\n" + DSN, "").reason == "bounce:dsn"
    forwarded = (
        "From: Rita <rita@example.com>\nSubject: Fwd: it came back\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=o\n\n"
        "--o\n\nIs this from you?\n--o\nContent-Type: message/rfc822\n\nFrom: MAILER-DAEMON@example.com\nReturn-Path: <>\n"
        + DSN
        + "\n--o--\n"
    )
    assert said(forwarded, "").acknowledge


def test_a_receipt_is_automatic() -> None:
    receipt = DSN.replace("delivery-status", "disposition-notification")
    assert said("From: rita@example.com\n" + receipt, "").reason == "receipt:mdn"


def test_enclosed_headers_make_no_machine() -> None:
    text = "Auto-Submitted: auto-replied\nPrecedence: bulk\nX-Failed-Recipients: a@b.example\nOut of office"
    assert said(PERSON, f"This came to me:\n\n{text}\n> {text}").acknowledge


@pytest.mark.parametrize(
    ("more", "email", "reason"),
    [
        ("Reply-To: rita+coc@example.com\n", "rita+coc@example.com", "person:reply-to"),
        ("Reply-To: r.private@example.com\n", "r.private@example.com", "person:reply-to"),
        ("Reply-To: rita@mail.example.com\n", "rita@mail.example.com", "person:reply-to"),
        ("Reply-To: victim@example.net\n", "rita@example.com", "person:reply-to-elsewhere"),
        ("Reply-To: rita@example.com, victim@example.net\n", "rita@example.com", "person"),
        ("Reply-To: rita@example.com\nReply-To: victim@example.net\n", "rita@example.com", "person"),
        ("Reply-To: help@example.org\n", "rita@example.com", "person"),
        ("Reply-To: no-reply@example.com\n", "rita@example.com", "person:reply-to-elsewhere"),
        ("Reply-To:\n", "rita@example.com", "person"),
    ],
)
def test_reply_to_only_where_it_is_safe(more: str, email: str, reason: str) -> None:
    found = said(PERSON + more)
    assert found.to is not None
    assert (found.to.email, found.reason) == (email, reason)


def test_everybody_has_a_public_providers_domain() -> None:
    found = said("From: rita@gmail.com\nReply-To: victim@gmail.com\nSubject: x\n")
    assert found.to is not None
    assert found.to.email == "rita@gmail.com"


LIST = "List-Id: <help.example.org>\nPrecedence: list\nReturn-Path: <help+bncBC123@example.org>\nX-Google-Group-Id: 1\n"


def test_behind_a_list_of_our_own_stands_its_author() -> None:
    rewritten = "From: 'Rita' via Help <help@example.org>\nTo: help@example.org\nSubject: x\n" + LIST
    for more in (
        "X-Original-From: Rita <rita@example.com>\n",
        "X-Original-Sender: rita@example.com\n",
        "Reply-To: Rita <rita@example.com>\n",
    ):
        found = said(rewritten + more)
        assert found.to is not None, found
        assert (found.to.email, found.reason) == ("rita@example.com", "person:behind-our-list")
    assert not said(rewritten).acknowledge
    assert said("From: rita@example.com\nSubject: x\n" + LIST).acknowledge
    assert said("From: rita@example.com\nSubject: x\nList-Id: <other.example.net>\n" + LIST).kind is Kind.LIST


@pytest.mark.parametrize("more", ["To: rita@example.com\n", "To: help@example.org\nIn-Reply-To: <a@b.example>\n"])
def test_what_we_write_to_others_and_what_answers_is_ours(more: str) -> None:
    found = said(f"From: help@example.org\nSubject: Code-of-conduct\n{more}")
    assert (found.kind, found.reason) == (Kind.OURS, "ours:own-address")


def test_a_form_that_sends_as_the_community_reaches_people() -> None:
    found = said("From: help@example.org\nReply-To: rita@example.com\nSubject: Code-of-conduct\n")
    assert (found.kind, found.reason, found.acknowledge) == (Kind.AUTOMATIC, "sender:own-form", False)


HEADER = st.sampled_from(
    ["From", "Reply-To", "Sender", "To", "Return-Path", "List-Id", "Auto-Submitted", "Precedence", "X-Original-From", "Subject", "Content-Type"]
)  # fmt: skip
VALUE = st.one_of(
    st.sampled_from(["help@example.org", "a@example.com, b@example.com", "<help.example.org>", "multipart/report", "x: y;", "list", "no", "<>", '"', "=?utf-8?q?=00?= <a@b.example>"]),
    st.text(st.characters(codec="utf-8", exclude_characters="\r\n"), max_size=40),
)  # fmt: skip


@given(st.lists(st.tuples(HEADER, VALUE), max_size=8))
def test_never_ours_never_two_never_controls(headers: list[tuple[str, str]]) -> None:
    raw = "".join(f"{name}: {value}\n" for name, value in headers) + "\nhello"
    found = sender(parse(raw.encode("utf-8", "surrogateescape")), OWN)
    assert found.acknowledge == (found.to is not None)
    if found.to is not None:
        assert not OWN.is_ours(found.to.email)
        assert found.to.email.count("@") == 1
        assert is_deliverable(found.to.email)
        assert found.to.email.isprintable()
        assert not set(found.to.email) & set(' ,;<>"()[]:\\')
