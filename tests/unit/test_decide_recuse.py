"""Whom a mail is withheld from: whoever is named in it, however the name is written, and whoever wrote it."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from email.message import EmailMessage

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intake.decide.recuse import Names, withheld
from intake.decide.team import Team
from intake.model import ParsedMail
from intake.receive.parse import parse
from unit.judging import config, mail, parsed


@dataclass(frozen=True)
class Person:
    name: str
    email: str
    also_known_as: tuple[str, ...] = ()


TEAM = tuple(Names(organizer) for organizer in config().organizers)
ANN, BRAM, ZOE = "ann@example.org", "bram@example.net", "zoe.muller@gmail.com"


def who(found: ParsedMail, *own_words: str) -> dict[str, str]:
    return {one.organizer: one.reason for one in withheld(found, TEAM, own_words)}


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("It was Ann Example who shouted.", {ANN}),
        ("ann example shouted", {ANN}),
        ("ANN   EXAMPLE", {ANN}),
        ("Dear Ann Example, something happened.", {ANN}),
        ("Example, Ann was there", {ANN}),
        ("Ann\nExample was there", {ANN}),
        ("> > Ann\n> > Example wrote this", {ANN}),
        ("Ann-Example", {ANN}),
        ("AnnExample", {ANN}),
        ("Ann Example's jokes", {ANN}),
        ("Ann Examples Witze", {ANN}),
        ("Ann Maria Example", {ANN}),
        ("A\u00adnn Exa\u200bmple", {ANN}),
        ("\u0410nn \u0415x\u0430mpl\u0435", {ANN}),
        ("\u0391\u039d\u039d \u0395\u03a7\u0391\u039c\u03a1L\u0395", {ANN}),
        ("Ánn Éxample", {ANN}),
        ("\uff21\uff4e\uff4e\u3000\uff25\uff58\uff41\uff4d\uff50\uff4c\uff45", {ANN}),
        ("Mrs Example laughed", {ANN}),
        ("mevrouw Example lachte", {ANN}),
        ("Annie laughed", {ANN}),
        ("write to ann@example.org", {ANN}),
        ("ANN+talks@EXAMPLE.ORG", {ANN}),
        ("ann (at) example (dot) org", {ANN}),
        ("see @ann_ex and her posts", {ANN}),
        ("https://social.example/@ann_ex", {ANN}),
        ("To: Ann Example <ann@example.org>", {ANN}),
        ("meneer van den Berg", {BRAM}),
        ("Bram Van Den Berg", {BRAM}),
        ("van den Berg, Bram", {BRAM}),
        ("Berg, Bram van den", {BRAM}),
        ("Bram vandenberg", {BRAM}),
        ("Zoe Muller", {ZOE}),
        ("Zoë Mueller", {ZOE}),
        ("ZOË MÜLLER", {ZOE}),
        ("zoemuller+cloud@googlemail.com", {ZOE}),
        ("Ann Example and Bram van den Berg", {ANN, BRAM}),
        ("A. Example shouted", {ANN}),
        ("dhr. B. van den Berg", {BRAM}),
        ("B.J. van den\nBerg", {BRAM}),
        ("Ann E. shouted", {ANN}),
        ("Bram v. and Bram van den B.", {BRAM}),
        ('Ann "Lightning" Example', {ANN}),
        ("Bram (who organizes it) van den Berg", {BRAM}),
        ("Bram Berg", {BRAM}),
        ("Bram Jan van den Berg", {BRAM}),
        ("Widziałem Bramą Bergiem", set()),
        ("Bramem van den Bergiem, Zoëja Müllerową", {ZOE}),
        ("Müllert Zoëval láttam", set()),
        ("\u1d00\u0274\u0274 \u1d07x\u1d00\u1d0d\u1d18\u029f\u1d07", {ANN}),
        ("\U0001f170\U0001f17d\U0001f17d \U0001f174\U0001f187\U0001f170\U0001f17c\U0001f17f\U0001f17b\U0001f174", {ANN}),
        ("it was \u202eelpmaxE nnA\u202c", {ANN}),
        ("this is a example", set()),
        ("plan a, example b", set()),
        ("Ann et al., Example", set()),
        ("Ann en Bram", set()),
        ("Ann was there", set()),
        ("an example of what happened", set()),
        ("For example, Anna said", set()),
        ("the Berg", set()),
        ("annexed territory, annex B", set()),
        ("joann@example.org", set()),
        ("bram@example.network", set()),
        ("@ann_ex2", set()),
        ("Bram", set()),
        ("Annielle", set()),
        ("Examples, annotated", set()),
    ],
)  # fmt: skip
def test_names(text: str, named: set[str]) -> None:
    assert set(who(parsed("Code-of-conduct", f"Hello,\n{text}\nBye"))) == named


def _html(html: str) -> ParsedMail:
    message = EmailMessage()
    message["From"] = "r@example.com"
    message["To"] = "help@example.org"
    message["Subject"] = "Code-of-conduct"
    message.set_content("plain words")
    message.add_alternative(html, subtype="html")
    return parse(bytes(message))


@pytest.mark.parametrize(
    "html",
    [
        "<p>Ann Example</p>",
        "<p>A<b>n</b>n Ex<i>amp</i>le</p>",
        "<td>Ann</td><td>Example</td>",
        "<p>Ann&nbsp;Exam&shy;ple</p>",
        "<p>Ann<br>\nExample</p>",
        '<img alt="Ann Example" src="x">',
        '<p title="by Ann Example">x</p>',
        '<div style="display:none">Ann Example</div>',
        "<!-- Ann Example -->",
        '<Script type="application/ld+json">{"underName": "Ann Example"}</SCRIPT>',
        "<script>\u0130</script><script>var who = 'Ann Example'</script>",
        "&#65;nn &#x45;xample",
        '<a href="mailto:ann@example.org">her</a>',
        '<a href="https://social.example/@ann_ex?x=1">her</a>',
        '<a href="https://social.example/search?q=Ann%20Example">her</a>',
        "ann@exam<wbr>ple.org",
        "<div>" * 5000 + "Ann Example",
    ],
)
def test_names_in_html(html: str) -> None:
    assert set(who(_html(html))) == {ANN}


def test_half_of_a_double_surname_counts_and_what_follows_a_double_first_name() -> None:
    known = [Names(Person("Marie-Claire D'Hondt", "mc@x.example")), Names(Person("Ann O'Neill-Smith", "ann@x.example"))]
    texts = {
        "Mme D'Hondt": "mc@x.example",
        "M.-C. D\u2019Hondt": "mc@x.example",
        "Marie-Claire D.": "mc@x.example",
        "Ann O\u2019Neill": "ann@x.example",
        "Ann Smith": "ann@x.example",
        "Marie-Claire": "",
        "Ann Neill": "",
    }
    for text, named in texts.items():
        found = withheld(parsed("Code-of-conduct", f"It was {text} who did it."), known)
        assert [one.organizer for one in found] == ([named] if named else []), text


def _enclosing(inner: bytes) -> ParsedMail:
    return parse(
        b"From: r@example.com\nTo: help@example.org\nSubject: Fwd\nMIME-Version: 1.0\n"
        b"Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/plain\n\nsee below\n--b\n"
        + inner
        + b"\n--b--\n"
    )


@pytest.mark.parametrize(
    ("inner", "reason"),
    [
        (b"Content-Type: message/rfc822\n\nFrom: Ann Example <a@x.example>\nSubject: hi\n\nyou again", "named-in-forwarded"),
        (b"Content-Type: message/rfc822\n\nFrom: x@x.example\nTo: ann@example.org\nSubject: hi\n\nyou again", "named-in-forwarded"),
        (b"Content-Type: message/rfc822\n\nFrom: x@x.example\nSubject: =?utf-8?q?Ann_Example?=\n\nyou again", "named-in-forwarded"),
        (b"Content-Type: message/rfc822\nContent-Disposition: inline\n\nFrom: x@x.example\n\nby Ann Example", "named-in-forwarded"),
        (b"Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\n" + base64.b64encode(b"From: x@y.example\n\nAnn Example"), "named-in-forwarded"),
        (b"Content-Type: message/rfc822\n\nFrom: x@x.example\nResent-From: Ann Example <a@x.example>\n\nyou again", "named-in-forwarded"),
        (b"Content-Type: message/rfc822\n\nFrom: x@x.example\nThread-Topic: Ann Example\n\nyou again", "named-in-forwarded"),
        (b"Content-Type: text/rfc822-headers\n\nFrom: Ann Example <a@x.example>\nSubject: x\n", "named-in-forwarded"),
        (b'Content-Type: application/pdf; name="ann-example.pdf"\n\nx', "named-in-attachment"),
        (b"Content-Type: image/png\nContent-Disposition: attachment; filename*=utf-8''Ann%20Example.png\n\nx", "named-in-attachment"),
        (b'Content-Type: image/png; name="=?utf-8?q?chat_Ann_Example?="\n\nx', "named-in-attachment"),
        (b'Content-Type: application/pdf; name="ann_example2024.pdf"\n\nx', "named-in-attachment"),
        (b"Content-Type: application/pdf\nContent-Disposition: attachment; filename*0*=utf-8''Ann%20Exa;\n filename*1=mple.pdf\n\nx", "named-in-attachment"),
        (b'Content-Type: application/pdf; name="C:\\\\Ann Example\\\\notes.pdf"\n\nx', "named-in-forwarded"),
        (b"Content-Type: image/png; name=x.png\nContent-Description: chat with =?utf-8?q?Ann_Example?=\n\nx", "named-in-forwarded"),
        (b"Content-Type: application/octet-stream; name=x.eml\nContent-Transfer-Encoding: base64\n\n" + base64.b64encode(b"From: Ann Example <a@b.example>"), "named-in-forwarded"),
        (b'Content-Type: application/json\n\n{"who": "Ann Example"}', "named-in-forwarded"),
        (b"Content-Type: text/vcard\n\nBEGIN:VCARD\nN:Example;Ann;;;\nEND:VCARD", "named-in-forwarded"),
        (b"Content-Type: text/plain\nContent-Disposition: attachment; filename=log.txt\n\n<@ann_ex> hey", "named-in-forwarded"),
        (b"Content-Type: text/calendar\n\nBEGIN:VCALENDAR\nORGANIZER;CN=Ann Example:mailto:x@y.example\nEND:VCALENDAR", "named-in-forwarded"),
        (b"Content-Type: text/plain\nContent-Transfer-Encoding: base64\n\n" + base64.b64encode(b"Ann Example"), "named-in-body"),
    ],
)  # fmt: skip
def test_names_in_enclosed_parts(inner: bytes, reason: str) -> None:
    assert who(_enclosing(inner)) == {ANN: reason}


def test_a_name_outside_every_part_counts() -> None:
    raw = (
        b"From: r@example.com\nSubject: x\nContent-Type: multipart/mixed; boundary=b\n\n"
        b"preamble by Ann Example\n--b\n\nhello\n--b--\nepilogue: bram@example.net\n"
    )
    assert set(who(parse(raw))) == {ANN, BRAM}


@pytest.mark.parametrize(
    ("headers", "reasons"),
    [
        ({"sender": "Ann Example <other@example.com>"}, {ANN: "named-in-author"}),
        ({"sender": "ann@example.org"}, {ANN: "is-sender"}),
        ({"sender": "Me <Ann+x@Example.org>"}, {ANN: "is-sender"}),
        ({"Reply_To": "ann@example.org"}, {ANN: "is-sender"}),
        ({"sender": "Ann.Old+list@example.com"}, {ANN: "is-sender"}),
        ({"Cc": "Ann Example <ann@example.org>"}, {}),
        ({"subject": "About Ann Example"}, {ANN: "named-in-subject"}),
        ({"subject": "=?utf-8?q?About_Ann_Ex?= =?utf-8?q?ample?="}, {ANN: "named-in-subject"}),
        ({"Thread_Topic": "Ann Example"}, {ANN: "named-in-header"}),
        ({"X_About": "what Ann Example did"}, {ANN: "named-in-header"}),
        ({"X_About": "=?utf-8?q?Ann_Ex=61mple?="}, {ANN: "named-in-header"}),
        ({"Disposition_Notification_To": "ann@example.org"}, {ANN: "is-sender"}),
        # What servers write of every mail that passes through them, or of whom it is for.
        ({"X_Original_To": "Ann Example <ann@example.org>"}, {}),
        ({"Delivered_To": "ann@example.org"}, {}),
        ({"Return_Path": "<ann@example.org>"}, {}),
        ({"X_Forwarded_For": "help@example.org ann@example.org"}, {}),
        ({"Received": "from ann-example by mx.example.org for <ann@example.org>; Mon, 2 Mar 2026 10:00:00 +0100"}, {}),
        ({"X_Host": "mail.ann.example.org"}, {}),
        ({"X_Authenticated_User": "annexample"}, {}),
        ({"X_Arrived": "Mon, 2 Mar 2026 Annie"}, {}),
    ],
)
def test_names_in_the_head(headers: dict[str, str], reasons: dict[str, str]) -> None:
    assert who(parse(mail(body="hello", **headers))) == reasons


OURS = """Thank you for writing. This is an automatic answer.

These people read what you wrote: Ann Example, Bram van den Berg and Zoë Müller.

If that is a problem, write to the board."""


@pytest.mark.parametrize("prefix", ["> ", "", ">> "])
def test_a_quoted_acknowledgement_does_not_withhold_its_readers(prefix: str) -> None:
    quoted = "\n".join(prefix + line for line in OURS.splitlines())
    later = parsed("Re: Your message", f"One more thing.\n\nOn Monday we wrote:\n{quoted}\n")
    assert set(who(later)) == {ANN, BRAM, ZOE}
    assert who(later, OURS) == {}


def test_a_name_beside_the_quoted_acknowledgement_still_counts() -> None:
    quoted = "\n".join("> " + line for line in OURS.splitlines())
    assert who(parsed("Re: x", f"It was Ann Example.\n{quoted}"), OURS) == {ANN: "named-in-body"}
    changed = OURS.replace("Ann Example, Bram", "Ann Example!!! she is the one, Bram")
    assert set(who(parsed("Re: x", changed), OURS)) == {ANN, BRAM, ZOE}


NAMES = st.sampled_from(["Ann Example", "ann  EXAMPLE", "Example, Ann", "ann@example.org", "@ann_ex", "Annie"])
WORDS = st.text(alphabet=st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), max_size=40)


@given(before=WORDS, name=NAMES, after=WORDS)
def test_whatever_stands_around_a_name_does_not_hide_it(before: str, name: str, after: str) -> None:
    assert ANN in who(ParsedMail(text=f"{before}\n {name} \n{after}"))
    assert ANN in who(ParsedMail(all_text=(f"{before} {name}, {after}",)))


@given(text=WORDS)
def test_folding_does_not_change_who_is_named(text: str) -> None:
    assert who(ParsedMail(text=text)) == who(ParsedMail(text=text.upper().lower())) or "\u0130" in text


def test_a_link_in_what_is_quoted_names_nobody_in_words_of_ones_own() -> None:
    team = Team(config())
    html = '<p>{}</p><blockquote>On Monday <a href="mailto:bram@example.net?body=a%0AAnn%20Example">he</a> wrote: x</blockquote>'
    assert set(who(_html(html.format("I agree")))) == {ANN, BRAM}
    assert not team.still_named(_html(html.format("I agree")))
    assert team.still_named(_html(html.format("Ann Example agrees"))) == {ANN}
