import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from sklearn.decomposition import PCA

from sklearn_ae import DenoisingAutoencoder, _denoiser
from sklearn_ae._anchor import Problem, principal_anchor
from sklearn_ae._denoiser import denoising_anchor
from sklearn_ae._fitting import make_metric
from sklearn_ae.training import KINDS, LazyRows, make_corruption

CPU = torch.device("cpu")
N_COPIES = 2000


class Case:
    """A table, a corruption of it, and the anchor for both."""

    def __init__(
        self,
        X,
        k,
        kind,
        amount=0.3,
        *,
        standardize=False,
        weight=None,
        n_channels=1,
    ):
        weight = np.ones(len(X)) if weight is None else weight
        self.scaling, self.metric, _ = make_metric(X, weight, standardize)
        self.source = LazyRows(X, self.scaling, torch.float64, CPU)
        self.corruption = None
        if kind is not None:
            amounts = np.broadcast_to(np.asarray(amount, dtype=float), X.shape[1:])
            self.corruption = make_corruption(
                kind, amounts.copy(), self.source, weight, n_channels
            )
        self.problem = Problem(
            self.source,
            torch.tensor(np.atleast_2d(weight)),
            self.scaling,
            self.metric,
            k,
            0,
            self.corruption,
        )
        self.anchor = denoising_anchor(self.problem)
        self.rows = self.source.read(slice(None))

    def corrupted(self, seed=0):
        """Clean rows, and corrupted ones, as many as a Monte Carlo mean needs."""
        rows = self.rows.repeat(N_COPIES, 1)
        generator = torch.Generator().manual_seed(seed)
        uniform = torch.rand(rows.shape, generator=generator, dtype=torch.float64)
        return rows, self.corruption.bind(torch.float64, CPU)(
            rows, uniform.clamp(1e-12)
        )

    def error(self, anchor, clean, dirty):
        """The mean error of what an anchor makes of corrupted rows."""
        origin = anchor.mean if anchor.input_mean is None else anchor.input_mean
        back = (dirty - origin[0]) @ anchor.encoder[0] @ anchor.decoder[0]
        back = back + anchor.mean[0]
        unit = self.metric.unit
        return float(((back - clean) * unit).square().sum(dim=1).mean())

    def least_error(self, k, clean, dirty):
        """The least of all linear maps of rank k, fitted to these very rows."""
        unit = self.metric.unit
        y = (clean - clean.mean(dim=0)) * unit
        x = dirty - dirty.mean(dim=0)
        solution = torch.linalg.lstsq(x, y).solution
        fitted = x @ solution
        axes = torch.linalg.eigh(fitted.T @ fitted)[1][:, -k:]
        return float((y - fitted @ axes @ axes.T).square().sum(dim=1).mean())


@pytest.fixture
def X(blob):
    return blob * [1, 2, 0.5, 3, 1] + [0, 5, 100, -3, 1]


@pytest.mark.parametrize("standardize", [False, True])
@pytest.mark.parametrize("k", [1, 3])
@pytest.mark.parametrize("kind", KINDS)
def test_no_linear_map_does_better(X, kind, k, standardize):
    case = Case(X, k, kind, standardize=standardize)
    clean, dirty = case.corrupted()
    least = case.least_error(k, clean, dirty)
    assert case.error(case.anchor, clean, dirty) < 1.005 * least
    if kind != "masking" or k < 3:
        pca = principal_anchor(case.problem)
        assert case.error(case.anchor, clean, dirty) < case.error(pca, clean, dirty)


@pytest.mark.parametrize("k", [1, 3])
def test_no_linear_map_does_better_where_steps_are_masked(X, k):
    case = Case(X[:, :4], k, "step_masking", n_channels=2)
    clean, dirty = case.corrupted()
    least = case.least_error(k, clean, dirty)
    assert case.error(case.anchor, clean, dirty) < 1.005 * least


@pytest.mark.parametrize("kind", KINDS)
def test_amounts_may_differ_by_column(X, kind):
    case = Case(X, 2, kind, [0, 0.1, 0.3, 0.6, 0.9])
    clean, dirty = case.corrupted()
    least = case.least_error(2, clean, dirty)
    assert case.error(case.anchor, clean, dirty) < 1.005 * least


@pytest.mark.parametrize("kind", [None, *KINDS])
@pytest.mark.parametrize("k", [1, 3, 5])
def test_without_corruption_it_is_pca(X, kind, k):
    case = Case(X, k, kind, 0)
    code = (case.rows - case.anchor.mean[0]) @ case.anchor.encoder[0]
    back = code @ case.anchor.decoder[0] + case.anchor.mean[0]
    pca = PCA(k).fit(X)
    unit = case.metric.code_unit
    np.testing.assert_allclose(code * unit, pca.transform(X), atol=1e-8)
    np.testing.assert_allclose(
        case.scaling.restore(back), pca.inverse_transform(pca.transform(X)), atol=1e-8
    )


@pytest.mark.parametrize("kind", KINDS)
def test_heavier_corruption_is_harder_to_undo(X, kind):
    errors = []
    for amount in (0.1, 0.4, 0.8):
        case = Case(X, 2, kind, amount)
        errors.append(case.error(case.anchor, *case.corrupted()))
    assert errors == sorted(errors)
    total = float((case.rows * case.metric.unit).var(dim=0).sum())
    assert errors[-1] < total


@pytest.mark.parametrize("kind", KINDS)
def test_more_columns_than_it_can_solve_for_are_left_to_pca(X, kind, monkeypatch):
    monkeypatch.setattr(_denoiser, "EXACT_SIDE", 4)
    case = Case(X, 2, kind)
    for ours, expected in zip(case.anchor, principal_anchor(case.problem), strict=True):
        assert ours is expected is None or ours.equal(expected)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("k", [2, 7])
def test_constant_and_repeated_columns_do_no_harm(X, kind, k):
    rows = np.column_stack([np.full(60, 7.0), X, X[:, 0]])
    case = Case(rows, k, kind)
    for part in case.anchor:
        assert part is None or torch.isfinite(part).all()
    clean, dirty = case.corrupted()
    assert not case.anchor.varies[0, 0]
    back = (dirty - case.anchor.input_mean) @ case.anchor.encoder[0]
    back = back @ case.anchor.decoder[0] + case.anchor.mean
    np.testing.assert_allclose(back[:, 0], clean[:, 0], atol=1e-9)


@pytest.mark.parametrize("kind", KINDS)
def test_a_table_that_does_not_vary_is_its_mean(kind):
    case = Case(np.full((6, 3), 0.1), 2, kind, 0 if kind == "gaussian" else 0.3)
    for part in case.anchor:
        assert part is None or torch.isfinite(part).all()


@pytest.mark.parametrize("kind", KINDS)
def test_components_beyond_the_columns_have_no_linear_part(X, kind):
    anchor = Case(X, 8, kind).anchor
    assert anchor.encoder.shape == (1, 5, 8)
    assert not anchor.encoder[0, :, 5:].any()
    assert not anchor.decoder[0, 5:].any()
    # They serve the branches, in the unit of the first.
    assert (anchor.spread[0, 5:] == anchor.spread[0, 0]).all()


@pytest.mark.parametrize("kind", KINDS)
def test_spreads_are_those_of_the_codes_of_corrupted_rows(X, kind):
    case = Case(X, 3, kind)
    _, dirty = case.corrupted()
    codes = (dirty - case.anchor.input_mean) @ case.anchor.encoder[0]
    np.testing.assert_allclose(codes.mean(dim=0), 0, atol=0.02)
    np.testing.assert_allclose(codes.std(dim=0), case.anchor.spread[0], rtol=0.02)


@pytest.mark.parametrize("kind", KINDS)
def test_a_weight_is_a_number_of_repetitions(X, kind):
    counts = np.random.default_rng(1).integers(1, 4, size=60)
    weighted = Case(X, 2, kind, weight=counts.astype(float)).anchor
    repeated = Case(np.repeat(X, counts, axis=0), 2, kind).anchor
    for ours, expected in zip(weighted, repeated, strict=True):
        assert ours is expected is None or torch.allclose(ours, expected, atol=1e-9)


def test_a_share_of_variance_is_that_of_the_clean_rows(X):
    anchor = Case(X, 0.9, "swap", 0.5).anchor
    assert anchor.encoder.shape[-1] == PCA(0.9).fit(X).n_components_


def test_every_model_has_the_denoiser_of_its_own_rows(X):
    weights = np.ones((3, 60))
    weights[0, :20] = weights[1, 40:] = 0
    case = Case(X, 2, "swap")
    stack = denoising_anchor(case.problem._replace(weights=torch.tensor(weights)))
    assert stack.encoder.shape[0] == 3
    torch.testing.assert_close(stack.encoder[2], case.anchor.encoder[0])
    alone = case.problem._replace(weights=torch.tensor(weights[:1]))
    torch.testing.assert_close(stack.encoder[0], denoising_anchor(alone).encoder[0])


def test_a_column_that_never_varied_is_passed_on(blob):
    X = np.column_stack([blob, np.full(len(blob), 3.0)])
    model = DenoisingAutoencoder(max_epochs=0, random_state=0).fit(X)
    new = X.copy()
    new[:, -1] = 50.0
    assert_allclose(model.reconstruct(new)[:, -1], 50.0)


def test_branches_do_not_see_directions_without_spread(blob):
    # The last column repeats the first but for rounding.
    X = np.column_stack([blob, blob[:, 0] * (1 + 1e-15)])
    model = DenoisingAutoencoder(
        corruption="gaussian", noise_scale=1e-9, max_epochs=0, random_state=0
    ).fit(X)
    assert model.net_.module_.inverse_spread.max() < 1e7
