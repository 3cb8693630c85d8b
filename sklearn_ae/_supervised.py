"""The base of estimators that learn labels from the codes of an autoencoder."""

from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from numbers import Integral, Real

import numpy as np
import torch
from sklearn.base import (
    BaseEstimator,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
)
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from . import _defaults
from ._autoencoder import Autoencoder
from ._base import BaseAutoencoder
from ._compat import (
    Interval,
    check_sample_weight,
    fit_context,
    num_samples,
    safe_indexing,
)
from ._fine_tuning import Advice, check_freeze, check_head_sizes, fine_tune
from ._further_rows import check_rows, joined
from ._inputs import TableLayout, as_indexable
from ._lessons import Case, make_lesson
from ._network import layer_sizes
from ._parameters import TrainingParameters
from ._pretrained import pretrained, with_network
from ._recipes import PRECISE_CELLS
from ._transaction import all_or_nothing
from .networks import from_state, to_state
from .training import (
    EpochBar,
    Settings,
    choose_device,
    content_ranks,
    cpu_threads,
    draw_seeds,
    losses_of,
    precision_of,
    resolve_device,
    with_enough_memory,
)


class BaseSupervised(
    ClassNamePrefixFeaturesOutMixin, TransformerMixin, TrainingParameters, BaseEstimator
):
    """What a classifier and a regressor on an autoencoder share.

    A subclass reads ``y`` and says what is minimised.

    Parameters
    ----------
    encoder : autoencoder of this package or None, default=None
        What is pretrained. One that is not fitted is cloned and fitted to all rows,
        with a label or without; one that is fitted is copied and used as it is: wrap it
        in :class:`~sklearn.frozen.FrozenEstimator` where clones have to keep it, too.
        Any network will do, of tables, images or sequences. None is an
        :class:`Autoencoder` of as many components as there are columns, 32 at most, for
        about 2400 steps, 600 for fewer than 1000 distinct rows, and 10 epochs or more.
    propagate : bool, default=True
        Whether rows without a label learn from the labels of rows near to them in the
        code, if labels that are held back speak for it. False fine-tunes on the rows
        with a label alone.
    head_layer_sizes : int or tuple of int, default=(128,)
        Widths of the hidden layers of the head, between the code and the answers. An
        int is one layer; with an empty tuple the head is linear.
    reconstruction_weight : float, default=1.0
        What the error of the reconstruction counts in fine-tuning, beside the error of
        the answers: a share of the rows' variance, or, where the loss of ``encoder`` is
        a likelihood, minus the evidence lower bound in nats per row. With 0 the decoder
        is left behind, and ``autoencoder_`` does not reconstruct any more.
    corruption_rate : float, default=0.2
        Share of the cells that are put to their column's mean while rows are learned
        from, other ones at every step. Not of sequences of several lengths or tokens.
    freeze : int, default=0
        Epochs at the start of fine-tuning for which only the head is trained.
    max_epochs : int or "auto", default="auto"
        Number of passes over the rows of fine-tuning at most; 0 keeps the head at its
        start. "auto" amounts to about 1500 steps, 600 for fewer than 1000 distinct
        rows, and to between 6 and 600 epochs. Those of pretraining are ``encoder``'s.
    learning_rate : float or "auto", default="auto"
        Learning rate of the first step of fine-tuning. "auto" is 0.001.
    weight_decay : float or "auto", default="auto"
        Decoupled weight decay of AdamW in fine-tuning. "auto" is 0.
    early_stopping : bool, default=True
        Whether to hold rows out of fine-tuning, to keep the epoch that answers them
        best, and to stop when none has for long. If none answers them better than the
        start, beyond doubt, the start is kept, and so it is of fewer than 10 distinct
        rows, which cannot tell. Fewer than 1000 are cross-fitted. False trains on all
        rows for ``max_epochs``.

    Attributes
    ----------
    autoencoder_ : autoencoder of this package
        The fine-tuned autoencoder. Its ``history_`` is that of pretraining, and its
        codes are turned as there. No row was held out from fine-tuning it, so that what
        it has to say of such, as ``validation_r2_``, is None; unless the start was
        kept, with which it is the autoencoder as it was pretrained.
    propagated_ : bool
        Whether rows without a label have learned from their neighbours.
    history_ : dict of ndarray of shape (n_epochs,)
        Of fine-tuning: "train_loss", the mean over the steps of each epoch, and, if
        rows were held out, "valid_loss" after it, of the answers alone.
    best_epoch_ : int
        Epoch of fine-tuning whose weights were kept; 0 stands for the start.
    """

    encoder: BaseAutoencoder | None = None
    propagate: bool = True
    head_layer_sizes: int | tuple = (128,)
    reconstruction_weight: float = 1.0
    corruption_rate: float = 0.2
    freeze: int = 0

    _parameter_constraints = {
        **TrainingParameters._parameter_constraints,
        "encoder": "no_validation",  # it would name a class that nobody knows
        "propagate": ["boolean"],
        "head_layer_sizes": [
            "array-like",
            Interval(Integral, 1, None, closed="left"),
        ],
        "reconstruction_weight": [Interval(Real, 0, None, closed="left")],
        "corruption_rate": [Interval(Real, 0, 1, closed="left")],
        "freeze": [Interval(Integral, 0, None, closed="left")],
    }

    # -- what a subclass answers

    def _read_labels(self, y, X, weight):
        """Return the :class:`Labels` of rows, as they are to be learned."""
        raise NotImplementedError

    def _class_weight(self, labels, weight):
        """Return what the label of each class counts, or None."""

    # -- fit

    @all_or_nothing
    @fit_context(prefer_skip_nested_validation=False)
    def fit(self, X, y, sample_weight=None, *, pretrain_on=None):
        """Pretrain on all rows, then learn the labels of those that have one.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            The training rows, or images or sequences, as ``encoder`` takes them.
        y : array-like of shape (n_samples,) or (n_samples, n_targets)
            Their labels, with the mark of rows that have none.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows: a weight of two is a row given twice, a weight of zero
            a row left out. None weighs all rows alike.
        pretrain_on : array-like or sparse matrix of shape (n_more, n_features) or None
            Further rows without a label, as if they were in ``X`` and marked in ``y``.
            Each has weight one.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        TypeError
            If ``encoder`` is no autoencoder of this package.
        ValueError
            If a parameter, ``X``, ``y`` or ``pretrain_on`` is out of order, before any
            training; or if training diverges. The estimator then is as it was before.
        """
        X, weight, usual, labels = self._open(X, y, sample_weight, pretrain_on)
        class_weight = self._class_weight(labels, weight)
        rng = check_random_state(self.random_state)
        encoder_seed, seeds = rng.randint(2**31 - 1), draw_seeds(rng)
        autoencoder = pretrained(
            self,
            X,
            None if np.all(weight == 1) else weight,
            usual=usual,
            random_state=encoder_seed,
        )
        case = Case(
            autoencoder._read(X),
            labels,
            weight,
            class_weight,
            seeds.split,
        )
        lesson, self.propagated_ = make_lesson(
            autoencoder, case, self._marks, self.propagate
        )
        advice = self._advice(autoencoder, lesson, seeds, len(weight))
        with cpu_threads(autoencoder._n_threads_of_block()):
            tuned, settings = self._fine_tune(autoencoder, lesson, advice)
            if tuned.training.kept_epoch[0]:
                # Where it is, which may be another device than that of fine-tuning.
                device = torch.device(autoencoder.net_.device)
                at_home = replace(settings, device=device)
                autoencoder = with_network(autoencoder, tuned.body, at_home)
        self._adopt(autoencoder, tuned, settings)
        return self

    def _fine_tune(self, autoencoder, lesson, advice):
        """Return what fine-tuning came to, and the settings that memory allowed."""

        def attempt(settings):
            with ExitStack() as stack:
                bars = self._bars(stack, settings.max_epochs)
                own = replace(advice, settings=settings)
                return fine_tune(autoencoder, lesson, own, bars), settings

        return with_enough_memory(attempt, advice.settings, lesson.rows.shape[0])

    def _open(self, X, y, sample_weight, pretrain_on):
        """Check all that was given.

        Returns the rows that count, their weights, a function that returns the
        autoencoder that None stands for, and the labels.
        """
        self._check_callbacks()
        check_head_sizes(self.head_layer_sizes)
        check_freeze(self.freeze, self.callbacks)
        precision_of(self.precision, resolve_device(self.device), is_small=False)
        X = as_indexable(X)
        n_features = check_rows(self, X, pretrain_on)
        weight = check_sample_weight(
            sample_weight, X, dtype=np.float64, ensure_non_negative=True
        )
        if not 1e-50 < weight.max(initial=0.0) < 1e50:
            weight = weight / (weight.max(initial=0.0) or 1.0)  # squares leave floats
        labels = self._read_labels(y, X, weight)
        if not weight.all():
            index = np.flatnonzero(weight)
            X, weight = safe_indexing(X, index), weight[index]
            labels = labels.at(index)
        if pretrain_on is not None:
            X = joined(X, pretrain_on)
            n_more = num_samples(X) - len(weight)
            weight = np.concatenate([weight, np.ones(n_more)])
            labels = labels.padded(n_more)
        return X, weight, partial(self._usual_encoder, X, n_features), labels

    def _usual_encoder(self, X, n_features):
        """Return the autoencoder that None stands for."""
        reader = Autoencoder()
        rows = reader._layout.read(reader, X, reset=True)
        n_distinct = int(content_ranks(rows, 0).max()) + 1
        n_batches = -(-rows.shape[0] // _defaults.BATCH_SIZE)
        return Autoencoder(
            min(_defaults.PRETRAINED_COMPONENTS, n_features),
            max_epochs=_defaults.max_epochs_for(
                n_distinct, n_batches, _defaults.PRETRAINING_SCHEDULE
            ),
            device=self.device,
            precision=self.precision,
            verbose=self.verbose,
        )

    def _advice(self, autoencoder, lesson, seeds, n_pretrained):
        """Resolve the parameters for a lesson, after so many rows of pretraining."""
        n_rows, n_features = lesson.rows.shape
        batch_size = _or(self.batch_size, min(_defaults.BATCH_SIZE, n_rows))
        is_small = n_rows <= batch_size and n_rows * n_features <= PRECISE_CELLS
        device = resolve_device(self.device)
        if self.device == "auto":
            # The layers are as wide as follows from the rows of pretraining.
            n_operations = autoencoder._step_flops(batch_size, n_features, n_pretrained)
            device = choose_device(device, n_operations)
        dtype, products = precision_of(self.precision, device, is_small)
        n_distinct = int(lesson.group.max()) + 1
        epochs = _defaults.max_epochs_for(
            n_distinct, -(-n_rows // batch_size), _defaults.FINE_TUNING_SCHEDULE
        )
        return Advice(
            error=self._error,
            make_start=self._marks.make_start,
            hidden_layer_sizes=layer_sizes(self.head_layer_sizes),
            reconstruction_weight=float(self.reconstruction_weight),
            corruption_rate=float(self.corruption_rate),
            freeze=self.freeze,
            hold_out=self.early_stopping,
            validation_fraction=self.validation_fraction,
            weight_seed=seeds.weights,
            settings=Settings(
                max_epochs=_or(self.max_epochs, epochs),
                batch_size=batch_size,
                learning_rate=_or(self.learning_rate, _defaults.FINE_TUNING_RATE),
                weight_decay=_or(self.weight_decay, 0.0),
                n_iter_no_change=self.n_iter_no_change,
                batch_seed=seeds.batches,
                noise_seed=seeds.noise,
                dtype=dtype,
                device=device,
                callbacks=tuple(self.callbacks or ()),
                products=products,
            ),
        )

    def _bars(self, stack, n_epochs):
        """Return the callback that draws a bar, if one is asked for."""
        if not self.verbose:
            return []
        bar = EpochBar(type(self).__name__, n_epochs)
        stack.callback(bar.close)
        return [bar]

    def _adopt(self, autoencoder, tuned, settings):
        """Set the fitted attributes."""
        training = tuned.training
        self.autoencoder_ = autoencoder
        self._head = tuned.head.to(autoencoder.net_.device)
        self.device_ = str(settings.device)
        self.batch_size_, self.max_epochs_ = settings.batch_size, settings.max_epochs
        self.history_ = losses_of(training)
        self.n_epochs_ = len(training.history)
        self.best_epoch_ = int(training.kept_epoch[0])
        self.n_features_in_ = autoencoder.n_features_in_
        vars(self).pop("feature_names_in_", None)  # of a fit before
        if hasattr(autoencoder, "feature_names_in_"):
            self.feature_names_in_ = autoencoder.feature_names_in_

    # -- rows through the fitted network

    def transform(self, X):
        """Encode rows by the fine-tuned encoder.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        codes : ndarray of shape (n_samples, n_components)
            The codes, those of ``autoencoder_``; float32 if ``X`` is, else float64.
        """
        check_is_fitted(self)
        rows, network = self._read(X), self.autoencoder_.net_.module_
        codes = np.empty((rows.shape[0], network.n_components), dtype=rows.dtype)
        return self._map(rows, lambda x: network.encode(x)[0], codes)

    def _answers(self, X):
        """Return what the head answers to rows, of shape ``(n, t)``."""
        check_is_fitted(self)
        rows, network = self._read(X), self.autoencoder_.net_.module_
        answers = np.empty((rows.shape[0], self._head.arguments["n_answers"]))
        return self._map(rows, lambda x: self._head(network.encode_raw(x))[0], answers)

    def _read(self, X):
        # Of a table this estimator knows all there is to know, and is named in errors.
        layout = self.autoencoder_._layout
        owner = self if type(layout) is TableLayout else self.autoencoder_
        return layout.read(owner, X, reset=False)

    def _map(self, rows, function, out):
        def as_array(x):
            return function(x).cpu().numpy()

        return self.autoencoder_._map_rows(rows, as_array, out)

    # -- scikit-learn's conventions

    @property
    def _n_features_out(self):
        return self.autoencoder_.n_components_

    def __sklearn_is_fitted__(self):
        return hasattr(self, "autoencoder_")

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

    def __getstate__(self):
        state = super().__getstate__().copy()
        if "_head" in state:  # as arrays, which any version of torch reads
            state["_head"] = to_state(state["_head"])
        return state

    def __setstate__(self, state):
        super().__setstate__(state)
        if "_head" in state:
            device = self.autoencoder_.net_.device
            self._head = from_state(state["_head"]).to(device)


def _or(parameter, default):
    return default if isinstance(parameter, str) else parameter
