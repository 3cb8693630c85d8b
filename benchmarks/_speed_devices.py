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
        gap = distance(getattr(model, name), getattr(twin, name), held_out)
        yield _report.at_most(claim, float(gap.max()), AGREEMENT)


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

    Training amplifies rounding step by step, so weights can only be compared early. How
    far float32 itself is from float64 on the CPU is said beside it.
    """
    early = {"max_epochs": 1, "early_stopping": False, "random_state": 0}
    make = partial(Autoencoder, N_COMPONENTS, precision="float32", **early)
    cpu = fit(partial(make, device="cpu"), rows)
    exact = fit(partial(make, device="cpu", precision="float64"), rows)
    there = fit(partial(make, device=device), rows)
    gaps = {
        "the CPU in float64": distance(exact.reconstruct, cpu.reconstruct, held_out),
        device: distance(there.reconstruct, cpu.reconstruct, held_out),
    }
    for name, gap in gaps.items():
        figures = f"at most {gap.max():.2g}, RMS {np.sqrt(np.square(gap).mean()):.2g}"
        note(f"after one epoch, from the CPU in float32 to {name}: {figures}")
    most = float(gaps[device].max())
    return _report.at_most("reconstruct, after one epoch", most, AGREEMENT)


def distance(method, other, X):
    """Return the differences, in standard deviations of the other's results."""
    cpu = other(X)
    return np.abs(method(X) - cpu) / cpu.std()
