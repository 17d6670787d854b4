"""Questions on a terminal, or to whoever has written the answers into a pipe: the same questions in the same order."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass

import click

from intake.errors import IntakeError


class UnansweredError(IntakeError):
    """The answers ended before the questions did."""


def _as_it_is(value: str) -> str:
    return value


@dataclass(slots=True)
class Asker:
    """Asks on standard error, so that standard output stays free; counts wrong answers of a pipe.

    An answer that is refused is asked for again: by whoever sits there, for ever; from a pipe, from its next line.
    """

    quiet: bool = False

    def say(self, text: str = "", *, style: str = "") -> None:
        """One line to read."""
        click.echo(click.style(text, fg=style) if style else text, err=True)

    def ask(
        self,
        question: str,
        default: str = "",
        *,
        check: Callable[[str], str] = _as_it_is,
        optional: bool = False,
        secret: bool = False,
    ) -> str:
        """One answer: Enter takes ``default``. ``check`` gives it back in its form, or raises ValueError."""
        hint = f" [{default}]" if default else " (Enter: none)" if optional and "(Enter: " not in question else ""
        shown = f"{question}{hint}: "
        while True:
            given = self._read(shown, question, secret=secret) or default
            if not given and optional:
                return ""
            try:
                if not given:
                    raise ValueError("is empty; write something")  # noqa: TRY301 - said like every other problem
                return check(given)
            except ValueError as error:
                self.say(f"  That {error}.", style="yellow")

    def choose(self, question: str, choices: tuple[str, ...], default: str) -> str:
        """One of several words; its beginning is enough."""

        def one_of(said: str) -> str:
            found = [choice for choice in choices if choice.startswith(said.lower())]
            if said.lower() in choices:
                return said.lower()
            if len(found) != 1:
                raise ValueError(f"is none of {', '.join(choices)}")
            return found[0]

        return self.ask(f"{question} ({' | '.join(choices)})", default, check=one_of)

    def _read(self, shown: str, question: str, *, secret: bool) -> str:
        if secret and sys.stdin.isatty():
            answer: str = click.prompt(
                shown.removesuffix(": "), hide_input=True, err=True, default="", show_default=False
            )
            return answer
        click.echo(shown, err=True, nl=False)
        line = sys.stdin.readline()
        if not sys.stdin.isatty():
            click.echo("", err=True)
        if not line:
            raise UnansweredError(f"the answers ended at the question {question!r}; nothing was written")
        return line.rstrip("\r\n") if secret else line.strip()
