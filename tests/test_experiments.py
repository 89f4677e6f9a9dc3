"""Experiments: the runner's command line and files, and every script with its quick settings."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from experiments.common import runner as _runner
from experiments.common import seeds as _over_seeds
from experiments.digits.measures import mcnemar_p
from experiments.glow_digits.data import Digits, bits_per_dim, to_pixels

ROOT = Path(__file__).resolve().parents[1]
NAMES = (
    "colour_transfer",
    "critics",
    "digits",
    "divergences",
    "estimators",
    "gaussians",
    "glow_digits",
    "gram",
    "kl",
    "moons",
    "surfaces",
    "trajectories",
    "vanishing_gradient",
)


@dataclass(frozen=True)
class Config:
    """One field of every kind that the runner reads."""

    flow: str = "real_nvp"
    rotation: float = field(default=-50.0, metadata={"help": "100 % of the angle"})
    dims: tuple[int, ...] = (1, 2)
    limit: int | None = None
    raw: bool = False
    seed: int = 0

    def __post_init__(self):
        if self.rotation > 180.0:
            raise ValueError(f"`rotation` must be at most 180; got {self.rotation}.")

    @classmethod
    def quick(cls):
        return cls(dims=(1,))


def run(config, *, output=None):
    """Stands for an experiment."""
    if output is not None:
        (output / "picture.txt").write_text(config.flow)
    return {"seed": config.seed, "nothing": float("nan"), "array": np.arange(2)}


def parsed(*argv):
    return _runner.config_from_args(
        Config, _runner.build_parser("name", Config).parse_args(list(argv))
    )


def as_argv(config):
    """The command line that asks for this configuration."""
    argv = []
    for name, value in dataclasses.asdict(config).items():
        option = "--" + name.replace("_", "-")
        if isinstance(value, bool):
            argv.append(option if value else option.replace("--", "--no-", 1))
        elif isinstance(value, tuple):
            argv += [option, *map(str, value)]
        elif value is not None:
            argv.append(f"{option}={value}")
    return argv


@pytest.mark.parametrize(
    "config",
    [
        Config(),
        Config.quick(),
        Config(flow="affine", rotation=1e-3, dims=(5, 6, 7), limit=3, raw=True, seed=9),
    ],
)
def test_every_configuration_can_be_typed(config):
    assert parsed(*as_argv(config)) == config


def test_what_is_typed_goes_over_quick():
    assert parsed("--quick") == Config.quick()
    assert parsed("--quick", "--seed", "4", "--raw") == Config(dims=(1,), seed=4, raw=True)


def test_help_names_every_field(capsys):
    with pytest.raises(SystemExit) as caught:
        _runner.build_parser("name", Config).parse_args(["--help"])
    assert caught.value.code == 0
    told = capsys.readouterr().out
    assert all("--" + each.name in told for each in dataclasses.fields(Config))
    assert "100 % of the angle" in " ".join(told.split())


def test_runner_writes_strict_json_beside_the_pictures(tmp_path, capsys):
    output = tmp_path / "deep" / "er"
    assert _runner.run_experiment("name", Config, run, argv=["--output", str(output)]) == 0
    metrics = json.loads((output / "metrics.json").read_text(), parse_constant=pytest.fail)
    assert metrics["nothing"] is None
    assert metrics["array"] == [0, 1]
    settings = json.loads((output / "config.json").read_text())
    assert settings["dims"] == [1, 2]
    assert settings["quick"] is False
    assert sorted(entry.name for entry in output.iterdir()) == [
        "config.json",
        "metrics.json",
        "picture.txt",
    ]
    assert json.loads(capsys.readouterr().out) == metrics


def test_runner_refuses_an_output_that_cannot_be_written(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    given = ["--output", str(tmp_path / "file" / "below")]
    assert _runner.run_experiment("name", Config, run, argv=given) == 2
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert "`--output` must be a folder that can be written" in told


def test_runner_refuses_a_wrong_setting_in_one_line(tmp_path, capsys):
    given = ["--rotation", "200", "--output", str(tmp_path / "new")]
    assert _runner.run_experiment("name", Config, run, argv=given) == 2
    assert capsys.readouterr().err == (
        "experiments.name: error: `rotation` must be at most 180; got 200.0.\n"
    )
    assert not (tmp_path / "new").exists()


def test_runner_tells_missing_data_in_one_line(tmp_path, capsys):
    def missing(config, *, output=None):
        raise FileNotFoundError("`data_dir` must hold it;\n got nothing.")

    missing.__module__ = __name__
    assert _runner.run_experiment("name", Config, missing, argv=["--output", str(tmp_path)]) == 2
    told = capsys.readouterr().err
    assert told == "experiments.name: error: `data_dir` must hold it; got nothing.\n"


def test_runner_does_not_hide_errors_that_are_not_about_input(tmp_path):
    def broken(config, *, output=None):
        raise ValueError("operands could not be broadcast")

    broken.__module__ = __name__
    with pytest.raises(ValueError, match="broadcast"):
        _runner.run_experiment("name", Config, broken, argv=["--output", str(tmp_path)])


def test_a_write_that_fails_leaves_the_old_file(tmp_path):
    path = tmp_path / "a.json"
    _runner.write_json(path, {"old": 1})
    with pytest.raises(TypeError):
        _runner.write_json(path, {"new": object()})
    assert json.loads(path.read_text()) == {"old": 1}
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.json"]


def test_means_and_spreads_over_seeds_follow_the_nesting():
    per_seed = [
        {"a": 1.0, "b": {"c": 2, "ok": True, "said": "yes", "same": "x"}},
        {"a": 3.0, "b": {"c": 2, "ok": False, "said": "no", "same": "x"}},
    ]
    assert _over_seeds.mean_over_seeds(per_seed) == {
        "a": 2.0,
        "b": {"c": 2.0, "ok": False, "said": "differs", "same": "x"},
    }
    spread = _over_seeds.std_over_seeds(per_seed)
    assert spread == {"a": pytest.approx(2.0**0.5), "b": {"c": 0.0}}
    assert _over_seeds.std_over_seeds(per_seed[:1]) == {"a": 0.0, "b": {"c": 0.0}}


def test_a_picture_of_few_colours_is_the_same_picture(tmp_path):
    from matplotlib.figure import Figure
    from matplotlib.image import imread

    figure = Figure(figsize=(1.0, 1.0), dpi=50)
    figure.subplots().imshow(np.eye(4))
    for name, num_colors in (("many", None), ("few", 32)):
        _runner.save_figure(figure, tmp_path / f"{name}.png", num_colors=num_colors)
    many, few = (imread(tmp_path / f"{name}.png")[..., :3] for name in ("many", "few"))
    assert len(np.unique(few.reshape(-1, 3), axis=0)) <= 32
    np.testing.assert_allclose(few, many, atol=0.15)
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["few.png", "many.png"]


@pytest.mark.parametrize("name", NAMES)
def test_experiments_import_public_names_only(name):
    alone = ROOT / "experiments" / f"{name}.py"
    path = alone if alone.exists() else ROOT / "experiments" / name / "run.py"
    text = path.read_text(encoding="utf-8")
    assert "import lrmf_tfp as lt" in text
    assert "lrmf_tfp." not in text
    assert f"python -m experiments.{name}" in (ROOT / "experiments" / "README.md").read_text()


class _Results(dict):
    """Runs an experiment when it is first asked for, as a user would."""

    def __init__(self, folder):
        super().__init__()
        self._folder = folder

    def __missing__(self, name):
        output = self._folder / name
        command = [sys.executable, "-m", f"experiments.{name}", "--quick", "--output", str(output)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        if done.returncode == 2 and "`data_dir` must hold" in done.stderr:
            pytest.skip(f"no digits for {name}: TFDS_DATA_DIR does not hold them")
        assert done.returncode == 0, done.stderr
        self[name] = (output, json.loads((output / "metrics.json").read_text()))
        return self[name]


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    return _Results(tmp_path_factory.mktemp("results"))


@pytest.mark.slow
def test_gaussians_agree_with_the_closed_form(results):
    output, metrics = results["gaussians"]
    assert metrics["max_abs_error"] < 1e-8
    assert metrics["max_trained_gap"] < 1e-6
    assert metrics["moons_moment_error"] < 1e-3
    assert abs(metrics["over_parameterised"]["value"]) < 0.1
    pictures = {"gaussians_1d.png", "gaussians_2d.png", "affine_moons.png", "gaps.png"}
    assert pictures <= {entry.name for entry in output.iterdir()}


@pytest.mark.slow
def test_gram_measures_and_draws_every_model(results):
    output, metrics = results["gram"]
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


@pytest.mark.slow
def test_moons_has_its_numbers_and_pictures(results):
    output, metrics = results["moons"]
    assert 0.94 < metrics["label_accuracy"]["none"] < 0.98
    assert set(metrics["label_accuracy"]) == {"none", "mmd", "emd", "back_to_back", "lrmf"}
    assert 0.6 < metrics["label_accuracy"]["emd"] < 0.85  # free points take the nearest way
    assert metrics["label_accuracy"]["lrmf"] > 0.5
    assert {"value", "lower", "upper"} <= set(metrics["score"])
    pictures = {"comparison.png", "displacement.png", "steps.png", "loss.png"}
    animations = {"comparison.gif", "moons.gif"}
    assert pictures | animations <= {entry.name for entry in output.iterdir()}
    assert all((output / name).stat().st_size < 2_000_000 for name in animations)


@pytest.mark.slow
def test_critics_know_the_sweep_and_agree_with_the_exact_distance(results):
    output, metrics = results["critics"]
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


def test_glow_digits_count_bits_against_gray_values():
    """A uniform density on [0, 1] is as long as the gray values, eight bits."""
    digits = Digits(*[None] * 5, loc=0.1, scale=0.25)
    assert bits_per_dim(-256.0 * np.log(0.25), digits) == pytest.approx(8.0, rel=1e-12)
    images = np.linspace(0.0, 1.0, 256)[None]
    np.testing.assert_allclose(
        to_pixels((images - 0.1) / 0.25, digits)[0], images.reshape(16, 16), atol=1e-12
    )


@pytest.mark.slow
def test_glow_digits_reports_that_it_did_not_converge(results):
    output, metrics = results["glow_digits"]
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


@pytest.mark.slow
def test_trajectories_are_measured_and_drawn(results):
    output, metrics = results["trajectories"]
    for each in (metrics["plain"], metrics["regularised"]):
        assert each["path_length"] >= each["straight_length"] > 0.0
        assert each["kinetic_energy"] >= each["path_length"] ** 2
        assert each["solver_error"] < 1e-3
    assert metrics["regularised"]["kinetic_energy"] < metrics["plain"]["kinetic_energy"]
    assert (output / "trajectories.png").stat().st_size > 10_000


@pytest.mark.slow
def test_colour_transfer_measures_both_ways(results):
    output, metrics = results["colour_transfer"]
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


@pytest.mark.slow
def test_surfaces_measure_closeness_and_neighbourhoods(results):
    output, metrics = results["surfaces"]
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


@pytest.mark.slow
def test_divergences_knows_the_exact_fits_and_draws_the_learned_ones(results):
    output, metrics = results["divergences"]
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


@pytest.mark.slow
def test_estimators_are_compared_with_the_truth(results):
    output, metrics = results["estimators"]
    truth = metrics["truth"]
    assert truth["narrow in wide, D = 2"] == pytest.approx(2.5925815, abs=1e-5)
    for name, cells in metrics["mean"].items():
        errors = {method: abs(value - truth[name]) for method, value in cells["500"].items()}
        assert errors["nearest neighbours"] < 0.4
        assert errors["Gaussian fit"] < 0.2 or name == "equal moments, D = 1"
    assert metrics["mean"]["equal moments, D = 1"]["500"]["Gaussian fit"] < 0.05
    assert truth["equal moments, D = 1"] > 0.7
    assert (output / "estimators.png").stat().st_size > 10_000


@pytest.mark.slow
def test_kl_agrees_in_closed_form_draws_and_samples(results):
    output, metrics = results["kl"]
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


@pytest.mark.slow
def test_vanishing_gradient_has_its_law_and_its_cure(results):
    output, metrics = results["vanishing_gradient"]
    assert metrics["slope"] == pytest.approx(0.602, abs=0.01)
    assert metrics["r"] >= 0.9999
    assert metrics["exact"]["slope"] == pytest.approx(0.5765, abs=1e-3)
    assert metrics["autodiff_error"] < 1e-10
    assert set(metrics["cured"]) == {"plain", "annealed", "moments", "both"}
    assert metrics["cured_fraction"] == metrics["cured"]["both"]
    assert metrics["cured"]["plain"] == 0.0
    assert metrics["score"]["both"]["mean"] < 0.1 < metrics["score"]["plain"]["mean"] - 0.2
    assert {"law.png", "cure.png"} <= {entry.name for entry in output.iterdir()}


@pytest.mark.slow
def test_digits_measures_every_method_and_draws_it(results):
    output, metrics = results["digits"]
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


def test_exact_mcnemar_by_hand():
    first = np.array([True] * 8 + [False] * 2 + [True] * 5)
    second = np.array([False] * 8 + [True] * 2 + [True] * 5)
    # Two-sided binomial: 2 (C(10, 0) + C(10, 1) + C(10, 2)) / 2^10.
    assert mcnemar_p(first, second) == pytest.approx(2 * (1 + 10 + 45) / 1024)
    assert mcnemar_p(first, first) == 1.0
