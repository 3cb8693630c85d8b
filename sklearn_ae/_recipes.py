"""What an estimator's parameters amount to, once the shape of the rows is known."""

from functools import partial
from numbers import Integral

from . import _defaults
from ._fitting import Recipe
from .training import Settings, choose_device, precision_of, resolve_device

# Cells of a table, at most, that is trained on in float64.
PRECISE_CELLS = 2**15


class RecipeMixin:
    """The recipe of a fit, from parameters and rows."""

    def _device_for(self, n_rows, n_features, n_distinct):
        """Return where to train on rows of this shape."""
        device = resolve_device(self.device)
        if self.device != "auto":
            return device
        batch_size = self._batch_size_for(n_rows)
        return choose_device(
            device, self._step_flops(batch_size, n_features, n_distinct)
        )

    def _batch_size_for(self, n_rows):
        return _or(self.batch_size, self._network_kind.batch_size(n_rows))

    def _recipe(self, n_rows, n_features, n_distinct, seeds, device):
        """Resolve the parameters for rows of this shape."""
        kind = self._network_kind
        batch_size = self._batch_size_for(n_rows)
        # One small batch in float64 costs little, and makes a weight of two equal to a
        # row given twice to the last digits.
        precise = n_rows <= batch_size and n_rows * n_features <= PRECISE_CELLS
        dtype, products = precision_of(self.precision, device, precise)
        n_batches = -(-n_rows // batch_size)
        schedule = kind.schedule(self._schedule, n_batches)
        epochs = _or(
            self.max_epochs,
            _defaults.max_epochs_for(n_distinct, n_batches, schedule),
        )
        n_components = self._count_components(n_features)
        is_count = isinstance(n_components, Integral)
        return Recipe(
            make_network=partial(self._make_network, n_distinct=n_distinct),
            n_components=(int if is_count else float)(n_components),
            standardize=self.standardize,
            hold_out=self.early_stopping,
            cross_fit=True,
            validation_fraction=self.validation_fraction,
            settings=Settings(
                max_epochs=epochs,
                batch_size=batch_size,
                learning_rate=_or(
                    self.learning_rate, self._auto_learning_rate(n_distinct)
                ),
                weight_decay=_or(self.weight_decay, self._auto_weight_decay()),
                n_iter_no_change=self.n_iter_no_change,
                batch_seed=seeds.batches,
                dtype=dtype,
                device=device,
                callbacks=tuple(self.callbacks or ()),
                noise_seed=seeds.noise,
                beta2=kind.beta2(self._is_corrupted),
                products=products,
            ),
            weight_seed=seeds.weights,
            projection_seed=seeds.projection,
            make_anchor=kind.anchor_of(self._make_anchor, self._row_shape),
            make_loss=self._make_loss,
            arrange_codes=self._arrange_codes,
            make_corruptions=self._make_corruptions,
            start_is_a_model=self._start_is_a_model and kind.start_is_a_model,
            max_folds=min(self._max_folds, kind.max_folds),
            kind=kind,
            fit_scaling=self._fit_scaling,
            grid_shape=kind.grid_shape(self._row_shape),
            pretrain=self._pretrain,
        )

    def _fit_scaling(self, X, weight):
        return self._network_kind.fit_scaling(X, weight, self._row_shape)

    def _n_threads(self, recipe):
        batch_size = recipe.settings.batch_size
        return self._network_kind.n_threads(batch_size, self.n_features_in_)


def _or(parameter, default):
    return default if isinstance(parameter, str) else parameter
