"""What a classifier and a regressor on an autoencoder share."""

import pickle
import re

import numpy as np
import pytest
import torch
from scipy import sparse
from sklearn.base import clone, is_classifier
from sklearn.datasets import load_digits
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks
from skorch.callbacks import Callback, LRScheduler

from sklearn_ae import (
    Autoencoder,
    AutoencoderClassifier,
    AutoencoderRegressor,
    ConvolutionalAutoencoder,
    DenoisingAutoencoder,
    SequenceAutoencoder,
    SparseAutoencoder,
    VariationalAutoencoder,
    _supervised,
)
from sklearn_ae._lessons import codes_of
from sklearn_ae.networks import HeadedAutoencoder
from sklearn_ae.training._net import AutoencoderNet

from .arrays import Foreign
from .test_common import EXTRA_CHECKS

FAST = {"max_epochs": 4, "random_state": 0}
SMALL = Autoencoder(4, hidden_layer_sizes=(8,), max_epochs=2)
BOTH = pytest.mark.parametrize(
    "estimator",
    [AutoencoderClassifier(SMALL, **FAST), AutoencoderRegressor(SMALL, **FAST)],
    ids=["classifier", "regressor"],
)

# With the usual encoder they pass as well, for ten times the time.
QUICK = {"hidden_layer_sizes": (8,), "validation_fraction": 0.3, "max_epochs": 4}
CONFIGURATIONS = [
    AutoencoderClassifier(Autoencoder(4, **QUICK), max_epochs=8, random_state=0),
    AutoencoderRegressor(Autoencoder(10, **QUICK), max_epochs=8, random_state=0),
    AutoencoderClassifier(
        Autoencoder(2, **QUICK),
        head_layer_sizes=(),
        reconstruction_weight=0,
        corruption_rate=0,
        class_weight="balanced",
        **FAST,
    ),
    AutoencoderRegressor(
        Autoencoder(10, **QUICK),
        early_stopping=False,
        freeze=2,
        **FAST,
    ),
]


@pytest.fixture(scope="module")
def table():
    """Digits of which a tenth has a label: rows, classes, and the marked classes."""
    X, y = load_digits(n_class=4, return_X_y=True)
    X, y = X[:300] / 16, y[:300]
    marked = np.where(np.arange(300) % 6 == 0, y, -1)
    return X, y, marked


def marked_for(estimator, table):
    """The labels of the table, with the mark of an estimator."""
    X, _, marked = table
    if is_classifier(estimator):
        return X, marked
    return X, np.where(marked < 0, np.nan, X.sum(axis=1))


def refused(message, kind=ValueError):
    return pytest.raises(kind, match=f"^{re.escape(message)}$")


# -- scikit-learn's checks, none expected to fail


@pytest.mark.filterwarnings(
    # The checks fit on noise for a few epochs, where to be cut short is no defect.
    "ignore:.*was still improving:sklearn.exceptions.ConvergenceWarning"
)
@parametrize_with_checks(CONFIGURATIONS)
def test_common_check(estimator, check):
    check(estimator)


@pytest.mark.filterwarnings(
    # The checks fit on a data frame and transform an array, or the other way round.
    "ignore:X does not have valid feature names:UserWarning",
    "ignore:X has feature names:UserWarning",
    "ignore:.*was still improving:sklearn.exceptions.ConvergenceWarning",
)
@pytest.mark.parametrize("check", EXTRA_CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("estimator", CONFIGURATIONS[:2], ids=["classes", "values"])
def test_extra_check(estimator, check):
    check(type(estimator).__name__, clone(estimator))


# -- a fit


@BOTH
def test_the_same_seed_is_the_same_fit(estimator, table):
    X, y = marked_for(estimator, table)
    one, other = clone(estimator).fit(X, y), clone(estimator).fit(X, y)
    assert np.array_equal(one.predict(X), other.predict(X))
    assert np.array_equal(one.transform(X), other.transform(X))


@BOTH
def test_small_steps_stay_on_the_cpu(estimator, table, monkeypatch):
    X, y = marked_for(estimator, table)
    gpu = torch.device("cuda")
    monkeypatch.setattr(_supervised, "resolve_device", lambda device: gpu)
    fitted = clone(estimator).set_params(max_epochs=0).fit(X, y)
    assert fitted.device_ == "cpu"


@BOTH
def test_a_fit_that_runs_out_of_memory_starts_again(estimator, table, monkeypatch):
    X, y = marked_for(estimator, table)
    estimator = clone(estimator).set_params(early_stopping=False, propagate=False)
    expected = clone(estimator).set_params(batch_size=12).fit(X, y)

    def step(net, batch):
        is_headed = isinstance(net.module_, HeadedAutoencoder)
        if is_headed and batch.inputs.shape[-2] > 20:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return train_step(net, batch)

    train_step = AutoencoderNet.train_step
    monkeypatch.setattr(AutoencoderNet, "train_step", step)
    with pytest.warns(UserWarning, match="starts again with batch_size=12"):
        estimator.set_params(batch_size=24).fit(X, y)
    assert estimator.batch_size_ == 12
    assert np.array_equal(estimator._answers(X), expected._answers(X))


@BOTH
def test_the_usual_encoder_trains_by_distinct_rows(estimator):
    X = np.random.default_rng(0).normal(size=(700, 2))
    usual = estimator._usual_encoder
    assert usual(X, 2).max_epochs == 600 // 3
    assert usual(np.repeat(X, 2, axis=0), 2).max_epochs == 600 // 6
    assert usual(np.concatenate([X, X + 1]), 2).max_epochs == 2400 // 6


@BOTH
def test_rows_that_are_all_one_have_labels(estimator):
    y = [0, 1, 0, 1, 0, 1] + [-1 if is_classifier(estimator) else np.nan] * 6
    fitted = clone(estimator).set_params(encoder=Autoencoder(1, max_epochs=1))
    assert fitted.fit(np.ones((12, 3)), y).predict(np.ones((2, 3))).shape == (2,)
    assert not fitted.propagated_


@BOTH
def test_no_state_of_the_process_is_touched(estimator, table):
    X, y = marked_for(estimator, table)
    torch.manual_seed(3)
    np.random.seed(3)  # noqa: NPY002
    before = torch.get_rng_state(), np.random.get_state()[1]  # noqa: NPY002
    threads = torch.get_num_threads()
    clone(estimator).fit(X, y)
    assert torch.equal(torch.get_rng_state(), before[0])
    assert np.array_equal(np.random.get_state()[1], before[1])  # noqa: NPY002
    assert torch.get_num_threads() == threads


@BOTH
@pytest.mark.parametrize("wrap", [lambda encoder: encoder, FrozenEstimator])
def test_a_fitted_encoder_is_where_training_starts(estimator, table, wrap):
    X, y = marked_for(estimator, table)
    encoder = clone(SMALL).set_params(random_state=1).fit(X)
    codes = encoder.transform(X)
    fitted = clone(estimator).set_params(encoder=wrap(encoder), max_epochs=0).fit(X, y)
    assert np.allclose(fitted.transform(X), codes, atol=1e-6)
    assert np.array_equal(encoder.transform(X), codes)
    assert fitted.autoencoder_ is not encoder


@BOTH
def test_an_unfitted_encoder_stays_so(estimator, table):
    X, y = marked_for(estimator, table)
    encoder = clone(SMALL)
    clone(estimator).set_params(encoder=encoder).fit(X, y)
    assert not encoder.__sklearn_is_fitted__()


@BOTH
def test_none_is_an_autoencoder_of_up_to_32_components(estimator, table):
    X, y = marked_for(estimator, table)
    fitted = clone(estimator).set_params(encoder=None)
    assert fitted.fit(X, y).autoencoder_.n_components_ == 32
    assert fitted.fit(X[:, :3], y).autoencoder_.n_components_ == 3


@BOTH
def test_the_encoder_is_fine_tuned(estimator, table):
    X, y = marked_for(estimator, table)
    estimator = clone(estimator).set_params(early_stopping=False)
    frozen = clone(estimator).set_params(freeze=4).fit(X, y)
    start = clone(estimator).set_params(max_epochs=0).fit(X, y)
    tuned = estimator.fit(X, y)
    assert np.allclose(frozen.transform(X), start.transform(X), atol=1e-5)
    assert not np.allclose(tuned.transform(X), start.transform(X), atol=1e-3)
    assert not np.array_equal(frozen._answers(X), start._answers(X))


@BOTH
def test_the_fine_tuned_autoencoder_reconstructs_and_scores(estimator, table):
    X, y = marked_for(estimator, table)
    fitted = clone(estimator).fit(X, y)
    autoencoder = fitted.autoencoder_
    assert np.allclose(autoencoder.transform(X), fitted.transform(X))
    assert autoencoder.score(X) > 0.5
    assert len(autoencoder.history_["train_loss"]) == autoencoder.n_epochs_ > 0
    assert autoencoder.get_params()["max_epochs"] == SMALL.max_epochs
    assert not autoencoder.warm_start
    share = np.mean(autoencoder.predict(X) == -1)
    assert 0 < share < 0.3


@BOTH
def test_fine_tuning_held_no_row_out_from_the_autoencoder(estimator, table):
    X, y = marked_for(estimator, table)
    start = clone(estimator).set_params(max_epochs=0).fit(X, y).autoencoder_
    tuned = clone(estimator).set_params(early_stopping=False).fit(X, y).autoencoder_
    # Rows judged the pretrained network, and none the fine-tuned one.
    assert start.validation_r2_ is not None
    assert start.diagnose()["n_calibration"] == 300
    assert tuned.validation_r2_ is tuned.improved_on_pca_ is None
    assert tuned.diagnose()["n_calibration"] == 0


@BOTH
def test_answers_are_of_the_fine_tuned_codes(estimator, table):
    X, y = marked_for(estimator, table)
    fitted = clone(estimator).set_params(early_stopping=False).fit(X, y)
    network = fitted.autoencoder_.net_.module_
    raw = codes_of(fitted.autoencoder_, X)
    with torch.no_grad():
        answers = fitted._head(torch.from_numpy(raw)[None])[0]
        shown = network.shown(torch.from_numpy(raw)[None])[0]
    assert np.allclose(fitted._answers(X), answers)
    assert np.allclose(fitted.transform(X), shown)


@BOTH
def test_without_a_weight_the_decoder_is_left_behind(estimator, table):
    X, y = marked_for(estimator, table)
    params = {"early_stopping": False, "max_epochs": 30, "learning_rate": 0.02}
    estimator = clone(estimator).set_params(**params)
    kept = clone(estimator).set_params(reconstruction_weight=10).fit(X, y)
    left = clone(estimator).set_params(reconstruction_weight=0).fit(X, y)
    assert kept.autoencoder_.score(X) > left.autoencoder_.score(X) + 0.02


@BOTH
def test_history_is_of_fine_tuning(estimator, table):
    X, y = marked_for(estimator, table)
    fitted = clone(estimator).fit(X, y)
    assert fitted.n_epochs_ == len(fitted.history_["valid_loss"]) <= 4
    assert 0 <= fitted.best_epoch_ <= 4
    assert fitted.max_epochs_ == 4
    silent = clone(estimator).set_params(early_stopping=False).fit(X, y)
    assert set(silent.history_) == {"train_loss"}


@BOTH
def test_eight_labels_leave_the_start(estimator, table):
    X, y = marked_for(estimator, table)
    index = np.flatnonzero(table[2] >= 0)[:8]
    few = np.full_like(y, -1 if is_classifier(estimator) else np.nan)
    few[index] = y[index]
    estimator = clone(estimator).set_params(propagate=False)
    fitted = estimator.fit(X, few)
    start = clone(estimator).set_params(max_epochs=0).fit(X, few)
    assert fitted.n_epochs_ == fitted.best_epoch_ == 0
    assert np.array_equal(fitted._answers(X), start._answers(X))


@BOTH
def test_further_rows_are_rows_without_a_label(estimator, table):
    X, y = marked_for(estimator, table)
    with_label = np.flatnonzero(table[2] >= 0)
    without = np.flatnonzero(table[2] < 0)
    order = np.concatenate([with_label, without])
    one = clone(estimator).fit(X[order], y[order])
    other = clone(estimator).fit(X[with_label], y[with_label], pretrain_on=X[without])
    assert np.array_equal(one.predict(X), other.predict(X))


@BOTH
@pytest.mark.parametrize("convert", [sparse.csr_matrix, sparse.csr_array, list])
def test_further_rows_are_of_any_kind(estimator, table, convert):
    X, y = marked_for(estimator, table)
    expected = clone(estimator).fit(X[:200], y[:200], pretrain_on=X[200:])
    kinds = (lambda rows: rows.tolist()) if convert is list else convert
    fitted = clone(estimator).fit(kinds(X[:200]), y[:200], pretrain_on=kinds(X[200:]))
    assert np.allclose(fitted._answers(X), expected._answers(X), atol=1e-4)


@pytest.mark.parametrize("convert", [sparse.coo_matrix, Foreign])
@BOTH
def test_rows_of_any_kind_are_taken_by_a_fitted_encoder(estimator, table, convert):
    X, y = marked_for(estimator, table)
    weight = (np.arange(300) < 100).astype(float)
    encoder = clone(SMALL).set_params(random_state=1).fit(X)
    fitted = clone(estimator).set_params(encoder=encoder, max_epochs=0)
    fitted.fit(convert(X), y, sample_weight=weight)
    expected = clone(estimator).set_params(encoder=encoder, max_epochs=0)
    expected.fit(X, y, sample_weight=weight)
    assert np.allclose(fitted._answers(X), expected._answers(X), atol=1e-6)


@BOTH
def test_a_fitted_encoder_that_was_changed_is_refused(estimator, table, monkeypatch):
    X, y = marked_for(estimator, table)
    encoder = clone(SMALL).fit(X).set_params(n_components=3)
    monkeypatch.setattr(_supervised, "fine_tune", None)
    with pytest.raises(ValueError, match=r"^n_components=3 differs from 4, with which"):
        clone(estimator).set_params(encoder=encoder).fit(X, y)


@BOTH
def test_further_rows_are_of_a_data_frame(estimator, table):
    pandas = pytest.importorskip("pandas")
    X, y = marked_for(estimator, table)
    frame = pandas.DataFrame(X, columns=[f"pixel{i}" for i in range(X.shape[1])])
    fitted = clone(estimator).fit(frame[:200], y[:200], pretrain_on=frame[200:])
    assert list(fitted.feature_names_in_) == list(frame.columns)
    expected = clone(estimator).fit(X[:200], y[:200], pretrain_on=X[200:])
    assert np.allclose(fitted._answers(frame), expected._answers(X), atol=1e-4)


@BOTH
def test_a_row_of_weight_zero_is_left_out(estimator, table):
    X, y = marked_for(estimator, table)
    weight = (np.arange(300) < 200).astype(float)
    one = clone(estimator).fit(X, y, sample_weight=weight)
    other = clone(estimator).fit(X[:200], y[:200])
    assert np.array_equal(one.predict(X), other.predict(X))


@BOTH
def test_tiny_weights_are_weights(estimator, table):
    X, y = marked_for(estimator, table)
    weight = np.full(300, 1e-60)
    one = clone(estimator).fit(X, y, sample_weight=weight)
    assert np.allclose(one._answers(X), clone(estimator).fit(X, y)._answers(X))


@pytest.mark.parametrize(
    "encoder",
    [
        DenoisingAutoencoder(8),
        SparseAutoencoder(16),
        SparseAutoencoder(16, penalty="kl"),
        VariationalAutoencoder(4),
        Autoencoder(4, precision="bfloat16"),
    ],
    ids=["denoising", "sparse", "kl", "variational", "bfloat16"],
)
@BOTH
def test_any_bottleneck_will_do(estimator, encoder, table):
    X, y = marked_for(estimator, table)
    precision = encoder.precision
    encoder = clone(encoder).set_params(max_epochs=2, early_stopping=False)
    fitted = clone(estimator).set_params(encoder=encoder, precision=precision)
    fitted.fit(X, y)
    assert type(fitted.autoencoder_) is type(encoder)
    assert np.isfinite(fitted._answers(X)).all()


@BOTH
def test_images_keep_their_shape(estimator, table):
    X, y = marked_for(estimator, table)
    images = X.reshape(-1, 8, 8)
    encoder = ConvolutionalAutoencoder(4, max_epochs=1)
    fitted = clone(estimator).set_params(encoder=encoder, max_epochs=1)
    fitted.fit(images[:250], y[:250], pretrain_on=images[250:])
    assert fitted.predict(images).shape == (300,)
    assert fitted.autoencoder_.reconstruct(images).shape == images.shape


@BOTH
@pytest.mark.parametrize("varies", [False, True])
def test_sequences_of_any_length_have_labels(estimator, varies):
    rng = np.random.default_rng(0)
    y = np.arange(80) % 2
    n_steps = rng.integers(6, 12, size=80) if varies else np.full(80, 9)
    sequences = [
        np.sin(np.arange(n)[:, None] * (0.5 + label)) + 0.1 * rng.normal(size=(n, 2))
        for n, label in zip(n_steps, y, strict=True)
    ]
    X = sequences if varies else np.stack(sequences)
    marked = np.where(np.arange(80) < 40, y, -1 if is_classifier(estimator) else np.nan)
    encoder = SequenceAutoencoder(3, cell_size=6, max_epochs=2)
    fitted = clone(estimator).set_params(encoder=encoder).fit(X, marked)
    assert fitted.score(X, y) > 0.7
    assert fitted.transform(X).shape == (80, 3)


def test_messages_have_labels():
    messages = ["win a prize now", "call me later", "free prize call", "see you soon"]
    encoder = SequenceAutoencoder(2, tokens="char", cell_size=8, max_epochs=1)
    model = AutoencoderClassifier(encoder, **FAST).fit(messages * 4, [1, 0, 1, 0] * 4)
    assert model.predict(messages).shape == (4,)


# -- scikit-learn's tools


@BOTH
def test_a_pickle_answers_alike(estimator, table):
    X, y = marked_for(estimator, table)
    fitted = clone(estimator).fit(X, y)
    stored = pickle.dumps(fitted)
    assert b"torch._utils" not in stored  # which not every version has
    loaded = pickle.loads(stored)
    assert np.array_equal(loaded.predict(X), fitted.predict(X))
    assert np.array_equal(loaded.transform(X), fitted.transform(X))
    assert pickle.loads(pickle.dumps(clone(estimator))).encoder is not None


@BOTH
def test_a_search_reaches_the_encoder(estimator, table):
    X, y, _ = table
    search = GridSearchCV(estimator, {"encoder__n_components": [2, 3]}, cv=2)
    search.fit(X[:100], y[:100])
    found = search.best_estimator_.autoencoder_.n_components_
    assert found == search.best_params_["encoder__n_components"]


@BOTH
def test_it_ends_a_pipeline(estimator, table):
    X, y = marked_for(estimator, table)
    pipeline = make_pipeline(StandardScaler(), clone(estimator)).fit(X, y)
    assert pipeline.predict(X).shape == (300,)
    assert next(iter(pipeline[-1].get_feature_names_out())).startswith("autoencoder")


@BOTH
def test_verbose_draws_bars(estimator, table, capsys):
    X, y = marked_for(estimator, table)
    clone(estimator).set_params(verbose=1).fit(X, y)
    assert type(estimator).__name__ in capsys.readouterr().err


@BOTH
def test_callbacks_of_skorch_are_called(estimator, table):
    epochs = []

    class Count(Callback):
        def on_epoch_end(self, net, **kwargs):
            epochs.append(len(net.history))

    X, y = marked_for(estimator, table)
    params = {"callbacks": [Count()], "early_stopping": False}
    clone(estimator).set_params(**params).fit(X, y)
    assert epochs == [1, 2, 3, 4]


# -- bad input, before any training


@BOTH
def test_further_rows_of_other_columns_are_refused(estimator, table, untrained):
    X, y = marked_for(estimator, table)
    message = (
        "pretrain_on does not go with X: X has 3 features, but Autoencoder is "
        "expecting 64 features as input. Give rows of the same columns."
    )
    with refused(message):
        clone(estimator).fit(X, y, pretrain_on=X[:, :3])


@BOTH
def test_an_encoder_of_other_columns_is_refused(estimator, table):
    X, y = marked_for(estimator, table)
    encoder = clone(SMALL).set_params(random_state=0).fit(X[:, :9])
    estimator = clone(estimator).set_params(encoder=FrozenEstimator(encoder))
    with pytest.raises(ValueError, match="is fitted, and cannot read the rows"):
        estimator.fit(X, y)
    assert not estimator.__sklearn_is_fitted__()


@BOTH
def test_what_is_no_autoencoder_is_refused(estimator, table):
    X, y = marked_for(estimator, table)
    with pytest.raises(TypeError, match=r"^encoder='dense' must be an autoencoder"):
        clone(estimator).set_params(encoder="dense").fit(X, y)


@BOTH
def test_an_encoder_of_patches_is_refused(estimator, table):
    X, y = marked_for(estimator, table)
    encoder = ConvolutionalAutoencoder(4, patch_size=4)
    message = (
        f"encoder={encoder!r} learns patches of images, and {type(estimator).__name__} "
        "needs a code of each image. Give an encoder without patch_size."
    )
    with refused(message):
        clone(estimator).set_params(encoder=encoder).fit(X.reshape(-1, 8, 8), y)


@BOTH
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("propagate", "yes"),
        ("reconstruction_weight", -1),
        ("corruption_rate", 1.0),
        ("freeze", -1),
        ("head_layer_sizes", 0),
        ("max_epochs", "all"),
    ],
)
def test_parameters_out_of_range_are_refused(estimator, table, untrained, name, value):
    X, y = marked_for(estimator, table)
    with pytest.raises(ValueError, match=f"The '{name}' parameter"):
        clone(estimator).set_params(**{name: value}).fit(X, y)


@BOTH
@pytest.mark.parametrize("sizes", [(4, 0), (4.5,)])
def test_layers_without_units_are_refused(estimator, table, untrained, sizes):
    X, y = marked_for(estimator, table)
    message = (
        f"head_layer_sizes={sizes!r} must hold positive integers, one per hidden layer "
        "of the head, such as (128,), or be empty for a linear head."
    )
    with refused(message):
        clone(estimator).set_params(head_layer_sizes=sizes).fit(X, y)


@BOTH
def test_what_is_no_callback_is_refused(estimator, table, untrained):
    X, y = marked_for(estimator, table)
    message = (
        "callbacks=[3] must hold instances of skorch.callbacks.Callback, and 3 is "
        "none. scikit-learn's callbacks go to set_callbacks."
    )
    with refused(message):
        clone(estimator).set_params(callbacks=[3]).fit(X, y)


@BOTH
def test_a_precision_that_the_device_has_not_is_refused(
    estimator, table, untrained, monkeypatch
):
    X, y = marked_for(estimator, table)
    mps = torch.device("mps")
    monkeypatch.setattr(_supervised, "resolve_device", lambda device: mps)
    with pytest.raises(ValueError, match=r"^precision='float64' is not available with"):
        clone(estimator).set_params(precision="float64").fit(X, y)


@BOTH
def test_to_freeze_beside_a_scheduler_is_refused(estimator, table, untrained):
    X, y = marked_for(estimator, table)
    scheduler = LRScheduler()
    message = (
        f"freeze=2 keeps the learning rate of the encoder at zero, and {scheduler!r} "
        "among callbacks sets that of all. Leave the scheduler out, or take freeze=0."
    )
    estimator = clone(estimator).set_params(callbacks=[scheduler])
    with refused(message):
        estimator.set_params(freeze=2).fit(X, y)
    with pytest.raises(AssertionError, match="trained"):
        estimator.set_params(freeze=0).fit(X, y)


@BOTH
def test_a_fit_that_fails_leaves_all_as_it_was(estimator, table):
    X, y = marked_for(estimator, table)
    fitted = clone(estimator).fit(X, y)
    before = fitted.predict(X)
    with pytest.raises(ValueError, match="NaN"):
        fitted.fit(np.full_like(X, np.nan), y)
    assert np.array_equal(fitted.predict(X), before)


@BOTH
def test_a_diverged_fit_says_so(estimator, table):
    X, y = marked_for(estimator, table)
    params = {"learning_rate": 1e30, "early_stopping": False, "freeze": 0}
    with pytest.raises(ValueError, match="Training diverged"):
        clone(estimator).set_params(**params).fit(X, y)
