"""What comes in: mail over IMAP, turned into values."""
