"""Many communities in one place: a directory with a file for each, every one of them apart from the others."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from intake.errors import ConfigError

if TYPE_CHECKING:
    from intake.config.whole import Config


def files(directory: Path) -> list[Path]:
    """The configurations in a directory, in the order of their names. Raises ConfigError when there are none."""
    try:
        found = sorted(file for file in directory.iterdir() if file.suffix == ".toml" and not file.name.startswith("."))
    except OSError as error:
        raise ConfigError([f"{directory}: {error.strerror or 'not readable'}"]) from None
    if not found:
        raise ConfigError([f"{directory}: holds no configuration; write one NAME.toml for each community"])
    return found


def load_each(directory: Path, load: Callable[[Path], Config]) -> Mapping[str, Config | ConfigError]:
    """Each community by the name of its file, or what is wrong with it: one that is wrong does not stop the others.

    What two communities share would be seen by both: of two files that name the same ledger, key or place for figures,
    or read the same folder, the later one is refused.
    """
    found: dict[str, Config | ConfigError] = {}
    owners: dict[tuple[str, ...], Path] = {}
    for file in files(directory):
        try:
            config = load(file)
        except ConfigError as error:
            found[file.stem] = error
            continue
        own = dict(_own(config))
        shared = [f"{file}: {what} of {owners[thing].name} too" for thing, what in own.items() if thing in owners]
        found[file.stem] = ConfigError(shared) if shared else config
        if not shared:
            owners |= dict.fromkeys(own, file)
    return found


def _own(config: Config) -> Iterator[tuple[tuple[str, ...], str]]:
    """What a community has for itself alone, each with the words for an error."""
    yield ("ledger", config.ledger.url), "[ledger] url is that"
    if config.ledger.key_file:
        yield ("key", str(config.ledger.key_file)), "[ledger] key_file is that"
    for source in ("key_env", "key_credential"):
        if name := getattr(config.ledger, source):
            yield (source, name), f"[ledger] {source} is that"
    if config.metrics.textfile:
        yield ("textfile", str(config.metrics.textfile)), "[metrics] textfile is that"
    if config.metrics.listen:
        yield ("listen", config.metrics.listen), "[metrics] listen is that"
    for box in config.mailboxes:
        for folder in box.folders:
            yield ("folder", box.host.lower(), str(box.port), box.user, folder), f"[[mailbox]] reads {folder!r}"
