"""What is certain: one database, four transactions."""
