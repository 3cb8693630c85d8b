"""Whether a device gives the results of the CPU, in float32."""

import copy
from functools import partial

import _data
import _report
import numpy as np
from _speed_fits import N_COMPONENTS, N_FEATURES, N_ROWS, QUICK_ROWS, fit
from _variants import Part, judge, note

from sklearn_ae import Autoencoder

AGREEMENT = 1e-3


def run(options):
    """Bound how far results in float32 are from the CPU's."""
    if options.device == "cpu":
        note("There is nothing to compare the CPU with; --device cuda names a GPU.")
        return Part([], [])
    n_rows = QUICK_ROWS if options.quick else N_ROWS
    rows, held_out = np.split(_data.make_table(n_rows, N_FEATURES), 2)
    bounds = []
    for bound in (
        *one_model(options.device, rows, held_out),
        two_fits(options.device, rows, held_out),
        one_epoch(options.device, rows, held_out),
    ):
        judge(bounds, bound)
    return Part(bounds, [])


def one_model(device, rows, held_out):
    """Yield the bounds on what one model gives on both devices."""
    model = Autoencoder(N_COMPONENTS, device=device, random_state=0).fit(rows)
    twin = copy.deepcopy(model)
    twin.net_.module_.to("cpu")
    for name in ("transform", "reconstruct", "score_samples"):
        claim = f"{name}, one model on both devices"
        yield _bound(claim, getattr(model, name), getattr(twin, name), held_out)


def two_fits(device, rows, held_out):
    """Return the bound on the R² of a whole fit on each device."""
    one, other = (
        Autoencoder(N_COMPONENTS, device=where, random_state=0).fit(rows)
        for where in (device, "cpu")
    )
    gap = abs(one.score(held_out) - other.score(held_out))
    return _report.at_most("held-out R² of two fits", gap, AGREEMENT)


def one_epoch(device, rows, held_out):
    """Return the bound on reconstructions after one epoch on each device.

    Training amplifies rounding step by step, so weights can only be compared early.
    """
    early = {"max_epochs": 1, "early_stopping": False, "random_state": 0}
    one, other = (
        fit(partial(Autoencoder, N_COMPONENTS, device=where, **early), rows)
        for where in (device, "cpu")
    )
    claim = "reconstruct, after one epoch"
    return _bound(claim, one.reconstruct, other.reconstruct, held_out)


def _bound(claim, method, other, X):
    """Bound the largest difference, in standard deviations of the results."""
    cpu = other(X)
    gap = float(np.abs(method(X) - cpu).max() / cpu.std())
    return _report.at_most(claim, gap, AGREEMENT)
