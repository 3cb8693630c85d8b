from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.datasets import load_iris
from threadpoolctl import threadpool_info, threadpool_limits

from sklearn_ae import Autoencoder
from sklearn_ae._fine_tuning import (
    Advice,
    Lesson,
    code_units,
    corruptions_of,
    fine_tune,
    standardized,
)
from sklearn_ae._head_start import logistic_start
from sklearn_ae._lessons import codes_of
from sklearn_ae.training import Settings

X, y = load_iris(return_X_y=True)
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def autoencoder():
    return Autoencoder(3, max_epochs=2, random_state=0).fit(X)


@pytest.fixture
def lesson(autoencoder):
    n = len(X)
    return Lesson(
        X, codes_of(autoencoder, X), np.eye(3)[y], np.ones(n), np.ones(n), np.arange(n)
    )


@pytest.fixture
def advice():
    settings = Settings(
        max_epochs=5,
        batch_size=150,
        learning_rate=1e-3,
        weight_decay=0.0,
        n_iter_no_change=5,
        batch_seed=0,
        dtype=torch.float64,
        device=CPU,
    )
    return Advice(
        "cross_entropy", logistic_start, (8,), 1.0, 0.1, 0, False, 0.1, 0, settings
    )


def answers(tuned, autoencoder):
    rows = torch.from_numpy(
        autoencoder._scaling.standardize(X, torch.float64, CPU).numpy()
    )
    with torch.no_grad():
        return tuned.head(tuned.body.encode_raw(rows))[0].numpy()


def at_start(advice):
    return replace(advice, settings=replace(advice.settings, max_epochs=0))


def test_the_start_is_linear_in_the_codes(autoencoder, lesson, advice):
    tuned = fine_tune(autoencoder, lesson, at_start(advice))
    codes = standardized(lesson.codes, *code_units(lesson.codes, lesson.weight))
    expected = logistic_start(codes, lesson.targets, lesson.weight).answers(codes)
    assert np.allclose(answers(tuned, autoencoder), expected)


def test_training_lowers_the_loss(autoencoder, lesson, advice):
    losses = [
        row["train_loss"]
        for row in fine_tune(autoencoder, lesson, advice).training.history
    ]
    assert losses[-1] < losses[0]


def test_the_autoencoder_itself_stays_as_it_is(autoencoder, lesson, advice):
    before = autoencoder.transform(X)
    fine_tune(autoencoder, lesson, advice)
    assert np.array_equal(autoencoder.transform(X), before)


def test_the_linear_path_is_not_trained(autoencoder, lesson, advice):
    module = autoencoder.net_.module_
    body = fine_tune(autoencoder, lesson, advice).body
    assert torch.equal(body.linear_encoder.weight, module.linear_encoder.weight)
    assert not torch.equal(
        body.encoder_branch.output.weight, module.encoder_branch.output.weight
    )


def test_where_training_is_no_gain_the_start_is_of_all_rows(
    autoencoder, lesson, advice
):
    n = 1200  # of which a tenth is held out
    index = np.random.default_rng(0).permutation(np.arange(n) % len(X))
    rows = X[index] + 1e-3 * np.random.default_rng(1).normal(size=(n, 4))
    lesson = Lesson(
        rows,
        codes_of(autoencoder, rows),
        np.eye(3)[y[index]],
        np.ones(n),
        np.ones(n),
        np.arange(n),
    )
    advice = replace(at_start(advice), hold_out=True)
    tuned = fine_tune(autoencoder, lesson, advice)
    everything = fine_tune(autoencoder, lesson, replace(advice, hold_out=False))
    assert tuned.training.kept_epoch[0] == 0
    assert torch.allclose(tuned.head.linear.weight, everything.head.linear.weight)


def few(lesson, n):
    """The first rows of each kind of iris, n in all."""
    index = np.concatenate([np.flatnonzero(y == c)[: n // 3] for c in range(3)])
    return Lesson(
        lesson.rows[index],
        lesson.codes[index],
        lesson.targets[index],
        lesson.certainty[index],
        lesson.weight[index],
        np.arange(n),
    )


def test_rows_too_few_to_judge_leave_the_start(autoencoder, lesson, advice):
    judged = replace(advice, hold_out=True)
    tuned = fine_tune(autoencoder, few(lesson, 9), judged)
    start = fine_tune(autoencoder, few(lesson, 9), at_start(advice))
    assert len(tuned.training.history) == 0
    assert np.array_equal(answers(tuned, autoencoder), answers(start, autoencoder))
    # Who does without a judge is trained, and so are those who have one.
    unjudged = fine_tune(autoencoder, few(lesson, 9), advice)
    assert len(unjudged.training.history) == 5
    assert len(fine_tune(autoencoder, few(lesson, 12), judged).training.history) > 0


def test_one_thread_makes_the_start_whatever_there_are(autoencoder, lesson, advice):
    threads = []

    def make_start(*of):
        threads.extend(pool["num_threads"] for pool in threadpool_info())
        return logistic_start(*of)

    with threadpool_limits(2):
        fine_tune(autoencoder, lesson, replace(at_start(advice), make_start=make_start))
    assert set(threads) == {1}


def test_codes_have_units_of_their_rows():
    codes = np.random.default_rng(0).normal(size=(50, 3)) * [1, 5, 0] + 2
    weight = np.arange(1.0, 51)
    center, spread = code_units(codes, weight)
    z = standardized(codes, center, spread)
    assert np.average(z, axis=0, weights=weight) == pytest.approx(0)
    assert np.average(z**2, axis=0, weights=weight) == pytest.approx([1, 1, 0])


def test_only_cells_are_corrupted(autoencoder, lesson, advice):
    corruption = corruptions_of(autoencoder, lesson, advice).training
    assert np.array_equal(corruption.amount, [0.1] * 4 + [0] * 4)
    assert corruptions_of(autoencoder, lesson, advice).evaluation is None
    none = replace(advice, corruption_rate=0.0)
    assert corruptions_of(autoencoder, lesson, none).training is None
