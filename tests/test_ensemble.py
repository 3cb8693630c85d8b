import pickle
import warnings
import weakref

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.base import clone
from sklearn.ensemble import IsolationForest
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import estimator_checks
from sklearn.utils.estimator_checks import parametrize_with_checks

from sklearn_ae import (
    Autoencoder,
    AutoencoderEnsemble,
    ConvolutionalAutoencoder,
    DenoisingAutoencoder,
    SequenceAutoencoder,
    SparseAutoencoder,
    VariationalAutoencoder,
    _together,
)
from sklearn_ae._ensemble import scale_of
from sklearn_ae.detection import _readings
from sklearn_ae.metrics import reconstruction_r2

pytestmark = pytest.mark.filterwarnings(
    "ignore:.*was still improving:sklearn.exceptions.ConvergenceWarning"
)

# With these PCA is improved on, so that members differ.
MEMBER = Autoencoder(
    2,
    hidden_layer_sizes=(8,),
    learning_rate=0.03,
    max_epochs=25,
    validation_fraction=0.3,
)
FAST = clone(MEMBER).set_params(max_epochs=3)


@pytest.fixture(scope="module")
def rows():
    """Rows that are cross-fitted, shape (150, 5)."""
    return curved(150)


def curved(n_rows):
    rng = np.random.default_rng(0)
    t = rng.uniform(-2, 2, size=(n_rows, 2))
    X = np.column_stack([t, t[:, 0] ** 2, np.sin(2 * t[:, 1]), t[:, 0] * t[:, 1]])
    return X + 0.1 * rng.normal(size=X.shape)


def make(member=MEMBER, **changes):
    """Make an ensemble of three."""
    return AutoencoderEnsemble(
        clone(member), **{"n_estimators": 3, "random_state": 0, **changes}
    )


@pytest.fixture(scope="module")
def fitted(rows):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return make().fit(rows)


@parametrize_with_checks(
    [
        make(FAST, n_estimators=2),
        make(FAST, n_estimators=1, contamination=0.1),
        make(FAST, n_estimators=2, widths="varied"),
        make(clone(FAST).set_params(early_stopping=False), n_estimators=2),
    ]
)
def test_common_check(estimator, check):
    check(estimator)


@pytest.mark.filterwarnings(
    # The checks fit on a data frame and predict an array, or the other way round.
    "ignore:X does not have valid feature names:UserWarning",
    "ignore:X has feature names:UserWarning",
)
@pytest.mark.parametrize(
    "check",
    [
        estimator_checks.check_param_validation,
        estimator_checks.check_inplace_ensure_writeable,
    ],
    ids=lambda check: check.__name__,
)
def test_extra_check(check):
    check("AutoencoderEnsemble", make(FAST))


# -- members


def test_members_differ_and_share_what_is_held_out(fitted, rows):
    codes = [member.transform(rows) for member in fitted.estimators_]
    for one in range(3):
        assert fitted.estimators_[one].improved_on_pca_
        for other in range(one):
            assert np.abs(codes[one] - codes[other]).max() > 1e-3
    shapes = {member.training_scores_.shape for member in fitted.estimators_}
    assert shapes == {(150,)}
    assert len({id(member.net_) for member in fitted.estimators_}) == 3


def mean_of(members, score):
    """Return the members' mean scores, each in units of its held-out rows' scores."""
    scaled = []
    for member in members:
        low, middle, high = np.quantile(
            member.training_scores_, [0.25, 0.5, 0.75], method="inverted_cdf"
        )
        scaled.append((score(member) - middle) / (high - low))
    return np.mean(scaled, axis=0)


def test_scores_and_rows_are_the_members_means(fitted, rows):
    members = fitted.estimators_
    expected = mean_of(members, lambda member: member.score_samples(rows))
    assert_allclose(fitted.score_samples(rows), expected, rtol=1e-12, atol=1e-12)
    expected = mean_of(members, lambda member: member.training_scores_)
    assert_allclose(fitted.training_scores_, expected, rtol=1e-12, atol=1e-12)
    expected = np.mean([member.reconstruct(rows) for member in members], axis=0)
    assert_allclose(fitted.reconstruct(rows), expected, rtol=1e-10, atol=1e-12)
    assert fitted.reconstruct(rows.astype(np.float32)).dtype == np.float32


def test_what_members_trim_is_told(fitted, rows):
    shares = [member.trimmed_share_ for member in fitted.estimators_]
    assert fitted.trimmed_share_ == fitted.diagnose()["share_trimmed"]
    assert fitted.trimmed_share_ == pytest.approx(np.mean(shares))
    assert fitted.trimmed_share_ > 0
    member = clone(FAST).set_params(outlier_score="reconstruction")
    assert make(member).fit(rows).trimmed_share_ == 0


def test_scores_of_members_are_added_up_one_by_one(rows, monkeypatch):
    ensemble = make(FAST, n_estimators=4).fit(rows)
    score, alive = Autoencoder._score_rows, []

    def watched(self, rows):
        alive.append(sum(each() is not None for each in made))
        scores = score(self, rows)
        made.append(weakref.ref(scores))
        return scores

    made = []
    monkeypatch.setattr(Autoencoder, "_score_rows", watched)
    ensemble.score_samples(rows)
    assert len(alive) == 4
    assert max(alive) <= 1


def test_members_differ_from_their_own_fits_in_initial_weights_alone(rows):
    ensemble = make(n_estimators=2).fit(rows)
    member = ensemble.estimators_[0]
    alone = clone(member).fit(rows)
    assert alone.batch_size_ == member.batch_size_
    assert_array_equal(alone.mean_, member.mean_)
    assert alone.history_["valid_loss"][0] != member.history_["valid_loss"][0]
    assert alone.history_["valid_loss"][0] == pytest.approx(
        member.history_["valid_loss"][0], rel=0.3
    )


def test_what_the_mean_reconstructs_is_scored(fitted, rows):
    back = fitted.reconstruct(rows)
    expected = 1 - ((rows - back) ** 2).sum() / ((rows - rows.mean(axis=0)) ** 2).sum()
    assert fitted.score(rows) == pytest.approx(expected)
    assert fitted.score(rows) >= np.mean([m.score(rows) for m in fitted.estimators_])
    assert reconstruction_r2(fitted, rows) == fitted.score(rows)
    weight = np.arange(150) % 3
    weighted = fitted.score(rows, sample_weight=weight)
    assert weighted == pytest.approx(fitted.score(rows.repeat(weight, axis=0)))


def test_one_member(rows):
    ensemble = make(n_estimators=1).fit(rows)
    (member,) = ensemble.estimators_
    scores = ensemble.score_samples(rows)
    expected = mean_of([member], lambda member: member.score_samples(rows))
    assert_allclose(scores, expected, rtol=1e-12, atol=1e-12)
    assert_array_equal(ensemble.predict(rows), member.predict(rows))


def test_no_member_has_more_of_a_say_for_larger_scores():
    scores = np.random.default_rng(0).normal(size=20)
    weight = np.ones(20)
    (middle, spread), (other, wide) = (
        scale_of(each, weight) for each in (scores, 1000 * scores - 7)
    )
    expected = (scores - middle) / spread
    assert_allclose((1000 * scores - 7 - other) / wide, expected, rtol=1e-9)


def test_members_that_trim_other_rows_each_are_refused(rows):
    with pytest.raises(ValueError, match=r"^trim=0\.1 of the members would leave out "):
        make(clone(FAST).set_params(trim=0.1)).fit(rows)


@pytest.mark.parametrize("scores", [np.zeros(4), np.full(3, -np.inf)])
def test_scores_without_a_spread_have_none_to_divide_by(scores):
    assert scale_of(scores, np.ones(len(scores))) == (scores[0], 1.0)


@pytest.mark.parametrize("contamination", ["auto", 0.2])
def test_of_many_rows_members_score_the_same_ones(contamination, rows, monkeypatch):
    monkeypatch.setattr(_readings, "MOST_OWN", 30)
    member = clone(FAST).set_params(early_stopping=False)
    weight = np.linspace(1, 2, len(rows))
    ensemble = make(member, contamination=contamination).fit(rows, sample_weight=weight)
    # A mean over different rows would be no row's score.
    gaps = np.abs(ensemble.score_samples(rows)[:, None] - ensemble.training_scores_)
    assert gaps.shape == (len(rows), 30)
    assert gaps.min(axis=0).max() < 1e-9


def test_without_a_member_given_it_is_the_autoencoder(rows):
    ensemble = AutoencoderEnsemble(n_estimators=1, random_state=0).fit(rows[:30])
    assert type(ensemble.estimators_[0]) is Autoencoder


def test_widths_vary(rows):
    ensemble = make(FAST, widths="varied", n_estimators=12).fit(rows)
    sizes = [member.hidden_layer_sizes for member in ensemble.estimators_]
    assert {size for (size,) in sizes} <= {4, 6, 8, 11, 16}
    assert len(set(sizes)) > 2
    for member, (size,) in zip(ensemble.estimators_, sizes, strict=True):
        weight = member.net_.module_.encoder_branch.output.weight
        assert weight.shape[1] == size
    auto = clone(FAST).set_params(hidden_layer_sizes="auto")
    ensemble = make(auto, widths="varied").fit(rows)
    assert all(len(each.hidden_layer_sizes) == 2 for each in ensemble.estimators_)


def test_members_are_trained_as_one(rows, monkeypatch):
    sizes, train = [], _together.train_stacked
    monkeypatch.setattr(
        _together, "train_stacked", lambda runs: sizes.append(len(runs)) or train(runs)
    )
    make(FAST, n_estimators=4).fit(rows)
    make(clone(FAST).set_params(early_stopping=False), n_estimators=5).fit(rows)
    assert sizes == [4, 5]


@pytest.mark.parametrize(
    ("member", "form"),
    [
        (DenoisingAutoencoder(2, hidden_layer_sizes=(8,), max_epochs=3), None),
        (VariationalAutoencoder(2, max_epochs=3, kl_warmup=2), None),
        (SparseAutoencoder(4, max_epochs=3), None),
        (clone(FAST).set_params(outlier_score="reconstruction"), None),
        (clone(FAST).set_params(standardize=True), None),
        (clone(FAST).set_params(early_stopping=False), None),
        (ConvolutionalAutoencoder(2, channels=(2,), max_epochs=1), (8, 8)),
        (SequenceAutoencoder(2, cell_size=6, max_epochs=1), (32, 2)),
    ],
    ids=lambda value: type(value).__name__,
)
def test_members_of_any_kind(member, form, rows):
    X = rows
    if form is not None:
        X = np.random.default_rng(0).normal(size=(20, *form)).cumsum(axis=1)
    # A random state of its own is not used.
    ensemble = make(clone(member).set_params(random_state=9), n_estimators=2).fit(X)
    assert {type(each) for each in ensemble.estimators_} == {type(member)}
    expected = mean_of(ensemble.estimators_, lambda each: each.score_samples(X))
    assert_allclose(ensemble.score_samples(X), expected, rtol=1e-9, atol=1e-9)
    assert ensemble.reconstruct(X).shape == X.shape
    assert ensemble.score(X) <= 1
    assert set(ensemble.predict(X)) <= {-1, 1}


def test_members_of_a_kind_that_is_not_stacked_are_fitted_as_by_themselves(rows):
    member = VariationalAutoencoder(2, max_epochs=4, kl_warmup=4, beta=0.5)
    ensemble = make(member, n_estimators=1).fit(rows)
    (ours,) = ensemble.estimators_
    heard = []
    make_callbacks = VariationalAutoencoder._make_callbacks

    class Watched(VariationalAutoencoder):
        def _make_callbacks(self, n_epochs):
            heard.append(n_epochs)
            return make_callbacks(self, n_epochs)

    watched = make(Watched(**member.get_params()), n_estimators=1).fit(rows)
    assert heard == [4]
    assert_array_equal(watched.score_samples(rows), ensemble.score_samples(rows))
    assert ours.n_epochs_ == 4


def test_sequences_of_several_lengths():
    rng = np.random.default_rng(0)
    X = [rng.normal(size=(n, 2)) for n in rng.integers(3, 7, size=30)]
    member = SequenceAutoencoder(2, cell_size=6, max_epochs=1)
    ensemble = make(member, n_estimators=2).fit(X)
    assert [len(row) for row in ensemble.reconstruct(X)] == [len(row) for row in X]
    assert ensemble.predict(X).shape == (30,)


def test_tokens_have_no_mean():
    X = ["abab", "baba", "aabb", "bbaa", "abba", "baab"] * 4
    member = SequenceAutoencoder(2, tokens="char", cell_size=6, max_epochs=1)
    ensemble = make(member, n_estimators=2).fit(X)
    assert ensemble.score_samples(X).shape == (24,)
    message = (
        "^reconstruct and score take means over the members, and tokens have none. Ask "
        "one of estimators_.$"
    )
    for method in (ensemble.reconstruct, ensemble.score):
        with pytest.raises(ValueError, match=message):
            method(X)


# -- the threshold


def test_auto_calls_few_held_out_rows_outliers(fitted):
    below = (fitted.training_scores_ < fitted.offset_).mean()
    assert 0 < below <= 0.05


@pytest.mark.parametrize("n_rows", [150, 1100])
@pytest.mark.parametrize("early_stopping", [True, False])
def test_a_share_of_the_training_rows(n_rows, early_stopping):
    X = curved(n_rows)
    member = clone(FAST).set_params(early_stopping=early_stopping)
    ensemble = make(member, contamination=0.1).fit(X)
    assert (ensemble.predict(X) == -1).sum() == n_rows / 10
    assert (ensemble.decision_function(X) < 0).sum() == n_rows / 10
    assert (ensemble.fit_predict(X) == -1).sum() == n_rows / 10


@pytest.mark.parametrize("contamination", ["auto", 0.1])
@pytest.mark.parametrize("early_stopping", [True, False])
def test_weights_are_repeated_rows(contamination, early_stopping, rows):
    weight = np.random.default_rng(0).integers(0, 3, size=150)
    member = clone(FAST).set_params(early_stopping=early_stopping, batch_size=1000)
    ensemble = make(member, contamination=contamination)
    repeated = clone(ensemble).fit(rows.repeat(weight, axis=0))
    weighted = clone(ensemble).fit(rows, sample_weight=weight)
    assert_allclose(
        weighted.score_samples(rows), repeated.score_samples(rows), rtol=1e-6
    )
    assert weighted.offset_ == pytest.approx(repeated.offset_, rel=1e-6)


# -- reproducibility


@pytest.mark.parametrize("n_rows", [150, 1100])
def test_same_seed_same_bits(n_rows):
    X = curved(n_rows)
    changes = {"widths": "varied", "n_estimators": 5}
    first, again, threads, other = (
        make(FAST, random_state=seed, n_jobs=n_jobs, **changes).fit(X)
        for seed, n_jobs in ((0, None), (0, None), (0, 2), (1, None))
    )
    for ensemble in (again, threads):
        assert_array_equal(ensemble.score_samples(X), first.score_samples(X))
        assert ensemble.offset_ == first.offset_
    assert (other.score_samples(X) != first.score_samples(X)).any()


def test_no_seed_gives_other_members(rows):
    scores = [make(random_state=None).fit(rows).score_samples(rows) for _ in range(2)]
    assert (scores[0] != scores[1]).any()


# -- as an estimator


def test_a_pickle_answers_alike(fitted, rows):
    twin = pickle.loads(pickle.dumps(fitted))
    assert_array_equal(twin.predict(rows), fitted.predict(rows))
    assert_array_equal(twin.score_samples(rows), fitted.score_samples(rows))


def test_a_clone_is_unfitted(fitted):
    assert not hasattr(clone(fitted), "estimators_")
    assert fitted.estimator is not fitted.estimators_[0]
    assert not hasattr(fitted.estimator, "net_")
    assert fitted.estimator.random_state is None


def test_frames_have_names(rows):
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(rows, columns=list("abcde"))
    ensemble = make(FAST).fit(frame)
    assert list(ensemble.feature_names_in_) == list("abcde")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        scores = ensemble.score_samples(rows)
    assert len(caught) == 1
    assert_array_equal(scores, ensemble.score_samples(frame))
    with pytest.raises(ValueError, match="feature names should match"):
        ensemble.predict(frame[list("edcba")])
    assert not hasattr(ensemble.fit(rows), "feature_names_in_")


def test_sparse_rows(rows):
    X = np.where(rows > 0, rows, 0)
    dense, thin = (make(FAST).fit(each) for each in (X, sparse.csr_array(X)))
    assert_allclose(thin.score_samples(sparse.csr_array(X)), dense.score_samples(X))


def test_pipelines_and_searches(rows):
    model = make_pipeline(StandardScaler(), make(FAST))
    grid = {"autoencoderensemble__estimator__n_components": [1, 4]}
    search = GridSearchCV(model, grid, cv=2).fit(rows)
    assert search.best_params_ == {next(iter(grid)): 4}


# -- errors


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"estimator": IsolationForest()},
            "estimator=IsolationForest() must be an autoencoder of this package that "
            "detects outliers, or None. Give Autoencoder().",
        ),
        (
            {"estimator": Autoencoder},
            "estimator=<class 'sklearn_ae._autoencoder.Autoencoder'> must be an "
            "autoencoder of this package that detects outliers, or None. Give an "
            "instance.",
        ),
        (
            {"estimator": SequenceAutoencoder(), "widths": "varied"},
            "widths='varied' is for the hidden layers of dense networks, and the "
            "estimator has SequenceNetwork. Use widths='same'.",
        ),
        (
            {"estimator": SparseAutoencoder(), "widths": "varied"},
            "widths='varied' is for the hidden layers of dense networks, and a "
            "SparseAutoencoder has no hidden layers. Use widths='same'.",
        ),
        (
            {"estimator": Autoencoder(hidden_layer_sizes=()), "widths": "varied"},
            "widths='varied' is for the hidden layers of dense networks, and "
            "hidden_layer_sizes=() is none. Use widths='same'.",
        ),
        (
            {"estimator": Autoencoder(max_epochs=-1)},
            "The 'max_epochs' parameter of Autoencoder must be an int in the range "
            "[0, inf) or a str among {'auto'}. Got -1 instead.",
        ),
        (
            {"estimator": Autoencoder(hidden_layer_sizes=(0,))},
            "hidden_layer_sizes=(0,) must be 'auto' or hold positive integers, one per "
            "hidden layer of the encoder, such as (256, 128).",
        ),
        (
            {"n_estimators": 0},
            "The 'n_estimators' parameter of AutoencoderEnsemble must be an int in the "
            "range [1, inf). Got 0 instead.",
        ),
        (
            {"contamination": 0.6},
            "The 'contamination' parameter of AutoencoderEnsemble must be a float in "
            "the range (0.0, 0.5] or a str among {'auto'}. Got 0.6 instead.",
        ),
    ],
)
def test_wrong_parameters(changes, message, rows):
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        AutoencoderEnsemble(**changes).fit(rows)
    assert str(caught.value) == message


def test_a_member_that_diverges_says_so(rows):
    member = clone(MEMBER).set_params(learning_rate=1e30)
    with pytest.raises(ValueError, match=r"^Training diverged: in epoch 1 "):
        make(member).fit(rows)


def test_a_failed_fit_changes_nothing(rows):
    ensemble = make(FAST).fit(rows)
    before = dict(vars(ensemble))
    scores = ensemble.score_samples(rows)
    for wrong in (np.full((20, 5), np.nan), np.full((20, 3), np.inf)):
        with pytest.raises(ValueError, match="contains"):
            ensemble.fit(wrong)
    ensemble.estimator.learning_rate = 1e30
    with pytest.raises(ValueError, match="diverged"):
        ensemble.fit(rows[:, :3])
    assert vars(ensemble) == before
    assert_array_equal(ensemble.score_samples(rows), scores)
    unfitted = make(clone(MEMBER).set_params(learning_rate=1e30))
    with pytest.raises(ValueError, match="diverged"):
        unfitted.fit(rows)
    assert not hasattr(unfitted, "n_features_in_")
