"""`python -m experiments` lists the experiments; with a name behind it, it runs that one."""

from __future__ import annotations

import runpy
import sys

from experiments.common.catalogue import experiments


def main() -> int:
    """List the experiments, or run one as `python -m experiments.NAME` does.

    Returns:
        The exit status: 0, or 2 after one line on standard error if there is no such experiment.
    """
    known, (name, *rest) = experiments(), sys.argv[1:] or ["--help"]
    if name in ("-h", "--help"):
        print("usage: python -m experiments NAME [--quick] [--seed S] [--output DIR] [...]\n")
        width = max(map(len, known))
        print(*(f"  {name:{width}}  {title}" for name, title in known.items()), sep="\n")
        return 0
    if name not in known:
        told = f"`NAME` must be among {', '.join(known)}; got {name!r}."
        print(f"experiments: error: {told}", file=sys.stderr)
        return 2
    sys.argv[1:] = rest
    runpy.run_module(f"experiments.{name}", run_name="__main__", alter_sys=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
