"""``intake transparency``: aggregate figures for publication, small numbers hidden."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

from intake.cli.common import DONE, Invocation, options, print_json
from intake.edge import YEARS

if TYPE_CHECKING:
    from intake.decide.statistics import Statistics


class Day(click.ParamType[date]):
    """A date, such as 2026-04-01."""

    name = "DATE"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> date:
        """Parse, or fail as a usage error."""
        if isinstance(value, date) and not isinstance(value, datetime):
            return value
        try:
            day = date.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is no date; write it as 2026-04-01", param, ctx)
        if day.year not in YEARS:
            self.fail(f"{value!r} is not between {YEARS[0]} and {YEARS[-1]}", param, ctx)
        return day


@click.command()
@click.option("--from", "since", type=Day(), required=True, help="The first day, in the community's time zone.")
@click.option("--to", "until", type=Day(), required=True, help="The last day.")
@click.option("--markdown", "as_markdown", is_flag=True, help="As Markdown, for a website.")
@click.option("--html", "as_html", is_flag=True, help="As a page with plots, to be put on a website as it is.")
@options
def transparency(invocation: Invocation, since: date, until: date, as_markdown: bool, as_html: bool) -> int:
    """Reports by category, month, event, language and outcome, and how long answers took.

    Groups below 5 are hidden, with as many others as it takes that nobody can compute them. Take whole months, and
    never publish two periods that overlap: their difference is a period too.
    """
    from intake.compose import transparency as words

    if as_html + as_markdown + invocation.json > 1:
        raise click.UsageError("--html, --markdown and --json are three forms of the same; give one")
    if until < since:
        raise click.BadParameter("lies before --from", param_hint="--to")
    figures, community = _figures(invocation, since, until)
    if not figures.whole_months:
        click.echo("intake: this is no period of whole months; publish none that overlaps it", err=True)
    if invocation.json:
        print_json(words.document(figures, community))
    elif as_html:
        from intake.compose import plots

        click.echo(plots.page(figures, community), nl=False)
    elif as_markdown:
        click.echo(words.markdown(figures, community), nl=False)
    else:
        click.echo(words.text(figures, community), nl=False)
    return DONE


def _figures(invocation: Invocation, since: date, until: date) -> tuple[Statistics, str]:
    from intake.cli.cases import open_both
    from intake.decide.statistics import Erased, statistics

    with open_both(invocation) as (book, config):
        erased = [Erased(row.month, row.category, row.outcome, row.cases) for row in book.past()]
        cases, answered = book.cases(), book.acknowledged()
        today = invocation.clock.now().astimezone(config.zone).date()
        if until >= today + timedelta(days=1):
            click.echo("intake: the period is not over yet", err=True)
        return statistics(cases, answered, erased, since, until, config.zone), config.community.name
