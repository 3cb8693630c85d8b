import numpy as np
import pytest


@pytest.fixture
def matched_accuracy():
    from _clustering_parts import matched_accuracy

    return matched_accuracy


def test_names_of_clusters_do_not_count(matched_accuracy):
    assert matched_accuracy(np.array([0, 0, 1, 2]), np.array([2, 2, 0, 1])) == 1


def test_each_class_has_one_cluster(matched_accuracy):
    y = np.array([0, 0, 0, 0, 1, 1])
    assert matched_accuracy(y, np.array([0, 0, 1, 1, 2, 2])) == 4 / 6
    assert matched_accuracy(y, np.zeros(6, dtype=int)) == 4 / 6
