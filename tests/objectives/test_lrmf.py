"""LRMF: the closed form, its bound, its gradient and its stages."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from tensorflow_probability import bijectors as tfb

from lrmf_tfp.densities import FlowDensity, flow_density, gaussian_density
from lrmf_tfp.flows import affine_flow, identity_flow, real_nvp_flow
from lrmf_tfp.objectives import (
    FixedMapLRMFObjective,
    LRMFObjective,
    VariableGroup,
    copy_variables,
    gaussian_lrmf_distance,
    gaussian_lrmf_distance_from_moments,
    gaussian_lrmf_map,
)
from lrmf_tfp.samples import ArraySource, Batch
from lrmf_tfp.training import Adam, FitConfig, fit
from tests.cases import perturb


def _samples(rng, num_dims, num_samples=300):
    mixing = rng.normal(size=(num_dims, num_dims)) + 2 * np.eye(num_dims)
    return rng.normal(size=(num_samples, num_dims)) @ mixing.T + rng.normal(size=num_dims)


def _gaussian_of(samples):
    size = samples.shape[1]
    covariance = np.atleast_2d(np.cov(samples.T, bias=True))
    root = np.linalg.cholesky(covariance)
    return gaussian_density(size, loc=samples.mean(0), scale_tril=root, dtype=tf.float64)


def _objective_at_optimum(source, target, flow):
    """The Gaussian objective with every density at its maximum-likelihood moments."""
    moved = flow.forward_and_log_det(source)[0].numpy()
    both = np.concatenate([moved, target])
    objective = LRMFObjective(
        flow,
        _gaussian_of(both),
        private_source=_gaussian_of(source),
        private_target=_gaussian_of(target),
    )
    for name, samples in (("source", source), ("target", target)):
        nll = -np.mean(getattr(objective, f"private_{name}").log_prob(samples))
        getattr(objective, f"private_nll_{name}").assign(nll)
    return objective


@pytest.mark.parametrize("num_dims", [1, 2, 10, 50])
def test_gaussian_lrmf_is_the_closed_form(rng, num_dims):
    source, target = _samples(rng, num_dims), _samples(rng, num_dims)
    objective = _objective_at_optimum(source, target, identity_flow(num_dims, dtype=tf.float64))
    found = float(objective(source, target).loss)
    assert abs(found - gaussian_lrmf_distance(source, target)) < 1e-8
    assert found > 0.01


@pytest.mark.parametrize("num_dims", [1, 2, 10, 50])
def test_the_closed_form_map_reaches_the_bound(rng, num_dims):
    source, target = _samples(rng, num_dims), _samples(rng, num_dims)
    fitted = gaussian_lrmf_map(source, target)
    flow = affine_flow(num_dims, kind="triangular", dtype=tf.float64)
    layer = flow.layers[0]
    diagonal = np.diag(fitted.matrix)
    layer.log_diag.assign(np.log(diagonal))
    layer.shift.assign(fitted.shift)
    if num_dims > 1:
        layer.lower.assign(np.tril(fitted.matrix, -1) / diagonal)
    objective = _objective_at_optimum(source, target, flow)
    terms = objective(source, target)
    assert abs(float(terms.loss)) < 1e-8
    assert abs(float(terms.mean_log_det) - fitted.log_det) < 1e-10


def test_terms_add_up_and_ratios_average_to_the_loss(rng):
    source, target = _samples(rng, 2), _samples(rng, 2)
    flow = perturb(real_nvp_flow(2, num_layers=2, hidden_units=(4,), dtype=tf.float64))
    objective = _objective_at_optimum(source, target, flow)
    terms = objective(source, target)
    total = terms.nll_source_shared - terms.mean_log_det + terms.nll_target_shared + terms.constant
    np.testing.assert_allclose(terms.loss, total, atol=1e-12)
    shares = np.mean(objective.source_log_ratio(source)) + np.mean(
        objective.target_log_ratio(target)
    )
    np.testing.assert_allclose(terms.loss, shares, atol=1e-10)


def test_gradient_is_that_of_finite_differences(rng):
    source, target = _samples(rng, 2, 50), _samples(rng, 2, 50)
    flow = perturb(affine_flow(2, dtype=tf.float64))
    objective = _objective_at_optimum(source, target, flow)
    variable = flow.layers[0].log_diag
    with tf.GradientTape() as tape:
        loss = objective(source, target).loss
    gradient = tape.gradient(loss, variable).numpy()
    losses = []
    for change in (1e-5, -1e-5):
        variable.assign_add([change, 0.0])
        losses.append(float(objective(source, target).loss))
        variable.assign_add([-change, 0.0])
    np.testing.assert_allclose(gradient[0], (losses[0] - losses[1]) / 2e-5, rtol=1e-6)


def test_distance_is_symmetric_and_zero_on_equal_samples(rng):
    source, target = _samples(rng, 3), _samples(rng, 3)
    forward, backward = (
        gaussian_lrmf_distance(source, target),
        gaussian_lrmf_distance(target, source),
    )
    np.testing.assert_allclose(forward, backward, atol=1e-12)
    assert abs(gaussian_lrmf_distance(source, source)) < 1e-12


def test_trains_the_flow_and_the_shared_density_only():
    densities = [gaussian_density(2) for _ in range(3)]
    flow = affine_flow(2)
    objective = LRMFObjective(
        flow, densities[0], private_source=densities[1], private_target=densities[2]
    )
    (group,) = objective.groups()
    assert isinstance(group, VariableGroup)
    wanted = {v.ref() for v in (*flow.trainable_variables, *densities[0].trainable_variables)}
    assert {v.ref() for v in group.variables} == wanted


def _shiftable(*, pullback=True):
    """An objective of affine flow densities, whose only moving part here is `shift`."""
    densities = [flow_density(affine_flow(2)) for _ in range(4)]
    return LRMFObjective(
        affine_flow(2),
        densities[0],
        private_source=densities[1],
        private_target=densities[2],
        pullback=FlowDensity(densities[3], tfb.Invert(affine_flow(2))) if pullback else None,
    )


def _shift(density):
    return density.bijector.layers[0].shift


def _held_out(rng):
    return tuple(rng.normal(size=(50, 2)).astype(np.float32) for _ in range(2))


def _stages(objective, held_out):
    """The stages of the plan, by hand: rows to train on and to judge by are the same."""
    batches = tuple(map(Batch, held_out))
    source = ArraySource(batches, batch_size=8, seed=0)
    return objective.plan().stages(source, batches)


def test_stages_fit_the_private_densities_and_warm_start_the_shared_one(rng):
    objective, held_out = _shiftable(), _held_out(rng)
    seen = {}
    for index, stage in enumerate(_stages(objective, held_out)):
        if stage.name == "joint":
            assert stage.objective is objective
            np.testing.assert_allclose(_shift(objective.private_source), [0.1, 0.1])
            np.testing.assert_allclose(_shift(objective.private_target), [0.2, 0.2])
            np.testing.assert_allclose(_shift(objective.density), [0.2, 0.2])
            wanted = -np.mean(objective.private_source.log_prob(held_out[0]))
            np.testing.assert_allclose(objective.private_nll_source, wanted, rtol=1e-6)
        seen[stage.name] = stage.domains
        _shift(objective.density).assign([0.1 * (index + 1)] * 2)
    assert seen == {
        "private_source": (0,),
        "private_target": (1,),
        "joint": None,
        "refit_target": (1,),
        "refit_source": None,
    }
    np.testing.assert_allclose(_shift(objective.density), [0.3, 0.3], rtol=1e-6)


@pytest.mark.parametrize(("refit", "kept"), [(0.0, 0.0), (5.0, 2.0)])
def test_the_better_of_two_private_fits_counts(rng, refit, kept):
    objective, held_out = _shiftable(), _held_out(rng)
    for stage in _stages(objective, held_out):
        away = refit if stage.name.startswith("refit") else 2.0
        _shift(objective.density).assign([away, away])
    source = objective.private_source
    np.testing.assert_array_equal(_shift(objective.private_target), [kept, kept])
    np.testing.assert_array_equal(
        _shift(source.distribution if kept == refit else source), [kept, kept]
    )
    for density, nll, x in (
        (source, objective.private_nll_source, held_out[0]),
        (objective.private_target, objective.private_nll_target, held_out[1]),
    ):
        np.testing.assert_allclose(nll, -np.mean(density.log_prob(x)), rtol=1e-6)


def test_the_refit_of_the_source_is_of_the_source_alone(rng):
    objective, (source, target) = _shiftable(), _held_out(rng)
    for stage in _stages(objective, (source, target)):
        if stage.name == "refit_source":
            perturb(objective.flow)
            terms = objective(source, target)
            wanted = terms.nll_source_shared - terms.mean_log_det + terms.constant
            np.testing.assert_allclose(terms.loss, wanted, rtol=1e-6)
    np.testing.assert_array_equal(_shift_of_flow(objective), [0.0, 0.0])
    terms = objective(source, target)
    total = terms.nll_source_shared - terms.mean_log_det + terms.nll_target_shared
    np.testing.assert_allclose(terms.loss, total + terms.constant, rtol=1e-6)


def _shift_of_flow(objective):
    return objective.flow.layers[0].shift


def test_an_abandoned_refit_leaves_the_joint_solution(rng):
    objective, held_out = _shiftable(), _held_out(rng)
    stages = _stages(objective, held_out)
    for stage in stages:
        if stage.name == "refit_source":
            break
    _shift_of_flow(objective).assign([9.0, 9.0])
    _shift(objective.density).assign([9.0, 9.0])
    stages.close()
    np.testing.assert_array_equal(_shift_of_flow(objective), [0.0, 0.0])
    np.testing.assert_array_equal(_shift(objective.density), _shift(objective.private_target))


def test_without_a_pullback_the_source_is_not_fitted_again(rng):
    objective, held_out = _shiftable(pullback=False), _held_out(rng)
    names = [stage.name for stage in _stages(objective, held_out)]
    assert names == ["private_source", "private_target", "joint", "refit_target"]


def test_history_is_restated_with_the_final_constant():
    objective = _shiftable()
    objective.private_nll_source.assign(1.0)
    objective.private_nll_target.assign(2.0)
    old = {"loss": np.array([4.0, 3.0]), "constant": np.array([-3.5, -3.5]), "step": np.arange(2)}
    new = objective.plan().restated(old)
    np.testing.assert_allclose(new["loss"], [4.5, 3.5])
    np.testing.assert_allclose(new["constant"], [-3.0, -3.0])
    np.testing.assert_array_equal(new["step"], old["step"])


def test_degenerate_samples_are_named(rng):
    flat = np.ones((5, 2))
    with pytest.raises(ValueError, match="`source` must have a positive definite covariance"):
        gaussian_lrmf_map(flat, rng.normal(size=(5, 2)))
    with pytest.raises(ValueError, match="`source_cov` must have a positive definite"):
        gaussian_lrmf_distance_from_moments([0.0], [[-1.0]], [0.0], [[3.0]])
    with pytest.raises(ValueError, match=r"`target` must have shape \[M, 2\]"):
        gaussian_lrmf_distance(flat, np.ones((5, 3)))


def test_copying_between_unlike_modules_is_named():
    with pytest.raises(ValueError, match="`destination` must hold 4 variables.*got 2"):
        copy_variables(affine_flow(2), affine_flow(2, kind="diagonal"))


def test_a_fixed_map_is_scored_by_the_distance_of_its_image(rng):
    source, target = _samples(rng, 2).astype(np.float32), _samples(rng, 2).astype(np.float32)
    flow = perturb(affine_flow(2), scale=0.5)
    before = [variable.numpy() for variable in flow.trainable_variables]
    objective = FixedMapLRMFObjective(
        flow,
        gaussian_density(2),
        private_source=gaussian_density(2),
        private_target=gaussian_density(2),
    )
    config = FitConfig(num_steps=600, optimizer=Adam(3e-2), batch_size=300, jit_compile=False)
    result = fit(objective, (source, target), config, validation=(source, target))
    assert set(result.stages) >= {"private_source", "private_target", "shared"}
    wanted = gaussian_lrmf_distance(flow.forward(source).numpy(), target)
    assert float(objective.validation_loss(source, target)) == pytest.approx(wanted, abs=1e-3)
    for old, variable in zip(before, flow.trainable_variables, strict=True):
        np.testing.assert_array_equal(old, variable)
