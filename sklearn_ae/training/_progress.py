"""Progress for people: scikit-learn's callbacks, and one bar for ``verbose=1``."""

from skorch.callbacks import Callback
from tqdm.auto import tqdm

from ._net import StopTraining


class ScikitLearnCallbacks(Callback):
    """Tell scikit-learn's callbacks of every epoch; stop when one asks for it.

    They hear of an epoch once, also where training starts again.

    Parameters
    ----------
    estimator : BaseEstimator
        The estimator being fitted.
    context : sklearn.callback.CallbackContext
        The open context of its ``fit``.
    """

    def __init__(self, estimator, context):
        self.estimator = estimator
        self.context = context
        self.n_epochs = 0

    def on_train_begin(self, net, **kwargs):
        """Begin the fit."""
        if not self.n_epochs:
            self.context.call_on_fit_task_begin(estimator=self.estimator)

    def on_train_end(self, net, **kwargs):
        """End it."""
        self.context.call_on_fit_task_end(estimator=self.estimator)

    def on_epoch_begin(self, net, **kwargs):
        """Open the epoch's own context."""
        if len(net.history) <= self.n_epochs:
            return
        self.n_epochs = len(net.history)
        self._epoch = self.context.subcontext(task_name="epoch")
        self._epoch.call_on_fit_task_begin(estimator=self.estimator)

    def on_epoch_end(self, net, **kwargs):
        """Close it; a true answer stops training."""
        if len(net.history) < self.n_epochs:
            return
        if self._epoch.call_on_fit_task_end(estimator=self.estimator):
            raise StopTraining


class EpochBar(Callback):
    """One live bar over the epochs, with the R² or the loss reached so far."""

    def __init__(self, name, n_epochs):
        self.name = name
        self.n_epochs = n_epochs

    def on_train_begin(self, net, **kwargs):
        """Draw the bar."""
        self._bar = tqdm(total=self.n_epochs, desc=self.name, unit="epoch")

    def on_epoch_end(self, net, **kwargs):
        """Move it on."""
        row = net.history[-1]
        key = "valid_loss" if "valid_loss" in row else "train_loss"
        shown = {"loss": f"{row[key]:.4f}"}
        if net.criterion_.is_relative:
            shown = {"R²": f"{1 - row[key]:.4f}"}
        self._bar.set_postfix(shown, refresh=False)
        self._bar.update()

    def close(self):
        """Leave the bar as it stands, however training ended."""
        if hasattr(self, "_bar"):
            self._bar.close()
