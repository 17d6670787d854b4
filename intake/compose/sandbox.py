"""Where templates run: they see facts and can change nothing, and none takes long or grows large, whatever it says.

Jinja's sandbox keeps a template from reaching anything; it does not keep it from counting for ever, or from asking
for a text that fills the memory. Each turn of a loop and each call of a macro is counted here, and whatever makes a
text is asked first how long it would be.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from typing import Any

from jinja2 import Environment, nodes
from jinja2.exceptions import SecurityError
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.visitor import NodeTransformer

TURNS = 50_000  # of all loops and macros together, in one message
LONGEST = 60_000  # characters or entries of anything that a template makes
ARGUMENT = 2_000  # characters, or the number, that a filter or a method is given
LARGEST_NUMBER = 10**12  # that a template counts to
_NOT_NEEDED = ("lipsum", "cycler", "joiner", "namespace")
_FORMATTING = {"format", "format_map", "zfill", "expandtabs", "translate"}


class Limited(ImmutableSandboxedEnvironment):
    """Jinja's sandbox with limits of time and size. One that several threads share counts for each by itself."""

    intercepted_binops = frozenset({"+", "*", "**", "%"})

    def __init__(self, **how: Any) -> None:
        super().__init__(**how)
        self._counted = threading.local()
        for name in _NOT_NEEDED:
            del self.globals[name]
        self.filters = {name: _bounded(made) for name, made in self.filters.items() if name not in _FORMATTING}

    def begin(self) -> None:
        """Count anew: another message is made."""
        self._counted.turns = 0

    def turn(self) -> str:
        """A loop turns, or a macro is called. Raises SecurityError for one too many."""
        self._counted.turns = getattr(self._counted, "turns", 0) + 1
        if self._counted.turns > TURNS:
            raise SecurityError(f"goes round more than {TURNS} times; shorten its loops")
        return ""

    def joined(self, *pieces: object) -> str:
        """What ``~`` puts together."""
        text = "".join(map(str, pieces))
        _demand(text)
        return text

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """An operator that could make something large. Raises SecurityError if it would."""
        sizes = [len(side) if hasattr(side, "__len__") else abs(side) for side in (left, right)]
        if operator == "**" or (operator == "%" and isinstance(left, str)):
            raise SecurityError(f"“{operator}” is not for templates")
        if operator == "*" and sizes[0] * sizes[1] > LONGEST:
            raise SecurityError(f"“*” makes more than {LONGEST}")
        return _demand(super().call_binop(context, operator, left, right))

    def call(_self, _context: Context, _called: Any, *args: Any, **named: Any) -> Any:  # noqa: N805 - as in Jinja: names are the template's
        """A method, or a macro. Raises SecurityError for one that could make something large."""
        if getattr(_called, "__name__", "") in _FORMATTING:
            raise SecurityError(f"“{_called.__name__}” is not for templates")
        text = isinstance(getattr(_called, "__self__", None), str)
        return _demand(super().call(_context, _called, *(map(_argument, args) if text else args), **named))

    def _generate(self, source: nodes.Template, *more: Any, **how: Any) -> str:
        return super()._generate(_Counting().visit(source), *more, **how)


class _Counting(NodeTransformer):
    """Puts a count into each loop and macro, and a limit on ``~``."""

    def visit_For(self, node: nodes.For) -> nodes.Node:  # noqa: N802 - Jinja's name
        self.generic_visit(node)
        node.body.insert(0, nodes.ExprStmt(_ours("turn", [], node.lineno), lineno=node.lineno))
        return node

    def visit_Macro(self, node: nodes.Macro) -> nodes.Node:  # noqa: N802 - Jinja's name
        self.generic_visit(node)
        node.body.insert(0, nodes.ExprStmt(_ours("turn", [], node.lineno), lineno=node.lineno))
        return node

    def visit_Concat(self, node: nodes.Concat) -> nodes.Node:  # noqa: N802 - Jinja's name
        self.generic_visit(node)
        return _ours("joined", node.nodes, node.lineno)


def _ours(name: str, given: list[nodes.Expr], line: int) -> nodes.Call:
    return nodes.Call(nodes.EnvironmentAttribute(name, lineno=line), given, [], None, None, lineno=line)


def _bounded(made: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(made)  # which of them Jinja hands its context stands in an attribute
    def bounded(*args: Any, **named: Any) -> Any:
        first = 2 if isinstance(args[0], (Environment, Context, nodes.EvalContext)) else 1
        named = {name: _argument(one) for name, one in named.items()}
        return _demand(made(*args[:first], *map(_argument, args[first:]), **named))

    return bounded


def _argument(given: Any) -> Any:
    large = len(given) if isinstance(given, str) else abs(given) if isinstance(given, int) else 0
    if large > ARGUMENT:
        raise SecurityError(f"gives a filter or a method more than {ARGUMENT}")
    return given


def _demand(made: Any) -> Any:
    if isinstance(made, (str, list, tuple)):
        too_large = len(made) > LONGEST
    else:
        too_large = isinstance(made, int) and abs(made) > LARGEST_NUMBER
    if too_large:
        raise SecurityError(f"makes a text or a list of more than {LONGEST}")
    return made
