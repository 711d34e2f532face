"""The share of a value's variance over the space that each choice explains (fANOVA).

Functional analysis of variance, Hutter et al. 2014: a forest is fitted to networks, and what it
says is averaged over the whole space exactly, leaf by leaf, so that what a search looked at most
counts no more than the rest.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
TREES, DEPTH = 32, 16  # of the forest: more say the same


def shares(codes: Ints, sizes: Sequence[int], values: Floats) -> Floats:
    """Shares of variance that single choices explain.

    Args:
        codes: (n, choices), of each network the position of its option.
        sizes: How many options each choice has.
        values: (n,) what is explained.

    Returns:
        (choices,), of sum 1; all 0 where nothing is explained.
    """
    from sklearn.ensemble import RandomForestRegressor

    forest = RandomForestRegressor(
        TREES, max_depth=DEPTH, min_samples_split=2, random_state=0, n_jobs=1
    )
    forest.fit(codes, values)
    counts = np.array(sizes)
    found = np.mean([_of_tree(one.tree_, counts) for one in forest.estimators_], axis=0)
    return np.asarray(found / total if (total := found.sum()) > 0 else found)


def _of_tree(tree: Any, sizes: Ints) -> Floats:
    """(choices,) shares of the tree's own variance over the space."""
    low, high = _boxes(tree, sizes)
    leaf = tree.children_left < 0
    low, high, value = low[leaf], high[leaf], tree.value[leaf, 0, 0]
    parts = (high - low) / sizes  # of each choice's options
    volume = parts.prod(1)
    mean = (volume * value).sum()
    variance = (volume * (value - mean) ** 2).sum()
    if not variance > 0:
        return np.zeros(len(sizes))
    # Of each choice and option the mean over all else: leaves add to the options from low to high.
    weight = (volume * (value - mean))[:, None] / parts
    starts = np.cumsum(sizes + 1) - sizes - 1
    whole = int((sizes + 1).sum())
    steps = np.bincount((starts + low).ravel(), weight.ravel(), whole)
    steps -= np.bincount((starts + high).ravel(), weight.ravel(), whole)
    squares = np.add.reduceat(np.cumsum(steps) ** 2, starts)  # each choice's steps sum to 0
    return np.asarray(squares / sizes / variance)


def _boxes(tree: Any, sizes: Ints) -> tuple[Ints, Ints]:
    """The first option of each choice that reaches a node, and the one after the last."""
    nodes = tree.node_count
    low, high = np.zeros((nodes, len(sizes)), np.int64), np.tile(sizes, (nodes, 1))
    level = np.array([0])
    while len(level := level[tree.children_left[level] >= 0]):
        feature, middle = tree.feature[level], np.floor(tree.threshold[level]).astype(np.int64) + 1
        for children, ends in ((tree.children_left, high), (tree.children_right, low)):
            of = children[level]
            low[of], high[of] = low[level], high[level]
            ends[of, feature] = middle
        level = np.concatenate([tree.children_left[level], tree.children_right[level]])
    return low, high
