import os
import signal

import pytest

from sklearn_ae._transaction import all_or_nothing


class Estimator:
    def __init__(self):
        self.parameter = 1

    @all_or_nothing
    def fit(self, *actions, keyword=None):
        """Fit."""
        for action in actions:
            action(self)
        return self, keyword


def setting(**attributes):
    return lambda estimator: vars(estimator).update(attributes)


def deleting(name):
    return lambda estimator: delattr(estimator, name)


def raising(error):
    def action(estimator):
        raise error

    return action


def press_ctrl_c(estimator):
    os.kill(os.getpid(), signal.SIGINT)


ERRORS = [ValueError("no"), KeyboardInterrupt(), SystemExit(1), MemoryError()]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize(
    "change",
    [setting(net_=1), setting(parameter=2), deleting("parameter"), setting(old_=3)],
    ids=["new", "changed", "deleted", "refitted"],
)
def test_a_failing_method_leaves_the_attributes_as_they_were(change, error):
    estimator = Estimator()
    estimator.old_ = kept = object()
    with pytest.raises(type(error)) as caught:
        estimator.fit(change, raising(error))
    assert caught.value is error
    assert vars(estimator) == {"parameter": 1, "old_": kept}


def test_ctrl_c_leaves_the_attributes_as_they_were():
    estimator = Estimator()
    with pytest.raises(KeyboardInterrupt):
        estimator.fit(setting(net_=1), press_ctrl_c)
    assert vars(estimator) == {"parameter": 1}


def test_a_method_that_succeeds_keeps_what_it_did():
    estimator = Estimator()
    answer = estimator.fit(setting(net_=1), deleting("parameter"), keyword="given")
    assert answer == (estimator, "given")
    assert vars(estimator) == {"net_": 1}


def test_the_method_keeps_its_name_and_docstring():
    assert Estimator.fit.__name__ == "fit"
    assert Estimator.fit.__doc__ == "Fit."
