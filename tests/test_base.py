"""Behaviour that every estimator shares, whatever its network."""

import signal
import threading
import warnings
from contextlib import contextmanager

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.model_selection import GridSearchCV

from .estimators import ESTIMATORS

pytestmark = pytest.mark.filterwarnings(
    "ignore:.*was still improving:sklearn.exceptions.ConvergenceWarning"
)


@pytest.fixture(params=ESTIMATORS.values(), ids=list(ESTIMATORS))
def estimator(request):
    return clone(request.param).set_params(n_components=2)


# -- PCA is where it starts


def test_untrained_model_is_pca(estimator, blob):
    model = estimator.set_params(max_epochs=0).fit(blob)
    pca = PCA(2).fit(blob)
    assert_allclose(model.transform(blob), pca.transform(blob), atol=1e-10)
    assert_allclose(model.explained_variance_, pca.explained_variance_)
    assert_allclose(model.explained_variance_ratio_, pca.explained_variance_ratio_)
    assert_allclose(model.mean_, pca.mean_)
    assert model.score(blob) == pytest.approx(pca.explained_variance_ratio_.sum())
    assert model.improved_on_pca_ is False
    assert model.best_epoch_ == 0


def test_model_that_did_not_improve_is_pca_of_all_rows(estimator):
    X = np.random.default_rng(0).normal(size=(60, 4))  # nothing but noise
    model = estimator.set_params(max_epochs=30).fit(X)
    assert model.improved_on_pca_ is False
    assert model.validation_r2_ == model.pca_validation_r2_
    pca = PCA(2).fit(X)
    assert_allclose(
        model.reconstruct(X), pca.inverse_transform(pca.transform(X)), atol=1e-10
    )


def test_never_worse_than_pca_on_held_out_rows(estimator, cancer):
    train, test = cancer[::2], cancer[1::2]
    model = estimator.set_params(max_epochs="auto").fit(train)
    pca = PCA(2).fit(train)
    error = np.square(test - pca.inverse_transform(pca.transform(test))).sum()
    r2 = 1 - error / np.square(test - pca.mean_).sum()
    assert model.score(test) >= r2 - 0.002


def test_share_of_variance_takes_as_many_components_as_pca(estimator, cancer):
    model = estimator.set_params(n_components=0.8, max_epochs=1).fit(cancer)
    assert model.n_components_ == PCA(0.8).fit(cancer).n_components_


def test_codes_are_uncorrelated_centred_and_ordered(estimator, digits):
    codes = estimator.set_params(n_components=5).fit(digits).transform(digits)
    covariance = np.cov(codes.T)
    assert_allclose(codes.mean(axis=0), 0, atol=1e-8)
    off_diagonal = covariance - np.diag(np.diag(covariance))
    assert_allclose(off_diagonal, 0, atol=1e-8 * covariance[0, 0])
    assert (np.diff(np.diag(covariance)) <= 0).all()
    assert_allclose(np.diag(covariance), estimator.explained_variance_)


# -- units, layouts and sizes


def test_columns_of_any_scale_train_alike(estimator, digits):
    scale = 10.0 ** np.linspace(-6, 6, 64)
    estimator.set_params(standardize=True, max_epochs=20)
    plain = clone(estimator).fit(digits).score(digits)
    scaled = clone(estimator).fit(digits * scale).score(digits * scale)
    # Which rows are held out follows from the rows' contents, hence not closer.
    assert scaled == pytest.approx(plain, abs=0.02)


def test_scores_follow_no_column_for_its_unit(estimator, cancer):
    X = cancer.copy()
    X[:10, 3] += 15  # ten rows far out in one column of small unit
    scale = np.r_[np.ones(3), 1e-6, np.ones(26)]
    model = clone(estimator).set_params(contamination=0.05).fit(X * scale)
    assert (model.predict((X * scale)[:10]) == -1).all()


def test_standardize_makes_units_free(estimator, blob):
    scale = np.array([1, 10, 100, 0.1, 0.01])
    one = clone(estimator).set_params(standardize=True).fit(blob)
    other = clone(estimator).set_params(standardize=True).fit(blob * scale)
    assert_allclose(one.transform(blob), other.transform(blob * scale), rtol=1e-5)
    assert_allclose(one.reconstruct(blob) * scale, other.reconstruct(blob * scale))


@pytest.mark.parametrize(
    "layout",
    [
        np.asfortranarray,
        lambda X: X[::-1][::-1],
        lambda X: X.astype(">f8"),
        lambda X: X.astype(object),
        lambda X: X.tolist(),
        sparse.csr_matrix,
        sparse.csc_array,
    ],
    ids=["fortran", "strides", "swapped", "object", "list", "csr", "csc"],
)
def test_layouts_agree(estimator, blob, layout):
    plain = clone(estimator).fit(blob)
    other = clone(estimator).fit(layout(blob))
    assert_allclose(other.transform(layout(blob)), plain.transform(blob), atol=1e-9)
    assert_allclose(other.score(layout(blob)), plain.score(blob))


@pytest.mark.parametrize("kind", [np.int64, np.uint8, bool])
def test_whole_numbers(estimator, kind):
    X = np.random.default_rng(0).integers(0, 2, size=(40, 4)).astype(kind)
    assert estimator.fit(X).transform(X).dtype == np.float64


def test_float32_in_float32_out(estimator, blob):
    X = blob.astype(np.float32)
    model = estimator.fit(X)
    codes = model.transform(X)
    assert codes.dtype == model.inverse_transform(codes).dtype == np.float32
    assert model.reconstruct(X).dtype == np.float32
    assert_allclose(codes, clone(model).fit(blob).transform(blob), atol=1e-3)


def test_memory_mapped_and_read_only(estimator, blob, tmp_path):
    np.save(tmp_path / "rows.npy", blob)
    mapped = np.load(tmp_path / "rows.npy", mmap_mode="r")
    assert_array_equal(
        clone(estimator).fit(mapped).transform(mapped),
        clone(estimator).fit(blob).transform(blob),
    )


@pytest.mark.parametrize(
    "shape", [(2, 1), (2, 5), (3, 3), (9, 2), (12, 1), (30, 200), (300, 1)]
)
def test_small_and_wide_tables(estimator, shape):
    X = np.random.default_rng(0).normal(size=shape)
    model = estimator.fit(X)
    assert model.transform(X).shape == (shape[0], 2)
    assert np.isfinite(model.score_samples(X)).all()
    assert np.isfinite(model.reconstruct(X)).all()
    assert set(model.predict(X)) <= {-1, 1}


@pytest.mark.parametrize("k", [1, 7, 30])
def test_more_components_than_features(estimator, blob, k):
    model = estimator.set_params(n_components=k).fit(blob)
    assert model.transform(blob).shape == (60, k)
    if k > 5:
        assert model.score(blob) == pytest.approx(1)


def test_constant_and_repeated_columns(estimator, blob):
    X = np.column_stack([np.full(60, 7.0), blob, blob[:, 0], np.zeros(60)])
    model = estimator.fit(X)
    assert_allclose(model.reconstruct(X)[:, [0, -1]], X[:, [0, -1]], atol=1e-9)
    assert np.isfinite(model.score_samples(X)).all()


def test_constant_table(estimator):
    X = np.ones((20, 3))
    model = estimator.fit(X)
    assert_array_equal(model.reconstruct(X), X)
    assert model.score(X) == 1
    assert (model.predict(X) == 1).all()


def test_rows_all_equal_but_one(estimator):
    X = np.zeros((30, 2))
    X[3] = 1
    assert np.isfinite(estimator.fit(X).score_samples(X)).all()


# -- what rows count


def test_weights_are_repeated_rows(estimator, blob):
    weight = np.random.default_rng(0).integers(0, 3, size=60)
    repeated = clone(estimator).fit(blob.repeat(weight, axis=0))
    weighted = clone(estimator).fit(blob, sample_weight=weight)
    assert_allclose(weighted.transform(blob), repeated.transform(blob), rtol=1e-6)
    assert weighted.offset_ == pytest.approx(repeated.offset_, rel=1e-6)
    assert weighted.score(blob, sample_weight=weight) == pytest.approx(
        repeated.score(blob.repeat(weight, axis=0))
    )


def test_order_of_rows_does_not_matter(estimator, blob):
    order = np.random.default_rng(0).permutation(60)
    one, other = clone(estimator).fit(blob), clone(estimator).fit(blob[order])
    assert_allclose(other.transform(blob), one.transform(blob), rtol=1e-6, atol=1e-8)


def test_scores_do_not_depend_on_the_batch(estimator, digits):
    model = estimator.set_params(n_components=5).fit(digits)
    whole = model.score_samples(digits)
    singly = np.concatenate([model.score_samples(row[None]) for row in digits[:20]])
    assert whole.dtype == np.float64
    assert_allclose(singly, whole[:20], rtol=1e-9)


# -- streams


def test_stream_learns_and_keeps_its_codes(estimator, digits):
    blocks = np.array_split(digits, 6)
    estimator.set_params(n_components=5).partial_fit(blocks[0])
    at_first = estimator.score(digits)
    code_map = estimator.net_.module_.code_map.clone()
    for _ in range(5):
        for block in blocks:
            estimator.partial_fit(block)
    assert estimator.score(digits) > at_first
    assert (estimator.net_.module_.code_map == code_map).all()
    seen = np.vstack([blocks[0], *[digits] * 5])
    assert_allclose(estimator.mean_, seen.mean(axis=0), atol=1e-9)
    assert len(estimator.history_["train_loss"]) == estimator.n_epochs_ == 31


def test_stream_goes_on_after_fit(estimator, blob):
    codes = estimator.fit(blob).transform(blob)
    after = estimator.partial_fit(blob[:20]).transform(blob)
    assert not np.array_equal(after, codes)
    assert np.abs(np.corrcoef(after[:, 0], codes[:, 0])[0, 1]) > 0.99


def test_warm_start_goes_on(estimator, digits):
    estimator.set_params(n_components=4, warm_start=True, max_epochs=5)
    first = estimator.fit(digits).score(digits)
    assert estimator.fit(digits).score(digits) > first
    assert estimator.improved_on_pca_


# -- nothing half-fitted


@contextmanager
def interrupted(after):
    """Send this process Ctrl-C after some seconds."""
    timer = threading.Timer(after, signal.raise_signal, [signal.SIGINT])
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()


def test_ctrl_c_propagates_and_leaves_no_half_fitted_estimator(estimator, digits):
    estimator.set_params(max_epochs=100_000, n_iter_no_change=100_000)
    with pytest.raises(KeyboardInterrupt), interrupted(after=0.5):
        estimator.fit(digits)
    with pytest.raises(NotFittedError):
        estimator.transform(digits)
    assert not [name for name in vars(estimator) if name.endswith("_")]


def test_failed_refit_keeps_the_model_before(estimator, blob):
    codes = estimator.fit(blob).transform(blob)
    with pytest.raises(ValueError, match="NaN"):
        estimator.fit(np.full((20, 3), np.nan))
    assert_array_equal(estimator.transform(blob), codes)
    assert estimator.n_features_in_ == 5


def test_divergence_says_epoch_rate_and_remedy(estimator, blob):
    estimator.set_params(learning_rate=1e30)
    message = (
        r"Training diverged: the loss was not finite in epoch \d+ with "
        r"learning_rate=1e\+30. Try a smaller learning_rate, such as 1e\+29, or look "
        "for extreme values in X."
    )
    with pytest.raises(ValueError, match=message):
        estimator.fit(blob)
    assert not hasattr(estimator, "net_")


def test_warns_only_when_cut_short(estimator, digits):
    estimator.set_params(n_components=5, max_epochs=3)
    message = r"was still improving when its max_epochs=3 ran out. Raise max_epochs."
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(ConvergenceWarning, match=message):
            estimator.fit(digits)
        clone(estimator).set_params(max_epochs="auto").fit(digits)


# -- callbacks and progress


def test_verbose_draws_one_bar(estimator, blob, capsys):
    estimator.set_params(verbose=1).fit(blob)
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") <= 1
    assert type(estimator).__name__ in err
    assert "R²" in err


def test_silent_by_default(estimator, blob, capsys):
    estimator.fit(blob)
    assert capsys.readouterr() == ("", "")


def test_scikit_learn_progress_bar(estimator, blob, capsys):
    callback = pytest.importorskip("sklearn.callback")
    pytest.importorskip("rich")
    estimator.set_callbacks(callback.ProgressBar()).fit(blob)
    assert type(estimator).__name__ in capsys.readouterr().out


def test_scikit_learn_progress_bar_nested_in_a_search(estimator, blob, capsys):
    callback = pytest.importorskip("sklearn.callback")
    pytest.importorskip("rich")
    search = GridSearchCV(estimator, {"n_components": [1, 2]}, n_jobs=2, cv=2)
    search.set_callbacks(callback.ProgressBar()).fit(blob)
    out = capsys.readouterr().out
    assert "GridSearchCV" in out
    assert type(estimator).__name__ in out


def test_scikit_learn_callback_sees_epochs_and_stops(estimator, blob):
    pytest.importorskip("sklearn.callback")
    seen = []

    class StopAtThree:
        def setup(self, estimator, context):
            pass

        def teardown(self, estimator, context):
            pass

        def on_fit_task_begin(self, estimator, context):
            pass

        def on_fit_task_end(self, estimator, context):
            seen.append(context.task_name)
            return len(seen) == 3

    estimator.set_params(max_epochs=50).set_callbacks(StopAtThree()).fit(blob)
    assert seen == ["epoch"] * 3 + ["fit"]
    assert estimator.n_epochs_ == 3


def test_skorch_callbacks_are_copied_and_used(estimator, blob):
    from skorch.callbacks import EarlyStopping

    callback = EarlyStopping(monitor="train_loss", patience=2, threshold=10, sink=len)
    estimator.set_params(max_epochs=50, callbacks=[callback]).fit(blob)
    assert estimator.n_epochs_ == 3
    assert callback.misses_ == 0


# -- errors before any training


BAD = [
    ("n_components", 0, "'n_components' parameter of .* must be an int in the range"),
    ("n_components", 1.5, "'n_components' parameter"),
    ("max_epochs", -1, "'max_epochs' parameter"),
    ("batch_size", 0, "'batch_size' parameter"),
    ("learning_rate", 0, "'learning_rate' parameter"),
    ("weight_decay", -1, "'weight_decay' parameter"),
    ("validation_fraction", 1.0, "'validation_fraction' parameter"),
    ("n_iter_no_change", 0, "'n_iter_no_change' parameter"),
    ("device", "abacus", "device='abacus' is not a device that torch knows"),
    ("callbacks", "print", "'callbacks' parameter"),
    ("random_state", "zero", "'random_state' parameter"),
]


@pytest.mark.parametrize(("name", "value", "message"), BAD)
def test_parameters_out_of_range(estimator, blob, name, value, message):
    with pytest.raises(ValueError, match=message):
        estimator.set_params(**{name: value}).fit(blob)
    assert not hasattr(estimator, "net_")


BAD_X = {
    "1-D": (np.ones(5), "Expected 2D array, got 1D array instead"),
    "empty": (np.empty((0, 3)), r"Found array with 0 sample\(s\)"),
    "one row": (np.ones((1, 3)), r"Found array with 1 sample\(s\)"),
    "strings": (np.array([["a"], ["b"]]), "could not convert string to float"),
    "complex": (np.ones((3, 2)) * 1j, "Complex data not supported"),
    "too large": (np.array([[1e200], [-1e200]]), "squares exceed the range"),
}


@pytest.mark.parametrize(("X", "message"), BAD_X.values(), ids=list(BAD_X))
def test_bad_rows(estimator, X, message):
    with pytest.raises(ValueError, match=message):
        estimator.fit(X)


def test_wrong_width_after_fit(estimator, blob):
    estimator.fit(blob)
    with pytest.raises(ValueError, match=r"X has 3 features, but .* 5 features"):
        estimator.transform(blob[:, :3])


def test_weights_that_leave_one_row(estimator, blob):
    with pytest.raises(ValueError, match=r"leaves 1 sample.* above zero"):
        estimator.fit(blob, sample_weight=np.r_[1, np.zeros(59)])
