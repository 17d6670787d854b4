"""A short search, with every run of the tests; ``make fuzz`` searches for long. What was found stays as an example."""

from __future__ import annotations

import os

import pytest
from fuzz.targets import PIECES, TARGETS
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

EXAMPLES = int(os.environ.get("INTAKE_FUZZ_EXAMPLES", "40"))
ANYTHING = st.one_of(
    st.binary(max_size=400),
    st.lists(st.one_of(st.sampled_from(PIECES), st.binary(max_size=12)), max_size=30).map(b"".join),
)


@pytest.mark.parametrize("name", TARGETS)
def test_anything(name: str) -> None:
    @settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
    @given(data=ANYTHING)
    def search(data: bytes) -> None:
        TARGETS[name](data)

    search()


FOUND = (
    b"<a ='a\xff\xfflt=&>xcb>'@ <d><!",  # a quote that begins no value
    b"</\xc8\xc8<style>\xc8J\xc8yl",  # the end of nothing, with an element in it that hides all
    b"<!---<<!b>f-<'q>f",  # in a comment, what is no tag
    b"<a",
)


@pytest.mark.parametrize("name", TARGETS)
@pytest.mark.parametrize("data", [b"", b"\0", b"\r\n.\r\n", *PIECES[:4], *FOUND])
def test_what_is_known_to_be_hard(name: str, data: bytes) -> None:
    TARGETS[name](data)
