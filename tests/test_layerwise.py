"""Hidden layers trained one by one: what they learn from, and what they leave alone."""

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy import sparse
from sklearn.decomposition import PCA

from sklearn_ae import (
    Autoencoder,
    ConvolutionalNetwork,
    DenoisingAutoencoder,
    OutlierAutoencoder,
    SequenceNetwork,
    VariationalAutoencoder,
    _layerwise,
)
from sklearn_ae._fitting import set_up
from sklearn_ae._layerwise import LayerRows, encoded, layer_rows, pretrain_layers
from sklearn_ae._together import Task, fit_together
from sklearn_ae.networks import select_model, select_models
from sklearn_ae.training import content_ranks

from .test_fitting import recipe_of

pytestmark = pytest.mark.filterwarnings(
    "ignore:.*was still improving:sklearn.exceptions.ConvergenceWarning"
)

SMALL = {
    "hidden_layer_sizes": (16, 8),
    "max_epochs": 12,
    "learning_rate": 0.01,
    "random_state": 0,
}


def make_run(X, weight=None, **changes):
    """The run of a fit, with layers as they are drawn; no epoch has gone by."""
    weight = np.ones(len(X)) if weight is None else weight
    recipe = recipe_of(**{"max_epochs": 16, **changes})
    return set_up(X, weight, content_ranks(X, 0), recipe).run


def copy_of(run):
    return run._replace(network=select_models(run.network, slice(None)))


def hidden(network):
    """Weights and biases of the hidden layers, from the first to the last."""
    branches = network.encoder_branch, network.decoder_branch
    return [part for branch in branches for part in branch.hidden.parameters()]


def pretrained(X, weight=None, **changes):
    run = make_run(X, weight, **changes)
    pretrain_layers(run, 0)
    return run


# -- where the network starts


@pytest.mark.parametrize("rows", ["few", "table"])
def test_the_network_still_starts_at_pca(rows, request):
    X = request.getfixturevalue(rows)
    run = pretrained(X)
    index = torch.arange(len(X))
    rows = run.source.take(index)
    with torch.no_grad():
        linear = run.network.linear(rows).reconstruction
        assert run.network(rows).reconstruction.equal(linear)


def test_every_hidden_layer_of_the_encoder_is_trained(table):
    run = make_run(table)
    before = [part.clone() for part in hidden(run.network)]
    pretrain_layers(run, 0)
    same = [
        old.equal(new) for old, new in zip(before, hidden(run.network), strict=True)
    ]
    assert same == [False] * 4 + [True] * 4


def test_without_epochs_layers_stay_as_they_are_drawn(table):
    drawn = hidden(make_run(table, max_epochs=0).network)
    for old, new in zip(
        drawn, hidden(pretrained(table, max_epochs=0).network), strict=True
    ):
        assert old.equal(new)


def test_without_hidden_layers_there_is_nothing_to_do(few):
    settings = {**SMALL, "hidden_layer_sizes": ()}
    plain = Autoencoder(2, **settings).fit(few)
    ours = Autoencoder(2, layerwise=True, **settings).fit(few)
    assert np.array_equal(ours.transform(few), plain.transform(few))


# -- the encoder's layers


@pytest.fixture
def histories(monkeypatch):
    """The losses of the small autoencoders, in order."""
    made, train_on = [], _layerwise.train_on

    def spy(run, read):
        training = train_on(run, read)
        made.append(np.array(training.history[:, "train_loss"]))
        return training

    monkeypatch.setattr(_layerwise, "train_on", spy)
    return made


def test_each_layer_learns_what_pca_leaves_of_what_it_reads(table, histories):
    run = make_run(table, hold_out=False, max_epochs=200)
    pretrain_layers(run, 0)
    rows = run.source.take(torch.arange(len(table)))
    units = [run.loss.column_weight.sqrt().numpy(), 1.0]
    assert len(histories) == 2
    for depth, (losses, unit) in enumerate(zip(histories, units, strict=True)):
        read = encoded(run.network, rows, depth)[0].numpy() * unit
        left = 1 - PCA(2).fit(read).explained_variance_ratio_.sum()
        assert losses[-1] < 0.8 * left


def test_each_layer_has_a_quarter_of_the_epochs(table, histories):
    pretrain_layers(make_run(table, max_epochs=9), 0)
    assert [len(losses) for losses in histories] == [3, 3]


def test_corrupted_rows_are_what_layers_learn_from(table):
    # As many components as columns leave nothing to learn of rows as they are.
    settings = {**SMALL, "max_epochs": 40, "layerwise": True}
    settings["hidden_layer_sizes"] = (8,)
    clean = Autoencoder(5, **settings)
    noisy = Autoencoder(5, corruption="gaussian", **settings)
    changes = []
    for model in (clean, noisy):
        model._validate_params()
        opened = model._open(table, None)
        drawn = replace(opened.recipe, pretrain=None)
        before = model._set_up(opened._replace(recipe=drawn)).run.network
        after = model._set_up(opened).run.network
        weights = [
            net.encoder_branch.hidden[0].weight.detach() for net in (before, after)
        ]
        changes.append(float((weights[0] - weights[1]).abs().max()))
    assert changes[0] == 0 < 0.03 < changes[1]


# -- what they learn from


@pytest.mark.parametrize("rows", ["few", "table"])
def test_no_model_sees_its_held_out_rows(rows, request):
    X = request.getfixturevalue(rows)
    run = make_run(X)
    source = copy.copy(run.source)
    source.rows = run.source.rows.clone()
    source.rows[run.plan.held_out[0]] += 10
    same, changed = copy_of(run), copy_of(run)._replace(source=source)
    for each in (same, changed):
        pretrain_layers(each, 0)
    # Of few rows those that one model must not see are other models' training rows.
    for ours, others in zip(hidden(same.network), hidden(changed.network), strict=True):
        np.testing.assert_allclose(ours[0].detach(), others[0].detach(), atol=1e-9)


def test_a_model_of_a_stack_is_as_alone(few):
    run = make_run(few)
    alone = run._replace(
        network=select_model(run.network, 1),
        plan=replace(
            run.plan,
            train_weight=run.plan.train_weight[1:2],
            held_out=run.plan.held_out[1:2],
        ),
        settings=replace(run.settings, batch_size=len(few)),
    )
    stack = run._replace(settings=alone.settings)
    pretrain_layers(alone, 0)
    pretrain_layers(stack, 0)
    for one, many in zip(hidden(alone.network), hidden(stack.network), strict=True):
        np.testing.assert_allclose(
            one[0].detach(), many[1].detach(), atol=1e-7, rtol=1e-7
        )


def test_a_row_given_twice_is_a_row_of_weight_two(few):
    model = Autoencoder(2, layerwise=True, **SMALL)
    weight = np.ones(len(few))
    weight[::3] = 2
    weighted = model.fit(few, sample_weight=weight).transform(few)
    repeated = model.fit(np.repeat(few, weight.astype(int), axis=0)).transform(few)
    np.testing.assert_allclose(weighted, repeated, atol=1e-6)


@pytest.mark.parametrize("held", ["sparse", "on disk"])
def test_rows_may_be_read_batch_by_batch(table, held, tmp_path):
    model = Autoencoder(2, layerwise=True, **SMALL)
    expected = model.fit(table).transform(table)
    X = sparse.csr_matrix(table)
    if held == "on disk":
        np.save(tmp_path / "rows.npy", table)
        X = np.load(tmp_path / "rows.npy", mmap_mode="r")
    np.testing.assert_allclose(model.fit(X).transform(table), expected, rtol=1e-5)


# -- as a parameter


@pytest.mark.parametrize(
    "kind",
    [Autoencoder, DenoisingAutoencoder, OutlierAutoencoder, VariationalAutoencoder],
)
def test_every_dense_estimator_has_it(kind, table):
    settings = {**SMALL, "max_epochs": 30, "layerwise": True}
    model = kind(2, **settings).fit(table)
    again = kind(2, **settings).fit(table)
    plain = kind(2, **{**settings, "layerwise": False}).fit(table)
    assert np.array_equal(model.transform(table), again.transform(table))
    assert not np.allclose(model.transform(table), plain.transform(table))
    assert model.best_epoch_ > 0


@pytest.mark.parametrize("precision", ["float32", "float64", "bfloat16"])
def test_it_trains_in_each_precision(table, precision):
    model = Autoencoder(2, layerwise=True, precision=precision, **SMALL).fit(table)
    assert model.improved_on_pca_


def test_training_that_goes_on_takes_no_notice(table):
    plain = Autoencoder(2, **SMALL).partial_fit(table).partial_fit(table)
    model = Autoencoder(2, layerwise=True, **SMALL)
    model.partial_fit(table).partial_fit(table)
    assert np.array_equal(model.transform(table), plain.transform(table))
    pair = [Autoencoder(2, warm_start=True, **SMALL).fit(table) for _ in range(2)]
    codes = [
        model.set_params(layerwise=layerwise).fit(table).transform(table)
        for model, layerwise in zip(pair, (False, True), strict=True)
    ]
    assert np.array_equal(*codes)


def test_fits_of_one_stack_are_as_alone(few):
    models = [
        Autoencoder(2, layerwise=layerwise, weight_decay=decay, **SMALL)
        for decay in (0.0, 0.1)
        for layerwise in (False, True)
    ]
    tasks = [Task(model, few) for model in models]
    outcomes = fit_together(tasks)
    assert [outcome.n_together for outcome in outcomes] == [2] * 4
    for model in models:
        alone = Autoencoder(**model.get_params()).fit(few)
        np.testing.assert_allclose(
            model.transform(few), alone.transform(few), atol=1e-6
        )


@pytest.mark.parametrize("network", [ConvolutionalNetwork(), SequenceNetwork()])
@pytest.mark.parametrize(
    "kind", [Autoencoder, DenoisingAutoencoder, VariationalAutoencoder]
)
def test_other_networks_refuse_it(blob, kind, network):
    model = kind(network=network, layerwise=True)
    with pytest.raises(ValueError, match="layerwise") as error:
        model.fit(blob)
    assert str(error.value) == (
        f"layerwise=True is for network='dense', and network={type(network).__name__}"
        f"(...) is trained as a whole. Leave layerwise out of {kind.__name__}."
    )
    assert not hasattr(model, "net_")


def test_ctrl_c_leaves_the_estimator_as_it_was(table, monkeypatch):
    def interrupt(run, read):
        raise KeyboardInterrupt

    model = Autoencoder(2, layerwise=True, **SMALL)
    monkeypatch.setattr(_layerwise, "train_on", interrupt)
    with pytest.raises(KeyboardInterrupt):
        model.fit(table)
    assert not hasattr(model, "net_")


def test_layer_rows_are_those_of_each_model(few):
    run = make_run(few)
    unit = torch.ones(16, dtype=torch.float64)

    def function(one, rows):
        return encoded(one, rows, 1)

    for model, rows in enumerate(layer_rows(run, function, unit)):
        own = select_model(run.network, model)
        weight = run.plan.train_weight[model]
        made = encoded(own, run.source.take(torch.arange(len(few))), 1)[0].numpy()
        np.testing.assert_allclose(
            rows.mean(), np.average(made, axis=0, weights=weight), atol=1e-12
        )


def test_what_is_made_of_rows_is_a_source(few):
    run = make_run(few)
    source = LayerRows(run.source, lambda rows: 2 * rows[None], 5)
    assert (source.n_rows, source.n_features) == few.shape
    index = torch.tensor([3, 1])
    assert source.take(index).equal(2 * run.source.take(index))
