"""The command line: bad input is answered at once and in one line, results are all or nothing."""

from __future__ import annotations

import gzip
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from lrmf_tfp import __version__
from lrmf_tfp.cli import commands, main
from lrmf_tfp.cli.quiet import silenced_stderr
from lrmf_tfp.cli.results import to_json_line
from lrmf_tfp.datasets import moons, read_samples

ROOT = Path(__file__).resolve().parents[1]
LIMIT_SECONDS = 2.0  # of processor time, on which other processes have less say
RESULTS = {"aligned.npy", "alignment.png", "history.csv", "loss.png", "model", "score.json"}


def run_cli(*words, cwd, **options):
    return subprocess.run(
        [sys.executable, "-m", "lrmf_tfp.cli", *map(str, words)],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        **options,
    )


def seconds_of_children():
    times = os.times()
    return times.children_user + times.children_system


def contents(folder):
    return {str(path.relative_to(folder)) for path in Path(folder).rglob("*")}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A working folder with good and bad files and a folder that looks like a model of D = 2."""
    monkeypatch.chdir(tmp_path)
    pair = moons(num_samples=200)
    np.save("source.npy", pair.source)
    np.save("target.npy", pair.target)
    np.save("source_labels.npy", pair.source_labels)
    np.save("target_labels.npy", pair.target_labels)
    np.save("wide.npy", np.random.default_rng(0).normal(size=(200, 3)))
    np.save("few.npy", pair.source[:3])
    np.save("flat.npy", pair.source[:, 0])
    np.save("words.npy", np.array([["a", "b"]] * 20))
    hole = pair.source.copy()
    hole[5, 1] = np.nan
    np.save("hole.npy", hole)
    constant = pair.target.copy()
    constant[:, 1] = 3.0
    np.save("constant.npy", constant)
    np.savez("two.npz", a=pair.source, b=pair.target)
    rows = "".join(f"{x},{y}\n" for x, y in pair.source)
    Path("source.csv").write_text("height,width\n" + rows)
    Path("words.csv").write_text("height,width\n1,2\n3,red\n")
    Path("index.csv").write_text(",x,y\n" + "".join(f"{i},.{i},1.5\n" for i in range(20)))
    Path("torn.csv").write_text("0,126\n-0,132\n0,64\n")
    Path("cut.npy").write_bytes(Path("source.npy").read_bytes()[:1000])
    Path("cut.npz").write_bytes(b"PK\x03\x04" + bytes(200))
    Path("latin.csv").write_bytes(b"gr\xf6\xdfe,b\n1,2\n")
    Path("plain.txt").write_text(rows)
    for name, facts in {"model": '{"event_size": 2}', "broken": "{"}.items():
        Path(name, "assets.extra").mkdir(parents=True)
        Path(name, "saved_model.pb").write_bytes(b"")
        Path(name, "assets.extra", "alignment.json").write_text(facts)
    Path("out").mkdir()
    Path("outer/model").mkdir(parents=True)
    Path("outer/model/saved_model.pb").write_bytes(b"")
    return tmp_path


ALIGN = "align source.npy target.npy --output new"
BAD = {
    "missing source": (
        "align no.npy target.npy --output new",
        "`SOURCE` must be an existing file",
    ),
    "missing target": (
        "align source.npy no.npy --output new",
        "`TARGET` must be an existing file",
    ),
    "suffix": ("align plain.txt target.npy --output new", "`SOURCE` must end in .npy, .npz or"),
    "folder": ("align out target.npy --output new", "`SOURCE` must end in .npy, .npz or .csv"),
    "npz names": ("align two.npz target.npy --output new", "with the arrays a, b."),
    "npz name": ("align two.npz:c target.npy --output new", "as file.npz:name; got 'two.npz'"),
    "nan": (
        "align hole.npy target.npy --output new",
        "`SOURCE` must be finite; got 1 non-finite value, the first in row 5, column 1.",
    ),
    "widths": (
        "align source.npy wide.npy --output new",
        "`TARGET` must have shape [M, 2] to match `SOURCE`; got [200, 3].",
    ),
    "rank": (
        "align flat.npy target.npy --output new",
        "`SOURCE` must have shape [N, D]; got [200]",
    ),
    "few rows": (
        "align source.npy few.npy --output new",
        "`TARGET` must have at least 10 rows; got 3.",
    ),
    "words": (
        "align words.npy target.npy --output new",
        "`SOURCE` must be numeric; got dtype <U1.",
    ),
    "csv words": (
        "align words.csv target.npy --output new",
        "`SOURCE` must be numeric; got 'red' in column 'width', line 3.",
    ),
    "csv index": (
        "align source.csv index.csv --output new",
        "`TARGET` must have no index of rows;",
    ),
    "csv commas": (
        "align torn.csv target.npy --output new",
        "`SOURCE` must say what its commas are, decimal=',' or --decimal ','",
    ),
    "csv encoding": (
        "transform model latin.csv moved.csv",
        "`INPUT` must be UTF-8 text in a .csv",
    ),
    "csv form": (
        f"{ALIGN} --delimiter colon",
        "`--delimiter` must be one of 'bar', 'comma', 'semicolon', 'tab'",
    ),
    "csv decimal": (
        f"{ALIGN} --decimal ;",
        "`--decimal` must be one of 'comma', 'point'; got ';'.",
    ),
    "csv one mark": (
        f"{ALIGN} --decimal comma --delimiter ,",
        "`--decimal` must differ from `--delimiter`; got ',' twice.",
    ),
    "cut npy": (
        "align cut.npy target.npy --output new",
        "`SOURCE` must hold an array of numbers; got 'cut.npy': 1600 bytes are declared and 872",
    ),
    "cut npz": ("score source.npy cut.npz", "`TARGET` must hold arrays of numbers; got 'cut.npz'"),
    "constant": (
        "align source.npy constant.npy --output new",
        "`TARGET` must vary in every column; got a constant column 1.",
    ),
    "constant source": (
        "align constant.npy target.npy --output new",
        "`SOURCE` must vary in every column; got a constant column 1.",
    ),
    "flow": (f"{ALIGN} --flow real_nvq", "`--flow` must be one of"),
    "image flow": (
        f"{ALIGN} --flow glow",
        "`--flow` must be one for rows of numbers, which is what files hold; got 'glow'",
    ),
    "objective": (f"{ALIGN} --objective lmrf", "got 'lmrf' (did you mean 'lrmf'?)."),
    "nothing to train": (
        f"{ALIGN} --flow coral --objective mmd",
        "`--objective` must be 'lrmf' for the flow 'coral', which has nothing to train;",
    ),
    "steps": (f"{ALIGN} --steps 0", "`--steps` must lie between 1 and 2147483647; got 0."),
    "restarts": (
        f"{ALIGN} --restarts 0",
        "`--restarts` must lie between 1 and 2147483647; got 0.",
    ),
    "steps word": (f"{ALIGN} --steps many", "`--steps` must be a whole number; got 'many'."),
    "seed": (f"{ALIGN} --seed -1", "`--seed` must lie between 0 and 2147483647; got -1."),
    "labels length": (
        f"{ALIGN} --labels-source source_labels.npy --labels-target few.npy",
        "`--labels-target` must have shape [200]; got [3, 2].",
    ),
    "labels alone": (
        f"{ALIGN} --labels-source source_labels.npy",
        "`--labels-target` must be given with `--labels-source`; got none.",
    ),
    "labels alone too": (
        f"{ALIGN} --labels-target target_labels.npy",
        "`--labels-source` must be given with `--labels-target`; got none.",
    ),
    "labels missing": (
        f"{ALIGN} --labels-source no.npy --labels-target target_labels.npy",
        "`--labels-source` must be an existing file; got 'no.npy'.",
    ),
    "output is a file": (
        "align source.npy target.npy --output plain.txt",
        "`--output` must be a folder; got the file 'plain.txt'.",
    ),
    "output below a file": (
        "align source.npy target.npy --output plain.txt/new",
        "`--output` must be a writable folder; got 'plain.txt/new'",
    ),
    "output unwritable": (
        "align source.npy target.npy --output /proc/new",
        "`--output` must be a writable folder; got '/proc/new'",
    ),
    "no checkpoint": (f"{ALIGN} --resume", "`--resume` must find a checkpoint; got none in"),
    "no output": ("align source.npy target.npy", "--output"),
    "no command": ("", "COMMAND"),
    "unknown command": ("merge source.npy", "'merge'"),
    "unknown option": (f"{ALIGN} --stps 3", "--stps"),
    "abbreviated option": (f"{ALIGN} --obj lrmf", "--obj"),
    "no model": (
        "transform no source.npy moved.npy",
        "`MODEL` must be a model folder; got 'no', no",
    ),
    "model is a file": (
        "transform source.npy source.npy moved.npy",
        "`MODEL` must be a model folder; got 'source.npy', a file.",
    ),
    "no saved model": (
        "transform out source.npy moved.npy",
        "`MODEL` must be a model folder; got 'out' without saved_model.pb.",
    ),
    "model one below": (
        "transform outer source.npy moved.npy",
        "got 'outer' without saved_model.pb (did you mean 'outer/model'?).",
    ),
    "model of others": (
        "transform outer/model source.npy moved.npy",
        "`MODEL` must be a model folder that align wrote; got 'outer/model' without a readable",
    ),
    "model broken": (
        "transform broken source.npy moved.npy",
        "`MODEL` must be a model folder that align wrote; got 'broken' without a readable",
    ),
    "input width": (
        "transform model wide.npy moved.npy",
        "`INPUT` must have shape [N, 2] to match `MODEL`; got [200, 3].",
    ),
    "input missing": ("transform model no.npy moved.npy", "`INPUT` must be an existing file"),
    "input nan": ("transform model hole.npy moved.npy", "`INPUT` must be finite; got 1"),
    "output suffix": (
        "transform model source.npy moved.txt",
        "`OUTPUT` must end in .npy, .npz or .csv; got 'moved.txt'.",
    ),
    "output in no folder": (
        "transform model source.npy nowhere/moved.npy",
        "`OUTPUT` must be in a writable folder; got 'nowhere'",
    ),
    "score width": (
        "score wide.npy wide.npy --model model",
        "`SOURCE` must have shape [N, 2] to match `--model`; got [200, 3].",
    ),
    "score model": ("score source.npy target.npy --model out", "`--model` must be a model folder"),
    "score few": ("score few.npy target.npy", "`SOURCE` must have at least 10 rows; got 3."),
    "score seed": ("score source.npy target.npy --seed x", "`--seed` must be a whole number"),
}


@pytest.mark.parametrize(("words", "message"), BAD.values(), ids=BAD)
def test_bad_input_is_one_line_and_status_2(folder, capsys, words, message):
    before = contents(folder)
    try:
        status = main(words.split())
    except SystemExit as exited:
        status = exited.code
    out, err = capsys.readouterr()
    assert (status, out) == (2, "")
    assert re.fullmatch(r"lrmf-tfp: error: [^\n]+\n", err)
    assert message in err
    assert contents(folder) == before


def test_transform_output_may_not_be_a_folder(folder, capsys):
    Path("moved.npy").mkdir()
    assert main(["transform", "model", "source.npy", "moved.npy"]) == 2
    assert "`OUTPUT` must be a file; got the folder 'moved.npy'." in capsys.readouterr().err


def test_bad_input_answers_before_tensorflow_could_be_imported(folder):
    before = seconds_of_children()
    result = run_cli("align", "hole.npy", "target.npy", "--output", "new", cwd=folder)
    assert seconds_of_children() - before < LIMIT_SECONDS
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith("lrmf-tfp: error: `SOURCE` must be finite")


def test_checking_imports_neither_tensorflow_nor_matplotlib(folder):
    code = (
        "import sys; from lrmf_tfp.cli import main\n"
        "main(['align', 'source.npy', 'target.npy', '--output', 'plain.txt/new'])\n"
        "print(sorted({'tensorflow', 'sklearn', 'matplotlib'} & set(sys.modules)))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert result.stdout == "[]\n"


def test_version(capsys):
    with pytest.raises(SystemExit, match="0"):
        main(["--version"])
    assert capsys.readouterr().out == f"lrmf-tfp {__version__}\n"


@pytest.mark.parametrize("words", [["--help"], ["align", "--help"], ["transform", "-h"]])
def test_help_goes_to_stdout(capsys, words):
    with pytest.raises(SystemExit, match="0"):
        main(words)
    out, err = capsys.readouterr()
    assert "usage: lrmf-tfp" in out
    assert err == ""


class Score(NamedTuple):
    """A stand-in for AlignmentScore, whose value may be negative: under-trained private fits."""

    value: float = -0.25
    lower: float = -0.5
    upper: float = 0.125
    normalized: float = -0.18
    private_nll_source: float = 1.0
    private_nll_target: float = 2.0
    converged: bool = False
    verdict: str = "not converged"


class FakeAligner:
    """A stand-in for Aligner that moves by 1, for tests of what goes on around it."""

    error: BaseException | None = None
    calls: list[dict] = []  # noqa: RUF012

    def __init__(self, flow, objective="lrmf", **settings):
        self.settings = {"flow": flow, "objective": objective, **settings}
        self.history = {"step": np.array([0, 1]), "loss": np.array([1.0, np.float32(0.1)])}

    def fit(self, source, target, *, checkpoint_dir=None, resume=False):
        self.calls.append({**self.settings, "resume": resume, "dtype": source.values.dtype})
        if checkpoint_dir is not None:
            Path(checkpoint_dir, "ckpt-1.index").write_text("weights")
            if self.error is not None:
                raise self.error
        return self

    def score(self, source, target):
        return Score()

    def transform(self, samples):
        return samples.values + 1

    def inverse_transform(self, samples):
        return samples.values - 1

    def save(self, path):
        Path(path).mkdir()
        Path(path, "saved_model.pb").write_bytes(b"new")


@pytest.fixture
def fake(folder, monkeypatch):
    """The command line with stand-ins for everything that needs TensorFlow."""
    monkeypatch.setattr(FakeAligner, "calls", [])
    monkeypatch.setattr(commands, "_make_aligner", FakeAligner)
    monkeypatch.setattr(commands, "_load", lambda path: FakeAligner("loaded"))
    return FakeAligner


def test_align_writes_all_results_and_nothing_else(fake, folder, capsys):
    assert main([*ALIGN.split(), "--seed", "7", "--steps", "5"]) == 0
    assert set(os.listdir("new")) == RESULTS
    report = json.loads(Path("new/score.json").read_text())
    assert report["before"] == report["after"] == Score()._asdict()
    assert report["value"] == -0.25
    assert (report["flow"], report["seed"], report["version"]) == ("real_nvp", 7, __version__)
    assert "label_accuracy" not in report
    assert Path("new/history.csv").read_text().splitlines()[0] == "step,loss"
    np.testing.assert_allclose(np.load("new/aligned.npy"), np.load("source.npy") + 1)
    assert [call["flow"] for call in fake.calls] == ["real_nvp", "identity"]
    assert fake.calls[0]["steps"] == 5
    out = dict(line.split(": ", 1) for line in capsys.readouterr().out.splitlines())
    assert (out["verdict"], out["value"], out["converged"]) == ("not converged", "-0.25", "false")


def test_align_scores_before_and_after_with_one_family(fake):
    assert main([*ALIGN.split(), "--flow", "affine"]) == 0
    assert fake.calls[1]["density_like"] == "affine"


def test_align_json_is_one_object(fake, capsys):
    assert main([*ALIGN.split(), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == json.loads(Path("new/score.json").read_text())


def test_align_with_the_identity_scores_once(fake):
    assert main([*ALIGN.split(), "--flow", "identity"]) == 0
    assert len(fake.calls) == 1


@pytest.mark.parametrize(
    ("source", "written"), [("source.csv", "aligned.csv"), ("two.npz:a", "aligned.npz")]
)
def test_align_keeps_the_sources_format(fake, source, written):
    assert main(["align", source, "target.npy", "--output", "new"]) == 0
    given, moved = read_samples(source), read_samples(f"new/{written}")
    assert (moved.kind, moved.header, moved.key) == (given.kind, given.header, given.key)
    np.testing.assert_allclose(moved.array, given.array + 1, rtol=1e-6)


def test_align_replaces_an_earlier_result(fake):
    Path("out/model/assets.extra").mkdir(parents=True)
    Path("out/model/assets.extra/alignment.json").write_text("old")
    Path("out/aligned.csv").write_text("old")
    Path("out/score.json").write_text("old")
    Path("out/notes.txt").write_text("mine")
    assert main(["align", "source.npy", "target.npy", "--output", "out"]) == 0
    assert set(os.listdir("out")) == RESULTS | {"notes.txt"}
    assert os.listdir("out/model") == ["saved_model.pb"]


@pytest.mark.parametrize("name", ["model", "checkpoints"])
def test_align_spares_what_it_has_not_written(fake, folder, capsys, name):
    Path("out", name).mkdir()
    Path("out", name, "precious.txt").write_text("mine")
    before = contents(folder)
    assert main(["align", "source.npy", "target.npy", "--output", "out"]) == 2
    assert f"folder of align's own; got 'out', in which {name!r} is" in capsys.readouterr().err
    assert contents(folder) == before


@pytest.mark.parametrize("output", ["new", "new/deeper", "out"])
def test_failed_align_leaves_nothing(fake, folder, monkeypatch, capsys, output):
    Path("out/score.json").write_text("old")
    before = contents(folder)
    monkeypatch.setattr(fake, "error", FloatingPointError("`loss` must be finite;\ngot nan."))
    assert main(["align", "source.npy", "target.npy", "--output", output]) == 1
    assert capsys.readouterr().err == "lrmf-tfp: error: `loss` must be finite; got nan.\n"
    assert contents(folder) == before


def test_a_fault_of_ours_keeps_its_traceback(fake, folder, monkeypatch):
    before = contents(folder)
    monkeypatch.setattr(fake, "error", KeyError("bug"))
    with pytest.raises(KeyError, match="bug"):
        main(ALIGN.split())
    assert contents(folder) == before


def test_ctrl_c_keeps_the_checkpoint_and_resume_goes_on(fake, monkeypatch, capsys):
    monkeypatch.setattr(fake, "error", KeyboardInterrupt())
    assert main(ALIGN.split()) == 130
    assert capsys.readouterr().err == (
        "lrmf-tfp: stopped; the last checkpoint is kept, go on with: "
        "lrmf-tfp align source.npy target.npy --output new --resume\n"
    )
    assert contents("new") == {
        "checkpoints",
        "checkpoints/ckpt-1.index",
        "checkpoints/settings.json",
    }
    assert main([*ALIGN.split(), "--resume"]) == 130  # stopped once more
    assert capsys.readouterr().err.count("--resume") == 1
    monkeypatch.setattr(fake, "error", None)
    assert main([*ALIGN.split(), "--resume"]) == 0
    assert [call["resume"] for call in fake.calls] == [False, True, True, False]
    assert set(os.listdir("new")) == RESULTS


def test_resume_refuses_other_arguments(fake, monkeypatch, capsys):
    monkeypatch.setattr(fake, "error", KeyboardInterrupt())
    main(ALIGN.split())
    capsys.readouterr()
    words = ["align", "target.npy", "source.npy", "--output", "new", "--seed", "3", "--resume"]
    before = contents("new")
    assert main(words) == 2
    assert "arguments of the stopped run; got another SOURCE, TARGET, --seed." in (
        capsys.readouterr().err
    )
    assert contents("new") == before


def test_resume_refuses_unreadable_settings(fake, capsys):
    Path("new/checkpoints").mkdir(parents=True)
    Path("new/checkpoints/ckpt-1.index").write_text("weights")
    Path("new/checkpoints/settings.json").write_text("{")
    assert main([*ALIGN.split(), "--resume"]) == 2
    assert "`--resume` must be given with the arguments of the" in capsys.readouterr().err


def test_failed_resume_keeps_the_checkpoint(fake, monkeypatch):
    monkeypatch.setattr(fake, "error", KeyboardInterrupt())
    main(ALIGN.split())
    monkeypatch.setattr(fake, "error", OSError("No space left on device"))
    assert main([*ALIGN.split(), "--resume"]) == 1
    assert Path("new/checkpoints/ckpt-1.index").exists()


def test_ctrl_c_before_the_first_checkpoint(fake, folder, monkeypatch, capsys):
    before = contents(folder)

    def stop(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(commands, "_make_aligner", stop)
    assert main(ALIGN.split()) == 130
    assert main(["score", "source.npy", "target.npy"]) == 130
    assert contents(folder) == before
    err = capsys.readouterr().err
    assert "lrmf-tfp: stopped before the first checkpoint; nothing was written\n" in err
    assert "lrmf-tfp: stopped; nothing was written\n" in err


@pytest.mark.parametrize(("flag", "shift"), [([], 1), (["--inverse"], -1)])
def test_transform_moves_and_keeps_the_header(fake, capsys, flag, shift):
    assert main(["transform", "model", "source.csv", "moved.csv", *flag]) == 0
    given, moved = read_samples("source.csv"), read_samples("moved.csv")
    assert moved.header == ("height", "width")
    np.testing.assert_allclose(moved.array, given.array + shift)
    assert capsys.readouterr().out == "rows: 200\noutput: moved.csv\n"


WAYS = {
    "by their look": ("", "x;y\n1,5;2\n-3;4,5\n"),
    "as said": ("--delimiter semicolon --decimal comma --header", "7;8\n1,5;2\n-3;4,5\n"),
    "by their characters": ("--delimiter ; --decimal , --no-header", "1,5;2\n-3;4,5\n"),
}


@pytest.mark.parametrize(("options", "text"), WAYS.values(), ids=WAYS)
def test_transform_keeps_delimiter_and_decimal_mark(fake, capsys, options, text):
    Path("given.csv").write_text(text)
    assert main(["transform", "model", "given.csv", "moved.csv", *options.split()]) == 0
    header = text.split("\n")[0] + "\n" if text[1] == ";" else ""
    assert Path("moved.csv").read_text() == f"{header}2,5;3,0\n-2,0;5,5\n"
    names = f": {header[0]}, {header[2]}" if header else ""
    assert capsys.readouterr().err == (
        f"read 2 rows, 2 columns{names} from given.csv (delimiter ';', decimal ',')\n"
    )


def test_what_was_read_and_guessed_is_said_on_stderr(fake, capsys):
    rows = np.random.default_rng(0).normal(size=(20, 2)).tolist()
    Path("years.csv").write_text("2019,2020\n" + "".join(f"{x!r},{y!r}\n" for x, y in rows))
    Path("other.csv.gz").write_bytes(gzip.compress(Path("years.csv").read_bytes()))
    assert main(["score", "years.csv", "other.csv.gz"]) == 0
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(", was taken for names")[0] for line in lines] == [
        "years.csv: the first row, 2019, 2020",
        "read 20 rows, 2 columns: 2019, 2020 from years.csv",
        "other.csv.gz: the first row, 2019, 2020",
        "read 20 rows, 2 columns: 2019, 2020 from other.csv.gz",
    ]


def test_columns_put_in_order_are_said_of_once(fake, capsys):
    Path("turned.csv").write_text("width,height\n" + "1.5,2\n3,4.5\n" * 10)
    assert main(["score", "source.csv", "turned.csv"]) == 0
    err = capsys.readouterr().err
    assert err.count("the columns of `TARGET` were put in the order height, width\n") == 1


def test_transform_writes_nothing_for_rows_that_the_model_cannot_hold(fake, monkeypatch, capsys):
    def refuse(self, samples):
        raise ValueError("`x` must be within what the model's numbers can hold; got 2 rows")

    monkeypatch.setattr(fake, "transform", refuse)
    assert main(["transform", "model", "source.npy", "moved.npy"]) == 1
    assert "`INPUT` must be within what the model's numbers can" in capsys.readouterr().err
    assert not Path("moved.npy").exists()


@pytest.mark.parametrize("model", [[], ["--model", "model"]])
def test_score_prints_negative_values_with_the_verdict(fake, capsys, model):
    assert main(["score", "source.npy", "target.npy", *model]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == ["verdict: not converged", "value: -0.25"]
    assert main(["score", "source.npy", "target.npy", "--json", *model]) == 0
    assert json.loads(capsys.readouterr().out) == Score()._asdict()


def test_silence_holds_and_is_broken_by_an_error(capfd):
    def fail():
        with silenced_stderr():
            os.write(2, b"why it failed")
            raise ImportError("lost")

    with silenced_stderr():
        os.write(2, b"chatter")
    assert capfd.readouterr().err == ""
    with pytest.raises(ImportError, match="lost"):
        fail()
    assert capfd.readouterr().err == "why it failed"


def test_silence_does_without_a_stderr(monkeypatch, capfd):
    def refuse(descriptor):
        raise OSError(9, "Bad file descriptor")

    with monkeypatch.context() as patch:
        patch.setattr(os, "dup", refuse)
        with silenced_stderr():
            os.write(2, b"spoken")
    assert capfd.readouterr().err == "spoken"


def test_json_takes_numpy_numbers_and_nothing_odd():
    report = {"value": np.float32(0.5), "converged": np.bool_(True), "steps": np.arange(2)}
    assert json.loads(to_json_line(report)) == {"value": 0.5, "converged": True, "steps": [0, 1]}
    with pytest.raises(TypeError, match="`report` must hold plain values; got set"):
        to_json_line({"value": {1}})


# The rest runs the program as a user does, TensorFlow and all.

QUICK = ("--flow", "affine", "--steps", "50", "--restarts", "1")
SCORE = ("score", "source.csv", "target.npy", "--model", "out/model", "--json")
MOVE = ("transform", "out/model", "source.csv", "moved.csv")
BACK = ("transform", "out/model", "moved.csv", "back.npy", "--inverse")
# What is said on stderr and nothing else.
READ = dict.fromkeys(
    ("move", "score"), "read 200 rows, 2 columns: height, width from source.csv\n"
)
READ["back"] = READ["move"].replace("source", "moved")
CHATTER = re.compile(r"tensorflow|oneDNN|cuda|absl|XLA|WARNING|Traceback", re.IGNORECASE)
# One process runs the program several times, each with files for stdout and stderr of its own,
# native code's included: importing TensorFlow takes longer than most commands.
SEVERAL = """
import json, os, runpy, sys
for name, words in json.loads(sys.argv[1]).items():
    for descriptor, kind in ((1, "out"), (2, "err")):
        file = os.open(f"{name}.{kind}", os.O_WRONLY | os.O_CREAT)
        os.dup2(file, descriptor)
        os.close(file)
    sys.argv[1:] = words
    try:
        runpy.run_module("lrmf_tfp.cli", run_name="__main__")
    except SystemExit as exited:
        open(f"{name}.status", "w").write(repr(exited.code))
    sys.stdout.flush()
    sys.stderr.flush()
"""


class Ran(NamedTuple):
    """What one run of the program said."""

    status: str
    out: str
    err: str


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """A folder with two sets of samples and their labels."""
    cwd = tmp_path_factory.mktemp("aligned")
    pair = moons(num_samples=200)
    source = 1.5 * pair.source + [0.8, -0.5]
    rows = "".join(f"{x},{y}\n" for x, y in source)
    (cwd / "source.csv").write_text("height,width\n" + rows)
    np.save(cwd / "target.npy", pair.target)
    np.save(cwd / "source_labels.npy", pair.source_labels)
    np.save(cwd / "target_labels.npy", pair.target_labels)
    return cwd


@pytest.fixture(scope="module")
def aligned(data):
    """The folder after `align` and the commands that use its model, and what each said."""
    labels = ("--labels-source", "source_labels.npy", "--labels-target", "target_labels.npy")
    align = ("align", "source.csv", "target.npy", "--output", "out", *QUICK, *labels)
    commands = {"align": align, "move": MOVE, "back": BACK, "score": SCORE}
    subprocess.run(
        [sys.executable, "-c", SEVERAL, json.dumps(commands)],
        cwd=data,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=True,
    )
    kinds = ("status", "out", "err")
    said = {
        name: Ran(*((data / f"{name}.{kind}").read_text() for kind in kinds)) for name in commands
    }
    assert said["align"].status == "0", said["align"].err
    return data, said


def test_program_aligns(aligned):
    cwd, said = aligned
    assert set(os.listdir(cwd / "out")) == RESULTS - {"aligned.npy"} | {"aligned.csv"}
    report = json.loads((cwd / "out/score.json").read_text())
    assert report["value"] == report["after"]["value"] < report["before"]["value"]
    assert set(report["label_accuracy"]) == {"before", "after"}
    assert (cwd / "out/aligned.csv").read_text().startswith("height,width\n")
    for picture in ("alignment.png", "loss.png"):
        assert (cwd / "out" / picture).read_bytes().startswith(b"\x89PNG")
    out = dict(line.split(": ", 1) for line in said["align"].out.splitlines())
    assert float(out["value"]) == pytest.approx(report["value"], rel=1e-4)
    assert out["output"] == "out"


def test_program_keeps_chatter_to_itself(aligned):
    _, said = aligned
    assert not CHATTER.search(said["align"].err)
    assert not CHATTER.search(said["align"].out)


def test_program_transforms_there_and_back(aligned):
    cwd, said = aligned
    for name in ("move", "back"):
        assert (said[name].status, said[name].err) == ("0", READ[name])
    assert (cwd / "moved.csv").read_bytes() == (cwd / "out/aligned.csv").read_bytes()
    source = read_samples(cwd / "source.csv").array
    np.testing.assert_allclose(np.load(cwd / "back.npy"), source, atol=1e-4)


def test_program_scores_with_the_model(aligned):
    cwd, said = aligned
    assert (said["score"].status, said["score"].err) == ("0", READ["score"])
    report = json.loads((cwd / "out/score.json").read_text())
    assert json.loads(said["score"].out)["value"] == pytest.approx(report["value"], abs=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("words", [MOVE, SCORE])
def test_program_loads_a_model_in_silence(aligned, words):
    cwd, said = aligned
    result = run_cli(*words, cwd=cwd)
    name = "move" if words == MOVE else "score"
    assert (result.returncode, result.stderr) == (0, READ[name])
    assert result.stdout == said[name].out


@pytest.mark.long
@pytest.mark.parametrize("words", [("--flow", "coral"), ("--objective", "energy")])
def test_program_aligns_with_the_baselines(aligned, words):
    cwd, _ = aligned
    output = words[-1]
    quick = (*QUICK, *words)
    result = run_cli("align", "source.csv", "target.npy", "--output", output, *quick, cwd=cwd)
    assert result.returncode == 0, result.stderr
    report = json.loads((cwd / output / "score.json").read_text())
    assert np.isfinite(report["value"])
    assert (cwd / output / "aligned.csv").exists()


@pytest.mark.slow
def test_program_stops_on_ctrl_c_and_resumes(aligned):
    cwd, _ = aligned
    words = [sys.executable, "-m", "lrmf_tfp.cli", "align", "source.csv", "target.npy"]
    words += ["--output", "stopped", "--flow", "affine", "--steps", "1000"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(words, cwd=cwd, env=environment, stderr=subprocess.PIPE, text=True)
    checkpoints = cwd / "stopped" / "checkpoints"
    while process.poll() is None and not list(checkpoints.rglob("*.index")):
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "Traceback" not in err
    assert "go on with: lrmf-tfp align" in err.splitlines()[-1]
    assert os.listdir(cwd / "stopped") == ["checkpoints"]
    resumed = run_cli(*words[3:], "--resume", cwd=cwd)
    assert resumed.returncode == 0, resumed.stderr
    assert set(os.listdir(cwd / "stopped")) == set(os.listdir(cwd / "out"))
