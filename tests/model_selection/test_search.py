"""Batched searches beside scikit-learn's own: the same, but for the time."""

import copy
import os
import pickle
import warnings

import numpy as np
import pytest
import sklearn
import torch
from scipy import sparse
from scipy.stats import loguniform
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.decomposition import PCA
from sklearn.exceptions import FitFailedWarning
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    KFold,
    RandomizedSearchCV,
    ShuffleSplit,
    cross_val_score,
)
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    MaxAbsScaler,
    MinMaxScaler,
    StandardScaler,
)
from skorch.callbacks import Callback

from sklearn_ae import (
    Autoencoder,
    DenoisingAutoencoder,
    VariationalAutoencoder,
    _base,
    _together,
)
from sklearn_ae._fit_bank import _bank
from sklearn_ae._together import fit_together
from sklearn_ae.metrics import reconstruction_r2
from sklearn_ae.model_selection import (
    BatchedGridSearchCV,
    BatchedRandomizedSearchCV,
    _fits,
)
from sklearn_ae.model_selection._fits import FixedSplits

from ..stacks import Stop

pytestmark = pytest.mark.filterwarnings(
    "ignore:.*was still improving:sklearn.exceptions.ConvergenceWarning"
)

# With these PCA is improved on in every fold.
AE = Autoencoder(
    2,
    hidden_layer_sizes=(8,),
    learning_rate=0.05,
    max_epochs=8,
    validation_fraction=0.5,
    random_state=0,
)
GRID = {"learning_rate": [0.05, 0.02], "weight_decay": [0.0, 1.0]}

VARIATIONAL = VariationalAutoencoder(
    2, hidden_layer_sizes=(8,), max_epochs=2, validation_fraction=0.5, random_state=0
)

FALLS_BACK = (
    "BatchedGridSearchCV fits {n} of {of} candidates one by one, such as {such}: "
    "{why}. Only Autoencoder, OutlierAutoencoder and DenoisingAutoencoder with "
    "network='dense', alone or as the last step of a Pipeline, and without callbacks, "
    "warm_start, verbose and a share to trim, are trained together."
)


@pytest.fixture
def rows():
    """Rows that are cross-fitted, shape (150, 5)."""
    return curved(150)


@pytest.fixture
def alone(monkeypatch):
    """The estimators that are trained by their own ``fit``."""
    fitted, train = [], _base.BaseAutoencoder._train

    def count(self, *args):
        fitted.append(self)
        return train(self, *args)

    monkeypatch.setattr(_base.BaseAutoencoder, "_train", count)
    return fitted


def r2_and_outliers(estimator, X, y=None):
    """Judge an estimator by what takes scores of outliers."""
    return estimator.score(X) + (estimator.predict(X) == 1).mean()


def curved(n_rows):
    rng = np.random.default_rng(0)
    t = rng.uniform(-2, 2, size=(n_rows, 2))
    X = np.column_stack([t, t[:, 0] ** 2, np.sin(2 * t[:, 1]), t[:, 0] * t[:, 1]])
    return X + 0.1 * rng.normal(size=X.shape)


def assert_same_search(ours, expected, rtol=1e-9):
    """Check a fitted search against scikit-learn's."""
    assert ours.cv_results_.keys() == expected.cv_results_.keys()
    assert ours.cv_results_["params"] == expected.cv_results_["params"]
    for name, values in expected.cv_results_.items():
        if name.startswith("rank_test_"):  # up to rounding, by which ties may differ
            scores = expected.cv_results_[name.replace("rank_test_", "mean_test_")]
            ranked = scores[np.argsort(ours.cv_results_[name], kind="stable")]
            assert (np.diff(ranked) <= rtol).all() or np.isnan(ranked).any()
        elif "test_" in name or "train_" in name:
            np.testing.assert_allclose(
                ours.cv_results_[name], values, rtol=rtol, err_msg=name, atol=rtol
            )
    fitted = {name for name in vars(expected) if name.endswith("_")}
    assert {name for name in vars(ours) if name.endswith("_")} == fitted
    assert ours.n_splits_ == expected.n_splits_
    assert ours.multimetric_ == expected.multimetric_
    if hasattr(expected, "best_params_"):
        assert ours.best_params_ == expected.best_params_
        assert ours.best_index_ == expected.best_index_


def search_both(estimator, grid, X, y=None, *, fit_params=None, rtol=1e-9, **kwargs):
    """Fit ours and scikit-learn's, compare, and return ours."""
    kwargs = {"cv": 3, **kwargs}
    searches = [
        kind(clone(estimator), grid, **copy.deepcopy(kwargs)).fit(
            X, y, **(fit_params or {})
        )
        for kind in (BatchedGridSearchCV, GridSearchCV)
    ]
    assert_same_search(*searches, rtol=rtol)
    return searches[0]


# -- plain estimators


@pytest.mark.parametrize(
    "grid",
    [
        GRID,
        {"corruption": [None, "gaussian", "swap"], "n_components": [1, 2]},
        {"hidden_layer_sizes": [(8,), (4, 4), 8], "standardize": [True, False]},
        {"early_stopping": [True, False], "max_epochs": [0, 3]},
        {"n_components": [0.5, 0.9], "validation_fraction": [0.2, 0.5]},
        {"random_state": [0, 1, 1], "activation": ["silu", "tanh"]},
        {"outlier_score": ["auto", "reconstruction"], "contamination": ["auto", 0.1]},
        [{"learning_rate": [0.01]}, {"weight_decay": [0.1, 0.2], "n_components": [1]}],
        {},
    ],
    ids=str,
)
def test_few_rows(grid, rows, alone):
    ours = BatchedGridSearchCV(clone(AE), grid, cv=3).fit(rows)
    assert len(alone) == 1  # the refit
    assert_same_search(ours, GridSearchCV(clone(AE), grid, cv=3).fit(rows))


def test_few_rows_are_improved_on(rows):
    search = BatchedGridSearchCV(AE, GRID, cv=3).fit(rows)
    assert search.best_estimator_.improved_on_pca_
    assert np.ptp(search.cv_results_["mean_test_score"]) > 1e-3


def test_many_rows():
    grid = {"learning_rate": [0.03, 0.003], "corruption": [None, "masking"]}
    search_both(AE, grid, curved(1600), rtol=1e-3, cv=2)


def test_denoisers(rows, alone):
    denoiser = DenoisingAutoencoder(**{**AE.get_params(), "corruption": "swap"})
    grid = {"corruption_rate": [0.1, "auto"], "corruption": ["masking", "swap"]}
    denoiser.set_params(corruption_rate="auto", noise_scale="auto")
    search_both(denoiser, grid, rows)
    assert len(alone) == 1 + 4 * 3 + 1


@pytest.mark.parametrize(
    "make_splits",
    [
        lambda: 4,
        lambda: None,
        lambda: KFold(3, shuffle=True, random_state=0),
        lambda: ShuffleSplit(2, random_state=1),
        lambda: [(np.arange(80), np.arange(80, 150)), (np.arange(90), np.arange(9))],
    ],
)
def test_splits(make_splits, rows, alone):
    search = search_both(AE, {"weight_decay": [0, 1]}, rows, cv=make_splits())
    n_splits = search.n_splits_
    assert len(alone) == 1 + 2 * n_splits + 1  # ours were in stacks


def test_splits_from_a_generator(rows, alone):
    splits = list(KFold(3).split(rows))
    search = BatchedGridSearchCV(AE, GRID, cv=(split for split in splits)).fit(rows)
    assert len(alone) == 1
    assert_same_search(search, GridSearchCV(AE, GRID, cv=splits).fit(rows))


def test_random_splits_are_drawn_once(rows, alone):
    splits = KFold(3, shuffle=True)
    search = BatchedGridSearchCV(AE, GRID, cv=splits, refit=False).fit(rows)
    assert not alone
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


def test_splits_may_be_such_of_groups(rows, alone):
    groups = np.arange(150) % 7
    search = BatchedGridSearchCV(AE, GRID, cv=GroupKFold(3)).fit(rows, groups=groups)
    assert len(alone) == 1
    expected = GridSearchCV(AE, GRID, cv=GroupKFold(3)).fit(rows, groups=groups)
    assert_same_search(search, expected)


def test_fixed_splits():
    splits = [(np.arange(3), np.arange(3, 5)), (np.arange(2, 5), np.arange(2))]
    cv = FixedSplits(splits)
    assert cv.get_n_splits(np.ones(5), None, groups=None) == 2
    assert list(cv.split(np.ones(5))) == list(cv.split(np.ones(5))) == splits


# -- scores


def mean_code(estimator, X, y=None):
    return float(np.abs(estimator.transform(X)).mean())


def two_scores(estimator, X, y=None):
    return {"r2": estimator.score(X), "code": mean_code(estimator, X)}


def middle(results):
    return int(np.argsort(results["mean_test_score"])[1])


@pytest.mark.parametrize(
    "kwargs",
    [
        {"refit": False},
        {"refit": middle},
        {"return_train_score": True},
        {"scoring": reconstruction_r2},
        {"scoring": {"r2": reconstruction_r2, "code": mean_code}, "refit": "code"},
        {"scoring": {"r2": reconstruction_r2, "code": mean_code}, "refit": False},
        {"scoring": two_scores, "refit": "r2", "return_train_score": True},
        {"error_score": "raise"},
    ],
)
def test_scores_and_refits(kwargs, rows, alone):
    search = BatchedGridSearchCV(AE, GRID, cv=3, **kwargs).fit(rows)
    assert len(alone) == (kwargs.get("refit") is not False)
    assert_same_search(search, GridSearchCV(AE, GRID, cv=3, **kwargs).fit(rows))


def test_a_label_goes_to_the_scorer(rows):
    def separation(estimator, X, y):
        codes = estimator.transform(X)[:, 0]
        return abs(codes[y == 1].mean() - codes[y == 0].mean())

    y = (rows[:, 0] > 0).astype(int)
    search_both(AE, GRID, rows, y, scoring=separation)


@pytest.mark.parametrize("as_given", [np.asarray, list], ids=["array", "list"])
def test_weights_of_rows(as_given, rows, alone):
    weight = np.random.default_rng(0).integers(0, 3, size=150)
    params = {"sample_weight": as_given(weight)}
    search_both(AE, GRID, rows, fit_params=params)
    assert len(alone) == 1 + 4 * 3 + 1


def test_a_scorer_without_weights_is_warned_of_once(rows):
    weight = np.linspace(1, 2, 150)
    messages = []
    for kind in (BatchedGridSearchCV, GridSearchCV):
        search = kind(AE, {"weight_decay": [0]}, cv=2, scoring=mean_code)
        with pytest.warns(UserWarning, match="does not support sample_weight") as said:
            search.fit(rows, sample_weight=weight)
        texts = [str(each.message) for each in said]
        messages.append([text for text in texts if "sample_weight" in text])
    assert len(messages[0]) == len(messages[1]) == 1


def test_weights_of_a_series_with_an_index_of_its_own(rows, alone):
    pd = pytest.importorskip("pandas")
    weight = np.random.default_rng(0).uniform(size=150)
    weight = pd.Series(weight, index=range(150, 0, -1))
    search_both(AE, GRID, rows, fit_params={"sample_weight": weight})
    assert len(alone) == 1 + 4 * 3 + 1


def test_routed_weights(rows, alone):
    weight = np.linspace(0, 2, 150)
    with sklearn.config_context(enable_metadata_routing=True):
        estimator = clone(AE).set_fit_request(sample_weight=True)
        estimator.set_score_request(sample_weight=True)
        search_both(estimator, GRID, rows, fit_params={"sample_weight": weight})
        assert len(alone) == 1 + 4 * 3 + 1
        del alone[:]
        estimator.set_fit_request(sample_weight=False)
        search_both(estimator, GRID, rows, fit_params={"sample_weight": weight})
        assert len(alone) == 1 + 4 * 3 + 1


def test_routed_weights_in_a_pipeline(rows):
    weight = np.linspace(0, 2, 150)
    with sklearn.config_context(enable_metadata_routing=True):
        scaler = StandardScaler().set_fit_request(sample_weight=True)
        estimator = clone(AE).set_fit_request(sample_weight=True)
        estimator.set_score_request(sample_weight=True)
        pipeline = Pipeline([("scaler", scaler), ("ae", estimator)])
        grid = {"ae__weight_decay": [0, 1]}
        with pytest.warns(UserWarning) as caught:  # noqa: PT030
            search_both(pipeline, grid, rows, fit_params={"sample_weight": weight})
    assert [str(each.message) for each in caught] == [
        "BatchedGridSearchCV fits all candidates one by one: fit was given "
        "['sample_weight']. Fits that are trained together take sample_weight, unless "
        "they are a Pipeline's, and nothing else."
    ]


# -- forms of rows


def as_frame(X):
    pd = pytest.importorskip("pandas")
    return pd.DataFrame(X, columns=list("abcde"), index=range(len(X), 0, -1))


def as_polars(X):
    return pytest.importorskip("polars").DataFrame(X, schema=list("abcde"))


@pytest.mark.parametrize(
    "form",
    [
        as_frame,
        as_polars,
        sparse.csr_array,
        sparse.coo_array,
        sparse.csc_array,
        np.ndarray.tolist,
        np.float32,
        np.asfortranarray,
        lambda X: (100 * X).astype(int),
    ],
)
@pytest.mark.parametrize("is_pipeline", [False, True])
def test_rows_come_in_any_form(form, is_pipeline, rows, alone):
    estimator, grid = AE, {"weight_decay": [0, 1]}
    if is_pipeline:
        estimator = Pipeline([("scaler", MaxAbsScaler()), ("ae", AE)])
        grid = {"ae__weight_decay": [0, 1]}
    X = form(rows)
    search = search_both(estimator, grid, X, cv=2, rtol=1e-4)
    assert len(alone) == 1 + 2 * 2 + 1
    if form in (as_frame, as_polars):
        assert list(search.feature_names_in_) == list("abcde")


# -- pipelines


class CountingScaler(TransformerMixin, BaseEstimator):
    """Scales, and counts how often it is fitted."""

    counts = []

    def __init__(self, factor=1.0):
        self.factor = factor

    def fit(self, X, y=None):
        self.counts.append((self.factor, len(X)))
        self.mean_ = X.mean(axis=0)
        return self

    def transform(self, X):
        return (X - self.mean_) * self.factor


@pytest.mark.parametrize("n_before", [0, 1, 2])
def test_steps_before_are_fitted_once_for_each_fold(n_before, rows, alone):
    CountingScaler.counts.clear()
    before = [(f"scaler{i}", CountingScaler()) for i in range(n_before)]
    pipeline = Pipeline([*before, ("ae", AE)])
    grid = {f"ae__{name}": values for name, values in GRID.items()}
    search = BatchedGridSearchCV(pipeline, grid, cv=3).fit(rows)
    assert len(alone) == 1
    assert CountingScaler.counts == [
        *[(1.0, 100)] * 3 * n_before,
        *[(1.0, 150)] * n_before,
    ]
    assert_same_search(search, GridSearchCV(pipeline, grid, cv=3).fit(rows))


def test_parameters_of_steps_before(rows, alone):
    CountingScaler.counts.clear()
    pipeline = make_pipeline(CountingScaler(), StandardScaler(), AE)
    grid = {
        "countingscaler__factor": [1.0, 5.0],
        "standardscaler": [StandardScaler(with_std=False), "passthrough"],
        "autoencoder__weight_decay": [0, 1],
    }
    search = BatchedGridSearchCV(pipeline, grid, cv=3).fit(rows)
    assert len(alone) == 1
    folds = [count for count in CountingScaler.counts if count[1] == 100]
    assert sorted(folds) == [(1.0, 100)] * 3 + [(5.0, 100)] * 3
    expected = GridSearchCV(pipeline, grid, cv=3).fit(rows)
    params = [str(each.cv_results_.pop("params")) for each in (search, expected)]
    assert params[0] == params[1]
    for each in (search, expected):
        each.cv_results_["params"] = params[0]
        each.best_params_ = str(each.best_params_)
    assert_same_search(search, expected)


def test_the_pipeline_is_left_as_it_was(rows):
    pipeline = make_pipeline(StandardScaler(), clone(AE))
    before = str(pipeline.get_params())
    search = BatchedGridSearchCV(pipeline, {"autoencoder__weight_decay": [0, 1]}, cv=2)
    search.fit(rows)
    assert search.estimator is pipeline
    assert str(pipeline.get_params()) == before
    assert not hasattr(pipeline[0], "mean_")
    assert search.best_estimator_.memory is None
    assert "memory" in repr(search.get_params())


def test_a_memory_of_the_users_stays(rows, tmp_path, alone):
    pipeline = make_pipeline(StandardScaler(), AE, memory=str(tmp_path))
    search = search_both(pipeline, {"autoencoder__weight_decay": [0, 1]}, rows, cv=2)
    assert search.best_estimator_.memory == str(tmp_path)
    assert len(alone) == 1 + 2 * 2 + 1


def test_a_step_that_cannot_be_pickled(rows, alone):
    step = FunctionTransformer(lambda X: 2 * X)
    pipeline = make_pipeline(step, AE)
    search_both(pipeline, {"autoencoder__weight_decay": [0, 1]}, rows, cv=2)
    assert len(alone) == 1 + 2 * 2 + 1


def test_a_step_that_fails_for_one_candidate(rows):
    pipeline = make_pipeline(PCA(), AE)
    grid = {"pca__n_components": [4, 99], "autoencoder__weight_decay": [0, 1]}
    with pytest.warns(FitFailedWarning, match="4 fits failed out of a total of 8"):
        search = BatchedGridSearchCV(pipeline, grid, cv=2, error_score=-7).fit(rows)
    scores = search.cv_results_["mean_test_score"]
    assert (scores[[1, 3]] == -7).all()
    assert (scores[[0, 2]] > 0.5).all()


# -- failures


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("max_epochs", [3, -1, 4]),
        ("weight_decay", [0.1, 1e30, 1.0]),
        ("hidden_layer_sizes", [(8,), (0,), (4,)]),
    ],
)
def test_a_candidate_that_fails_is_scored_so(name, values, rows, alone):
    searches = []
    for kind in (BatchedGridSearchCV, GridSearchCV):
        with pytest.warns(FitFailedWarning) as caught:
            searches.append(kind(AE, {name: values}, cv=2, error_score=-7).fit(rows))
        searches[-1].messages = [str(each.message) for each in caught]
    assert searches[0].cv_results_["mean_test_score"][1] == -7
    summaries = [each.messages[0].partition("\n")[0] for each in searches]
    assert summaries[0] == summaries[1]
    del searches[0].messages, searches[1].messages
    assert_same_search(*searches)


def test_learning_rates_that_diverge_without_held_out_rows(rows):
    estimator = clone(AE).set_params(early_stopping=False)
    grid = {"learning_rate": [0.03, 1e30, 0.01]}
    searches = []
    for kind in (BatchedGridSearchCV, GridSearchCV):
        with pytest.warns(FitFailedWarning, match="Training diverged"):
            searches.append(kind(estimator, grid, cv=2, error_score=-7).fit(rows))
    assert_same_search(*searches)


def test_an_error_is_raised_where_asked_for(rows):
    grid = {"weight_decay": [0.1, 1e30]}
    search = BatchedGridSearchCV(clone(AE), grid, cv=2, error_score="raise")
    with pytest.raises(ValueError, match="Training diverged"):
        search.fit(rows)
    assert not hasattr(search, "_asked")
    assert _bank.get() is None


def test_ctrl_c_in_a_scorer(rows):
    def interrupt(estimator, X, y=None):
        raise KeyboardInterrupt

    pipeline = make_pipeline(StandardScaler(), AE)
    grid = {"autoencoder__weight_decay": [0, 1]}
    search = BatchedGridSearchCV(pipeline, grid, scoring=interrupt)
    with pytest.raises(KeyboardInterrupt):
        search.fit(rows)
    assert _bank.get() is None
    assert search.estimator is pipeline
    assert pipeline.memory is None
    assert not hasattr(search, "_asked")
    pickle.dumps(search.set_params(scoring=None))


def test_a_failed_fit_leaves_the_best_of_the_fit_before(rows):
    search = BatchedGridSearchCV(clone(AE), GRID, cv=2, error_score="raise").fit(rows)
    best = search.best_estimator_
    search.set_params(estimator=make_pipeline(StandardScaler(), clone(AE)))
    search.set_params(param_grid={"autoencoder__max_epochs": [-1]})
    with pytest.raises(ValueError, match="max_epochs"):
        search.fit(rows)
    assert search.best_estimator_ is best


def test_a_wrong_parameter_of_the_search_is_scikit_learns_error(rows):
    messages = []
    for kind in (BatchedGridSearchCV, GridSearchCV):
        for wrong in ({"refit": 3.5}, {"cv": 1.5}, {"n_jobs": "two"}):
            with pytest.raises(ValueError, match=r"parameter of|Expected cv") as caught:
                kind(AE, GRID, **wrong).fit(rows)
            messages.append(str(caught.value).replace("Batched", ""))
        with pytest.raises(ValueError, match="Invalid parameter") as caught:
            kind(AE, {"beta": [1]}).fit(rows)
        messages.append(str(caught.value))
    assert messages[:4] == messages[4:]


# -- what is not batched


def assert_falls_back(estimator, grid, X, such, n, of, why, **kwargs):
    with pytest.warns(UserWarning) as caught:  # noqa: PT030
        ours = BatchedGridSearchCV(clone(estimator), grid, cv=2, **kwargs).fit(X)
    messages = [str(each.message) for each in caught]
    assert [text for text in messages if "one by one" in text] == [
        FALLS_BACK.format(n=n, of=of, such=such, why=why)
    ]
    expected = GridSearchCV(clone(estimator), grid, cv=2).fit(X)
    assert_same_search(ours, expected)
    return ours


def test_other_estimators_are_fitted_one_by_one(rows):
    grid, such = {"beta": [0.5, 1.0]}, "{'beta': 0.5}"
    why = "it is a VariationalAutoencoder"
    assert_falls_back(VARIATIONAL, grid, rows, such, 2, 2, why)


def test_what_is_no_autoencoder_is_fitted_too(rows):
    grid, such = {"n_components": [1, 2]}, "{'n_components': 1}"
    assert_falls_back(PCA(), grid, rows, such, 2, 2, "it is a PCA")
    pipeline = make_pipeline(clone(AE), PCA())
    grid, such = {"autoencoder__weight_decay": [0]}, "{'autoencoder__weight_decay': 0}"
    assert_falls_back(pipeline, grid, rows, such, 1, 1, "its last step is a PCA")


@pytest.mark.parametrize(
    "change", [{"warm_start": True}, {"verbose": 1}], ids=["warm_start", "verbose"]
)
def test_some_are_fitted_one_by_one(change, rows, alone, capsys):
    ((name, value),) = change.items()
    grid = {name: [0 if name == "verbose" else False, value], "weight_decay": [0]}
    such = str({name: value, "weight_decay": 0})
    assert_falls_back(AE, grid, rows, such, 1, 2, f"it has {name}={value!r}")
    assert len(alone) == 2 + 1 + 2 * 2 + 1


def test_callbacks_are_heard_as_ever(rows, alone):
    class Unpicklable(Callback):
        heard = []

        def on_train_end(self, net, **kwargs):
            self.heard.append(len(net.history))

    grid = {"callbacks": [None, [Unpicklable()]], "max_epochs": [3]}
    with pytest.warns(UserWarning, match="fits 1 of 2 candidates one by one"):
        search = BatchedGridSearchCV(AE, grid, cv=2, refit=False).fit(rows)
    assert Unpicklable.heard == [3, 3]
    assert len(alone) == 2
    scores = search.cv_results_["mean_test_score"]
    assert scores[0] == pytest.approx(scores[1])


def test_classes_may_be_searched(rows, alone):
    pipeline = Pipeline([("scaler", StandardScaler()), ("ae", AE)])
    grid = {"ae": [clone(AE), clone(VARIATIONAL), PCA(2)]}
    ours = BatchedGridSearchCV(pipeline, grid, cv=2, scoring=reconstruction_r2)
    with pytest.warns(UserWarning, match="fits 2 of 3 candidates one by one"):
        ours.fit(rows)
    assert [type(each) for each in alone[:2]] == [VariationalAutoencoder] * 2
    expected = GridSearchCV(pipeline, grid, cv=2, scoring=reconstruction_r2).fit(rows)
    np.testing.assert_allclose(
        ours.cv_results_["mean_test_score"], expected.cv_results_["mean_test_score"]
    )


@pytest.mark.parametrize(
    "steps",
    [
        [StandardScaler(), MinMaxScaler(copy=False)],
        [StandardScaler(copy=False), MinMaxScaler(copy=False)],
        [MinMaxScaler(copy=False)],
    ],
    ids=["second", "both", "only"],
)
def test_steps_may_work_in_place(steps, rows, alone):
    grid = {
        "minmaxscaler__feature_range": [(0, 1), (0, 3), (-1, 5)],
        "autoencoder__weight_decay": [0, 1],
    }
    pipeline = make_pipeline(*steps, AE)
    searches = [
        kind(clone(pipeline), grid, cv=3).fit(rows.copy())  # the refit may change it
        for kind in (BatchedGridSearchCV, GridSearchCV)
    ]
    assert_same_search(*searches)
    assert len(alone) == 1 + 6 * 3 + 1


def test_precisions_are_batched(rows, alone):
    grid = {"precision": ["float32", "float64"], "weight_decay": [0, 1]}
    search_both(AE, grid, rows, rtol=1e-4)
    assert len(alone) == 1 + 4 * 3 + 1


def test_callbacks_of_scikit_learn_are_called(rows):
    pytest.importorskip("sklearn.callback")
    estimator = clone(AE).set_params(early_stopping=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        estimator.set_callbacks(Stop())
    grid, such = {"weight_decay": [0, 1]}, "{'weight_decay': 0}"
    search = assert_falls_back(estimator, grid, rows, such, 2, 2, "it has callbacks")
    assert search.best_estimator_.n_epochs_ == 2


def test_wrong_parameters_are_raised_before_any_training(rows, alone, monkeypatch):
    def train(*args):
        raise AssertionError("a stack is trained")

    monkeypatch.setattr(_together, "fit_opened", train)
    search = BatchedGridSearchCV(
        clone(AE), {"learning_rate": [0.1, -1]}, cv=2, error_score="raise"
    )
    with pytest.raises(ValueError, match="'learning_rate' parameter of Autoencoder"):
        search.fit(rows)
    assert not alone


def test_nothing_is_left_of_the_steps(rows):
    pipeline = make_pipeline(StandardScaler(), clone(AE))
    grid = {"autoencoder__weight_decay": [0, 1]}
    search = BatchedGridSearchCV(pipeline, grid, cv=2).fit(rows)
    assert b"StepCache" not in pickle.dumps(search)
    assert search.estimator is pipeline
    assert search.best_estimator_.memory is None


def test_candidates_decide_whatever_the_estimator_is(rows, alone):
    search = BatchedGridSearchCV(
        Pipeline([("ae", clone(VARIATIONAL))]), {"ae": [clone(AE)]}, cv=2, n_jobs=2
    )
    search.fit(rows)
    assert len(alone) == 1


# -- jobs


def process(estimator, X, y=None):
    return float(os.getpid())


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_jobs_change_nothing_and_scores_are_taken_here(n_jobs, rows, alone):
    pipeline = make_pipeline(StandardScaler(), AE)
    grid = {"autoencoder__n_components": [1, 2], "autoencoder__weight_decay": [0, 1]}
    search = BatchedGridSearchCV(pipeline, grid, cv=2, n_jobs=n_jobs).fit(rows)
    assert len(alone) == 1
    assert search.n_jobs == n_jobs
    assert_same_search(search, GridSearchCV(pipeline, grid, cv=2).fit(rows))
    search.set_params(scoring=process).fit(rows)
    assert (search.cv_results_["mean_test_score"] == os.getpid()).all()


@pytest.mark.parametrize(
    ("estimator", "grid"),
    [
        (
            make_pipeline(StandardScaler(), clone(VARIATIONAL)),
            {"variationalautoencoder__beta": [0.5, 1.0]},
        ),
        (AE, {"trim": [0.05, 0.1]}),
        (
            make_pipeline(StandardScaler(), AE),
            {"autoencoder__trim": [0.05, 0.1]},
        ),
    ],
)
def test_what_is_not_batched_is_fitted_in_processes(estimator, grid, rows):
    search = BatchedGridSearchCV(
        clone(estimator), grid, cv=2, n_jobs=2, scoring=process, refit=False
    )
    with pytest.warns(UserWarning, match="fits 2 of 2 candidates one by one"):
        search.fit(rows)
    assert (search.cv_results_["mean_test_score"] != os.getpid()).all()
    assert search.n_jobs == 2


def test_searches_within_cross_validation(rows):
    kinds = [
        (BatchedGridSearchCV, None),
        (BatchedGridSearchCV, 2),
        (GridSearchCV, None),
    ]
    scores = [
        cross_val_score(kind(AE, {"weight_decay": [0, 1]}, cv=2), rows, cv=2, n_jobs=n)
        for kind, n in kinds
    ]
    np.testing.assert_allclose(scores[0], scores[2])
    np.testing.assert_allclose(scores[1], scores[2])


def test_no_seed_gives_other_fits(rows, alone):
    estimator = clone(AE).set_params(random_state=None)
    grid = {"weight_decay": [0.0] * 8}
    search = BatchedGridSearchCV(estimator, grid, cv=2, refit=False).fit(rows)
    assert not alone
    # Not eight: some unseeded fits come to nothing, and these all score as PCA does.
    assert len(set(search.cv_results_["mean_test_score"])) > 1


@pytest.mark.parametrize("cells", [_together.CPU_CELLS, 1], ids=["stack", "alone"])
@pytest.mark.parametrize(("scoring", "n_fits"), [(None, 1), (r2_and_outliers, 5)])
def test_candidates_judged_by_their_score_learn_no_outliers(
    rows, monkeypatch, alone, scoring, n_fits, cells
):
    monkeypatch.setattr(_together, "CPU_CELLS", cells)
    learned, learn = [], Autoencoder._fit_detector

    def count(self, *args):
        learned.append(self)
        return learn(self, *args)

    monkeypatch.setattr(Autoencoder, "_fit_detector", count)
    grid = {"weight_decay": [0.0, 1.0]}
    search = BatchedGridSearchCV(AE, grid, cv=2, scoring=scoring).fit(rows)
    assert len(learned) == n_fits
    assert len(alone) == (5 if cells == 1 else 1)
    assert np.isfinite(search.score_samples(rows)).all()


class JudgedByOutliers(Autoencoder):
    """Scores rows by how usual they are."""

    def score(self, X, y=None, sample_weight=None):
        return np.average(self.score_samples(X), weights=sample_weight)


class JudgedPipeline(Pipeline):
    """The same of a pipeline."""

    def score(self, X, y=None):
        return self.score_samples(X).mean()


@pytest.mark.parametrize(
    "estimator",
    [
        JudgedByOutliers(**AE.get_params()),
        Pipeline([("ae", JudgedByOutliers(**AE.get_params()))]),
        JudgedPipeline([("ae", AE)]),
    ],
    ids=["estimator", "last step", "pipeline"],
)
def test_a_score_of_ones_own_may_ask_for_outliers(estimator, rows, alone):
    name = "ae__weight_decay" if isinstance(estimator, Pipeline) else "weight_decay"
    search = search_both(estimator, {name: [0.0, 1.0]}, rows, cv=2)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert len(alone) == 1 + 2 * 2 + 1


def test_a_random_state_instance(rows, alone):
    estimator = clone(AE).set_params(random_state=np.random.RandomState(3))
    search_both(estimator, GRID, rows)
    assert len(alone) == 1 + 4 * 3 + 1


def test_global_random_states_stay(rows):
    before = str(np.random.mtrand._rand.get_state()), torch.get_rng_state()
    BatchedGridSearchCV(AE, GRID, cv=2).fit(rows)
    assert str(np.random.mtrand._rand.get_state()) == before[0]
    assert torch.get_rng_state().equal(before[1])


# -- as an estimator


def test_a_search_is_an_estimator_like_any(rows):
    search = BatchedGridSearchCV(clone(AE), GRID, cv=2).fit(rows)
    twin = pickle.loads(pickle.dumps(search))
    np.testing.assert_array_equal(twin.transform(rows), search.transform(rows))
    assert twin.best_params_ == search.best_params_
    again = clone(search)
    assert not hasattr(again, "best_params_")
    assert again.get_params().keys() == GridSearchCV(AE, GRID).get_params().keys()
    assert again.set_params(estimator__n_components=1).estimator.n_components == 1
    assert search.score(rows) == pytest.approx(search.best_estimator_.score(rows))
    assert search.n_features_in_ == 5
    assert [name for name in vars(search) if name.startswith("_")] == [
        name for name in vars(GridSearchCV(AE, GRID, cv=2).fit(rows)) if name[0] == "_"
    ]


def test_times_of_fits_are_shares_of_their_stacks(rows, monkeypatch):
    def fit_in_no_time(tasks, *args):
        outcomes = fit_together(tasks, *args)
        return [
            outcome._replace(seconds=100.0 * (1 + place // 4))
            for place, outcome in enumerate(outcomes)
        ]

    monkeypatch.setattr(_fits, "fit_together", fit_in_no_time)
    results = BatchedGridSearchCV(AE, GRID, cv=2).fit(rows).cv_results_
    np.testing.assert_allclose(results["mean_fit_time"], 150, atol=50)
    np.testing.assert_array_equal(results["std_fit_time"], 50)


@pytest.mark.parametrize("verbose", [0, 1])
def test_stacks_are_told_of_before_scikit_learn_speaks(verbose, rows, capsys):
    BatchedGridSearchCV(AE, GRID, cv=2, verbose=verbose).fit(rows)
    lines = capsys.readouterr().out.splitlines()
    assert [line.partition(" in ")[0] for line in lines] == [
        "Trained 4 of 8 fits",
        "Trained 4 of 8 fits",
        "Fitting 2 folds for each of 4 candidates, totalling 8 fits",
    ][: 3 * verbose]


def test_progress_is_shown(rows, capsys):
    callback = pytest.importorskip("sklearn.callback")
    pytest.importorskip("rich")
    estimator = make_pipeline(StandardScaler(), clone(AE))
    grid = {"autoencoder__weight_decay": [0, 1]}
    search = BatchedGridSearchCV(estimator, grid, cv=2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        search.set_callbacks(callback.ProgressBar())
    search.fit(rows)
    assert "BatchedGridSearchCV" in capsys.readouterr().out


# -- drawn candidates


@pytest.mark.parametrize("seeded", [0, np.random.RandomState(0)], ids=["int", "state"])
def test_drawn_candidates(seeded, rows, alone):
    drawn = {"learning_rate": loguniform(0.01, 0.1), "corruption": [None, "swap"]}
    kwargs = {"n_iter": 5, "cv": 2}
    ours = BatchedRandomizedSearchCV(
        AE, drawn, random_state=copy.deepcopy(seeded), **kwargs
    ).fit(rows)
    assert len(alone) == 1
    expected = RandomizedSearchCV(
        AE, drawn, random_state=copy.deepcopy(seeded), **kwargs
    ).fit(rows)
    assert_same_search(ours, expected)


def test_drawn_candidates_that_fall_back(rows):
    search = BatchedRandomizedSearchCV(
        VARIATIONAL, {"beta": loguniform(0.1, 1)}, n_iter=2, cv=2, random_state=0
    )
    with pytest.warns(UserWarning, match="BatchedRandomizedSearchCV fits 2 of 2"):
        search.fit(rows)
    assert search.best_params_["beta"] > 0
