"""A classifier for few labels and many rows: pretrained, then fine-tuned."""

import numpy as np
from scipy.special import log_softmax, softmax
from sklearn.base import ClassifierMixin

from ._compat import StrOptions
from ._head_start import logistic_start
from ._labels import read_classes
from ._lessons import Marks, accuracy, settle_shares
from ._supervised import BaseSupervised


class AutoencoderClassifier(ClassifierMixin, BaseSupervised):
    r"""Classifier on the code of an autoencoder that has seen all rows.

    PLACEHOLDER

    Parameters
    ----------
    class_weight : dict, "balanced" or None, default=None
        What labels of a class count beside ``sample_weight``, by class; classes that a
        dict does not name count 1. "balanced" lets all classes count alike.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The classes, sorted.
    """

    class_weight: dict | str | None = None

    _parameter_constraints = {
        **BaseSupervised._parameter_constraints,
        "class_weight": [dict, StrOptions({"balanced"}), None],
    }

    _error = "cross_entropy"
    _marks = Marks(logistic_start, accuracy, settle_shares)

    def _read_labels(self, y, X, weight):
        labels = read_classes(y, X, weight, type(self).__name__)
        self.classes_ = labels.classes
        return labels

    def _class_weight(self, labels, weight):
        if self.class_weight is None:
            return None
        if isinstance(self.class_weight, dict):
            return weights_by_name(self.class_weight, labels.classes)
        mass = weight[labels.known] @ labels.targets[labels.known]
        return mass.sum() / (len(mass) * mass)

    def decision_function(self, X):
        """Return the logits of rows.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        logits : ndarray of shape (n_samples,) or (n_samples, n_classes)
            One for each class, up to a constant for each row; of two classes the
            logarithm of the odds of the second.
        """
        logits = self._answers(X)
        return logits[:, 1] - logits[:, 0] if logits.shape[1] == 2 else logits

    def predict(self, X):
        """Return the likeliest class of each row.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        y : ndarray of shape (n_samples,)
        """
        return self.classes_[self._answers(X).argmax(axis=1)]

    def predict_proba(self, X):
        """Return the probability of each class.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        probabilities : ndarray of shape (n_samples, n_classes)
            In the order of ``classes_``.
        """
        return softmax(self._answers(X), axis=1)

    def predict_log_proba(self, X):
        """Return the logarithm of the probability of each class.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        log_probabilities : ndarray of shape (n_samples, n_classes)
            In the order of ``classes_``.
        """
        return log_softmax(self._answers(X), axis=1)


def weights_by_name(class_weight, classes):
    """Return the weights of a dict, in the order of the classes."""
    unknown = [name for name in class_weight if name not in classes.tolist()]
    if unknown:
        raise ValueError(
            f"class_weight={class_weight!r} names {unknown[0]!r}, and y has the "
            f"classes {classes.tolist()}. Name classes of y."
        )
    weights = np.array([class_weight.get(name, 1.0) for name in classes.tolist()])
    if not (np.all(np.isfinite(weights)) and np.all(weights >= 0) and weights.any()):
        raise ValueError(
            f"class_weight={class_weight!r} must hold numbers from 0 on, and one above."
        )
    return weights.astype(np.float64)
