"""The sample mail: what a community's address gets in a week or so. All people and places are made up."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from email.message import EmailMessage
from email.utils import format_datetime

COMMUNITY = "help@cloudgroup.example"
EVENT = "Cloud Day Ghent"


@dataclass(frozen=True, slots=True)
class Letter:
    """One mail for the demo: ``about`` says in a few words what it shows, ``at`` when it arrived in ``folder``."""

    name: str
    about: str
    raw: bytes
    at: datetime
    folder: str = "INBOX"


def letters(now: datetime) -> list[Letter]:
    """Everything that has arrived, oldest first; ``now`` (aware) is when the demo looks."""
    made = [
        _report_nl, _concern_fr, _urgent_en, _about_organizer, _question_en, _html_only_nl, _attachment_fr,
        _in_junk_en, _bounce, _list_mail, _newsletter, _out_of_office,
    ]  # fmt: skip
    return [make(now - timedelta(minutes=7 * (len(made) - place))) for place, make in enumerate(made)]


def follow_up(now: datetime, message_id: str) -> Letter:
    """The first reporter answers the receipt with that Message-ID."""
    mail = _mail(
        now,
        "follow-up",
        "Sofie Janssens <sofie.janssens@mail.example>",
        "Re: Code-of-conduct",
        "Dag,\n\nIk was nog iets vergeten: een collega heeft het ook gezien en wil erover vertellen. "
        "Bel me liever niet op kantoor.\n\nSofie\n",
    )
    mail["In-Reply-To"] = message_id
    mail["References"] = message_id
    return Letter("follow-up", "the reporter answers the receipt", _bytes(mail), now)


def away(now: datetime, message_id: str) -> Letter:
    """Another reporter's program answers the receipt by itself."""
    mail = _mail(
        now,
        "away",
        "Lena Vogel <lena.vogel@mail.example>",
        "Out of office: your message",
        "I am travelling until Monday and read mail only now and then.\n",
    )
    mail["Auto-Submitted"] = "auto-replied"
    mail["In-Reply-To"] = message_id
    return Letter("away", "an out-of-office reply to our receipt", _bytes(mail), now)


def _report_nl(at: datetime) -> Letter:
    mail = _mail(
        at,
        "report-nl",
        "Sofie Janssens <sofie.janssens@mail.example>",
        "Code-of-conduct",
        "Hallo,\n\nOp de meetup van vorige dinsdag maakte een andere deelnemer de hele avond opmerkingen over mijn "
        "uiterlijk. Ik heb gezegd dat hij moest stoppen, maar hij bleef doorgaan en heeft me bij het buitengaan "
        "vastgepakt. Ik weet niet hoe hij heet. Ik kom graag terug, maar niet als dit normaal is.\n\nGroeten,\nSofie\n",
    )
    return Letter("report-nl", "a report, in Dutch", _bytes(mail), at)


def _concern_fr(at: datetime) -> Letter:
    mail = _mail(
        at,
        "concern-fr",
        "Inès Lambert <ines.lambert@courriel.example>",
        "Code-of-conduct",
        f"Bonjour,\n\nJe suis inscrite à {EVENT} et j'ai vu le nom de mon ancien compagnon parmi les participants. "
        "Il y a eu une plainte à l'époque. Je voudrais venir quand même, mais j'aimerais que quelqu'un puisse "
        "m'accompagner et que nous ne soyons pas dans les mêmes sessions. Est-ce possible ?\n\nMerci d'avance,\nInès\n",
    )
    return Letter("concern-fr", "a concern before an event, in French, under the same subject", _bytes(mail), at)


def _urgent_en(at: datetime) -> Letter:
    mail = _mail(
        at,
        "urgent-en",
        "Lena Vogel <lena.vogel@mail.example>",
        "CoC - please help",
        "Hi,\n\nI'm at the meetup right now. A man keeps following me from room to room and he is still here, waiting "
        "at the door. I don't feel safe leaving alone. Can somebody come to the second floor?\n\nLena\n",
    )
    return Letter("urgent-en", "something that is happening now", _bytes(mail), at)


def _about_organizer(at: datetime) -> Letter:
    mail = _mail(
        at,
        "about-organizer",
        "Noor Haddad <noor.haddad@mail.example>",
        "Code of Conduct",
        "Hello,\n\nThis is about one of your own team. At the speakers' dinner Bram Peeters told jokes about my "
        "religion, and when I said so he laughed it off in front of everyone. I would rather he did not hear about "
        "this mail from you before somebody has talked with me.\n\nNoor\n",
    )
    about = "a report about an organizer: he gets no copy, and does not learn of it"
    return Letter("about-organizer", about, _bytes(mail), at)


def _question_en(at: datetime) -> Letter:
    mail = _mail(
        at,
        "question-en",
        "Tom Okafor <tom.okafor@mail.example>",
        "Is the venue accessible?",
        "Hi all,\n\nI use a wheelchair. Is there a lift at the venue, and is the workshop on the ground floor?\n\n"
        "Thanks!\nTom\n",
    )
    return Letter("question-en", "a question that has nothing to do with the code of conduct", _bytes(mail), at)


def _html_only_nl(at: datetime) -> Letter:
    mail = _mail(at, "html-only", "Pieter Maes <pieter.maes@mail.example>", "RE: Gedragscode", "")
    mail.set_content(
        "<html><body><p>Beste,</p><p>Tijdens de pauze werd ik door twee sprekers <b>uitgescholden</b> om mijn accent. "
        "Anderen stonden erbij en lachten.</p><p>Wat kan ik doen?</p><p>Pieter</p>"
        '<img src="https://tracker.example/open.gif" width="1" height="1"><script>alert("no")</script></body></html>',
        subtype="html",
    )
    return Letter("html-only", "a report that is HTML only, with a tracking picture and a script", _bytes(mail), at)


def _attachment_fr(at: datetime) -> Letter:
    mail = _mail(
        at,
        "attachment-fr",
        "Chloé Martin <chloe.martin@courriel.example>",
        "Code de conduite",
        "Bonjour,\n\nQuelqu'un du groupe publie des photos de moi prises à la dernière rencontre, sans mon accord, "
        "avec des commentaires insultants. Je joins une capture d'écran.\n\nChloé\n",
    )
    picture = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00" + bytes(range(256)) * 6144  # 1.5 MB that are no picture
    mail.add_attachment(picture, maintype="image", subtype="jpeg", filename="capture d'écran.jpg")
    return Letter("attachment-fr", "a report with a large attachment", _bytes(mail), at)


def _in_junk_en(at: datetime) -> Letter:
    mail = _mail(
        at,
        "junk-en",
        "Mina <m1n4-2207@anon.example>",
        "[CONDUCT] something I saw",
        "Somebody at the hackathon kept pushing drinks on a girl who looked very young, and got angry at those who "
        "stepped in. I don't want to give my name.\n",
    )
    mail["X-Spam-Flag"] = "YES"
    return Letter("junk-en", "a report that the spam filter took for spam", _bytes(mail), at, folder="Junk")


_BOUNCE = """\
Return-Path: <>
Date: {date}
From: Mail Delivery System <MAILER-DAEMON@relay.example>
To: {to}
Subject: Undelivered Mail Returned to Sender
Message-ID: <bounce.{stamp}@relay.example>
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="part"

--part
Content-Type: text/plain; charset=us-ascii

I could not deliver your message to one or more recipients.

--part
Content-Type: message/delivery-status

Reporting-MTA: dns; relay.example

Final-Recipient: rfc822; someone@gone.example
Action: failed
Status: 5.1.1

--part--
"""


def _bounce(at: datetime) -> Letter:
    text = _BOUNCE.format(date=format_datetime(at), to=COMMUNITY, stamp=f"{at:%Y%m%d%H%M}")
    return Letter("bounce", "a bounce", text.replace("\n", "\r\n").encode("ascii"), at)


def _list_mail(at: datetime) -> Letter:
    mail = _mail(
        at,
        "list",
        "Organizers' list <organizers@lists.example>",
        "[organizers] Code of conduct template, second draft",
        "Here is the second draft of the template for new groups.\n",
    )
    mail["List-Id"] = "Meetup organizers <organizers.lists.example>"
    mail["Precedence"] = "list"
    return Letter("list", "mail from a list, about a code of conduct", _bytes(mail), at)


def _newsletter(at: datetime) -> Letter:
    mail = _mail(
        at,
        "newsletter",
        "Cloud Weekly <news@weekly.example>",
        "This week: 12 tips for faster builds",
        "Twelve tips, three podcasts and a discount.\n",
    )
    mail["List-Unsubscribe"] = "<https://weekly.example/unsubscribe>"
    mail["Precedence"] = "bulk"
    return Letter("newsletter", "a newsletter", _bytes(mail), at)


def _out_of_office(at: datetime) -> Letter:
    mail = _mail(
        at,
        "out-of-office",
        "Karel De Smet <karel.desmet@mail.example>",
        "Automatisch antwoord: uitnodiging",
        "Ik ben afwezig tot maandag. Ik lees uw bericht wanneer ik terug ben.\n",
    )
    mail["Auto-Submitted"] = "auto-replied"
    return Letter("out-of-office", "an automatic reply", _bytes(mail), at)


def _mail(at: datetime, name: str, sender: str, subject: str, text: str) -> EmailMessage:
    mail = EmailMessage()
    mail["Date"] = format_datetime(at)
    mail["From"] = sender
    mail["To"] = COMMUNITY
    mail["Subject"] = subject
    mail["Message-ID"] = f"<{name}.{at:%Y%m%d%H%M}@mail.example>"
    if text:
        mail.set_content(text, cte="quoted-printable" if not text.isascii() else None)
    return mail


def _bytes(mail: EmailMessage) -> bytes:
    return mail.as_bytes(policy=mail.policy.clone(linesep="\r\n"))
