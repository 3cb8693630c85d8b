import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.base import BaseEstimator

from sklearn_ae import Autoencoder
from sklearn_ae._inputs import NAMED_COLUMNS, TableLayout, check_codes
from sklearn_ae.training import _rows


class Estimator(BaseEstimator):
    """Reads tables and does nothing else."""

    def read(self, X, **kwargs):
        return TableLayout().read(self, X, **{"reset": True, **kwargs})


@pytest.fixture
def X():
    return np.arange(12.0).reshape(4, 3)


def spoilt(X, *cells, value=np.nan):
    X = X.copy()
    for cell in cells:
        X[cell] = value
    return X


def message_of(X, estimator=None, **kwargs):
    with pytest.raises(ValueError, match=r".") as error:
        (estimator or Estimator()).read(X, **kwargs)
    return str(error.value)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_float_rows_are_not_copied(X, dtype):
    X = X.astype(dtype)
    assert np.shares_memory(Estimator().read(X), X)
    assert Estimator().read(X).dtype == dtype


@pytest.mark.parametrize("dtype", [int, bool, np.float16, object])
def test_other_numbers_become_float64(X, dtype):
    assert Estimator().read(X.astype(dtype)).dtype == np.float64


@pytest.mark.parametrize("form", ["csr", "csc", "coo", "lil"])
def test_sparse_rows_become_csr(X, form):
    rows = Estimator().read(sparse.csr_array(X).asformat(form))
    assert rows.format == "csr"
    np.testing.assert_array_equal(rows.toarray(), X)


def test_restore_is_the_identity_for_tables(X):
    assert TableLayout().restore(None, X) is X


NAN_ADVICE = (
    ". Estimator does not accept missing values. Impute them first, for example with "
    "sklearn.impute.SimpleImputer, or drop these rows."
)
INFINITY_ADVICE = (
    ". Estimator takes finite values only. Replace them, or drop these rows."
)


@pytest.mark.parametrize("wrap", [np.asarray, sparse.csr_array, sparse.csc_array])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    ("cells", "columns"), [([(2, 1)], "column 1"), ([(3, 2), (0, 0)], "columns 0, 2")]
)
@pytest.mark.parametrize(
    ("value", "word", "advice"),
    [
        (np.nan, "NaN", NAN_ADVICE),
        (np.inf, "infinity", INFINITY_ADVICE),
        (-np.inf, "infinity", INFINITY_ADVICE),
    ],
)
def test_columns_that_are_not_finite_are_named(
    X, wrap, dtype, cells, columns, value, word, advice
):
    X = wrap(spoilt(X, *cells, value=value).astype(dtype))
    assert message_of(X) == f"Input X contains {word} in {columns}{advice}"


def test_columns_are_named_as_the_user_names_them(X):
    frame = pd.DataFrame(spoilt(X, (0, 2), (1, 0)), columns=["a", "b", "c d"])
    message = f"Input X contains NaN in columns 'a', 'c d'{NAN_ADVICE}"
    assert message_of(frame) == message


def test_columns_are_named_as_in_fit_when_rows_come_later(X):
    estimator = Estimator()
    frame = pd.DataFrame(X, columns=["a", "b", "c"])
    estimator.read(frame)
    message = f"Input X contains NaN in column 'b'{NAN_ADVICE}"
    later = pd.DataFrame(spoilt(X, (0, 1)), columns=["a", "b", "c"])
    assert message_of(later, estimator, reset=False) == message


@pytest.mark.parametrize("n_more", [0, 1, 7])
def test_only_the_first_of_many_columns_are_named(n_more):
    X = np.full((2, NAMED_COLUMNS + n_more), np.nan)
    named = ", ".join(map(str, range(NAMED_COLUMNS)))
    more = f" and {n_more} others" if n_more else ""
    assert message_of(X) == f"Input X contains NaN in columns {named}{more}{NAN_ADVICE}"


def test_nan_comes_before_infinity(X):
    X = spoilt(spoilt(X, (0, 0), value=np.inf), (1, 1))
    assert message_of(X) == f"Input X contains NaN in column 1{NAN_ADVICE}"


def test_infinities_that_cancel_are_found(X):
    X = spoilt(spoilt(X, (0, 0), value=np.inf), (1, 0), value=-np.inf)
    assert message_of(X) == f"Input X contains infinity in column 0{INFINITY_ADVICE}"


def test_every_block_is_looked_at(monkeypatch):
    monkeypatch.setattr(_rows, "BLOCK_ROWS", 2)
    X = spoilt(np.zeros((7, 3)), (0, 2), (6, 0))
    assert message_of(X) == f"Input X contains NaN in columns 0, 2{NAN_ADVICE}"


@pytest.mark.parametrize("wrap", [np.asarray, sparse.csr_array])
def test_large_finite_values_are_accepted(wrap):
    X = np.full((4, 3), 1.7e308)
    assert Estimator().read(wrap(X)).max() == 1.7e308


def test_float32_values_whose_sum_overflows_are_accepted():
    X = np.full((4, 3), 3e38, dtype=np.float32)
    assert np.isfinite(Estimator().read(X)).all()


def test_too_few_rows_are_refused(X):
    Estimator().read(X[:1])
    assert "1 sample" in message_of(X[:1], min_rows=2)


def test_another_number_of_columns_is_refused(X):
    estimator = Estimator()
    estimator.read(X)
    assert "expecting 3 features" in message_of(X[:, :2], estimator, reset=False)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_codes_keep_their_precision(X, dtype):
    codes = check_codes(X.astype(dtype), 3, "Autoencoder")
    assert codes.dtype == dtype
    np.testing.assert_array_equal(codes, X)


def test_codes_of_another_width_are_refused(X):
    with pytest.raises(ValueError, match=r".") as error:
        check_codes(X, 2, "Autoencoder")
    assert str(error.value) == (
        "X has 3 columns, but Autoencoder has n_components_=2: inverse_transform takes "
        "codes as transform returns them."
    )


@pytest.mark.parametrize(
    ("value", "message"),
    [(np.nan, "Input X contains NaN"), (np.inf, "Input X contains infinity")],
)
def test_codes_that_are_not_finite_are_refused(X, value, message):
    with pytest.raises(ValueError, match=message):
        check_codes(spoilt(X, (0, 0), value=value), 3, "Autoencoder")


@pytest.mark.parametrize("shape", [(5, 3, 3), (5, 3, 3, 1)])
def test_images_and_sequences_are_told_where_to_go(shape):
    message = r"Found array with dim .*For images take ConvolutionalAutoencoder or"
    with pytest.raises(ValueError, match=message):
        Autoencoder().fit(np.ones(shape))
