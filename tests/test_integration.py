"""What a scikit-learn user does with an estimator, each a test."""

import copy
import os
import pickle
import random
import subprocess
import sys
import threading
from pathlib import Path

import joblib
import numpy as np
import pytest
import sklearn
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_ae import Autoencoder
from sklearn_ae.metrics import reconstruction_r2

from .estimators import ESTIMATORS, is_scored_by_r2, only, starts_as_a_model

pytestmark = pytest.mark.filterwarnings(
    "ignore:.*was still improving:sklearn.exceptions.ConvergenceWarning"
)


@pytest.fixture(params=ESTIMATORS.values(), ids=list(ESTIMATORS))
def estimator(request):
    return clone(request.param).set_params(n_components=2)


@pytest.fixture(params=ESTIMATORS.values(), ids=list(ESTIMATORS))
def fitted(request, blob):
    return clone(request.param).set_params(n_components=2).fit(blob)


# -- composition


def test_grid_search_in_a_pipeline_needs_no_scorer(estimator, blob):
    name = type(estimator).__name__.lower()
    search = GridSearchCV(
        make_pipeline(StandardScaler(), estimator),
        {f"{name}__n_components": [1, 3]},
        n_jobs=2,
        cv=3,
    ).fit(blob)
    assert search.best_params_ == {f"{name}__n_components": 3}
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


def test_feature_union_with_pca(estimator, blob):
    union = FeatureUnion([("pca", PCA(2)), ("ae", estimator)]).fit(blob)
    assert union.transform(blob).shape == (60, 4)


def test_column_transformer_on_a_frame(estimator, blob):
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(blob, columns=list("abcde"))
    columns = ColumnTransformer(
        [("codes", estimator, ["a", "c", "d"])], remainder="passthrough"
    ).set_output(transform="pandas")
    prefix = type(estimator).__name__.lower()
    assert list(columns.fit_transform(frame).columns) == [
        f"codes__{prefix}0",
        f"codes__{prefix}1",
        "remainder__b",
        "remainder__e",
    ]


@only(is_scored_by_r2)
def test_cross_val_score_is_r2(estimator, blob):
    scores = cross_val_score(estimator, blob, cv=3)
    assert_allclose(
        scores, cross_val_score(estimator, blob, cv=3, scoring=reconstruction_r2)
    )
    assert (scores > 0.1).all()


@only(starts_as_a_model)
def test_classifier_on_codes(estimator, cancer):
    from sklearn.datasets import load_breast_cancer

    y = load_breast_cancer().target
    model = make_pipeline(estimator, KNeighborsClassifier())
    assert cross_val_score(model, cancer, y, cv=3).mean() > 0.9


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_set_output(fitted, blob, library):
    module = pytest.importorskip(library)
    codes = fitted.set_output(transform=library).transform(blob)
    assert isinstance(codes, module.DataFrame)
    assert list(codes.columns) == list(fitted.get_feature_names_out())


def test_metadata_routing_carries_weights(estimator, blob):
    weight = np.r_[np.zeros(30), np.ones(30)]
    with sklearn.config_context(enable_metadata_routing=True):
        estimator.set_fit_request(sample_weight=True)
        routed = make_pipeline(PCA(), estimator).fit(blob, sample_weight=weight)
    by_hand = clone(estimator).fit(PCA().fit_transform(blob)[30:])
    assert_allclose(routed[-1].mean_, by_hand.mean_)


def test_routed_scorer_gets_weights(estimator, blob):
    weight = np.linspace(0, 2, 60)
    with sklearn.config_context(enable_metadata_routing=True):
        estimator.set_fit_request(sample_weight=True)
        estimator.set_score_request(sample_weight=True)
        search = GridSearchCV(estimator, {"n_components": [1, 2]}, cv=2)
        search.fit(blob, sample_weight=weight)
    assert search.best_params_ == {"n_components": 2}


def test_scorer_takes_pca_beside_ours(blob):
    pca = PCA(2).fit(blob)
    share = pca.explained_variance_ratio_.sum()
    assert reconstruction_r2(pca, blob) == pytest.approx(share)


# -- copies and files


def test_clone_is_unfitted_and_equal(fitted):
    cloned = clone(fitted)
    assert not hasattr(cloned, "net_")
    assert cloned.get_params() == fitted.get_params()


@pytest.mark.parametrize(
    "copied",
    [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))],
    ids=["deepcopy", "pickle"],
)
def test_copies_answer_alike(fitted, blob, copied):
    twin = copied(fitted)
    assert_array_equal(twin.transform(blob), fitted.transform(blob))
    assert_array_equal(twin.score_samples(blob), fitted.score_samples(blob))
    assert twin.net_ is not fitted.net_


def test_joblib_file_in_a_fresh_interpreter(fitted, blob, tmp_path):
    joblib.dump((fitted, blob), tmp_path / "model.joblib")
    code = (
        "import joblib, sys, numpy as np\n"
        "model, X = joblib.load(sys.argv[1] + '/model.joblib')\n"
        "np.save(sys.argv[1] + '/codes.npy', model.transform(X))\n"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True)
    assert_array_equal(np.load(tmp_path / "codes.npy"), fitted.transform(blob))


def test_skops_file_needs_trust_in_our_class_only(fitted, blob):
    io = pytest.importorskip("skops.io")
    stored = io.dumps(fitted)
    untrusted = io.get_untrusted_types(data=stored)
    kind = type(fitted)
    assert untrusted == [f"{kind.__module__}.{kind.__name__}"]
    loaded = io.loads(stored, trusted=untrusted)
    assert_array_equal(loaded.transform(blob), fitted.transform(blob))
    assert_array_equal(loaded.predict(blob), fitted.predict(blob))


def test_stream_goes_on_after_a_pickle(estimator, blob):
    straight = clone(estimator).partial_fit(blob[:30]).partial_fit(blob[30:])
    halfway = pickle.loads(pickle.dumps(clone(estimator).partial_fit(blob[:30])))
    assert_array_equal(
        halfway.partial_fit(blob[30:]).transform(blob), straight.transform(blob)
    )


# -- reproducibility


def fingerprint(model, X):
    return [model.transform(X), model.score_samples(X), model.offset_]


def fit_and_print(estimator, X):
    estimator = clone(estimator)
    if X.shape[1] > 100:
        estimator.set_params(batch_size=len(X), early_stopping=False, max_epochs=2)
    return fingerprint(estimator.fit(X), X)


@pytest.fixture
def wide(estimator):
    """Rows wide enough for a fit on two threads, of shape (730, 730) or fewer."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(730, 12)) @ rng.normal(size=(12, 730))
    n_threads = estimator._network_kind.n_threads
    # Convolutions take two from fewer rows on, and take long.
    n_rows = next(n for n in (50, len(X)) if n_threads(n, X.shape[1]) == 2)
    return X[:n_rows]


@pytest.mark.parametrize("table", ["blob", "wide"])
def test_same_seed_same_bits(estimator, table, request):
    X = request.getfixturevalue(table)
    first, second = fit_and_print(estimator, X), fit_and_print(estimator, X)
    for one, other in zip(first, second, strict=True):
        assert_array_equal(one, other)


@pytest.mark.parametrize("table", ["blob", "wide"])
def test_same_bits_in_four_threads_at_once(estimator, table, request):
    X = request.getfixturevalue(table)
    expected = fit_and_print(estimator, X)
    results = [None] * 4

    def work(i):
        results[i] = fit_and_print(estimator, X)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    for result in results:
        for one, other in zip(expected, result, strict=True):
            assert_array_equal(one, other)


@pytest.mark.parametrize("table", ["blob", "wide"])
def test_same_bits_in_a_loky_worker(estimator, table, request):
    X = request.getfixturevalue(table)
    jobs = [joblib.delayed(fit_and_print)(estimator, X) for _ in range(2)]
    for result in joblib.Parallel(n_jobs=2)(jobs):
        for one, other in zip(fit_and_print(estimator, X), result, strict=True):
            assert_array_equal(one, other)


def test_threads_of_the_environment_change_nothing(estimator, wide, tmp_path):
    expected = fit_and_print(estimator, wide)
    joblib.dump((estimator, wide), tmp_path / "job.joblib")
    code = (
        "import joblib, sys\n"
        "from tests.test_integration import fit_and_print\n"
        "job = joblib.load(sys.argv[1] + '/job.joblib')\n"
        "joblib.dump(fit_and_print(*job), sys.argv[1] + '/out.joblib')\n"
    )
    # A thread that waits for another leaves its core to other tests.
    bare = {"PATH": "", "OMP_WAIT_POLICY": "PASSIVE"}
    for variable, threads in (("OMP", "1"), ("OMP", "3"), ("MKL", "1")):
        subprocess.run(
            [sys.executable, "-c", code, str(tmp_path)],
            check=True,
            env=bare | {f"{variable}_NUM_THREADS": threads},
            cwd=Path(__file__).parent.parent,
        )
        for one, other in zip(
            expected, joblib.load(tmp_path / "out.joblib"), strict=True
        ):
            assert_array_equal(one, other)


PUBLIC_CALLS = {
    "fit": lambda m, X: m.fit(X),
    "partial_fit": lambda m, X: m.partial_fit(X),
    "transform": lambda m, X: m.transform(X),
    "inverse_transform": lambda m, X: m.inverse_transform(np.zeros((2, 2))),
    "reconstruct": lambda m, X: m.reconstruct(X),
    "fit_transform": lambda m, X: m.fit_transform(X),
    "fit_predict": lambda m, X: m.fit_predict(X),
    "predict": lambda m, X: m.predict(X),
    "score": lambda m, X: m.score(X),
    "score_samples": lambda m, X: m.score_samples(X),
    "pickle": lambda m, X: pickle.loads(pickle.dumps(m)),
}


@pytest.mark.parametrize("call", PUBLIC_CALLS.values(), ids=list(PUBLIC_CALLS))
def test_global_state_is_untouched(fitted, blob, call):
    numpy_state = np.random.mtrand._rand.get_state  # the global one, of all callers
    before = (torch.get_rng_state(), numpy_state()[1].copy(), random.getstate())
    threads, folder = torch.get_num_threads(), os.getcwd()
    call(fitted.set_params(random_state=7), blob)
    assert torch.equal(torch.get_rng_state(), before[0])
    assert_array_equal(numpy_state()[1], before[1])
    assert random.getstate() == before[2]
    assert (torch.get_num_threads(), os.getcwd()) == (threads, folder)
    assert torch.get_default_dtype() == torch.float32


def test_a_random_state_instance_moves_on(blob):
    state = np.random.RandomState(0)
    first = Autoencoder(2, max_epochs=8, random_state=state).fit(blob)
    second = Autoencoder(2, max_epochs=8, random_state=state).fit(blob)
    weights = [m.net_.module_.encoder_branch.hidden[0].weight for m in (first, second)]
    assert not torch.equal(*weights)
