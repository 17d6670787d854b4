"""The marks of machines: tables of header fields, addresses and subjects, each with where it comes from.

Every function gives a reason's id, or an empty string. They look at the mail's own head and structure only; words
in a body never make a machine of a person.
"""

from __future__ import annotations

import re

from intake.decide import away
from intake.decide.folding import fold
from intake.decide.quoting import is_forwarded
from intake.model import ParsedMail


def _any_of(*forms: str) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{form})" for form in forms))


# --- bounces ------------------------------------------------------------------------------------

_DAEMON_LOCAL = re.compile(
    r"(?:mailer[-_.]?daemon[^@]*|mail[-_.]?daemon|double-bounce|mmdf|bounces?|bounced[-_.]mail|bounce[-_.]?(?:master|handler)"
    r"|microsoftexchange[0-9a-f]{16,32})(?:[+=-].*)?"
)
_POSTMASTER_LOCAL = re.compile(r"post[-_.]?master(?:[+=-].*)?")
_DAEMON_NAME = re.compile(
    r"\b(?:mail(?:er)?[ -_]?daemon|mail delivery (?:sub)?system|mail delivery service|mail administrator"
    r"|internet mail delivery|mail system|delivery (?:subsystem|status|agent))\b"
)
_BOUNCE_SUBJECT = _any_of(
    # English, as written by sendmail, Postfix, qmail, Exim, Exchange, Domino, GroupWise and their kin
    r"delivery (?:status )?(?:notification|failure|failed|report|delayed|unsuccessful|error)",
    r"undeliver(?:able|ed)|undelivered mail|non[- ]?deliver(?:y|able)",
    r"(?:(?:e-?)?mail|message) (?:could|can) ?not be delivered",
    r"returned (?:mail|to sender)|mail (?:returned|delivery)|mail (?:system )?(?:error|failure)",
    r"failure (?:notice|delivery)|failed delivery",
    r"message (?:delivery|delayed|undeliverable|you sent blocked)|message status - undeliverable",
    r"could ?n(?:o|')t (?:send|deliver)|warning: (?:could not send|message)|rejected posting",
    # German, Dutch, French, Italian, Spanish
    r"unzustellbar|nicht zugestellt|mail konnte nicht|zustellung",
    r"onbestelbaar|niet bezorgd|bezorging",
    r"non remis|message non (?:distribu|remis)|echec de",
    r"non recapitabile|mancato recapito",
    r"no se (?:pudo|puede) entregar|no entregado",
    # complaints and reports about mail of ours
    r"complaint about message|abuse report|email feedback report|\[?.{0,20}dmarc failure report",
)
_REFUSED_BODY = re.compile(
    r"(?:reporting-mta:|final-recipient:|diagnostic-code:|feedback-type:|the following (?:addresses|recipients?) "
    r"(?:had|could|failed|did)|permanent fatal errors|this is the qmail-send|i wasn't able to deliver"
    r"|could not be delivered|undeliverable (?:address|message)|original message (?:follows|headers)"
    r"|message (?:headers|text) follow"
    r"|(?:smtp|lmtp) error from remote|5\d\d[ -]5\.\d\.\d|user unknown|mailbox (?:is )?(?:full|unavailable))"
)
_REPORTS = {"delivery-status": "bounce:dsn", "feedback-report": "bounce:complaint", "abuse-report": "bounce:complaint"}


def bounce(mail: ParsedMail) -> str:
    """Whether a mail system reports on a message it could not, would not, or does not want to deliver."""
    if mail.content_type == "multipart/report" and mail.report_type != "disposition-notification":
        return _REPORTS.get(mail.report_type, "bounce:report")
    if mail.content_type in {"message/delivery-status", "message/feedback-report"}:
        return "bounce:dsn"
    forwarded = is_forwarded(mail.subject)
    if "delivery-report" in mail.content and not forwarded:
        return "bounce:report-part"
    if (mail.first("x-failed-recipients") or mail.first("x-ms-exchange-message-is-ndr")) and not forwarded:
        return "bounce:failed-recipients"
    return _bounce_by_sender(mail) or _bounce_by_words(mail)


def _bounce_by_sender(mail: ParsedMail) -> str:
    locals_ = _locals(mail)
    takes_bounces = any(author.domain.startswith(("bounce.", "bounces.")) for author in mail.authors)
    if takes_bounces or any(_DAEMON_LOCAL.fullmatch(local) for local in locals_):
        return "bounce:daemon"
    name = fold(mail.first("from"))
    if _DAEMON_NAME.search(name.partition("<")[0]) or name.replace("<>", "").strip() in {"mailer-daemon", "postmaster"}:
        return "bounce:daemon-name"
    if any(_POSTMASTER_LOCAL.fullmatch(local) for local in locals_):
        return "bounce:postmaster"
    if mail.return_path in {"", "#@[]"} and not _auto_submitted(mail):
        return "bounce:null-sender"
    if _DAEMON_LOCAL.fullmatch((mail.return_path or "").lower()):
        return "bounce:daemon"
    return ""


def _bounce_by_words(mail: ParsedMail) -> str:
    """A subject that only mail systems write, and a body that they wrote too."""
    if mail.in_reply_to and mail.subject[:3].lower() == "re:":
        return ""
    if not _BOUNCE_SUBJECT.match(fold(mail.subject).lstrip("* [(")):
        return ""
    told = mail.nested_message_ids or _REFUSED_BODY.search(fold(mail.text[:8192]))
    return "bounce:wording" if told else ""


# --- automatic mail -----------------------------------------------------------------------------

# Fields that only automatic mail carries, whatever they say (unless they say no).
_AUTOMATIC_FIELDS = {
    "x-autoreply": "Exim recipes, cPanel, 1&1",
    "x-autorespond": "RT, Kerio, Plesk",
    "x-autoresponder": "several",
    "x-autoresponse": "several",
    "x-auto-reply": "several",
    "x-auto-respond": "several",
    "x-auto-response": "several",
    "x-autoreply-from": "several",
    "x-mail-autoreply": "several",
    "x-auto-reply-from": "several",
    "auto-reply": "several",
    "x-autogenerated": "forwarders and responders",
    "x-fc-machinegenerated": "FirstClass",
    "x-post-messageclass": "RSA/Mirapoint: 9; Autoresponder",
    "x-vacation": "several",
    "x-ebay-mailtracker": "eBay",
    "x-cron-env": "cron (Vixie and Debian)",
    "x-opengroupware-autoresponse": "OpenGroupware",
    "x-jira-fingerprint": "Jira",
    "x-github-reason": "GitHub",
    "x-gitlab-notificationreason": "GitLab",
    "x-bugzilla-reason": "Bugzilla",
    "x-redmine-host": "Redmine",
    "x-gitea-reason": "Gitea and Forgejo",
    "x-gitlab-project": "GitLab",
    "x-gerrit-messagetype": "Gerrit",
    "x-jenkins-job": "Jenkins",
    "x-launchpad-message-rationale": "Launchpad",
    "x-phabricator-sent-this-message": "Phabricator",
    "x-trac-project": "Trac",
    "x-discourse-topic-id": "Discourse",
    "x-facebook-notify": "Facebook",
    "x-auto-submitted": "a misspelling of Auto-Submitted",
    "x-zammad-auto-response": "Zammad",
    "x-otrs-loop": "OTRS",
    "x-znuny-loop": "Znuny",
    "rt-originator": "RT",
    "x-amz-sns-message-id": "Amazon SNS",
    "x-loop": "procmail recipes, helpdesks: I have passed here",
    "x-rt-loop-prevention": "RT",
    "x-freescout-mail-type": "FreeScout",
    "x-boxtrapper": "cPanel's challenges",
    "x-holidayreply": "several",
    "x-intake-kind": "another installation of this program",
}
_NOT = {"", "no", "none", "false", "0", "normal"}
_AUTO_REPLY_PRECEDENCE = {"auto_reply", "auto-reply", "autoreply"}
_RESPONDERS = re.compile(r"(?:vacation|auto-?(?:reply|respond)|gnarwl|out.?of.?office|yahoo.? autoresponder)")

_NO_REPLY = _any_of(
    r"(?:.*[-_.+])?(?:no|not|never|dont|donot|do-not|do_not|do\.not)[-_.]?"
    r"(?:reply|replies|respond|response|answer)(?:s|to)?(?:[-_.+=\d].*)?",
    r"(?:.*[-_.])?(?:ne|merci-de-ne)[-_.]?pas[-_.]?(?:repondre|repondez)(?:[-_.+].*)?",
    r"(?:.*[-_.])?(?:nicht|keine)[-_.]?antwort(?:en)?(?:[-_.+].*)?",
    r"(?:.*[-_.])?(?:niet|geen)[-_.]?(?:be)?antwoord(?:en)?(?:[-_.+].*)?",
    r"(?:.*[-_.])?no[-_.]?(?:responder|contestar|rispondere)(?:[-_.+].*)?",
    r"non[-_.]?rispondere|nao[-_.]?responda",
)
_MACHINE_LOCAL = _any_of(
    r"auto(?:mailer|mat|matic|mated|reply|respond(?:er)?|answer|notify|notification)(?:[+-].*)?",
    r"(?:robot|daemon|nobody|www-data|apache|httpd|cron|cronjob|uucp|news-daemon)(?:[+-].*)?",
    r"(?:[a-z]{2,20}[-_.])?notif(?:y|ications?)(?:[+-].*)?|alerts?(?:[+-].*)?|nagios|icinga|zabbix|munin",
    r"(?:system[-_.]?administrator|mailserver|anti-?virus|virus-?(?:alert|scanner)|ftp-?master)(?:[+-].*)?",
)
_SYSTEM_SUBJECT = re.compile(r"cron <|\*\*\* security information for |logwatch for |anacron job ")


def automatic(mail: ParsedMail, *, through_our_list: bool = False) -> str:
    """Whether a machine wrote the mail: an answer, a notice, a form on a web site.

    A list of our own marks what it passes on as a list does; that much is forgiven ``through_our_list``.
    """
    return (
        _auto_submitted(mail)
        or _receipt(mail)
        or ("calendar:reply" if "calendar-reply" in mail.content and not is_forwarded(mail.subject) else "")
        or _suppressed(mail)
        or _marked(mail, through_our_list=through_our_list)
        or _machine_address(mail)
        or ("subject:out-of-office" if away.says_so_in_subject(mail.subject) else "")
        or ("subject:system" if _SYSTEM_SUBJECT.match(fold(mail.subject)) else "")
    )


def _auto_submitted(mail: ParsedMail) -> str:
    """RFC 3834, 5: anything but ``no``, in any occurrence; a comment or parameter does not matter."""
    for value in mail.values("auto-submitted"):
        keyword = re.split(r"[;(\s]", value.strip().lower(), maxsplit=1)[0]
        if keyword in _NOT:
            continue
        return f"auto-submitted:{keyword}" if keyword in _SUBMITTED else "auto-submitted:other"
    return ""


_SUBMITTED = {"auto-generated", "auto-replied", "auto-notified"}


def _receipt(mail: ParsedMail) -> str:
    """Message disposition notifications (RFC 8098), by structure."""
    if mail.report_type == "disposition-notification" or mail.content_type.endswith("disposition-notification"):
        return "receipt:mdn"
    return "receipt:mdn" if "disposition-report" in mail.content and not is_forwarded(mail.subject) else ""


def _suppressed(mail: ParsedMail) -> str:
    """X-Auto-Response-Suppress ([MS-OXCMAIL] 2.2.3.2.14) by its values: see docs/decisions/0010.

    ``All`` is a machine's; ``AutoReply`` too, but not in the set that Exchange puts on ordinary mail it expands.
    """
    for value in mail.values("x-auto-response-suppress"):
        asked = {word for word in re.split(r"[\s,;]+", value.lower()) if word}
        if "all" in asked:
            return "suppress:all"
        if "autoreply" in asked and not _passed_exchange(mail):
            return "suppress:autoreply"
    return ""


def _passed_exchange(mail: ParsedMail) -> bool:
    return any(
        name.startswith(("x-ms-exchange-", "x-ms-has-attach")) or name == "thread-index" for name, _ in mail.headers
    )


def _marked(mail: ParsedMail, *, through_our_list: bool) -> str:
    for name, value in mail.headers:
        if name in _AUTOMATIC_FIELDS and value.strip().lower() not in _NOT:
            if name == "x-loop" and through_our_list:
                continue
            return f"header:{name}"
        if name in {"precedence", "x-precedence"} and value.strip().lower() in _AUTO_REPLY_PRECEDENCE:
            return "precedence:auto-reply"
        if name in {"x-mailer", "user-agent"} and _RESPONDERS.search(value.lower()):
            return "header:responder"
        if name == "x-apple-action" and "vacation" in value.lower():  # iCloud
            return "header:responder"
        if name in {"delivered-to", "x-delivered-to"} and value.strip().lower() in {"autoresponder", "vacation"}:
            return "header:delivered-to"
    return ""


def _machine_address(mail: ParsedMail) -> str:
    for local in _locals(mail):
        if _NO_REPLY.fullmatch(local):
            return "sender:no-reply"
        if _MACHINE_LOCAL.fullmatch(local):
            return "sender:machine"
    if _NO_REPLY.fullmatch((mail.return_path or "").rpartition("@")[0].lower()):
        return "sender:no-reply"
    return ""


# --- lists --------------------------------------------------------------------------------------

_LIST_FIELDS = {
    *("list-id", "list-post", "list-help", "list-owner", "list-archive", "list-subscribe", "list-unsubscribe"),
    *(
        "list-unsubscribe-post",
        "list-software",
        "mailing-list",
        "x-mailing-list",
        "x-mailinglist",
        "x-list",
        "x-list-id",
    ),
    *("x-beenthere", "x-mailman-version", "x-listname", "x-list-name", "x-listserver", "x-list-host", "x-ml-name"),
    *("x-mlserver", "x-ml-info", "x-ml-count", "x-google-group-id", "x-yahoo-newman-id", "x-sympa-to", "x-listmember"),
    *("x-campaign", "x-campaign-id", "x-campaignid", "x-mc-user", "x-newsletter", "x-mailchimp-campaign"),
}
# Addressed to nothing but the name of a list: an empty group that is not "undisclosed recipients" (RFC 5322, 3.4).
_ANNOUNCED = re.compile(r"[^:@<>]{0,60}(?:announce|list|group|members|news|digest)[^:@<>]{0,20}:\s*;")
_BULK = {"list": "list:precedence-list", "bulk": "list:precedence-bulk", "junk": "list:precedence-junk"}
_LIST_LOCAL = re.compile(
    r"owner-.+|.+-(?:request|owner|relay|bounces?|errors?|subscribe|unsubscribe|digest|listmaster)(?:[+=].*)?|majordomo.*"
    r"|listserv.*|listproc|listmaster|mailman(?:-.*)?|sympa|ezmlm|minimalist|bounces?[+=-].+\..+"
)


def mailing_list(mail: ParsedMail) -> str:
    """Whether a list, or a sender to many, stands between the author and us (RFC 2369, 2919, 3834 section 2)."""
    for name, value in mail.headers:
        if name in _LIST_FIELDS and value.strip():
            return f"list:{name}"
        if name in {"precedence", "x-precedence"} and value.strip().lower() in _BULK:
            return _BULK[value.strip().lower()]
    if any(_LIST_LOCAL.fullmatch(local) for local in _locals(mail)):
        return "list:role-sender"
    if _ANNOUNCED.fullmatch(mail.first("to").strip().lower()):
        return "list:announcement"
    path = (mail.return_path or "").rpartition("@")[0].lower()
    return "list:envelope" if _LIST_LOCAL.fullmatch(path) else ""


# --- addresses and subjects ---------------------------------------------------------------------

# Mail providers that serve everybody: their domain says nothing about who writes.
PUBLIC_PROVIDERS = frozenset(
    (
        *("gmail.com", "googlemail.com", "outlook.com", "outlook.be", "outlook.fr", "hotmail.com"),
        *("hotmail.be", "hotmail.fr", "hotmail.nl", "hotmail.co.uk", "live.com", "live.be"),
        *("live.nl", "live.fr", "msn.com", "yahoo.com", "yahoo.fr", "yahoo.de"),
        *("yahoo.co.uk", "yahoo.co.jp", "ymail.com", "aol.com", "icloud.com", "me.com"),
        *("mac.com", "proton.me", "protonmail.com", "protonmail.ch", "pm.me", "tutanota.com"),
        *("tuta.io", "gmx.net", "gmx.de", "gmx.com", "gmx.at", "gmx.ch"),
        *("web.de", "t-online.de", "freenet.de", "mail.ru", "yandex.ru", "yandex.com"),
        *("zoho.com", "mail.com", "fastmail.com", "fastmail.fm", "hey.com", "telenet.be"),
        *("skynet.be", "proximus.be", "scarlet.be", "ziggo.nl", "kpnmail.nl", "planet.nl"),
        *("xs4all.nl", "home.nl", "orange.fr", "wanadoo.fr", "free.fr", "sfr.fr"),
        *("laposte.net", "bbox.fr", "qq.com", "163.com", "126.com", "naver.com"),
        *("libero.it", "virgilio.it", "seznam.cz", "wp.pl", "o2.pl", "posteo.de"),
        *("posteo.net", "mailbox.org", "riseup.net", "disroot.org", "tuta.com"),
    )
)


def is_role(email: str) -> bool:
    """Whether an address is one that must not be answered by a machine (RFC 3834, 2)."""
    local = email.rpartition("@")[0].lower()
    patterns = (_DAEMON_LOCAL, _POSTMASTER_LOCAL, _LIST_LOCAL, _NO_REPLY, _MACHINE_LOCAL)
    return any(pattern.fullmatch(local) for pattern in patterns)


def _locals(mail: ParsedMail) -> list[str]:
    """Local parts of the authors and of Sender, lower case; of a bare word in From too (``MAILER-DAEMON``)."""
    found = [author.email.rpartition("@")[0].lower() for author in mail.authors]
    sent_by = mail.first("sender").rpartition("<")[2].strip(" >")
    if "@" in sent_by:
        found.append(sent_by.rpartition("@")[0].lower())
    bare = mail.first("from").strip().strip("<>").lower()
    if not mail.authors and bare and " " not in bare:
        found.append(bare.rpartition("@")[0] or bare)
    return [local for local in found if len(local) <= 200]
