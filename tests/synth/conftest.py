import pytest


@pytest.fixture(scope="session")
def builtin():
    from mien.synth import open_head

    return open_head("builtin")


@pytest.fixture(scope="session")
def ict(data):
    from mien.synth.head.ict import import_ict

    return import_ict(data / "ict_facekit.npz")


@pytest.fixture(
    scope="session", params=["builtin", pytest.param("ict", marks=pytest.mark.realdata)]
)
def head(request):
    return request.getfixturevalue(request.param)


@pytest.fixture(scope="session")
def actor(head):
    """One person on each head."""
    from mien.synth import Actor, make_person

    return Actor(head, make_person(5, head))


@pytest.fixture(scope="session")
def someone(builtin):
    """One person on the built-in head."""
    from mien.synth import Actor, make_person

    return Actor(builtin, make_person(5, builtin))
