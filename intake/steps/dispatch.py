"""From a claimed row to a message: everything is looked up once more, recusals first, and only then composed."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from intake.decide import drill
from intake.decide.clock import POISON_TRIES
from intake.errors import EncryptionError
from intake.letters import Acknowledgement, Alarm, Copy, Reader, Thread
from intake.model import (
    DRILL,
    REPORTER,
    Address,
    Delivery,
    DeliveryDraft,
    DeliveryState,
    MessageKind,
    Outgoing,
    ParsedMail,
    Verdict,
)
from intake.steps import alarm, news, selfcheck
from intake.steps.digest import compose_digest
from intake.steps.in_hand import InHand
from intake.steps.understand import UNPROCESSABLE, unprocessable

if TYPE_CHECKING:
    from intake.config import OrganizerConfig
    from intake.ledger.context import MailContext
    from intake.steps.parts import Parts

WITHOUT_ORIGINAL = "without-original"  # in a variant: its size was refused
MOST_ENCRYPTED = 10 << 20  # bytes of an original in an encrypted copy, of which each is another one in memory
REACHED = (DeliveryState.SENT,)
# A copy of a report can do with what was known when it was claimed. An answer is told what became of copies since.
CAN_DO_WITH_LESS = (MessageKind.REPORT, MessageKind.ACKNOWLEDGEMENT)
ON_THE_WAY = (DeliveryState.SENT, DeliveryState.PENDING, DeliveryState.CLAIMED, DeliveryState.UNKNOWN)


@dataclass(frozen=True, slots=True)
class Withhold:
    """The recipient must not have it any more."""


@dataclass(frozen=True, slots=True)
class Impossible:
    """It can't be composed now or later; ``reason`` says why, without anything personal."""

    reason: str


Composed = Outgoing | Withhold | Impossible


class Dispatcher:
    """Composes the messages of one claimed batch; what is known about a mail is read once for all its recipients."""

    def __init__(self, parts: Parts) -> None:
        self.parts = parts
        self._in_hand = InHand(parts)
        self._told: set[str] = set()
        self._hidden: dict[tuple[int | None, int | None], frozenset[str]] = {}

    def expect(self, deliveries: Iterable[Delivery]) -> None:
        """Read what is known about their mails, in a few questions for all of them; forget others."""
        self._in_hand.expect({delivery.mail_id for delivery in deliveries if delivery.mail_id is not None})

    def is_large(self, mail_id: int | None) -> bool:
        """Whether the original of a mail is so large that it is not to be in memory together with another such one."""
        return mail_id is not None and self._in_hand.is_large(mail_id)

    def look_up(self, deliveries: Iterable[Delivery]) -> None:
        """Ask who must not have what is composed next: right before it leaves, because it may have changed."""
        self._hidden = self.parts.ledger.withheld_from({(one.mail_id, one.case_id) for one in deliveries})

    def _withheld(self, delivery: Delivery) -> frozenset[str]:
        about = (delivery.mail_id, delivery.case_id)
        hidden = self._hidden.get(about)
        return self.parts.ledger.withheld(*about) if hidden is None else hidden

    def _is_withheld(self, delivery: Delivery) -> bool:
        return delivery.recipient in self._withheld(delivery)

    def tell(self, trouble: str) -> None:
        """Say what keeps messages from being composed, once for all of them."""
        if trouble not in self._told:
            self._told.add(trouble)
            self.parts.say(trouble)

    def compose(self, delivery: Delivery) -> Composed:  # noqa: PLR0911 - one return for each kind of message
        """One message. Raises TemplateError and DeliveryError as the composer does."""
        if delivery.kind in {MessageKind.DIGEST, MessageKind.ALARM, MessageKind.DRILL}:
            return self._by_ourselves(delivery)
        if news.is_news(delivery):
            return self._news(delivery)
        if delivery.mail_id is None:
            return Impossible("it belongs to no mail")
        context = self._in_hand.context(delivery.mail_id, current=delivery.kind not in CAN_DO_WITH_LESS)
        if self._is_withheld(delivery):
            return Withhold()
        original = self._in_hand.original(delivery.mail_id)
        if original is None:
            return self._without(delivery, context)
        mail, verdict = self._understood(delivery, context, original)
        if delivery.kind is MessageKind.ACKNOWLEDGEMENT:
            return self._acknowledgement(delivery, context, mail, verdict)
        return self._copy(delivery, context, mail, verdict, original)

    def _without(self, delivery: Delivery, context: MailContext) -> Composed:
        """A copy that was decided on in the instant in which the original was wiped becomes word of where it stands."""
        to = self._person(delivery.recipient)
        if to is None or context.case is None:
            return Impossible("the original is no longer in the ledger")
        return news.waiting(self.parts, delivery, context, *to)

    def _by_ourselves(self, delivery: Delivery) -> Composed:
        """What stems from no mail."""
        if delivery.kind is MessageKind.ALARM:
            return self._alarm(delivery)
        if delivery.kind is MessageKind.DRILL:
            return selfcheck.compose(self.parts, delivery) or Withhold()
        # Who has left the team since it was decided is told nothing more.
        return compose_digest(self.parts, delivery) if self._person(delivery.recipient) else Withhold()

    def _news(self, delivery: Delivery) -> Composed:
        """A short message about a case, or about a command."""
        to = self._person(delivery.recipient)
        topic = delivery.variant.partition(":")[0]
        if to is None:  # has left the team; only what stands for a mail must reach somebody else then
            gone = "nobody of that address is in the configuration"
            return Impossible(gone) if topic == "waiting" else Withhold()
        if delivery.mail_id is None or topic in news.ABOUT_A_CASE:
            return news.of_case(self.parts, delivery, *to) or Withhold()
        context = self._in_hand.context(delivery.mail_id, current=True)
        # Who is withheld by now is not told what became of their command either, unless they asked for just that.
        withheld = self._is_withheld(delivery)
        if topic == "waiting":
            return Withhold() if withheld else news.waiting(self.parts, delivery, context, *to)
        original = self._in_hand.original(delivery.mail_id)
        if original is None:
            return Impossible("the original is no longer in the ledger")
        mail, _ = self._understood(delivery, context, original)
        if withheld and not news.asked_for_it(delivery, mail):
            return Withhold()
        return news.of_command(self.parts, delivery, context, mail, *to)

    def _understood(self, delivery: Delivery, context: MailContext, original: bytes) -> tuple[ParsedMail, Verdict]:
        # A mail that ended passes is not looked into again, nor one whose delivery was begun and never reported on.
        fatal = delivery.unreported > POISON_TRIES
        variant = delivery.variant.partition(" ")[0]
        if fatal or variant in {"unreadable", UNPROCESSABLE}:
            return ParsedMail(defects=(variant or UNPROCESSABLE,)), unprocessable(self.parts, original)
        assert delivery.mail_id is not None  # noqa: S101 - it has an original
        return self._in_hand.understood(delivery.mail_id, original, context)

    def became(self, delivery: Delivery, state: DeliveryState) -> None:
        """What was written down about a delivery of a mail is known from now on."""
        if delivery.mail_id is not None:
            self._in_hand.became(delivery.mail_id, delivery.id, state)

    def _readers(
        self, context: MailContext, *states: DeliveryState, apart: frozenset[str] | None = None
    ) -> tuple[Reader, ...]:
        """Who has a copy or is about to, in the order of the configuration; but not who is withheld, or ``apart``."""
        hidden = context.withheld if apart is None else apart
        addresses = {d.recipient for d in context.copies(*states)} - hidden
        config = self.parts.config
        readers = [Reader(o.name, o.role) for o in config.organizers if o.email.lower() in addresses]
        fallback = config.fallback
        if fallback and fallback.email.lower() in addresses:
            readers.append(Reader(fallback.name))
        return tuple(readers)

    def _acknowledgement(
        self, delivery: Delivery, context: MailContext, mail: ParsedMail, verdict: Verdict
    ) -> Composed:
        apart = self._withheld(delivery)
        context = self._in_hand.as_far_as_known(context)
        if delivery.mail_id is not None and not _reached(context, apart):  # but by somebody else, perhaps
            context = self._in_hand.context(delivery.mail_id, current=True)
        if verdict.acknowledge_to is None or context.case is None:
            return Impossible("the sender can't be answered")
        letter = Acknowledgement(
            to=Address("", verdict.acknowledge_to.email),
            thread=Thread(delivery.message_id, mail.message_id, (*mail.references, mail.message_id)),
            language=verdict.language,
            category=verdict.category,
            code=context.case.code,
            received=context.place.arrived,
            # What it says is decided now: the truth may have changed since the row was written.
            variant=delivery.variant if _reached(context, apart) else "unread",
            readers=self._readers(context, *ON_THE_WAY, apart=apart),
            truncated=context.truncated,
            event=verdict.event,
            event_phone=self._event_phone(verdict),
        )
        letter = self._promising_nothing(letter, context, apart)
        return self.parts.composer().acknowledgement(letter, self.parts.now)

    def _promising_nothing(
        self, letter: Acknowledgement, context: MailContext, hidden: AbstractSet[str]
    ) -> Acknowledgement:
        """An answer that does not say that somebody gets what nobody gets, nor names whom the mail is about."""
        config = self.parts.config
        return replace(
            letter,
            nobody=not {copy.recipient for copy in context.copies(*ON_THE_WAY)} - hidden,
            keeper=bool(config.alarm.email or config.alarm.notify),
            insiders_only=config.fallback is not None and config.fallback.email.lower() in hidden,
        )

    def _event_phone(self, verdict: Verdict) -> str:
        """The number on site: only for a sender who is who they say, from the day before the event until its end."""
        now = self.parts.now
        if verdict.authentication != "pass" or not self.parts.config.acknowledgement.judges_senders:
            return ""
        near = [e for e in self.parts.config.events if e.starts - timedelta(days=1) <= now <= e.ends]
        meant = [e for e in near if e.name == verdict.event] or near
        return next((e.on_site_phone for e in meant if e.on_site_phone), "")

    def acknowledgement_again(self, delivery: Delivery, variant: str, *, at_first: bool = False) -> Composed:
        """What an acknowledgement said, as far as the ledger still knows; for recognising it when it is quoted.

        ``at_first``: with those who had a copy and were withheld since, as it read before that.
        """
        if delivery.mail_id is None:
            return Impossible("it belongs to no mail")
        context = self._in_hand.context(delivery.mail_id, current=False)
        if context.case is None:
            return Impossible("it belongs to no case")
        letter = Acknowledgement(
            to=Address("", "reporter@localhost"),
            thread=Thread(delivery.message_id),
            language=context.case.language,
            category=context.case.category,
            code=context.case.code,
            received=context.place.arrived,
            variant=variant,
            readers=self._readers(context, *ON_THE_WAY, apart=frozenset() if at_first else None),
            event=context.case.event,
        )
        letter = self._promising_nothing(letter, context, frozenset() if at_first else context.withheld)
        return self.parts.composer().acknowledgement(letter, self.parts.now)

    def _copy(
        self, delivery: Delivery, context: MailContext, mail: ParsedMail, verdict: Verdict, original: bytes
    ) -> Composed:
        to = self._person(delivery.recipient)
        if to is None or context.case is None:
            return Impossible("nobody of that address is in the configuration")
        address, language = to
        if verdict.rule == DRILL and mail.first(drill.TO):
            address = Address(address.name, mail.first(drill.TO))
        person = next((o for o in self.parts.config.organizers if o.email.lower() == delivery.recipient), None)
        content = person.content if person else "full"
        if content == "notice":
            return news.waiting(self.parts, delivery, context, address, language)
        place = context.place
        too_large = context.truncated or (content == "encrypted" and place.size > MOST_ENCRYPTED)
        whole = not (too_large or delivery.variant == "unreadable" or WITHOUT_ORIGINAL in delivery.variant)
        # Who has to look for the original is told where it stands now, everybody else where it arrived.
        folder = place.ref.folder if whole else place.filed_to or place.ref.folder
        lead = context.case.claimed_by or ""
        letter = Copy(
            kind=delivery.kind,
            to=address,
            language=language,
            thread=self._thread(delivery, context),
            case=context.case,
            mail=mail,
            verdict=verdict,
            received=place.arrived,
            mailbox=place.ref.mailbox,
            folder=folder,
            size=place.size,
            recipients=self._readers(context, *ON_THE_WAY),
            others_withheld=len({w.organizer for w in context.case.recused} - self._outside()),
            acknowledgement=context.acknowledgement,
            original=original if whole else b"",
            original_note=_note(delivery.variant, too_large=too_large),
            linked_code=self._linked_code(delivery, context),
            team_reply=delivery.variant.startswith("team"),
            lead=news.name_of(self.parts.config, lead) or lead,
        )
        composed = self.parts.composer().copy(letter, self.parts.now)
        if person is None or content != "encrypted":
            return composed
        return self._encrypted(person, composed) or news.waiting(self.parts, delivery, context, address, language)

    def _outside(self) -> set[str]:
        fallback = self.parts.config.fallback
        return {fallback.email.lower()} if fallback else set()

    def _linked_code(self, delivery: Delivery, context: MailContext) -> str:
        """The case to look at beside this one, unless that is withheld from the recipient."""
        beside = context.case.linked_to if context.case else None
        if beside is None or delivery.recipient in self.parts.ledger.withheld(None, beside):
            return ""
        return context.linked_code

    def _encrypted(self, person: OrganizerConfig, composed: Outgoing) -> Outgoing | None:
        """The copy for somebody's key; None when that fails, and then the alarm knows. It never goes in the clear."""
        parts = self.parts
        try:
            assert person.pgp_key is not None  # noqa: S101 - the configuration was checked for it
            return parts.composer().encrypted(composed, person.pgp_key, parts.now)
        except EncryptionError as error:
            parts.say(f"a copy could not be encrypted, and a notice goes instead: {error}")
        if parts.config.alarm.email:
            day = parts.now.astimezone(parts.config.zone).date()
            to = parts.config.alarm.email.lower()
            key = f"encryption for {person.email.lower()} on {day}"
            variant = f"encryption:{person.name}"[:40]
            parts.ledger.add(
                [DeliveryDraft(MessageKind.ALARM, to, key, DeliveryState.PENDING, parts.now, variant)], parts.now
            )
        return None

    def _thread(self, delivery: Delivery, context: MailContext) -> Thread:
        root = context.roots.get(delivery.recipient, "")
        return (
            Thread(delivery.message_id, root, (root,))
            if root and root != delivery.message_id
            else Thread(delivery.message_id)
        )

    def _alarm(self, delivery: Delivery) -> Composed:
        config = self.parts.config
        if not config.alarm.email:
            return Impossible("no [alarm] email is configured")
        topic, _, fact = delivery.variant.partition(":")
        if topic in {"alarm", "over"} and fact.isdigit():
            told = self.parts.ledger.alarms.one(int(fact))
            if told is None:
                return Impossible("the ledger does not know this alarm")
            return alarm.compose(self.parts, told, delivery.message_id, over=topic == "over")
        letter = Alarm(
            Address("", config.alarm.email),
            config.community.languages[0],
            Thread(delivery.message_id),
            topic,
            (("detail", fact),) if fact else (),
            lasting=False,
        )
        return self.parts.composer().alarm(letter, self.parts.now)

    def _person(self, email: str) -> tuple[Address, str] | None:
        """A recipient as configured now: address as written there, and language."""
        config = self.parts.config
        people = (*config.organizers, *((config.fallback,) if config.fallback else ()))
        for person in people:
            if person.email.lower() == email and email != REPORTER:
                return Address(person.name, person.email), config.language_of(person)
        return None


def _reached(context: MailContext, apart: frozenset[str]) -> bool:
    """Whether somebody's server has taken a copy, other than of those ``apart``."""
    return any(copy.recipient not in apart for copy in context.copies(*REACHED))


def _note(variant: str, *, too_large: bool) -> str:
    if variant == "unreadable":
        return "unreadable"
    if too_large:
        return "too-large"
    return "refused-for-size" if WITHOUT_ORIGINAL in variant else ""
