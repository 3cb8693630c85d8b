"""The loss of clusters, and the targets of rows."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from sklearn_ae.networks import Output
from sklearn_ae.training import (
    ClusterLoss,
    ClusterTargets,
    ReconstructionLoss,
    Run,
    make_batches,
    make_net,
    make_plan,
    run_net,
)
from sklearn_ae.training._clusters import decided, squared_distances
from sklearn_ae.training._loss import Batch
from sklearn_ae.training._net import StopTraining


def draw(*shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


@pytest.fixture
def cluster_loss():
    """A loss with three centres in two dimensions."""
    loss = ClusterLoss(ReconstructionLoss(np.full(4, 0.25)), 3, 2, share=0.5).double()
    loss.centers.data = draw(3, 2, seed=1)
    loss.length.fill_(1.5)
    loss.targets = torch.softmax(draw(9, 3, seed=2), dim=1)
    return loss


def test_squared_distances():
    codes, centers = draw(5, 3), draw(2, 3, seed=1)
    expected = torch.cdist(codes, centers).square()
    assert_allclose(squared_distances(codes, centers), expected)
    assert squared_distances(codes, codes).min() >= 0


def test_shares_are_the_kernels():
    loss = ClusterLoss(None, 2, 1, share=1.0).double()
    loss.centers.data = torch.tensor([[0.0], [3.0]]).double()
    loss.length.fill_(2.0)
    kernels = np.array([1 / (1 + 1 / 4), 1 / (1 + 4 / 4)])
    shares = loss.log_assignments(torch.ones(1, 1).double()).exp()
    assert_allclose(shares.detach()[0], kernels / kernels.sum())


@pytest.mark.parametrize("weight", [None, torch.tensor([[1.0, 0.5, 1.5]]).double()])
def test_the_loss_is_the_networks_and_a_divergence(cluster_loss, weight):
    rows, code, index = draw(3, 4), draw(1, 3, 2, seed=3), torch.tensor([4, 0, 7])
    output = Output(draw(1, 3, 4, seed=4), code)
    batch = Batch(rows, rows, weight, index=index)
    p = cluster_loss.targets[index]
    q = cluster_loss.log_assignments(code[0]).exp()
    own = torch.ones(3) if weight is None else weight[0]
    divergence = ((p * (p / q).log()).sum(dim=1) * own).mean()
    expected = cluster_loss.loss(output, batch) + 0.5 * divergence
    assert_allclose(cluster_loss(output, batch).detach(), expected.detach())


def test_a_target_of_zero_counts_nothing(cluster_loss):
    cluster_loss.targets = torch.eye(3).double()[[0, 1, 2]]
    rows, code = torch.zeros(3, 4).double(), draw(1, 3, 2)
    batch = Batch(rows, rows, index=torch.arange(3))
    value = cluster_loss(Output(rows[None], code), batch)
    own = cluster_loss.log_assignments(code[0]).diagonal()
    assert_allclose(value.detach(), -0.5 * own.mean().detach())


def test_it_speaks_as_the_networks_loss(cluster_loss):
    assert cluster_loss.is_relative
    assert cluster_loss.describe(2) == cluster_loss.loss.describe(2)


def test_decided_shares():
    shares = torch.tensor([[0.8, 0.2], [0.6, 0.4]]).double()
    weight = torch.tensor([0.25, 0.75]).double()
    mass = 0.25 * 0.8 + 0.75 * 0.6, 0.25 * 0.2 + 0.75 * 0.4
    expected = np.array(
        [[0.64 / mass[0], 0.04 / mass[1]], [0.36 / mass[0], 0.16 / mass[1]]]
    )
    expected /= expected.sum(axis=1, keepdims=True)
    assert_allclose(decided(shares, weight), expected)


def test_weights_of_two_are_rows_given_twice():
    shares = torch.softmax(draw(6, 3), dim=1)
    weight = torch.tensor([1.0, 2, 1, 3, 1, 2]).double()
    times = weight.long()
    again = decided(shares.repeat_interleave(times, dim=0), torch.ones(10).double())
    assert_allclose(decided(shares, weight).repeat_interleave(times, dim=0), again)


# -- targets in a training run


@pytest.fixture
def two_heaps():
    """Two heaps of rows, shape (60, 4), and the heap of each."""
    rng = np.random.default_rng(0)
    heap = np.repeat([0, 1], 30)
    X = rng.normal(size=(60, 4)) + 4 * np.array([1, 0.5, 0, 0]) * heap[:, None]
    return X - X.mean(axis=0), heap


@pytest.fixture
def train(make_network, make_rows, make_settings, two_heaps):
    """Train on the heaps from labels on; return the net and its targets."""
    X, _ = two_heaps

    def run(labels, *, weight=None, n_neighbors=0, tol=0.0, interval=1, **changes):
        weight = np.ones(60) if weight is None else weight
        settings = make_settings(batch_size=60, **changes)
        plan = make_plan(
            np.arange(60),
            weight,
            hold_out=False,
            validation_fraction=0.1,
            cross_fit=False,
        )
        loss = ReconstructionLoss(np.full(4, 0.25))
        n_clusters = int(labels.max()) + 1
        loss = ClusterLoss(loss, n_clusters, 2, share=1.0)
        network, source = make_network(), make_rows(X)
        order = np.argsort(np.linalg.norm(X[:, None] - X, axis=2), axis=1)
        targets = ClusterTargets(
            source,
            weight,
            labels,
            order[:, 1 : 1 + n_neighbors],
            interval=interval,
            tol=tol,
        )
        net = make_net(network, loss, settings)
        run = Run(network, source, plan, weight, loss, settings)
        run_net(net, make_batches(run), settings, None, [targets])
        return net, targets

    return run


def test_centres_start_at_the_labels_means(train, two_heaps):
    X, heap = two_heaps
    weight = np.linspace(1, 2, 60)
    net, _ = train(heap, weight=weight, max_epochs=0)
    for j in range(2):
        own = heap == j
        mean = np.average(X[own, :2], axis=0, weights=weight[own])
        assert_allclose(net.criterion_.centers[j].detach(), mean)
    centers = net.criterion_.centers.detach().numpy()[heap]
    squares = np.square(X[:, :2] - centers).sum(axis=1)
    assert_allclose(net.criterion_.length**2, np.average(squares, weights=weight))


def test_the_first_targets_are_the_labels(train, two_heaps):
    _, heap = two_heaps
    net, _ = train(heap, max_epochs=0)
    assert_allclose(net.criterion_.targets, np.eye(2)[heap])


def test_neighbours_have_a_say(train, two_heaps):
    X, heap = two_heaps
    wrong = heap.copy()
    deep = np.argmax(X[:, 0])
    wrong[deep] = 0
    alone, _ = train(wrong, max_epochs=0)
    net, _ = train(wrong, max_epochs=0, n_neighbors=5)
    assert alone.criterion_.targets[deep, 0] == 1
    assert net.criterion_.targets[deep, 1] > 0.9


def test_training_draws_codes_to_their_centres(train, two_heaps):
    @torch.no_grad()
    def tightness(net):
        codes = net.module_.encode_raw(torch.tensor(two_heaps[0]))[0]
        centers = net.criterion_.centers
        near = (codes - centers[two_heaps[1]]).norm(dim=1).mean()
        return float(near / (centers[0] - centers[1]).norm())

    start, _ = train(two_heaps[1], max_epochs=0)
    net, _ = train(two_heaps[1], max_epochs=400, learning_rate=0.03)
    assert tightness(net) < 0.8 * tightness(start)


def test_targets_are_set_at_intervals(train, two_heaps):
    _, targets = train(two_heaps[1], max_epochs=10, interval=3)
    assert len(targets.changes) == 3


def test_training_ends_where_no_row_changes(train, two_heaps):
    net, targets = train(two_heaps[1], max_epochs=50, tol=0.5)
    assert len(net.history) == 1
    assert targets.changes[0] < 0.5
    assert not targets.has_collapsed


def test_a_cluster_without_rows_ends_training(train, two_heaps):
    net, targets = train(two_heaps[1], max_epochs=0)
    net.criterion_.centers.data[1] = 1e6
    net.history.new_epoch()
    with pytest.raises(StopTraining):
        targets.on_epoch_end(net)
    assert targets.has_collapsed
