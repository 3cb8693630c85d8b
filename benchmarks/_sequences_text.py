"""Text messages: characters that come back from codes, and what codes know of spam."""

import _report
import numpy as np
from _sequences_data import NO_MESSAGES, load_messages
from _timing import seconds_of
from _variants import Part, fit, judge, note, section
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_ae import SequenceAutoencoder

K, WINDOW, TEST_SHARE = 64, 64, 0.2
ACCURACY = 0.85

HEADER = ("codes", "accuracy", "F1 of spam")


def run(options):
    """Fit to all windows of the training messages, and rebuild others."""
    data = load_messages(options)
    if data is None:
        return Part([], [NO_MESSAGES])
    messages, is_spam = data
    order = np.random.default_rng(0).permutation(len(messages))
    n_test = int(TEST_SHARE * len(order))
    test, train = order[:n_test], order[n_test:]
    if options.quick:
        test, train = test[:50], train[:200]
    windows = [w for i in train for w in all_windows(messages[i])]
    pieces = [cut(message) for message in messages]
    held_out = [piece for i in test for piece in pieces[i]]
    note(f"{len(windows)} windows for training, {len(held_out)} pieces for testing")
    model = SequenceAutoencoder(K, tokens="char", random_state=0)
    seconds, _ = seconds_of(lambda: fit(model, windows, options))
    accuracy = model.score(held_out)
    bounds = []
    claim = "characters that come back, held out"
    judge(bounds, _report.at_least(claim, accuracy, ACCURACY))
    codes = _message_codes(model, pieces)
    grams = TfidfVectorizer(analyzer="char", ngram_range=(1, 4), min_df=2)
    svd = make_pipeline(grams, TruncatedSVD(K, random_state=0))
    texts = np.array(messages, dtype=object)
    of_svd = (svd.fit_transform(texts[train]), svd.transform(texts[test]))
    rows = [
        (
            "ours, mean over pieces",
            *_spam(codes[train], codes[test], is_spam[train], is_spam[test]),
        ),
        ("TruncatedSVD of n-grams", *_spam(*of_svd, is_spam[train], is_spam[test])),
    ]
    for row in rows:
        note(*row)
    text = (
        f"SMS messages, {len(train)} for training. Fitted to all of their windows of "
        f"{WINDOW} characters, {len(windows)} of them, with k = {K} and the defaults "
        f"else, in {seconds:.0f} s. Of the other messages, cut into {len(held_out)} "
        f"pieces of at most {WINDOW} characters, {accuracy:.1%} of the characters come "
        "back. Below, logistic regression on codes of messages, for spam; beside it on "
        "TruncatedSVD of tf-idf of 1 to 4 characters."
    )
    return Part(bounds, [section("Text", text, HEADER, rows)])


def all_windows(message):
    """Return all windows of a message, or the message where it is shorter."""
    return [
        message[start : start + WINDOW]
        for start in range(max(1, len(message) - WINDOW + 1))
    ]


def cut(message):
    """Return a message in pieces, one after the other."""
    return [message[i : i + WINDOW] for i in range(0, len(message), WINDOW)]


def _message_codes(model, pieces):
    """Return the mean code of each message's pieces."""
    flat = [piece for parts in pieces for piece in parts]
    counts = np.array([len(parts) for parts in pieces])
    codes = model.transform(flat)
    return np.add.reduceat(codes, np.cumsum(counts) - counts) / counts[:, None]


def _spam(X, X_test, y, y_test):
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    predicted = model.fit(X, y).predict(X_test)
    return f"{np.mean(predicted == y_test):.4f}", f"{f1_score(y_test, predicted):.4f}"
