"""Texts and integers in, the same out; what is not known is said."""

import pickle

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone

from sklearn_ae import SequenceAutoencoder
from sklearn_ae._tokens import learn_vocabulary

pytestmark = pytest.mark.filterwarnings(
    "ignore:.*was still improving:sklearn.exceptions.ConvergenceWarning"
)

SMALL = {
    "cell_size": 16,
    "n_layers": 1,
    "hidden_layer_sizes": (64,),
    "random_state": 0,
}
WORDS = ["to be", "or not", "to be or", "not to be", "be not", "or to", "not or be"]


def texts(n=300, seed=0):
    """Return words of four syllables each."""
    rng = np.random.default_rng(seed)
    syllables = ["ba", "do", "ke", "li", "mu", "sa"]
    return ["".join(rng.choice(syllables, size=4)) for _ in range(n)]


@pytest.fixture(scope="module")
def fitted():
    model = SequenceAutoencoder(
        4, tokens="char", max_epochs=40, batch_size=32, learning_rate=0.01, **SMALL
    )
    return model.fit(texts())


def test_text_comes_back(fitted):
    X = texts(seed=1)
    assert fitted.score(X) > 0.9
    rebuilt = fitted.reconstruct(X)
    assert all(isinstance(text, str) for text in rebuilt)
    assert list(map(len, rebuilt)) == list(map(len, X))
    pairs = zip("".join(X), "".join(rebuilt), strict=True)
    right = np.mean([one == other for one, other in pairs])
    assert_allclose(fitted.score(X), right)


def test_codes_are_principal(fitted):
    codes = fitted.transform(texts())
    assert codes.shape == (300, 4)
    covariance = np.cov(codes.T)
    assert_allclose(covariance, np.diag(np.diag(covariance)), atol=1e-5)
    assert_allclose(np.diag(covariance), fitted.explained_variance_, rtol=1e-5)
    assert np.all(np.diff(fitted.explained_variance_) <= 0)
    assert_allclose(fitted.explained_variance_ratio_.sum(), 1)


def test_what_held_out_texts_say(fitted):
    assert 0.5 < fitted.validation_r2_ < 1
    assert fitted.improved_on_pca_ is None
    assert fitted.pca_validation_r2_ is None
    assert fitted.mean_ is None


@pytest.mark.parametrize("tokens", ["char", "word", "int"])
def test_each_kind_comes_back_as_it_came(tokens):
    X = WORDS * 10
    if tokens == "int":
        X = [np.array([3, 5, 70_000]), np.array([5, 5]), np.array([-2])] * 10
    model = SequenceAutoencoder(2, tokens=tokens, max_epochs=2, **SMALL).fit(X)
    lengths = [len(x.split()) if tokens == "word" else len(x) for x in X]
    for back in (
        model.reconstruct(X),
        model.inverse_transform(model.transform(X), lengths=lengths),
    ):
        assert len(back) == len(X)
        assert all(isinstance(x, type(X[0])) for x in back)
        of_back = [len(x.split()) if tokens == "word" else len(x) for x in back]
        assert of_back == lengths
    assert len(model.inverse_transform(model.transform(X))) == len(X)


@pytest.mark.parametrize("hold", [list, tuple, np.array, pd.Series])
def test_containers(hold):
    X = WORDS * 3
    model = SequenceAutoencoder(2, tokens="word", max_epochs=1, **SMALL)
    expected = model.fit(X).transform(X)
    assert_array_equal(clone(model).fit(hold(X)).transform(hold(X)), expected)


def test_neighbours_in_a_batch_change_nothing(fitted):
    X = texts(seed=2)[:70]
    codes = fitted.transform(X)
    assert_allclose(fitted.transform(X[:3]), codes[:3], atol=1e-9)
    alone = [fitted.transform([text])[0] for text in X[:5]]
    assert_allclose(alone, codes[:5], atol=1e-9)


def test_longer_texts_than_in_fit_are_refused(fitted):
    message = (
        r"^A sequence of 40 tokens is longer than the longest in fit, of 8. Cut it, "
        r"or give fit one as long.$"
    )
    with pytest.raises(ValueError, match=message):
        fitted.transform(["ba" * 20])
    with pytest.raises(ValueError, match=message):
        fitted.inverse_transform(np.zeros((1, 4)), lengths=[40])


def test_pickles_change_nothing(fitted):
    X = texts(seed=2)[:20]
    again = pickle.loads(pickle.dumps(fitted))
    assert_array_equal(again.transform(X), fitted.transform(X))
    assert_array_equal(again.score_samples(X), fitted.score_samples(X))
    assert again.reconstruct(X) == fitted.reconstruct(X)


def test_odd_texts_are_outliers(fitted):
    assert np.mean(fitted.predict(texts(seed=3)) == -1) < 0.2
    odd = ["bbddkkll", "aaoaeaea", "abodekil"]
    assert np.all(fitted.predict(odd) == -1)


def test_streams_go_on():
    model = SequenceAutoencoder(4, tokens="char", batch_size=8, **SMALL)
    for seed in range(12):
        model.partial_fit(texts(seed=seed))
    assert model.history_["train_loss"][-1] < 0.8
    assert model.score(texts(seed=99)) > 0.5


def test_unknown_tokens_are_counted(fitted):
    with pytest.warns(
        UserWarning,
        match=r"^X holds 3 tokens of 8 that SequenceAutoencoder has not seen in fit, "
        r"or too seldom: 'Q', 'z'. They are taken as one unknown token. Fit to more, "
        r"or raise max_tokens, to tell them apart.$",
    ):
        codes = fitted.transform(["QQdozake"])
    assert np.isfinite(codes).all()


def test_vocabulary_is_bounded_and_ordered():
    vocabulary = learn_vocabulary([list("abcab"), list("bad")], 3)
    assert vocabulary == {"a": 1, "b": 2}
    model = SequenceAutoencoder(2, tokens="char", max_tokens=3, max_epochs=1, **SMALL)
    model.fit(["abcab", "bad"] * 5)
    assert model.vocabulary_ == {"a": 1, "b": 2}


@pytest.mark.parametrize(
    ("tokens", "X", "message"),
    [
        (
            "char",
            "text",
            r"^X is one string, and SequenceAutoencoder takes several. Gi",
        ),
        (
            "word",
            ["a b", 3],
            r"^X\[1\] is 3, and tokens='word' takes strings. Give a list of strings; "
            r"for sequences of integers take tokens='int'.$",
        ),
        (
            "int",
            ["a", "b"],
            r"^X\[0\] is no sequence of integers, as tokens='int' takes them. Give an "
            r"array of shape \(n_steps,\) for each sequence; for text take "
            r"tokens='char' or tokens='word'.$",
        ),
        (
            "char",
            ["a", ""],
            r"^X\[1\] has no tokens. Leave empty sequences out: there is nothing to "
            r"encode.$",
        ),
        ("char", ["a"], r"Found array with 1 sample\(s\) while a minimum of 2 is"),
    ],
)
def test_what_is_refused(tokens, X, message):
    with pytest.raises(ValueError, match=message):
        SequenceAutoencoder(tokens=tokens).fit(X)


def test_texts_without_weight_do_not_count():
    model = SequenceAutoencoder(2, tokens="char", max_epochs=1, **SMALL)
    weight = [1.0] * 10 + [0.0]
    model.fit([*["abcab", "bad"] * 5, "xyzzzzzzz"], sample_weight=weight)
    assert list(model.vocabulary_) == ["a", "b", "c", "d"]
    assert model.sequence_shape_ == (5, 1)
    alone = clone(model).fit(["abcab", "bad"] * 5)
    X = ["abc", "dab"]
    assert_array_equal(model.transform(X), alone.transform(X))


def test_tables_are_refused():
    X = pd.DataFrame({"text": WORDS})
    message = (
        r"^X is a table, and SequenceAutoencoder takes a list of sequences with "
        r"tokens='word'. Give one of its columns.$"
    )
    with pytest.raises(ValueError, match=message):
        SequenceAutoencoder(tokens="word").fit(X)
    with pytest.raises(ValueError, match=r"^X=None is no list of sequences, as token"):
        SequenceAutoencoder(tokens="word").fit(None)


def test_layers_that_are_asked_for_are_made():
    model = SequenceAutoencoder(2, tokens="char", max_epochs=0, n_layers=5)
    assert model.fit(WORDS * 3).net_.module_.arguments["cell"]["n_layers"] == 5


def test_numbers_leave_no_vocabulary(fitted):
    model = clone(fitted).fit(texts(40)).set_params(tokens=None, max_epochs=1)
    assert not hasattr(model.fit(np.eye(40)[:, :8]), "vocabulary_")


def test_corruption_is_not_of_tokens():
    with pytest.raises(
        ValueError,
        match=r"^corruption='swap' is for sequences of numbers, and not for "
        r"tokens='char'. Leave corruption out.$",
    ):
        SequenceAutoencoder(tokens="char", corruption="swap").fit(WORDS)
