"""Nothing is lost: whole results at every instant, whatever call fails or kills."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from lrmf_tfp._core import files
from tests.fault_scenarios import workspace

ROOT = Path(__file__).resolve().parents[1]
pytestmark = pytest.mark.skipif(os.name != "posix", reason="forks and signals of POSIX")


@pytest.mark.parametrize("scenario", ["save", "commit", "one_file"])
def test_each_call_of_the_disk_may_fail_or_kill(scenario, tmp_path):
    command = [sys.executable, "-m", "tests.fault_scenarios", scenario, str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["losses"] == []
    assert told["unclear"] == []
    assert told["points"] > {"save": 40, "commit": 40, "one_file": 6}[scenario]
    assert set(told["seen"]) == {"old", "new"}


def test_staging_folders_of_living_processes_are_left_alone(tmp_path):
    mine = files.staging_folder(tmp_path, "model")
    (tmp_path / ".model.lrmf-tfp-another-host-1-ab").mkdir()
    (tmp_path / ".model.lrmf-tfp-x").mkdir()
    assert files.leftovers(tmp_path, "model") == []
    assert mine.is_dir()


def test_folders_of_dead_processes_are_found_whatever_the_name(tmp_path):
    code = "import sys; from pathlib import Path; from lrmf_tfp._core import files;"
    code += "files.staging_folder(Path(sys.argv[1]), sys.argv[2])"
    for name in ("model [1]*", ""):
        subprocess.run([sys.executable, "-c", code, str(tmp_path), name], check=True, cwd=ROOT)
        (found,) = files.leftovers(tmp_path, name)
        assert found.parent == tmp_path


def lines_of(code):
    """What a process of its own prints; Ctrl-C ends it even where the caller ignores that."""
    begin = "import os, signal\nsignal.signal(signal.SIGINT, signal.default_int_handler)\n"
    done = subprocess.run(
        [sys.executable, "-c", begin + code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    return done.stdout.splitlines()


def test_signals_wait_for_the_end_of_the_block():
    code = """
from lrmf_tfp._core.files import held_signals
try:
    with held_signals():
        os.kill(os.getpid(), signal.SIGINT)
        print("whole", flush=True)
except KeyboardInterrupt:
    print("then stopped")
"""
    assert lines_of(code) == ["whole", "then stopped"]


def test_two_runs_do_not_share_a_folder(tmp_path):
    with workspace(tmp_path) as first:
        (first.checkpoints / "ckpt").write_text("1")
        with pytest.raises(ValueError, match="`--output` must be a folder that no other run"):
            workspace(tmp_path).__enter__()
        assert first.has_checkpoint
        assert first.staging.is_dir()
    with workspace(tmp_path):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_keeps_the_checkpoints_and_is_one_line(tmp_path):
    message = f"^`--output` must be a writable folder; got '{tmp_path}': No space left on device.$"

    def fill_the_disk():
        with workspace(tmp_path) as run:
            (run.checkpoints / "ckpt").write_text("1")
            raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(ValueError, match=message):
        fill_the_disk()
    assert (tmp_path / "checkpoints" / "ckpt").exists()


def test_a_run_that_cannot_begin_keeps_the_checkpoints_of_before(tmp_path, monkeypatch):
    with suppress(KeyboardInterrupt), workspace(tmp_path) as run:
        (run.checkpoints / "ckpt").write_text("1")
        raise KeyboardInterrupt

    def refuse(*args, **options):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "mkdir", refuse)
    with pytest.raises(ValueError, match="must be a writable folder"):
        workspace(tmp_path).__enter__()
    assert (tmp_path / "checkpoints" / "ckpt").exists()


def test_sigterm_is_ctrl_c():
    code = """
from lrmf_tfp.cli.main import _terminated_as_interrupted
try:
    with _terminated_as_interrupted():
        os.kill(os.getpid(), signal.SIGTERM)
except KeyboardInterrupt:
    print("stopped")
"""
    assert lines_of(code) == ["stopped"]


def checkpoint_of(output, text, error=KeyboardInterrupt):
    """A run that is stopped after its first checkpoint."""
    with suppress(error), workspace(output) as run:
        (run.checkpoints / "ckpt").write_text(text)
        raise error


def test_checkpoints_wait_for_the_first_one_of_a_new_run(tmp_path):
    kept = tmp_path / "checkpoints" / "ckpt"
    checkpoint_of(tmp_path, "first")
    with suppress(KeyboardInterrupt), workspace(tmp_path):
        raise KeyboardInterrupt  # before it had one of its own
    assert kept.read_text() == "first"
    checkpoint_of(tmp_path, "second")
    assert kept.read_text() == "second"
    with workspace(tmp_path) as run:
        (run.staging / "aligned.npy").write_text("done")
        run.commit()
    assert [each.name for each in tmp_path.iterdir()] == ["aligned.npy"]


def test_checkpoints_come_back_where_the_new_run_was_killed(tmp_path):
    checkpoint_of(tmp_path, "first")
    code = "import os, sys; from pathlib import Path; from tests.fault_scenarios import workspace;"
    code += "workspace(Path(sys.argv[1])).__enter__(); os._exit(9)"
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False, cwd=ROOT)
    with suppress(KeyboardInterrupt), workspace(tmp_path):
        raise KeyboardInterrupt
    assert (tmp_path / "checkpoints" / "ckpt").read_text() == "first"


def test_a_run_that_is_refused_leaves_the_checkpoints_of_both_runs_alone(tmp_path):
    checkpoint_of(tmp_path, "first")
    with workspace(tmp_path) as second:
        with pytest.raises(ValueError, match="no other run"):
            workspace(tmp_path).__enter__()
        assert (second.checkpoints / "settings.json").exists()
        assert (tmp_path / "checkpoints.before" / "ckpt").read_text() == "first"


def test_what_tensorflow_cannot_write_is_said_on_one_line():
    code = """
import tensorflow as tf
from lrmf_tfp._core.disk import os_errors
try:
    with os_errors():
        tf.io.write_file("/dev/null/file", "")
except OSError as error:
    print(error.strerror)
"""
    assert lines_of(code) == ["/dev/null/file; Not a directory"]
