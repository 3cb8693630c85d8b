import numpy as np
import pytest
import torch

from sklearn_ae.training import KINDS, LazyRows, Scaling, keyed_uniform
from sklearn_ae.training import _corruption as module
from sklearn_ae.training._corruption import Corruption, make_corruption

CPU = torch.device("cpu")
SHARES = sorted(set(KINDS) - {"gaussian"})


@pytest.fixture
def X():
    """Rows of mean zero, of shape (500, 3), in which no value comes twice."""
    X = np.random.default_rng(0).gamma(2, size=(500, 3)) * [1, 2, 0.5]
    return X - X.mean(axis=0)


def source_of(X):
    scaling = Scaling(np.zeros(X.shape[1]), np.ones(X.shape[1]))
    return LazyRows(X, scaling, torch.float64, CPU)


def make(kind, amount, X, weight=None):
    weight = np.ones(len(X)) if weight is None else weight
    amount = np.broadcast_to(np.asarray(amount, dtype=float), X.shape[1:]).copy()
    return make_corruption(kind, amount, source_of(X), weight)


def uniforms(shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(shape, generator=generator, dtype=torch.float64).clamp(1e-12)


def applied(corruption, X, seed=0):
    corrupt = corruption.bind(torch.float64, CPU)
    return corrupt(torch.tensor(X), uniforms(X.shape, seed)).numpy()


def many(X, n_rows=60_000):
    """Rows of the same distribution, as many as a Monte Carlo mean needs."""
    return X[np.random.default_rng(1).integers(len(X), size=n_rows)]


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_changes_the_rows(X, kind):
    before = X.copy()
    assert (applied(make(kind, 0.3, X), X) != X).any(axis=0).all()
    np.testing.assert_array_equal(X, before)


@pytest.mark.parametrize("kind", KINDS)
def test_an_amount_of_zero_changes_nothing(X, kind):
    np.testing.assert_array_equal(applied(make(kind, 0, X), X), X)


@pytest.mark.parametrize("kind", KINDS)
def test_other_draws_corrupt_otherwise_and_the_same_alike(X, kind):
    corruption = make(kind, 0.3, X)
    once, again, other = (applied(corruption, X, seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(once, again)
    assert (once != other).any()


@pytest.mark.parametrize("kind", KINDS)
def test_rows_are_corrupted_one_by_one(X, kind):
    corrupt = make(kind, 0.3, X).bind(torch.float64, CPU)
    rows, uniform = torch.tensor(X), uniforms(X.shape)
    singly = torch.cat(
        [corrupt(rows[i : i + 1], uniform[i : i + 1]) for i in range(20)]
    )
    torch.testing.assert_close(singly, corrupt(rows, uniform)[:20], rtol=0, atol=0)


@pytest.mark.parametrize("kind", KINDS)
def test_a_model_axis_before_the_rows_changes_nothing(X, kind):
    corrupt = make(kind, 0.3, X).bind(torch.float64, CPU)
    rows, uniform = torch.tensor(X), uniforms(X.shape)
    both = corrupt(rows.expand(2, -1, -1), uniform.expand(2, -1, -1))
    assert both[0].equal(both[1])
    assert both[0].equal(corrupt(rows, uniform))


@pytest.mark.parametrize("kind", SHARES)
@pytest.mark.parametrize("share", [0.05, 0.3, 0.9])
def test_the_share_of_changed_cells_is_the_rate(X, kind, share):
    rows = many(X)
    changed = (applied(make(kind, share, X), rows) != rows).mean(axis=0)
    # A cell may be swapped for itself, or already be an extreme.
    np.testing.assert_allclose(changed, share, atol=0.008)


@pytest.mark.parametrize("kind", SHARES)
def test_a_rate_of_one_leaves_no_cell(X, kind):
    unlike = X + 1000.0
    assert (applied(make(kind, 1, X), unlike) != unlike).all()


@pytest.mark.parametrize("kind", KINDS)
def test_each_column_has_an_amount_of_its_own(X, kind):
    amount = [0, 0.2, 0.8]
    rows = many(X)
    after = applied(make(kind, amount, X), rows)
    if kind == "gaussian":
        np.testing.assert_allclose((after - rows).std(axis=0), amount, atol=0.01)
    else:
        np.testing.assert_allclose((after != rows).mean(axis=0), amount, atol=0.01)


def test_gaussian_noise_is_normal_and_unrelated_to_the_rows(X):
    rows = many(X)
    noise = applied(make("gaussian", 0.7, X), rows) - rows
    np.testing.assert_allclose(noise.mean(axis=0), 0, atol=0.02)
    np.testing.assert_allclose(noise.std(axis=0), 0.7, rtol=0.02)
    for column, clean in zip(noise.T, rows.T, strict=True):
        assert abs(np.corrcoef(column, clean)[0, 1]) < 0.02


def test_masked_cells_are_the_columns_mean(X):
    # Zero, in standardised units.
    after = applied(make("masking", 0.3, X), X)
    assert not after[after != X].any()


def test_masked_steps_are_masked_in_all_channels():
    X = np.random.default_rng(0).normal(size=(2000, 6))
    corruption = make_corruption(
        "step_masking", np.full(6, 0.3), source_of(X), np.ones(2000), n_channels=2
    )
    changed = (applied(corruption, X) == 0).reshape(2000, 3, 2)
    np.testing.assert_array_equal(changed[..., 0], changed[..., 1])
    np.testing.assert_allclose(changed.mean(axis=(0, 2)), 0.3, atol=0.03)
    both = changed[:, 0, 0] & changed[:, 1, 0]
    np.testing.assert_allclose(both.mean(), 0.09, atol=0.02)


def test_all_channels_of_a_step_have_the_rate_of_the_first():
    X = np.random.default_rng(0).normal(size=(2000, 4))
    amount = np.array([0.1, 0.9, 0.5, 0.2])
    corruption = make_corruption(
        "step_masking", amount, source_of(X), np.ones(2000), n_channels=2
    )
    np.testing.assert_array_equal(corruption.amount, [0.1, 0.1, 0.5, 0.5])
    np.testing.assert_array_equal(corruption.at(amount).amount, corruption.amount)


def test_salt_and_pepper_are_the_extremes_half_and_half(X):
    rows = many(X)
    corruption = make("salt_and_pepper", 0.4, X)
    after = applied(corruption, rows)
    np.testing.assert_array_equal(corruption.facts["low"], X.min(axis=0))
    np.testing.assert_array_equal(corruption.facts["high"], X.max(axis=0))
    for j in range(3):
        changed = after[after[:, j] != rows[:, j], j]
        assert set(np.unique(changed)) == {X[:, j].min(), X[:, j].max()}
        assert np.mean(changed == X[:, j].max()) == pytest.approx(0.5, abs=0.02)


def test_extremes_do_not_depend_on_blocks(X, monkeypatch):
    whole = make("salt_and_pepper", 0.4, X).facts
    monkeypatch.setattr("sklearn_ae.training._rows.BLOCK_ROWS", 7)
    for name, values in make("salt_and_pepper", 0.4, X).facts.items():
        np.testing.assert_array_equal(values, whole[name])


def test_swapped_cells_come_from_the_same_column(X):
    rows = many(X)
    after = applied(make("swap", 0.5, X), rows)
    for j in range(3):
        assert np.isin(after[:, j], X[:, j]).all()
        # Elsewhere no value is the same, so that the column is told beyond doubt.
        assert not np.isin(after[:, j], X[:, (j + 1) % 3]).any()


def test_every_donor_is_taken_equally_often(X):
    corruption = make("swap", 0.5, X[:10])
    donors = corruption.facts["donors"]
    n_donors = len(donors)
    rows = np.full((200_000, 3), 1e6)
    after = applied(corruption, rows)[:, 0]
    taken = after[after != 1e6]
    shares = np.array([np.mean(taken == value) for value in np.unique(donors[:, 0])])
    expected = [np.mean(donors[:, 0] == value) for value in np.unique(donors[:, 0])]
    assert n_donors >= 10
    np.testing.assert_allclose(shares, expected, rtol=0.1)


def test_columns_are_swapped_apart(X):
    # Whole rows swapped would tell the decoder a row that exists.
    rows = many(X)
    changed = applied(make("swap", 0.5, X), rows) != rows
    correlation = np.corrcoef(changed.T)[np.triu_indices(3, 1)]
    assert np.abs(correlation).max() < 0.02


def test_swapped_cells_of_one_row_come_from_different_rows(X):
    after = applied(make("swap", 1, X), X)
    position = [
        np.searchsorted(np.sort(X[:, j]), after[:, j]) for j in range(X.shape[1])
    ]
    source = [np.argsort(X[:, j])[position[j]] for j in range(X.shape[1])]
    assert np.mean(source[0] == source[1]) < 0.05


@pytest.mark.parametrize("kind", KINDS)
def test_moments_are_those_of_corrupted_rows(X, kind):
    rows = many(X, 200_000)
    corruption = make(kind, [0.1, 0.4, 0.7], X)
    after = applied(corruption, rows)
    moments = corruption.moments(X.var(axis=0))
    variance = rows.var(axis=0)
    keep = ((after - after.mean(axis=0)) * rows).mean(axis=0) / variance
    np.testing.assert_allclose(moments.keep, keep, atol=0.02)
    np.testing.assert_allclose(moments.mean, after.mean(axis=0), atol=0.03)
    np.testing.assert_allclose(moments.variance, after.var(axis=0), rtol=0.03)


@pytest.mark.parametrize("kind", KINDS)
def test_moments_without_corruption_are_those_of_the_rows(X, kind):
    moments = make(kind, 0, X).moments(X.var(axis=0))
    np.testing.assert_array_equal(moments.keep, 1)
    np.testing.assert_array_equal(moments.mean, 0)
    np.testing.assert_allclose(moments.variance, X.var(axis=0))


@pytest.mark.parametrize("kind", KINDS)
def test_a_weight_is_a_number_of_repetitions(X, kind):
    counts = np.random.default_rng(2).integers(0, 4, size=len(X))
    kept = counts > 0
    weighted = make(kind, 0.3, X[kept], counts[kept].astype(float))
    repeated = make(kind, 0.3, np.repeat(X, counts, axis=0))
    assert set(weighted.facts) == set(repeated.facts)
    for name, values in weighted.facts.items():
        np.testing.assert_array_equal(values, repeated.facts[name])
    np.testing.assert_array_equal(applied(weighted, X), applied(repeated, X))


@pytest.mark.parametrize("kind", KINDS)
def test_the_order_of_the_rows_does_not_matter(X, kind):
    one, other = make(kind, 0.3, X), make(kind, 0.3, X[::-1])
    np.testing.assert_array_equal(applied(one, X), applied(other, X))


def test_heavy_rows_are_donors_as_often_as_they_weigh(X):
    weight = np.ones(len(X))
    weight[7] = len(X)
    donors = make("swap", 0.3, X, weight).facts["donors"]
    assert np.mean(donors[:, 0] == X[7, 0]) == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize("n_features", [3, 5000, 10**6])
def test_donors_are_bounded(n_features, monkeypatch):
    monkeypatch.setattr(module, "DONOR_ROWS", 40)
    monkeypatch.setattr(module, "DONOR_BYTES", 8 * 60_000)
    X = np.zeros((50, n_features), dtype=np.float32) if n_features < 10**6 else None
    if X is None:
        X = np.broadcast_to(np.float32(0), (4, n_features))
    donors = module._donors(source_of(X), np.ones(len(X)))
    assert len(donors) == max(2, min(40, 60_000 // n_features))


def test_two_rows_can_be_donors():
    X = np.array([[0.0, 1.0], [1.0, 0.0]])
    after = applied(make("swap", 1, X), np.full((100, 2), 9.0))
    assert set(np.unique(after)) == {0.0, 1.0}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_rows_stay_in_their_precision(X, kind, dtype):
    corrupt = make(kind, 0.3, X).bind(dtype, CPU)
    after = corrupt(torch.tensor(X, dtype=dtype), uniforms(X.shape))
    assert after.dtype == dtype
    assert torch.isfinite(after).all()


@pytest.mark.parametrize("kind", SHARES)
def test_single_precision_changes_the_same_cells(X, kind):
    corruption = make(kind, 0.3, X)
    uniform = uniforms(X.shape).float()
    wide = corruption.bind(torch.float64, CPU)(torch.tensor(X), uniform)
    narrow = corruption.bind(torch.float32, CPU)(torch.tensor(X).float(), uniform)
    assert ((wide - narrow).abs() > 1e-4).double().mean() < 0.005


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("uniform", [2.0**-53, 2.0**-25, 1 - 2.0**-53])
def test_extreme_draws_are_in_range(X, kind, uniform):
    corrupt = make(kind, [0, 1e-300, 1], X).bind(torch.float64, CPU)
    after = corrupt(torch.tensor(X), torch.full(X.shape, uniform, dtype=torch.float64))
    assert torch.isfinite(after).all()


def test_draws_from_keys_are_in_range_in_single_precision(X):
    # Draws by key come in float64, of which one in 2^25 is 1 in float32.
    corrupt = make("gaussian", 0.5, X).bind(torch.float32, CPU)
    uniform = torch.full(X.shape, 1 - 2.0**-26, dtype=torch.float64)
    assert torch.isfinite(corrupt(torch.tensor(X).float(), uniform)).all()


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_kind_at_another_amount(X, kind):
    corruption, amount = make(kind, 0.3, X), np.full(3, 0.6)
    other = corruption.at(amount)
    assert (other.kind, other.facts) == (kind, corruption.facts)
    np.testing.assert_array_equal(applied(other, X), applied(make(kind, 0.6, X), X))
    np.testing.assert_array_equal(corruption.amount, np.full(3, 0.3))


def test_keys_corrupt_the_same_row_alike_wherever_it_stands(X):
    keys = np.arange(500, dtype=np.uint64)
    corrupt = make("swap", 0.3, X).bind(torch.float64, CPU)
    uniform = torch.from_numpy(keyed_uniform(keys, 3))
    whole = corrupt(torch.tensor(X), uniform)
    part = corrupt(torch.tensor(X[90:100]), uniform[90:100])
    assert part.equal(whole[90:100])


def test_a_corruption_is_plain_arrays(X):
    corruption = make("swap", 0.3, X)
    assert set(vars(corruption)) == {"kind", "amount", "facts"}
    assert isinstance(corruption, Corruption)
    assert all(type(value) is np.ndarray for value in corruption.facts.values())
