"""The tests of people, with PostgreSQL instead of files."""

from tests.server.test_people import *  # noqa: F403

# It is about the bytes of files, which a database has not.
del test_an_erased_person_is_gone_and_the_receipt_is_genuine  # noqa: F821
