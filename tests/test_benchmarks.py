"""Scripts that no test runs still find what they import from mien."""

import ast
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SCRIPTS = [p for folder in ("benchmarks", "tools") for p in sorted((ROOT / folder).glob("*.py"))]


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda p: f"{p.parent.name}/{p.name}")
def test_a_script_imports_names_that_exist(script):
    for node in ast.walk(ast.parse(script.read_text("utf-8"))):
        if not isinstance(node, ast.ImportFrom) or not (node.module or "").startswith("mien"):
            continue
        if node.module.startswith(("mien.train", "mien.systems")):  # needs torch
            continue
        module = import_module(node.module)
        for alias in node.names:
            try:
                found = hasattr(module, alias.name) or import_module(f"{node.module}.{alias.name}")
            except ModuleNotFoundError:
                found = False
            assert found, f"{script.name}:{node.lineno}: {node.module} has no {alias.name}"
