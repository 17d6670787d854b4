"""From configured names to a server's, and UIDs to sequence sets and back."""

from __future__ import annotations

import unicodedata
from datetime import UTC, datetime
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intake.model import MailHead
from intake.receive.folders import Namespace, candidates
from intake.receive.imap import _pages
from intake.receive.sequence import BATCH_BYTES, BATCH_MAILS, BATCH_UIDS, batches, members, sequence_set, uid_chunks

PLAIN = Namespace("", "/", known=True)
DOTS = Namespace("", ".", known=True)
BELOW = Namespace("INBOX.", ".", known=True)
UNTOLD = Namespace("", ".", known=False)
FLAT = Namespace("", "", known=True)


@pytest.mark.parametrize(
    ("name", "namespace", "first", "also"),
    [
        ("Junk", PLAIN, "Junk", ()),
        ("A/B", PLAIN, "A/B", ()),
        ("A/B", DOTS, "A.B", ()),
        ("A/B", BELOW, "INBOX.A.B", ("A.B",)),
        ("INBOX", BELOW, "INBOX", ()),
        ("inbox", PLAIN, "INBOX", ()),
        ("Inbox/A", BELOW, "INBOX.A", ()),
        ("INBOX.A", BELOW, "INBOX.A", ()),
        ("inbox/A", PLAIN, "INBOX/A", ()),
        ("Inboxes", BELOW, "INBOX.Inboxes", ()),
        ("A/B", UNTOLD, "A.B", ("INBOX.A.B",)),
        ("INBOX/B", UNTOLD, "INBOX.B", ()),
        ("A/B", FLAT, "A/B", ()),
        ("Été", PLAIN, "Été", ()),
        (unicodedata.normalize("NFD", "Été"), PLAIN, "Été", (unicodedata.normalize("NFD", "Été"),)),
    ],
)
def test_names(name: str, namespace: Namespace, first: str, also: tuple[str, ...]) -> None:
    found = candidates(name, namespace)
    assert found[0] == first
    assert set(also) <= set(found)


@given(st.text(min_size=1), st.sampled_from([PLAIN, DOTS, BELOW, UNTOLD, FLAT]))
def test_there_is_always_a_name_and_the_written_one_is_tried(name: str, namespace: Namespace) -> None:
    found = candidates(name, namespace)
    assert len(found) == len(set(found)) >= 1
    assert name in found or name.upper() == "INBOX"


@given(st.lists(st.integers(1, 4_294_967_295) | st.integers(1, 60)))
def test_a_sequence_set_names_exactly_its_uids(uids: list[int]) -> None:
    text = sequence_set(uids)
    named = [uid for run in (members(text) if text else ()) for uid in run]
    assert named == sorted(set(uids))


@pytest.mark.parametrize("text", ["", "*", "1:*", "a", "1,,2", "1:2:3"])
def test_what_is_no_set_of_uids_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="invalid literal"):
        list(members(text))


def test_a_set_may_be_written_backwards() -> None:
    assert [list(run) for run in members("3:1,7")] == [[1, 2, 3], [7]]


@given(st.sets(st.integers(1, 4_294_967_295), max_size=1500))
def test_a_command_line_is_never_too_long(uids: set[int]) -> None:
    chunks = list(uid_chunks(uids))
    assert [uid for chunk in chunks for uid in chunk] == sorted(uids)
    assert all(len(sequence_set(chunk)) < 8000 - 400 for chunk in chunks)  # RFC 9051, 4: 8192 with the rest
    assert all(len(chunk) <= BATCH_UIDS for chunk in chunks)


@given(st.lists(st.integers(0, BATCH_BYTES + 1) | st.integers(0, 2000), max_size=450))
def test_batches_keep_order_and_bounds(sizes: list[int]) -> None:
    heads = [MailHead(uid, size, datetime(2026, 1, 1, tzinfo=UTC)) for uid, size in enumerate(sizes, 1)]
    found = list(batches(iter(heads)))
    assert [head for batch in found for head in batch] == heads
    for batch in found:
        assert 1 <= len(batch) <= BATCH_MAILS
        assert len(batch) == 1 or sum(head.size for head in batch) <= BATCH_BYTES


@given(st.integers(1, 1_000_000))
def test_pages_cover_a_folder_from_its_end_without_gaps(exists: int) -> None:
    pages = [page for (page,) in _pages(exists)]
    spans = [page.split(":") for page in pages]
    assert spans[0][1] == "*"
    assert int(spans[-1][0]) == 1
    for (low, _), (_, high) in pairwise(spans):
        assert int(high) == int(low) - 1
