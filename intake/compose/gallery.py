"""Every message side by side on one page: phone, desktop and plain text."""

from __future__ import annotations

import email
import email.policy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from html import escape

from intake.compose import acknowledgement, notices, sample
from intake.compose.composer import Composer
from intake.letters import Reader
from intake.model import MessageKind, Outgoing

TITLES = {"en": "English", "nl": "Nederlands", "fr": "Français", "de": "Deutsch"}


@dataclass(frozen=True, slots=True)
class Piece:
    """One message of the page."""

    kind: str
    name: str
    language: str
    outgoing: Outgoing

    @property
    def file(self) -> str:
        """The name of its ``.eml``."""
        return f"{self.kind}-{self.name}.{self.language}.eml"


def pieces(
    composer: Composer,
    languages: Sequence[str],
    categories: Sequence[str] = (),
    readers: tuple[Reader, ...] = sample.READERS,
) -> Iterator[Piece]:
    """Every message that can be sent, in every language, with made-up facts. Raises TemplateError."""
    now = sample.NOW
    own = [name for name in categories if name.lower() not in acknowledgement.VARIANTS]
    for language in languages:
        for variant in (*acknowledgement.VARIANTS, *own):
            letter = sample.acknowledgement(language, variant, phone="+32 2 000 00 00" if variant == "concern" else "")
            outgoing = composer.acknowledgement(replace(letter, readers=readers), now)
            yield Piece("acknowledgement", variant, language, outgoing)
        follow_up = sample.copy(language, MessageKind.FOLLOW_UP)
        too_large = sample.copy(language, urgent=False, note="too-large")
        yield Piece("report", "urgent", language, composer.copy(sample.copy(language), now))
        yield Piece("report", "too-large", language, composer.copy(too_large, now))
        yield Piece("follow-up", "mail", language, composer.copy(follow_up, now))
        yield Piece("follow-up", "team", language, composer.copy(sample.team_reply(language), now))
        yield Piece("digest", "busy", language, composer.digest(sample.digest(language), now))
        yield Piece("digest", "quiet", language, composer.digest(sample.digest(language, quiet=True), now))
        for topic in notices.NOTICES:
            yield Piece("notice", topic, language, composer.notice(sample.notice(language, topic), now))
        for topic in notices.REMINDERS:
            yield Piece("reminder", topic, language, composer.reminder(sample.reminder(language, topic, 2), now))
        yield Piece("alarm", "alarm", language, composer.alarm(sample.alarm(language), now))
        yield Piece("alarm", "over", language, composer.alarm(sample.alarm(language, over=True), now))


_STYLE = """
:root{color-scheme:light dark}
body{margin:0;font:16px/1.5 system-ui,sans-serif;background:Canvas;color:CanvasText}
header{padding:24px 24px 8px}
nav{position:sticky;top:0;background:Canvas;border-bottom:1px solid #8884;padding:8px 24px;z-index:1;
overflow-x:auto;white-space:nowrap}
nav a{margin-right:16px}
section{padding:24px;border-bottom:1px solid #8884}
h2{margin:0;font-size:18px}
dl{display:grid;grid-template-columns:max-content 1fr;gap:2px 12px;margin:8px 0 16px;font-size:14px}
dt{opacity:.7}dd{margin:0;overflow-wrap:anywhere}
.views{display:flex;gap:20px;align-items:flex-start;overflow-x:auto}
.views>div{flex:none}
.views h3{margin:0 0 6px;font-size:13px;font-weight:600;opacity:.7}
iframe{border:1px solid #8886;border-radius:8px;height:900px;background:#fff}
.phone{width:360px}.desk{width:700px}
pre{box-sizing:border-box;width:600px;margin:0;padding:16px;border:1px solid #8886;border-radius:8px;
font:13px/1.5 ui-monospace,monospace;white-space:pre-wrap;overflow-wrap:anywhere}
"""
# Frames can't grow by themselves; this only measures them. Nothing in a frame may run: it is sandboxed.
_SCRIPT = """
document.querySelectorAll("iframe").forEach(f=>{const fit=()=>{
f.style.height=f.contentDocument.documentElement.scrollHeight+"px"};
f.addEventListener("load",fit);if(f.contentDocument&&f.contentDocument.readyState==="complete")fit()});
"""


def page(shown: Sequence[Piece], community: str) -> str:
    """The page, whole and by itself: nothing is fetched."""
    languages = list(dict.fromkeys(piece.language for piece in shown))
    links = "".join(f'<a href="#{escape(each)}">{escape(TITLES.get(each, each))}</a>' for each in languages)
    out = [
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width,initial-scale=1">',
        f"<title>Messages of {escape(community)}</title><style>{_STYLE}</style></head><body>",
        f"<header><h1>Messages of {escape(community)}</h1>",
        f"<p>{len(shown)} messages with made-up facts. Nobody in them exists, and nothing was sent.</p></header>",
        f"<nav>{links}</nav>",
    ]
    for language in languages:
        out.append(f'<div id="{escape(language)}">')
        out += [_section(piece) for piece in shown if piece.language == language]
        out.append("</div>")
    return "\n".join([*out, f"<script>{_SCRIPT}</script></body></html>\n"])


def _section(piece: Piece) -> str:
    message = email.message_from_bytes(piece.outgoing.content, policy=email.policy.default)
    html, text = _body(message, "html"), _body(message, "plain")
    shown = ("From", "To", "Subject", "Auto-Submitted", "Importance")
    head = "".join(f"<dt>{name}</dt><dd>{escape(str(message[name]))}</dd>" for name in shown if message[name])
    frame = f'sandbox="allow-same-origin" loading="lazy" srcdoc="{escape(html)}"'
    title = f"{escape(piece.kind)}: {escape(piece.name)} ({escape(piece.language)})"
    return (
        f'<section lang="{escape(piece.language)}"><h2>{title}</h2><dl>{head}</dl><div class="views">'
        f'<div><h3>360 px</h3><iframe class="phone" title="{title}, phone" {frame}></iframe></div>'
        f'<div><h3>700 px</h3><iframe class="desk" title="{title}, desktop" {frame}></iframe></div>'
        f"<div><h3>Plain text</h3><pre>{escape(text)}</pre></div></div></section>"
    )


def _body(message: email.message.EmailMessage, subtype: str) -> str:
    part = message.get_body((subtype,))
    return str(part.get_content()) if part is not None else ""
