"""What users hand over, checked once and made rows; what they get back."""

import numpy as np
from scipy import sparse
from sklearn.utils import check_array
from sklearn.utils.validation import validate_data

from ._compat import check_sample_weight
from .metrics import RunningR2
from .training import blocks_of, rows_at

# Columns named in an error message before it says "and N others".
NAMED_COLUMNS = 5


class TableLayout:
    """Rows of a table, dense or sparse, as scikit-learn's estimators take them.

    A layout owns the shape of the user's data: ``read`` turns input into rows of shape
    ``(n, n_features)``, ``restore`` turns reconstructed rows back.
    """

    def read(self, estimator, X, *, reset, min_rows=1, check_values=True):
        """Check ``X`` and return it as a float array or a CSR matrix, not copied."""
        if getattr(X, "ndim", 2) > 2:
            raise ValueError(
                f"Found array with dim {X.ndim}, while dim <= 2 is required by "
                f"{type(estimator).__name__}. For images take ConvolutionalAutoencoder "
                "or network=ConvolutionalNetwork(), for sequences SequenceAutoencoder "
                "or network=SequenceNetwork()."
            )
        rows = read_rows(estimator, X, reset=reset, min_rows=min_rows)
        if check_values:
            check_finite(rows, estimator)
        return rows

    def read_for_pass(self, estimator, X):
        """Return rows for a pass over all of them, which checks the values of a table.

        A pass of its own would fetch all of them from memory or disk once more.
        """
        # Others name pixels or steps, and some have values that mean none.
        if type(self) is not TableLayout:
            return self.read(estimator, X, reset=False)
        rows = self.read(estimator, X, reset=False, check_values=False)
        return UncheckedRows(rows, estimator)

    def restore(self, estimator, rows, like=None):
        """Return rows in the layout of ``like``, or else of the training data."""
        return rows

    def describe(self, estimator, fitted):
        """Set what a fit says of the layout, once the other attributes are set."""

    def check_block(self, estimator, rows):
        """Refuse rows to train on with that do not go with those of the fit before."""

    def trimmed(self, estimator, rows):
        """Return the rows that count in a fit, without columns that do not."""
        return rows

    def check_compressible(self, estimator):
        """Refuse to compress what is no rows of one length."""

    def running_r2(self, estimator):
        """Return what sums up the R² of reconstructions."""
        return RunningR2(estimator.mean_, estimator.scale_)

    def prepared(self, estimator, codes):
        """Return codes with what decoding needs beside them, and the rows' width."""
        return codes, estimator.n_features_in_

    def decode(self, estimator, network, codes, width):
        """Return what a network makes of prepared codes, as rows of a width."""
        return network.decode(codes)

    def form(self, ndim, pixels):
        """Return the attributes of an estimator fitted to data of such a form."""
        return {}

    def total_variance(self, estimator, fitted):
        """Return the variance of the training rows that codes have a share of."""
        return fitted.metric.total

    def row_shape(self, estimator):
        """Return the shape that the cells of a row have for a network."""
        return (estimator.n_features_in_,)


class UncheckedRows:
    """Rows of a table whose values are to be checked by who passes over them.

    Parameters
    ----------
    rows : ndarray or CSR matrix of shape (n, n_features)
    estimator : estimator
        Named in the error that rows are refused with.
    """

    def __init__(self, rows, estimator):
        self.rows = rows
        self.estimator = estimator
        self.shape = rows.shape
        self.dtype = rows.dtype

    def __getitem__(self, block):
        return self.rows[block]

    def check(self, block):
        """Refuse all rows if a block has NaN or infinity, and name all columns."""
        rows = self.rows[block]
        if not is_finite(rows.data if sparse.issparse(rows) else rows):
            check_finite(self.rows, self.estimator)


def is_finite(values):
    """Whether none of an array's values is NaN or infinite."""
    # In their own float: where the sum leaves it, each is looked at.
    with np.errstate(over="ignore", invalid="ignore"):
        return np.isfinite(values.sum()) or np.isfinite(values).all()


def read_rows(estimator, X, *, reset, min_rows):
    """Check the form of ``X``, not its values, as scikit-learn's estimators do."""
    return validate_data(
        estimator,
        X,
        reset=reset,
        accept_sparse="csr",
        dtype=[np.float64, np.float32],
        ensure_all_finite=False,
        ensure_min_samples=min_rows,
    )


def as_indexable(X):
    """Return data whose rows can be taken: sparse ones in CSR format."""
    if sparse.issparse(X):
        return X.tocsr()
    is_array = hasattr(X, "__array__") and not hasattr(X, "__getitem__")
    return np.asarray(X) if is_array else X


def name_columns(mask, estimator):
    """Name the columns of a mask, by the user's names where there are any."""
    positions = np.flatnonzero(mask)
    names = getattr(estimator, "feature_names_in_", None)
    labels = [
        repr(str(names[i])) if names is not None else str(i)
        for i in positions[:NAMED_COLUMNS]
    ]
    more = len(positions) - len(labels)
    word = "column" if len(positions) == 1 else "columns"
    return f"{word} {', '.join(labels)}" + (f" and {more} others" if more else "")


IMPUTE = (
    "Impute them first, for example with sklearn.impute.SimpleImputer, or drop these "
    "rows."
)


def check_finite(X, estimator, name_cells=name_columns, remedy=IMPUTE):
    """Refuse NaN and infinity, and say in which columns they are."""
    nan = np.zeros(X.shape[1], dtype=bool)
    infinite = np.zeros(X.shape[1], dtype=bool)
    if sparse.issparse(X):
        nan[X.indices[np.isnan(X.data)]] = True
        infinite[X.indices[np.isinf(X.data)]] = True
    else:
        for block in blocks_of(*X.shape):
            rows = X[block]
            if is_finite(rows):
                continue
            nan |= np.isnan(rows).any(axis=0)
            infinite |= np.isinf(rows).any(axis=0)
    name = type(estimator).__name__
    if nan.any():
        raise ValueError(
            f"Input X contains NaN in {name_cells(nan, estimator)}. {name} does not "
            f"accept missing values. {remedy}"
        )
    if infinite.any():
        raise ValueError(
            f"Input X contains infinity in {name_cells(infinite, estimator)}. {name} "
            "takes finite values only. Replace them, or drop these rows."
        )


def weigh_rows(estimator, rows, sample_weight, *, least):
    """Return the rows that count, at least ``least`` of them, and their weights."""
    weight = check_sample_weight(
        sample_weight, rows, dtype=np.float64, ensure_non_negative=True
    )
    if sample_weight is None:
        return rows, weight
    if not 1e-50 < weight.max() < 1e50:
        # Only their ratios count, and the squares of such weights are no numbers.
        weight = weight / (weight.max() or 1.0)
    index = np.flatnonzero(weight)
    rows, weight = rows_at(rows, index), weight[index]
    if len(weight) < least:
        raise ValueError(
            f"sample_weight leaves {len(weight)} sample(s) of weight above zero, "
            f"while {type(estimator).__name__} needs at least {least}. Give more rows "
            "a weight above zero."
        )
    return rows, weight


def check_unit_interval(X, reason):
    """Refuse values outside [0, 1]."""
    cells = X.data if sparse.issparse(X) else X
    if cells.size and (cells.min() < 0 or cells.max() > 1):
        raise ValueError(
            f"{reason} takes values between 0 and 1, and X has values from "
            f"{cells.min():.3g} to {cells.max():.3g}. Scale X, for example with "
            "sklearn.preprocessing.MinMaxScaler(clip=True), or take "
            "likelihood='gaussian'."
        )


def check_codes(X, n_components, name):
    """Check codes given to ``inverse_transform``."""
    codes = check_array(X, dtype=[np.float64, np.float32], input_name="X")
    if codes.shape[1] != n_components:
        raise ValueError(
            f"X has {codes.shape[1]} columns, but {name} has n_components_="
            f"{n_components}: inverse_transform takes codes as transform returns them."
        )
    return codes
