import pytest

from sklearn_ae._findings import ABOUT, findings_of, findings_of_members

FINE = {
    "start": "PCA",
    "improved": True,
    "start_error": 0.4,
    "held_out_error": 0.3,
    "error_unit": "share of the variance",
    "gain": 0.25,
    "n_epochs": 60,
    "best_epoch": 40,
    "max_epochs": 100,
    "is_cut_short": False,
    "training_error": 0.25,
    "overfitting": 1.2,
    "is_overfitted": False,
    "n_hidden_units": 50,
    "n_dead_units": 0,
    "n_components": 4,
    "n_idle_components": 0,
    "n_dead_atoms": None,
    "mean_active": None,
    "kl": None,
    "n_active": None,
    "n_scores": 100,
    "n_distinct_scores": 100,
    "share_tied": 0.0,
    "share_trimmed": 0.0,
    "n_calibration": 100,
    "offset": -12.5,
    "share_flagged": 0.05,
}

NOT_HELD_OUT = {"held_out_error": None, "start_error": None, "improved": None}

WRONG = {
    "nothing held out": (
        NOT_HELD_OUT,
        "No rows were held out (by partial_fit, with early_stopping=False, of fewer "
        "than 10 distinct rows, or in training for labels or clusters): nothing tells "
        "whether training improved the model. Fit with early_stopping=True, or score "
        "rows of your own.",
    ),
    "cut short": (
        {"is_cut_short": True, "best_epoch": 60},
        "Training was still improving when its epochs ran out: epoch 60 of 60 was "
        "kept. Raise max_epochs, which was 100.",
    ),
    "overfitted": (
        {"overfitting": 3.04, "is_overfitted": True},
        "The error of held-out rows is 3 times that of training rows: the model knows "
        "its training rows better than others. Give more rows, or lower n_components.",
    ),
    "dead units": (
        {"n_dead_units": 20},
        "20 of 50 hidden units never vary: they are dead. Lower learning_rate, take "
        "activation='silu', or take narrower layers.",
    ),
    "idle components": (
        {"n_idle_components": 1},
        "1 of 4 components of the codes never vary. Lower n_components to 3.",
    ),
    "no component": (
        {"n_idle_components": 4},
        "4 of 4 components of the codes never vary: codes tell nothing. Give rows that "
        "differ from each other.",
    ),
    "dead atoms": (
        {"n_dead_atoms": 2, "mean_active": 1.5},
        "2 of 4 atoms are never used, and 1.5 in a row. Lower n_components, or raise "
        "max_epochs.",
    ),
    "collapsed": (
        {"n_active": 0, "kl": [0.001, 0.001]},
        "0 of 4 components of the codes are active, and carry 0.002 nats: codes tell "
        "nothing. Lower beta, or raise free_bits.",
    ),
    "ties": (
        {"share_tied": 0.5, "n_distinct_scores": 60},
        "50% of the 100 training scores are tied, and 60 are distinct: no threshold "
        "can part tied rows, and shares are kept only nearly. Look for rows that "
        "repeat each other.",
    ),
    "own scores": (
        {"n_calibration": 0},
        "No scores of held-out rows (by partial_fit, with early_stopping=False, of "
        "fewer than 10 distinct rows, or in training for labels or clusters): the "
        "threshold is one of rows that the model has seen, and new rows will fall "
        "below it more often. Give p_values rows of your own as X_calibration.",
    ),
    "few scores": (
        {"n_calibration": 15},
        "15 held-out rows tell false-alarm rates from 0.062 on, which is above 0.05. "
        "Fit to more rows.",
    ),
}

TEXTS = {
    "improved": (
        {},
        "Training improved on PCA by 25% of its error on held-out rows, from 0.4 to "
        "0.3.",
    ),
    "improved, in nats": (
        {"error_unit": "nats", "gain": None, "start": "probabilistic PCA"},
        "Training improved on probabilistic PCA by 0.1 nats per held-out row, from 0.4 "
        "to 0.3.",
    ),
    "improved on an unknown start": (
        {"start_error": None, "gain": None, "start": "its start"},
        "Training improved on its start, to 0.3.",
    ),
    "not improved": (
        {"improved": False, "best_epoch": 0},
        "Training did not improve on PCA on held-out rows, and the model is as it "
        "started. More rows may change that.",
    ),
    "start kept": (
        {"improved": False, "best_epoch": 0},
        "Training had time enough: the start was kept after 60 epochs.",
    ),
    "untrained": (
        {"n_epochs": 0, "max_epochs": 0},
        "There was no training: max_epochs=0.",
    ),
    "untrained, of few rows": (
        {"n_epochs": 0},
        "There was no training: fewer than 10 distinct rows cannot judge it.",
    ),
    "epochs alone": (NOT_HELD_OUT, "60 epochs were run."),
    "overfitting in nats": (
        {"error_unit": "nats", "gain": None},
        "The likelihood of a number in held-out rows is as of noise of 1.2 times the "
        "variance of that in training rows: no overfitting to speak of.",
    ),
    "a few dead units": ({"n_dead_units": 5}, "5 of 50 hidden units never vary."),
    "atoms": (
        {"n_dead_atoms": 0, "mean_active": 2.0},
        "0 of 4 atoms are never used, and 2 in a row.",
    ),
    "active": (
        {"n_active": 3, "kl": [1.0, 2.0, 0.5, 0.0]},
        "3 of 4 components of the codes are active, and carry 3.5 nats.",
    ),
    "trimmed": (
        {"share_trimmed": 0.043},
        "4.3% of the training rows are far from most, or left out.",
    ),
    "calibration": ({}, "100 held-out rows tell false-alarm rates from 0.0099 on."),
    "threshold": (
        {},
        "5.0% of the training scores are below the threshold, offset_=-12.5.",
    ),
}


def texts(change, is_fine):
    found = findings_of({**FINE, **change})
    return [text for fine, text in found if fine == is_fine]


def test_of_a_good_fit_all_is_fine():
    found = findings_of(FINE)
    assert all(finding.is_fine for finding in found)
    assert len(found) == len(ABOUT) - 1  # nothing was trimmed


@pytest.mark.parametrize("name", list(WRONG))
def test_what_is_wrong_is_said_with_a_remedy(name):
    change, text = WRONG[name]
    assert texts(change, is_fine=False) == [text]


@pytest.mark.parametrize("name", list(TEXTS))
def test_what_is_fine_is_said_too(name):
    change, text = TEXTS[name]
    assert text in texts(change, is_fine=True)


@pytest.mark.parametrize(
    "missing",
    [
        {"overfitting": None, "is_overfitted": None},
        {"n_hidden_units": 0},
        {"share_tied": None, "n_distinct_scores": None},
        {"n_calibration": None},
        {"share_flagged": None},
    ],
    ids=str,
)
def test_of_what_there_is_not_nothing_is_said(missing):
    assert len(findings_of({**FINE, **missing})) == len(findings_of(FINE)) - 1


def test_of_members_what_is_wrong_is_said_once():
    wrong = {**FINE, "n_idle_components": 1}
    found = findings_of_members([FINE, wrong, FINE, wrong])
    text = "1 of 4 components of the codes never vary. Lower n_components to 3."
    assert [f for f in found if not f.is_fine] == [(False, f"2 of 4 members: {text}")]


def test_of_members_that_are_fine_the_first_is_told():
    found = findings_of_members([{**FINE, "n_hidden_units": 0}] * 3)
    assert all(finding.is_fine for finding in found)
    assert found[0].text == (
        "All 3 members, the first for example: Training improved on PCA by 25% of its "
        "error on held-out rows, from 0.4 to 0.3."
    )
    assert len(found) == 4  # without hidden units there is nothing to say of them
