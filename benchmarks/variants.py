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

import _data
import _parts
import _variants_denoising
import _variants_search
import _variants_sparse
import _variants_variational
import torch
from _report import say
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
    parser = _parts.make_parser(__doc__, PARTS)
    add = parser.add_argument
    add("--tables", nargs="+", metavar="NAME", help="these tables instead of six")
    add("--images", type=int, help="training images of MNIST at most")
    options = _parts.parse(parser, PARTS)
    if not options.data.is_dir():
        say("There is no directory of data: scikit-learn's own sets only.")
    unusual = options.quick or options.tables or options.images
    is_usual = not unusual and options.data == _data.DEFAULT_DATA
    torch.set_num_threads(1)
    with threadpool_limits(1):
        _parts.run_parts("variants", PARTS, options, is_usual=is_usual)


if __name__ == "__main__":
    main()
