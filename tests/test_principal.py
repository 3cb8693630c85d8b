import numpy as np
import pytest
import torch
from scipy import sparse
from sklearn.decomposition import PCA

from sklearn_ae import _principal
from sklearn_ae._principal import (
    Rows,
    complete,
    count_rows,
    fit_principal,
    leading_axes,
    loading_signs,
    unbiased,
)
from sklearn_ae.training import Scaling, _rows, make_source

SHAPES = {"tall": (60, 8), "square": (12, 12), "wide": (9, 40)}


def draw(n_rows, n_features, seed=0):
    """Rows with a spectrum that falls, about a mean that is not zero."""
    rng = np.random.default_rng(seed)
    rank = min(n_rows, n_features)
    scores = rng.normal(size=(n_rows, rank)) * 0.7 ** np.arange(rank)
    return scores @ rng.normal(size=(rank, n_features)) + rng.normal(size=n_features)


def rows_of(X, weight=None, metric=None, block_size=5):
    n_features = X.shape[1]
    scaling = Scaling(np.zeros(n_features), np.ones(n_features))
    source = make_source(X, scaling, torch.float64, torch.device("cpu"))
    weight = np.ones(X.shape[0]) if weight is None else weight
    metric = np.ones(n_features) if metric is None else metric
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_rows, "BLOCK_ROWS", block_size)
        return Rows(
            source,
            torch.tensor(weight, dtype=torch.float64),
            torch.tensor(metric, dtype=torch.float64),
        )


def assert_same(ours, other, rtol=1e-9):
    np.testing.assert_allclose(ours.mean, other.mean, rtol=rtol, atol=1e-12)
    np.testing.assert_allclose(ours.axes, other.axes, rtol=rtol, atol=1e-9)
    np.testing.assert_allclose(ours.variances, other.variances, rtol=rtol)
    assert ours.total == pytest.approx(other.total)


@pytest.fixture(params=[True, False], ids=["exact", "randomised"])
def solver(request, monkeypatch):
    """Run the test with either solver."""
    if not request.param:
        monkeypatch.setattr(_principal, "EXACT_SIDE", 1)
        monkeypatch.setattr(_principal, "N_ITERATIONS", 40)


def test_each_shape_takes_its_own_path(monkeypatch):
    taken = []
    for name in ("_from_covariance", "_from_gram", "_randomized"):
        path = getattr(_principal, name)

        def spy(*args, name=name, path=path):
            taken.append(name)
            return path(*args)

        monkeypatch.setattr(_principal, name, spy)
    for shape in SHAPES.values():
        fit_principal(rows_of(draw(*shape)), 2, 0)
    monkeypatch.setattr(_principal, "EXACT_SIDE", 10)
    for shape in ((60, 8), (9, 40), (20, 30), (30, 20)):
        fit_principal(rows_of(draw(*shape)), 2, 0)
    exact = ["_from_covariance", "_from_covariance", "_from_gram"]
    limited = ["_from_covariance", "_from_gram", "_randomized", "_randomized"]
    # A matrix of few rows that is too large to hold is not held.
    monkeypatch.setattr(_principal, "EXACT_CELLS", 9 * 40 - 1)
    fit_principal(rows_of(draw(9, 40)), 2, 0)
    assert taken == [*exact, *limited, "_randomized"]


@pytest.mark.usefixtures("solver")
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize("k", [1, 3, 6])
def test_it_is_scikit_learns_pca(shape, k):
    X = draw(*shape)
    ours, pca = fit_principal(rows_of(X), k, 0), PCA(k, svd_solver="full").fit(X)
    np.testing.assert_allclose(ours.mean, pca.mean_, atol=1e-12)
    np.testing.assert_allclose(ours.axes, pca.components_, atol=1e-7)
    np.testing.assert_allclose(
        ours.variances / ours.total, pca.explained_variance_ratio_, rtol=1e-9
    )
    assert ours.total == pytest.approx(X.var(axis=0).sum())


def test_few_iterations_are_enough_for_a_spectrum_that_falls(monkeypatch):
    X = draw(300, 80)
    exact = fit_principal(rows_of(X), 5, 0)
    monkeypatch.setattr(_principal, "EXACT_SIDE", 1)
    ours = fit_principal(rows_of(X), 5, 0)
    np.testing.assert_allclose(ours.variances, exact.variances, rtol=1e-6)
    np.testing.assert_allclose(ours.axes, exact.axes, atol=1e-4)


@pytest.mark.usefixtures("solver")
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.999, 1 - 1e-12])
def test_a_share_of_variance_counts_as_pca_counts(shape, share):
    X = draw(*shape)
    ours = fit_principal(rows_of(X), share, 0)
    assert len(ours.axes) == PCA(share, svd_solver="full").fit(X).n_components_


def test_a_share_beyond_the_first_guess_of_axes_is_met(monkeypatch):
    X = np.random.default_rng(0).normal(size=(400, 200))
    monkeypatch.setattr(_principal, "EXACT_SIDE", 1)
    monkeypatch.setattr(_principal, "N_ITERATIONS", 20)
    ours = fit_principal(rows_of(X, block_size=400), 0.9, 0)
    assert ours.variances.sum() >= 0.9 * ours.total
    expected = PCA(0.9, svd_solver="full").fit(X).n_components_
    assert abs(len(ours.axes) - expected) <= 1
    assert expected > 74


def test_an_exact_share_counts_as_pca_counts():
    X = np.array([[1.0, 0], [-1, 0], [0, 1], [0, -1]])
    ours = fit_principal(rows_of(X), 0.5, 0)
    assert len(ours.axes) == PCA(0.5).fit(X).n_components_


@pytest.mark.usefixtures("solver")
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_a_weight_is_a_number_of_repetitions(shape):
    X, counts = draw(*shape), np.random.default_rng(1).integers(0, 4, size=shape[0])
    weighted = fit_principal(rows_of(X, counts), 3, 0)
    assert_same(weighted, fit_principal(rows_of(np.repeat(X, counts, axis=0)), 3, 0))


@pytest.mark.usefixtures("solver")
def test_only_the_ratio_of_weights_counts():
    X, weight = draw(60, 8), np.random.default_rng(1).uniform(size=60)
    assert_same(*(fit_principal(rows_of(X, w), 3, 0) for w in (weight, 1e6 * weight)))


@pytest.mark.usefixtures("solver")
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_sparse_rows_and_other_blocks_give_the_same(shape):
    X = draw(*shape)
    X[np.abs(X) < 0.5] = 0
    dense = fit_principal(rows_of(X, block_size=1000), 3, 0)
    assert_same(fit_principal(rows_of(sparse.csr_array(X), block_size=2), 3, 0), dense)


@pytest.mark.usefixtures("solver")
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_the_metric_is_the_unit_of_the_columns(shape):
    X, unit = draw(*shape), np.random.default_rng(1).uniform(0.5, 2, size=shape[1])
    assert_same(
        fit_principal(rows_of(X, metric=unit), 3, 0),
        fit_principal(rows_of(X * unit), 3, 0),
    )


def test_columns_twelve_orders_of_magnitude_apart():
    rng = np.random.default_rng(0)
    unit = np.array([1e6, 1.0, 1e-6])
    ours = fit_principal(rows_of(rng.normal(size=(500, 3)), metric=unit), 3, 0)
    # Each axis is one column; the smallest variance is 24 orders below the largest and
    # cannot be known, but must not be negative.
    np.testing.assert_allclose(ours.axes[:2], np.eye(3)[:2], atol=1e-5)
    assert ours.variances[0] == pytest.approx(1e12, rel=0.2)
    assert ours.variances[1] == pytest.approx(1, rel=0.2)
    assert (ours.variances >= 0).all()


@pytest.mark.usefixtures("solver")
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_axes_are_orthonormal_or_zero(shape):
    X = np.vstack([draw(*shape)[:4]] * 3)  # of rank 3
    ours = fit_principal(rows_of(X), 6, 0)
    assert ours.axes.shape == (6, shape[1])
    gram = (ours.axes @ ours.axes.T).numpy()
    diagonal = np.diag(gram)
    np.testing.assert_allclose(gram, np.diag(diagonal), atol=1e-8)
    np.testing.assert_allclose(diagonal[:3], 1)
    assert ((diagonal < 1e-12) | (np.abs(diagonal - 1) < 1e-8)).all()
    assert (ours.variances[3:] <= 1e-12 * ours.variances[0]).all()


@pytest.mark.usefixtures("solver")
def test_more_axes_than_columns_are_padded_with_zeros():
    ours = fit_principal(rows_of(draw(20, 3)), 7, 0)
    assert ours.axes.shape == (7, 3)
    assert not ours.axes[3:].any()
    assert not ours.variances[3:].any()


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize("n_components", [2, 0.9])
def test_constant_rows_have_a_mean_and_no_variance(shape, n_components):
    ours = fit_principal(rows_of(np.full(shape, 0.3)), n_components, 0)
    np.testing.assert_allclose(ours.mean, 0.3)
    assert ours.total == pytest.approx(0, abs=1e-25)
    assert torch.isfinite(ours.axes).all()


@pytest.mark.parametrize(("seeds", "same"), [((1, 1), True), ((1, 2), False)])
def test_the_randomised_solver_repeats_by_seed(monkeypatch, seeds, same):
    monkeypatch.setattr(_principal, "EXACT_SIDE", 1)
    before = torch.get_rng_state()
    one, other = (fit_principal(rows_of(draw(60, 40)), 3, seed) for seed in seeds)
    assert one.axes.equal(other.axes) == same
    assert torch.get_rng_state().equal(before)


def test_signs_make_the_largest_loading_positive():
    axes = torch.tensor([[0.1, -0.9], [0.9, -0.1], [0.0, 0.0], [-0.5, 0.5]])
    assert loading_signs(axes).tolist() == [-1, 1, 1, -1]


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_axes_beyond_the_rank_are_orthonormal_to_all_others(shape):
    X = np.vstack([draw(*shape)[:4]] * 3)  # of rank 3
    axes = fit_principal(rows_of(X), 6, 0).axes
    torch.testing.assert_close(axes @ axes.T, torch.eye(6).double())


def test_axes_are_completed_as_far_as_there_are_columns():
    axes = torch.zeros(5, 4, dtype=torch.float64)
    axes[1, 2] = 1
    done = complete(axes, 0)
    assert done[1].equal(axes[1])
    torch.testing.assert_close(done[:4] @ done[:4].T, torch.eye(4).double())
    assert not done[4].any()
    assert done.equal(complete(axes, 0))


def test_complete_axes_are_left_as_they_are():
    axes = torch.eye(3, dtype=torch.float64)[:2]
    assert complete(axes, 0) is axes


@pytest.mark.parametrize("cells", [1, 40, 1000])
def test_blocks_of_rows_are_bounded(cells, monkeypatch):
    monkeypatch.setattr(_rows, "BLOCK_BYTES", 8 * cells)
    rows = rows_of(draw(60, 8), block_size=50)
    sizes = [block.numel() for block, _ in rows]
    assert max(sizes) <= max(cells, 8)
    assert sum(sizes) == 60 * 8


@pytest.mark.parametrize(
    ("weight", "n_rows"),
    [
        (np.ones(7), 7),
        (np.full(7, 3.0), 21),
        (np.array([1.0, 2.0, 4.0]), 7),
        (np.full(7, 0.1), 7),
        (np.full(7, 1e12), 7),
        (np.array([0.5, 0.5, 1e-12]), 2),
    ],
)
def test_whole_weights_count_rows_and_others_their_evidence(weight, n_rows):
    assert count_rows(weight) == pytest.approx(n_rows)


def test_weights_that_are_not_whole_count_by_their_ratio():
    weight = np.random.default_rng(0).uniform(size=50)
    assert count_rows(weight) == pytest.approx(count_rows(7.3 * weight))
    assert 1 < count_rows(weight) < 50


def test_a_variance_is_divided_by_one_row_less():
    X = np.random.default_rng(0).normal(size=9)
    assert X.var() * unbiased(9) == pytest.approx(X.var(ddof=1))
    assert np.isfinite(unbiased(1.0))


@pytest.mark.parametrize("kept_cells", [0, 60 * 8])
def test_few_rows_are_read_once(kept_cells, monkeypatch):
    monkeypatch.setattr(_principal, "KEPT_CELLS", kept_cells)
    X, read = draw(60, 8), []
    rows = rows_of(X, block_size=20)
    take = rows.source.take
    monkeypatch.setattr(rows.source, "take", lambda i: read.extend(i) or take(i))
    ours = fit_principal(rows, 3, 0)
    assert len(read) == (60 if kept_cells else 120)
    variances = PCA(3).fit(X).explained_variance_
    np.testing.assert_allclose(ours.variances * unbiased(60), variances)


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_leading_axes_are_those_of_the_product_with_itself(shape):
    matrix = draw(*shape)
    values, axes = leading_axes(torch.from_numpy(matrix), 3, seed=0)
    _, singular, vectors = np.linalg.svd(matrix)
    np.testing.assert_allclose(values, singular[:3] ** 2)
    np.testing.assert_allclose(
        np.abs(axes.numpy() @ vectors[:3].T), np.eye(3), atol=1e-8
    )


def test_there_are_no_more_leading_axes_than_rows():
    values, axes = leading_axes(torch.from_numpy(draw(9, 40)), 20, seed=0)
    assert values.shape == (9,)
    assert axes.shape == (9, 40)
