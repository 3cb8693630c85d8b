"""The parameters that estimators share: fields, constraints, documentation."""

from numbers import Integral, Real
from typing import dataclass_transform

import numpy as np
from sklearn.base import BaseEstimator
from skorch.callbacks import Callback

from ._compat import Interval, RealNotInt, StrOptions
from ._declaration import declare_parameters


@dataclass_transform(kw_only_default=True, eq_default=False)
class TrainingParameters:
    """What everything that is trained takes, and what training leaves behind.

    Parameters
    ----------
    max_epochs : int or "auto", default="auto"
        Number of passes over the training rows at most; 0 does not train. "auto"
        amounts to about 1500 steps, 600 for fewer than 1000 distinct rows, and to
        between 40 and 600 epochs. The learning rate falls to zero over them.
    batch_size : int or "auto", default="auto"
        Number of rows per step. "auto" is 256, or all rows if there are fewer. Where a
        GPU's memory is too small for so many, ``fit`` says so, and starts again with
        half of them.
    learning_rate : float or "auto", default="auto"
        Learning rate of the first step of AdamW. "auto" is 0.005, 0.003 for images and
        sequences, or 0.001 for fewer than 1000 distinct rows.
    weight_decay : float or "auto", default="auto"
        Decoupled weight decay of AdamW. It decays the network towards its linear part.
        "auto" is 0.1 for networks of images and of sequences, 0 for others and for
        sparse codes.
    early_stopping : bool, default=True
        Whether to hold rows out, to keep the epoch that is best on them, and to stop
        when none has been for long. Fewer than 1000 distinct rows are cross-fitted:
        every row is held out once, and the final model is trained on all rows for as
        many epochs as were best on held-out rows. False trains on all rows for
        ``max_epochs``, for better or worse.
    validation_fraction : float, default=0.1
        Share of the distinct rows held out; with cross-fitting, of each fold, of which
        there are 2 to 20.
    n_iter_no_change : int, default=20
        Number of epochs without improvement on held-out rows after which training
        stops.
    device : str, default="auto"
        Where to train: "auto" is "cuda" where torch finds a GPU and steps are worth
        it, else "cpu". Steps of dense networks are from 2^22 operations on, 12 times
        ``batch_size`` times the weights of the encoder, such as 256 rows of 40
        columns through layers of 32 and 8; other networks' always are. Also "cuda:1"
        and the like, and "mps".
    precision : {"auto", "float32", "float64", "bfloat16", "tf32"}, default="auto"
        How exactly ``fit`` trains. "auto" is float64 where one small batch holds all
        rows, else float32. "bfloat16" rounds to eight bits what large matrix
        products read and return, the gradients of weights included; "tf32" to eleven
        what they read, on CUDA alone. Weights and steps are float32, and held-out rows
        judge as precisely as ever. On a CPU with AVX-512 BF16 or AMX
        "bfloat16" makes steps of layers of hundreds of units two to three times as
        fast, and those of few units no faster; on a CPU without, it is slower. The
        fitted network is as precise as ever, and ``partial_fit`` trains it so.
    callbacks : list of skorch callbacks or None, default=None
        Called during training; copied before use.
    random_state : int, RandomState instance or None, default=None
        Seeds the initial weights, the order of the rows, and which rows are held out.
        An int makes fits bit-identical. No global random state is touched.
    verbose : int, default=0
        Above 0, a progress bar over the epochs is drawn.

    Attributes
    ----------
    history_ : dict of ndarray of shape (n_epochs,)
        "train_loss", the mean over the steps of each epoch, and, if rows were held
        out, "valid_loss" after it. Errors are shares of the rows' variance, so that 1
        minus the loss is R², less the penalty if there is one; in nats per row where
        the loss is a likelihood. Where models are cross-fitted, means over them.
    n_epochs_ : int
        Number of epochs run.
    best_epoch_ : int
        Epoch whose weights were kept; 0 stands for the start: PCA, or what the class
        starts from in its place, or the earlier fit that this one went on from.
    max_epochs_, batch_size_ : int
        What "auto" came to, and what fitted into the memory.
    device_ : str
        The device used.
    n_features_in_ : int
        Number of columns seen in :meth:`fit`.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the columns, if they were all strings.
    """

    max_epochs: int | str = "auto"
    batch_size: int | str = "auto"
    learning_rate: float | str = "auto"
    weight_decay: float | str = "auto"
    early_stopping: bool = True
    validation_fraction: float = 0.1
    n_iter_no_change: int = 20
    device: str = "auto"
    precision: str = "auto"
    callbacks: list | None = None
    random_state: int | np.random.RandomState | None = None
    verbose: int = 0

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        declare_parameters(cls)

    def _check_callbacks(self):
        """Refuse callbacks that are none."""
        for callback in self.callbacks or ():
            if not isinstance(callback, Callback):
                raise ValueError(
                    f"callbacks={self.callbacks!r} must hold instances of "
                    f"skorch.callbacks.Callback, and {callback!r} is none. "
                    "scikit-learn's callbacks go to set_callbacks."
                )

    _parameter_constraints = {
        "max_epochs": [
            Interval(Integral, 0, None, closed="left"),
            StrOptions({"auto"}),
        ],
        "batch_size": [
            Interval(Integral, 1, None, closed="left"),
            StrOptions({"auto"}),
        ],
        "learning_rate": [
            Interval(Real, 0, None, closed="neither"),
            StrOptions({"auto"}),
        ],
        "weight_decay": [
            Interval(Real, 0, None, closed="left"),
            StrOptions({"auto"}),
        ],
        "early_stopping": ["boolean"],
        "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
        "n_iter_no_change": [Interval(Integral, 1, None, closed="left")],
        "device": [str],
        "precision": [StrOptions({"auto", "float32", "float64", "bfloat16", "tf32"})],
        "callbacks": [list, tuple, None],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }


class SharedParameters(TrainingParameters):
    """What every autoencoder takes, and what every fit leaves behind.

    Parameters
    ----------
    n_components : int or float, default=0.9
        Number of components of the codes. A float in (0, 1) takes as many as PCA
        needs to explain this share of the variance.
    standardize : bool, default=False
        Whether errors and codes are measured in standard deviations of each column,
        so that all columns count alike. False measures them in the units of ``X``, as
        PCA does. Training copes with columns of any scale either way.
    warm_start : bool, default=False
        Whether ``fit`` goes on from the network of the fit before, instead of from
        the start.

    Attributes
    ----------
    n_components_ : int
        Number of components of the codes.
    mean_ : ndarray of shape (n_features,)
        Mean of the training rows.
    scale_ : ndarray of shape (n_features,) or None
        Standard deviation of each column; None with ``standardize=False``.
    net_ : skorch.NeuralNet
        The trained net; ``net_.module_`` is the torch module.
    """

    n_components: int | float = 0.9
    standardize: bool = False
    warm_start: bool = False

    _parameter_constraints = {
        **TrainingParameters._parameter_constraints,
        "n_components": [
            Interval(Integral, 1, None, closed="left"),
            Interval(RealNotInt, 0, 1, closed="neither"),
        ],
        "standardize": ["boolean"],
        "warm_start": ["boolean"],
    }


def as_plain(value):
    """Return a parameter as plain values, which say the same if they are equal."""
    if isinstance(value, BaseEstimator):
        return {name: as_plain(getattr(value, name)) for name in value.structural}
    return value if np.ndim(value) == 0 else tuple(np.asarray(value).tolist())
