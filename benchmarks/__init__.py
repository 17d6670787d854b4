"""What is measured, and against what; ``make bench`` runs all of it. Nothing here is a test."""
