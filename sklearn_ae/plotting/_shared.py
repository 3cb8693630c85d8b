"""What the displays share: matplotlib when it is needed, and what they are given."""

import numpy as np
from scipy import sparse
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted


def import_pyplot(caller):
    """Return ``matplotlib.pyplot``, or say how to install it."""
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise ImportError(
            f"{caller} needs matplotlib, which could not be imported. Install it with "
            '`pip install "sklearn-ae[plot]"`.'
        ) from error
    return plt


def check_display(cls, estimator, *needed):
    """Check that matplotlib is there and the estimator fitted and able.

    Parameters
    ----------
    cls : type
        The display's class.
    estimator : estimator instance
        A fitted estimator.
    *needed : str
        Names of methods and attributes that the display calls.

    Returns
    -------
    estimator : estimator instance
        The estimator itself, or the last step of a Pipeline.
    """
    # Before any computing: a missing package should not cost the user the wait.
    import_pyplot(cls.__name__)
    check_is_fitted(estimator)
    last = estimator[-1] if isinstance(estimator, Pipeline) else estimator
    for name in needed:
        # A Pipeline passes methods on, and keeps its last step's attributes there.
        if not hasattr(estimator, name) and not hasattr(last, name):
            raise AttributeError(
                f"estimator={type(last).__name__} has no {name}, and "
                f"{cls.__name__} needs {' and '.join(needed)}. Give an estimator "
                "that has them, such as a fitted sklearn_ae.Autoencoder."
            )
    return last


def explanation_of(cls, estimator, X):
    """Return the explanation of rows by an estimator, or by a Pipeline's last step."""
    last = check_display(cls, estimator, "explain")
    if isinstance(estimator, Pipeline):
        X = estimator[:-1].transform(X)
    return last.explain(X)


def as_rows(X):
    """Return rows as a dense array of shape (n_samples, n_values)."""
    rows = X.toarray() if sparse.issparse(X) else np.asarray(X)
    return rows.reshape(len(rows), -1)


def check_labels(y, n_samples):
    """Return ``y`` as a 1-d array with one entry for each row."""
    y = np.asarray(y)
    if y.shape != (n_samples,):
        raise ValueError(
            f"y has shape {y.shape}, while X has {n_samples} rows; it must have shape "
            f"({n_samples},). Give one label for each row, or y=None."
        )
    return y


def merged(defaults, given):
    """Return the defaults, overridden by what the caller has given, if anything."""
    return {**defaults, **(given or {})}
