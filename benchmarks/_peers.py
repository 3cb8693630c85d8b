"""Other people's models behind one question: the rows, reconstructed."""

import importlib.util
import warnings

import torch
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPRegressor
from skorch import NeuralNetRegressor
from torch import nn

# Pieces in which PyOD reconstructs, so that no table is on the device as a whole.
ROWS_AT_ONCE = 8192


def pyod_missing():
    """Return why PyOD cannot take part, or None if it can."""
    if importlib.util.find_spec("pyod") is None:
        return (
            "PyOD is left out: it is not installed. "
            "pip install 'sklearn-ae[benchmark]' brings it."
        )
    return None


def make_pyod(n_components, *, device="cpu", seed=0, **parameters):
    """Return PyOD's AutoEncoder with this many numbers in its bottleneck."""
    from pyod.models.auto_encoder import AutoEncoder

    parameters = {"hidden_neuron_list": [64, n_components], **parameters}
    # Left to itself, PyOD would take any GPU there is.
    device = torch.device(device)
    return AutoEncoder(device=device, random_state=seed, verbose=0, **parameters)


def make_mlp(n_components, *, hidden=64, max_iter=200, seed=0):
    """Return an MLPRegressor to be fitted from X to X through a bottleneck."""
    sizes = (hidden, n_components, hidden)
    return MLPRegressor(hidden_layer_sizes=sizes, max_iter=max_iter, random_state=seed)


def make_skorch(n_features, hidden, n_components, **parameters):
    """Return a net of skorch's with one hidden layer on each side, and its defaults.

    But for Adam instead of SGD, and no rows held out.
    """
    network = nn.Sequential(
        nn.Linear(n_features, hidden),
        nn.ReLU(),
        nn.Linear(hidden, n_components),
        nn.Linear(n_components, hidden),
        nn.ReLU(),
        nn.Linear(hidden, n_features),
    )
    return NeuralNetRegressor(
        network,
        optimizer=torch.optim.Adam,
        lr=1e-3,
        train_split=None,
        verbose=0,
        **parameters,
    )


def fit_mlp(model, X):
    """Fit it without its warning that the bounded epochs ran out."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(X, X)


def pca_reconstruction(train, test, n_components, seed):
    """Return the test rows as PCA of the training rows gives them back."""
    pca = PCA(n_components, random_state=seed).fit(train)
    return pca.inverse_transform(pca.transform(test))


def mlp_reconstruction(train, test, n_components, seed, **parameters):
    """Return the test rows as an MLPRegressor gives them back."""
    model = fit_mlp(make_mlp(n_components, seed=seed, **parameters), train)
    return model.predict(test).reshape(test.shape)


def pyod_reconstruction(train, test, n_components, seed):
    """Return the test rows as PyOD's AutoEncoder gives them back.

    Without its own preprocessing, so that it is fitted to the rows all others see.
    """
    detector = make_pyod(n_components, seed=seed, preprocessing=False)
    detector.fit(train)
    detector.model.eval()
    rows = torch.tensor(test, dtype=torch.float32)
    with torch.no_grad():
        parts = [detector.model(part) for part in rows.split(ROWS_AT_ONCE)]
    return torch.cat(parts).numpy()
