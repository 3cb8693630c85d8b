"""Clusters of digits: what codes and their neighbours make of k-means.

Each part measures one claim:

* digits: scikit-learn's 1797 digits;
* mnist: all 70,000 images of MNIST;
* count: the number of clusters that ``n_clusters="auto"`` comes to.

Labels serve to judge, and nothing is chosen by them. The accuracy is the share of the
rows whose cluster is matched with their class, in the best matching of one to one; NMI
is the normalised mutual information.

    python benchmarks/clustering.py
    python benchmarks/clustering.py --only digits

Every part writes its own ``results/clustering_<part>.md``. A missed bound makes the
exit status 1.
"""

import _clustering_parts
import _data
import _parts

PARTS = {
    "digits": ("Clusters of small digits", _clustering_parts.run_digits),
    "mnist": ("Clusters of MNIST", _clustering_parts.run_mnist),
    "count": ("The number of clusters", _clustering_parts.run_count),
}


def main():
    """Run what the command line asks for."""
    parser = _parts.make_parser(__doc__, PARTS)
    parser.add_argument("--seeds", type=int, default=5, help="fits of each method")
    options = _parts.parse(parser, PARTS)
    unusual = options.quick or options.seeds != 5 or options.data != _data.DEFAULT_DATA
    _parts.run_parts("clustering", PARTS, options, is_usual=not unusual)


if __name__ == "__main__":
    main()
