"""The loop that people write in an afternoon: read, answer, tell five people, move; nothing is written down.

As lean as it can be: the report goes out as it came, under three headers, and nothing is looked at but From.

Arguments: IMAP port, user, password, file of the authority, SMTP port, and ``move``, ``stay``, or ``two`` (stay, and
one message to all five).
"""

from __future__ import annotations

import email
import imaplib
import smtplib
import ssl
import sys
from email.mime.text import MIMEText

COMMUNITY = "help@azug.example"
WRAPPER = b"Content-Type: message/rfc822\r\n\r\n"
ORGANIZERS = ("ann", "bob", "carl", "dora", "eve")


def main() -> None:
    """Empty the mailbox once."""
    port, user, password, authority, smtp_port, filing = sys.argv[1:]
    imap = imaplib.IMAP4_SSL("127.0.0.1", int(port), ssl_context=ssl.create_default_context(cafile=authority))
    imap.login(user, password)
    imap.create("Processed")
    imap.select("INBOX")
    smtp = smtplib.SMTP("127.0.0.1", int(smtp_port))
    _, found = imap.uid("SEARCH", "UNSEEN")
    for uid in found[0].split():
        _, parts = imap.uid("FETCH", uid, "(RFC822)")
        raw = parts[0][1]
        author = email.message_from_bytes(raw)["From"]
        answer = MIMEText("Thank you. A person will read this.")
        answer["From"], answer["To"], answer["Subject"] = COMMUNITY, author, "We received your message"
        smtp.sendmail(COMMUNITY, [author], answer.as_bytes())
        for names in [ORGANIZERS] if filing == "two" else [(name,) for name in ORGANIZERS]:
            to = [f"{name}@example.org" for name in names]
            head = f"From: {COMMUNITY}\r\nTo: {', '.join(to)}\r\nSubject: A report came in\r\n"
            smtp.sendmail(COMMUNITY, to, head.encode() + WRAPPER + raw)
        if filing == "move":
            imap.uid("MOVE", uid, "Processed")
    smtp.quit()
    imap.logout()


if __name__ == "__main__":
    main()
