"""What the variants of the autoencoder keep of what they promise.

Each part measures the claims about one variant beside the models that it should beat:

* denoising-mnist: dB on noisy images, against PCA and ``Autoencoder``;
* denoising-tables: error on rows with swapped cells, against PCA, KernelPCA and
  ``Autoencoder``;
* denoising-rates: the training rate that is chosen, against a sweep;
* sparse-mnist, sparse-tables: variance kept at equal numbers of active units, dead
  units, the activation that is aimed at, and features told from noise;
* variational: log-likelihood of held-out rows against PCA, samples against rows;
* search: GridSearchCV over what makes each variant.

    python benchmarks/variants.py
    python benchmarks/variants.py --only denoising search

Every part writes its own ``results/variants_<part>.md``. A missed bound makes the exit
status 1. No parameter is chosen by looking at test rows, except in favour of PCA where
a table says so.
"""

import argparse
from pathlib import Path

import _data
import _report
import _variants_denoising
import _variants_search
import _variants_sparse
import _variants_variational
import torch
from _report import say
from _variants import note
from threadpoolctl import threadpool_limits

PARTS = {
    "denoising-mnist": ("Denoising of images", _variants_denoising.run_images),
    "denoising-tables": ("Denoising of tables", _variants_denoising.run_tables),
    "denoising-rates": ("The rate of corruption", _variants_denoising.run_rates),
    "sparse-mnist": ("Sparse codes of images", _variants_sparse.run_images),
    "sparse-tables": ("Sparse codes of tables", _variants_sparse.run_tables),
    "variational": ("Variational: densities and samples", _variants_variational.run),
    "search": ("Searches over the variants", _variants_search.run),
}


def main():
    """Run what the command line asks for."""
    options = parse_options()
    torch.set_num_threads(1)
    if not options.data.is_dir():
        say("There is no directory of data: scikit-learn's own sets only.")
    bounds = []
    for name, (title, run) in PARTS.items():
        if not any(name.startswith(wanted) for wanted in options.only):
            continue
        note(f"{name}: {title}")
        with threadpool_limits(1):
            part = run(options)
        bounds += part.bounds
        sections = [_report.bounds_table(part.bounds), *part.sections]
        say("\n" + "\n\n".join(sections))
        if part.bounds and should_save(options):
            command = f"python benchmarks/variants.py --only {name}"
            _report.write(
                f"variants_{name.replace('-', '_')}", title, command, sections
            )
    _report.finish(bounds)


def should_save(options):
    """Whether to write the report: as asked, else if data and sizes are the usual."""
    if options.save is not None:
        return options.save
    unusual = options.quick or options.tables or options.images
    return not unusual and options.data == _data.DEFAULT_DATA


def parse_options():
    """Return the options; ``only`` is a list of beginnings of parts' names."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    add = parser.add_argument
    add("--data", type=Path, default=_data.DEFAULT_DATA, help="directory of the data")
    add(
        "--only",
        nargs="+",
        metavar="PART",
        default=list(PARTS),
        help=f"these parts, or parts that begin so: {', '.join(PARTS)}",
    )
    add("--tables", nargs="+", metavar="NAME", help="these tables instead of six")
    add("--images", type=int, help="training images of MNIST at most")
    add("--quick", action="store_true", help="tiny sizes, to try the code")
    add(
        "--save",
        action=argparse.BooleanOptionalAction,
        help="write the tables to benchmarks/results/; without this option a trial of "
        "other data or sizes writes nothing",
    )
    options = parser.parse_args()
    options.only = [name for names in options.only for name in names.split(",") if name]
    for wanted in options.only:
        if not any(name.startswith(wanted) for name in PARTS):
            parser.error(f"--only: {wanted!r} begins none of {list(PARTS)}")
    return options


if __name__ == "__main__":
    main()
