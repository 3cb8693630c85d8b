"""Codes and reconstructions of fitted estimators."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from scipy import sparse
from sklearn.base import clone

from sklearn_ae import Autoencoder, _codes, _inputs
from sklearn_ae.training import _rows, in_threads

from .estimators import ESTIMATORS, has_principal_codes, is_scored_by_r2, only

pytestmark = pytest.mark.filterwarnings(
    "ignore:.*was still improving:sklearn.exceptions.ConvergenceWarning"
)


@pytest.fixture(params=ESTIMATORS.values(), ids=list(ESTIMATORS))
def estimator(request):
    return clone(request.param).set_params(n_components=2)


def test_float32_in_float32_out(estimator, blob):
    X = blob.astype(np.float32)
    model = estimator.fit(X)
    codes = model.transform(X)
    assert codes.dtype == model.inverse_transform(codes).dtype == np.float32
    assert model.reconstruct(X).dtype == np.float32
    # Of the same values: what is random follows the rows' bits.
    wide = X.astype(np.float64)
    assert_allclose(codes, clone(model).fit(wide).transform(wide), atol=1e-3)


def test_scores_do_not_depend_on_the_batch(estimator, digits):
    model = estimator.set_params(n_components=5).fit(digits)
    whole = model.score_samples(digits)
    singly = np.concatenate([model.score_samples(row[None]) for row in digits[:20]])
    assert whole.dtype == np.float64
    assert_allclose(singly, whole[:20], rtol=1e-9)


def test_wrong_width_after_fit(estimator, blob):
    estimator.fit(blob)
    with pytest.raises(ValueError, match=r"X has 3 features, but .* 5 features"):
        estimator.transform(blob[:, :3])


@only(has_principal_codes)
def test_codes_are_uncorrelated_centred_and_ordered(estimator, digits):
    codes = estimator.set_params(n_components=5).fit(digits).transform(digits)
    covariance = np.cov(codes.T)
    assert_allclose(codes.mean(axis=0), 0, atol=1e-8)
    off_diagonal = covariance - np.diag(np.diag(covariance))
    assert_allclose(off_diagonal, 0, atol=1e-8 * covariance[0, 0])
    assert (np.diff(np.diag(covariance)) <= 0).all()
    assert_allclose(np.diag(covariance), estimator.explained_variance_)


def test_reconstruction_is_the_codes_decoded(estimator, blob):
    model = estimator.fit(blob)
    decoded = model.inverse_transform(model.transform(blob))
    assert_allclose(model.reconstruct(blob), decoded, atol=1e-10)


def test_codes_have_the_class_name_as_prefix(estimator, blob):
    names = estimator.fit(blob).get_feature_names_out()
    prefix = type(estimator).__name__.lower()
    assert list(names) == [f"{prefix}0", f"{prefix}1"]


@only(is_scored_by_r2)
def test_score_is_one_less_the_share_of_variance_lost(estimator, blob):
    model = estimator.fit(blob[:40])
    rows, rebuilt = blob[40:], model.reconstruct(blob[40:])
    lost = np.square(rows - rebuilt).sum() / np.square(rows - model.mean_).sum()
    assert model.score(rows) == pytest.approx(1 - lost)


@pytest.mark.parametrize("method", ["transform", "reconstruct", "score_samples"])
def test_results_do_not_depend_on_the_number_of_threads(
    estimator, blob, method, monkeypatch
):
    model = estimator.fit(blob)
    monkeypatch.setattr(_rows, "BLOCK_ROWS", 7)
    results, used = [], []
    for n_threads in (1, 3):
        monkeypatch.setattr(torch, "get_num_threads", lambda n=n_threads: n)
        monkeypatch.setattr(
            _codes,
            "in_threads",
            lambda *args, **kw: used.append(args[2]) or in_threads(*args, **kw),
        )
        results.append(getattr(model, method)(blob))
    assert used == [1, 3]
    np.testing.assert_array_equal(*results)


PASSES = ["transform", "reconstruct", "score_samples"]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("wrap", [np.asarray, sparse.csr_array])
@pytest.mark.parametrize(
    ("value", "word"), [(np.nan, "NaN"), (np.inf, "infinity"), (-np.inf, "infinity")]
)
@pytest.mark.parametrize("method", PASSES)
def test_values_in_any_block_are_refused_with_all_columns(
    blob, monkeypatch, method, value, word, wrap, dtype
):
    model = Autoencoder(2, max_epochs=2, random_state=0).fit(blob)
    monkeypatch.setattr(_rows, "BLOCK_ROWS", 16)
    X = blob.astype(dtype)
    X[20, 3] = X[40, 1] = value
    with pytest.raises(ValueError, match=f"^Input X contains {word} in columns 1, 3. "):
        getattr(model, method)(wrap(X))


@pytest.mark.parametrize("method", PASSES)
def test_large_finite_values_are_read_on(blob, method):
    model = Autoencoder(2, max_epochs=2, random_state=0).fit(blob)
    X = blob.copy()
    X[0] = 1e308  # their sum is no number
    assert len(getattr(model, method)(X)) == len(X)


@pytest.mark.parametrize("method", PASSES)
def test_a_pass_reads_the_rows_once(blob, monkeypatch, method):
    model = Autoencoder(2, max_epochs=2, random_state=0).fit(blob)
    blocks = []
    read = _inputs.UncheckedRows.__getitem__
    monkeypatch.setattr(
        _inputs.UncheckedRows,
        "__getitem__",
        lambda rows, block: blocks.append(block) or read(rows, block),
    )
    monkeypatch.setattr(
        _inputs, "check_finite", lambda *args: pytest.fail("a second pass")
    )
    getattr(model, method)(blob)
    assert sum(block.stop - block.start for block in blocks) == len(blob)
