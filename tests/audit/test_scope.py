"""The scope of an audit: consent, isolation, the ledger, and callables as subjects."""

import json
import socket
from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest

from mien.audit import (
    counted,
    embedder_of,
    head_of,
    offline,
    read_consent,
    require_consent,
    require_no_url,
)
from mien.contracts import Consent, Scope
from mien.errors import MienError, ScopeError
from mien.metrics import Estimate
from mien.metrics.findings import graded, mitigation_table, plain
from mien.service import audit
from mien.service.auditing import read_samples
from mien.testing import noise

GOOD = 'given_by = "Ada"\npurpose = "to test"\nexpires = 2099-01-31\n'


@pytest.fixture
def manifest(tmp_path):
    def write(text):
        (tmp_path / "consent.toml").write_text(text)
        return tmp_path / "consent.toml"

    return write


def test_a_manifest_is_read(manifest):
    consent = read_consent(manifest(GOOD + 'models = ["expression"]\n'))
    assert consent == Consent("Ada", "to test", date(2099, 1, 31), ("expression",))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("given_by = ", "not readable TOML"),
        (GOOD.replace("Ada", " "), "'given_by' must be a sentence"),
        (GOOD.replace("purpose", "goal"), "unknown key 'goal'"),
        (GOOD.replace("2099-01-31", '"2099"'), "'expires' must be a date"),
        (GOOD.replace("2099-01-31", "2099-01-31T00:00:00"), "'expires' must be a date"),
        (GOOD + "models = [1]\n", "'models' must be a list"),
    ],
)
def test_a_wrong_manifest_is_refused(manifest, text, says):
    with pytest.raises(ScopeError, match=says):
        read_consent(manifest(text))


def test_a_missing_manifest_is_refused(tmp_path):
    with pytest.raises(ScopeError, match="cannot be read"):
        read_consent(tmp_path / "none.toml")


def test_consent_holds_on_its_last_day_and_not_after():
    day = date(2026, 11, 30)
    consent = Consent("Ada", "to test", day, ("a",))
    require_consent(consent, "a", day)
    with pytest.raises(ScopeError, match="expired on 2026-11-30, and today is 2026-12-01"):
        require_consent(consent, "a", day + timedelta(1))
    with pytest.raises(ScopeError, match="covers a, not 'b'"):
        require_consent(consent, "b", day)


def test_no_other_machine_is_reached_and_loopback_is():
    with socket.create_server(("127.0.0.1", 0)) as server, offline():
        with socket.create_connection(server.getsockname(), timeout=5) as client:
            assert client.getpeername() == server.getsockname()
        for host in ("192.0.2.1", "example.org"):  # TEST-NET-1, RFC 5737
            with pytest.raises(ScopeError, match="without a network"):
                socket.create_connection((host, 80), timeout=1)
        datagram = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        with datagram, pytest.raises(ScopeError, match=r"192\.0\.2\.1:9"):
            datagram.sendto(b"x", ("192.0.2.1", 9))
    assert socket.socket.connect.__name__ == "connect"  # restored


def test_an_address_is_no_subject():
    for name in ("https://example.org/model", "http://127.0.0.1:8000"):
        with pytest.raises(ScopeError, match="is an address"):
            require_no_url(name)
        with pytest.raises(ScopeError, match="is an address"):
            audit("batch-leakage", name)
    with pytest.raises(ScopeError, match="not 'https"):
        embedder_of("https://example.org/model")


def means(chips):
    return chips.reshape(len(chips), -1, 3).mean(1).astype(np.float32) + 1


def test_queries_are_counted_limited_and_recorded(tmp_path):
    scope = Scope(queries=5, ledger=tmp_path / "queries.jsonl")
    subject, counter = counted(embedder_of(means, size=8), scope)
    again, same = counted(subject, scope)
    assert same is counter
    assert again is subject
    vectors = subject.model(noise(3, 8))
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1)
    subject.model(noise(2, 8))
    with pytest.raises(ScopeError, match="agreed limit is 5"):
        subject.model(noise(1, 8))
    rows = [json.loads(line) for line in scope.ledger.read_text().splitlines()]
    assert [(row["model"], row["images"], row["in_all"]) for row in rows] == [
        ("callable", 3, 3),
        ("callable", 2, 5),
    ]
    assert len({row["sha256"] for row in rows}) == 2


def test_a_query_that_cannot_be_recorded_is_not_asked(tmp_path):
    asked = []
    subject, _ = counted(
        embedder_of(lambda chips: asked.append(1) or means(chips), size=8),
        Scope(ledger=tmp_path / "none" / "queries.jsonl"),
    )
    with pytest.raises(ScopeError, match="cannot be written"):
        subject.model(noise(1, 8))
    assert not asked


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (lambda n: np.full((n, 3), np.nan, np.float32), "NaN"),
        (lambda n: np.ones((n, 3), bool), "bool"),
        (lambda n: np.ones((n + 1, 3), np.float32), r"shape \(4, 3\) for 3 images"),
        (lambda n: np.ones(n, np.float32), r"shape \(3,\)"),
    ],
)
def test_matchers_that_answer_something_else_are_refused(answer, says):
    subject, _ = counted(embedder_of(lambda chips: answer(len(chips)), size=8), Scope())
    with pytest.raises(MienError, match=says):
        subject.model(noise(3, 8))


def test_vectors_of_another_length_are_refused():
    widths = iter((3, 4))
    subject, _ = counted(
        embedder_of(lambda c: np.ones((len(c), next(widths)), np.float32), size=8), Scope()
    )
    subject.model(noise(2, 8))
    with pytest.raises(MienError, match=r"\(2, 3\), are expected"):
        subject.model(noise(2, 8))


def test_heads_of_callables_answer_once_per_image():
    subject, _ = counted(head_of(lambda c: [{"a": 0.5}], task="toy", size=8), Scope())
    with pytest.raises(MienError, match="1 answers for 3 images"):
        subject.model(noise(3, 8))


def test_an_audit_runs_offline_counts_and_states_consent():
    def phoning(chips):
        socket.create_connection(("192.0.2.1", 80), timeout=1)

    with pytest.raises(ScopeError, match="without a network"):
        audit("batch-leakage", head_of(phoning, task="toy", size=8), read_samples(None))
    calm = head_of(lambda c: [{"a": float(x.mean())} for x in c], task="toy", size=8)
    consent = Consent("Ada", "to test", date(2099, 1, 1))
    found = plain(audit("batch-leakage", calm, read_samples(None), scope=Scope(consent=consent)))
    assert found["basis"]["Consent"] == "Ada, to test, until 2099-01-01"
    assert found["basis"]["Queries"] == "192 images"  # 64, three times
    past = replace(consent, expires=date(2020, 1, 1))
    with pytest.raises(ScopeError, match="expired"):
        audit("batch-leakage", calm, read_samples(None), scope=Scope(consent=past))


def test_risk_follows_the_lower_end_of_the_interval():
    limits = (0.05, 0.1, 0.2)
    levels = [graded(Estimate(0.3, low, 0.5, 9, 9), limits, "It").level
              for low in (0.01, 0.06, 0.15, 0.25)]  # fmt: skip
    assert levels == ["none found", "low", "medium", "high"]
    risk = graded(Estimate(0.3, 0.06, 0.5, 9, 9), limits, "It")
    assert risk.reason.startswith("It is 0.3, at least 0.06 (95 %)")
    unknown = graded(Estimate(float("nan"), reason="3 people"), limits, "It")
    assert unknown.level == "none found"
    assert "3 people" in unknown.reason
    with pytest.raises(MienError, match="must rise"):
        graded(Estimate(0.3), (0.2, 0.1, 0.3), "It")


def test_mitigations_are_a_table():
    table = mitigation_table("Share", [("none", Estimate(0.5), ""), ("noise", Estimate(0.1), "x")])
    assert [name for name, _ in table.columns] == ["Mitigation", "Share", "Cost"]
    assert table.rows[1][0] == "noise"
