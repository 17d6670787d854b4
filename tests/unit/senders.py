# ruff: noqa: RUF001 - mails hold what telephones write
"""Mails as they really look at the top, written for these tests: who sent each, and what is to be done about it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Sample:
    """One mail; ``answered`` says whether its sender gets an acknowledgement."""

    name: str
    text: str
    answered: bool

    @property
    def raw(self) -> bytes:
        return self.text.lstrip("\n").encode().replace(b"\n", b"\r\n")


def _all(answered: bool, text: str) -> list[Sample]:
    found = []
    for block in text.strip("\n").split("\n=== ")[0:]:
        name, _, mail = block.removeprefix("=== ").partition("\n")
        found.append(Sample(name.strip(), mail, answered))
    return found


MACHINES = _all(
    False,
    """
=== Gmail cannot deliver
Return-Path: <>
From: Mail Delivery Subsystem <mailer-daemon@googlemail.com>
To: help@example.org
Auto-Submitted: auto-replied
Subject: Delivery Status Notification (Failure)
References: <abc@example.org>
X-Failed-Recipients: ann@example.net
Content-Type: multipart/report; boundary="b"; report-type=delivery-status

--b
Content-Type: text/plain

** Address not found **
--b
Content-Type: message/delivery-status

Reporting-MTA: dns; googlemail.com

Final-Recipient: rfc822; ann@example.net
Action: failed
Status: 5.1.1
--b--
=== Yahoo says it in words only
From: MAILER-DAEMON@yahoo.com
To: help@example.org
Subject: Failure Notice
Content-Type: text/plain

Sorry, we were unable to deliver your message to the following address.

<ann@example.net>:
554: delivery error: dd This user doesn't have a yahoo.com account
=== qmail
Return-Path: <#@[]>
From: MAILER-DAEMON@mail.example.net
To: help@example.org
Subject: failure notice

Hi. This is the qmail-send program at mail.example.net.
I'm afraid I wasn't able to deliver your message to the following addresses.
This is a permanent error; I've given up. Sorry it didn't work out.

<ann@example.net>:
Sorry, no mailbox here by that name. (#5.1.1)

--- Below this line is a copy of the message.
=== Exim without a report part
Return-path: <>
From: Mail Delivery System <Mailer-Daemon@host.example.net>
To: help@example.org
Auto-Submitted: auto-replied
X-Failed-Recipients: ann@example.net
Subject: Mail delivery failed: returning message to sender

This message was created automatically by mail delivery software.
A message that you sent could not be delivered to one or more of its recipients.
=== Exim, forwarded by a relay that removed the marks
From: Mail Delivery System <Mailer-Daemon@host.example.net>
To: help@example.org
Subject: Warning: message 1abcde-000123-AB delayed 24 hours

This message was created automatically by mail delivery software.
A message that you sent has not yet been delivered to one or more of its recipients after more than 24 hours.
=== Postfix delay
Return-Path: <>
From: MAILER-DAEMON@mx.example.net (Mail Delivery System)
To: help@example.org
Subject: Delayed Mail (still being retried)
Auto-Submitted: auto-replied
Content-Type: multipart/report; report-type=delivery-status; boundary="x"

--x

####### THIS IS A WARNING ONLY.
--x--
=== Postfix success
From: MAILER-DAEMON@mx.example.net (Mail Delivery System)
To: help@example.org
Subject: Successful Mail Delivery Report
Auto-Submitted: auto-replied
Content-Type: multipart/report; report-type=delivery-status; boundary="x"

--x

Your message was successfully delivered.
--x--
=== sendmail
From: Mail Delivery Subsystem <MAILER-DAEMON@host.example.net>
To: <help@example.org>
Subject: Returned mail: see transcript for details
Auto-Submitted: auto-generated (failure)
Content-Type: multipart/report; report-type=delivery-status; boundary="s"

--s

   ----- The following addresses had permanent fatal errors -----
--s--
=== old sendmail, plain text
From: Mail Delivery Subsystem <MAILER-DAEMON@host.example.net>
To: help@example.org
Subject: Returned mail: User unknown

   ----- Transcript of session follows -----
550 <ann@example.net>... User unknown
=== Exchange 2003
From: System Administrator <postmaster@corp.example.net>
To: help@example.org
Subject: Undeliverable: Code-of-conduct
Content-Type: multipart/mixed; boundary="e"

--e
Content-Type: text/plain

Your message did not reach some or all of the intended recipients.
--e--
=== Exchange Online
From: Microsoft Outlook <MicrosoftExchange329e71ec88ae4615bbc36ab6ce41109e@corp.example.net>
To: help@example.org
Subject: Undeliverable: Code-of-conduct
Auto-Submitted: auto-replied
X-MS-Exchange-Message-Is-Ndr:
Content-Type: multipart/report; report-type=delivery-status; boundary="e"

--e
Content-Type: text/html

<p>Your message couldn't be delivered</p>
--e--
=== Exchange in Dutch, as text from an archive
From: Microsoft Outlook <postmaster@corp.example.net>
To: help@example.org
Subject: Onbestelbaar: Code-of-conduct

Bezorging is mislukt bij deze geadresseerden of groepen
=== Exchange in French
From: postmaster@corp.example.net
To: help@example.org
Subject: =?utf-8?q?Non_remis_=3A_Code-of-conduct?=

La remise a échoué pour ces destinataires ou groupes
=== Domino
From: MAILER-DAEMON@domino.example.net
To: help@example.org
Subject: DELIVERY FAILURE: User ann (ann@example.net) not listed in Domino Directory
X-Mailer: Lotus Domino Release 8.5
Content-Type: multipart/report; report-type=delivery-status; boundary="d"

--d

Your message Subject: Code-of-conduct was not delivered to: ann@example.net
--d--
=== GroupWise
From: Mail-Daemon@gw.example.net
To: help@example.org
Subject: Message status - undeliverable
Content-Type: multipart/mixed; boundary="g"

--g

The message that you sent was undeliverable to the following: ann (user not found)
--g--
=== Mimecast, from a postmaster's address
From: Postmaster <postmaster@mail.example.net>
To: help@example.org
Subject: [Postmaster] Email Delivery Failure

Your email could not be delivered.
=== SES
Return-Path: <>
From: MAILER-DAEMON@eu-west-1.amazonses.com
To: help@example.org
Subject: Delivery Status Notification (Failure)
Content-Type: multipart/report; report-type=delivery-status; boundary="a"

--a

An error occurred while trying to deliver the mail to the following recipients
--a--
=== a bounce without a report, from a hoster
From: "Mail Delivery System" <noreply@hoster.example>
To: help@example.org
Subject: Undelivered Mail Returned to Sender

This is the mail system at host mx.hoster.example. I'm sorry to have to inform you
=== a complaint
From: <staff@feedback.example.com>
To: help@example.org
Subject: Email Feedback Report for IP 192.0.2.1
Content-Type: multipart/report; report-type=feedback-report; boundary="f"

--f

This is an email abuse report
--f
Content-Type: message/feedback-report

Feedback-Type: abuse
Version: 1
--f--
=== DMARC aggregate
From: noreply-dmarc-support@google.com
To: help@example.org
Subject: Report domain: example.org Submitter: google.com Report-ID: 123
Content-Type: application/zip; name="google.com!example.org!1.zip"
Content-Transfer-Encoding: base64

UEsDBA==
=== DMARC aggregate from elsewhere
From: DMARC Aggregate Report <dmarcreport@reports.example.com>
To: help@example.org
Auto-Submitted: auto-generated
Subject: Report Domain: example.org Submitter: mx.example.com Report-ID: <1@example.com>

see attached
=== TLS report
From: <smtp-tls-reporting@example.com>
To: help@example.org
TLS-Report-Domain: example.org
TLS-Report-Submitter: example.com
Subject: Report Domain: example.org Submitter: example.com Report-ID: <2024.01@example.com>
Content-Type: multipart/report; report-type="tlsrpt"; boundary="t"

--t

This is an aggregate TLS report
--t--
=== read receipt of Outlook
From: Rita <rita@corp.example.com>
To: help@example.org
Subject: Read: Your report
Content-Type: multipart/report; report-type=disposition-notification; boundary="r"

--r

Your message was read on Monday
--r
Content-Type: message/disposition-notification

Final-Recipient: RFC822; rita@corp.example.com
Disposition: manual-action/MDN-sent-manually; displayed
--r--
=== read receipt of Thunderbird in German
From: Rita <rita@example.com>
To: help@example.org
Subject: =?utf-8?q?Empfangsbest=C3=A4tigung_(angezeigt)_-_Code-of-conduct?=
MIME-Version: 1.0
Content-Type: multipart/report; report-type="disposition-notification"; boundary="m"

--m

Dies ist eine Empfangsbestätigung für eine Nachricht
--m--
=== a receipt whose type a gateway has lost
From: Rita <rita@example.com>
To: help@example.org
Subject: Gelezen: Code-of-conduct
Content-Type: multipart/mixed; boundary="m"

--m
Content-Type: text/plain

Uw bericht is gelezen op maandag
--m
Content-Type: message/disposition-notification

Final-Recipient: rfc822;rita@example.com
Disposition: automatic-action/MDN-sent-automatically; displayed
--m--
=== Exchange says not read
From: Rita <rita@corp.example.com>
To: help@example.org
Subject: Not read: Code-of-conduct
X-MS-TNEF-Correlator:
Content-Type: multipart/report; report-type=disposition-notification; boundary="m"

--m

Your message was deleted without being read
--m--
=== GitHub notification
From: octo <notifications@github.com>
To: org/repo <repo@noreply.github.com>
Cc: Subscribed <subscribed@noreply.github.com>
Reply-To: org/repo <reply+ABC@reply.github.com>
Subject: [org/repo] Harassment in issue (Issue #12)
Precedence: list
List-ID: org/repo <repo.org.github.com>
X-GitHub-Reason: subscribed
X-GitHub-Sender: octo

Somebody wrote
=== GitLab
From: Rita <gitlab@mg.gitlab.com>
To: help@example.org
Reply-To: group/project <incoming+abc@incoming.gitlab.com>
Subject: Re: group/project | Title (#5)
X-GitLab-Project: project
X-GitLab-NotificationReason: mentioned
List-Id: group/project <1.project.group.gitlab.com>

commented
=== Gitea
From: Rita <noreply@gitea.example.com>
To: help@example.org
Subject: Re: [org/repo] Title (#5)
X-Mailer: Gitea
X-Gitea-Reason: mention

commented
=== Jira
From: Rita Reporter (Jira) <jira@example.atlassian.net>
To: help@example.org
Subject: [JIRA] (COC-1) Code of conduct
X-JIRA-FingerPrint: abc
Auto-Submitted: auto-generated
Precedence: bulk

Rita commented on COC-1
=== Bugzilla
From: bugzilla-daemon@bugs.example.org
To: help@example.net
Subject: [Bug 123] conduct
X-Bugzilla-Reason: CC

changed
=== Trac
From: "Example" <trac@example.net>
To: help@example.org
Subject: Re: [Example] #12: conduct
X-Trac-Project: Example
X-Mailer: Trac 1.2, by Edgewall Software
X-URL: https://trac.example.net
Auto-Submitted: auto-generated

changed
=== Zendesk answers a ticket
From: Support <support@shop.zendesk.com>
To: help@example.org
Subject: [Request received] Code-of-conduct
Auto-Submitted: auto-generated
X-Auto-Response-Suppress: All
X-Mailer: Zendesk Mailer
X-Zendesk-From-Account-Id: abc

Your request (123) has been received
=== Freshdesk
From: Support <support@shop.freshdesk.com>
To: help@example.org
Subject: Ticket Received - Code-of-conduct
X-Auto-Response-Suppress: DR, RN, OOF, AutoReply
Auto-Submitted: auto-generated

We have received your ticket
=== RT
From: "Example Support via RT" <rt@example.net>
To: help@example.org
Subject: [example.net #12] AutoReply: Code-of-conduct
RT-Ticket: example.net #12
RT-Originator: help@example.org
Managed-by: RT 4.4.4
Precedence: bulk

This message has been automatically generated
=== OTRS
From: OTRS <otrs@example.net>
To: help@example.org
Subject: [Ticket#2026] RE: Code-of-conduct
X-OTRS-Loop: yes
X-Mailer: OTRS Mail Service (6.0)
Precedence: bulk
Auto-Submitted: auto-replied

Thanks for your e-mail
=== osTicket
From: Support <support@example.net>
To: help@example.org
Subject: Re: Code-of-conduct [#123456]
X-Mailer: osTicket Mailer
X-Autoreply: support ticket
X-Auto-Response-Suppress: All
Auto-Submitted: auto-replied
Precedence: bulk

A request for support has been created
=== Zammad
From: Support <support@example.net>
To: help@example.org
Subject: RE: Code-of-conduct [Ticket#31001]
X-Powered-By: Zammad - Helpdesk/Support (https://zammad.org/)
X-Mailer: Zammad Mail Service
Auto-Submitted: auto-replied
X-Auto-Response-Suppress: All

received
=== Discourse
From: Forum <forum@discourse.example>
To: help@example.org
Subject: [Forum] [PM] Conduct
X-Discourse-Topic-Id: 5
X-Auto-Response-Suppress: All
Auto-Submitted: auto-generated
List-Unsubscribe: <https://discourse.example/x>

wrote
=== Google Calendar invitation
From: Rita <rita@example.com>
Sender: Google Calendar <calendar-notification@google.com>
To: help@example.org
Subject: Invitation: Talk @ Mon 2 Mar 2026 10am - 11am (CET) (help@example.org)
Auto-Submitted: auto-generated
Content-Type: multipart/alternative; boundary="c"

--c
Content-Type: text/plain

You have been invited
--c
Content-Type: text/calendar; method=REQUEST

BEGIN:VCALENDAR
METHOD:REQUEST
END:VCALENDAR
--c--
=== a calendar's reply, without any header
From: Rita <rita@corp.example.com>
To: help@example.org
Subject: Accepted: Talk
Content-Type: multipart/alternative; boundary="c"

--c
Content-Type: text/plain

--c
Content-Type: text/calendar; charset=utf-8; method=REPLY

BEGIN:VCALENDAR
METHOD:REPLY
END:VCALENDAR
--c--
=== a calendar's reply as its only part
From: Rita <rita@corp.example.com>
To: help@example.org
Subject: Declined: Talk
Content-Type: text/calendar; charset=utf-8; method=REPLY

BEGIN:VCALENDAR
METHOD:REPLY
END:VCALENDAR
=== Mailman message
From: friends-request@lists.example.net
To: help@example.org
Subject: Welcome to the "Friends" mailing list
X-Mailman-Version: 2.1.39
Precedence: list
X-List-Administrivia: yes

Welcome
=== Mailman moderation
From: friends-owner@lists.example.net
To: help@example.org
Subject: Your message to Friends awaits moderator approval
Message-ID: <mailman.1.2.3.friends@lists.example.net>
Precedence: bulk
X-List-Administrivia: yes

Is being held until the list moderator can review it for approval.
=== Mailman 3 confirmation
From: friends-confirm+abc@lists.example.net
To: help@example.org
Subject: Your confirmation is needed to join the friends mailing list.
Auto-Submitted: auto-generated

confirm
=== ezmlm
From: friends-help@lists.example.net
To: help@example.org
Mailing-List: contact friends-help@lists.example.net; run by ezmlm
Subject: confirm subscribe to friends@lists.example.net

Hi! This is the ezmlm program.
=== Sympa
From: SYMPA <sympa@lists.example.net>
To: help@example.org
Auto-Submitted: auto-generated
Subject: Your subscription

done
=== LISTSERV
From: "L-Soft list server at EXAMPLE (16.5)" <LISTSERV@LISTS.EXAMPLE.NET>
To: help@example.org
Subject: Rejected posting to FRIENDS@LISTS.EXAMPLE.NET

You are not authorized to send mail to the FRIENDS list
=== Google Groups post
From: "'Rita' via Friends" <friends@googlegroups.com>
To: help@example.org
Subject: conduct
Precedence: list
Mailing-list: list friends@googlegroups.com; contact friends+owners@googlegroups.com
List-ID: <friends.googlegroups.com>
X-Google-Group-Id: 123

hello
=== Mailchimp
From: Shop <news@shop.example>
To: help@example.org
Subject: Our news
X-Mailer: Mailchimp Mailer - **CIDabc**
X-MC-User: abc
List-Unsubscribe: <https://shop.example/u>
Precedence: bulk

news
=== newsletter with a feedback id only
Return-Path: <bounces+123-abc-help=example.org@em.shop.example>
From: Shop <hello@shop.example>
To: help@example.org
Subject: Spring sale
Feedback-ID: 123:abc:sendgrid

buy
=== challenge of BoxTrapper
From: Rita <rita@example.com>
To: help@example.org
Subject: Your email requires verification verify#abc
X-BoxTrapper: auto-response
Precedence: bulk

The message you sent requires that you verify that you are a real live human being
=== challenge of TMDA
From: Rita <rita-confirm-123.abc@example.com>
To: help@example.org
Subject: Please confirm your message
Auto-Submitted: auto-replied
Precedence: bulk
X-Delivery-Agent: TMDA/1.1.12

This message was created automatically by mail delivery software (TMDA).
=== Sieve vacation of Dovecot
Return-Path: <>
From: <rita@example.com>
To: <help@example.org>
Subject: Auto: Code-of-conduct
Auto-Submitted: auto-replied (vacation)
Precedence: bulk
X-Sieve: Pigeonhole Sieve 0.5.19
X-Auto-Response-Suppress: All
In-Reply-To: <abc@example.org>

away
=== procmail with vacation
From: Rita <rita@example.com>
To: help@example.org
Subject: away from my mail
Precedence: bulk
X-Loop: rita@example.com

I will read it later
=== cPanel
From: rita@example.com
To: help@example.org
Subject: Re: Code-of-conduct
X-Autorespond: Code-of-conduct
Precedence: auto_reply
X-Precedence: auto_reply
X-Loop: rita@example.com

gone
=== Exchange out of office
Return-Path: <>
From: Rita <rita@corp.example.com>
To: help@example.org
Subject: Automatic reply: Code-of-conduct
Auto-Submitted: auto-generated
X-Auto-Response-Suppress: All
X-MS-Exchange-Inbox-Rules-Loop: rita@corp.example.com
In-Reply-To: <abc@example.org>

gone
=== the same, cleaned by a gateway
From: Rita <rita@corp.example.com>
To: help@example.org
Subject: Automatisch antwoord: Code-of-conduct

Ik ben er niet
=== Gmail vacation
From: Rita <rita@gmail.com>
To: help@example.org
Subject: On holiday Re: Code-of-conduct
Precedence: bulk
X-Autoreply: yes
Auto-Submitted: auto-replied
References: <abc@example.org>

gone
=== Proton
From: Rita <rita@proton.me>
To: help@example.org
Subject: Auto: Re: Code-of-conduct
Auto-Submitted: auto-replied

gone
=== Domino out of office, without a mark
From: Rita Reporter/BE/Corp <rita@corp.example.com>
To: help@example.org
Subject: Rita Reporter is out of the office.
X-Mailer: Lotus Notes Release 8.5.3

I will be out of the office starting 02/03/2026 and will not return until 09/03/2026.
=== Notes 9
From: rita@corp.example.com
To: help@example.org
Subject: AUTO: Rita Reporter is out of the office (returning 09/03/2026)

I am out of the office until 09/03/2026.
=== Zimbra
From: Rita <rita@example.com>
To: help@example.org
Subject: Re: Code-of-conduct
Auto-Submitted: auto-replied (zimbra; vacation)
Precedence: bulk

gone
=== Yahoo vacation
From: Rita <rita@yahoo.com>
To: help@example.org
Subject: Re: Code-of-conduct
X-Autoreply: yes
Auto-Submitted: auto-replied
Precedence: bulk

gone
=== T-Online, subject only
From: rita@t-online.de
To: help@example.org
Subject: Automatische Antwort auf: Code-of-conduct

Vielen Dank für Ihre Nachricht.
=== GroupWise rule, words only
From: Rita <rita@corp.example.com>
To: help@example.org
Subject: Re: Code-of-conduct (Out of Office)
In-Reply-To: <abc@example.org>
X-Mailer: Novell GroupWise Internet Agent 8.0.2

I am out of the office until Monday. If it is urgent, please contact Ann.
=== a responder in English that says nothing of itself
From: Rita <rita@provider.example>
To: help@example.org
Subject: Re: Code-of-conduct

Hello,

Thank you for your message. I am currently on annual leave with no access to e-mail and will be back on 9 March.
=== in Dutch
From: Rita <rita@provider.example>
To: help@example.org
Subject: Re: Code-of-conduct
References: <abc@example.org>

Beste,

Bedankt voor je bericht. Ik ben momenteel met vakantie tot 9 maart. Voor dringende zaken kan je terecht bij Jan.
=== in French
From: Rita <rita@provider.example>
To: help@example.org
Subject: RE: Code-of-conduct

Bonjour,

Je suis actuellement absente du bureau jusqu’au 9 mars. En cas d’urgence, veuillez contacter mon collègue.
=== in German
From: Rita <rita@provider.example>
To: help@example.org
Subject: AW: Code-of-conduct

Guten Tag,

vielen Dank für Ihre Nachricht. Ich bin bis zum 9. März nicht im Büro. In dringenden Fällen wenden Sie sich bitte an Jan.
=== with a subject of its own
From: Rita <rita@provider.example>
To: help@example.org
Subject: Ik ben met vakantie

Ik ben met vakantie van 1 tot 9 maart.
=== an automatic confirmation
From: Town hall <info@town.example>
To: help@example.org
Subject: Ontvangstbevestiging
In-Reply-To: <abc@example.org>

Dit is een automatisch gegenereerd bericht. Wij hebben uw e-mail goed ontvangen.
=== SMS gateway
From: "+32470000000" <no-reply@sms.provider.example>
To: help@example.org
Subject: SMS from +32470000000

please help
=== voicemail
From: Voicemail <voicemail-noreply@pbx.example>
To: help@example.org
Subject: New voicemail from 0470000000
Content-Type: audio/wav; name="v.wav"
Content-Transfer-Encoding: base64

UklGRg==
=== a form of WordPress
From: WordPress <wordpress@example.net>
To: help@example.org
Subject: Code-of-conduct form
X-Mailer: PHPMailer 6.8.1 (https://github.com/PHPMailer/PHPMailer)
Auto-Submitted: auto-generated
Reply-To: Rita <rita@example.com>

Somebody insulted me
=== a form under no-reply
From: Forms <no-reply@forms.example>
Reply-To: rita@example.com
To: help@example.org
Subject: Code-of-conduct

Somebody insulted me
=== Google Forms
From: Google Forms <forms-receipts-noreply@google.com>
To: help@example.org
Subject: Report

Thanks for filling in
=== cron
From: root@host.example.org (Cron Daemon)
To: help@example.org
Subject: Cron <root@host> /usr/bin/backup
X-Cron-Env: <SHELL=/bin/sh>
Auto-Submitted: auto-generated

done
=== cron without marks
From: root@host.example.org (Cron Daemon)
To: help@example.org
Subject: Cron <root@host> /usr/bin/backup

done
=== monitoring
From: Nagios <nagios@mon.example.net>
To: help@example.org
Subject: ** PROBLEM Host Alert: web is DOWN **
Precedence: bulk
Auto-Submitted: auto-generated

down
=== SNS
From: AWS Notifications <no-reply@sns.amazonaws.com>
To: help@example.org
x-amz-sns-message-id: abc
Subject: ALARM

alarm
=== Slack
From: Slack <notification@slack.com>
To: help@example.org
Subject: New message from Rita
List-Unsubscribe: <https://slack.com/u>

wrote
=== two-step code
From: Microsoft account team <account-security-noreply@accountprotection.microsoft.com>
To: help@example.org
Subject: Security code

123456
=== virus scanner
From: MailScanner <antivirus@gw.example.net>
To: help@example.org
Subject: Warning: E-mail viruses detected
Precedence: bulk

virus
=== quarantine digest
From: quarantine@messaging.microsoft.com
To: help@example.org
Subject: Microsoft 365 security: You have messages in quarantine
Auto-Submitted: auto-generated

list
=== Gitea without its usual sender
From: Rita <git@git.example.com>
To: help@example.org
Subject: Re: [org/repo] Title (#5)
X-Gitea-Reason: mention
X-Gitea-Sender: rita

commented
=== Jenkins
From: Build server <build@ci.example.com>
To: help@example.org
Subject: Build failed in Jenkins: site #12
X-Jenkins-Job: site
X-Jenkins-Result: FAILURE

failed
=== Phabricator
From: rita (Rita) <phab@phab.example.com>
To: help@example.org
Subject: [Maniphest] [Commented On] T12: conduct
X-Phabricator-Sent-This-Message: Yes
X-Mail-Transport-Agent: MetaMTA

commented
=== Launchpad
From: Rita <12@bugs.launchpad.net>
To: help@example.org
Subject: [Bug 12] Re: conduct
X-Launchpad-Message-Rationale: Subscriber
X-Launchpad-Notification-Type: bug

commented
=== Gerrit
From: "Rita (Gerrit)" <gerrit@review.example.com>
To: help@example.org
Subject: Change in site[main]: conduct
X-Gerrit-MessageType: comment

commented
=== Facebook
From: Facebook <notification+abc@facebookmail.com>
To: help@example.org
Subject: Rita mentioned you
X-Facebook-Notify: mention; mailid=1

mentioned
=== notifications of a bank
From: My bank <notifications@bank.example>
To: help@example.org
Subject: Your statement

ready
=== challenge of a spam blocker
From: spamblocker-challenge@bounce.provider.example
To: help@example.org
Subject: Re: Code-of-conduct

I apologize for this automatic reply to your email. To control spam, I now allow incoming messages only from senders I have approved.
=== a virus wall returns a mail
From: InterScan <admin@wall.example>
To: help@example.org
Subject: Mail could not be delivered

****** Message from InterScan Messaging Security Suite ******
The following mail message could not be delivered: mailbox unavailable
=== Barracuda
From: Rita's firm <blocked@firm.example>
To: help@example.org
Subject: **Message you sent blocked by our bulk email filter**

Your message to: ann@firm.example was blocked by our Spam Firewall. 550 5.7.1
=== German hoster
From: Mail Delivery System <mailadmin@hoster.example>
To: help@example.org
Subject: Unzustellbar: Code-of-conduct

Die folgende Adresse ist unbekannt
=== Orange in French
From: Postmaster Orange <postmaster@orange.example>
To: help@example.org
Subject: =?utf-8?q?Message_non_distribu=C3=A9?=

Votre message n'a pas pu =?etre delivre
=== a bounce whose From is empty
From: <>
To: help@example.org
Subject: Undelivered Mail Returned to Sender

This is the mail system.
=== a bounce whose From has no domain
From: MAILER-DAEMON
To: help@example.org
Subject: Returned mail

gone
=== VERP'd list probe
Return-Path: <friends-bounces+help=example.org@lists.example.net>
From: friends-bounces@lists.example.net
To: help@example.org
Subject: friends mailing list probe message

probe
=== Courier
From: "courier server at mx.example.net" <@>
To: help@example.org
Subject: NOTICE: mail delivery status.
Content-Type: multipart/report; report-type=delivery-status; boundary="c"

--c

not delivered
--c--
=== a responder with a greeting by name
From: Jan <jan@firm.example>
To: help@example.org
Subject: RE: Code-of-conduct

Dear sender,

I'm out of the office this week and have limited access to e-mail.

Kind regards,
Jan
=== a responder with a typographic apostrophe
From: Jan <jan@firm.example>
To: help@example.org
Subject: Re: Code-of-conduct

I’m away on parental leave until June. For urgent matters write to Ann.
=== an office that is closed
From: Town hall <info@town.example>
To: help@example.org
Subject: Re: Code-of-conduct

Merci pour votre message. Notre bureau est fermé jusqu'au 3 janvier.
=== in German, by subject
From: Jan <jan@firma.example>
To: help@example.org
Subject: Abwesend: Code-of-conduct

Ich bin im Urlaub und ab dem 9. März zurück.
=== in Dutch, by subject
From: Jan <jan@firma.example>
To: help@example.org
Subject: Afwezig

Ik ben afwezig tot en met vrijdag. Uw bericht wordt niet gelezen.
""",
)
PEOPLE = _all(
    True,
    """
=== Outlook with everything on it
Received: from x by y with ESMTP; Mon, 2 Mar 2026 09:00:00 +0000
From: Rita <rita@corp.example.com>
To: help@example.org
Subject: Code-of-conduct
Thread-Topic: Code-of-conduct
Thread-Index: AdABC==
X-MS-Has-Attach:
X-Auto-Response-Suppress: DR, OOF, AutoReply
X-MS-Exchange-Organization-SCL: 1
X-MS-TNEF-Correlator:
Content-Language: nl-BE
X-Mailer: Microsoft Outlook 16.0

Hello
=== iPhone
From: Rita <rita@icloud.com>
To: help@example.org
Subject: Code-of-conduct
Mime-Version: 1.0 (1.0)
X-Mailer: iPhone Mail (21E236)

Help

Sent from my iPhone
=== Gmail for Android
From: Rita <rita@gmail.com>
To: help@example.org
Subject: Code-of-conduct
X-Google-Smtp-Source: abc

Help
=== Thunderbird, wants a receipt
From: Rita <rita@example.com>
To: help@example.org
Subject: Code-of-conduct
Disposition-Notification-To: Rita <rita@example.com>
Return-Receipt-To: rita@example.com
User-Agent: Mozilla Thunderbird

Help
=== Proton with a key
From: Rita <rita@proton.me>
To: help@example.org
Subject: Code-of-conduct
X-Pm-Content-Encryption: end-to-end
Feedback-ID: 123:user:proton

Help
=== Auto-Submitted no
From: Rita <rita@example.com>
To: help@example.org
Subject: Code-of-conduct
Auto-Submitted: no

Help
=== through our own group
From: Rita <rita@example.com>
To: help@example.org
Subject: Code-of-conduct
Precedence: list
Mailing-list: list help@example.org; contact help+owners@example.org
List-ID: <help.example.org>
List-Post: <https://groups.google.com/a/example.org/group/help/post>, <mailto:help@example.org>
List-Unsubscribe: <mailto:googlegroups-manage+1+unsubscribe@googlegroups.com>
X-Google-Group-Id: 1
Return-Path: <help+bncBAB@example.org>

Help
=== through an alias of ours, Mailman
From: Rita via Team <team@example.org>
Reply-To: Rita <rita@example.com>
To: help@example.org
Subject: Code-of-conduct
List-Id: Team <team.example.org>
X-BeenThere: team@example.org
X-Mailman-Version: 2.1.39
Precedence: list
List-Post: <mailto:team@example.org>
List-Help: <mailto:team-request@example.org?subject=help>
Sender: "Team" <team-bounces@example.org>
Errors-To: team-bounces@example.org

Help
=== forwards a bounce
From: Rita <rita@example.com>
To: help@example.org
Subject: Fwd: Undelivered Mail Returned to Sender

Is this address wrong?

---------- Forwarded message ---------
From: MAILER-DAEMON@mx.example.org (Mail Delivery System)
Subject: Undelivered Mail Returned to Sender

I'm sorry to have to inform you that your message could not be delivered
=== attaches a bounce
From: Rita <rita@example.com>
To: help@example.org
Subject: my report came back
Content-Type: multipart/mixed; boundary="o"

--o
Content-Type: text/plain

See attached.
--o
Content-Type: message/rfc822

Return-Path: <>
From: MAILER-DAEMON@mx.example.org
Auto-Submitted: auto-replied
Content-Type: multipart/report; report-type=delivery-status; boundary="i"

--i

failed
--i
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.org
--i--
--o--
=== forwards as attachment an out-of-office
From: Rita <rita@example.com>
To: help@example.org
Subject: Fw: Automatic reply: Code-of-conduct

He answered this to my complaint: "I am out of the office until Monday"
=== mentions being away, first mail
From: Rita <rita@example.com>
To: help@example.org
Subject: Code-of-conduct

I am out of the office until Monday, please contact me on my mobile phone. Somebody followed me home.
=== mentions being away in Dutch
From: Rita <rita@example.com>
To: help@example.org
Subject: Gedragscode

Ik ben met verlof tot maandag omdat een organisator mij heeft lastiggevallen. Dringend.
=== on sick leave because of it
From: Rita <rita@example.com>
To: help@example.org
Subject: On leave because of harassment

I am on leave until April because of what your speaker did.
=== away, in a reply
From: Rita <rita@example.com>
To: help@example.org
Subject: Re: Code-of-conduct

I am away until Monday, but please call me: he has written to me again and it is urgent.
=== absence as a subject
From: Rita <rita@example.com>
To: help@example.org
Subject: Absence de modérateur

Je suis absente du salon à cause de cet homme. Retour impossible.
=== Abwesend as a subject
From: Rita <rita@example.com>
To: help@example.org
Subject: Abwesend: niemand vom Team war da

Ich wurde bedrängt.
=== car
From: Rita <rita@example.com>
To: help@example.org
Subject: Auto: mijn wagen is beschadigd

Op de parking van het evenement.
=== vacation
From: Rita <rita@example.com>
To: help@example.org
Subject: Vacation: a speaker touched me during the trip

It happened on the group's ski trip.
=== a person called Bounce
From: Bonny Bounce <bonny.bounce@example.com>
To: help@example.org
Subject: Code-of-conduct

Help
=== a person called Robot in words
From: "Robert 'Robot' Auto" <auto.robert@example.com>
To: help@example.org
Subject: Code-of-conduct

Help
=== writes about a delivery
From: Rita <rita@example.com>
To: help@example.org
Subject: Delivery failure of the sound system

The following addresses the problem: the room was full.
=== bulk words in the body
From: Rita <rita@example.com>
To: help@example.org
Subject: Code-of-conduct

This is not an automated message. To unsubscribe from my life he sent me 40 mails.
=== quotes our answer
From: Rita <rita@example.com>
To: help@example.org
Subject: Re: We have received your message [EUG-ABCDEF]

One more thing.

On Mon, 2 Mar 2026, help@example.org wrote:
> This is an automatic answer.
> I am out of the office
=== Reply-To of her own
From: Rita <rita@example.com>
Reply-To: Rita <rita+safe@example.com>
To: help@example.org
Subject: Code-of-conduct

Help
=== no subject, no text
From: Rita <rita@example.com>
To: help@example.org


=== SOGo webmail
From: Rita <rita@example.com>
To: help@example.org
Subject: Code-of-conduct
User-Agent: SOGoMail 5.8.0
X-Forward: 192.0.2.1

Help
=== Roundcube
From: Rita <rita@example.com>
To: help@example.org
Subject: Code-of-conduct
User-Agent: Roundcube Webmail/1.6
X-Sender: rita@example.com

Help
=== Zimbra webmail
From: Rita <rita@example.com>
To: help@example.org
Subject: Code-of-conduct
X-Mailer: Zimbra 8.8.15 (ZimbraWebClient)
Thread-Topic: Code-of-conduct

Help
=== importance and a return path
Return-Path: <rita@example.com>
From: Rita <rita@example.com>
To: help@example.org
X-Priority: 1 (Highest)
Importance: high
Subject: URGENT Code-of-conduct

Help
=== a university's list server in the path, but a person
Return-Path: <rita@lists.uni.example>
From: Rita <rita@lists.uni.example>
To: help@example.org
Subject: Code-of-conduct

Help
=== SRS on the way
Return-Path: <SRS0=abcd=XY=example.com=rita@forward.example.net>
From: Rita <rita@example.com>
To: help@example.org
Subject: Code-of-conduct

Help
=== forwarded by Gmail's rule
Return-Path: <rita+caf_=help=example.org@gmail.com>
X-Forwarded-For: rita@gmail.com help@example.org
X-Forwarded-To: help@example.org
From: Rita <rita@gmail.com>
To: rita2@gmail.com
Subject: Code-of-conduct

Help
=== Precedence normal
From: Rita <rita@example.com>
To: help@example.org
Precedence: normal
Subject: Code-of-conduct

Help
=== spam filter's marks
From: Rita <rita@example.com>
To: help@example.org
Subject: [SPAM?] Code-of-conduct
X-Spam-Flag: YES
X-Spam-Status: Yes, score=6

Help
=== a mailto link, percent-encoded
From: rita@example.com
To: help@example.org
Subject: Code-of-conduct%20report

Help
=== an invitation that a person explains
From: Rita <rita@example.com>
To: help@example.org
Subject: Can we talk?
Content-Type: multipart/mixed; boundary="c"

--c
Content-Type: text/plain

He keeps sending me invitations such as this one. Please help.
--c
Content-Type: text/calendar; name="invite.ics"; method=REQUEST
Content-Disposition: attachment; filename="invite.ics"

BEGIN:VCALENDAR
METHOD:REQUEST
END:VCALENDAR
--c--
=== a shared company mailbox
From: Info <info@company.example>
To: help@example.org
Subject: Code-of-conduct

Help, Rita
=== a support desk's person
From: Rita from Support <support@company.example>
To: help@example.org
Subject: Code-of-conduct

Help
=== signed by S/MIME
From: Rita <rita@example.com>
To: help@example.org
Subject: Code-of-conduct
Content-Type: multipart/signed; protocol="application/pkcs7-signature"; micalg=sha-256; boundary="s"

--s
Content-Type: text/plain

Help
--s
Content-Type: application/pkcs7-signature; name="smime.p7s"
Content-Transfer-Encoding: base64

MIAG
--s--
=== a mail with a feedback id of Gmail's sender
From: Rita <rita@startup.example>
To: help@example.org
Subject: Code-of-conduct
X-Gm-Message-State: abc
X-Received: by 2002:a05:6000:1

Help
=== answers our question about being away
From: Rita <rita@example.com>
To: help@example.org
Subject: Re: Code-of-conduct
In-Reply-To: <abc@example.org>

I will be there in person on Saturday. Can somebody wait for me at the door until then?
=== a person on leave who goes on to tell
From: Rita <rita@example.com>
To: help@example.org
Subject: RE: Code-of-conduct

Bonjour,

Je suis en congé maladie parce que cet organisateur me harcèle. Merci de me contacter sur mon téléphone, c'est urgent.
=== out of order
From: Rita <rita@example.com>
To: help@example.org
Subject: Out of office hours, who can I call?

It is happening now.
=== notes that the office is closed
From: Rita <rita@example.com>
To: help@example.org
Subject: Code-of-conduct

The office is closed and I stand outside. He is waiting at the corner. Please contact me until 6.
=== answers an invitation in words
From: Rita <rita@example.com>
To: help@example.org
Subject: Re: Invitation: Talk

No, I will not come, he is there.
=== forwards a calendar's reply
From: Rita <rita@example.com>
To: help@example.org
Subject: Fwd: Accepted: Talk
Content-Type: multipart/mixed; boundary="c"

--c
Content-Type: text/plain

He accepted although you said that he would not come.
--c
Content-Type: text/calendar; name="reply.ics"; method=REPLY

BEGIN:VCALENDAR
METHOD:REPLY
END:VCALENDAR
--c--
=== Alert is her name
From: Rita Alert <rita.alert@example.com>
To: help@example.org
Subject: Code-of-conduct

Help
""",
)
