"""Rows beside those of X; refusals in whole fits are in test_supervised.py."""

from types import SimpleNamespace

import numpy as np
import pytest
from scipy import sparse

from sklearn_ae import Autoencoder, SequenceAutoencoder, VariationalAutoencoder
from sklearn_ae._further_rows import check_rows, joined

X = np.arange(12.0).reshape(4, 3)


def owner(encoder=None):
    return SimpleNamespace(encoder=encoder)


@pytest.mark.parametrize("encoder", [None, Autoencoder(2)])
def test_columns_are_counted(encoder):
    assert check_rows(owner(encoder), X) == 3
    assert check_rows(owner(encoder), X, X[:1]) == 3


def test_a_fitted_encoder_knows_its_columns():
    encoder = Autoencoder(2, max_epochs=0).fit(X)
    assert check_rows(owner(encoder), X) == 3
    with pytest.raises(ValueError, match="pretrain_on does not go with X: X has 2"):
        check_rows(owner(encoder), X, X[:, :2])


@pytest.mark.parametrize("is_fitted", [False, True])
def test_missing_values_are_no_matter_of_columns(is_fitted):
    encoder = Autoencoder(2, max_epochs=0)
    encoder = encoder.fit(X) if is_fitted else encoder
    message = (
        r"^pretrain_on is out of order: Input X contains NaN in columns 0, 1, 2\. .* "
        r"or drop these rows\.$"
    )
    with pytest.raises(ValueError, match=message):
        check_rows(owner(encoder), X, np.full((2, 3), np.nan))


def test_values_that_a_fitted_encoder_could_not_learn_are_refused():
    params = {"likelihood": "bernoulli", "max_epochs": 0}
    encoder = VariationalAutoencoder(2, **params).fit(X / 11)
    assert check_rows(owner(encoder), X / 11, X / 11) == 3
    for rows in ((X, None), (X / 11, X)):
        with pytest.raises(ValueError, match="takes values between 0 and 1"):
            check_rows(owner(encoder), *rows)


def test_an_encoder_is_left_as_it_is():
    encoder = SequenceAutoencoder(2)
    check_rows(owner(encoder), [X, X[:2]], [X[:3]])
    assert not hasattr(encoder, "sequence_shape_")


@pytest.mark.parametrize(
    "kind", [sparse.csr_matrix, sparse.csc_array, sparse.coo_array]
)
def test_sparse_rows_stay_sparse(kind):
    both = joined(kind(X), X[:1])
    assert both.format == "csr"
    assert np.array_equal(both.toarray(), np.vstack([X, X[:1]]))


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_frames_keep_their_names(library):
    frames = pytest.importorskip(library)
    frame = frames.DataFrame({"a": [1.0, 2.0], "b": [3.0, 4.0]})
    both = joined(frame, frame[:1])
    assert list(both.columns) == ["a", "b"]
    assert np.array_equal(np.asarray(both), [[1, 3], [2, 4], [1, 3]])


def test_a_list_stays_one():
    assert joined(["a", "b"], ("c",)) == ["a", "b", "c"]


def test_images_are_joined_along_the_first_axis():
    assert joined(np.zeros((2, 4, 4)), np.ones((3, 4, 4))).shape == (5, 4, 4)
