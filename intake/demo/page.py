"""One page with everything: it fetches nothing, runs nothing, and shows each mail in a frame that can do nothing."""

from __future__ import annotations

import email.header
import json
from datetime import datetime
from email.message import Message
from email.utils import parseaddr
from html import escape

from intake.demo.stage import Mail, Play, Received

POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
# Of the frames: the same, and no picture at all, so that opening a mail tells nobody.
FRAME_POLICY = "default-src 'none'; style-src 'unsafe-inline'"

STYLE = """
:root { color-scheme: light dark; --ink: #1c2b33; --soft: #52636d; --line: #d6dee3; --paper: #fff; --ground: #f3f6f8;
  --mark: #0b6477; --hot: #9b1c1c; --hotback: #fdeceb; --calm: #e6f1f3; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8ecef; --soft: #a9b6bf; --line: #35414a; --paper: #1b2228;
  --ground: #12171b; --mark: #86cfdf; --hot: #ffb4ab; --hotback: #4d1f1d; --calm: #20333a; } }
* { box-sizing: border-box; }
body { margin: 0; font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--ground); }
main, header { max-width: 60rem; margin: 0 auto; padding: 0 1rem; }
header { padding-top: 2rem; }
h1 { font-size: 1.6rem; margin: 0 0 .5rem; }
h2 { font-size: 1.2rem; margin: 2.5rem 0 .75rem; }
p { margin: 0 0 .75rem; max-width: 44rem; }
nav { display: flex; flex-wrap: wrap; gap: .5rem; margin: 1rem 0 0; }
nav a { padding: .3rem .8rem; border: 1px solid var(--line); border-radius: 2rem; background: var(--paper); }
a { color: var(--mark); }
.sheet { overflow-x: auto; border: 1px solid var(--line); border-radius: .6rem; background: var(--paper); }
table { border-collapse: collapse; width: 100%; font-size: .92rem; }
th, td { text-align: left; vertical-align: top; padding: .6rem .75rem; border-top: 1px solid var(--line); }
thead th { border-top: 0; color: var(--soft); font-weight: 600; white-space: nowrap; }
td small { color: var(--soft); display: block; }
.tag { display: inline-block; padding: 0 .5rem; border-radius: 1rem; background: var(--calm); font-size: .85rem; }
.hot { background: var(--hotback); color: var(--hot); font-weight: 600; }
details { border: 1px solid var(--line); border-radius: .6rem; background: var(--paper); margin: 0 0 .6rem; }
summary { cursor: pointer; padding: .7rem 1rem; }
summary b { font-weight: 600; }
summary span { color: var(--soft); margin-left: .5rem; }
details > div { padding: 0 1rem 1rem; }
details details { margin: .6rem 0 0; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .15rem .75rem; margin: 0 0 .75rem; font-size: .9rem; }
dt { color: var(--soft); }
dd { margin: 0; overflow-wrap: anywhere; }
iframe { width: 100%; height: 34rem; border: 1px solid var(--line); border-radius: .4rem; background: #fff;
  resize: vertical; }
pre { margin: 0; padding: 1rem; overflow-x: auto; font-size: .85rem; white-space: pre-wrap; overflow-wrap: anywhere; }
footer { max-width: 60rem; margin: 2rem auto; padding: 0 1rem 2rem; color: var(--soft); font-size: .9rem; }
"""

KINDS = {
    "acknowledgement": "Receipt", "report": "Report", "follow-up": "Follow-up", "digest": "Digest",
    "notice": "Notice", "reminder": "Reminder", "alarm": "Alarm",
}  # fmt: skip
SENDERS = {
    "person": "a person", "automatic": "a program", "bounce": "a bounce", "list": "a list", "ours": "ourselves",
}  # fmt: skip


def page(play: Play, files: dict[int, str], now: datetime) -> str:
    """The whole page. ``files`` gives the name of the ``.eml`` of each message by its ``id()``."""
    people = [(one.name, one.email) for one in play.config.organizers]
    known = {address for _, address in people}
    reporters = sorted({mail.recipient for mail in play.sent} - known)
    links = "".join(f'<a href="#{escape(address)}">{escape(name)}</a>' for name, address in people)
    mailboxes = "".join(_person(name, address, play.to(address), files) for name, address in people)
    receipts = "".join(_message(mail, files, to=True) for address in reporters for mail in play.to(address))
    rows = "".join(_row(received, play) for received in play.received)
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><title>Intake: the demo</title>'
        f"<style>{STYLE}</style></head><body>\n"
        f"<header><h1>What came in, and what each person got</h1><p>{len(play.received)} mails came to "
        f"{escape(play.config.community.address)}. Intake read them over IMAP, wrote them down, told the organizers, "
        f"answered the reporters and filed the mails: {len(play.sent)} messages in all. Every message here really went "
        f"out over SMTP, to a server inside the demo. All people are made up.</p>"
        f'<nav><a href="#in">What came in</a>{links}<a href="#reporters">The reporters</a></nav></header>\n'
        f'<main><h2 id="in">What came in</h2><div class="sheet"><table><thead><tr><th>Mail</th><th>Taken for</th>'
        f"<th>Case</th><th>Copies to</th><th>Receipt</th></tr></thead><tbody>{rows}</tbody></table></div>\n"
        f'{mailboxes}<h2 id="reporters">The reporters</h2><p>A receipt repeats nothing of the report, and its subject '
        f"gives nothing away: somebody else may read their mail.</p>{receipts}</main>\n"
        f"<footer>Made by <code>intake demo</code> on {now:%d %B %Y}. The same messages lie beside this page as .eml "
        f"files, to open in a mail program.</footer></body></html>\n"
    )


def header(mail: Message, name: str) -> str:
    """A header as people read it."""
    return str(email.header.make_header(email.header.decode_header(str(mail[name] or ""))))


def outcome(received: Received) -> str:
    """What became of a mail that is no case of its own."""
    return received.case or "counted in the digest"


def taken_for(received: Received) -> str:
    """What it is: a category, a follow-up, or what kind of machine sent it."""
    if any(mail.kind == "follow-up" for mail in received.mails):
        return "follow-up"
    return received.verdict.category if received.case else SENDERS[received.verdict.kind]


def copies(received: Received, play: Play) -> str:
    """First names of who got a copy."""
    got = {mail.recipient for mail in received.mails if mail.kind in {"report", "follow-up"}}
    return ", ".join(one.name.partition(" ")[0] for one in play.config.organizers if one.email in got)


def withheld(received: Received, play: Play) -> str:
    """First names of who must not know of it; shown only because this is a demo."""
    out = {one.organizer for one in received.verdict.recused} if received.case else set()
    return ", ".join(one.name.partition(" ")[0] for one in play.config.organizers if one.email in out)


def receipt(received: Received) -> str:
    """Whether the sender got an answer."""
    if any(mail.kind == "acknowledgement" for mail in received.mails):
        return "yes"
    return "not again" if received.case and received.verdict.kind == "person" else "no"


def _row(received: Received, play: Play) -> str:
    head = email.message_from_bytes(received.letter.raw)
    name, address = parseaddr(header(head, "From"))
    verdict = received.verdict
    machine = f"<small>from {SENDERS[verdict.kind]}</small>" if verdict.kind != "person" and received.case else ""
    urgent = ' <span class="tag hot">urgent</span>' if verdict.urgency == "urgent" and received.case else ""
    out = withheld(received, play)
    note = f"<small>not {escape(out)}: named in the mail</small>" if out else ""
    return (
        f"<tr><td><b>{escape(header(head, 'Subject'))}</b><small>{escape(name or address)} · "
        f"{escape(received.letter.about)}</small></td>"
        f'<td><span class="tag">{escape(taken_for(received))}</span>{urgent}{machine}</td>'
        f"<td>{escape(outcome(received))}</td><td>{escape(copies(received, play)) or 'nobody'}{note}</td>"
        f"<td>{receipt(received)}</td></tr>\n"
    )


def _person(name: str, address: str, mails: list[Mail], files: dict[int, str]) -> str:
    shown = "".join(_message(mail, files) for mail in mails)
    return f'<h2 id="{escape(address)}">{escape(name)} got {len(mails)} messages</h2>{shown or "<p>Nothing.</p>"}\n'


def _message(mail: Mail, files: dict[int, str], *, to: bool = False) -> str:
    subject = header(mail.head, "Subject")
    kind = KINDS.get(mail.kind, mail.kind)
    whom = f"<span>to {escape(mail.recipient)}</span>" if to else ""
    facts = mail.facts
    hot = " hot" if facts.get("urgency") == "urgent" else ""
    names = (
        "From",
        "To",
        "Subject",
        "Date",
        "X-Intake-Kind",
        "X-Intake-Case",
        "Auto-Submitted",
        "Message-ID",
        "In-Reply-To",
    )
    heads = "".join(f"<dt>{n}</dt><dd>{escape(header(mail.head, n))}</dd>" for n in names if mail.head[n])
    extra = f"<details><summary>The same for programs</summary><pre>{_json(facts)}</pre></details>" if facts else ""
    text = escape(_part(mail.head, "text/plain"))
    frame = f'<meta http-equiv="Content-Security-Policy" content="{FRAME_POLICY}">' + _part(mail.head, "text/html")
    return (
        f'<details><summary><span class="tag{hot}">{escape(kind)}</span> <b>{escape(subject)}</b>{whom}</summary>'
        f"<div><dl>{heads}<dt>Envelope from</dt><dd>{escape(mail.sender) or 'nobody (the null sender)'}</dd>"
        f'<dt>File</dt><dd><a href="{escape(files[id(mail)])}">{escape(files[id(mail)])}</a></dd></dl>'
        f'<iframe sandbox="" loading="lazy" title="The message" srcdoc="{escape(frame)}"></iframe>'
        f"<details><summary>As plain text</summary><pre>{text}</pre></details>{extra}</div></details>\n"
    )


def _part(mail: Message, content_type: str) -> str:
    for part in mail.walk():
        if part.get_content_type() == content_type:
            payload = part.get_payload(decode=True)
            return payload.decode(part.get_content_charset("utf-8"), "replace") if isinstance(payload, bytes) else ""
    return ""


def _json(facts: dict[str, object]) -> str:
    return escape(json.dumps(facts, indent=2, ensure_ascii=False))
