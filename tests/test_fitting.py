import numpy as np
import pytest
import torch
from scipy import sparse
from sklearn.decomposition import PCA

from sklearn_ae import Autoencoder
from sklearn_ae._anchor import code_variances, principal_anchor
from sklearn_ae._fitting import (
    Recipe,
    Start,
    arrange_as_principal,
    fit_network,
    held_out_keys,
    make_metric,
)
from sklearn_ae._network import DENSE
from sklearn_ae.networks import AnchoredAutoencoder
from sklearn_ae.training import (
    CLEAN,
    ReconstructionLoss,
    Settings,
    _plan,
    content_ranks,
    make_plan,
    row_keys,
)

CPU = torch.device("cpu")


def make_network(*, n_models, n_features, n_components):
    return AnchoredAutoencoder(
        n_models=n_models,
        n_features=n_features,
        n_components=n_components,
        branches={"kind": "dense", "hidden_layer_sizes": (16, 8), "activation": "silu"},
    )


def recipe_of(**changes):
    settings = {
        "max_epochs": 4,
        "batch_size": 32,
        "learning_rate": 0.01,
        "weight_decay": 0.0,
        "n_iter_no_change": 9,
        "batch_seed": 0,
        "dtype": torch.float64,
        "device": CPU,
    }
    for name in set(changes) & set(settings):
        settings[name] = changes.pop(name)
    return Recipe(
        **{
            "make_network": make_network,
            "n_components": 2,
            "standardize": False,
            "hold_out": True,
            "cross_fit": True,
            "validation_fraction": 0.25,
            "weight_seed": 0,
            "projection_seed": 0,
            "make_anchor": principal_anchor,
            "make_loss": lambda scaling, metric: ReconstructionLoss(
                metric.column_weight
            ),
            "arrange_codes": arrange_as_principal,
            "make_corruptions": lambda source, weight: CLEAN,
            "start_is_a_model": True,
            "max_folds": 20,
            "kind": DENSE,
            **changes,
        },
        settings=Settings(**settings),
    )


def variances_of(fitted):
    """Variances of the training rows' codes, as a user sees them."""
    return code_variances(fitted.network, fitted.code_moments[1])


def fit(X, weight=None, start=None, index=None, **changes):
    weight = np.ones(X.shape[0]) if weight is None else weight
    group = content_ranks(X, 0)
    recipe = recipe_of(**changes)
    return fit_network(X, weight, group, recipe, index=index, start=start)


def codes_of(fitted):
    with torch.no_grad():
        blocks = [fitted.network.encode(rows)[0] for _, rows in fitted.blocks()]
    return torch.cat(blocks).numpy()


def start_of(fitted):
    return Start(fitted.network, fitted.scaling, fitted.metric.code_unit)


def linear_back(fitted, network=None):
    """The rows as the linear path reconstructs them, in the user's units."""
    network = network or fitted.network
    with torch.no_grad():
        back = network.linear(next(fitted.blocks())[1]).reconstruction
    return [fitted.scaling.restore(rows) for rows in back]


@pytest.mark.parametrize("standardize", [False, True])
@pytest.mark.parametrize("k", [1, 3])
def test_without_training_it_is_pca(blob, standardize, k):
    X = blob * [1, 5, 1, 0.1, 1] + 3
    fitted = fit(X, standardize=standardize, n_components=k, max_epochs=0)
    rows = (X - X.mean(0)) / X.std(0) if standardize else X
    np.testing.assert_allclose(codes_of(fitted), PCA(k).fit_transform(rows), atol=1e-9)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_the_final_model_keeps_the_pca_of_all_rows(blob, dtype):
    fitted = fit(blob, dtype=dtype, max_epochs=8)
    pca = PCA(2).fit(blob)
    expected = pca.inverse_transform(pca.transform(blob))
    np.testing.assert_allclose(linear_back(fitted)[0], expected, atol=1e-10)


def test_each_fold_model_keeps_the_pca_of_its_own_rows(blob):
    fitted = fit(blob)
    backs = linear_back(fitted, fitted.stack)
    for back, weight in zip(backs, fitted.plan.train_weight, strict=True):
        pca = PCA(2).fit(blob[weight > 0])
        expected = pca.inverse_transform(pca.transform(blob))
        np.testing.assert_allclose(back, expected, atol=1e-10)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_the_fitted_network_is_in_the_widest_float_and_ready(blob, dtype):
    fitted = fit(blob, dtype=dtype)
    for network in (fitted.network, fitted.stack):
        assert {p.dtype for p in network.parameters()} == {torch.float64}
        assert not network.training
    assert fitted.network.n_models == 1


def test_the_network_is_the_final_model_of_the_stack(blob):
    fitted = fit(blob, max_epochs=20, learning_rate=0.1)
    final = fitted.plan.final
    for name, tensor in fitted.network.named_parameters():
        stacked = dict(fitted.stack.named_parameters())[name]
        assert tensor[0].equal(stacked[final])


def test_codes_are_centred_uncorrelated_and_ordered(blob):
    weight = np.random.default_rng(0).uniform(0.5, 2, size=60)
    fitted = fit(blob, weight, n_components=3, hold_out=False, max_epochs=9)
    codes = codes_of(fitted)
    covariance = np.cov(codes.T, aweights=weight, bias=True)
    variances = np.diag(covariance)
    np.testing.assert_allclose(np.average(codes, axis=0, weights=weight), 0, atol=1e-9)
    np.testing.assert_allclose(covariance, np.diag(variances), atol=1e-9)
    assert (np.diff(variances) < 0).all()


@pytest.mark.parametrize(
    ("n_rows", "hold_out", "n_epochs"),
    [
        (_plan.MIN_ROWS - 1, True, 0),
        (_plan.MIN_ROWS, True, 4),
        (_plan.MIN_ROWS - 1, False, 4),
    ],
)
def test_too_few_rows_to_judge_stay_pca(blob, n_rows, hold_out, n_epochs):
    fitted = fit(blob[:n_rows], hold_out=hold_out)
    assert len(fitted.training.history) == n_epochs


def test_a_fit_repeats_to_the_last_bit(blob):
    one, other = (fit(blob) for _ in range(2))
    for ours, same in zip(
        one.stack.state_dict().values(), other.stack.state_dict().values(), strict=True
    ):
        assert ours.equal(same)


def test_sparse_rows_fit_as_dense_ones(blob):
    X = np.where(np.abs(blob) < 0.5, 0, blob)
    dense, csr = fit(X), fit(sparse.csr_array(X))
    np.testing.assert_allclose(codes_of(csr), codes_of(dense), atol=1e-9)


def test_the_mean_is_that_of_the_weighted_rows(blob):
    weight = np.random.default_rng(0).uniform(0.5, 2, size=60)
    expected = np.average(blob, axis=0, weights=weight)
    np.testing.assert_allclose(fit(blob, weight).mean, expected)


def test_the_network_is_asked_for_in_the_shape_of_the_rows(blob):
    asked = {}

    def spy(**shape):
        asked.update(shape)
        return make_network(**shape)

    fit(np.vstack([blob, blob]), make_network=spy, n_components=0.9)
    expected = PCA(0.9).fit(blob).n_components_
    assert asked == {
        "n_models": 5,
        "n_features": 5,
        "n_components": expected,
    }


def test_all_models_start_alike(blob):
    fitted = fit(blob, max_epochs=0)
    for layer in fitted.stack.encoder_branch.hidden:
        assert layer.weight.equal(layer.weight[:1].expand_as(layer.weight))


@pytest.mark.parametrize("standardize", [False, True])
def test_units_are_those_of_the_weighted_rows(blob, standardize):
    X = blob * [1, 5, 1, 0.1, 0] + 3
    weight = np.random.default_rng(0).uniform(0.5, 2, size=60)
    scaling, metric, mean = make_metric(X, weight, standardize)
    variance = np.average((X - mean) ** 2, axis=0, weights=weight)
    np.testing.assert_allclose(mean, np.average(X, axis=0, weights=weight))
    np.testing.assert_array_equal(scaling.mean, mean)
    np.testing.assert_allclose(scaling.std, [*np.sqrt(variance[:4]), 1])
    total = 4 if standardize else variance.sum()
    assert metric.total == pytest.approx(total)
    assert metric.code_unit == pytest.approx(total**0.5)


@pytest.mark.parametrize("standardize", [False, True])
def test_units_of_a_start_stay_where_they_were(blob, standardize):
    first = fit(blob, standardize=standardize, max_epochs=0)
    units = make_metric(3 * blob + 1, np.ones(60), standardize, start_of(first))
    assert units.scaling is first.scaling
    assert units.metric.code_unit == first.metric.code_unit
    # The variance is that of the new rows, in those units, as is their mean.
    assert units.metric.total == pytest.approx(9 * first.metric.total)
    np.testing.assert_allclose(units.mean, 3 * blob.mean(axis=0) + 1)
    np.testing.assert_allclose(
        units.metric.column_weight, first.metric.column_weight / 9
    )


@pytest.mark.parametrize("standardize", [False, True])
def test_variances_are_those_of_the_codes(blob, standardize):
    weight = np.random.default_rng(0).uniform(0.5, 2, size=60)
    fitted = fit(blob * 7, weight, standardize=standardize, hold_out=False)
    covariance = np.cov(codes_of(fitted).T, aweights=weight, bias=True)
    np.testing.assert_allclose(variances_of(fitted), np.diag(covariance))


# -- from an earlier network


def test_going_on_leaves_the_earlier_network_alone(blob):
    first = fit(blob, hold_out=False)
    before = {n: t.clone() for n, t in first.network.state_dict().items()}
    again = fit(blob, hold_out=False, start=start_of(first))
    for name, tensor in first.network.state_dict().items():
        assert tensor.equal(before[name])
    assert again.scaling is first.scaling
    assert not again.network.decoder_branch.output.weight.equal(
        before["decoder_branch.output.weight"]
    )


def test_going_on_starts_where_the_earlier_fit_ended(blob):
    first = fit(blob, hold_out=False, max_epochs=9)
    again = fit(blob, hold_out=False, max_epochs=0, start=start_of(first))
    np.testing.assert_allclose(codes_of(again), codes_of(first), atol=1e-9)


def test_going_on_never_cross_fits(blob):
    first = fit(blob)
    again = fit(blob, start=start_of(first))
    assert again.plan.n_models == 1
    assert len(again.plan.held_out_rows) == 15


def test_going_on_with_other_rows_keeps_the_units_of_the_codes(blob):
    estimator = Autoencoder(2, max_epochs=0, warm_start=True, random_state=0)
    codes = estimator.fit(blob).transform(blob)
    again = estimator.fit(3 * blob).transform(blob)
    centred = codes - codes.mean(axis=0)
    np.testing.assert_allclose(again - again.mean(axis=0), centred, atol=1e-9)


def test_going_on_shows_variances_in_the_units_of_the_codes(blob):
    first = fit(blob, hold_out=False)
    again = fit(3 * blob, hold_out=False, max_epochs=0, start=start_of(first))
    variances = np.var(codes_of(again), axis=0)
    np.testing.assert_allclose(variances_of(again), variances)
    assert variances_of(again)[0] > 4 * variances_of(first)[0]


def test_going_on_has_the_mean_of_its_own_rows(blob):
    again = fit(blob + 1, max_epochs=0, start=start_of(fit(blob, max_epochs=0)))
    np.testing.assert_allclose(again.mean, blob.mean(axis=0) + 1)


# -- to some of the rows


@pytest.mark.parametrize("held", ["dense", "sparse", "mapped"])
@pytest.mark.parametrize("cross_fit", [True, False])
def test_a_fit_to_an_index_is_one_to_those_rows(blob, held, cross_fit, tmp_path):
    np.save(tmp_path / "rows.npy", blob)
    X = {
        "dense": lambda: blob,
        "sparse": lambda: sparse.csr_array(blob),
        "mapped": lambda: np.load(tmp_path / "rows.npy", mmap_mode="r"),
    }[held]()
    rng = np.random.default_rng(0)
    index, weight = rng.permutation(60)[:40], rng.uniform(0.5, 2, size=60)
    ours = fit(X, weight, index=index, cross_fit=cross_fit)
    own = fit(blob[index], weight[index], cross_fit=cross_fit)
    np.testing.assert_allclose(ours.mean, own.mean, rtol=1e-12)
    np.testing.assert_array_equal(ours.plan.group, own.plan.group)
    np.testing.assert_array_equal(ours.plan.train_weight, own.plan.train_weight)
    np.testing.assert_allclose(codes_of(ours), codes_of(own), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(ours.training.kept_loss, own.training.kept_loss)


def test_rows_outside_the_index_do_not_count(blob):
    index = np.arange(0, 60, 2)
    spoilt = blob.copy()
    spoilt[1::2] = 1e9
    ours, other = fit(blob, index=index), fit(spoilt, index=index)
    np.testing.assert_array_equal(codes_of(ours), codes_of(other))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_going_on_without_epochs_changes_no_reconstruction(blob, dtype):
    first = fit(blob, hold_out=False, max_epochs=20, dtype=dtype, learning_rate=0.05)
    again = fit(blob, hold_out=False, max_epochs=0, dtype=dtype, start=start_of(first))
    with torch.no_grad():
        rows = next(first.blocks())[1]
        back, same = (f.network(rows).reconstruction for f in (first, again))
    assert not torch.allclose(back, first.network.linear(rows).reconstruction)
    np.testing.assert_allclose(same, back, rtol=0, atol=1e-12)


# -- what is random about held-out rows


@pytest.mark.parametrize("cross_fit", [False, True])
def test_keys_of_held_out_rows_are_those_of_their_contents(blob, cross_fit):
    plan = make_plan(
        content_ranks(blob, 0),
        np.ones(60),
        hold_out=True,
        validation_fraction=0.2,
        cross_fit=cross_fit,
    )
    index = plan.held_out_rows
    keys = held_out_keys(blob, plan, 3)
    np.testing.assert_array_equal(keys[index], row_keys(blob, 3)[index])
