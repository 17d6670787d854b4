"""What to do about a mail: pure functions, without I/O, clock or randomness."""
