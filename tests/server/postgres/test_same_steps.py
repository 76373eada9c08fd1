"""The tests of steps, with PostgreSQL instead of files."""

from tests.server.test_steps import *  # noqa: F403
