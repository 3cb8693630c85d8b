import numpy as np
import pytest
from scipy import sparse

from sklearn_ae import _reference
from sklearn_ae._reference import REFERENCE_ROWS, Reference


@pytest.fixture
def few(monkeypatch):
    """Keep ten rows of a stream."""
    monkeypatch.setattr(_reference, "REFERENCE_ROWS", 10)


def draw(n_rows, seed=0):
    return np.random.default_rng(seed).normal(size=(n_rows, 3))


def stream(blocks, weights=None, seed=0):
    reference = Reference(3, seed)
    weights = weights or [np.ones(block.shape[0]) for block in blocks]
    for block, weight in zip(blocks, weights, strict=True):
        reference = reference.extended(block, weight)
    return reference


@pytest.mark.usefixtures("few")
@pytest.mark.parametrize("cuts", [[], [50], [1, 2, 3], list(range(7, 100, 7))])
def test_the_sample_is_the_same_in_whatever_blocks_the_rows_come(cuts):
    X = draw(100)
    whole, cut = stream([X]), stream(np.split(X, cuts))
    np.testing.assert_array_equal(cut.rows, whole.rows)
    np.testing.assert_array_equal(cut.keys, whole.keys)
    assert cut.n_seen == 100
    np.testing.assert_allclose(cut.mean, X.mean(axis=0))


@pytest.mark.usefixtures("few")
def test_positions_are_sampled_whatever_the_rows_hold():
    X, position = draw(100), np.arange(100.0)[:, None] * np.ones(3)
    kept = stream([position]).rows[:, 0].astype(int)
    np.testing.assert_array_equal(stream([X]).rows, X[kept])
    np.testing.assert_array_equal(stream([X[::-1]]).rows, X[::-1][kept])


@pytest.mark.parametrize("n_blocks", [1, 7])
def test_a_value_in_half_of_the_rows_is_half_of_the_sample(n_blocks):
    X = draw(20_000)
    X[::2] = 7.0
    for seed in range(5):
        rows = stream(np.array_split(X, n_blocks), seed=seed).rows
        assert len(rows) == REFERENCE_ROWS
        share = (rows == 7).all(axis=1).mean()
        assert abs(share - 0.5) < 4 * 0.5 / np.sqrt(REFERENCE_ROWS)


@pytest.mark.parametrize(("n_kept", "n_bytes"), [(7, 7 * 24), (7, 8 * 24 - 1), (2, 1)])
@pytest.mark.parametrize("cuts", [[], [1, 50]])
def test_the_sample_is_bounded_in_memory(n_kept, n_bytes, cuts, monkeypatch):
    monkeypatch.setattr(_reference, "REFERENCE_BYTES", n_bytes)
    reference = stream(np.split(draw(100), cuts))
    assert reference.rows.shape == (n_kept, 3)
    assert len(reference.weight) == len(reference.keys) == n_kept
    np.testing.assert_array_equal(reference.rows, stream([draw(100)]).rows)


@pytest.mark.usefixtures("few")
@pytest.mark.parametrize("n_rows", [3, 10, 11, 500])
def test_the_sample_is_bounded_and_of_the_stream(n_rows):
    X = draw(n_rows)
    rows = stream(np.array_split(X, 3)).rows
    assert len(rows) == min(n_rows, 10)
    assert {tuple(row) for row in rows} <= {tuple(row) for row in X}
    assert len({tuple(row) for row in rows}) == len(rows)


@pytest.mark.usefixtures("few")
@pytest.mark.parametrize("first", [0, 1])
def test_the_sample_is_uniform(first):
    # Row i holds i: over many seeds, all rows must be drawn equally often.
    position = np.arange(40.0) + first
    counts = np.zeros(41)
    for seed in range(400):
        sample = stream([position[:, None] * np.ones(3)], seed=seed).rows
        counts[sample[:, 0].astype(int)] += 1
    counts = counts[first:][:40]
    assert counts.mean() == 100
    assert np.abs(counts - 100).max() < 5 * np.sqrt(100 * 0.75)


@pytest.mark.usefixtures("few")
def test_weights_travel_with_their_rows():
    X = draw(50)
    reference = stream([X[:20], X[20:]], [X[:20, 0] ** 2, X[20:, 0] ** 2])
    np.testing.assert_allclose(reference.weight, reference.rows[:, 0] ** 2)
    expected = np.average(X, axis=0, weights=X[:, 0] ** 2)
    np.testing.assert_allclose(reference.mean, expected)


def test_an_extended_sample_is_another_one():
    first = stream([draw(5)])
    before = first.rows.copy()
    first.extended(draw(5, seed=1), np.ones(5))
    np.testing.assert_array_equal(first.rows, before)
    assert first.n_seen == 5


@pytest.mark.parametrize("wrap", [sparse.csr_array, np.asfortranarray])
def test_what_holds_the_rows_does_not_matter(wrap):
    X = draw(30)
    X[::3, 1] = 0
    one, other = stream([wrap(X)]), stream([X])
    np.testing.assert_array_equal(one.rows, other.rows)
    np.testing.assert_allclose(one.mean, other.mean)


def test_nothing_is_left_out_of_a_short_stream():
    X = draw(REFERENCE_ROWS + 1)
    rows = stream([X[:1000], X[1000:-1]]).rows
    assert {tuple(row) for row in rows} == {tuple(row) for row in X[:-1]}
    assert len(stream([X]).rows) == REFERENCE_ROWS


def test_the_sample_does_not_depend_on_how_many_keys_are_looked_at(monkeypatch):
    X = np.arange(5000.0)[:, None]
    whole = Reference(1, 0).extended(X, np.ones(5000))
    monkeypatch.setattr(_reference, "KEYS_AT_ONCE", 700)
    pieces = Reference(1, 0).extended(X, np.ones(5000))
    np.testing.assert_array_equal(whole.rows, pieces.rows)
    assert len(pieces.rows) == REFERENCE_ROWS
