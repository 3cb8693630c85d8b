"""A classifier for few labels and many rows: pretrained, then fine-tuned."""

from numbers import Real

import numpy as np
from scipy.special import log_softmax, softmax
from sklearn.base import ClassifierMixin

from ._compat import StrOptions
from ._head_start import logistic_start
from ._labels import read_classes
from ._lessons import Marks, accuracy, settle_shares
from ._supervised import BaseSupervised
from .training import weighted_sum


class AutoencoderClassifier(ClassifierMixin, BaseSupervised):
    r"""Classifier for few labels and many rows.

    An autoencoder is fitted to all rows [1]_. Labels then spread from the rows that
    have one to those near to them in the code [2]_, and encoder, decoder and a head
    :math:`h` are trained together on

    .. math::
        L = \frac1n \sum_i w_i \left( c_i\, \ell\bigl(h(z(\tilde x_i)), t_i\bigr)
            + \lambda\, e_i \right)

    with the cross-entropy :math:`\ell`, rows :math:`\tilde x` of which some cells are
    missing, the classes :math:`t` that a row is said to be of and the certainty
    :math:`c` of that [3]_, and the error :math:`e` of the reconstruction, in which
    ``reconstruction_weight`` is :math:`\lambda`. The head starts as logistic regression
    on the codes; if held-out rows say that training is no improvement on it, it stays
    so.

    Rows without a label are those of label -1, if there are at least two other classes;
    else -1 is a class like any other. Among strings, ``y`` must then be an array of
    objects.

    Read more in the :ref:`User Guide <pretraining>`.

    Parameters
    ----------
    class_weight : dict, "balanced" or None, default=None
        What labels of a class count beside ``sample_weight``, by class; classes that a
        dict does not name count 1. One that names them all may name others, which ``y``
        lacks. "balanced" lets all classes count alike.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The classes, sorted.

    See Also
    --------
    AutoencoderRegressor : The same for values.
    sklearn.semi_supervised.LabelSpreading : Labels that spread among the rows.

    References
    ----------
    .. [1] Hinton, G. E. and Salakhutdinov, R. R. (2006). Reducing the dimensionality of
       data with neural networks. Science, 313, 504-507.
    .. [2] Zhou, D., Bousquet, O., Lal, T., Weston, J. and Schölkopf, B. (2004).
       Learning with local and global consistency. NeurIPS, 321-328.
    .. [3] Iscen, A., Tolias, G., Avrithis, Y. and Chum, O. (2019). Label propagation
       for deep semi-supervised learning. CVPR, 5070-5079.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_digits
    >>> from sklearn_ae import AutoencoderClassifier
    >>> X, y = load_digits(return_X_y=True)
    >>> marked = np.where(np.arange(len(y)) < 50, y, -1)
    >>> model = AutoencoderClassifier(random_state=0).fit(X, marked)
    >>> bool(model.score(X[50:], y[50:]) > 0.85)
    True
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
        mass = weighted_sum(weight[labels.known], labels.targets[labels.known])
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
        likeliest = self._answers(X).argmax(axis=1)
        return self.classes_[likeliest]

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
    """Return the weights of a dict, in the order of the classes.

    Names of no class are as in scikit-learn: one alone is a mistake for a class that is
    not named, and where all classes are named, of one that a fold happens to lack.
    """
    names = classes.tolist()
    unknown = [name for name in class_weight if name not in names]
    unnamed = [name for name in names if name not in class_weight]
    if unknown and unnamed:
        raise ValueError(
            f"class_weight={class_weight!r} names {unknown[0]!r}, which is no class of "
            f"y, and does not name {unnamed[0]!r}, which is one. y has the classes "
            f"{names}: name these."
        )
    weights = [class_weight.get(name, 1.0) for name in names]
    are_numbers = all(isinstance(each, Real) and 0 <= each < np.inf for each in weights)
    if not are_numbers or not any(weights):
        raise ValueError(
            f"class_weight={class_weight!r} must hold numbers from 0 on, and one of a "
            "class of y above."
        )
    return np.array(weights, dtype=np.float64)
