"""Every experiment with its quick settings, as a user runs it.

Which there are is found by looking. What must hold for all is asked of each; a function
`check_NAME` below asks more of that one. The quickest are in the slow lane, the rest, which take
minutes, in the long one.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from experiments.common.catalogue import experiments

ROOT = Path(__file__).resolve().parents[2]
QUICKEST = {"colour_transfer", "estimators"}


def run_quick(name, output):
    """Returns what the experiment printed; skips where it needs digits that are not there."""
    command = [sys.executable, "-m", f"experiments.{name}", "--quick", "--output", str(output)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode == 2 and "`data_dir` must hold" in done.stderr:
        pytest.skip(f"no digits for {name}: TFDS_DATA_DIR does not hold them")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout, parse_constant=pytest.fail)


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.slow if name in QUICKEST else pytest.mark.long)
        for name in experiments()
    ],
)
def test_quick_settings_run(name, tmp_path):
    told = run_quick(name, tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    assert config["experiment"] == name
    assert config["quick"] is True
    assert "seed" in config
    metrics = json.loads((tmp_path / "metrics.json").read_text(), parse_constant=pytest.fail)
    assert told == {key: value for key, value in metrics.items() if key != "per_seed"}
    assert len(metrics) > 1  # more than the seconds
    pictures = list(tmp_path.glob("*.png"))
    assert pictures
    assert all(picture.stat().st_size > 5_000 for picture in pictures)
    more = globals().get(f"check_{name}")
    if more is not None:
        more(tmp_path, metrics)


def test_every_check_is_of_an_experiment():
    checked = {name.removeprefix("check_") for name in globals() if name.startswith("check_")}
    assert checked | QUICKEST <= set(experiments())


def check_gaussians(output, metrics):
    assert metrics["max_abs_error"] < 1e-8
    assert metrics["max_trained_gap"] < 1e-6
    assert metrics["moons_moment_error"] < 1e-3
    assert abs(metrics["over_parameterised"]["value"]) < 0.1
    pictures = {"gaussians_1d.png", "gaussians_2d.png", "affine_moons.png", "gaps.png"}
    assert pictures <= {entry.name for entry in output.iterdir()}


def check_gram(output, metrics):
    for name in ("gram", "mmd_net", "mmd_gan", "gan"):
        found = metrics[name]
        assert {"modes", "high_quality", "mmd_squared", "seconds"} <= set(found)
        assert 0 <= found["modes"] <= 8
        assert 0.0 <= found["high_quality"] <= 1.0
        assert found["mmd_squared"] >= 0.0
        assert set(metrics["per_seed"][0]["grid"][name]) == {"2/20", "16/20"}
    # Few steps: all that can be asked for is that the kernels already found the ring's size.
    assert metrics["mmd_net"]["mmd_squared"] < 0.1
    assert {"pearson", "mean_ratio"} <= set(metrics["gram"])
    assert metrics["data"]["modes"] == 8
    assert metrics["data"]["high_quality"] == pytest.approx(0.9889, abs=0.006)
    pictures = {"ring.png", "traces.png", *(f"grid_{name}.png" for name in ("gram", "gan"))}
    assert pictures <= {entry.name for entry in output.iterdir()}
    assert (output / "ring.gif").stat().st_size < 2_000_000


def check_moons(output, metrics):
    assert 0.94 < metrics["label_accuracy"]["none"] < 0.98
    assert set(metrics["label_accuracy"]) == {"none", "mmd", "emd", "back_to_back", "lrmf"}
    assert 0.6 < metrics["label_accuracy"]["emd"] < 0.85  # free points take the nearest way
    assert metrics["label_accuracy"]["lrmf"] > 0.5
    assert {"value", "lower", "upper"} <= set(metrics["score"])
    pictures = {"comparison.png", "displacement.png", "steps.png", "loss.png"}
    animations = {"comparison.gif", "moons.gif"}
    assert pictures | animations <= {entry.name for entry in output.iterdir()}
    assert all((output / name).stat().st_size < 2_000_000 for name in animations)


def check_critics(output, metrics):
    assert metrics["sweep"]["max_abs_error"] < 1e-5
    slopes = metrics["sweep"]["slopes_once_apart"]
    assert np.allclose(slopes["w1"], 1.0, rtol=0.0, atol=1e-6)
    assert np.allclose(slopes["jensen_shannon"], 0.0, rtol=0.0, atol=1e-9)
    for distance in [metrics["w1_lp"], *metrics["w1_by_method"].values()]:
        assert distance == pytest.approx(metrics["w1_exact"], abs=1e-9)
    assert metrics["w1_exact"] == pytest.approx(metrics["w1_difference_of_means"], abs=1e-12)
    assert metrics["w1_slope_on_gap"] == pytest.approx([-1.0, -1.0], abs=1e-9)
    assert metrics["witness_identity_error"] < 1e-12
    assert metrics["critic_sup_norm"] <= metrics["critic_sup_norm_limit"]
    together, apart = metrics["learned"]["overlapping"], metrics["learned"]["disjoint"]
    assert together["kl"] == pytest.approx(0.0571489385, abs=1e-8)
    assert 0.5 * together["kl"] < together["bound"] < together["kl"] + 0.003
    assert apart["grows_at_every_step"]
    assert apart["bound"]["last"] > apart["bound"]["200"] > 0.3
    assert apart["slope_on_gap"][1] < 0.0
    pictures = {"non_overlap.png", "critics.png", "learned.png"}
    assert pictures <= {entry.name for entry in output.iterdir()}


def check_glow_digits(output, metrics):
    private = metrics["private"]
    methods = ("identity", "plain", "longer", "polyak", "back_to_back", "gaussian_ot")
    for found in (metrics[name] for name in methods):
        assert found["lower"] <= found["value"] <= found["upper"]
        assert found["value"] == pytest.approx(found["source_part"] + found["target_part"])
        assert found["bits_per_dim"] == pytest.approx(found["value"] / (256 * np.log(2.0)))
        for domain in ("source", "target"):  # all scores are counted from the same private fits
            assert found[f"private_nll_{domain}"] == pytest.approx(private[f"nll_{domain}"])
        for way in ("forward", "inverse"):
            assert set(found["accuracy"][way]) == {"1nn", "svm"}
    assert metrics["converged"] is metrics["plain"]["converged"] is False
    assert metrics["plain_over_seeds"] == [metrics["plain"]["value"]]
    assert metrics["mixture"]["value"] <= 2.0 * np.log(2.0) + 1e-6
    assert metrics["ceiling"]["accuracy"]["forward"]["1nn"] > 0.8
    assert {"panel.png", "loss.png", "trade.png"} <= {entry.name for entry in output.iterdir()}


def check_trajectories(output, metrics):
    for each in (metrics["plain"], metrics["regularised"]):
        assert each["path_length"] >= each["straight_length"] > 0.0
        assert each["kinetic_energy"] >= each["path_length"] ** 2
        assert each["solver_error"] < 1e-3
    assert metrics["regularised"]["kinetic_energy"] < metrics["plain"]["kinetic_energy"]
    assert (output / "trajectories.png").stat().st_size > 10_000


def check_colour_transfer(output, metrics):
    methods = {"mean_variance", "coral", "gaussian_ot", "emd", "lrmf"}
    for way in ("china", "flower"):
        distances = metrics["energy_distance"][way]
        assert set(distances) == methods | {"none"}
        assert all(distances[name] < 0.5 * distances["none"] for name in methods)
        outside = metrics["out_of_gamut"][way]
        assert outside["lrmf"] == outside["none"] == 0.0
        assert outside["gaussian_ot"] > 0.0
        assert set(metrics["roughness"][way]) == methods
        # What is clipped does not come back.
        assert metrics["round_trip"][way]["lrmf"] < 1e-4 < metrics["round_trip"][way]["coral"]
    assert metrics["score"]["lower"] < metrics["score"]["value"] < metrics["score"]["upper"]
    assert {"recoloured.png", "measures.png"} <= {entry.name for entry in output.iterdir()}


def check_surfaces(output, metrics):
    for measure in ("neighbours_kept", "trustworthiness", "continuity"):
        found = metrics[measure]
        assert set(found) == {"gaussian_ot", "emd", "lrmf", "exact"}
        assert all(0.4 < value <= 1.0 for value in found.values())
        assert found["emd"] < found["gaussian_ot"]  # a linear map tears nothing apart
    assert metrics["energy_distance"]["exact"] < metrics["energy_distance"]["gaussian_ot"]
    # Noise of 0.03 on each axis lies about 0.03 * sqrt(2 / pi) off the surface.
    assert metrics["surface_distance"]["target"] == pytest.approx(0.0239, abs=0.003)
    assert metrics["surface_distance"]["exact"] == pytest.approx(0.0239, abs=0.003)
    assert metrics["score"]["lower"] < metrics["score"]["value"] < metrics["score"]["upper"]
    assert {"surfaces.png", "neighbourhoods.png"} <= {entry.name for entry in output.iterdir()}


def check_divergences(output, metrics):
    exact = metrics["exact"]
    assert exact["forward"]["divergence"] == pytest.approx(0.68719961, abs=1e-6)
    assert exact["forward"]["mean"] == pytest.approx([2.625, 3.75], abs=1e-12)
    assert exact["reverse"]["divergence"] == pytest.approx(0.28735861, abs=1e-6)
    assert exact["reverse"]["mean"] == pytest.approx([0.50228, 2.00074], abs=1e-4)
    assert np.ravel(exact["reverse"]["cov"]) == pytest.approx(
        [4.01486, 0.00494, 0.00494, 1.50159], abs=1e-4
    )
    assert exact["reverse_local"]["divergence"] == pytest.approx(1.38543436, abs=1e-6)
    assert exact["reverse_local"]["mean"] == pytest.approx([8.99823, 8.9954], abs=1e-4)
    assert metrics["maximum_likelihood"]["divergence"] == pytest.approx(0.6872, abs=0.01)
    confined = metrics["sigmoid_critic"]
    assert confined["forward"] == pytest.approx({"bound": 0.2807, "exact": 0.6872}, abs=1e-4)
    assert confined["reverse"] == pytest.approx({"bound": 0.4351, "exact": 1.9249}, abs=1e-4)
    for direction in ("forward", "reverse"):  # few steps, so only that both are under way
        assert {"mean", "cov", "bound"} <= set(metrics[direction])
        assert metrics[direction]["divergence"] < 4.0
    assert {"fits.png", "bounds.png"} <= {entry.name for entry in output.iterdir()}


def check_estimators(output, metrics):
    truth = metrics["truth"]
    assert truth["narrow in wide, D = 2"] == pytest.approx(2.5925815, abs=1e-5)
    for name, cells in metrics["mean"].items():
        errors = {method: abs(value - truth[name]) for method, value in cells["500"].items()}
        assert errors["nearest neighbours"] < 0.4
        assert errors["Gaussian fit"] < 0.2 or name == "equal moments, D = 1"
    assert metrics["mean"]["equal moments, D = 1"]["500"]["Gaussian fit"] < 0.05
    assert truth["equal moments, D = 1"] > 0.7
    assert (output / "estimators.png").stat().st_size > 10_000


def check_kl(output, metrics):
    assert metrics["closed_form"] == pytest.approx(2.5925814637, abs=1e-10)
    assert metrics["monte_carlo"] == pytest.approx(2.5925814637, abs=0.045)
    assert metrics["other_direction"]["closed_form"] == pytest.approx(13.4174185363, abs=1e-9)
    assert metrics["line"]["quadrature"]["kl"] == pytest.approx(0.4431471806, abs=1e-8)
    assert metrics["classifier"] == pytest.approx(0.4431471806, abs=0.1)
    assert 1.0 < metrics["imbalance"]["raw_shift"] < 1.7
    assert all(entry["low"] < entry["high"] for entry in metrics["acceptance"].values())
    pictures = {
        "estimators.png",
        "joint.png",
        "log_ratio.png",
        "prescribed.png",
        "running_mean.png",
        "scatter.png",
        "spread.png",
        "squared_error.png",
    }
    assert pictures <= {entry.name for entry in output.iterdir()}


def check_vanishing_gradient(output, metrics):
    assert metrics["slope"] == pytest.approx(0.602, abs=0.01)
    assert metrics["r"] >= 0.9999
    assert metrics["exact"]["slope"] == pytest.approx(0.5765, abs=1e-3)
    assert metrics["autodiff_error"] < 1e-10
    assert set(metrics["cured"]) == {"plain", "annealed", "moments", "both"}
    assert metrics["cured_fraction"] == metrics["cured"]["both"]
    assert metrics["cured"]["plain"] == 0.0
    assert metrics["score"]["both"]["mean"] < 0.1 < metrics["score"]["plain"]["mean"] - 0.2
    assert {"law.png", "cure.png"} <= {entry.name for entry in output.iterdir()}


def check_digits(output, metrics):
    methods = {"none", "coral", "gaussian", "emd", "mmd", "lrmf"}
    for kind in ("accuracy_1nn", "accuracy_logistic"):
        assert set(metrics[kind]) == methods
        assert all(0.15 < value <= 1.0 for value in metrics[kind].values())  # chance is 0.1
    assert set(metrics["mcnemar_p"]) == methods - {"lrmf"}
    assert all(0.0 <= value <= 1.0 for value in metrics["mcnemar_p"].values())
    score = metrics["score"]
    assert score["lower"] <= score["value"] <= score["upper"]
    assert not score["converged"]  # after so few steps
    names = ("accuracy", "moved", "projection", "loss")
    pictures = {"embedding.png", *(f"{name}_usps_to_mnist.png" for name in names)}
    assert pictures <= {entry.name for entry in output.iterdir()}
