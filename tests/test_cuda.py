"""What only a GPU can show; without one all of this is skipped."""

import copy
import pickle
import threading

import numpy as np
import pytest
import torch
from sklearn.model_selection import GridSearchCV

from sklearn_ae import Autoencoder, AutoencoderEnsemble, OutlierAutoencoder
from sklearn_ae._principal import GPU_PRODUCTS
from sklearn_ae.model_selection import BatchedGridSearchCV
from sklearn_ae.training import _graphs, _net, _rows

from .estimators import ALL, ESTIMATORS

pytestmark = [
    pytest.mark.skipif(
        not torch.cuda.is_available(), reason="torch finds no CUDA device"
    ),
    pytest.mark.filterwarnings(
        "ignore:.*was still improving:sklearn.exceptions.ConvergenceWarning"
    ),
]

# Of float32, whose products a GPU adds up in another order than a CPU.
CLOSE = 1e-3

EARLY = {"max_epochs": 1, "device": "cuda"}


def on(device, estimator, **parameters):
    """Return an unfitted copy of an estimator that trains on a device."""
    return copy.deepcopy(estimator).set_params(device=device, **parameters)


def draws(estimator):
    """Whether something is random at each step, by the generator of the device."""
    corruption = getattr(estimator, "corruption", None)
    return corruption is not None or hasattr(estimator, "beta")


def distance(one, other):
    """Return the largest difference, in standard deviations."""
    return float(np.abs(one - other).max() / other.std())


@pytest.fixture(params=list(ALL))
def estimator(request):
    return ALL[request.param]


def test_fits_of_both_devices_are_as_good(estimator, table):
    rows = np.abs(table)
    one, other = (
        on(device, estimator, precision="float32").fit(rows)
        for device in ("cuda", "cpu")
    )
    assert one.device_ == "cuda"
    close = 0.1 if draws(estimator) else 2e-3
    assert one.score(rows) == pytest.approx(other.score(rows), abs=close)


def test_a_fitted_model_gives_the_same_on_both_devices(estimator, table):
    rows = np.abs(table)
    model = on("cuda", estimator).fit(rows)
    twin = copy.deepcopy(model)
    twin.net_.module_.to("cpu")
    twin.net_.criterion_.to("cpu")
    for method in ("transform", "reconstruct", "score_samples"):
        results = getattr(model, method)(rows), getattr(twin, method)(rows)
        assert distance(*results) <= CLOSE, method


def test_fits_repeat(estimator, few):
    rows = np.abs(few)
    one, other = (on("cuda", estimator).fit(rows) for _ in range(2))
    np.testing.assert_array_equal(one.transform(rows), other.transform(rows))
    np.testing.assert_array_equal(one.score_samples(rows), other.score_samples(rows))


@pytest.mark.parametrize("name", ESTIMATORS)
def test_a_pickled_model_gives_the_same(name, few):
    rows = np.abs(few)
    model = on("cuda", ESTIMATORS[name]).fit(rows)
    again = pickle.loads(pickle.dumps(model))
    assert next(again.net_.module_.parameters()).device.type == "cuda"
    np.testing.assert_array_equal(again.transform(rows), model.transform(rows))


@pytest.mark.parametrize("name", ESTIMATORS)
def test_partial_fits_go_on_where_they_are(name, table):
    model, rows = on("cuda", ESTIMATORS[name]), np.abs(table)
    for part in np.array_split(rows, 3):
        model.partial_fit(part)
    assert model.device_ == "cuda"
    assert np.isfinite(model.transform(rows)).all()


@pytest.fixture
def graphs(monkeypatch):
    """The steps of all fits, by whether they became graphs."""
    made = []

    class Spied(_graphs.ReplayedStep):
        def __init__(self, step):
            super().__init__(step)
            made.append(self)

    monkeypatch.setattr(_net, "ReplayedStep", Spied)
    return made


@pytest.mark.parametrize("precision", ["float32", "tf32", "bfloat16", "float64"])
def test_steps_become_graphs(graphs, table, precision):
    Autoencoder(2, precision=precision, batch_size=64, **EARLY).fit(table)
    assert graphs
    assert all(step.replay is not None for step in graphs)


def test_a_replayed_fit_is_the_fit_without_graphs(table, monkeypatch):
    settings = {"max_epochs": 5, "device": "cuda", "random_state": 0}
    replayed = Autoencoder(2, **settings).fit(table)
    monkeypatch.setattr(_net, "can_replay", lambda net: False)
    plain = Autoencoder(2, **settings).fit(table)
    np.testing.assert_array_equal(replayed.transform(table), plain.transform(table))


@pytest.mark.parametrize("precision", ["tf32", "bfloat16"])
def test_short_products_keep_most_of_the_quality(table, precision):
    scores = [
        Autoencoder(2, device="cuda", random_state=0, precision=name)
        .fit(table)
        .score(table)
        for name in ("float32", precision)
    ]
    assert scores[0] == pytest.approx(scores[1], abs=0.02)


def test_switches_of_tf32_are_put_back(table):
    before = torch.get_float32_matmul_precision()
    switch = torch.backends.cuda.matmul.fp32_precision
    Autoencoder(2, precision="tf32", **EARLY).fit(table)
    assert torch.backends.cuda.matmul.fp32_precision == switch
    assert torch.get_float32_matmul_precision() == before


def test_wide_tables_start_from_the_same_pca():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(5000, 20)) @ rng.normal(size=(20, 1000))
    X = (X + rng.normal(size=X.shape)).astype(np.float32)
    assert X.size * X.shape[1] >= GPU_PRODUCTS
    one, other = (
        Autoencoder(5, max_epochs=0, device=device, random_state=0).fit(X)
        for device in ("cuda", "cpu")
    )
    assert distance(one.transform(X), other.transform(X)) <= 1e-6
    assert distance(one.score_samples(X), other.score_samples(X)) <= 1e-6


def test_rows_on_disk_train_as_rows_in_memory(table, tmp_path):
    mapped = np.memmap(tmp_path / "rows", table.dtype, "w+", shape=table.shape)
    mapped[:] = table
    settings = {"device": "cuda", "random_state": 0, "max_epochs": 5}
    one, other = (Autoencoder(2, **settings).fit(rows) for rows in (mapped, table))
    assert distance(one.transform(table), other.transform(table)) <= CLOSE


def test_rows_that_do_not_fit_are_copied_in_batches(table, monkeypatch):
    def full(*args):
        raise torch.OutOfMemoryError

    settings = {"device": "cuda", "random_state": 0, "max_epochs": 5}
    resident = Autoencoder(2, **settings).fit(table)
    monkeypatch.setattr(_rows, "ResidentRows", full)
    with pytest.warns(UserWarning, match="do not fit into the memory"):
        streamed = Autoencoder(2, **settings).fit(table)
    distances = distance(streamed.transform(table), resident.transform(table))
    assert distances <= CLOSE


@pytest.fixture
def little_memory():
    """A GPU of which this process may use 2 GB more than it does."""
    torch.cuda.empty_cache()
    total = torch.cuda.get_device_properties(0).total_memory
    used = torch.cuda.memory_reserved()
    torch.cuda.set_per_process_memory_fraction((used + 2**31) / total)
    yield
    torch.cuda.set_per_process_memory_fraction(1.0)
    torch.cuda.empty_cache()


def test_batches_that_do_not_fit_are_halved(little_memory):
    rows = np.random.default_rng(0).normal(size=(2**15, 64)).astype(np.float32)
    model = Autoencoder(
        2,
        hidden_layer_sizes=(4096,),
        batch_size=2**15,
        early_stopping=False,
        max_epochs=1,
        device="cuda",
    )
    with pytest.warns(UserWarning, match="Training ran out of memory on device='cuda'"):
        model.fit(rows)
    assert model.batch_size_ < 2**15
    assert np.isfinite(model.transform(rows[:10])).all()


def test_fits_of_several_threads_do_not_mix(table):
    settings = {"device": "cuda", "max_epochs": 5}
    models = [Autoencoder(2, random_state=seed, **settings) for seed in range(4)]
    alone = [copy.deepcopy(model).fit(table).transform(table) for model in models]
    threads = [threading.Thread(target=model.fit, args=(table,)) for model in models]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for model, codes in zip(models, alone, strict=True):
        np.testing.assert_array_equal(model.transform(table), codes)


def test_a_batched_search_is_the_search(cancer):
    model = Autoencoder(
        hidden_layer_sizes=(16,), max_epochs=10, device="cuda", random_state=0
    )
    grid = {"n_components": [2, 4], "learning_rate": [1e-3, 1e-2]}
    usual, batched = (
        search(model, grid, cv=3).fit(cancer)
        for search in (GridSearchCV, BatchedGridSearchCV)
    )
    assert usual.best_params_ == batched.best_params_
    np.testing.assert_allclose(
        batched.cv_results_["mean_test_score"],
        usual.cv_results_["mean_test_score"],
        atol=CLOSE,
    )


@pytest.mark.parametrize("n_jobs", [None, 2])
def test_members_train_together(cancer, n_jobs):
    member = OutlierAutoencoder(2, max_epochs=5, device="cuda")
    ensemble = AutoencoderEnsemble(
        member, n_estimators=3, n_jobs=n_jobs, random_state=0
    ).fit(cancer)
    assert {each.device_ for each in ensemble.estimators_} == {"cuda"}
    assert np.isfinite(ensemble.score_samples(cancer)).all()


@pytest.mark.parametrize(("hidden", "device"), [(8, "cpu"), (4096, "cuda")])
def test_auto_takes_the_gpu_for_wide_steps(table, hidden, device):
    model = Autoencoder(
        2, hidden_layer_sizes=(hidden,), batch_size=256, max_epochs=1, device="auto"
    ).fit(table)
    assert model.device_ == device
