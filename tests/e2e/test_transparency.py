"""``intake transparency``: as text, as Markdown, as JSON; nothing of a drill and nothing small."""

from __future__ import annotations

import json

from servers.world import World


def report(number: int, subject: str = "Code of conduct", text: str = "Somebody shouted at me at the meetup.") -> bytes:
    return (
        f"From: Rita <rita{number}@people{number}.example>\r\nTo: x\r\nSubject: {subject}\r\n"
        f"Message-ID: <{number}@people.example>\r\n\r\n{text} ({number})\r\n"
    ).encode()


PERIOD = ("--from", "2027-03-01", "--to", "2027-03-31")
NOW = ("--now", "2027-03-10T10:00:00+01:00")


def test_the_figures_of_a_month(embedded: World) -> None:
    for number in range(7):
        embedded.deliver(report(number))
    for number in range(10, 12):
        embedded.deliver(report(number, "Is there a lift?", "Hi, is there a lift at the venue?"))
    assert embedded.run("once", *NOW).code == 0
    assert embedded.run("drill", "--by", "imap", "--pass", *NOW).code == 0

    as_json = embedded.run("transparency", *PERIOD, "--json")
    assert as_json.code == 0, as_json.err
    figures = as_json.json
    assert figures["reports"] == 9
    assert figures["by_month"]["2027-03"]["total"] == 9
    assert figures["by_month"]["2027-03"]["question"] is None
    assert figures["by_month"]["2027-03"]["report"] is None  # or the questions would be the rest
    assert figures["times"]["acknowledgement"]["cases"] == 9
    assert figures["times"]["first_human_reply"] == {"cases": 0, "median_seconds": None, "p90_seconds": None}
    assert "drill" not in as_json.out

    as_text = embedded.run("transparency", *PERIOD)
    assert "9 reports came in." in as_text.out
    assert "Time until" in as_text.out
    as_markdown = embedded.run("transparency", *PERIOD, "--markdown")
    assert "| 2027-03 |" in as_markdown.out
    assert as_text.code == as_markdown.code == 0
    page = embedded.run("transparency", *PERIOD, "--html")
    assert page.code == 0, page.err
    assert page.out.startswith("<!DOCTYPE html>")
    assert page.out.count("<svg") == page.out.count("<table") == 6
    assert embedded.run("transparency", *PERIOD, "--html", "--json").code == 2


def test_below_five_only_that(embedded: World) -> None:
    embedded.deliver(report(1))
    assert embedded.run("once", *NOW).code == 0
    shown = embedded.run("transparency", *PERIOD)
    assert "fewer than 5" in shown.out
    assert "2027-03" not in shown.out.partition("\n\n")[2]
    numbers = embedded.run("transparency", *PERIOD, "--json").json
    assert numbers["reports"] is None
    assert "1" not in json.dumps(
        {k: numbers[k] for k in ("by_month", "by_event", "by_language", "by_outcome")}
    ).replace("2027-03", "")


def test_wrong_periods_are_told(embedded: World) -> None:
    assert embedded.run("transparency", "--from", "2027-03-31", "--to", "2027-03-01").code == 2
    assert embedded.run("transparency", "--from", "March", "--to", "2027-03-01").code == 2
    crooked = embedded.run("transparency", "--from", "2026-03-02", "--to", "2026-03-31")
    assert "no period of whole months" in crooked.err
    assert "No report came in." in crooked.out
