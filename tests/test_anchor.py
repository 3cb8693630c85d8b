import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA

from sklearn_ae._anchor import (
    Metric,
    Problem,
    as_anchor,
    code_moments,
    code_variances,
    fit_principals,
    order_codes,
)
from sklearn_ae._fitting import make_metric
from sklearn_ae.networks import AnchoredAutoencoder
from sklearn_ae.training import _rows, blocks_of, make_source

CPU = torch.device("cpu")


class Case:
    """A table, its units, and an anchored network that answers more than PCA."""

    def __init__(self, X, n_components, *, standardize=False, weights=None):
        self.X = X
        ones = np.ones(len(X))
        self.scaling, self.metric, self.mean = make_metric(X, ones, standardize)
        self.source = make_source(X, self.scaling, torch.float64, CPU)
        self.weights = torch.tensor(ones[None] if weights is None else weights)
        self.principals = fit_principals(
            Problem(
                self.source, self.weights, self.scaling, self.metric, n_components, 0
            )
        )
        self.anchor = as_anchor(self.principals, self.metric)
        self.network = AnchoredAutoencoder(
            n_models=len(self.weights),
            n_features=X.shape[1],
            n_components=len(self.principals[-1].axes),
            branches={
                "kind": "dense",
                "hidden_layer_sizes": (6,),
                "activation": "silu",
            },
        ).double()
        self.network.set_anchor(self.anchor)

    def wake(self):
        generators = [torch.Generator().manual_seed(0)]
        for branch in (self.network.encoder_branch, self.network.decoder_branch):
            branch.initialise(generators)
            branch.output.initialise(generators)
        return self

    @property
    def rows(self):
        return self.source.rows

    def blocks(self):
        for block in blocks_of(*self.X.shape):
            yield self.rows[block]

    def moments(self, weight=None):
        weight = np.ones(len(self.X)) if weight is None else weight
        codes = (self.network.encode_raw(rows)[0] for rows in self.blocks())
        return code_moments(codes, torch.tensor(weight))

    def order(self, weight=None):
        order_codes(self.network, *self.moments(weight), self.metric)

    def codes(self):
        with torch.no_grad():
            return self.network.encode(self.rows)[0].numpy()

    def back(self):
        with torch.no_grad():
            return self.network(self.rows).reconstruction[0]


@pytest.fixture
def X(blob):
    return blob * [1, 10, 0.1, 3, 1] + [0, 5, 100, -3, 1]


def test_the_metric_makes_errors_a_share_of_the_variance(X):
    case = Case(X, 2)
    variance = X.var(axis=0)
    np.testing.assert_allclose(case.metric.column_weight, variance / variance.sum())
    assert case.metric.total == pytest.approx(variance.sum())


def test_standardized_columns_count_alike_and_constant_ones_not(X):
    X[:, 2] = 0.3
    case = Case(X, 2, standardize=True)
    np.testing.assert_allclose(case.metric.column_weight, [0.25, 0.25, 0, 0.25, 0.25])


def test_a_table_that_does_not_vary_has_units():
    metric = Metric(unit=torch.ones(3), variances=torch.zeros(3))
    assert metric.code_unit == 1
    assert metric.total == 0
    assert not metric.column_weight.any()


def test_other_variances_than_those_of_the_units_count():
    # Rows that spread three times, once and not at all as far as those of the units.
    metric = Metric(torch.tensor([2.0, 5, 7]), torch.tensor([9.0, 1, 0]))
    assert metric.total == 4 * 9 + 25
    np.testing.assert_allclose(metric.column_weight, np.array([4, 25, 0]) / 61)
    assert metric.code_unit == pytest.approx(61**0.5)


def test_the_unit_of_codes_can_be_given(X):
    own, given = (Metric(torch.ones(3), torch.ones(3), unit) for unit in (None, 7.0))
    assert (own.code_unit, given.code_unit) == (pytest.approx(3**0.5), 7)
    np.testing.assert_array_equal(own.column_weight, given.column_weight)


@pytest.mark.parametrize("standardize", [False, True])
@pytest.mark.parametrize("k", [1, 3, 5])
def test_the_anchor_is_pca_in_the_networks_units(X, standardize, k):
    case = Case(X, k, standardize=standardize)
    rows = (X - X.mean(0)) / X.std(0) if standardize else X
    pca = PCA(k).fit(rows)
    back = pca.inverse_transform(pca.transform(rows))
    expected = back if standardize else (back - X.mean(0)) / X.std(0)
    np.testing.assert_allclose(case.back(), expected, atol=1e-10)
    np.testing.assert_allclose(
        case.codes() * case.metric.code_unit, pca.transform(rows), atol=1e-10
    )


def test_spreads_are_those_of_the_codes(X):
    case = Case(X, 3)
    np.testing.assert_allclose(case.anchor.spread[0], case.codes().std(axis=0))


@pytest.mark.parametrize("k", [2, 4, 7])
def test_components_beyond_the_rank_have_no_spread_and_do_no_harm(blob, k):
    case = Case(np.repeat(blob[:, :2], 2, axis=1), k).wake()  # of rank 2
    spread = case.anchor.spread[0]
    assert (spread[:2] > 0.1).all()
    assert not spread[2:].any()
    assert torch.isfinite(case.back()).all()


def test_a_table_that_does_not_vary_is_its_mean():
    case = Case(np.full((6, 3), 0.1), 2)
    np.testing.assert_allclose(case.codes(), 0, atol=1e-12)
    np.testing.assert_allclose(case.back(), case.rows, atol=1e-12)


def test_a_constant_column_is_returned_as_it_is(X):
    X[:, 2] = 0.3
    case = Case(X, 2)
    np.testing.assert_allclose(case.scaling.restore(case.back())[:, 2], 0.3)


def test_every_model_has_the_pca_of_its_own_rows(X):
    weights = np.ones((3, len(X)))
    weights[0, :20] = weights[1, 40:] = 0
    case = Case(X, 2, weights=weights)
    back = case.network(case.rows).reconstruction.detach()
    for model, weight in enumerate(weights):
        pca = PCA(2).fit(X[weight > 0])
        expected = pca.inverse_transform(pca.transform(X))
        np.testing.assert_allclose(
            case.scaling.restore(back[model]), expected, atol=1e-8
        )


def test_a_share_of_variance_is_settled_by_the_last_model(blob):
    # The first model sees rows on a line, which one axis explains.
    X = blob.copy()
    X[:30] = np.arange(30.0)[:, None] * 0.1
    line = np.where(np.arange(60) < 30, 1.0, 0.0)
    expected = PCA(0.95).fit(X).n_components_
    case = Case(X, 0.95, weights=np.array([line, np.ones(60)]))
    assert expected > 1
    assert {len(principal.axes) for principal in case.principals} == {expected}


@pytest.mark.parametrize("weighted", [False, True])
def test_ordered_codes_are_centred_uncorrelated_and_ordered(X, weighted):
    case = Case(X, 3).wake()
    weight = np.random.default_rng(0).uniform(0.1, 3, size=60)
    weight = weight if weighted else np.ones(60)
    case.order(weight)
    codes = case.codes()
    np.testing.assert_allclose(np.average(codes, axis=0, weights=weight), 0, atol=1e-9)
    covariance = np.cov(codes.T, aweights=weight, bias=True)
    variances = np.diag(covariance)
    np.testing.assert_allclose(
        covariance, np.diag(variances), atol=1e-10 * variances[0]
    )
    assert (np.diff(variances) < 0).all()


def test_turning_codes_leaves_reconstructions(X):
    case = Case(X, 3).wake()
    before = case.back()
    case.order()
    codes = torch.tensor(case.codes())
    torch.testing.assert_close(case.network.decode(codes)[0].detach(), before)
    assert case.back().equal(before)


def test_ordered_codes_of_an_untrained_network_are_pcas(X):
    case = Case(X, 3)
    case.order()
    np.testing.assert_allclose(case.codes(), PCA(3).fit_transform(X), atol=1e-9)


def test_turning_by_a_rotation_keeps_distances(X):
    case = Case(X, 3).wake()
    raw = case.codes()
    case.order()
    codes = case.codes()
    np.testing.assert_allclose(
        np.linalg.norm(codes[1:] - codes[:-1], axis=1),
        np.linalg.norm(raw[1:] - raw[:-1], axis=1) * case.metric.code_unit,
    )


def test_ordering_codes_twice_is_ordering_them_once(X):
    case = Case(X, 3).wake()
    case.order()
    once = case.codes()
    case.order()
    np.testing.assert_array_equal(case.codes(), once)


@pytest.mark.parametrize("block_rows", [7, 8192])
def test_moments_are_those_of_raw_codes(X, block_rows, monkeypatch):
    monkeypatch.setattr(_rows, "BLOCK_ROWS", block_rows)
    case = Case(X, 3).wake()
    case.order()  # raw codes are those before they are turned
    weight = np.random.default_rng(0).uniform(0.1, 3, size=60)
    with torch.no_grad():
        raw = case.network.encode_raw(case.rows)[0].numpy()
    mean, covariance = case.moments(weight)
    np.testing.assert_allclose(mean, np.average(raw, axis=0, weights=weight))
    expected = np.cov(raw.T, aweights=weight, bias=True)
    np.testing.assert_allclose(covariance, expected, atol=1e-14)
    assert not covariance.requires_grad


def test_only_the_ratio_of_weights_counts(X):
    case = Case(X, 3).wake()
    weight = np.random.default_rng(0).uniform(0.1, 3, size=60)
    for one, other in zip(case.moments(weight), case.moments(9 * weight), strict=True):
        torch.testing.assert_close(one, other)


@pytest.mark.parametrize("standardize", [False, True])
def test_variances_are_those_of_the_codes_a_user_sees(X, standardize):
    case = Case(X, 3, standardize=standardize).wake()
    weight = np.random.default_rng(0).uniform(0.1, 3, size=60)
    _, covariance = case.moments(weight)
    case.order(weight)
    # Of other weights than those the codes were ordered by, too.
    for w in (weight, np.ones(60)):
        variances = code_variances(case.network, case.moments(w)[1])
        assert isinstance(variances, np.ndarray)
        expected = np.diag(np.cov(case.codes().T, aweights=w, bias=True))
        np.testing.assert_allclose(variances, expected)
    variances = code_variances(case.network, covariance)
    assert (np.diff(variances) < 0).all()


def test_variances_of_an_untrained_network_are_pcas(X):
    case = Case(X, 3)
    case.order()
    variances = code_variances(case.network, case.moments()[1])
    expected = PCA(3).fit(X).explained_variance_ * 59 / 60
    np.testing.assert_allclose(variances, expected)
