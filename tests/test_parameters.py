"""The shared parameters: every one constrained, documented, and plain."""

import pytest

from sklearn_ae._parameters import SharedParameters

from .estimators import ESTIMATORS


@pytest.mark.parametrize("name", ESTIMATORS)
def test_every_parameter_is_constrained_and_documented(name):
    estimator = ESTIMATORS[name]
    parameters = set(estimator.get_params(deep=False))
    assert parameters == set(estimator._parameter_constraints)
    assert set(SharedParameters._parameter_constraints) <= parameters
    for parameter in parameters:
        assert f"\n{parameter} : " in type(estimator).__doc__


@pytest.mark.parametrize("name", ESTIMATORS)
def test_the_number_of_components_may_be_positional(name):
    assert type(ESTIMATORS[name])(3).n_components == 3
    with pytest.raises(TypeError, match="positional"):
        type(ESTIMATORS[name])(3, True)
