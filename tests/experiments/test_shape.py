"""The experiments' own shape: they are found, told of, and use public names only."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import lrmf_tfp as lt
from experiments.__main__ import main
from experiments.common.catalogue import experiments, sources_of

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "experiments"
FILES = sorted(FOLDER.rglob("*.py"))
NAMED_TUPLES = {"_asdict", "_fields", "_replace"}  # public in spite of their underscore


def named(path):
    return path.relative_to(FOLDER).as_posix()


def faults(text, *, home="moons"):
    """Yields what is wrong with a file of an experiment: names that are not public, or others'."""
    tree = ast.parse(text)
    inner = {node.value for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names if not _may_import(each, home))
        elif isinstance(node, ast.ImportFrom):
            for each in node.names:
                module = f"{node.module}.{each.name}"
                if node.level or not _may_import(ast.alias(module, None), home):
                    yield module
        elif isinstance(node, ast.Attribute):
            if _is_private(node):
                yield ast.unparse(node)
            if node not in inner and not _is_public(_chain(node)):
                yield ast.unparse(node)


def _may_import(alias, home):
    package, _, rest = alias.name.partition(".")
    if package == "lrmf_tfp":
        return not rest and alias.asname == "lt"
    own = ("common", home)
    return package != "experiments" or rest.split(".")[0] in own


def _is_private(node):
    private = node.attr.startswith("_") and not node.attr.endswith("__")
    own = isinstance(node.value, ast.Name) and node.value.id in ("self", "cls")
    return private and not own and node.attr not in NAMED_TUPLES


def _chain(node):
    """Returns the names behind `lt` in `lt.a.b`, none of anything else."""
    names = []
    while isinstance(node, ast.Attribute):
        names.insert(0, node.attr)
        node = node.value
    return names if isinstance(node, ast.Name) and node.id == "lt" else []


def _is_public(chain):
    """Whether `lt.X` or `lt.package.X` is on a face; what an object of theirs has is its own."""
    face = lt
    for name in chain:
        if not isinstance(face, ModuleType):
            return True
        if name not in face.__all__ and name != "__version__":
            return False
        face = getattr(face, name)
    return True


@pytest.mark.parametrize("path", FILES, ids=named)
def test_experiments_use_public_names_only(path):
    text = path.read_text(encoding="utf-8")
    home = path.relative_to(FOLDER).parts[0].removesuffix(".py")
    assert list(faults(text, home=home)) == []
    assert "lrmf_tfp." not in text


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("import lrmf_tfp as lt\nlt.flows.affine_flow(2).layers[0].shift", []),
        ("lt.__version__", []),
        ("lt.divergences._arguments", ["lt.divergences._arguments"] * 2),
        ("lt.flows.affine.Affine(2)", ["lt.flows.affine.Affine"]),
        ("lt.nothing", ["lt.nothing"]),
        ("lt.datasets.nothing(1)[0].size", ["lt.datasets.nothing"]),
        ("lt.flows.nothing.more()", ["lt.flows.nothing.more"]),
        ("import lrmf_tfp", ["lrmf_tfp"]),
        ("import lrmf_tfp.flows as flows", ["lrmf_tfp.flows"]),
        ("from lrmf_tfp import flows", ["lrmf_tfp.flows"]),
        ("from lrmf_tfp.flows import affine_flow", ["lrmf_tfp.flows.affine_flow"]),
        ("self._own\nscore._asdict()\nx.__class__", []),
        ("aligner._fitted", ["aligner._fitted"]),
        ("from experiments.common import style\nfrom experiments.moons.run import run", []),
        ("from experiments.kl import pictures", ["experiments.kl.pictures"]),
        ("from experiments import kl", ["experiments.kl"]),
        ("from . import run", ["None.run"]),
    ],
)
def test_the_guard_sees_names_that_are_not_public(text, found):
    assert list(faults(text)) == found


def test_experiments_are_found_in_their_folder(tmp_path):
    (tmp_path / "one.py").write_text('"""One file.\n\nMore."""')
    for name in ("two", "common"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text(f'"""The package {name}."""')
    (tmp_path / "two" / "run.py").touch()
    (tmp_path / "__main__.py").touch()
    (tmp_path / "results").mkdir()  # no package
    assert experiments(tmp_path) == {"one": "One file.", "two": "The package two."}
    assert [path.name for path in sources_of("two", tmp_path)] == ["__init__.py", "run.py"]


@pytest.mark.parametrize("name", experiments())
def test_experiments_are_told_of(name):
    assert experiments()[name].endswith(".")
    told = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert f"python -m experiments.{name}" in told.replace("`", " ").split("## ")[0]
    sources = "".join(path.read_text(encoding="utf-8") for path in sources_of(name))
    assert f'run_experiment("{name}", Config, run)' in sources


def test_the_list_names_every_experiment():
    done = subprocess.run(
        [sys.executable, "-m", "experiments"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    listed = dict(line.split(maxsplit=1) for line in done.stdout.splitlines()[2:])
    assert listed == experiments()


def test_an_unknown_experiment_is_refused_in_one_line():
    done = subprocess.run(
        [sys.executable, "-m", "experiments", "nothing", "--quick"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("experiments: error: `NAME` must be among colour_transfer, ")
    assert done.stderr.endswith("; got 'nothing'.\n")


def test_a_named_experiment_is_run_as_by_itself(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["experiments", "trajectories", "--help"])
    with pytest.raises(SystemExit) as caught:
        main()
    assert caught.value.code == 0
    told = capsys.readouterr().out
    assert told.startswith("usage: python -m experiments.trajectories [-h] [--quick]")
    assert experiments()["trajectories"] in " ".join(told.split())
