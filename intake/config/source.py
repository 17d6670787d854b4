"""Where things stand in a TOML file: the reader of the standard library does not tell.

``locate`` walks over text that ``tomllib`` has accepted, so it needs no errors of its own; it runs only when there
is something to say about a line.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

Keys = tuple[str | int, ...]
_BARE_END = frozenset(" \t\r\n,]}#=")


@dataclass(frozen=True, slots=True)
class Source:
    """A configuration file's text."""

    path: Path = field(default_factory=lambda: Path("config.toml"))
    text: str = field(repr=False, default="")

    def place(self, keys: Keys) -> str:
        """``file:line`` of a key; of the nearest table above it when the key itself is not in the file."""
        lines = locate(self.text)
        while keys and keys not in lines:
            keys = keys[:-1]
        return f"{self.path}:{lines.get(keys, 1)}"

    def at(self, line: int) -> str:
        """``file:line`` of a line."""
        return f"{self.path}:{line}"


def locate(text: str) -> dict[Keys, int]:
    """The line of every table, key and array element, by its path (indices count arrays and ``[[tables]]``).

    A key that is mentioned several times (``[a]`` above ``[a.b]``) has its first line.
    """
    return _Walk(text).lines()


def named(keys: Keys) -> str:
    """A path as people write it: list positions count from 1 where they matter."""
    parts: list[str] = []
    for key in keys:
        if isinstance(key, int):
            parts[-1] += f"[{key + 1}]"
        else:
            parts.append(key)
    return ".".join(parts)


class _Walk:
    """One pass over a valid TOML text (TOML 1.0)."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.line = 1
        self.found: dict[Keys, int] = {}
        self.counts: dict[Keys, int] = {}  # elements seen of each [[array of tables]]

    def lines(self) -> dict[Keys, int]:
        table: Keys = ()
        while self._skip():
            if self.text.startswith("[[", self.at):
                table = self._array_table()
            elif self.text[self.at] == "[":
                self._step(1)
                table = self._inside(self._key())
                self._step(1)
                self._note(table, self.line)
            else:
                self._pair(table)
        return self.found

    def _array_table(self) -> Keys:
        line = self.line
        self._step(2)
        *above, last = self._key()
        self._step(2)
        array = (*self._inside(tuple(above)), last)
        self._note(array, line)
        index = self.counts.get(array, 0)
        self.counts[array] = index + 1
        self._note((*array, index), line)
        return (*array, index)

    def _inside(self, keys: Keys) -> Keys:
        """The path of a header: an array of tables on the way means its latest element."""
        path: Keys = ()
        for key in keys:
            path = (*path, key)
            self._note(path, self.line)
            if path in self.counts:
                path = (*path, self.counts[path] - 1)
        return path

    def _pair(self, table: Keys) -> None:
        line = self.line
        path = table
        for key in self._key():
            path = (*path, key)
            self._note(path, line)
        self._step(1)  # =
        self._skip()
        self._value(path)

    def _value(self, path: Keys) -> None:
        start = self.text[self.at]
        if start == "[":
            self._array(path)
        elif start == "{":
            self._inline_table(path)
        elif start in "\"'":
            self._string()
        else:
            self._bare_value()

    def _array(self, path: Keys) -> None:
        self._step(1)
        index = 0
        while self._skip() and self.text[self.at] != "]":
            if self.text[self.at] == ",":
                self._step(1)
                continue
            self._note((*path, index), self.line)
            self._value((*path, index))
            index += 1
        self._step(1)

    def _inline_table(self, path: Keys) -> None:
        self._step(1)
        while self._skip() and self.text[self.at] != "}":
            if self.text[self.at] == ",":
                self._step(1)
                continue
            self._pair(path)
        self._step(1)

    def _key(self) -> tuple[str, ...]:
        """A dotted key; stands behind it afterwards."""
        keys: list[str] = []
        while True:
            self._skip()
            if self.text[self.at] in "\"'":
                keys.append(self._string())
            else:
                start = self.at
                while self.text[self.at] not in _BARE_END and self.text[self.at] != ".":
                    self.at += 1
                keys.append(self.text[start : self.at])
            self._skip()
            if self.text[self.at] != ".":
                return tuple(keys)
            self._step(1)

    def _string(self) -> str:
        """Any of the four strings; what it says counts only for keys, which never span lines."""
        quote = self.text[self.at]
        mark = quote * 3 if self.text.startswith(quote * 3, self.at) else quote
        start = self.at
        self._step(len(mark))
        while not self.text.startswith(mark, self.at):
            self._step(2 if quote == '"' and self.text[self.at] == "\\" else 1)
        self._step(len(mark))
        while len(mark) == 3 and self.text.startswith(quote, self.at):  # """ may end in five quotes
            self._step(1)
        raw = self.text[start : self.at]
        return _unescape(raw) if len(mark) == 1 else ""

    def _bare_value(self) -> None:
        """A number, a boolean or a time; a date may be followed by one space and a time."""
        while self.at < len(self.text) and self.text[self.at] not in ",]}#\r\n":
            self.at += 1

    def _skip(self) -> bool:
        """Pass over blanks, line ends and comments; False at the end."""
        while self.at < len(self.text):
            if self.text[self.at] == "#":
                while self.at < len(self.text) and self.text[self.at] != "\n":
                    self.at += 1
            elif self.text[self.at] in " \t\r\n":
                self._step(1)
            else:
                return True
        return False

    def _step(self, count: int) -> None:
        self.line += self.text.count("\n", self.at, self.at + count)
        self.at += count

    def _note(self, path: Keys, line: int) -> None:
        self.found.setdefault(path, line)


def _unescape(quoted: str) -> str:
    """What a quoted key says."""
    if quoted[0] == "'" or "\\" not in quoted:
        return quoted[1:-1]
    import tomllib  # noqa: PLC0415 - a key with escapes is rare

    return next(iter(tomllib.loads(f"{quoted} = 0")))
