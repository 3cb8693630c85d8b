"""Stacks that are fitted side by side, in processes or threads."""

import pickle

import numpy as np
from joblib import effective_n_jobs
from sklearn.utils.parallel import Parallel, delayed

from .training import is_memory_mapped


def run_stacks(fit_stack, stacks, n_jobs):
    """Fit the members of stacks; return outcomes and estimators of each stack.

    In processes these are copies of those given. Threads would wait for each other:
    what is saved is dispatch, and dispatch is Python. They are for a GPU, and for what
    cannot be pickled.

    Parameters
    ----------
    fit_stack : callable
        ``fit_stack(members)`` returns pairs of an outcome and an estimator.
    stacks : sequence of sequences
        Of members, each a task and its opened fit or the error that it is.
    n_jobs : int or None

    Returns
    -------
    results : list of lists of pairs
    """
    n_jobs = min(effective_n_jobs(n_jobs), max(1, len(stacks)))
    if n_jobs == 1:
        return [fit_stack(members) for members in stacks]
    if not any(is_on_gpu(fit) for members in stacks for _, fit in members):
        calls = (
            delayed(_fit_elsewhere)(
                fit_stack, members, [_is_mapped(fit) for _, fit in members]
            )
            for members in stacks
        )
        try:  # with other arguments, joblib would start new processes
            return Parallel(n_jobs=n_jobs)(calls)
        except pickle.PicklingError:
            pass  # nothing has come back yet, and nothing here has changed
    parallel = Parallel(n_jobs=n_jobs, require="sharedmem")
    return parallel(delayed(fit_stack)(members) for members in stacks)


def is_on_gpu(opened):
    """Whether a fit that has been opened will train on a GPU."""
    failed = isinstance(opened, Exception)
    return not failed and opened.recipe.settings.device.type != "cpu"


def _fit_elsewhere(fit_stack, members, were_mapped):
    """Fit the members of a stack; errors that cannot be sent are told of."""
    return [
        (outcome._replace(error=_portable(outcome.error)), estimator)
        for outcome, estimator in fit_stack(_in_memory(members, were_mapped))
    ]


def _in_memory(members, were_mapped):
    """Return members whose rows are in memory if they were before they came here.

    Large ones come in a file, from which training would read them batch by batch.
    """
    loaded, result = {}, []
    for (task, fit), was_mapped in zip(members, were_mapped, strict=True):
        if _is_mapped(fit) and not was_mapped:
            if id(fit.rows) not in loaded:
                loaded[id(fit.rows)] = np.array(fit.rows)
            fit = fit._replace(rows=loaded[id(fit.rows)])
        result.append((task, fit))
    return result


def _is_mapped(opened):
    return not isinstance(opened, Exception) and is_memory_mapped(opened.rows)


def _portable(error):
    """Return an error, or another one that says the same and can be pickled."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:  # whatever its class does when it is made anew
        return RuntimeError(repr(error))
    return error
