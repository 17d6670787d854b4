"""How many lives, kills and faults a run has had: shown after the tests, whoever runs them."""

from __future__ import annotations

from collections.abc import Callable

import pytest


@pytest.fixture
def tell(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Keeps a figure for the end of the run; ``tests/conftest.py`` shows it there."""
    return lambda line: request.node.user_properties.append(("figure", line))
