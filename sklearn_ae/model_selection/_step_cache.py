"""Memory of pipelines while a search runs: no step is fitted twice to the same."""

import copy
import inspect

from .._fit_bank import key_of


class StepCache:
    """What a pipeline takes as its ``memory``: results of calls, by their arguments.

    Copies are the cache itself, so that all clones of a pipeline share it. Results are
    given away as copies, for the next step may work in place. What cannot be pickled,
    such as a lambda, has no key, and is called each time.
    """

    def __init__(self):
        self._results = {}

    def __deepcopy__(self, memo):
        return self

    def __reduce__(self):
        return StepCache, ()  # other processes have steps of their own

    def clear(self):
        """Forget all results."""
        self._results.clear()

    def cache(self, function, ignore=()):
        """Return the function, which is called once for the same arguments.

        Parameters
        ----------
        function : callable
        ignore : sequence of str
            Names of arguments that make no difference.
        """
        signature = inspect.signature(function)

        def cached(*args, **kwargs):
            given = signature.bind(*args, **kwargs)
            given.apply_defaults()
            given = given.arguments
            given = {name: given[name] for name in given if name not in ignore}
            key = key_of(function.__qualname__, given)
            if key is None:
                return function(*args, **kwargs)
            if key not in self._results:
                self._results[key] = function(*args, **kwargs)
            return copy.deepcopy(self._results[key])

        return cached
