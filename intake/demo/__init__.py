"""The main job on embedded parts: IMAP and SMTP in the process, sample mail, and a page that shows what came of it."""
