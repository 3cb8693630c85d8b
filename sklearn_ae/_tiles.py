"""Tiles of images: drawn at random, or laid over whole images and blended again.

Images are arrays of shape ``(height, width, channels)``, of any sizes side by side;
tiles have one shape ``(height, width)`` and all channels.
"""

from itertools import islice, product

import numpy as np


def draw_tiles(images, tile, n_tiles, rng):
    """Return tiles from random places, each place of all images as likely as any other.

    No place is drawn twice: where there are fewer than asked for, all are returned.

    Parameters
    ----------
    images : list of ndarray of shape (height, width, channels)
        No side smaller than the tile's.
    tile : tuple (height, width)
    n_tiles : int
    rng : numpy.random.Generator

    Returns
    -------
    tiles : ndarray of shape (n, height, width, channels)
        In the order of the images, in a dtype that holds all of theirs.
    """
    counts = np.array([count_places(image.shape, tile) for image in images])
    ends = np.cumsum(counts)
    n_tiles = min(n_tiles, int(ends[-1]))
    places = np.sort(rng.choice(ends[-1], size=n_tiles, replace=False, shuffle=False))
    owners = np.searchsorted(ends, places, side="right")
    places -= (ends - counts)[owners]
    dtype = np.result_type(*{image.dtype for image in images})
    tiles = np.empty((n_tiles, *tile, images[0].shape[2]), dtype=dtype)
    for row, (owner, place) in enumerate(zip(owners, places, strict=True)):
        y, x = divmod(place, images[owner].shape[1] - tile[1] + 1)
        tiles[row] = cut(images[owner], y, x, tile)
    return tiles


def count_places(shape, tile):
    """Return the number of places that a tile has in an image."""
    return (shape[0] - tile[0] + 1) * (shape[1] - tile[1] + 1)


def cut(image, y, x, tile):
    """Return the tile whose first pixel is (y, x), as a view."""
    return image[y : y + tile[0], x : x + tile[1]]


def starts(side, tile, step):
    """Return where tiles begin along a side: at each step, the last one at its end."""
    return [*range(0, side - tile, step), side - tile]


def window(side):
    """Return the weights of a tile's pixels along a side: a bell, nowhere zero.

    What a network makes of the rim of a tile it makes without the pixels beyond.
    """
    return np.sin(np.pi * (np.arange(side) + 0.5) / side) ** 2


def coverage(side, tile, step):
    """Return the sum of the windows over each pixel of a side."""
    total = np.zeros(side)
    for start in starts(side, tile, step):
        total[start : start + tile] += window(tile)
    return total


def map_tiles(function, images, out, tile, steps, block_size):
    """Fill ``out`` with a function of overlapping tiles, blended by their windows.

    Parameters
    ----------
    function : callable
        Takes tiles of shape (n, height, width, channels), at most ``block_size`` of
        them, and returns as many of this shape.
    images : list of ndarray of shape (height, width, channels)
        No side smaller than the tile's.
    out : list of float ndarray
        Of the shapes of the images, all zero; they are written to.
    tile, steps : tuple (height, width)
        Of a tile, and from one to the next.
    block_size : int
    """
    weight = np.outer(window(tile[0]), window(tile[1]))[..., None]
    places = (
        (i, y, x)
        for i, image in enumerate(images)
        for y, x in product(*map(starts, image.shape[:2], tile, steps))
    )
    while block := list(islice(places, block_size)):
        tiles = function(np.stack([cut(images[i], y, x, tile) for i, y, x in block]))
        for (i, y, x), values in zip(block, tiles, strict=True):
            part = cut(out[i], y, x, tile)
            np.add(part, values * weight, out=part, casting="same_kind")
    for image in out:
        down, across = map(coverage, image.shape[:2], tile, steps)
        np.divide(
            image, np.outer(down, across)[..., None], out=image, casting="same_kind"
        )
