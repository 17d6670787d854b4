"""Statements that run for every message: compiled once for each database, then handed to its driver as they are.

They are written in SQLAlchemy like all others, so they hold for SQLite and PostgreSQL; what is left out is what it
would do anew each time they run, which costs several times what the database does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ClauseElement, Connection, Dialect
from sqlalchemy.sql.compiler import SQLCompiler


@dataclass(frozen=True, slots=True)
class _Compiled:
    """For one dialect: ``names`` in the order of the driver's places, None where it takes names."""

    words: str
    names: tuple[str, ...] | None
    constants: dict[str, Any]
    to_driver: dict[str, Callable[[Any], Any]]

    def filled(self, values: Mapping[str, Any]) -> tuple[Any, ...] | dict[str, Any]:
        """The parameters as the driver wants them."""
        given = {**self.constants, **values}
        for name, convert in self.to_driver.items():
            given[name] = convert(given[name])
        return given if self.names is None else tuple(map(given.__getitem__, self.names))


class Prepared:
    """One statement. Values have the names of its parameters; rows come from the driver: moments as integers."""

    def __init__(self, statement: ClauseElement) -> None:
        self._statement = statement
        self._known: dict[str, _Compiled] = {}

    def each(self, connection: Connection, all_values: Sequence[Mapping[str, Any]]) -> int:
        """Run it for each of them; how many rows were changed in all."""
        compiled = self._for(connection.dialect)
        given: Any = [compiled.filled(values) for values in all_values]
        return connection.exec_driver_sql(compiled.words, given).rowcount

    def rows(self, connection: Connection, values: Mapping[str, Any]) -> Sequence[Any]:
        """Run it once; what it found."""
        compiled = self._for(connection.dialect)
        given: Any = compiled.filled(values)
        return connection.exec_driver_sql(compiled.words, given).all()

    def _for(self, dialect: Dialect) -> _Compiled:
        if dialect.name not in self._known:
            self._known[dialect.name] = self._compile(dialect)
        return self._known[dialect.name]

    def _compile(self, dialect: Dialect) -> _Compiled:
        compiled = self._statement.compile(dialect=dialect)
        assert isinstance(compiled, SQLCompiler)  # noqa: S101 - DDL is not prepared
        constants = dict(compiled.params)
        to_driver: dict[str, Callable[[Any], Any]] = {}
        for bound, name in compiled.bind_names.items():
            convert = bound.type.dialect_impl(dialect).bind_processor(dialect)
            if convert is not None and bound.required:
                to_driver[name] = convert
            elif convert is not None:
                constants[name] = convert(constants[name])
        names = tuple(compiled.positiontup or ()) if compiled.positional else None
        return _Compiled(str(compiled), names, constants, to_driver)
