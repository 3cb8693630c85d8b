import pickle

import numpy as np
import pytest
import torch
from sklearn.base import clone
from skorch.callbacks import Callback

from sklearn_ae import Autoencoder, VariationalAutoencoder
from sklearn_ae._persistence import HELPERS, copy_net, pack, unpack
from sklearn_ae.detection import _covariance
from sklearn_ae.training import Settings

from .estimators import ESTIMATORS

PLAIN = (str, int, float, bool, type(None), np.ndarray, np.generic)
FAST = {"max_epochs": 4, "random_state": 0}

pytestmark = pytest.mark.filterwarnings(
    "ignore:.*was still improving:sklearn.exceptions.ConvergenceWarning"
)


def walk(value, path="state"):
    """Every leaf of nested containers, with the way to it."""
    if type(value) is dict:
        for key, item in value.items():
            assert type(key) is str, path
            yield from walk(item, f"{path}[{key!r}]")
    elif type(value) in (list, tuple):
        for i, item in enumerate(value):
            yield from walk(item, f"{path}[{i}]")
    else:
        yield path, value


def moments_of(net):
    states = net.optimizer_.state_dict()["state"]
    return [t.clone() for state in states.values() for t in state.values()]


def settings_of(**changes):
    """What a block is asked to be trained with."""
    return Settings(
        **{
            "max_epochs": 1,
            "batch_size": 256,
            "learning_rate": 0.003,
            "weight_decay": 0.0,
            "n_iter_no_change": 1,
            "batch_seed": 0,
            "dtype": torch.float64,
            "device": torch.device("cpu"),
            **changes,
        }
    )


@pytest.fixture(params=["fit", "partial_fit", "both"])
def fitted(request, blob):
    estimator = Autoencoder(2, **FAST)
    if request.param != "partial_fit":
        estimator.fit(blob)
    if request.param != "fit":
        estimator.partial_fit(blob)
    return estimator


@pytest.fixture
def streamed(blob):
    return Autoencoder(2, **FAST).partial_fit(blob).partial_fit(blob + 0.1)


@pytest.mark.parametrize("how", ["fit", "partial_fit"])
def test_a_pack_holds_plain_values_and_arrays_only(blob, how):
    estimator = getattr(Autoencoder(2, standardize=True, **FAST), how)(blob)
    leaves = dict(walk(pack(vars(estimator))))
    odd = {path for path, leaf in leaves.items() if not isinstance(leaf, PLAIN)}
    assert odd == set()
    arrays = [leaf for leaf in leaves.values() if isinstance(leaf, np.ndarray)]
    assert len(arrays) > 10
    assert all(array.dtype != object for array in arrays)


def test_packing_leaves_the_attributes_alone(fitted):
    before = dict(vars(fitted))
    pack(vars(fitted))
    assert vars(fitted) == before


def test_an_estimator_that_is_not_fitted_is_packed_as_it_is():
    state = vars(Autoencoder(2))
    assert pack(state) == unpack(state) == state


def test_what_is_unpacked_answers_to_the_last_bit(fitted, blob):
    twin = pickle.loads(pickle.dumps(fitted))
    for method in ("transform", "reconstruct", "score_samples", "predict"):
        ours, same = getattr(fitted, method)(blob), getattr(twin, method)(blob)
        np.testing.assert_array_equal(ours, same)
    codes = fitted.transform(blob)
    np.testing.assert_array_equal(
        fitted.inverse_transform(codes), twin.inverse_transform(codes)
    )


def assert_same(after, before):
    """Assert that two values are equal, helpers and what they hold included."""
    assert type(after) is type(before)
    if type(before) in HELPERS.values():
        assert_same(vars(after), vars(before))
    elif type(before) is dict:
        assert set(after) == set(before)
        for name, value in before.items():
            assert_same(after[name], value)
    else:
        np.testing.assert_array_equal(after, before)


def helpers_of(value):
    """The names of all helpers in a value, those in other helpers included."""
    if type(value) in HELPERS.values():
        yield type(value).__name__
        value = vars(value)
    if type(value) is dict:
        for part in value.values():
            yield from helpers_of(part)


def test_helpers_come_back_as_they_were(fitted):
    twin = pickle.loads(pickle.dumps(fitted))
    names = [name for name, value in vars(fitted).items() if [*helpers_of(value)]]
    assert {"_scaling", "_scorer", "_reference"} <= set(names)
    for name in names:
        assert_same(vars(twin)[name], vars(fitted)[name])


@pytest.mark.parametrize("how", ["fit", "partial_fit"])
@pytest.mark.parametrize("name", ESTIMATORS)
def test_helpers_of_every_estimator_come_back(blob, name, how):
    model = getattr(clone(ESTIMATORS[name]).set_params(n_components=2), how)(blob)
    leaves = dict(walk(pack(vars(model))))
    assert all(isinstance(leaf, PLAIN) for leaf in leaves.values())
    twin = pickle.loads(pickle.dumps(model))
    for attribute, value in vars(model).items():
        if [*helpers_of(value)]:
            assert_same(vars(twin)[attribute], value)
    np.testing.assert_array_equal(twin.score_samples(blob), model.score_samples(blob))
    assert twin.score(blob) == model.score(blob)


@pytest.mark.parametrize("full_side", [2, 1024])
def test_covariances_come_back(blob, full_side, monkeypatch):
    monkeypatch.setattr(_covariance, "FULL_SIDE", full_side)
    model = Autoencoder(2, outlier_score="mahalanobis", **FAST).fit(blob)
    kind = "LowRankCovariance" if full_side == 2 else "FullCovariance"
    assert kind in helpers_of(model._scorer)
    assert all(
        isinstance(leaf, PLAIN) for leaf in dict(walk(pack(vars(model)))).values()
    )
    twin = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(twin.score_samples(blob), model.score_samples(blob))


def test_a_helper_may_hold_another(blob):
    model = VariationalAutoencoder(1, **FAST).fit(np.vstack([blob - 9, blob + 9]))
    packed = pack(vars(model))["_scorer"]
    assert (packed["helper"], packed["prior"]["helper"]) == (
        "LikelihoodScorer",
        "CodePrior",
    )
    assert model.n_prior_normals_ > 1
    twin = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(twin.sample(5, 0), model.sample(5, 0))


def test_a_corruption_is_kept_for_the_blocks_of_a_stream(blob):
    model = Autoencoder(2, corruption="swap", **FAST).partial_fit(blob)
    twin = pickle.loads(pickle.dumps(model))
    assert_same(twin._corruption, model._corruption)
    assert set(twin._corruption.facts) == {"donors"}
    for estimator in (model, twin):
        estimator.partial_fit(blob)
    np.testing.assert_array_equal(twin.transform(blob), model.transform(blob))


def test_the_reference_is_of_the_rows_since_the_last_fit(blob):
    estimator = Autoencoder(2, **FAST)
    assert pack(vars(estimator.fit(blob)))["_reference"]["n_seen"] == 60
    assert pack(vars(estimator.partial_fit(blob)))["_reference"]["n_seen"] == 120
    assert pack(vars(estimator.fit(blob)))["_reference"]["n_seen"] == 60


def test_moments_are_not_kept_after_fit(blob):
    estimator = Autoencoder(2, **FAST).fit(blob)
    assert pack(vars(estimator))["net_"]["moments"] == {}


def test_moments_are_kept_after_partial_fit(streamed):
    twin = pickle.loads(pickle.dumps(streamed))
    ours, same = moments_of(streamed.net_), moments_of(twin.net_)
    assert ours
    assert all(map(torch.equal, ours, same))


def test_a_loaded_stream_goes_on_to_the_last_bit(streamed, blob):
    twin = pickle.loads(pickle.dumps(streamed))
    for estimator in (streamed, twin):
        estimator.partial_fit(blob - 0.1)
    np.testing.assert_array_equal(
        streamed.score_samples(blob), twin.score_samples(blob)
    )


def test_settings_of_the_net_are_kept(blob):
    params = {"learning_rate": 0.02, "weight_decay": 0.3, "batch_size": 16, **FAST}
    estimator = Autoencoder(2, **params).fit(blob)
    net = pickle.loads(pickle.dumps(estimator)).net_
    (group,) = net.optimizer_.param_groups
    assert (net.lr, group["weight_decay"], net.batch_size) == (0.02, 0.3, 16)
    assert net.max_epochs == 4
    assert net.criterion_.column_weight.equal(estimator.net_.criterion_.column_weight)


@pytest.mark.parametrize("device", ["cuda:7", "cuda", "mps", "npu"])
def test_what_was_fitted_elsewhere_loads_onto_the_cpu(
    fitted, blob, device, monkeypatch
):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    state = pack(vars(fitted))
    state["net_"] = {**state["net_"], "device": device}
    state["device_"] = device
    twin = Autoencoder()
    vars(twin).update(unpack(state))
    assert twin.device_ == "cpu"
    assert {p.device.type for p in twin.net_.module_.parameters()} == {"cpu"}
    np.testing.assert_array_equal(twin.transform(blob), fitted.transform(blob))


def test_a_copied_net_trains_without_touching_the_original(streamed):
    net = streamed.net_
    before = net.module_.decoder_branch.output.weight.detach().clone()
    twin = copy_net(net, settings_of())
    with torch.no_grad():
        for parameter in twin.module_.parameters():
            parameter.add_(1)
    assert net.module_.decoder_branch.output.weight.equal(before)


def test_a_copied_net_has_moments_of_its_own(streamed):
    before = moments_of(streamed.net_)
    states = copy_net(streamed.net_, settings_of()).optimizer_.state.values()
    for state in states:
        for tensor in state.values():
            tensor.add_(1)
    assert all(map(torch.equal, moments_of(streamed.net_), before))


def test_a_copied_net_trains_as_asked_for_now(streamed):
    before = moments_of(streamed.net_)
    counter = type("Counter", (Callback,), {})()
    twin = copy_net(
        streamed.net_,
        settings_of(learning_rate=0.5, weight_decay=0.25, callbacks=(counter,)),
    )
    (group,) = twin.optimizer_.param_groups
    assert twin.lr == 0.5
    assert group["weight_decay"] == twin.optimizer__weight_decay == 0.25
    assert [type(cb) for _, cb in twin.callbacks_].count(type(counter)) == 1
    assert twin.step_ == streamed.net_.step_
    assert all(map(torch.equal, moments_of(twin), before))
    (group,) = streamed.net_.optimizer_.param_groups
    assert group["weight_decay"] == 0


def test_a_pack_is_a_copy(streamed):
    packed = pack(vars(streamed))["net_"]
    arrays = [leaf for _, leaf in walk(packed) if isinstance(leaf, np.ndarray)]
    before = [array.copy() for array in arrays]
    net = streamed.net_
    with torch.no_grad():
        for tensor in net.module_.state_dict().values():
            tensor.add_(1)
        net.criterion_.column_weight.add_(1)
        for state in net.optimizer_.state.values():
            for tensor in state.values():
                tensor.add_(1)
    assert packed["moments"]
    for array, same in zip(arrays, before, strict=True):
        np.testing.assert_array_equal(array, same)
