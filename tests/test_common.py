"""scikit-learn's common checks, over all configurations and both floats."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.utils import estimator_checks
from sklearn.utils.estimator_checks import parametrize_with_checks

from .estimators import ALL, ESTIMATORS

# What these checks run, other tests run as well. To trace it would add a third to their
# time, which is two fifths of the suite's.
pytestmark = pytest.mark.no_cover

# Checks that scikit-learn runs on its own estimators only; plain functions, and due
# here as well.
EXTRA_CHECKS = [
    estimator_checks.check_param_validation,
    estimator_checks.check_set_output_transform,
    estimator_checks.check_set_output_transform_pandas,
    estimator_checks.check_set_output_transform_polars,
    estimator_checks.check_global_output_transform_pandas,
    estimator_checks.check_global_set_output_transform_polars,
    estimator_checks.check_transformer_get_feature_names_out,
    estimator_checks.check_transformer_get_feature_names_out_pandas,
    estimator_checks.check_dataframe_column_names_consistency,
    estimator_checks.check_inplace_ensure_writeable,
    estimator_checks.check_get_feature_names_out_error,
]


class Float32Layout:
    """Reads everything as float32, so that the checks run on that path."""

    def __init__(self, layout):
        self.layout = layout

    def __getattr__(self, name):
        return getattr(self.layout, name)

    def read(self, *args, **kwargs):
        return self.layout.read(*args, **kwargs).astype(np.float32)

    def read_for_pass(self, estimator, X):
        return self.read(estimator, X, reset=False)


class InFloat32:
    """Mixed into an estimator: everything it reads becomes float32."""

    @property
    def _layout(self):
        return Float32Layout(super()._layout)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags


# Named classes of this module, so that pickles find them.
FLOAT32 = {
    kind: type(f"Float32{kind.__name__}", (InFloat32, kind), {"__module__": __name__})
    for kind in {type(estimator) for estimator in ESTIMATORS.values()}
}
globals().update({kind.__name__: kind for kind in FLOAT32.values()})


def in_float32(estimator):
    """Return the estimator's float32 twin."""
    return FLOAT32[type(estimator)](**estimator.get_params(deep=False))


@pytest.mark.filterwarnings(
    # The checks fit on noise for a few epochs, where to be cut short is no defect.
    "ignore:.*was still improving:sklearn.exceptions.ConvergenceWarning"
)
# Configurations in float32 as well would take half an hour more on a slow machine.
@parametrize_with_checks([*ALL.values(), *map(in_float32, ESTIMATORS.values())])
def test_common_check(estimator, check):
    check(estimator)


@pytest.mark.filterwarnings(
    # The checks fit on a data frame and transform an array, or the other way round.
    "ignore:X does not have valid feature names:UserWarning",
    "ignore:X has feature names:UserWarning",
)
@pytest.mark.parametrize("check", EXTRA_CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("name", ESTIMATORS)
def test_extra_check(name, check):
    estimator = ESTIMATORS[name]
    check(type(estimator).__name__, clone(estimator))
