"""What experiments share: command line and files, checks of settings, means over seeds."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field

import numpy as np
import pytest

from experiments.common.files import save_figure, write_json
from experiments.common.runner import run_experiment
from experiments.common.seeds import mean_over_seeds, over_seeds, seeds_of, std_over_seeds
from experiments.common.settings import build_parser, check_among, check_at_least, config_from_args


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
    return config_from_args(Config, build_parser("name", Config).parse_args(list(argv)))


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
        build_parser("name", Config).parse_args(["--help"])
    assert caught.value.code == 0
    told = capsys.readouterr().out
    assert all("--" + each.name in told for each in dataclasses.fields(Config))
    assert "100 % of the angle" in " ".join(told.split())


def test_runner_writes_strict_json_beside_the_pictures(tmp_path, capsys):
    output = tmp_path / "deep" / "er"
    assert run_experiment("name", Config, run, argv=["--output", str(output)]) == 0
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
    assert run_experiment("name", Config, run, argv=given) == 2
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert "`--output` must be a folder that can be written" in told


def test_runner_refuses_a_wrong_setting_in_one_line(tmp_path, capsys):
    given = ["--rotation", "200", "--output", str(tmp_path / "new")]
    assert run_experiment("name", Config, run, argv=given) == 2
    assert capsys.readouterr().err == (
        "experiments.name: error: `rotation` must be at most 180; got 200.0.\n"
    )
    assert not (tmp_path / "new").exists()


def test_runner_tells_missing_data_in_one_line(tmp_path, capsys):
    def missing(config, *, output=None):
        raise FileNotFoundError("`data_dir` must hold it;\n got nothing.")

    missing.__module__ = __name__
    assert run_experiment("name", Config, missing, argv=["--output", str(tmp_path)]) == 2
    told = capsys.readouterr().err
    assert told == "experiments.name: error: `data_dir` must hold it; got nothing.\n"


def test_runner_does_not_hide_errors_that_are_not_about_input(tmp_path):
    def broken(config, *, output=None):
        raise ValueError("operands could not be broadcast")

    broken.__module__ = __name__
    with pytest.raises(ValueError, match="broadcast"):
        run_experiment("name", Config, broken, argv=["--output", str(tmp_path)])


def test_a_write_that_fails_leaves_the_old_file(tmp_path):
    path = tmp_path / "a.json"
    write_json(path, {"old": 1})
    with pytest.raises(TypeError):
        write_json(path, {"new": object()})
    assert json.loads(path.read_text()) == {"old": 1}
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.json"]


def test_a_picture_of_few_colours_is_the_same_picture(tmp_path):
    from matplotlib.figure import Figure
    from matplotlib.image import imread

    figure = Figure(figsize=(1.0, 1.0), dpi=50)
    figure.subplots().imshow(np.eye(4))
    for name, num_colors in (("many", None), ("few", 32)):
        save_figure(figure, tmp_path / f"{name}.png", num_colors=num_colors)
    many, few = (imread(tmp_path / f"{name}.png")[..., :3] for name in ("many", "few"))
    assert len(np.unique(few.reshape(-1, 3), axis=0)) <= 32
    np.testing.assert_allclose(few, many, atol=0.15)
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["few.png", "many.png"]


def test_settings_are_checked_by_name():
    config = Config(dims=(1, 3), limit=2)
    check_at_least(config, 0, "limit", "seed")
    with pytest.raises(ValueError, match=r"^`limit` must be at least 3; got 2\.$"):
        check_at_least(config, 3, "limit")
    check_among(config, (1, 2, 3), "dims")
    check_among(config, ("affine", "real_nvp"), "flow")
    with pytest.raises(ValueError, match=r"^`dims` must be among \[1, 2\]; got 3\.$"):
        check_among(config, (1, 2), "dims")
    with pytest.raises(ValueError, match=r"^`flow` must be among \['affine'\]; got 'real_nvp'\.$"):
        check_among(config, ("affine",), "flow")


def test_seeds_go_on_from_the_first():
    @dataclass
    class Seeded:
        seed: int = 3
        seeds: int = 2

    assert list(seeds_of(Seeded())) == [3, 4]


def test_means_and_spreads_over_seeds_follow_the_nesting():
    per_seed = [
        {"a": 1.0, "b": {"c": 2, "ok": True, "said": "yes", "same": "x"}},
        {"a": 3.0, "b": {"c": 2, "ok": False, "said": "no", "same": "x"}},
    ]
    assert mean_over_seeds(per_seed) == {
        "a": 2.0,
        "b": {"c": 2.0, "ok": False, "said": "differs", "same": "x"},
    }
    spread = std_over_seeds(per_seed)
    assert spread == {"a": pytest.approx(2.0**0.5), "b": {"c": 0.0}}
    assert std_over_seeds(per_seed[:1]) == {"a": 0.0, "b": {"c": 0.0}}
    assert mean_over_seeds(per_seed, differing=None) == {
        "a": 2.0,
        "b": {"c": 2, "ok": False, "same": "x"},
    }
    assert over_seeds(per_seed, lambda values: max(map(str, values)))["b"]["said"] == "yes"


def test_spreads_divide_by_what_they_are_asked_to():
    values = [1.0, 2.0, 6.0]
    assert mean_over_seeds(values) == 3.0
    assert std_over_seeds(values) == pytest.approx(7.0**0.5)  # 4 + 1 + 9, over two
    assert std_over_seeds(values, ddof=0) == pytest.approx((14.0 / 3.0) ** 0.5)
    assert std_over_seeds(values[:1], ddof=0) == std_over_seeds(values[:1]) == 0.0


def test_arrays_are_averaged_in_double_precision():
    per_seed = [{"cov": np.full((2, 2), value, np.float32)} for value in (0.1, 0.2)]
    mean, std = mean_over_seeds(per_seed)["cov"], std_over_seeds(per_seed)["cov"]
    assert mean.dtype == std.dtype == np.float64
    low, high = (float(np.float32(value)) for value in (0.1, 0.2))
    np.testing.assert_allclose(mean, np.full((2, 2), 0.5 * (low + high)), rtol=1e-15)
    np.testing.assert_allclose(std, np.full((2, 2), (high - low) / 2.0**0.5), rtol=1e-14)
