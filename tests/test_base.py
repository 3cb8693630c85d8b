"""Behaviour that every estimator shares, whatever its network."""

import copy
import re
import signal
import threading
import warnings
from contextlib import contextmanager

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.utils.validation import check_is_fitted
from skorch.callbacks import Callback

from sklearn_ae import _base, _dictionary, _reference
from sklearn_ae.training import (
    Scaling,
    _corruption,
    _revival,
    _rows,
    content_ranks,
    draw_seeds,
    make_plan,
)
from sklearn_ae.training._net import AutoencoderNet

from .estimators import (
    ESTIMATORS,
    has_columns,
    has_no_density,
    has_principal_codes,
    is_like_pca,
    is_scored_by_r2,
    only,
    starts_as_a_model,
)

pytestmark = pytest.mark.filterwarnings(
    "ignore:.*was still improving:sklearn.exceptions.ConvergenceWarning"
)


@pytest.fixture(params=ESTIMATORS.values(), ids=list(ESTIMATORS))
def estimator(request):
    return clone(request.param).set_params(n_components=2)


# -- PCA is where it starts


@only(is_like_pca)
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


@only(is_like_pca)
def test_model_that_did_not_improve_is_pca_of_all_rows(estimator):
    X = np.random.default_rng(0).normal(size=(60, 4))  # nothing but noise
    model = estimator.set_params(max_epochs=30).fit(X)
    assert model.improved_on_pca_ is False
    assert model.validation_r2_ == model.pca_validation_r2_
    pca = PCA(2).fit(X)
    assert_allclose(
        model.reconstruct(X), pca.inverse_transform(pca.transform(X)), atol=1e-10
    )


@only(is_like_pca)
def test_never_worse_than_pca_on_held_out_rows(estimator, cancer):
    train, test = cancer[::2], cancer[1::2]
    model = estimator.set_params(max_epochs="auto").fit(train)
    pca = PCA(2).fit(train)
    error = np.square(test - pca.inverse_transform(pca.transform(test))).sum()
    r2 = 1 - error / np.square(test - pca.mean_).sum()
    assert model.score(test) >= r2 - 0.002


@only(starts_as_a_model)
def test_share_of_variance_takes_as_many_components_as_pca(estimator, cancer):
    model = estimator.set_params(n_components=0.8, max_epochs=1).fit(cancer)
    assert model.n_components_ == PCA(0.8).fit(cancer).n_components_


# -- units, layouts and sizes


@only(has_no_density, has_columns)
def test_columns_of_any_scale_train_alike(estimator, digits):
    scale = 10.0 ** np.linspace(-6, 6, 64)
    estimator.set_params(standardize=True, max_epochs=20)
    plain = clone(estimator).fit(digits).score(digits)
    scaled = clone(estimator).fit(digits * scale).score(digits * scale)
    # Which rows are held out follows from the rows' contents, hence not closer.
    assert scaled == pytest.approx(plain, abs=0.02)


# One column of thirty, where far values count by their logarithm in the default score:
# an IsolationForest has these rows among the lowest three tenths.
@only(has_principal_codes, has_columns)
@pytest.mark.parametrize(("score", "share"), [("mahalanobis", 0.05), ("auto", 0.2)])
def test_scores_follow_no_column_for_its_unit(estimator, cancer, score, share):
    X = cancer.copy()
    X[:10, 3] += 15  # ten rows far out in one column of small unit
    scale = np.r_[np.ones(3), 1e-6, np.ones(26)]
    estimator.set_params(outlier_score=score, contamination=share)
    model = clone(estimator).fit(X * scale)
    assert (model.predict((X * scale)[:10]) == -1).all()


@only(has_principal_codes, has_columns)
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
    if k > 5 and is_like_pca(model):
        assert model.score(blob) == pytest.approx(1)


def test_constant_and_repeated_columns(estimator, blob):
    X = np.column_stack([np.full(60, 7.0), blob, blob[:, 0], np.zeros(60)])
    model = estimator.fit(X)
    assert_allclose(model.reconstruct(X)[:, [0, -1]], X[:, [0, -1]], atol=1e-9)
    assert np.isfinite(model.score_samples(X)).all()


@pytest.mark.filterwarnings("ignore:.*have collapsed")
def test_constant_table(estimator):
    X = np.ones((20, 3))
    model = estimator.fit(X)
    assert_array_equal(model.reconstruct(X), X)
    if is_scored_by_r2(model):
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


# -- streams


@only(starts_as_a_model)
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


@only(has_no_density)
def test_divergence_says_epoch_rate_and_remedy(estimator, blob):
    estimator.set_params(learning_rate=1e30)
    message = (
        r"Training diverged: in epoch \d+ the squared error was \S+ times the variance "
        r"of the rows, with learning_rate=1e\+30. Try a smaller learning_rate, such as "
        "0.001, or look for extreme values in X."
    )
    with pytest.raises(ValueError, match=message):
        estimator.fit(blob)
    assert not hasattr(estimator, "net_")


@only(is_like_pca)
def test_warns_only_when_cut_short(estimator, digits):
    estimator.set_params(n_components=5, max_epochs=2)
    if "cell" in estimator.get_params():
        # Recurrent units gain too little in two epochs to be beyond doubt.
        estimator.set_params(cell="convolution")
    message = r"was still improving when its max_epochs=2 ran out. Raise max_epochs."
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
    # Likelihoods are no shares of a variance.
    assert ("R²" if estimator.net_.criterion_.is_relative else "loss=") in err


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


def test_weights_that_leave_one_row(estimator, blob):
    with pytest.raises(ValueError, match=r"leaves 1 sample.* above zero"):
        estimator.fit(blob, sample_weight=np.r_[1, np.zeros(59)])


# -- from an earlier fit


@pytest.mark.parametrize("go_on", ["warm start", "partial_fit"])
@pytest.mark.parametrize(
    ("name", "before", "after"),
    [
        ("n_components", 2, 3),
        ("n_components", 2, 0.5),
        ("standardize", False, True),
        ("hidden_layer_sizes", "auto", (8,)),
        ("hidden_layer_sizes", (8,), (8, 4)),
        ("activation", "silu", "tanh"),
    ],
)
def test_the_shape_of_the_network_cannot_change_where_it_goes_on(
    estimator, blob, go_on, name, before, after
):
    if name not in estimator.get_params():
        pytest.skip(f"no {name}")
    if isinstance(after, float) and not starts_as_a_model(estimator):
        pytest.skip("no share of variance")
    estimator.set_params(**{name: before}, warm_start=True).fit(blob)
    codes = estimator.transform(blob)
    estimator.set_params(**{name: after})
    with pytest.raises(ValueError, match=r".") as error:
        (estimator.fit if go_on == "warm start" else estimator.partial_fit)(blob)
    assert str(error.value) == (
        f"{name}={after!r} differs from {before!r}, with which this "
        f"{type(estimator).__name__} was fitted, and cannot change where training "
        "goes on. Fit a new one, or set it back."
    )
    assert_array_equal(estimator.transform(blob), codes)
    estimator.set_params(**{name: before})
    (estimator.fit if go_on == "warm start" else estimator.partial_fit)(blob)
    estimator.set_params(**{name: after}, warm_start=False).fit(blob)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ([8, 4], [8, 4]),
        ([8, 4], (8, 4)),
        (np.array([8, 4]), np.array([8, 4])),
        (np.array([8, 4]), (8, 4)),
    ],
    ids=["lists", "list and tuple", "arrays", "array and tuple"],
)
def test_sizes_of_layers_may_be_held_by_anything(estimator, blob, before, after):
    if "hidden_layer_sizes" not in estimator.get_params():
        pytest.skip("no hidden_layer_sizes")
    estimator.set_params(hidden_layer_sizes=before, warm_start=True).fit(blob)
    estimator.set_params(hidden_layer_sizes=after).fit(blob)
    estimator.partial_fit(blob)


@pytest.mark.parametrize("n_rows", [60, 1500], ids=["float64", "float32"])
def test_warm_start_without_epochs_changes_nothing(estimator, n_rows):
    X = curve(n_rows)
    estimator.set_params(max_epochs=8, warm_start=True).fit(X)
    before, codes = estimator.reconstruct(X), estimator.transform(X)
    estimator.set_params(max_epochs=0).fit(X)
    assert_allclose(estimator.reconstruct(X), before, rtol=0, atol=1e-12)
    assert_allclose(estimator.transform(X), codes, rtol=0, atol=1e-10)


def test_scores_and_threshold_stay_sensible_after_a_block(estimator):
    X = curve(1500)
    estimator.set_params(max_epochs=10).fit(X)
    for block in (X[:20], X[20:21], X[21:60]):
        estimator.partial_fit(block)
        assert 0.01 < (estimator.predict(X) == -1).mean() < 0.12
        assert len(estimator.training_scores_) >= 1000
    far = estimator.score_samples(X.mean(axis=0)[None] + 30 * X.std(axis=0))
    assert far < estimator.offset_ < np.median(estimator.training_scores_)


# -- what is said of held-out rows


def curve(n_rows, seed=0):
    """Rows around a curved sheet, of shape (n_rows, 4)."""
    rng = np.random.default_rng(seed)
    t = rng.uniform(-2, 2, size=(n_rows, 2))
    X = np.column_stack([t, t[:, 0] ** 2, np.sin(2 * t[:, 1])])
    return X + 0.05 * rng.normal(size=X.shape)


def held_out_rows(X, weight=None):
    """Positions of the rows that an estimator of random_state=0 holds out."""
    plan = make_plan(
        content_ranks(X, draw_seeds(0).split),
        np.ones(len(X)) if weight is None else weight,
        hold_out=True,
        validation_fraction=0.1,
        cross_fit=True,
    )
    assert not plan.is_cross_fitted
    return plan.held_out_rows


@only(is_like_pca)
@pytest.mark.parametrize("standardize", [False, True])
@pytest.mark.parametrize("weighted", [False, True])
def test_validation_r2_is_the_score_of_the_held_out_rows(
    estimator, standardize, weighted
):
    X = curve(1500) * [1, 2, 0.5, 1]
    weight = np.random.default_rng(0).uniform(0.5, 2, 1500) if weighted else None
    estimator.set_params(max_epochs=10, standardize=standardize)
    estimator.fit(X, sample_weight=weight)
    rows = held_out_rows(X)
    own = weight[rows] if weighted else None
    assert estimator.improved_on_pca_
    score = estimator.score(X[rows], sample_weight=own)
    assert estimator.validation_r2_ == pytest.approx(score, abs=1e-6)
    assert 1 - estimator.history_["valid_loss"].min() == pytest.approx(score, abs=1e-6)
    pca = clone(estimator).set_params(max_epochs=0).fit(X, sample_weight=weight)
    expected = pca.score(X[rows], sample_weight=own)
    assert estimator.pca_validation_r2_ == pytest.approx(expected, abs=1e-6)
    assert pca.validation_r2_ == pca.pca_validation_r2_


@only(is_like_pca)
@pytest.mark.parametrize("shift", [0, 3])
def test_validation_r2_after_a_warm_start_is_the_score_too(estimator, shift):
    X = curve(1500)
    estimator.set_params(max_epochs=5, warm_start=True).fit(X)
    Y = curve(1500, seed=1) + shift
    estimator.fit(Y)
    score = estimator.score(Y[held_out_rows(Y)])
    assert estimator.validation_r2_ == pytest.approx(score, abs=1e-6)


# -- weights of any scale, columns of any scale


@pytest.mark.parametrize("scale", [1e-300, 1e-45, 1e-9, 1e300, 1e307])
def test_only_the_ratio_of_weights_counts(estimator, blob, scale):
    weight = np.random.default_rng(0).uniform(0.5, 1, size=60)
    one = clone(estimator).fit(blob, sample_weight=weight)
    other = clone(estimator).fit(blob, sample_weight=scale * weight)
    assert_allclose(other.transform(blob), one.transform(blob), rtol=1e-7, atol=1e-9)
    assert other.offset_ == pytest.approx(one.offset_, rel=1e-7)
    assert_allclose(other.mean_, one.mean_, rtol=1e-9)
    if has_principal_codes(one):
        assert_allclose(
            other.explained_variance_ratio_, one.explained_variance_ratio_, rtol=1e-9
        )
    assert_allclose(other.history_["valid_loss"], one.history_["valid_loss"])
    score = one.score(blob, sample_weight=weight)
    assert other.score(blob, sample_weight=scale * weight / 100) == pytest.approx(score)


@pytest.mark.parametrize("scale", [1e-300, 1e300])
def test_equal_weights_of_any_scale_are_none(estimator, blob, scale):
    plain = clone(estimator).fit(blob)
    other = clone(estimator).fit(blob, sample_weight=np.full(60, scale))
    assert_array_equal(other.transform(blob), plain.transform(blob))
    if has_principal_codes(plain):
        assert_allclose(other.explained_variance_, plain.explained_variance_)


@pytest.mark.parametrize("scale", [1e-300, 1e300])
def test_blocks_of_a_stream_have_weights_of_any_scale(estimator, blob, scale):
    plain, other = clone(estimator), clone(estimator)
    for block in (blob, blob + 1):
        plain.partial_fit(block)
        other.partial_fit(block, sample_weight=np.full(60, scale))
    assert_allclose(other.transform(blob), plain.transform(blob), rtol=1e-9)
    assert_allclose(other.mean_, plain.mean_)
    assert other.offset_ == pytest.approx(plain.offset_)


@only(has_principal_codes)
def test_whole_weights_explain_the_variance_of_repeated_rows(estimator, blob):
    weight = np.random.default_rng(0).integers(0, 4, size=60)
    weighted = clone(estimator).fit(blob, sample_weight=weight)
    repeated = clone(estimator).fit(blob.repeat(weight, axis=0))
    for name in ("explained_variance_", "explained_variance_ratio_"):
        assert_allclose(getattr(weighted, name), getattr(repeated, name), rtol=1e-6)


@only(is_like_pca)
def test_signs_are_pcas_for_columns_of_different_scale(estimator):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 6)) @ rng.normal(size=(6, 6)) * 10.0 ** np.arange(-3, 3)
    estimator.set_params(n_components=4, max_epochs=0).fit(X)
    codes = PCA(4, svd_solver="full").fit_transform(X)
    assert_allclose(estimator.transform(X), codes, atol=1e-6 * np.abs(codes).max())
    signs = np.sign((estimator.transform(X) * codes).sum(axis=0))
    assert_array_equal(signs, np.ones(4))


def mean_score(estimator, X, n_seeds=3):
    """Return the mean score of fits from several seeds."""
    models = (clone(estimator).set_params(random_state=s) for s in range(n_seeds))
    return np.mean([model.fit(X).score(X) for model in models])


@only(has_columns)
@pytest.mark.filterwarnings("error::RuntimeWarning")
@pytest.mark.parametrize("standardize", [False, True])
@pytest.mark.parametrize("n_rows", [60, 1500], ids=["float64", "float32"])
def test_columns_sixty_orders_of_magnitude_apart_train(estimator, standardize, n_rows):
    X = curve(n_rows)
    scale = np.array([1e30, 1e-30, 1, 1e-15])
    estimator.set_params(standardize=standardize)
    model = clone(estimator).fit(X * scale)
    assert model.n_epochs_ == 8
    assert np.isfinite(model.history_["train_loss"]).all()
    assert np.isfinite(model.score_samples(X * scale)).all()
    assert np.isfinite(model.reconstruct(X * scale)).all()
    if not is_like_pca(model):
        return
    if standardize:
        # Which rows are held out follows from the rows' contents: one seed's scores
        # differ by as much as two seeds' do.
        scaled, plain = mean_score(estimator, X * scale), mean_score(estimator, X)
        # Of three folds it matters more which rows are in which.
        apart = 0.03 if estimator._max_folds > 3 else 0.1
        assert scaled == pytest.approx(plain, abs=apart)
    else:
        assert model.score(X * scale) == pytest.approx(1)


# -- other ways to fail or to be slow


def test_fit_under_no_grad(estimator, blob):
    plain = clone(estimator).fit(blob).partial_fit(blob)
    with torch.no_grad():
        model = clone(estimator).fit(blob).partial_fit(blob)
    assert_array_equal(model.transform(blob), plain.transform(blob))


@pytest.mark.parametrize("fit", ["fit", "partial_fit"])
@pytest.mark.parametrize("callback", [1, Callback])
def test_callbacks_must_be_skorchs(estimator, blob, fit, callback):
    estimator.set_params(callbacks=[callback])
    with pytest.raises(ValueError, match=r".") as error:
        getattr(estimator, fit)(blob)
    assert str(error.value) == (
        f"callbacks=[{callback!r}] must hold instances of skorch.callbacks.Callback, "
        f"and {callback!r} is none. scikit-learn's callbacks go to set_callbacks."
    )
    assert not hasattr(estimator, "net_")


@pytest.mark.parametrize("n_rows", [150, 1050])
def test_wide_sparse_rows_are_never_dense_as_a_whole(estimator, monkeypatch, n_rows):
    n_features, limit = 120, 16
    X = sparse.random(
        n_rows, n_features, density=0.05, format="csr", random_state=0, dtype=float
    )
    monkeypatch.setattr(_rows, "BLOCK_BYTES", 8 * limit * n_features)
    monkeypatch.setattr(_reference, "REFERENCE_BYTES", 8 * limit * n_features)
    monkeypatch.setattr(_corruption, "DONOR_BYTES", 8 * limit * n_features)
    for module in (_dictionary, _revival):
        monkeypatch.setattr(module, "POOL_ROWS", limit)
    standardizer, toarray, sizes = Scaling.standardizer, sparse.csr_matrix.toarray, []

    def spy_standardizer(self, *args):
        standardize = standardizer(self, *args)
        return lambda rows: sizes.append(rows.shape[0]) or standardize(rows)

    def spy_toarray(self, *args, **kwargs):
        sizes.append(self.shape[0])
        return toarray(self, *args, **kwargs)

    monkeypatch.setattr(Scaling, "standardizer", spy_standardizer)
    monkeypatch.setattr(type(X), "toarray", spy_toarray)
    estimator.set_params(batch_size=limit, max_epochs=1).fit(X).partial_fit(X)
    for method in ("transform", "reconstruct", "score", "predict"):
        getattr(estimator, method)(X)
    assert max(sizes) <= limit
    assert sum(sizes) > n_rows


def test_a_mapped_file_with_zero_weights_is_not_loaded(
    estimator, blob, tmp_path, monkeypatch
):
    np.save(tmp_path / "rows.npy", np.tile(blob, (5, 1)) + np.arange(300)[:, None])
    mapped = np.load(tmp_path / "rows.npy", mmap_mode="r")
    weight = np.resize([1.0, 0.0, 2.0], 300)
    estimator.set_params(batch_size=16, max_epochs=2)
    monkeypatch.setattr(_corruption, "DONOR_ROWS", 16)
    for module in (_dictionary, _revival):
        monkeypatch.setattr(module, "POOL_ROWS", 16)
    expected = clone(estimator).fit(np.array(mapped), sample_weight=weight)
    monkeypatch.setattr(_rows, "BLOCK_ROWS", 16)
    monkeypatch.setattr(_reference, "REFERENCE_ROWS", 16)
    read, sizes = _rows.RowView.__getitem__, []

    def spy(self, block):
        rows = read(self, block)
        sizes.append(len(rows))
        return rows

    monkeypatch.setattr(_rows.RowView, "__getitem__", spy)
    model = clone(estimator).fit(mapped, sample_weight=weight)
    assert 0 < max(sizes) <= 16 * 11  # one batch of each of eleven models
    assert_allclose(model.transform(mapped), expected.transform(mapped), rtol=1e-6)


@only(starts_as_a_model)
def test_first_block_of_a_stream_too_short_for_the_components(estimator, blob):
    message = (
        "n_components=4 needs a first block of at least 4 samples, and it has 3. Give "
        "partial_fit a larger first block, typical of the stream."
    )
    estimator.set_params(n_components=4)
    with pytest.raises(ValueError, match=re.escape(message)):
        estimator.partial_fit(blob[:3])
    assert estimator.partial_fit(blob[:4]).transform(blob).shape == (60, 4)


# -- precision


def test_training_in_bfloat16_ends_near_that_in_float32(estimator):
    X, losses = curve(200), []
    for precision in ("float32", "bfloat16"):
        estimator.set_params(precision=precision, max_epochs=40).fit(X)
        losses.append(estimator.history_["train_loss"][-1])
        weights = next(estimator.net_.module_.parameters())
        assert weights.dtype == torch.float64
    start = estimator.history_["train_loss"][0]
    assert losses[1] == pytest.approx(losses[0], abs=0.05 * abs(start), rel=0.05)


def test_where_cuda_is_not_used_tf32_is_float32(estimator):
    X = curve(300)
    codes = [
        estimator.set_params(precision=precision).fit(X).transform(X)
        for precision in ("float32", "tf32")
    ]
    assert_array_equal(*codes)


# -- memory


class Full:
    """Training on a device whose memory holds so many rows of a batch."""

    def __init__(self, capacity):
        self.capacity, self.tried = capacity, []

    def __call__(self, net, batch):
        if batch.inputs.shape[-2] > self.capacity:
            self.tried.append(net.batch_size)
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return self.step(net, batch)


@pytest.fixture
def full(monkeypatch):
    """Make the device full from a number of rows on."""

    def fill(capacity):
        full = Full(capacity)
        full.step = AutoencoderNet.train_step
        monkeypatch.setattr(
            AutoencoderNet, "train_step", lambda net, batch: full(net, batch)
        )
        return full

    return fill


@pytest.mark.parametrize("warm", [False, True])
def test_a_fit_that_runs_out_of_memory_starts_again(estimator, full, warm):
    X = curve(200)
    estimator.set_params(max_epochs=4, batch_size=50, early_stopping=False)
    if warm:
        estimator.set_params(warm_start=True).fit(X)
    expected = copy.deepcopy(estimator).set_params(batch_size=12).fit(X)
    full(20)
    with pytest.warns(UserWarning, match="ran out of memory") as caught:
        estimator.fit(X)
    said = [str(w.message) for w in caught if "memory" in str(w.message)]
    assert said == [
        f"Training ran out of memory on device='cpu' with batch_size={before}, and "
        f"starts again with batch_size={after}. Set batch_size={after} to begin with "
        "it."
        for before, after in ((50, 25), (25, 12))
    ]
    assert estimator.batch_size_ == 12
    assert_array_equal(estimator.transform(X), expected.transform(X))


def test_a_batch_larger_than_the_rows_is_half_of_them_next(estimator, blob, full):
    estimator.set_params(max_epochs=2, batch_size=10**6, early_stopping=False)
    full(30)
    with pytest.warns(UserWarning, match="starts again with batch_size=30"):
        estimator.fit(blob)
    assert estimator.batch_size_ == 30


@pytest.mark.filterwarnings("ignore:Training ran out of memory")
def test_a_device_too_full_for_a_row_says_so_itself(estimator, full):
    device = full(0)
    with pytest.raises(torch.OutOfMemoryError, match=r"^CUDA out of memory\.$"):
        estimator.set_params(batch_size=9).fit(curve(60))
    assert device.tried == [9, 4, 2, 1]
    with pytest.raises(NotFittedError):
        check_is_fitted(estimator)


@pytest.fixture
def too_large(monkeypatch):
    """Make the device too small for all rows; count how often they were to go there."""

    def shrink():
        tried = []

        class TooLarge(_rows.ResidentRows):
            def __init__(self, *args):
                tried.append(args)
                raise torch.OutOfMemoryError("CUDA out of memory.")

        monkeypatch.setattr(_rows, "ResidentRows", TooLarge)
        return tried

    return shrink


def test_rows_larger_than_the_device_are_trained_on_as_asked(estimator, too_large):
    X = curve(200)
    estimator.set_params(max_epochs=3, batch_size=50, early_stopping=False)
    expected = clone(estimator).fit(X).transform(X)
    tried = too_large()
    with pytest.warns(UserWarning, match=r"^200 rows of .* do not fit") as caught:
        estimator.fit(X)
    assert sum("memory" in str(warning.message) for warning in caught) == 1
    assert len(tried) == 1
    assert estimator.batch_size_ == 50
    assert_allclose(estimator.transform(X), expected, atol=1e-3)


def test_rows_are_read_once_however_often_a_fit_starts(estimator, full, too_large):
    estimator.set_params(max_epochs=2, batch_size=40, early_stopping=False)
    full(10)
    tried = too_large()
    with pytest.warns(UserWarning, match="memory") as caught:
        estimator.fit(curve(200))
    said = [str(w.message) for w in caught if "memory" in str(w.message)]
    assert [text.startswith("Training ran out") for text in said] == [False, True, True]
    assert len(tried) == 1


def test_memory_that_runs_out_after_training_is_no_matter_of_batches(
    estimator, blob, monkeypatch
):
    def fail(job, training):
        raise torch.OutOfMemoryError("CUDA out of memory.")

    monkeypatch.setattr(_base, "complete", fail)
    with pytest.raises(torch.OutOfMemoryError):  # and no warning
        estimator.set_params(max_epochs=1).fit(blob)


def test_one_warning_of_memory_that_is_an_error_ends_the_fit(estimator, full):
    full(8)
    with pytest.raises(UserWarning, match="ran out of memory"):
        estimator.set_params(batch_size=9).fit(curve(60))
