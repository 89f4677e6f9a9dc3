"""The package's own shape: levels, public names, docstrings, silence, size and requirements."""

from __future__ import annotations

import ast
import configparser
import importlib
import inspect
import subprocess
import sys
import typing
from importlib.util import resolve_name
from pathlib import Path

import pytest

import lrmf_tfp

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "lrmf_tfp"
MAX_LINES = 300

# Imports go downwards only, and units on one level do not import each other.
# A unit is a module or a package directly below lrmf_tfp; inside a package anything goes.
LEVELS = {
    "_core": 0,
    "_validation": 0,
    "names": 1,
    "networks": 1,
    "ode": 1,
    "optimizers": 1,
    "samples": 1,
    "saved": 2,
    "datasets": 2,
    "flows": 2,
    "kernels": 2,
    "densities": 3,
    "divergences": 3,
    "evaluation": 3,
    "objectives": 4,
    "training": 5,
    "embeddings": 6,
    "plotting": 6,
    "ratios": 6,
    "alignment": 7,
    "cli": 8,
}
# Units that must answer before TensorFlow is imported.
WITHOUT_TENSORFLOW = {
    "_validation",
    "names",
    "samples",
    "datasets",
    "plotting",
    "cli",
}
# The three that move together, in setup.cfg's words.
PINS = {
    "tensorflow": "~=2.21.0",
    "tf-keras": "~=2.21.0",
    "tensorflow-probability": "==0.25.*",
}

FILES = sorted(path for path in PACKAGE.rglob("*.py") if path.name != "__main__.py")


def module_name(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(path): path for path in FILES}
SUBMODULES = [name for name in MODULES if name != "lrmf_tfp"]


def tree_of(name):
    return ast.parse(MODULES[name].read_text(encoding="utf-8"))


def unit_of(name):
    """The first part below lrmf_tfp: `lrmf_tfp.flows.affine` -> `flows`."""
    parts = name.split(".")
    return parts[1] if parts[0] == "lrmf_tfp" and len(parts) > 1 else None


def imported_names(name, *, top_only=False):
    """Yields every dotted name a module imports; relative imports are resolved."""
    tree = tree_of(name)
    for node in tree.body if top_only else ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            dots = "." * node.level + (node.module or "")
            package = name if MODULES[name].name == "__init__.py" else name.rpartition(".")[0]
            module = resolve_name(dots, package) if node.level else dots
            yield from (f"{module}.{alias.name}" for alias in node.names)


def static_all(tree):
    """The value of a module's `__all__`, which must be a literal."""
    for node in tree.body:
        if isinstance(node, ast.AnnAssign):
            targets = [node.target]
        else:
            targets = node.targets if isinstance(node, ast.Assign) else []
        if any(isinstance(target, ast.Name) and target.id == "__all__" for target in targets):
            return ast.literal_eval(node.value)
    return None


def run_python(code):
    return subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )


def test_version_is_static_and_a_release_number():
    assert [part.isdecimal() for part in lrmf_tfp.__version__.split(".")] == [True] * 3
    assert f'__version__ = "{lrmf_tfp.__version__}"' in (PACKAGE / "__init__.py").read_text()


def test_every_unit_has_a_level():
    assert {unit_of(name) for name in SUBMODULES} <= set(LEVELS)


@pytest.mark.parametrize("name", SUBMODULES)
def test_imports_go_downwards(name):
    unit = unit_of(name)
    used = {unit_of(imported) for imported in imported_names(name)} - {None, unit}
    wrong = sorted(other for other in used if LEVELS.get(other, -1) >= LEVELS[unit])
    assert not wrong, f"{name} (level {LEVELS[unit]}) imports {wrong}"


@pytest.mark.parametrize("name", SUBMODULES)
def test_modules_do_not_import_the_top_level(name):
    allowed = {"lrmf_tfp.__version__"} | {f"lrmf_tfp.{unit}" for unit in LEVELS}
    ours = [i for i in imported_names(name) if i.split(".")[0] == "lrmf_tfp"]
    wrong = [i for i in ours if ".".join(i.split(".")[:2]) not in allowed]
    assert wrong == []


@pytest.mark.parametrize("name", MODULES)
def test_module_docstring(name):
    docstring = ast.get_docstring(tree_of(name))
    assert docstring, f"{name} has no docstring"
    assert docstring.splitlines()[0].rstrip().endswith((".", ":")), "one line, then a full stop"


@pytest.mark.parametrize("name", MODULES)
def test_all_is_static_sorted_and_real(name):
    names = static_all(tree_of(name))
    assert names is not None, f"{name} has no literal __all__"
    assert list(names) == sorted(set(names))
    module = importlib.import_module(name)
    assert [entry for entry in names if not hasattr(module, entry)] == []


@pytest.mark.parametrize("name", MODULES)
def test_public_names_have_docstrings(name):
    module = importlib.import_module(name)
    public = {entry: getattr(module, entry) for entry in static_all(tree_of(name)) or ()}
    bare = [
        entry
        for entry, value in public.items()
        if (inspect.isroutine(value) or inspect.isclass(value))
        and typing.get_origin(value) is None  # an alias, which 3.10 takes for a class
        and not inspect.getdoc(value)
    ]
    assert bare == []


@pytest.mark.parametrize("name", MODULES)
def test_no_prints_and_no_asserts(name):
    tree = tree_of(name)
    asserts = [node.lineno for node in ast.walk(tree) if isinstance(node, ast.Assert)]
    prints = [
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and getattr(node.func, "id", None) == "print"
    ]
    assert (asserts, [] if unit_of(name) == "cli" else prints) == ([], [])


@pytest.mark.parametrize("name", MODULES)
def test_files_stay_small(name):
    assert len(MODULES[name].read_text(encoding="utf-8").splitlines()) <= MAX_LINES


@pytest.mark.parametrize("name", [n for n in SUBMODULES if unit_of(n) in WITHOUT_TENSORFLOW])
def test_light_modules_do_not_import_tensorflow_at_the_top(name):
    roots = {imported.split(".")[0] for imported in imported_names(name, top_only=True)}
    assert not roots & {"tensorflow", "tensorflow_probability", "tf_keras", "keras"}


@pytest.mark.parametrize("name", ["lrmf_tfp", "lrmf_tfp.cli", "lrmf_tfp.datasets"])
def test_import_leaves_tensorflow_alone(name):
    if name not in MODULES:
        pytest.fail(f"{name} does not exist")
    code = (
        f"import sys, {name}\n"
        "heavy = {'tensorflow', 'tensorflow_probability', 'tf_keras'} & set(sys.modules)\n"
        "sys.exit(', '.join(sorted(heavy)) or None)"
    )
    result = run_python(code)
    assert (result.returncode, result.stderr) == (0, "")


def test_top_level_is_lazy_and_complete():
    exported = static_all(tree_of("lrmf_tfp"))
    assert set(exported) <= set(dir(lrmf_tfp))
    with pytest.raises(AttributeError, match="no_such_name"):
        lrmf_tfp.no_such_name  # noqa: B018


def test_requirements_are_pinned():
    config = configparser.ConfigParser(interpolation=None)
    config.read(ROOT / "setup.cfg")
    lines = config["options"]["install_requires"].split("\n")
    for package, pin in PINS.items():
        assert f"{package}{pin}" in lines
    assert config["options"]["python_requires"] == ">=3.10,<3.14"
    assert "lrmf-tfp = lrmf_tfp.cli:main" in config["options.entry_points"]["console_scripts"]


def test_extra_digits_is_a_part_of_test():
    config = configparser.ConfigParser(interpolation=None)
    config.read(ROOT / "setup.cfg")
    extras = config["options.extras_require"]
    assert set(extras["digits"].split("\n")) <= set(extras["test"].split("\n"))


def test_no_other_file_configures_pytest():
    others = ("pytest.ini", ".pytest.ini", "pytest.toml", ".pytest.toml", "tox.ini")
    assert [name for name in others if (ROOT / name).exists()] == []


def test_package_is_marked_as_typed():
    assert (PACKAGE / "py.typed").exists()
