"""The files for operators: what they promise can be read from them."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"


def test_the_image_runs_as_nobody_and_installs_what_exists():
    text = (DEPLOY / "Dockerfile").read_text()
    assert re.findall(r"^USER (\w+)$", text, re.M) == ["mien"]
    assert text.rindex("USER mien") > text.rindex("RUN ")
    extras = re.search(r"'\.\[([\w,]+)\]'", text)[1].split(",")
    known = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert set(extras) <= set(known["optional-dependencies"])
    for line in re.findall(r"^COPY (?!--from)(.*) \S+$", text, re.M):
        assert all((ROOT / name).exists() for name in line.split())


def test_the_image_has_the_default_models():
    from mien.zoo import DETECTOR, EMBEDDER

    pulled = re.search(r"mien models pull (.*)$", (DEPLOY / "Dockerfile").read_text(), re.M)[1]
    assert set(pulled.split()) == {DETECTOR, EMBEDDER}


def test_the_composition_is_read_only_and_reached_through_its_proxy_alone():
    yaml = pytest.importorskip("yaml", reason="the compose file is read with PyYAML")
    found = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    mien = found["services"]["mien"]
    assert mien["read_only"]
    assert mien["cap_drop"] == ["ALL"]
    assert "ports" not in mien
    assert found["networks"]["inside"]["internal"]
    assert mien["networks"] == ["inside"]
    database = found["services"]["database"]
    assert "ports" not in database
    assert database["networks"] == ["inside"]
    secret = "${FACES_PASSWORD:?"  # compose refuses to start without it
    assert database["environment"]["POSTGRES_PASSWORD"].startswith(secret)
    assert f"postgresql://mien:{secret}" in mien["environment"]["MIEN_DATABASE"]
    assert (DEPLOY / mien["build"]["context"] / mien["build"]["dockerfile"]).exists()


def test_the_unit_is_confined():
    lines = dict(
        line.split("=", 1)
        for line in (DEPLOY / "mien.service").read_text().splitlines()
        if "=" in line
    )
    assert lines["DynamicUser"] == "yes"
    assert lines["ProtectSystem"] == "strict"
    assert lines["ExecStart"].startswith("/opt/mien/bin/mien serve ")
