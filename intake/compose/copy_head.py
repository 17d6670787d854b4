"""The words of a copy: what a person must know within five seconds, then the author's own text, inert."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cached_property
from html import escape

from intake.compose import links, page, report_json, words
from intake.compose.house import House
from intake.compose.markdown import flow
from intake.compose.render import Phrases
from intake.letters import Copy
from intake.model import DRILL, Address, Attachment, MessageKind

SHOWN_TEXT = 60_000  # characters of the author's text in a copy; the original has them all
SHOWN_ITEMS = 20  # attachments, and addresses that were copied
LINK = "\x00discuss\x00"  # stands on a line of its own where the personal link comes; NUL is in no other text


@dataclass(frozen=True)
class Head:
    """The words of one copy: what a person must know within five seconds, then the author's own text."""

    letter: Copy
    house: House
    phrases: Phrases
    language: str
    urgent: bool = field(kw_only=True)

    @property
    def title(self) -> str:
        """What came in, with its code."""
        what = "follow-up" if self.letter.kind is MessageKind.FOLLOW_UP else "new"
        what = "team-reply" if self.letter.team_reply else what
        mark = f"{self.phrases.get('copy', 'drill')} - " if self.letter.verdict.rule == DRILL else ""
        return mark + self.phrases.get("copy", what, code=self.letter.case.code)

    @property
    def category(self) -> str:
        """The category in words; one of the community's own stands as it is."""
        return self.phrases.get("category", self.letter.case.category)

    @property
    def preheader(self) -> str:
        """What an inbox shows beside the subject: as safe on a lock screen as that is."""
        return self.phrases.get("copy", "preheader-urgent" if self.urgent else "preheader")

    @property
    def reasons(self) -> str:
        """Why it is urgent."""
        return ", ".join(self.phrases.get("urgency", reason) for reason in report_json.urgency_reasons(self.letter))

    @cached_property
    def rows(self) -> list[tuple[str, str, bool]]:
        """What must be seen at once: label, value, and whether the value is somebody else's text."""
        letter, get = self.letter, self.phrases.get
        mail, verdict = letter.mail, letter.verdict
        author = mail.authors[0] if mail.authors else None
        target = links.reporter(mail, verdict)
        elsewhere = (
            not letter.team_reply
            and target is not None
            and author is not None
            and target.email.lower() != author.email.lower()
        )
        copied, more = report_json.listed(report_json.others_copied(letter, self.house), SHOWN_ITEMS)
        return self._labelled(
            ("received", words.when(letter.received, self.house.zone, self.language), False),
            ("from", _person(author) if author else get("copy", "no-author"), True),
            ("answer-at", report_json.plain(target.email) if target and elsewhere else "", True),
            ("event", verdict.event or letter.case.event, False),
            ("language", get("language", verdict.language) if verdict.language else "", False),
            ("told", "" if letter.team_reply else self._told(), False),
            ("has-it", words.listing([reader.name for reader in letter.recipients], self.language), False),
            ("withheld", self._withheld(), False),
            ("taken", letter.lead, False),
            ("copied", ", ".join([*map(report_json.plain, copied), *([f"+ {more}"] if more else [])]), True),
            ("linked", get("copy", "linked-to", code=letter.linked_code) if letter.linked_code else "", False),
        )

    @cached_property
    def details(self) -> list[tuple[str, str, bool]]:
        """What can wait until after the author's words."""
        get, letter = self.phrases.get, self.letter
        if letter.team_reply:
            return []
        passed = letter.verdict.authentication == "pass"
        return self._labelled(
            ("subject", report_json.plain(letter.mail.subject[:300]), True),
            ("authentication", get("authentication", "pass") if passed else "", False),
            ("why", get("copy", "because", category=self.category, rule=self._rule()), False),
        )

    def _rule(self) -> str:
        """The rule in words where it has some; ``category[2]:subject=code-of-conduct`` as what it looks at."""
        kind, _, where = self.letter.case.rule.partition(":")
        if kind == "doubt" or not where or where == "otherwise":
            return self.phrases.get("rule", where if where == "otherwise" else kind)
        return where.replace(",", ", ")

    def _labelled(self, *rows: tuple[str, str, bool]) -> list[tuple[str, str, bool]]:
        return [(self.phrases.get("label", label), value, foreign) for label, value, foreign in rows if value]

    def _told(self) -> str:
        state = self.letter.acknowledgement
        at = words.when(state.at, self.house.zone, self.language) if state.at else ""
        reason = self.phrases.get("acknowledgement-reason", state.reason) if state.reason else ""
        key = f"{state.state}-at" if at and state.state == "sent" else state.state
        return self.phrases.get("acknowledgement", key, at=at, reason=reason)

    def _withheld(self) -> str:
        number = self.letter.others_withheld
        return self.phrases.count("copy", "withheld", number) if number else ""

    @cached_property
    def warnings(self) -> list[str]:
        """What keeps the mail from being read as usual: size, encryption, defects."""
        letter, get = self.letter, self.phrases.get
        content = letter.mail.content - (set() if letter.original_note else {"report"})
        if "smime" in content:  # which has words of its own; the others' are about PGP
            content -= {"encrypted"}
        found = [get("content", item) for item in sorted(content)]
        if letter.original_note:
            size = words.size(letter.size, self.language)
            found.insert(
                0, get("original", letter.original_note, size=size, mailbox=letter.mailbox, folder=letter.folder)
            )
        if letter.verdict.rule == DRILL:
            found.insert(0, get("copy", "drill-head"))
        if letter.verdict.authentication == "fail":
            found.insert(0, get("authentication", "fail"))
        if letter.mail.defects:
            found.append(
                get(
                    "copy",
                    self._alone("defects"),
                    list=", ".join(get("defect", item) for item in letter.mail.defects[:10]),
                )
            )
        return found

    @cached_property
    def attachments(self) -> list[str]:
        """Names that nothing can be hidden in, types and sizes."""
        shown, more = self.letter.mail.attachments[:SHOWN_ITEMS], len(self.letter.mail.attachments) - SHOWN_ITEMS
        lines = [self._attachment(item) for item in shown]
        return [*lines, f"+ {more}"] if more > 0 else lines

    def _attachment(self, item: Attachment) -> str:
        name = report_json.plain(item.name) or self.phrases.get("copy", "unnamed")
        name = name if len(name) <= 80 else f"{name[:40]}…{name[-38:]}"
        return f"{name} ({report_json.plain(item.type)[:60]}, {words.size(item.bytes, self.language)})"

    def _alone(self, key: str) -> str:
        """The words for a copy without the original, where it has none: nothing may point at what is not there."""
        return key if self.letter.original else f"{key}-alone"

    @cached_property
    def words_of_author(self) -> str:
        """The author's own text, readable: no controls, no change of direction, ends of lines bare."""
        raw = self.letter.mail.text[: SHOWN_TEXT + 1].replace("\r\n", "\n").replace("\r", "\n")
        shown = raw[:SHOWN_TEXT]
        if _HIDES.search(shown):
            shown = "\n".join([line.translate(_HIDDEN) for line in shown.split("\n")])
        lines = [line.rstrip() for line in shown.split("\n")]
        whole = "\n".join(lines).strip("\n")
        if len(raw) > SHOWN_TEXT:
            whole += f"\n[…] {self.phrases.get('copy', self._alone('shortened'))}"
        return whole

    def text(self, todo: str, answer: str) -> str:
        """The text part."""
        get, colon = self.phrases.get, words.colon(self.language)
        mark = f"{get('copy', 'urgent').upper()} - " if self.urgent else ""
        lines = [f"{mark}{self.category} - {self.title}"]
        if self.urgent:
            lines.append(flow(f"{get('label', 'urgent')}{colon} {self.reasons or get('copy', 'urgent')}"))
        lines.append("")
        lines += [flow(f"{label}{colon} {value}", rest="  ") for label, value, _ in self.rows]
        lines += ["", *(flow(f"! {warning}", rest="  ") for warning in self.warnings)] if self.warnings else []
        lines += ["", todo, "", LINK, ""]
        if answer:
            lines += [f"{get('copy', 'answer')}{colon}", answer, ""]
        elif not self.letter.team_reply:
            lines += [flow(get("copy", "no-answer")), ""]
        if self.letter.mail.attachments:
            lines += [f"{get('label', 'attachments')}{colon}", *(f"- {item}" for item in self.attachments), ""]
        body = self.words_of_author or get("copy", self._alone("no-text"))
        lines += [f"{get('copy', 'text-begins')}{colon}", "", "> " + body.replace("\n", "\n> "), ""]
        lines += [flow(get("copy", "text-ends" if self.letter.original else "text-ends-alone")), ""]
        lines += [flow(f"{label}{colon} {value}", rest="  ") for label, value, _ in self.details]
        return "\n".join(lines) + "\n"

    def html(self, todo: str, answer: str) -> str:
        """What stands inside the page."""
        get, colon = self.phrases.get, words.colon(self.language)
        chips = [page.chip(get("copy", "urgent"), page.URGENT)] if self.urgent else []
        chips.append(page.chip(self.category, page.CALM))
        out = [f"<div>{' '.join(chips)}</div>", page.title(self.title)]
        if self.urgent and self.reasons:
            out.append(
                page.box(
                    f"<strong>{escape(get('label', 'urgent'))}{colon}</strong> {escape(self.reasons)}",
                    page.URGENT,
                    above=8,
                )
            )
        out += [page.box(escape(warning), page.WARNING, above=12) for warning in self.warnings]
        out.append(_rows(self.rows))
        out += [page.heading(get("copy", "todo")), todo, f'<div style="margin:4px 0 10px 0">\n{LINK}\n</div>']
        if answer:
            out.append(
                f'<div style="margin:0 0 8px 0">{page.button(answer, get("copy", "answer"), primary=False)}</div>'
            )
        elif not self.letter.team_reply:
            out.append(f"<p{page.attributes(page.MUTED)}>{escape(get('copy', 'no-answer'))}</p>")
        body = self.words_of_author
        out.append(page.heading(get("copy", "text-begins")))
        out.append(
            page.quoted(body)
            if body
            else f"<p{page.attributes(page.MUTED)}>{escape(get('copy', self._alone('no-text')))}</p>"
        )
        if self.letter.mail.attachments:
            items = "".join(f"<li{page.attributes(page.ITEM)}>{page.inert(item)}</li>" for item in self.attachments)
            out += [page.heading(get("label", "attachments")), f"<ul{page.attributes(page.LIST)}>{items}</ul>"]
        out.append(_rows(self.details))
        foot = get("copy", "foot" if self.letter.original else "foot-alone")
        out.append(
            f'<p class="m" style="margin:20px 0 0 0;font-size:13px;line-height:1.45;color:#52606d">{escape(foot)}</p>'
        )
        return "\n".join(out)


_HIDDEN: dict[int, str | None] = dict.fromkeys((*range(32), *range(127, 160), *range(8234, 8239), *range(8294, 8298)))
_HIDES = re.compile("[\0-\t\v-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")
_HIDDEN.update({0x09: "    ", 0x2028: " ", 0x2029: " "})


def _rows(rows: list[tuple[str, str, bool]]) -> str:
    if not rows:
        return ""
    return page.rows((label, page.inert(value) if foreign else escape(value)) for label, value, foreign in rows)


def _person(author: Address) -> str:
    name, email = report_json.plain(author.name[:200]), report_json.plain(author.email[:320])
    return f"{name} <{email}>" if name and name != email else email
