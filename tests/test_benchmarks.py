"""The runner, its table and pictures, with sides that take a known time; no peer is needed.

The slow ones measure: two dozen processes, whose times a busy machine spoils.
"""

from __future__ import annotations

import ast
import importlib
import json
import math
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks import __main__ as command
from benchmarks._data import samples
from benchmarks._report import digits, merge, slope, to_markdown
from benchmarks._runner import Settings, Timed, summarise
from benchmarks._workload import OURS, Problem, Side, Target, Task, Workload

ROOT = Path(__file__).resolve().parents[1]
WORKLOADS = {
    name: importlib.import_module(f"benchmarks.{name}").WORKLOAD for name in command.WORKLOADS
}


def spinning(*, milliseconds, factor=1.0):
    """A side, run in a process of its own, that keeps the processor busy."""

    def run(_):
        began = time.process_time()
        while time.process_time() - began < factor * milliseconds / 1e3:
            pass

    return Task(run, lambda _: {"error": 0.5})


def spinning_longer(*, milliseconds):
    return spinning(milliseconds=milliseconds, factor=3.0)


def failing(*, milliseconds):
    raise ArithmeticError(f"no {milliseconds} today")


def fake_workload(*targets):
    def side(name, function, package="numpy", **others):
        return Side(name, f"tests.test_benchmarks:{function}", (package,), **others)

    sides = (
        side("slow", "spinning_longer", peer=True),
        side(OURS, "spinning"),
        side("broken", "failing"),
        side("absent", "spinning", "no-such-package"),
    )
    growing = (
        Problem(f"size {n}", {"milliseconds": n / 4}, (OURS, "slow"), growth=("size", n))
        for n in (1, 2, 4)
    )
    problems = (Problem("one", {"milliseconds": 1.0}, targets=targets), *growing)
    return Workload("fake", "Fake work", "step", sides, (), problems)


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """The results of one run, and the folder they are in."""
    output = tmp_path_factory.mktemp("benchmarks")
    targets = (Target(0.5, "slow"), Target(0.1, "slow"), Target(0.1, fact="error"))
    settings = Settings(
        python=command.sys.executable,
        peer_python=command.sys.executable,
        core=command.last_core(),
        turns=5,
        quick=True,
    )
    return command.run([fake_workload(*targets)], settings, output), output


def row_of(results, side):
    return next(row for row in results["fake"]["rows"] if row["side"] == side)


@pytest.mark.slow
def test_times_and_ratios_are_those_of_the_sides(written):
    results, _ = written
    assert results["fake"]["rows"][0]["side"] == OURS
    assert row_of(results, OURS)["ms"]["median"] == pytest.approx(1.0, rel=0.3)
    assert row_of(results, "slow")["ms"]["median"] == pytest.approx(3.0, rel=0.3)
    assert row_of(results, "slow")["ours_over"]["median"] == pytest.approx(1 / 3, rel=0.3)
    assert row_of(results, "slow")["ms"]["turns"] == 5


@pytest.mark.slow
def test_a_side_that_fails_or_is_missing_is_a_row(written):
    results, output = written
    assert row_of(results, "broken")["failure"] == "ArithmeticError: no 1.0 today"
    assert row_of(results, "absent")["failure"] == "not installed: no-such-package"
    assert "not installed: no-such-package" in (output / "results.md").read_text("utf-8")


@pytest.mark.slow
def test_missed_targets_are_stated_first(written):
    results, output = written
    assert [each["met"] for each in row_of(results, "slow")["targets"]] == [True, False]
    assert [each["met"] for each in row_of(results, OURS)["targets"]] == [False]
    text = (output / "results.md").read_text("utf-8")
    assert "1 of 3 targets met" in text
    assert "- Fake work, one, slow: ≤ 0.1 **missed** at 0.3" in text
    assert "- Fake work, one, ours: error ≤ 0.1 **missed** at 0.5" in text


@pytest.mark.slow
def test_versions_and_conditions_are_told(written):
    results, output = written
    assert row_of(results, OURS)["versions"] == {"numpy": np.__version__}
    assert {"date", "processor", "load", "core"} <= set(results["fake"]["conditions"])
    assert json.loads((output / "results.json").read_text("utf-8")) == results


@pytest.mark.slow
def test_pictures_are_drawn(written):
    _, output = written
    for name in ("results.png", "growth.png"):
        assert (output / name).read_bytes().startswith(b"\x89PNG")


@pytest.mark.slow
def test_there_is_no_picture_of_nothing(written):
    from benchmarks._plots import draw_growth, draw_ratios

    results, _ = written
    alone = {"fake": results["fake"] | {"base": "slow", "rows": []}}
    assert draw_ratios(alone) is None
    assert draw_growth(alone) is None


def test_ratios_are_taken_within_each_turn():
    # the ratio of the medians is 0.5
    ours = Timed(Side(OURS, "", ()), processor=[1.0, 10.0, 2.0], clock=[9.0] * 3)
    peer = Timed(Side("peer", "", ()), processor=[4.0, 5.0, 1.0], clock=[1.0] * 3)
    row = summarise(Problem("p", {}, targets=(Target(2.0, "peer"),)), peer, ours)
    assert row["ours_over"] == {"median": 2.0, "min": 0.25, "max": 2.0, "turns": 3}
    assert row["targets"] == [{"what": "≤ 2", "fact": "", "value": 2.0, "met": True}]


def test_a_target_that_was_not_measured_is_neither_met_nor_missed():
    side = Side("peer", "", ())
    missing, ours = Timed(side, failure="not installed: it"), Timed(side, processor=[1.0])
    row = summarise(Problem("p", {}, targets=(Target(2.0, "peer"),)), missing, ours)
    assert row["targets"][0]["met"] is None


@pytest.mark.parametrize(
    ("target", "value", "met"),
    [
        (Target(0.5), 0.5, True),
        (Target(0.5), 0.51, False),
        (Target(0.5), math.nan, False),
        (Target(0.5, at_least=True), 0.51, True),
        (Target(0.5, at_least=True), 0.49, False),
    ],
)
def test_targets_are_met_on_their_side_of_the_limit(target, value, met):
    assert target.met_by(value) is met


def test_growth_is_the_power_of_the_best_line():
    assert slope([(n, 3.0 * n**2) for n in (1, 2, 4, 8)]) == pytest.approx(2.0)


@pytest.mark.slow
def test_growth_is_stated_as_a_power(written):
    results, output = written
    assert "| Fake work, size | ours |" in (output / "results.md").read_text("utf-8")
    assert "size 4" not in to_markdown(results)  # growth has a table of its own


@pytest.mark.parametrize(
    ("value", "text"), [(0.01234, "0.0123"), (12.34, "12.3"), (2345.6, "2,346")]
)
def test_figures_are_readable(value, text):
    assert digits(value) == text


def test_workloads_that_were_not_run_stay(tmp_path):
    path = tmp_path / "results.json"
    merge(path, {"one": {"rows": [1]}, "two": {"rows": []}})
    assert merge(path, {"one": {"rows": [2]}}) == {"one": {"rows": [2]}, "two": {"rows": []}}


@pytest.mark.parametrize("name", WORKLOADS)
def test_workloads_name_what_exists(name):
    workload = WORKLOADS[name]
    known = {side.name for side in workload.sides}
    problems = (*workload.problems, *workload.quick)
    assert workload.name == name
    assert workload.base in known
    assert len(known) == len(workload.sides)
    assert len({problem.name for problem in problems}) == len(problems)
    for problem in problems:
        assert workload.sides_of(problem)[0].name == workload.base
        assert set(problem.sides) <= known
        assert {target.side for target in problem.targets} <= set(problem.sides or known)


@pytest.mark.parametrize(
    "side", [s for w in WORKLOADS.values() for s in w.sides], ids=lambda side: side.make
)
def test_sides_name_a_function_that_exists(side):
    module, function = side.make.split(":")
    tree = ast.parse((ROOT / f"{module.replace('.', '/')}.py").read_text("utf-8"))
    names = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    names |= {n.id for node in tree.body if isinstance(node, ast.Assign) for n in node.targets}
    assert function in names


def test_operations_of_the_conditioners_by_hand():
    from benchmarks.real_nvp import conditioner_flops

    # 1 -> 1 -> 2: 2 + 4 forward, twice that backward, but no gradient of the data
    flops = conditioner_flops(2, batch_size=1, num_layers=1, hidden_units=[1])
    assert flops == 6 + 2 * 6 - 2


def test_the_reference_log_det_is_that_of_its_own_map():
    from benchmarks.ffjord._field import kernels, solve

    weights, x, step = kernels(2, [8], 2.0), samples(4, 2).astype(float), 1e-5
    moved = [
        solve(x + step * shift, weights, num_steps=40)[0] for shift in (*np.eye(2), *-np.eye(2))
    ]
    jacobian = (np.stack(moved[:2], -1) - np.stack(moved[2:], -1)) / (2 * step)
    exact = np.linalg.slogdet(jacobian)[1]
    np.testing.assert_allclose(solve(x, weights, num_steps=40)[1], exact, atol=1e-5)


def test_sides_take_their_cheapest_setting_that_is_exact_enough():
    from benchmarks import ffjord

    errors = {OURS: lambda steps: 64.0 / steps**4, "zuko": lambda tolerance: tolerance}
    problem = replace(ffjord.WORKLOAD.problems[0], sides=(OURS, "zuko", "tfb.FFJORD"))

    def ask(name, setting):
        return {"error": errors[name](setting)} if name in errors else {}

    # 64 / 32**4 = 6e-5, and what cannot tell its error takes the last
    assert ffjord.settle(problem, ask) == {OURS: 32, "zuko": 1e-4, "tfb.FFJORD": 1e-8}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(["--turns", "4"], "`turns` must be at least 5; got 4"), (["nothing"], "got nothing")],
)
def test_bad_arguments_are_one_line(arguments, message, capsys):
    with pytest.raises(SystemExit):
        command.main(arguments)
    assert message in capsys.readouterr().err
