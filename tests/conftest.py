"""Fixtures for every test."""

from __future__ import annotations

pytest_plugins = ["servers.fixtures", "servers.ways_out", "servers.databases"]
