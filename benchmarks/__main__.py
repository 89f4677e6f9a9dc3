"""Run workloads, write their table and pictures.

`python -m benchmarks` runs everything, `python -m benchmarks real_nvp ffjord` some, and `--quick`
small problems, to try out. Peers may live in an environment of their own: `--peer-python PATH`.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from pathlib import Path
from typing import Any

from tqdm import tqdm

from benchmarks._machine import conditions, last_core
from benchmarks._plots import draw_growth, draw_ratios
from benchmarks._report import merge, to_markdown
from benchmarks._runner import Settings, run_workload
from benchmarks._workload import Workload

WORKLOADS = ("real_nvp", "ffjord", "glow", "mmd", "sinkhorn", "transport", "sgemm")
_HERE = Path(__file__).resolve().parent


def main(arguments: list[str] | None = None) -> int:
    """Run what the command line names; return 0."""
    args = _parser().parse_args(arguments)
    names = args.workloads or WORKLOADS
    unknown = [name for name in names if name not in WORKLOADS]
    if unknown:
        _parser().error(f"`workloads` must be of {', '.join(WORKLOADS)}; got {unknown[0]}.")
    settings = Settings(
        python=sys.executable,
        peer_python=args.peer_python or sys.executable,
        core=last_core() if args.core is None else args.core,
        turns=args.turns,
        quick=args.quick,
    )
    output = args.output or (Path("results/benchmarks") if args.quick else _HERE / "results")
    run(
        [importlib.import_module(f"benchmarks.{name}").WORKLOAD for name in names],
        settings,
        output,
    )
    print(f"wrote {output / 'results.md'}", file=sys.stderr)
    return 0


def run(workloads: list[Workload], settings: Settings, output: Path) -> dict[str, Any]:
    """Run workloads, write results, table and pictures after each, and return all results."""
    output.mkdir(parents=True, exist_ok=True)
    results: dict[str, Any] = {}
    total = sum(len(each.quick if settings.quick else each.problems) for each in workloads)
    with tqdm(total=total, unit="problem", file=sys.stderr) as bar:
        for workload in workloads:
            fresh = {
                "title": workload.title,
                "unit": workload.unit,
                "base": workload.base,
                "turns": settings.turns,
                "conditions": conditions(settings.core),
                "rows": run_workload(workload, settings, bar),
            }
            results = merge(output / "results.json", {workload.name: fresh})
            _write(results, output)
    return results


def _write(results: dict[str, Any], output: Path) -> None:
    (output / "results.md").write_text(to_markdown(results), encoding="utf-8")
    for name, figure in (("results", draw_ratios(results)), ("growth", draw_growth(results))):
        if figure is not None:
            figure.savefig(output / f"{name}.png")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=(__doc__ or "").splitlines()[0]
    )
    add = parser.add_argument
    add("workloads", nargs="*", help=f"of {', '.join(WORKLOADS)} (default: all)")
    add("--peer-python", help="interpreter of an environment that has the peers")
    add("--turns", type=_at_least_five, default=9, help="of each side (default: 9)")
    add("--core", type=int, help="that all sides share (default: the last one)")
    add("--output", type=Path, help="folder of the results (default: benchmarks/results)")
    add("--quick", action="store_true", help="small problems, into results/benchmarks")
    return parser


def _at_least_five(text: str) -> int:
    if not text.isdigit() or int(text) < 5:
        raise argparse.ArgumentTypeError(f"`turns` must be at least 5; got {text}.")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
