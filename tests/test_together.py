import warnings

import numpy as np
import pytest
import torch
from sklearn.base import clone
from skorch.callbacks import Callback

from sklearn_ae import (
    Autoencoder,
    ConvolutionalNetwork,
    DenoisingAutoencoder,
    SparseAutoencoder,
    VariationalAutoencoder,
    _together,
)
from sklearn_ae._together import Task, can_be_batched, fit_together

from .stacks import Stop, make, message_of, texts

pytestmark = pytest.mark.filterwarnings(
    "ignore:.*was still improving:sklearn.exceptions.ConvergenceWarning"
)


def assert_fits_are_as_alone(estimators, X, *, weight=None, n_jobs=None, rtol=1e-7):
    """Fit together and one by one, and compare; return the outcomes."""
    ours = [clone(estimator) for estimator in estimators]
    outcomes = fit_together([Task(each, X, weight) for each in ours], n_jobs)
    for fitted, estimator, outcome in zip(ours, estimators, outcomes, strict=True):
        assert outcome.error is None
        assert_same_fit(fitted, clone(estimator).fit(X, sample_weight=weight), X, rtol)
    return outcomes


def assert_same_fit(ours, expected, X, rtol):
    names = {name for name in vars(expected) if name.endswith("_")}
    assert names == {name for name in vars(ours) if name.endswith("_")}
    assert ours.best_epoch_ == expected.best_epoch_
    assert ours.n_epochs_ == expected.n_epochs_
    assert ours.max_epochs_ == expected.max_epochs_
    assert ours.n_components_ == expected.n_components_
    for name, losses in expected.history_.items():
        np.testing.assert_allclose(ours.history_[name], losses, rtol=rtol)
    assert ours.offset_ == pytest.approx(expected.offset_, rel=1e3 * rtol)
    size = np.abs(expected.transform(X)).max()
    np.testing.assert_allclose(
        ours.transform(X), expected.transform(X), atol=10 * rtol * size
    )
    assert ours.score(X) == pytest.approx(expected.score(X), rel=10 * rtol)


@pytest.fixture
def stacks(monkeypatch):
    """The sizes of the stacks that are trained, in order."""
    sizes, train_stacked = [], _together.train_stacked

    def count(runs):
        sizes.append(len(runs))
        return train_stacked(runs)

    monkeypatch.setattr(_together, "train_stacked", count)
    return sizes


DIFFERENT = [
    make(),
    make(weight_decay=0.5),
    make(random_state=1),
    make(corruption="gaussian"),
    make(corruption="gaussian", noise_scale=0.1),
    make(corruption="swap", corruption_rate=(0, 0.1, 0.2, 0.3, 0.9)),
    make(contamination=0.1),
    make(outlier_score="reconstruction"),
]

PRECISIONS = [
    make(precision=precision, random_state=seed)
    for seed in (0, 1)
    for precision in ("float32", "float64")
]


def test_few_rows_are_fitted_as_alone(few, stacks):
    outcomes = assert_fits_are_as_alone(DIFFERENT, few)
    assert clone(DIFFERENT[0]).fit(few).improved_on_pca_
    assert stacks == [len(DIFFERENT)]
    assert {outcome.n_together for outcome in outcomes} == {len(DIFFERENT)}
    assert all(outcome.seconds > 0 for outcome in outcomes)


def test_many_rows_are_fitted_as_alone(table, stacks):
    assert_fits_are_as_alone(DIFFERENT, table, rtol=1e-3)
    assert max(stacks) > 2


def test_fits_without_held_out_rows_are_as_alone(few, stacks):
    estimators = [clone(each).set_params(early_stopping=False) for each in DIFFERENT]
    rates = [make(early_stopping=False, learning_rate=rate) for rate in (1e-3, 1e-2)]
    assert_fits_are_as_alone(estimators + rates, few)
    assert stacks == [(len(DIFFERENT) + 2) // 2] * 2


def test_precisions_are_stacks_of_their_own(few, stacks):
    outcomes = fit_together([Task(clone(each), few) for each in PRECISIONS])
    assert [outcome.error for outcome in outcomes] == [None] * 4
    assert stacks == [2, 2]
    assert_fits_are_as_alone(PRECISIONS, few, rtol=1e-4)


def test_columns_of_different_units(few):
    X = few * 10.0 ** np.arange(-2, 3)
    estimators = [
        make(standardize=standardize, random_state=seed)
        for standardize in (True, False)
        for seed in (0, 1)
    ]
    assert_fits_are_as_alone(estimators, X)


def test_weights_of_rows(few):
    weight = np.random.default_rng(0).integers(0, 3, size=100)
    assert_fits_are_as_alone(DIFFERENT[:4], few, weight=weight)


@pytest.mark.parametrize("corruption", ["swap", "gaussian"])
def test_denoisers(few, corruption, stacks):
    name = "noise_scale" if corruption == "gaussian" else "corruption_rate"
    estimators = [
        make(DenoisingAutoencoder, 3, corruption=corruption, **{name: amount})
        for amount in ("auto", 0.1, 0.6)
    ]
    assert_fits_are_as_alone(estimators, few)
    assert stacks == [3]


def test_rows_may_differ(few, table, stacks):
    estimators, tables = (
        [make(), make(), make(), make()],
        [few, few[::-1] * 2, table[:100] + 1, table[:90]],
    )
    tasks = [Task(*pair) for pair in zip(estimators, tables, strict=True)]
    outcomes = fit_together(tasks)
    assert [outcome.n_together for outcome in outcomes] == [3, 3, 3, 1]
    assert stacks == [3]
    for fitted, X in zip(estimators, tables, strict=True):
        assert_same_fit(fitted, clone(fitted).fit(X), X, rtol=1e-7)


def test_fits_of_different_shapes_come_back_in_order(few):
    estimators = [
        make(n_components=k, hidden_layer_sizes=sizes, random_state=seed)
        for seed in (0, 1)
        for k in (1, 2, 0.9)
        for sizes in ((6,), (4, 3))
    ]
    assert_fits_are_as_alone(estimators, few)


@pytest.mark.parametrize(
    "estimator",
    [
        SparseAutoencoder(6, max_epochs=6, random_state=0),
        VariationalAutoencoder(2, max_epochs=6, kl_warmup=4, random_state=0),
        Autoencoder(
            2,
            network=ConvolutionalNetwork(image_shape=(1, -1)),
            max_epochs=1,
            random_state=0,
        ),
    ],
    ids=lambda estimator: type(estimator).__name__,
)
def test_what_has_no_stack_is_fitted_as_by_itself(estimator, few):
    assert not can_be_batched(estimator)
    outcomes = assert_fits_are_as_alone([make(), estimator, make()], few, rtol=1e-12)
    assert [outcome.n_together for outcome in outcomes] == [2, 1, 2]


def test_what_can_be_batched():
    assert can_be_batched(make())
    assert can_be_batched(make(DenoisingAutoencoder))
    for change in ({"warm_start": True}, {"verbose": 1}, {"callbacks": [Callback()]}):
        assert not can_be_batched(make(**change))


# -- failures


@pytest.mark.parametrize("early_stopping", [True, False])
@pytest.mark.parametrize("kind", [Autoencoder, DenoisingAutoencoder])
def test_one_that_diverges_harms_no_other(kind, early_stopping, few):
    # Rates are stacked only where nothing is held out; decays always are.
    bad = {"weight_decay": 1e30} if early_stopping else {"learning_rate": 1e30}
    estimators = [
        make(kind, early_stopping=early_stopping, random_state=seed)
        for seed in range(3)
    ]
    estimators[1].set_params(**bad)
    ours = [clone(each) for each in estimators]
    found = texts(fit_together([Task(each, few) for each in ours]))
    assert found == [None, message_of(estimators[1], few), None]
    assert found[1].startswith("Training diverged")
    assert not hasattr(ours[1], "net_")
    for place in (0, 2):
        expected = clone(estimators[place]).fit(few)
        assert_same_fit(ours[place], expected, few, rtol=1e-7)


@pytest.mark.parametrize(
    "change",
    [{"max_epochs": -1}, {"hidden_layer_sizes": (0,)}, {"corruption_rate": (1, 2)}],
)
def test_wrong_parameters_are_their_own_fits_error(change, few):
    wrong = make(corruption="swap").set_params(**change)
    found = texts(fit_together([Task(each, few) for each in (make(), wrong, make())]))
    assert found == [None, message_of(wrong, few), None]


@pytest.mark.parametrize("trim", ["auto", 0.0, 0.2])
def test_rows_are_left_out_as_in_a_fit_alone(trim, few, stacks):
    estimators = [make(trim=trim, random_state=seed) for seed in range(3)]
    assert can_be_batched(estimators[0]) == (trim != 0.2)
    assert_fits_are_as_alone(estimators, few)
    assert stacks == ([] if trim == 0.2 else [3])


def test_wrong_rows_are_their_own_fits_error(few):
    wrong = np.full((100, 5), np.nan)
    tasks = [Task(make(), X) for X in (few, wrong, few)]
    assert texts(fit_together(tasks)) == [None, message_of(make(), wrong), None]


def test_a_warning_made_an_error_is_its_own_fits(few, monkeypatch):
    monkeypatch.setattr("sklearn_ae._facts.STILL_IMPROVING", -1)
    tasks = [Task(make(random_state=seed), few) for seed in range(2)]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = texts(fit_together(tasks))
    assert all("still improving" in text for text in found)


def said_of_stacks(caught):
    return [text for text in (str(w.message) for w in caught) if "together" in text]


def test_fits_of_a_stack_that_fails_start_afresh(few, monkeypatch):
    def fail(runs):
        for run in runs:
            with torch.no_grad():
                for parameter in run.network.parameters():
                    parameter.fill_(np.nan)
        raise RuntimeError("no kernel image is available")

    monkeypatch.setattr(_together, "train_stacked", fail)
    with pytest.warns(UserWarning) as caught:  # noqa: PT030
        assert_fits_are_as_alone([make(), make(random_state=1)], few, rtol=1e-12)
    assert said_of_stacks(caught) == [
        "2 fits could not be trained together, and are trained one by one: "
        "RuntimeError: no kernel image is available"
    ]


def test_a_stack_that_runs_out_of_memory_is_halved(few, monkeypatch):
    sizes, train_stacked = [], _together.train_stacked

    def fill(runs):
        sizes.append(len(runs))
        trainings = train_stacked(runs)  # memory runs out in the midst of it
        if len(runs) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return trainings

    monkeypatch.setattr(_together, "train_stacked", fill)
    with pytest.warns(UserWarning) as caught:  # noqa: PT030
        assert_fits_are_as_alone([make(random_state=i) for i in range(5)], few)
    assert sizes == [5, 2, 3, 2]  # and one alone
    assert said_of_stacks(caught) == [
        f"{size} fits that are trained together ran out of memory on device='cpu', and "
        "start again in two halves."
        for size in (5, 3)
    ]


def test_callbacks_of_scikit_learn_are_called(few):
    pytest.importorskip("sklearn.callback")
    estimators = [make(early_stopping=False, random_state=seed) for seed in (0, 1)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for estimator in estimators:
            estimator.set_callbacks(Stop())
    assert not can_be_batched(estimators[0])
    fit_together([Task(each, few) for each in estimators])
    assert [each.n_epochs_ for each in estimators] == [2, 2]


def test_ctrl_c_ends_it_all(few, monkeypatch):
    def interrupt(runs):
        raise KeyboardInterrupt

    monkeypatch.setattr(_together, "train_stacked", interrupt)
    with pytest.raises(KeyboardInterrupt):
        fit_together([Task(make(), few), Task(make(), few)])


# -- rows and stacks


def test_rows_are_read_once(few):
    integers = (few * 100).astype(int)
    tasks = [Task(make(random_state=seed), integers) for seed in range(3)]
    opened = _together._opened(tasks)
    assert len({id(fit.rows) for fit in opened}) == 1
    assert_fits_are_as_alone([task.estimator for task in tasks], integers)


def test_stacks_are_told_of_where_asked_for(few, capsys):
    estimators = [make(random_state=seed) for seed in range(3)]
    estimators += [make(max_epochs=-1), make(n_components=1)]
    tasks = [Task(each, few) for each in estimators]
    fit_together(tasks)
    assert not capsys.readouterr().out
    fit_together([Task(clone(each), few) for each in estimators], verbose=1)
    lines = [line.rpartition(" in ") for line in capsys.readouterr().out.splitlines()]
    assert sorted(said for said, _, _ in lines) == [
        "Trained 1 of 5 fits",
        "Trained 3 of 5 fits",
    ]
    for _, _, time in lines:
        assert float(time.removesuffix(" s")) >= 0


def test_nothing_to_fit():
    assert fit_together([]) == []


def test_stacks_are_as_large_as_the_cache(few, monkeypatch, stacks):
    (opened,) = _together._opened([Task(make(), few)])
    for n_fits, most in ((2, 8), (8, 8), (9, 8), (16, 8), (17, 16), (100, 16)):
        assert _together._stack_size(opened, n_fits) == most
    monkeypatch.setattr(_together, "UNSPLIT_FITS", 10_000)
    size = _together._stack_size(opened, 5)
    assert 10_000 > size > 10
    monkeypatch.setattr(_together, "CPU_CELLS", 2 * _together.CPU_CELLS // size)
    assert _together._stack_size(opened, 5) == 2
    assert_fits_are_as_alone([make(random_state=seed) for seed in range(5)], few)
    assert stacks == [2, 2]  # and one alone
    monkeypatch.setattr(_together, "CPU_CELLS", 1)
    assert _together._stack_size(opened, 5) == 1


def test_the_size_of_a_stack_is_found_without_its_memory():
    rows = np.random.default_rng(0).normal(size=(12, 20_000))
    tasks = [Task(make(max_epochs=0, early_stopping=False), rows)]
    (opened,) = _together._opened(tasks)
    # A linear path of as many components as columns would take 3 GB.
    assert _together._stack_size(opened, 5) >= 1
