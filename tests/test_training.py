"""The engine: speed-ups change no result, failures are named, a fit can be resumed."""

from __future__ import annotations

import csv
import json
import os
import signal
import threading
from typing import NamedTuple

import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.util.event_pb2 import Event

from lrmf_tfp.densities import flow_density, gaussian_density
from lrmf_tfp.divergences import energy_distance
from lrmf_tfp.flows import affine_flow, ffjord_flow, identity_flow, real_nvp_flow
from lrmf_tfp.objectives import (
    DivergenceObjective,
    LRMFObjective,
    MaximumLikelihoodObjective,
    Objective,
    VariableGroup,
    gaussian_lrmf_distance,
)
from lrmf_tfp.ode import FixedStepSolver
from lrmf_tfp.ode.solves import noted_solves, penalty_of
from lrmf_tfp.training import (
    SGD,
    Adam,
    ConstantSchedule,
    CosineSchedule,
    CSVLogger,
    FitConfig,
    ProgressBar,
    TensorBoardLogger,
    Trainer,
    fit,
)
from lrmf_tfp.training.interrupts import deferred_interrupts
from tests.cases import perturb

QUICK = FitConfig(num_steps=60, steps_per_call=20, batch_size=32, jit_compile=False)


@pytest.fixture
def x(rng):
    return (2.0 + 0.5 * rng.normal(size=(200, 2))).astype(np.float32)


def _gaussian_objective(dtype=tf.float32):
    return MaximumLikelihoodObjective(gaussian_density(2, dtype=dtype))


def _rows(path):
    return list(csv.DictReader(path.read_text().splitlines()))


class Terms(NamedTuple):
    loss: tf.Tensor
    broken: tf.Tensor


class Parabola(Objective):
    """`(w - 3)^2`, which turns into nan when `w` passes `cliff` or from step `from_step` on."""

    def __init__(self, *, cliff=np.inf, from_step=10**9):
        super().__init__()
        self.w = tf.Variable(0.0)
        self._cliff = cliff
        self._from_step = from_step

    def __call__(self, *batches, seed=None):
        (x,) = batches
        step = 0 if seed is None else seed[1]
        bad = tf.logical_or(self.w > self._cliff, step >= self._from_step)
        broken = tf.where(bad, tf.constant(np.nan), 0.0)
        return Terms((self.w - 3.0) ** 2 + 0.0 * tf.reduce_mean(x), broken)


class Saddle(Objective):
    """`a b + (a^2 - b^2) / 2`: one group goes down in a, the other up in b; saddle at 0."""

    class Terms(NamedTuple):
        loss: tf.Tensor
        critic: tf.Tensor

    def __init__(self):
        super().__init__()
        self.a = tf.Variable(1.0)
        self.b = tf.Variable(-1.0)

    def groups(self):
        return (
            VariableGroup("player", (self.a,), loss="loss"),
            VariableGroup("critic", (self.b,), loss="critic"),
        )

    def __call__(self, *batches, seed=None):
        del batches, seed
        value = self.a * self.b + 0.5 * (self.a**2 - self.b**2)
        return self.Terms(value, -value)


def test_maximum_likelihood_finds_the_moments(x):
    objective = _gaussian_objective(tf.float64)
    config = FitConfig(
        num_steps=1500,
        batch_size=1000,
        optimizer=Adam(3e-2),
        average_decay=0.0,
        jit_compile=False,
    )
    result = fit(objective, (x.astype(np.float64),), config)
    np.testing.assert_allclose(objective.density.mean(), x.mean(0), atol=1e-5)
    np.testing.assert_allclose(objective.density.covariance(), np.cov(x.T, bias=True), atol=1e-5)
    assert result.num_steps == 1500
    assert result.best_value == pytest.approx(float(result.history["loss"][-1]), abs=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("num_dims", [1, 2, 10])
def test_affine_lrmf_reaches_the_closed_form(rng, num_dims):
    mixing = np.eye(num_dims) + 0.5 * rng.normal(size=(num_dims, num_dims))
    source = rng.normal(size=(400, num_dims)) @ mixing.T + 1.0
    target = rng.normal(size=(400, num_dims))
    flow = affine_flow(num_dims, dtype=tf.float64)
    build = lambda: gaussian_density(num_dims, dtype=tf.float64)  # noqa: E731
    objective = LRMFObjective(flow, build(), private_source=build(), private_target=build())
    data = (source, target)
    config = FitConfig(
        num_steps=4000,
        batch_size=400,
        optimizer=Adam(2e-2, schedule=CosineSchedule(final=1e-5)),
        patience=4000,
        average_decay=0.0,
    )
    result = fit(objective, data, config, validation=data)
    assert gaussian_lrmf_distance(source, target) > 0.1
    assert result.main_stage == "joint"
    assert -1e-8 < result.best_value < 1e-6


def test_compiled_and_graph_loops_agree(x):
    losses = []
    for compiled in (True, False):
        objective = _gaussian_objective(tf.float64)
        config = FitConfig(num_steps=60, steps_per_call=20, batch_size=32, jit_compile=compiled)
        losses.append(fit(objective, (x.astype(np.float64),), config).history["loss"])
    np.testing.assert_allclose(losses[0], losses[1], atol=1e-10)


def test_one_trace_for_all_calls_and_fits(x):
    trainer = Trainer(
        _gaussian_objective(),
        FitConfig(num_steps=70, steps_per_call=20, batch_size=64, jit_compile=False),
    )
    trainer.fit((x,))
    trainer.fit((x[:150] * 2.0,))
    assert trainer.loop.num_traces == 1


def test_seed_decides_the_batches(x):
    config = FitConfig(num_steps=40, batch_size=8, jit_compile=False)
    runs = [fit(_gaussian_objective(), (x,), config, seed=seed) for seed in (1, 1, 2)]
    first, same, other = (run.history["loss"] for run in runs)
    np.testing.assert_array_equal(first, same)
    assert not np.array_equal(first, other)


@pytest.mark.slow  # the quick lane asks it of `Aligner`
def test_two_logical_devices_give_the_single_device_result(x, logical_cpus):
    strategy = tf.distribute.MirroredStrategy(logical_cpus)
    results = []
    for scope in (strategy, None):
        with (scope or tf.distribute.get_strategy()).scope():
            flow = real_nvp_flow(2, num_layers=2, hidden_units=(8,))
            objective = MaximumLikelihoodObjective(flow_density(flow))
        results.append((fit(objective, (x,), QUICK, strategy=scope), objective))
    (spread, objective), (single, other) = results
    np.testing.assert_allclose(spread.history["loss"], single.history["loss"], atol=1e-5)
    for a, b in zip(objective.trainable_variables, other.trainable_variables, strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), atol=1e-5)


def test_two_groups_move_together_each_on_its_own_term(x):
    saddle = Saddle()
    optimizers = {
        "player": SGD(0.1, schedule=ConstantSchedule()),
        "critic": SGD(0.1, schedule=ConstantSchedule()),
    }
    config = FitConfig(num_steps=1, optimizer=optimizers, average_decay=0.0, jit_compile=False)
    result = fit(saddle, (x,), config)
    np.testing.assert_allclose(saddle.a, 1.0 - 0.1 * (1.0 - 1.0), atol=1e-7)
    np.testing.assert_allclose(saddle.b, -1.0 + 0.1 * (1.0 + 1.0), atol=1e-7)
    assert {"learning_rate_player", "learning_rate_critic"} <= set(result.history)


def test_a_saddle_is_found(x):
    saddle = Saddle()
    config = FitConfig(num_steps=300, optimizer=SGD(0.1), average_decay=0.0, jit_compile=False)
    trainer = Trainer(saddle, config)
    trainer.loop.run((x[None],), step=0, num_steps=100)
    trainer.loop.run((x[None],), step=100, num_steps=100)
    assert abs(float(saddle.a)) + abs(float(saddle.b)) < 1e-3


def test_groups_may_move_on_some_steps_only(x):
    class Rarely(Saddle):
        def groups(self):
            player, critic = super().groups()
            return (player._replace(every=3), critic)

    objective = Rarely()
    config = FitConfig(num_steps=9, optimizer=SGD(0.01), average_decay=0.0, jit_compile=False)
    trainer = Trainer(objective, config)
    values = []
    for step in range(6):
        trainer.loop.run((x[None],), step=step, num_steps=1)
        values.append(float(objective.a))
    assert values[0] == values[1] == values[2] != values[3] == values[4] == values[5]


def test_early_stop_keeps_the_best_weights(x):
    objective = _gaussian_objective()
    config = FitConfig(
        num_steps=3000, patience=200, batch_size=64, optimizer=Adam(1e-2), jit_compile=False
    )
    result = fit(objective, (x[:100],), config, validation=(x[100:],))
    assert result.stopped_early
    assert result.num_steps < 3000
    assert result.best_step <= result.num_steps - 200
    found = float(objective.validation_loss(x[100:]))
    assert found == pytest.approx(result.best_value, abs=1e-5)
    assert found == pytest.approx(np.min(result.history["validation_loss"]), abs=1e-5)


def test_recovery_restores_the_last_good_state_and_goes_on(x, caplog):
    objective = Parabola(cliff=2.0)
    config = FitConfig(
        num_steps=40,
        steps_per_call=10,
        optimizer=SGD(0.06, schedule=ConstantSchedule()),
        max_recoveries=3,
        average_decay=0.0,
        jit_compile=False,
    )
    with pytest.raises(
        FloatingPointError, match=r"`broken` must stay finite; got nan at step \d+"
    ):
        fit(objective, (x,), config)
    assert 0.0 < float(objective.w) <= 2.0
    assert caplog.text.count("went on from step") == 3


def test_a_passing_fault_is_recovered_from_and_reported(x):
    class Once(Parabola):
        def __call__(self, *batches, seed=None):
            terms = super().__call__(*batches, seed=seed)
            fault = tf.logical_and(seed[1] == 15, self.w > 2.3)
            return terms._replace(broken=tf.where(fault, np.nan, 0.0))

    objective = Once()
    config = FitConfig(
        num_steps=40,
        steps_per_call=10,
        optimizer=SGD(0.05, schedule=ConstantSchedule()),
        average_decay=0.0,
        jit_compile=False,
    )
    result = fit(objective, (x,), config)
    assert result.num_steps == 40
    assert len(result.recoveries) >= 1
    assert "`broken`" in result.recoveries[0]
    assert "step 15" in result.recoveries[0]


def test_no_recovery_allowed_fails_at_once_and_names_the_term(x):
    config = FitConfig(num_steps=10, steps_per_call=5, max_recoveries=0, jit_compile=False)
    match = r"`broken` must stay finite; got nan at step 0 of stage joint\.$"
    with pytest.raises(FloatingPointError, match=match):
        fit(Parabola(from_step=0), (x,), config)


def test_resume_goes_on_as_if_never_stopped(x, tmp_path):
    class Interrupt:
        def __call__(self, event):
            if event.step == 40:
                raise KeyboardInterrupt

    config = FitConfig(num_steps=100, steps_per_call=20, batch_size=16, jit_compile=False)
    whole = _gaussian_objective()
    wanted = fit(whole, (x,), config, validation=(x,))
    broken = _gaussian_objective()
    with pytest.raises(KeyboardInterrupt):
        fit(
            broken, (x,), config, validation=(x,), callbacks=[Interrupt()], checkpoint_dir=tmp_path
        )
    resumed = _gaussian_objective()
    result = fit(resumed, (x,), config, validation=(x,), checkpoint_dir=tmp_path, resume=True)
    np.testing.assert_allclose(result.history["loss"], wanted.history["loss"], atol=1e-6)
    np.testing.assert_allclose(resumed.density.mean(), whole.density.mean(), atol=1e-6)


@pytest.fixture
def interruptible():
    """Ctrl-C as a terminal has it; a process started in the background may ignore it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
def test_ctrl_c_waits_for_the_step_to_end(x, tmp_path):
    seen = []

    def press(event):
        if event.step == 40:
            os.kill(os.getpid(), signal.SIGINT)
            seen.append(event.step)  # what is under way is finished

    config = FitConfig(num_steps=100, steps_per_call=20, jit_compile=False)
    with pytest.raises(KeyboardInterrupt):
        fit(_gaussian_objective(), (x,), config, callbacks=[press], checkpoint_dir=tmp_path)
    assert seen == [40]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    result = fit(_gaussian_objective(), (x,), config, checkpoint_dir=tmp_path, resume=True)
    assert result.history["step"].tolist() == [20, 40, 60, 80, 100]


@pytest.mark.usefixtures("interruptible")
def test_a_second_ctrl_c_does_not_wait():
    with deferred_interrupts() as outer:
        with deferred_interrupts() as inner:
            assert inner is outer
            os.kill(os.getpid(), signal.SIGINT)
            assert outer.pending
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            outer.check()


@pytest.mark.usefixtures("interruptible")
def test_ctrl_c_at_the_end_of_a_block_is_not_lost():
    with pytest.raises(KeyboardInterrupt), deferred_interrupts():
        os.kill(os.getpid(), signal.SIGINT)


@pytest.mark.usefixtures("interruptible")
def test_threads_and_own_handlers_are_left_alone():
    def own(number, frame):
        del number, frame

    def inside():
        with deferred_interrupts() as interrupts:
            found.append(interrupts.pending)

    found = []
    thread = threading.Thread(target=inside)
    thread.start()
    thread.join()
    assert found == [False]
    signal.signal(signal.SIGINT, own)
    try:
        with deferred_interrupts():
            assert signal.getsignal(signal.SIGINT) is own
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _bent_objective(**options):
    """A flow whose field is so stiff that two steps are far from enough."""
    solver = FixedStepSolver(2, tolerance=1e-3, max_steps=options.pop("max_steps", 64))
    flow = ffjord_flow(2, hidden_units=(8,), solver=solver, **options)
    perturb(flow, scale=1.5)
    return DivergenceObjective(flow, energy_distance), flow.layers[0]


@pytest.mark.slow
def test_training_raises_the_steps_of_stiff_fields_and_records_their_penalty(x):
    objective, layer = _bent_objective(kinetic_weight=0.1)
    config = FitConfig(num_steps=60, steps_per_call=10, jit_compile=False)
    result = fit(objective, (x, x), config)
    assert np.all(result.history["penalty"] > 0.0)
    steps = result.history["solver_steps"]
    assert steps[0] > 2
    assert np.all(np.diff(steps) >= 0)
    assert steps[-1] == int(layer.num_steps)
    assert result.history["solver_error"][0] > 1e-3 > result.history["solver_error"][-1]


@pytest.mark.slow
def test_resuming_keeps_the_steps_of_stiff_fields(x, tmp_path):
    objective, layer = _bent_objective()
    config = FitConfig(num_steps=60, steps_per_call=10, jit_compile=False)
    fit(objective, (x, x), config, checkpoint_dir=tmp_path)
    again, other = _bent_objective()
    fit(again, (x, x), config, checkpoint_dir=tmp_path, resume=True)
    assert int(other.num_steps) == int(layer.num_steps) > 2


def test_steps_that_cannot_be_raised_further_are_reported(x, caplog):
    objective, layer = _bent_objective(max_steps=4)
    config = FitConfig(num_steps=4, steps_per_call=2, jit_compile=False)
    history = fit(objective, (x, x), config).history
    assert int(layer.num_steps) == 4
    assert "penalty" not in history
    (record,) = [each for each in caplog.records if "max_steps" in each.getMessage()]
    assert "at 4 steps" in record.getMessage()


@pytest.mark.slow
def test_regularisers_are_added_to_the_loss_and_recorded_apart(x):
    config = FitConfig(num_steps=100, steps_per_call=50, batch_size=64, jit_compile=False)
    energies = []
    for weight in (0.0, 10.0):
        flow = ffjord_flow(2, hidden_units=(8,), kinetic_weight=weight)
        objective = DivergenceObjective(flow, energy_distance)
        result = fit(objective, (x, x + 3.0), config)
        assert ("penalty" in result.history) is (weight > 0.0)
        with noted_solves() as solves:
            moved = flow.forward(x)
        energies.append(float(tf.reduce_mean(tf.square(moved - x))))
        if weight:
            assert result.history["penalty"][-1] > 0.0
            assert float(penalty_of(solves)) == pytest.approx(weight * 2 * energies[-1], rel=0.2)
    assert energies[1] < 0.2 * energies[0]


def test_resuming_a_finished_fit_takes_no_step(x, tmp_path):
    first = fit(_gaussian_objective(), (x,), QUICK, checkpoint_dir=tmp_path)
    again = _gaussian_objective()
    result = fit(again, (x,), QUICK, checkpoint_dir=tmp_path, resume=True)
    np.testing.assert_array_equal(result.history["loss"], first.history["loss"])
    assert float(again(x).loss) == pytest.approx(first.best_value, abs=0.1)


def test_resuming_another_objective_is_named(x, tmp_path):
    fit(_gaussian_objective(), (x,), QUICK, checkpoint_dir=tmp_path)
    other = MaximumLikelihoodObjective(flow_density(affine_flow(2)))
    with pytest.raises(ValueError, match="`checkpoint_dir` must hold a checkpoint of the same"):
        fit(other, (x,), QUICK, checkpoint_dir=tmp_path, resume=True)


def test_logs(x, tmp_path, capsys):
    logs = [CSVLogger(tmp_path / "log.csv"), TensorBoardLogger(tmp_path / "tb"), ProgressBar()]
    fit(_gaussian_objective(), (x,), QUICK, validation=(x,), callbacks=logs)
    rows = _rows(tmp_path / "log.csv")
    assert [int(row["step"]) for row in rows] == [20, 40, 60]
    assert {"loss", "validation_loss", "learning_rate", "gradient_norm"} <= set(rows[0])
    events = list((tmp_path / "tb").glob("events*"))
    assert len(events) == 1
    records = tf.data.TFRecordDataset(str(events[0])).as_numpy_iterator()
    written = [value.tag for record in records for value in Event.FromString(record).summary.value]
    assert written.count("density/loss") == 3
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "60/60" in captured.err


def test_stages_with_other_columns_get_a_file_of_their_own(rng, tmp_path):
    data = tuple(rng.normal(size=(50, 1)).astype(np.float32) for _ in range(2))
    build = lambda: gaussian_density(1)  # noqa: E731
    objective = LRMFObjective(
        affine_flow(1), build(), private_source=build(), private_target=build()
    )
    fit(objective, data, QUICK, validation=data, callbacks=[CSVLogger(tmp_path / "log.csv")])
    stages = {row["stage"] for row in _rows(tmp_path / "log.csv")}
    assert stages == {"private_source", "private_target", "refit_target"}
    assert len(_rows(tmp_path / "log_joint.csv")) == 3


def test_streams_of_batches_are_accepted(x):
    dataset = tf.data.Dataset.from_tensor_slices(x).batch(40, drop_remainder=True)
    objective = _gaussian_objective()
    config = FitConfig(num_steps=200, steps_per_call=20, optimizer=Adam(5e-2), jit_compile=False)
    assert fit(objective, dataset, config).num_steps == 200
    np.testing.assert_allclose(objective.density.mean(), x.mean(0), atol=0.1)


def test_config_is_json(x):
    config = FitConfig(optimizer={"all": Adam(), "critic": SGD(momentum=0.5)})
    plain = json.loads(json.dumps(config.to_json()))
    assert plain["optimizer"]["critic"]["momentum"] == 0.5
    assert plain["optimizer"]["all"]["schedule"]["name"] == "CosineSchedule"
    assert json.loads(json.dumps(FitConfig().to_json()))["optimizer"] is None


def test_cosine_schedule_warms_up_and_falls():
    schedule = CosineSchedule(final=0.1, warmup=0.1)
    values = schedule(tf.constant([0.0, 0.05, 0.1, 0.55, 1.0], tf.float64)).numpy()
    np.testing.assert_allclose(values, [0.001, 0.501, 1.0, 0.55, 0.1], atol=1e-9)


@pytest.mark.parametrize(
    ("kwargs", "error", "match"),
    [
        ({"num_steps": 0}, ValueError, "`num_steps`"),
        ({"batch_size": 1.5}, TypeError, "`batch_size`"),
        ({"clip_norm": -1.0}, ValueError, "`clip_norm`"),
        ({"average_decay": 1.0}, ValueError, r"`average_decay` must be in \[0, 1\); got 1.0"),
        ({"max_recoveries": -1}, ValueError, "`max_recoveries` must be at least 0; got -1"),
    ],
)
def test_bad_settings_are_named(kwargs, error, match):
    with pytest.raises(error, match=match):
        FitConfig(**kwargs)


@pytest.mark.parametrize("optimizer", [Adam, SGD])
def test_bad_learning_rate_is_named(optimizer):
    with pytest.raises(ValueError, match="`learning_rate`"):
        optimizer(learning_rate=0.0)


def test_bad_data_is_named(x, logical_cpus):
    objective = _gaussian_objective()
    with pytest.raises(TypeError, match="`data` must be a tuple.*got list"):
        fit(objective, [x], QUICK)
    with pytest.raises(ValueError, match=r"`data\[0\]` must have shape \[N, ...\]; got \[0, 2\]"):
        fit(objective, (x[:0],), QUICK)
    holed = np.where(x == x[3, 1], np.nan, x)
    with pytest.raises(ValueError, match=r"`data\[0\]` must be finite; got 1 .* row 3, column 1"):
        fit(objective, (holed,), QUICK)
    uneven = tf.data.Dataset.from_tensor_slices(x).batch(150)
    with pytest.raises(ValueError, match="`data` must give batches of one shape"):
        fit(objective, uneven, QUICK)
    with pytest.raises(ValueError, match="`data` must hold at least one batch"):
        fit(objective, tf.data.Dataset.from_tensor_slices(x[:0]).batch(2), QUICK)
    with pytest.raises(ValueError, match="`optimizer` must name the group 'all'; got critic"):
        fit(objective, (x,), FitConfig(optimizer={"critic": Adam()}))
    nothing = MaximumLikelihoodObjective(flow_density(identity_flow(2)))
    with pytest.raises(ValueError, match="`objective` must have trainable variables; got none"):
        fit(nothing, (x,), QUICK)
    strategy = tf.distribute.MirroredStrategy(logical_cpus)
    with strategy.scope():
        spread = _gaussian_objective()
    with pytest.raises(ValueError, match="`batch_size` must be divisible by the 2 replicas"):
        fit(spread, (x[:11],), QUICK, strategy=strategy)


def test_fits_of_many_objects_are_no_retracing(caplog):
    """TensorFlow warns from the fifth trace of one function on; each object traces its own."""
    x = np.zeros((20, 1), np.float32)
    config = FitConfig(num_steps=2, batch_size=10, steps_per_call=2, jit_compile=False)
    for _ in range(6):
        fit(MaximumLikelihoodObjective(gaussian_density(1)), (x,), config, validation=(x,))
    assert "retracing" not in caplog.text
