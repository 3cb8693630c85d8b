"""What networks for sequences of one length share, whatever they are made of."""

from ._network import NetworkKind
from ._sequences import SequenceLayout
from .training import fit_scaling, shared_by_channel


class SequenceKind(NetworkKind):
    """Answers for rows that are flattened sequences, with the channels last."""

    layout = SequenceLayout()

    def grid_shape(self, row_shape):
        """Return the shape of a sequence as an image one pixel wide.

        Parameters
        ----------
        row_shape : tuple (n_steps, n_channels)
            Of a sequence.

        Returns
        -------
        grid_shape : tuple (n_steps, 1, n_channels)
        """
        return row_shape[0], 1, row_shape[1]

    def fit_scaling(self, X, weight, row_shape):
        """Return the steps' means and one standard deviation for each channel.

        Parameters
        ----------
        X : ndarray or sparse matrix of shape (n, n_features)
            Flattened sequences.
        weight : ndarray of shape (n,)
            Above zero.
        row_shape : tuple (n_steps, n_channels)
            Of a sequence.

        Returns
        -------
        scaling : Scaling
        variance : ndarray of shape (n_features,)
            Of each step, by itself.
        """
        scaling, variance = fit_scaling(X, weight)
        return shared_by_channel(scaling, variance, row_shape[1]), variance
