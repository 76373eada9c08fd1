"""Systems of other distributions: found by their entry point, checked, imported when opened."""

import hashlib
import shutil
import subprocess
import sys
import textwrap

import pytest
from tests.outside_systems import write_package

from mien.errors import UnknownModelError
from mien.testing import check
from mien.zoo import cards, find, find_system, load, outside, systems


@pytest.fixture
def site(tmp_path, monkeypatch):
    """A folder of packages on the path; whatever it held is forgotten afterwards."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.delattr(sys, "mien_test_imported", raising=False)
    yield folder
    for name in [name for name in sys.modules if name.partition(".")[0].startswith("nice_")]:
        del sys.modules[name]


@pytest.mark.parametrize("package", ["nice_smile", "nice_lab.smile"])
@pytest.mark.parametrize("kind", ["chip-head", "maker", "audit"])
def test_a_system_is_listed_and_opened_and_keeps_its_contract(site, package, kind):
    folder = write_package(site, package, "nice-smile", kind)
    card = cards()["nice-smile"]
    assert card.origin.distribution == package.replace(".", "_")
    assert card.origin.version == "1.0"
    assert find_system("nice-smile").folder == folder
    assert find_system("nice-smile").module == package
    assert not hasattr(sys, "mien_test_imported")  # so far nothing of it was imported
    check(kind, load("nice-smile"))
    assert sys.mien_test_imported
    assert outside().faults == ()


def test_weights_lie_beside_the_card(site):
    folder = write_package(
        site, "nice_smile", "nice-smile",
        card=f"""
        [[files]]
        source = "beside:weights.bin"
        sha256 = "{hashlib.sha256(b"abc").hexdigest()}"
        size = 3
        """,
    )  # fmt: skip
    (folder / "weights.bin").write_bytes(b"abc")
    from mien.errors import WeightsError
    from mien.zoo import damage, fetch, is_fetched

    assert outside().faults == ()
    card = cards()["nice-smile"]
    assert fetch(card) == (folder / "weights.bin",)
    assert is_fetched(card)
    (folder / "weights.bin").write_bytes(b"abd")
    assert "has SHA-256" in damage(card)
    with pytest.raises(WeightsError, match="install the package again"):
        fetch(card)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"edit": lambda t: t.replace("licence", "license")}, "unknown key 'license'"),
        ({"edit": lambda t: t.replace("name =", "name :")}, "not readable TOML"),
        ({"edit": lambda t: t.replace(".head:", ".tail:")}, "names the module nice_x.tail, which"),
        ({"edit": lambda t: t.replace("nice_x.head", "mien.embed.dlib")}, "'entry' must be nice_x"),
        ({"edit": lambda t: t.replace("nice_x.head", "os")}, "'entry' must be nice_x"),
        ({"edit": lambda t: t.replace("nice-x", "expression")}, "a name of mien itself"),
        ({"edit": lambda t: t + "default = true\n"}, "'default' is for cards of mien"),
        ({"edit": lambda t: t + "origin = 'mien'\n"}, "unknown key 'origin'"),
        ({"card": "[[files]]\nsource = 'repo:systems/expression/weights.onnx'\n"
                  f"sha256 = '{'ab' * 32}'\nsize = 1\n"}, "repo: files are those of mien"),
        ({"card": f"[[files]]\nsource = 'beside:../x'\nsha256 = '{'ab' * 32}'\nsize = 1\n"},
         "must not contain"),
        ({"entry": "mien.systems.expression"}, "which is mien's own"),
        ({"entry": "nice_gone"}, "no package of that name with a card.toml"),
        ({"entry": "nice_x:Toy"}, "must name a package with a card.toml, got 'nice_x:Toy'"),
    ],
)  # fmt: skip
def test_a_faulty_system_is_told_and_nothing_else_breaks(site, change, says):
    before = set(cards())
    write_package(site, "nice_smile", "nice-smile")
    write_package(site, "nice_x", "nice-x", **change)
    [fault] = _anew().faults
    assert says in fault.reason
    assert fault.distribution == "nice_x 1.0"
    assert set(cards()) == before | {"nice-smile"}
    assert "nice-smile" in systems()
    if fault.name == "nice-x":
        with pytest.raises(UnknownModelError, match="cannot be used"):
            find("nice-x")


def test_of_two_distributions_with_one_name_the_second_is_refused(site):
    write_package(site, "nice_a", "nice-smile")
    write_package(site, "nice_b", "nice-smile")
    [fault] = _anew().faults
    assert "is named 'nice-smile', a name of nice_a 1.0" in fault.reason
    assert cards()["nice-smile"].origin.package == "nice_a"


def test_an_entry_without_its_class_is_told_when_it_is_opened(site):
    write_package(site, "nice_x", "nice-x", edit=lambda text: text.replace(":Toy", ":Gone"))
    assert "nice-x" in cards()
    with pytest.raises(UnknownModelError, match=r"distribution nice_x 1\.0 cannot be opened"):
        load("nice-x")


def test_doctor_and_list_name_the_fault_and_go_on(site, tmp_path):
    write_package(site, "nice_smile", "nice-smile")
    write_package(site, "nice_x", "nice-x", edit=lambda text: text.replace("MIT", "G P L"))
    code = f"import sys; sys.path.insert(0, {str(site)!r}); from mien.cli.main import main; main()"
    run = [sys.executable, "-c", code]
    listed = subprocess.run([*run, "models", "list"], capture_output=True, text=True, check=True)
    assert '"name": "nice-smile"' in listed.stdout
    assert '"name": "expression"' in listed.stdout
    row = next(line for line in listed.stdout.splitlines() if '"name": "nice-x"' in line)
    assert "'licence' must be an SPDX name" in row
    assert "mien: 'nice-x' of nice" in listed.stderr
    from mien.cli.doctor import outside_systems
    from mien.errors import MienError

    with pytest.raises(MienError, match=r"'nice-x' of nice_x 1\.0: .*licence"):
        outside_systems()
    (site / "nice_x" / "card.toml").unlink()
    shutil.rmtree(site / "nice_x-1.0.dist-info")
    _anew()
    assert outside_systems() == "nice-smile of nice_smile 1.0"


@pytest.mark.slow
def test_a_package_that_pip_installed_joins(tmp_path):
    pytest.importorskip("setuptools")
    source = tmp_path / "source"
    source.mkdir()
    write_package(source, "nice_pip", "nice-pip")
    (source / "pyproject.toml").write_text(
        textwrap.dedent("""
            [project]
            name = "nice-pip"
            version = "2.5"
            [project.entry-points."mien.systems"]
            nice-pip = "nice_pip"
            [build-system]
            requires = ["setuptools"]
            build-backend = "setuptools.build_meta"
            [tool.setuptools]
            packages = ["nice_pip"]
            [tool.setuptools.package-data]
            nice_pip = ["card.toml"]
        """)
    )
    target = tmp_path / "target"
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation",
         "--no-index", "--target", target, source],
        check=True, capture_output=True, timeout=120,
    )  # fmt: skip
    code = (
        f"import sys; sys.path.insert(0, {str(target)!r})\n"
        "from mien.zoo import cards, load\n"
        "assert cards()['nice-pip'].origin.version == '2.5'\n"
        "assert 'nice_pip' not in sys.modules\n"
        "print(load('nice-pip').name)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "nice-pip", done.stderr


def _anew():
    """Read all distributions again: the test has written more since."""
    from mien.zoo.outside import read_again

    read_again()
    return outside()
