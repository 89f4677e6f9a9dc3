"""The shape of the package in figures: `python -m benchmarks.structure` prints them as a table.

How deep a call goes is measured on a running fit; the rest is read off the syntax trees.
"""

from __future__ import annotations

import ast
import inspect
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import quantiles
from typing import Any

ROOT = Path(__file__).resolve().parents[1] / "lrmf_tfp"


def trees() -> Iterator[tuple[Path, ast.Module]]:
    """Yield each file of the package with its syntax tree."""
    for path in sorted(ROOT.rglob("*.py")):
        yield path, ast.parse(path.read_text(encoding="utf-8"))


def functions() -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Yield every function and method of the package."""
    for _, tree in trees():
        for node in ast.walk(tree):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                yield node


def arguments_of(function: ast.FunctionDef | ast.AsyncFunctionDef) -> list[ast.arg]:
    """Return the arguments of a function but for `self` and `cls`."""
    args = function.args
    every = [*args.posonlyargs, *args.args, *args.kwonlyargs]
    return [argument for argument in every if argument.arg not in ("self", "cls")]


def share_of_any() -> float:
    """Return the share of arguments annotated as plain `Any`."""
    every = [argument for function in functions() for argument in arguments_of(function)]
    plain = [a for a in every if isinstance(a.annotation, ast.Name) and a.annotation.id == "Any"]
    return len(plain) / len(every)


def body_length(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Return the lines of a function's body without its docstring."""
    body = function.body[1:] if ast.get_docstring(function) else function.body
    return 0 if not body else (body[-1].end_lineno or 0) - body[0].lineno + 1


def names_on_faces() -> int:
    """Return how many names the packages below the top level export."""
    total = 0
    for path, tree in trees():
        if path.name != "__init__.py" or path.parent.parent != ROOT:
            continue
        if path.parent.name.startswith("_"):
            continue
        for node in tree.body:
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
                total += len(ast.literal_eval(node.value))
    return total


def private_modules() -> list[str]:
    """Return the private modules and packages at the top level."""
    names = {path.name for path in ROOT.iterdir() if path.name.startswith("_")}
    return sorted(names - {"__init__.py", "__pycache__"})


def frames_to_the_step() -> int:
    """Return how many frames of the package lie on the stack at an optimiser's update."""
    import lrmf_tfp as lt

    depths: list[int] = []

    @dataclass(frozen=True)
    class Watched(lt.optimizers.SGD):
        def update(self, *args: Any, **kwargs: Any) -> Any:
            depths.append(own_frames() + 1)  # and the update itself
            return super().update(*args, **kwargs)

    pair = lt.datasets.gaussians(40, num_dims=2, seed=0)
    config = lt.FitConfig(
        num_steps=2, steps_per_call=2, optimizer=Watched(1e-3), jit_compile=False
    )
    lt.Aligner("affine", config=config, num_restarts=1).fit(pair.source, pair.target)
    return max(depths)


def hops_of_transform() -> int:
    """Return how many calls of the package lead to the compiled function of `transform`."""
    import lrmf_tfp as lt

    pair = lt.datasets.gaussians(40, num_dims=2, seed=0)
    aligner = lt.Aligner("mean_variance", None).fit(pair.source, pair.target)
    module, depths = aligner.alignment_.module, []

    class Watched:
        def get_concrete_function(self, *specs: Any) -> Any:
            depths.append(own_frames())
            return compiled.get_concrete_function(*specs)

    compiled, module.transform = module.transform, Watched()
    aligner.transform(pair.source)
    return max(depths)


def own_frames() -> int:
    """Return how many frames of the package, lambdas and the like apart, are on the stack."""
    return sum(
        frame.filename.startswith(str(ROOT)) and not frame.function.startswith("<")
        for frame in inspect.stack()
    )


def table() -> dict[str, tuple[str, str]]:
    """Return what was measured and what is aimed at, by name."""
    bodies = [body_length(function) for function in functions()]
    counts = [len(arguments_of(function)) for function in functions()]
    returns = [function.returns is not None for function in functions()]
    lines = [len(path.read_text().splitlines()) for path, _ in trees()]
    private = private_modules()
    return {
        "frames from Aligner.fit to the optimiser step": (str(frames_to_the_step()), "7"),
        "hops of one transform call": (str(hops_of_transform()), "3"),
        "arguments typed Any": (f"{100 * share_of_any():.1f} %", "1 %"),
        "private modules at the top level": (f"{len(private)} ({', '.join(private)})", "2"),
        "names on package faces": (str(names_on_faces()), "below 244"),
        "files; lines of the longest": (f"{len(lines)}; {max(lines)}", "; 300"),
        "90th percentile of a function's body, lines": (
            f"{quantiles(bodies, n=10)[-1]:.0f}",
            "25",
        ),
        "90th percentile of arguments": (f"{quantiles(counts, n=10)[-1]:.0f}", "5"),
        "functions with annotated results": (
            f"{100 * sum(returns) / len(returns):.0f} %",
            "100 %",
        ),
    }


def main() -> None:
    """Print the table."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    rows = table()
    width = max(map(len, rows))
    sys.stdout.write(f"| {'figure':{width}} | measured | aim |\n|{'-' * (width + 2)}|---|---|\n")
    for name, (value, aim) in rows.items():
        sys.stdout.write(f"| {name:{width}} | {value} | {aim} |\n")


if __name__ == "__main__":
    main()
