"""What a good configuration becomes: values, defaults, completions."""

from __future__ import annotations

import re
import tomllib
from contextlib import nullcontext
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from intake.config import DEFAULT_CATEGORIES, Config, load, loads, values
from intake.config.models import Section
from intake.config.reference import reference
from intake.config.whole import tables
from intake.errors import ConfigError

ROOT = Path(__file__).parent.parent.parent
EXAMPLE = ROOT / "config.example.toml"
MINIMAL = """
[community]
name = "Test Group"
address = "help@Test.Example"
[[mailbox]]
name = "help"
host = "imap.test.example"
user = "help"
password_file = "imap-password"
[smtp]
host = "127.0.0.1"
security = "none"
auth = "none"
[[organizer]]
name = "Ann"
email = "Ann.B@Test.Example"
"""


def config(extra: str = "", folder: Path = Path("/"), **changes: str) -> Config:
    text = MINIMAL + extra
    for old, new in changes.items():
        text = text.replace(f"{old} =", f"{old} = {new} #", 1)
    return loads(text, folder / "config.toml")


def without_comments(text: str) -> str:
    """The example with every key that is commented out brought to life, and the prose left out."""
    return re.sub(r"^# ([a-z_-]+ = )", r"\1", text, flags=re.MULTILINE)


def test_the_example_loads() -> None:
    loaded = load(EXAMPLE)
    assert loaded.community.languages == ("en", "nl", "fr")
    assert loaded.directory == ROOT
    assert loaded.mailboxes[0].password_file == ROOT / "imap-password"
    assert loaded.ledger.url == f"sqlite:///{ROOT}/intake.db"


def test_the_example_shows_every_key_and_its_default() -> None:
    document = tomllib.loads(without_comments(EXAMPLE.read_text("utf-8")))
    prose = EXAMPLE.read_text("utf-8")
    for name, (_, model, several) in tables().items():
        shown: dict[str, Any] = {}
        for table in document[name] if several else [document[name]]:
            shown = {**table, **shown}
        assert set(shown) == set(model.model_fields), name
        for key, field in model.model_fields.items():
            if field.is_required() or key in ("password_file", "phrases"):
                continue
            value, default = as_loaded(model, key, shown[key]), as_loaded(model, key, None)
            line = next(line for line in prose.splitlines() if re.match(rf"(# )?{key} +=", line))
            said = "default" in line or "if left out" in line or key in EXAMPLES_OF
            assert value == default or said, f"{name}.{key}"


# Where the example shows what one would write, and the comment or the table's own text says so.
EXAMPLES_OF = {"short_name", "user", "client_id", "subject", "body", "security", "port", "languages", "language"}


def is_required(model: type[Section], name: str) -> bool:
    return name in model.model_fields and model.model_fields[name].is_required()


def as_loaded(model: type[Section], key: str, value: Any) -> Any:
    """One key by itself, as its model reads it (None: left out)."""
    frozen = tuple(value) if isinstance(value, list) else value
    required = {"name": "x", "address": "a@b.example", "email": "a@b.example", "host": "localhost"}
    required |= {"starts": datetime(2026, 1, 1, tzinfo=UTC), "ends": datetime(2026, 1, 2, tzinfo=UTC)}  # type: ignore[dict-item]
    table: dict[str, Any] = {name: item for name, item in required.items() if is_required(model, name)}
    if value is not None:
        table[key] = frozen
    return getattr(model.model_validate(table), key)


def test_the_shipped_categories_are_those_of_the_example() -> None:
    assert [c.model_dump() for c in load(EXAMPLE).categories] == [c.model_dump() for c in DEFAULT_CATEGORIES]
    assert config().categories == DEFAULT_CATEGORIES


def test_own_categories_come_before_the_shipped_ones() -> None:
    own = config('[[category]]\nname = "sponsor"\nsubject = ["sponsor"]\n').categories
    assert [category.name for category in own] == ["sponsor", "concern", "report", "report", "question"]
    renewed = config('[[category]]\nname = "concern"\nbody = ["afraid"]\nclaim_within = "1h"\n').categories
    assert [category.name for category in renewed] == ["concern", "report", "report", "question"]
    assert renewed[0].claim_within == timedelta(hours=1)
    alone = config('[[category]]\nname = "everything"\n').categories
    assert [category.name for category in alone] == ["everything"]
    for categories in (own, renewed, alone):
        assert [category.has_rule for category in categories] == [True] * (len(categories) - 1) + [False]


def test_the_rest_is_complete_without_being_written() -> None:
    loaded = config()
    assert loaded.mailboxes[0].port == 993
    assert loaded.smtp.port == 25
    assert loaded.ledger.file == Path("/intake.db")
    assert loaded.ledger.key_file == Path("/intake.key")
    assert loaded.acknowledgement.after_fan_out_within == timedelta(minutes=10)
    assert loaded.digest.schedule.days == {0, 1, 2, 3, 4}
    assert loaded.templates.directory is None
    assert loaded.fallback is None
    assert loaded.community.address == "help@test.example"
    assert loaded.organizers[0].email == "Ann.B@test.example"
    assert loaded.language_of(loaded.organizers[0]) == "en"


@pytest.mark.parametrize(
    ("written", "port"), [("", 993), ('security = "starttls"', 143), ('security = "tls"', 993), ("port = 1143", 1143)]
)
def test_the_usual_port_follows_the_security(written: str, port: int) -> None:
    assert config(host=f'"localhost"\n{written}').mailboxes[0].port == port


def test_events_are_in_the_community_s_time() -> None:
    extra = '[[event]]\nname = "Day"\nstarts = 2026-04-18T08:30:00\nends = 2026-04-18T18:00:00Z\n'
    event = config(extra, address='"a@b.example"\ntimezone = "Europe/Brussels"').events[0]
    assert event.starts.astimezone(UTC) == datetime(2026, 4, 18, 6, 30, tzinfo=UTC)
    assert event.ends == datetime(2026, 4, 18, 18, tzinfo=UTC)


def test_another_source_of_the_key_replaces_the_default_file() -> None:
    assert config('[ledger]\nkey_env = "KEY"\n').ledger.key_file is None


@pytest.mark.parametrize("written", ['"X-Form: re:^coc$"', '{ X-Form = "re:^coc$" }'])
def test_a_header_rule_can_be_written_two_ways(written: str) -> None:
    extra = f'[[category]]\nname = "form"\nheader = {written}\n'
    assert config(extra).categories[0].header == (("x-form", "re:^coc$"),)


def test_an_empty_rule_is_none() -> None:
    (category,) = config('[[category]]\nname = "x"\nsubject = ""\nheader = ""\nrecipient = ""\n').categories
    assert not category.has_rule


def test_nothing_can_be_changed_and_no_secret_is_shown() -> None:
    extra = (
        '[alarm]\nping_url = "https://canary"\nnotify = ["x://canary"]\n[ledger]\nurl = "postgresql://u:canary@h/d"\n'
    )
    loaded = config(extra, user='"help"\ntoken_command = "print canary"')
    assert "canary" not in repr(loaded)
    with pytest.raises(ValidationError):
        loaded.smtp.host = "elsewhere"  # type: ignore[misc]
    with pytest.raises(AttributeError):
        loaded.community = loaded.community  # type: ignore[misc]


def test_places_of_keys_for_later_errors() -> None:
    mailbox = config().mailboxes[0]
    assert mailbox.place("password_file") == "/config.toml:9"
    assert mailbox.place("ca_file") == "/config.toml:5"
    assert config().alarm.place("email") == "/config.toml:1"


def test_a_byte_order_mark_is_fine(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text("\ufeff" + MINIMAL, "utf-8")
    assert load(tmp_path / "config.toml").community.name == "Test Group"


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("10m", 600), (" 4 h ", 14400), ("365d", 31_536_000), ("1h 30m", 5400), ("2W", 1_209_600)],
)
def test_durations(text: str, seconds: int) -> None:
    assert values.duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "text", ["", "0s", "10", "m", "-5m", "1.5h", "10 m m", "1y", 10, None, True, "9999999d", "99999w", "٣h"]
)
def test_what_is_no_duration(text: object) -> None:
    with pytest.raises(ValueError, match=";"):
        values.duration(text)


@pytest.mark.parametrize("text", ["3000000d", "36501d", "36500d 1s", "9" * 5000 + "s", "1w " + "9" * 30 + "m"])
def test_a_duration_that_is_too_long_is_told_the_longest(text: str) -> None:
    with pytest.raises(ValueError, match=r'^is too long; the longest is "36500d", a hundred years$'):
        values.duration(text)
    assert values.duration("36500d") == values.duration("0000036500d") == timedelta(days=36500)


@pytest.mark.parametrize(
    ("text", "count"), [("40 MB", 40 << 20), ("1kb", 1024), ("2 GiB", 2 << 30), ("5000", 5000), (4096, 4096)]
)
def test_sizes(text: object, count: int) -> None:
    assert values.size(text) == count


@pytest.mark.parametrize("text", ["", "0", "big", "1.5 MB", "-1 MB", "40 mbit", 5, True, None])
def test_what_is_no_size(text: object) -> None:
    with pytest.raises(ValueError, match=";"):
        values.size(text)


@pytest.mark.parametrize("text", ["99999999999 MB", "5 GB", (4 << 30) + 1, 10**30, "9" * 5000])
def test_a_size_that_is_too_large_is_told_the_largest(text: object) -> None:
    with pytest.raises(ValueError, match=r'^is larger than any mail; the largest is "4 GB"$'):
        values.size(text)
    assert values.size("4 GB") == 4 << 30


@pytest.mark.parametrize(
    ("place", "sound"),
    [("a.example", True), ("a.example:587", True), ("[::1]:25", True), ("[::1]", True), ("::1", True), ("", True),
     ("a.example:", False), ("a.example:0", False), ("a.example:65536", False), ("a.example:many", False), (":25", False),
     ("fd00::1:99999999", False)],
)  # fmt: skip
def test_the_port_of_the_second_way_out(tmp_path: Path, place: str, sound: bool) -> None:
    (tmp_path / "config.toml").write_text(MINIMAL + f'[alarm]\nemail = "t@x.example"\nsmtp_host = "{place}"\n', "utf-8")
    (tmp_path / "config.toml").chmod(0o600)
    told = "alarm.smtp_host: has no port behind its colon"
    with nullcontext() if sound else pytest.raises(ConfigError, match=told):
        assert load(tmp_path / "config.toml").alarm.smtp_host == place


@pytest.mark.parametrize("year", ["0001", "1969", "3000", "9999"])
def test_a_time_from_which_none_can_be_counted_is_told(year: str) -> None:
    with pytest.raises(ValueError, match=r"^is in no year that can be; give one between 1970 and 2999$"):
        values.moment(datetime.fromisoformat(f"{year}-12-31T12:00:00+12:00"), None)


@pytest.mark.parametrize(
    ("text", "days", "at"),
    [
        ("mon-fri 08:00", {0, 1, 2, 3, 4}, time(8)),
        ("Mon, Thu 7:30", {0, 3}, time(7, 30)),
        ("daily 23:59", set(range(7)), time(23, 59)),
        ("sat-mon 00:00", {5, 6, 0}, time(0)),
        ("sun 09:00", {6}, time(9)),
    ],
)
def test_schedules(text: str, days: set[int], at: time) -> None:
    schedule = values.schedule(text)
    assert isinstance(schedule, values.Schedule)
    assert (schedule.days, schedule.at) == (frozenset(days), at)


@pytest.mark.parametrize(
    "text", ["", "daily", "08:00", "mon 24:00", "mon 8", "weekly 08:00", "mon-xyz 08:00", "mon,,tue 08:00", 8]
)
def test_what_is_no_schedule(text: object) -> None:
    with pytest.raises(ValueError, match=";"):
        values.schedule(text)


@pytest.mark.parametrize(
    "text", ["a@b.example", "a.b+c@x-y.example", "jürgen@exämple.org", "o'neil@localhost", "a@xn--exmple-cua.org"]
)
def test_addresses(text: str) -> None:
    assert values.email(f" {text} ") == text


@pytest.mark.parametrize(
    "text",
    ["", "a", "@b", "a@", "a@b@c", "a b@c.de", "a@b,c@d", "<a@b.de>", "a@-b.de", "a@b..de", ".a@b.de", "a@b.de\n", "a@b.de\r\nBcc: x",
     '"a b"@c.de', "a" * 65 + "@b.de", "a@" + "b" * 64 + ".de", "a\u2028@b.de", "a\x00@b.de"],
)  # fmt: skip
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(ValueError, match="no e-mail address"):
        values.email(text.removesuffix("\n") + "\n@" if text.endswith("\n") else text)


@given(st.text())
def test_an_accepted_address_is_one_safe_word(text: str) -> None:
    try:
        address = values.email(text)
    except ValueError:
        return
    assert address.isprintable()
    assert not set(address) & set(' ,;<>"()[]\\:')
    assert address.count("@") == 1


def test_the_reference_is_current() -> None:
    assert (ROOT / "docs" / "configuration.md").read_text("utf-8") == reference(), (
        "run: python -m intake.config.reference"
    )
