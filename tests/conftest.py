"""What every test shares: lanes, seeds, two logical CPUs and a guard against AutoGraph."""

from __future__ import annotations

import logging
import os
import random
import sys

import numpy as np
import pytest

os.environ.setdefault("MPLBACKEND", "Agg")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

LANES = ("slow", "long")
NUM_LOGICAL_CPUS = 2
_AUTOGRAPH_FALLBACK = "AutoGraph could not transform"


def pytest_addoption(parser):
    for lane in LANES:
        parser.addoption(
            f"--run{lane}", action="store_true", help=f"also run the tests marked {lane}"
        )


def pytest_configure(config):
    """Make property tests repeatable: the same cases each time, and no deadline."""
    from hypothesis import settings

    settings.register_profile("repository", deadline=None, derandomize=True, max_examples=25)
    settings.load_profile("repository")


def pytest_collection_modifyitems(config, items):
    """Skip the tests of a lane unless its option is given or `-m` speaks of it."""
    for lane in LANES:
        if config.getoption(f"--run{lane}") or lane in config.getoption("-m"):
            continue
        skip = pytest.mark.skip(reason=f"{lane}: give --run{lane} or -m {lane}")
        for item in items:
            if lane in item.keywords:
                item.add_marker(skip)


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector):
    """Split the CPU as soon as a collected module has imported TensorFlow.

    TensorFlow takes the setting only before its first op, and importing it here would slow down
    the tests that do without. So it is set between the import of a test module and its tests;
    a test module must not run an op while it is imported.
    """
    report = yield
    _split_cpu()
    return report


def _split_cpu():
    if "tensorflow" not in sys.modules:
        return
    import tensorflow as tf

    cpu = tf.config.list_physical_devices("CPU")[0]
    if tf.config.get_logical_device_configuration(cpu) is None:
        parts = [tf.config.LogicalDeviceConfiguration()] * NUM_LOGICAL_CPUS
        tf.config.set_logical_device_configuration(cpu, parts)


@pytest.fixture(autouse=True)
def _global_seeds():
    """Seed what the tests themselves may draw from; the library never uses global state."""
    random.seed(0)
    np.random.seed(0)  # noqa: NPY002
    if "tensorflow" in sys.modules:
        sys.modules["tensorflow"].random.set_seed(0)


@pytest.fixture(autouse=True)
def _autograph_guard():
    """Fail a test in which AutoGraph gave up on a function and ran it as it stands."""
    records = []
    handler = logging.Handler(logging.WARNING)
    handler.emit = records.append
    logger = logging.getLogger("tensorflow")
    logger.addHandler(handler)
    yield
    logger.removeHandler(handler)
    fallbacks = [text for text in map(_message, records) if _AUTOGRAPH_FALLBACK in text]
    assert not fallbacks, fallbacks[0]


def _message(record):
    return record.getMessage()


@pytest.fixture
def rng():
    """A fresh generator with a fixed seed for every test."""
    return np.random.default_rng(0)


@pytest.fixture(params=[0, 1, 2])
def seed(request):
    """Three seeds: for promises that must not hang on the luck of one."""
    return request.param


@pytest.fixture
def logical_cpus():
    """The names of two logical CPUs, for tests of `tf.distribute`."""
    import tensorflow as tf

    devices = tf.config.list_logical_devices("CPU")
    assert len(devices) == NUM_LOGICAL_CPUS, "a test module ran a TensorFlow op when imported"
    return [device.name for device in devices]
