import contextvars
import threading

import numpy as np
import pytest
from sklearn.base import clone

from sklearn_ae import Autoencoder, DenoisingAutoencoder, _fit_bank
from sklearn_ae._fit_bank import (
    FitBank,
    adopt_fit,
    fit_key,
    is_plain,
    key_of,
    rows_key,
)

pytestmark = pytest.mark.filterwarnings(
    "ignore:.*was still improving:sklearn.exceptions.ConvergenceWarning"
)


@pytest.fixture
def estimator():
    return Autoencoder(2, hidden_layer_sizes=(6,), max_epochs=2, random_state=0)


def banked(estimator, X, times=1):
    """Return a bank that has so many fits of an estimator, and these fits."""
    bank, fits = FitBank(), [clone(estimator).fit(X) for _ in range(times)]
    for fitted in fits:
        bank.put(fit_key(estimator, rows_key(X, None)), fitted)
    return bank, fits


def test_a_fit_is_taken_over(estimator, blob):
    bank, (fitted,) = banked(estimator, blob)
    names = list(vars(fitted))
    with bank.open():
        taker = clone(estimator).fit(blob)
    assert taker.net_ is fitted.net_
    assert sorted(vars(taker)) == sorted(names)
    np.testing.assert_array_equal(taker.transform(blob), fitted.transform(blob))


def test_a_fit_is_given_away_once(estimator, blob):
    bank, fits = banked(estimator, blob, times=2)
    with bank.open():
        takers = [clone(estimator).fit(blob) for _ in range(3)]
    nets = [taker.net_ for taker in takers]
    assert nets[:2] == [fitted.net_ for fitted in fits]
    assert len({id(net) for net in nets}) == 3
    # What one of them does to its network is nothing to the others.
    expected = takers[1].transform(blob)
    takers[0].partial_fit(blob)
    np.testing.assert_array_equal(takers[1].transform(blob), expected)


def test_the_taker_keeps_the_very_parameters_it_was_given(estimator, blob):
    bank, _ = banked(estimator.set_params(hidden_layer_sizes=[6]), blob)
    taker = clone(estimator)
    sizes = taker.hidden_layer_sizes
    with bank.open():
        assert adopt_fit(taker, blob, None)
    assert taker.hidden_layer_sizes is sizes


@pytest.mark.parametrize(
    "change",
    [
        lambda ae, X: (ae.set_params(learning_rate=0.5), X, None),
        lambda ae, X: (ae.set_params(random_state=1), X, None),
        lambda ae, X: (ae, X[:-1], None),
        lambda ae, X: (ae, X + 1e-12, None),
        lambda ae, X: (ae, X.astype(np.float32), None),
        lambda ae, X: (ae, X, np.ones(len(X))),
        lambda ae, X: (DenoisingAutoencoder(**ae.get_params()), X, None),
        lambda ae, X: (type("Autoencoder", (Autoencoder,), {})(**vars(ae)), X, None),
    ],
)
def test_no_other_fit_is_taken(estimator, blob, change):
    bank, _ = banked(estimator, blob)
    other, X, weight = change(clone(estimator), blob)
    with bank.open():
        assert not adopt_fit(other, X, weight)
    assert not hasattr(other, "net_")


def test_without_a_bank_nobody_looks_for_one(estimator, blob, monkeypatch):
    monkeypatch.setattr(_fit_bank, "key_of", lambda *_: pytest.fail("a key was made"))
    estimator.fit(blob)
    bank = FitBank()
    with pytest.raises(RuntimeError), bank.open():
        raise RuntimeError
    assert not adopt_fit(clone(estimator), blob, None)


def test_a_bank_is_open_for_its_own_thread(estimator, blob):
    bank, (fitted,) = banked(estimator, blob)
    takers = [clone(estimator) for _ in range(2)]
    with bank.open():
        thread = threading.Thread(target=takers[0].fit, args=(blob,))
        thread.start()
        thread.join()
        contextvars.copy_context().run(takers[1].fit, blob)
    assert takers[0].net_ is not fitted.net_
    assert takers[1].net_ is fitted.net_


def test_banks_open_inside_each_other(estimator, blob):
    outer, (fitted,) = banked(estimator, blob)
    with outer.open():
        with FitBank().open():
            assert not adopt_fit(clone(estimator), blob, None)
        taker = clone(estimator)
        assert adopt_fit(taker, blob, None)
    assert taker.net_ is fitted.net_


def test_what_cannot_be_pickled_has_no_key(estimator, blob):
    assert key_of(lambda: 0) is None
    estimator.set_params(callbacks=[lambda: 0])
    assert fit_key(estimator, rows_key(blob, None)) is None
    bank = FitBank()
    bank.put(None, estimator)
    assert bank.take(None) is None


def test_keys_follow_contents():
    assert key_of("a", np.arange(3)) == key_of("a", np.arange(3))
    assert key_of("a", np.arange(3)) != key_of("a", np.arange(4))
    assert key_of("a", "b") != key_of("ab")


@pytest.mark.parametrize(
    ("one", "other"),
    [(1, 1.0), (1, True), (0, False), ("1", 1), (None, "None"), ((1,), (True,))],
)
def test_values_that_are_written_differently_differ(estimator, one, other):
    keys = [fit_key(estimator.set_params(verbose=v), "rows") for v in (one, other)]
    assert keys[0] != keys[1]
    assert keys[0] == fit_key(estimator.set_params(verbose=one), "rows")


def test_other_values_have_keys_of_their_contents(estimator):
    assert is_plain((1, (2.5, "a"), None))
    assert not is_plain([1])
    assert not is_plain(np.float64(1))
    keys = [
        fit_key(estimator.set_params(hidden_layer_sizes=sizes), "rows")
        for sizes in ([6], [6], [7])
    ]
    assert keys[0] == keys[1] != keys[2]
