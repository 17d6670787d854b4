"""What goes out: one message to one person."""
