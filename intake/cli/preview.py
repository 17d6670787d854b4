"""``intake preview``: every message the program can send, as a page to look at."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from intake.cli.common import DONE, Invocation, options, print_json

if TYPE_CHECKING:
    from intake.config import Config
    from intake.letters import Reader


@click.command(help="Every message the program can send, in every language, as a page to look at.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("intake-preview"),
    show_default=True,
    help="The folder to write index.html and the messages (.eml) to.",
)
@options
def preview(invocation: Invocation, out: Path) -> int:
    """Compose everything with made-up facts; with a configuration, in its words and languages. Sends nothing."""
    from intake.compose import gallery, sample
    from intake.compose.composer import Composer
    from intake.compose.render import LANGUAGES

    config = _config(invocation)
    composer = Composer(config) if config is not None else Composer(sample.house())
    languages, categories = (LANGUAGES, ()) if config is None else (_languages(config), _categories(config))
    readers = sample.READERS if config is None else _readers(config)
    shown = list(gallery.pieces(composer, languages, categories, readers))
    try:
        out.mkdir(parents=True, exist_ok=True)
        for piece in shown:
            (out / piece.file).write_bytes(piece.outgoing.content)
        page = out / "index.html"
        page.write_text(gallery.page(shown, composer.house.name), encoding="utf-8")
    except OSError as error:
        raise click.UsageError(f"{out} can't be written: {error.strerror}; choose another folder with --out") from None
    if invocation.json:
        print_json({"page": str(page), "messages": len(shown), "languages": list(languages)})
    else:
        click.echo(f"{len(shown)} messages in {', '.join(languages)}. Open {page} in a browser.")
    return DONE


def _config(invocation: Invocation) -> Config | None:
    """The configuration, or None where there is none to be found: then everything is made up."""
    import os

    from intake.cli.common import find_config
    from intake.errors import ConfigError

    try:
        find_config(invocation.config_file, os.environ)
    except ConfigError:
        return None
    return invocation.config()


def _languages(config: Config) -> tuple[str, ...]:
    people = [organizer.language for organizer in config.organizers]
    people += [config.fallback.language] if config.fallback else []
    return tuple(dict.fromkeys([*config.community.languages, *(language for language in people if language)]))


def _readers(config: Config) -> tuple[Reader, ...]:
    from intake.letters import Reader

    return tuple(Reader(organizer.name, organizer.role) for organizer in config.organizers)


def _categories(config: Config) -> tuple[str, ...]:
    return tuple(dict.fromkeys(category.name for category in config.categories))
