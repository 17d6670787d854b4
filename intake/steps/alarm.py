"""Alarms: what is wrong is found in the ledger, told once by every channel there is, and told once when it is over.

None says anything of a report, or which case it is. While something is wrong, the dead-man's switch is not called.
"""

from __future__ import annotations

from datetime import timedelta
from email import message_from_bytes
from email.header import decode_header, make_header
from typing import TYPE_CHECKING

from intake.decide.clock import next_try
from intake.ledger.alarms import Trouble
from intake.letters import Alarm, Thread
from intake.model import DRILL, Address, Outgoing
from intake.oauth import expiry
from intake.steps import selfcheck

if TYPE_CHECKING:
    from intake.ledger.alarms import Told
    from intake.steps.parts import Parts, PassReport

FEWEST_POLLS = 3  # so often a mailbox may fail in a row
LONGEST_SILENCE = timedelta(minutes=15)  # and at least for so long
MOST_TRIES = 12  # of a channel that takes nothing; by then a day has passed
AUDIT = "audit "
CREDENTIAL = "credential"
LAST_WORD = timedelta(days=7)  # before a credential ends, people are told once more


def watch(parts: Parts, report: PassReport) -> bool:
    """Look for troubles that begin or end; True when there is something new to tell."""
    alarms, now = parts.ledger.alarms, parts.now
    found = (*alarms.symptoms(now, _patience(parts)), *_audits(report), *_credentials(parts))
    current = {trouble.name: trouble for trouble in found}
    opened = alarms.open()
    current |= _self_check(parts, opened)
    # Whether mailbox and ledger agree is only known where somebody has looked again.
    current |= {n: trouble for n, trouble in opened.items() if n.startswith(AUDIT) and not _audited(report, n)}
    fresh = alarms.fresh(now) if current else set()
    # What ends is told of again when the end has come closer.
    fresh |= {
        n for n, trouble in current.items() if trouble.topic == CREDENTIAL and n in opened and trouble != opened[n]
    }
    begin = [trouble for name, trouble in current.items() if name not in opened or name in fresh]
    end = [name for name in opened if name not in current]
    for trouble in begin:
        alarms.begin(trouble, now, parts.config.alarm.email)
        parts.say(f"alarm: {trouble.topic} ({trouble.detail})" if trouble.detail else f"alarm: {trouble.topic}")
    for name in end:
        alarms.end(name, now, parts.config.alarm.email)
    # What will end in weeks is to be told, and is no reason to keep the dead-man's switch waiting until then.
    report.alarms = sum(trouble.topic != CREDENTIAL for trouble in current.values())
    return bool(begin or end)


def _patience(parts: Parts) -> dict[str, timedelta]:
    return {
        settings.name: max(LONGEST_SILENCE, timedelta(seconds=FEWEST_POLLS * settings.poll_seconds))
        for settings in parts.config.mailboxes
    }


def _audits(report: PassReport) -> list[Trouble]:
    return [
        Trouble(f"{AUDIT}{one.name}", "audit", f"{one.name}: {one.unaccounted}")
        for one in report.mailboxes
        if one.unaccounted
    ]


def _self_check(parts: Parts, opened: dict[str, Trouble]) -> dict[str, Trouble]:
    """A drill that did not come through in time. What was told stays so until another one has, however far that is."""
    settings = parts.config.drill
    if not settings.every or not settings.to:
        return {}
    stage = selfcheck.trouble(selfcheck.checks(parts, settings.to))
    if stage == "":
        return {}
    if DRILL in opened:
        return {DRILL: opened[DRILL]}
    return {DRILL: Trouble(DRILL, DRILL, stage)} if stage else {}


def _credentials(parts: Parts) -> list[Trouble]:
    """Secrets and certificates of the log-in that end within weeks; the detail changes as the end comes closer."""
    config, now = parts.config, parts.now
    found: list[Trouble] = []
    for one in expiry.ending(config, now):
        near = LAST_WORD if one.ends - now <= LAST_WORD else expiry.SOON
        when = "has ended" if one.ends <= now else f"ends within {near.days} days"
        found.append(Trouble(f"{CREDENTIAL} {one.what}", CREDENTIAL, f"{one.what}: {when}, {one.ends:%Y-%m-%d}"))
    return found


def _audited(report: PassReport, name: str) -> bool:
    return any(f"{AUDIT}{one.name}" == name and one.unaccounted is not None for one in report.mailboxes)


def compose(parts: Parts, told: Told, message_id: str, *, over: bool) -> Outgoing:
    """The mail about a trouble. Raises TemplateError and DeliveryError as the composer does."""
    config = parts.config
    detail = told.trouble.detail
    letter = Alarm(
        Address("", config.alarm.email or config.community.address),
        config.community.languages[0],
        Thread(message_id),
        told.trouble.topic,
        (("detail", detail),) if detail else (),
        over=over,
    )
    return parts.composer().alarm(letter, parts.now)


def tell(parts: Parts) -> None:
    """Tell what is untold over the channels that are not mail."""
    urls = parts.config.alarm.notify
    alarms, now = parts.ledger.alarms, parts.now
    for told in alarms.untold(now):
        problem = _tell_one(parts, told) if urls else ""
        if problem and told.tries < MOST_TRIES:
            parts.say(problem)
            alarms.not_told(told.id, next_try(told.tries + 1, now, parts.chance.fraction()))
        else:
            alarms.told(told.id)


def _tell_one(parts: Parts, told: Told) -> str:
    message = message_from_bytes(compose(parts, told, "<alarm@localhost>", over=told.over).content)
    texts = [part for part in message.walk() if part.get_content_type() == "text/plain"]
    payload = texts[0].get_payload(decode=True) if texts else b""
    body = payload.decode("utf-8", "replace") if isinstance(payload, bytes) else ""
    problem = parts.notify(parts.config.alarm.notify, str(make_header(decode_header(message["Subject"]))), body)
    return f"[alarm] {problem}" if problem else ""


def call_home(parts: Parts, report: PassReport) -> None:
    """Call the dead-man's switch after a pass in which all was well."""
    url = parts.config.alarm.ping_url
    if not url or not is_good(report) or parts.stopping() or _unread(parts):
        return
    problem = parts.ping(url)
    if problem:
        parts.say(problem)


def _unread(parts: Parts) -> bool:
    """Whether some mailbox was not read lately, by whichever run."""
    patience = _patience(parts)
    healths = {one.name: one for one in parts.ledger.mailbox_health()}
    return any(
        name not in healths
        or healths[name].error
        or (last := healths[name].last_pass) is None
        or parts.now - last > patience[name]
        for name in patience
    )


def is_good(report: PassReport) -> bool:
    """Whether a pass did all that it had to; what merely waits for its time is no trouble."""
    ill = report.failed or report.alarms or report.way_out_failed or report.problems
    return not ill and not any(one.error for one in report.mailboxes)
