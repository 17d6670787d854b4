"""The contestants: each module does the work of an intake, as far as its program goes.

Each has ``NAME``, ``SENDS`` (messages that leave for one mail), ``NOTE`` (what it does less), ``missing()`` (what to
install, or nothing) and ``compete(arena, count)``, which returns what it cost.
"""
