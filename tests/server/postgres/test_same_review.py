"""The tests of review, with PostgreSQL instead of files."""

from tests.server.test_review import *  # noqa: F403
