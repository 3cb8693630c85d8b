"""What tests of many fits at once share."""

from sklearn.base import clone

from sklearn_ae import Autoencoder

# With these PCA is improved on, so that more than the start is compared.
FAST = {
    "hidden_layer_sizes": (8,),
    "max_epochs": 10,
    "learning_rate": 0.03,
    "validation_fraction": 0.3,
}


def make(kind=Autoencoder, n_components=2, **changes):
    """Make a small estimator."""
    return kind(n_components, **{**FAST, "random_state": 0, **changes})


def texts(outcomes):
    return [outcome.error and str(outcome.error) for outcome in outcomes]


def message_of(estimator, X):
    """Return the text of the error that a fit alone raises."""
    try:
        clone(estimator).fit(X)
    except ValueError as error:
        return str(error)


class Stop:
    """A callback of scikit-learn that ends each fit after two epochs."""

    def setup(self, estimator, context):
        pass

    teardown = on_fit_task_begin = setup

    def on_fit_task_end(self, estimator, context, **kwargs):
        return context.task_id == 1
