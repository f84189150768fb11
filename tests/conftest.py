"""Options and fixtures of the whole suite."""

from __future__ import annotations

import hypothesis
import pytest

import levada.layers  # noqa: F401 - fills the registry


def pytest_addoption(parser):
    parser.addoption("--deep", action="store_true", help="the nightly sizes of the random tests")
    parser.addoption("--seed", type=int, default=0, help="seed of the layer tests")
    parser.addoption("--update", action="store_true", help="write golden files and baselines anew")


def pytest_configure(config):
    common = {"deadline": None, "suppress_health_check": list(hypothesis.HealthCheck), "print_blob": True}
    hypothesis.settings.register_profile("quick", derandomize=True, max_examples=25, **common)
    hypothesis.settings.register_profile("deep", max_examples=2000, **common)
    hypothesis.settings.load_profile("deep" if config.getoption("--deep") else "quick")


@pytest.fixture
def update(request):
    """Whether golden files are to be written anew instead of compared."""
    return request.config.getoption("--update")
