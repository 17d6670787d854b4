"""The digest: what needs somebody now, what is open, what was closed, and whether the intake itself is well.

It is sent when there is nothing new, too: silence must mean that something is broken.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from html import escape

from intake.compose import digest_csv, digest_json, mime, page, reasons, words
from intake.compose.headers import addr_spec
from intake.compose.house import House
from intake.compose.letter import Body, Envelope, message
from intake.compose.markdown import Markdown, flow
from intake.compose.render import Phrases, Templates
from intake.letters import Digest, DigestCase, Expiry
from intake.model import PROGRAM, CaseState, MessageKind, Outgoing, Urgency

GROUPS = ("overdue", "urgent", "unassigned", "waiting", "closing")  # in this order
SOON = 0.75  # of the time is used up
SHOWN_CODES = 10  # of cases that are only named
CELLS = 12  # of a bar in text
SHOWN = 60  # cases in full; a digest stays under 100 kB, where Gmail cuts
MOMENT = timedelta(seconds=1)


def compose(letter: Digest, now: datetime, house: House, templates: Templates, markdown: Markdown) -> Outgoing:
    """The message. Raises TemplateError, DeliveryError."""
    languages = tuple(dict.fromkeys((letter.language, *house.languages, "en")))
    name, language = templates.find("digest", ("digest",), languages)
    sheet = Sheet(letter, house, templates.phrases(language), language)
    rendered = templates.render(name, sheet.facts())
    source = words.french_spaces(rendered.body) if language == "fr" else rendered.body
    before, _, after = source.partition("\n---\n")
    lead, foot = markdown.convert(before), markdown.convert(after)
    html = page.document(language, rendered.subject, sheet.summary, sheet.html(lead[0], foot[0]))
    text = sheet.text(lead[1], foot[1])
    attached = (
        (mime.json_part(digest_json.document(letter, house), "digest.json"),),
        (mime.csv_part(digest_csv.table(letter), "digest.csv"),),
    )
    envelope = Envelope(MessageKind.DIGEST, letter.to, rendered.subject, language, letter.thread, now)
    body = Body(mime.quoted_printable(text), mime.quoted_printable(html), attached)
    return Outgoing(house.sender, addr_spec(letter.to.email), *message(house, envelope, body))


def grouped(letter: Digest) -> list[tuple[str, list[DigestCase]]]:
    """Every case in exactly one group, the most pressing that fits; groups without a case are left out."""
    groups: dict[str, list[DigestCase]] = {name: [] for name in GROUPS}
    for item in letter.cases:
        groups[_group(item, letter.now)].append(item)
    groups["closing"] += letter.closed
    return [(name, items) for name, items in groups.items() if items]


def shown(letter: Digest) -> list[tuple[str, int, list[DigestCase]]]:
    """Each group with how many it has and those that are shown: ``SHOWN`` in all, the most pressing first."""
    left, found = SHOWN, []
    for name, items in grouped(letter):
        found.append((name, len(items), items[:left]))
        left -= len(items[:left])
    return found


def _group(item: DigestCase, now: datetime) -> str:
    if item.state == CaseState.CLOSED:
        return "closing"
    if item.due is not None and item.due < now:
        return "overdue"
    if item.urgency == Urgency.URGENT:
        return "urgent"
    return "unassigned" if item.state == CaseState.NEW else "waiting"


@dataclass(frozen=True)
class Sheet:
    """The words and bars of one digest."""

    letter: Digest
    house: House
    phrases: Phrases
    language: str

    @property
    def summary(self) -> str:
        """One sentence: what is new, and how many are open."""
        fresh = [item for item in self.letter.cases if self._is_new(item)]
        followed = [item for item in self.letter.cases if item.new_mails and not self._is_new(item)]
        said = [self._count("new", len(fresh))] if fresh else []
        said += [self._count("followed", len(followed))] if followed else []
        said += [self._count("closed", len(self.letter.closed))] if self.letter.closed else []
        said += [self._count("overdue", self._overdue)] if self._overdue else []
        news = f"{words.listing(said, self.language)}." if said else self.phrases.get("digest", "nothing-new")
        return f"{news} {self._count('open', len(self.letter.cases))}."

    def _count(self, key: str, number: int, **facts: object) -> str:
        return self.phrases.count("digest", key, number, **facts)

    def _is_new(self, item: DigestCase) -> bool:
        return self.letter.since is None or item.opened > self.letter.since

    @property
    def _overdue(self) -> int:
        return sum(1 for item in self.letter.cases if item.due is not None and item.due < self.letter.now)

    def facts(self) -> dict[str, object]:
        """What the template may name."""
        letter = self.letter
        return {
            "community": self.house.name,
            "short_name": self.house.short_name,
            "address": self.house.address,
            "date": words.day(letter.now.astimezone(self.house.zone), self.language),
            "since": words.when(letter.since, self.house.zone, self.language) if letter.since else "",
            "summary": self.summary,
            "open": len(letter.cases),
            "overdue": self._overdue,
            "problems": bool(self.problems()),
        }

    # --- one case ---------------------------------------------------------------------------

    def lines(self, item: DigestCase) -> list[str]:
        """What is known about a case, in short sentences."""
        get, letter = self.phrases.get, self.letter
        age = words.short_duration(letter.now - item.opened, self.language)
        if item.state == CaseState.CLOSED and item.closed_at:
            said = [
                get("digest", "closed-on", date=words.day(item.closed_at.astimezone(self.house.zone), self.language))
            ]
        else:
            said = [get("digest", "age", age=age)]
            if item.lead or item.due_for != "claim":  # else it stands beside the bar
                said.append(get("digest", "lead", name=item.lead) if item.lead else get("digest", "no-lead"))
        said.append(get("digest", "answered" if item.human_reply else "not-answered"))
        mails = self._count("mails", item.mails)
        said.append(f"{mails} ({self._count('new-mails', item.new_mails)})" if item.new_mails else mails)
        if item.delivery_problems:
            said.append(self._count("not-delivered", item.delivery_problems))
        if item.withheld_others:
            said.append(self._count("withheld", item.withheld_others))
        if item.erase_on:
            day = words.day(item.erase_on.astimezone(self.house.zone), self.language)
            said.append(get("digest", "erased-on", date=day))
        return said

    def due(self, item: DigestCase) -> tuple[str, float, str] | None:
        """What is due when, how much of the time is used (0 to 1), and the bar's style; None without a clock."""
        if item.due is None or item.state == CaseState.CLOSED:
            return None
        left = item.due - self.letter.now
        span = words.short_duration(left, self.language)
        key = ("left-" if left.total_seconds() >= 0 else "over-") + (item.due_for or "claim")
        share = (self.letter.now - item.opened) / max(item.due - item.opened, MOMENT)
        share = min(1.0, max(0.0, share))
        style = "fu" if left.total_seconds() < 0 else "fw" if share >= SOON else "f"
        return self.phrases.get("digest", key, span=span), share, style

    # --- the intake itself --------------------------------------------------------------------

    def problems(self) -> list[str]:
        """What somebody must look at: not about one case."""
        said = [self._count("undelivered", self.letter.undelivered)] if self.letter.undelivered else []
        for box in self.letter.mailboxes:
            if box.error:
                why = reasons.told(box.error, self.phrases)
                said.append(self.phrases.get("digest", "can-not-read", mailbox=box.name, reason=why))
            elif box.last_pass is None:
                said.append(self.phrases.get("digest", "never-read", mailbox=box.name))
        said += [f"{self.phrases.get('alarm', topic)}. {self._look('status')}" for topic in self.letter.problems]
        return said + [self._expiry(one) for one in self.letter.expiries]

    def _expiry(self, one: Expiry) -> str:
        what = "key" if one.what == "key" else "login"
        if one.ends is None:
            return self.phrases.get("digest", f"{what}-bad", name=one.name)
        at = words.day(one.ends.astimezone(self.house.zone), self.language)
        when = "ended" if one.ends <= self.letter.now else "ends"
        return self.phrases.get("digest", f"{what}-{when}", at=at, name=one.name)

    def health(self) -> list[str]:
        """What is well, and what was counted without being passed on, with the command to look."""
        said = [
            self.phrases.get(
                "digest", "read", mailbox=box.name, at=words.when(box.last_pass, self.house.zone, self.language)
            )
            for box in self.letter.mailboxes
            if box.last_pass and not box.error
        ]
        colon = words.colon(self.language)
        if self.letter.self_check:
            at = words.when(self.letter.self_check.at, self.house.zone, self.language)
            seconds = max(1, round(self.letter.self_check.seconds))
            said.append(self.phrases.get("digest", "self-check", at=at, seconds=seconds))
        places = dict(self.letter.places)
        counted = [
            f"{self.phrases.get('outcome', name)}{colon} {count}{self._in(places.get(name, ()))}"
            for name, count in self.letter.not_fanned_out
            if count
        ]
        what = [f"{self.phrases.get('digest', 'not-passed-on')}{colon} {', '.join(counted)}."] if counted else []
        if not self.letter.answers_counted:
            # In every digest: whether there was any would tell somebody withheld that something was answered.
            what.append(self.phrases.get("digest", "not-counted"))
        if what:
            before = " --all" if dict(self.letter.not_fanned_out).get("before") else ""
            said.append(" ".join((*what, self._look(f"cases machine{before}"))))
        if self.letter.silenced:
            said.append(self._count("silenced", self.letter.silenced, codes=self._codes(self.letter.silenced_codes)))
        if self.letter.erased_soon:
            codes = self._codes(self.letter.erased_soon)
            said.append(self._count("erased-soon", len(self.letter.erased_soon), codes=codes))
        return said

    def _in(self, places: Sequence[str]) -> str:
        """Where to look for it in a mail program."""
        return f" ({', '.join(places[:3])}{' …' if len(places) > 3 else ''})" if places else ""

    def _codes(self, codes: Sequence[str]) -> str:
        return words.listing(list(codes[:SHOWN_CODES]), self.language) + (" …" if len(codes) > SHOWN_CODES else "")

    def _more(self, number: int) -> str:
        return self.phrases.get("digest", "more", n=number)

    def _look(self, command: str) -> str:
        return self.phrases.get("digest", "look", command=f"intake {command}")

    # --- text -----------------------------------------------------------------------------------

    def text(self, lead: str, foot: str) -> str:
        """The text part."""
        out = [lead, ""]
        out += [flow(f"! {problem}", rest="  ") for problem in self.problems()]
        out += [""] if self.problems() else []
        for name, number, items in shown(self.letter):
            out += [f"{self.phrases.get('group', name).upper()} ({number})", ""]
            for item in items:
                out += [*self._text_case(item), ""]
            out += [self._more(number - len(items)), ""] if number > len(items) else []
        out.append(self.phrases.get("digest", "intake").upper())
        out += [flow(f"- {line}", rest="  ") for line in self.health()] or [self.phrases.get("digest", "no-mailbox")]
        return "\n".join([*out, "", foot]) + "\n"

    def _text_case(self, item: DigestCase) -> Iterable[str]:
        urgent = f" - {self.phrases.get('copy', 'urgent').upper()}" if item.urgency == Urgency.URGENT else ""
        event = f" - {item.event}" if item.event else ""
        yield f"{item.code} - {self.phrases.get('category', item.category)}{urgent}{event}"
        due = self.due(item)
        if due:
            filled = round(due[1] * CELLS)
            yield f"  [{'#' * filled}{'.' * (CELLS - filled)}] {due[0]}"
        yield flow(f"{words.semicolon(self.language)} ".join(self.lines(item)), first="  ", rest="  ")

    # --- HTML -----------------------------------------------------------------------------------

    def html(self, lead: str, foot: str) -> str:
        """What stands inside the page."""
        out = [
            page.title(f"{self.house.short_name}{words.colon(self.language)} {self.phrases.get('digest', 'title')}"),
            lead,
            self._numbers(),
        ]
        out += [page.box(_with_code(problem), page.WARNING, below=8) for problem in self.problems()]
        for name, number, items in shown(self.letter):
            out.append(page.heading(f"{self.phrases.get('group', name)} ({number})"))
            out += [self._html_case(item, name) for item in items]
            out += (
                [f'<p style="font-size:14px">{_with_code(self._more(number - len(items)))}</p>']
                if number > len(items)
                else []
            )
        out.append(page.heading(self.phrases.get("digest", "intake")))
        lines = self.health() or [self.phrases.get("digest", "no-mailbox")]
        items_html = "".join(
            f'<li style="margin:0 0 6px 0;font-size:14px;line-height:1.45">{_with_code(line)}</li>' for line in lines
        )
        out += [f"<ul{page.attributes(page.LIST)}>{items_html}</ul>", f'<div style="font-size:14px">{foot}</div>']
        return "\n".join(out)

    def _numbers(self) -> str:
        closed, overdue = len(self.letter.closed), self._overdue
        unassigned = sum(1 for item in self.letter.cases if item.state == CaseState.NEW)
        cells = (
            ("open", len(self.letter.cases), None),
            ("overdue", overdue, page.URGENT if overdue else None),
            ("unassigned", unassigned, page.WARNING if unassigned else None),
            ("closed", closed, None),
        )
        return (
            '<table role="presentation" width="100%" cellpadding="0" cellspacing="0" border="0"'
            ' style="margin:0 0 8px 0"><tr>'
            + "".join(self._number(name, number, style) for name, number, style in cells)
            + "</tr></table>"
        )

    def _number(self, name: str, number: int, style: page.Style | None) -> str:
        look = style or page.Style("background-color:#f3f5f7;color:#1f2933", "q t")
        css = f"{look.css};padding:10px 4px;border-radius:8px;text-align:center"
        label = escape(self.phrases.get("digest", f"tile-{name}"))
        return (
            f'<td width="25%" style="padding:0 3px"><div{page.attributes(page.Style(css, look.dark))}>'
            f'<span style="font-size:22px;font-weight:650;line-height:1.2">{number}</span><br>'
            f'<span style="font-size:12px;line-height:1.3">{label}</span></div></td>'
        )

    def _html_case(self, item: DigestCase, group: str) -> str:
        chips = [page.chip(self.phrases.get("category", item.category), page.CALM)]
        if item.urgency == Urgency.URGENT:
            chips.insert(0, page.chip(self.phrases.get("copy", "urgent"), page.URGENT))
        due = self.due(item)
        clock = ""
        if due:
            css = "margin:4px 0 0 0;font-size:14px;line-height:1.4;font-weight:600"
            look = page.Style(f"{css};color:#9b1c1c", "ut") if group == "overdue" else page.Style(css)
            clock = f"{page.bar(due[1], due[2])}<div{page.attributes(look)}>{escape(due[0])}</div>"
        event = f'<div style="font-size:14px;margin:4px 0 0 0">{escape(item.event)}</div>' if item.event else ""
        look = page.Style("padding:12px 14px;border:1px solid #dde3e8;border-radius:8px", "r")
        known = page.Style("margin:6px 0 0 0;font-size:14px;line-height:1.45;color:#52606d", "m")
        return page.frame(
            f'<div style="font-size:16px"><strong>{escape(item.code)}</strong>&nbsp; {" ".join(chips)}</div>'
            f"{event}{clock}<div{page.attributes(known)}>{escape(' · '.join(self.lines(item)))}</div>",
            look,
            below=10,
        )


def _with_code(line: str) -> str:
    """A line as HTML; the command that it ends with looks like one."""
    said, mark, command = line.rpartition(f" {PROGRAM} ")
    code = page.attributes(page.CODE)
    return f"{escape(said)} <code{code}>{PROGRAM} {escape(command)}</code>" if mark else escape(line)
