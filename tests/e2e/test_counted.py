"""``intake cases machine``: where mail stands that nobody got, and nothing of what it says."""

from __future__ import annotations

from servers.world import World


def test_what_was_not_passed_on_can_be_found(place: World) -> None:
    place.deliver(
        b"From: Zebrafish <robot@zebrafish.example>\r\nSubject: zebrafish\r\nMessage-ID: <1@zebrafish.example>\r\n"
        b"Auto-Submitted: auto-replied\r\n\r\nzebrafish\r\n"
    )
    assert place.run("once").code == 0
    (one,) = place.run("cases", "machine", "--json").json
    assert (one["kind"], one["mailbox"], one["arrived_in"], one["folder"]) == (
        "automatic",
        "help",
        "INBOX",
        "Processed",
    )
    assert one["uid"] is None
    assert place.run("audit").code == 0  # looks where it stands now
    (one,) = place.run("cases", "machine", "--json").json
    assert isinstance(one["uid"], int)
    shown = place.run("cases", "machine")
    assert "Processed" in shown.out
    assert "zebrafish" not in (shown.out + str(one)).lower()
    digest = place.run("digest")
    assert "intake cases machine" in " ".join(digest.out.split())
