"""All or nothing: a fit that fails leaves the estimator as it was."""

import functools


def all_or_nothing(method):
    """Undo what a failed or interrupted ``method`` did to the estimator's attributes.

    A user who presses Ctrl-C, or whose training diverges, keeps the model of the
    fit before, and an estimator that was never fitted still says so.
    """

    @functools.wraps(method)
    def guarded(estimator, *args, **kwargs):
        before = dict(vars(estimator))
        try:
            return method(estimator, *args, **kwargs)
        except BaseException:
            vars(estimator).clear()
            vars(estimator).update(before)
            raise

    return guarded
