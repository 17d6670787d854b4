"""Intake: the program behind a community's Code-of-Conduct address."""

__version__ = "0.1.0"
