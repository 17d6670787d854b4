"""What people will read: pure functions from values to bytes."""
