"""What the three commands do once their input is known to be good.

TensorFlow is imported here, inside the functions and with its chatter held back.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lrmf_tfp import __version__
from lrmf_tfp.cli import results
from lrmf_tfp.cli.inputs import AlignInputs, ScoreInputs, TransformInputs
from lrmf_tfp.cli.quiet import prepare_environment, silenced_stderr
from lrmf_tfp.cli.workspace import Workspace
from lrmf_tfp.datasets import write_samples
from lrmf_tfp.samples.sample import Sample

if TYPE_CHECKING:
    from lrmf_tfp.alignment import Alignment
    from lrmf_tfp.alignment.aligner import Aligner
    from lrmf_tfp.evaluation import AlignmentScore

__all__ = ["run_align", "run_score", "run_transform"]


def run_align(inputs: AlignInputs, workspace: Workspace, *, resume: bool, as_json: bool) -> str:
    """Fit, write every result to the workspace, and return the text for stdout."""
    settings: dict[str, Any] = {
        "seed": inputs.seed,
        "steps": inputs.steps,
        "restarts": inputs.restarts,
    }
    aligner = _make_aligner(inputs.flow, objective=inputs.objective, **settings)
    source, target = inputs.source, inputs.target
    aligner.fit(source, target, checkpoint_dir=str(workspace.checkpoints), resume=resume)
    after = aligner.score(source, target)
    before = after
    if inputs.flow != "identity":
        sys.stderr.write("scoring SOURCE as it is, for comparison\n")
        # With the family of densities that the score after is measured with.
        before = _score_as_is(source, target, like=inputs.flow, **settings)
    moved = np.asarray(aligner.transform(source))
    accuracy = _label_accuracy(source, target, moved)
    report = {
        **after._asdict(),
        "before": before._asdict(),
        "after": after._asdict(),
        **({} if accuracy is None else {"label_accuracy": accuracy}),
        "flow": inputs.flow,
        "objective": inputs.objective,
        "seed": inputs.seed,
        "version": __version__,
    }
    _write_results(inputs, workspace.staging, aligner=aligner, moved=moved, score=after)
    results.write_json(workspace.staging / "score.json", report)
    workspace.commit()
    if as_json:
        return results.to_json_line(report)
    return results.to_lines({**results.flattened(report), "output": str(inputs.output)})


def run_transform(inputs: TransformInputs, *, inverse: bool) -> str:
    """Move the input with a saved model, write it, and return the text for stdout."""
    alignment = _load(inputs.model)
    move = alignment.inverse_transform if inverse else alignment.transform
    try:
        moved = np.asarray(move(inputs.samples))
    except ValueError as error:
        raise ValueError(str(error).replace("`x`", "`INPUT`", 1)) from error
    write_samples(inputs.output, moved, like=inputs.input_file)
    return results.to_lines({"rows": len(moved), "output": str(inputs.output)})


def run_score(inputs: ScoreInputs, *, as_json: bool) -> str:
    """Score the pair as it is or moved by a saved model; return the text for stdout."""
    if inputs.model is None:
        score = _score_as_is(inputs.source, inputs.target, seed=inputs.seed)
    else:
        score = _load(inputs.model).score(inputs.source, inputs.target)
    report = score._asdict()
    return results.to_json_line(report) if as_json else results.to_lines(report)


def _make_aligner(
    flow: str,
    *,
    objective: str = "lrmf",
    density_like: str | None = None,
    seed: int,
    steps: int | None = None,
    restarts: int | None = None,
) -> Aligner:
    prepare_environment()
    with silenced_stderr():
        from lrmf_tfp.alignment.aligner import Aligner
        from lrmf_tfp.names import FLOWS, named
        from lrmf_tfp.objectives import LRMF
        from lrmf_tfp.training import FitConfig
    config = None if steps is None else FitConfig(num_steps=steps)
    if density_like is None:
        aligner = Aligner(flow, objective, config=config, seed=seed, progress=True)
    else:
        family = LRMF(density=named(density_like, "flow", FLOWS).density)
        aligner = Aligner(flow, family, config=config, seed=seed, progress=True)
    return aligner if restarts is None else aligner.set_params(num_restarts=restarts)


def _load(model: Path) -> Alignment:
    prepare_environment()
    with silenced_stderr():
        from lrmf_tfp.alignment import load

        return load(str(model))


def _score_as_is(
    source: Sample, target: Sample, *, like: str | None = None, **settings: Any
) -> AlignmentScore:
    """Score two samples before any alignment, with the family of densities that goes with a flow.

    Other settings go to `_make_aligner`.
    """
    aligner = _make_aligner("identity", density_like=like, **settings)
    return aligner.fit(source, target).score(source, target)


def _label_accuracy(
    source: Sample, target: Sample, moved: np.ndarray[Any, Any]
) -> dict[str, float] | None:
    if source.labels is None or target.labels is None:
        return None
    from lrmf_tfp.evaluation import label_accuracy

    labels = (source.labels, target.values, target.labels)
    return {
        "before": float(label_accuracy(source.values, *labels)),
        "after": float(label_accuracy(moved, *labels)),
    }


def _write_results(
    inputs: AlignInputs,
    folder: Path,
    *,
    aligner: Aligner,
    moved: np.ndarray[Any, Any],
    score: AlignmentScore,
) -> None:
    with silenced_stderr():
        from lrmf_tfp import plotting

        aligner.save(str(folder / "model"))
    source, target = inputs.source, inputs.target
    file = inputs.source_file
    write_samples(folder / f"aligned.{file.kind}", moved, like=file)
    results.write_history(folder / "history.csv", aligner.history)
    alignment = plotting.plot_alignment(
        source.values,
        moved,
        target.values,
        source_labels=source.labels,
        target_labels=target.labels,
        score=score,
    )
    alignment.savefig(folder / "alignment.png", dpi=150)
    plotting.plot_history(aligner.history, score=score).savefig(folder / "loss.png", dpi=150)
