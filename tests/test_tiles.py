import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from sklearn_ae._tiles import (
    count_places,
    coverage,
    draw_tiles,
    map_tiles,
    starts,
    window,
)


def generator(seed=0):
    return np.random.Generator(np.random.PCG64(seed))


def numbered(*shapes, n_channels=1):
    """Images in which every pixel has a value of its own."""
    images, first = [], 0
    for height, width in shapes:
        n = height * width * n_channels
        images.append(np.arange(first, first + n).reshape(height, width, n_channels))
        first += n
    return images


# -- drawing


def test_all_places_are_drawn_where_there_are_no_more():
    images = numbered((4, 5), (3, 3))
    tiles = draw_tiles(images, (3, 2), 1000, generator())
    expected = [
        image[y : y + 3, x : x + 2]
        for image in images
        for y in range(image.shape[0] - 2)
        for x in range(image.shape[1] - 1)
    ]
    assert_array_equal(tiles, expected)


def test_no_place_is_drawn_twice():
    images = numbered((9, 7), (5, 12), (4, 4), n_channels=3)
    tiles = draw_tiles(images, (4, 4), 30, generator())
    assert tiles.shape == (30, 4, 4, 3)
    corners = tiles[:, 0, 0, 0]
    assert len(set(corners)) == 30
    for tile in tiles:
        (image,) = (image for image in images if tile[0, 0, 0] in image)
        y, x, _ = np.argwhere(image == tile[0, 0, 0])[0]
        assert_array_equal(tile, image[y : y + 4, x : x + 4])


def test_every_place_is_as_likely_as_any_other():
    images = numbered((6, 6), (4, 12))
    rng = generator()
    corners = [
        tile[0, 0, 0]
        for _ in range(4000)
        for tile in draw_tiles(images, (4, 4), 3, rng)
    ]
    _, counts = np.unique(corners, return_counts=True)
    # 9 places in each of the images; each is expected 667 times, and spreads by 24.
    assert len(counts) == 18
    assert_allclose(counts, 12000 / 18, atol=5 * 24)


def test_a_generator_decides_which_tiles_are_drawn():
    images = numbered((20, 20))
    one, same = (draw_tiles(images, (3, 3), 10, generator(1)) for _ in range(2))
    assert_array_equal(one, same)
    assert (draw_tiles(images, (3, 3), 10, generator(2)) != one).any()


@pytest.mark.parametrize(
    ("dtypes", "expected"),
    [
        ((np.uint8, np.uint8), np.uint8),
        ((np.uint8, np.float32), np.float32),
        ((np.int64, np.float32), np.float64),
    ],
)
def test_tiles_have_a_dtype_that_holds_all_images(dtypes, expected):
    images = [np.ones((3, 3, 1), dtype=dtype) for dtype in dtypes]
    assert draw_tiles(images, (3, 3), 9, generator()).dtype == expected


def test_an_image_as_large_as_a_tile_has_one_place():
    assert count_places((3, 4), (3, 4)) == 1
    assert count_places((5, 4), (3, 4)) == 3


# -- laying out and blending


@pytest.mark.parametrize(
    ("tile", "step"), [(2, 1), (2, 2), (4, 1), (4, 3), (5, 1), (5, 4), (5, 5)]
)
@pytest.mark.parametrize("side", [5, 6, 17])
def test_tiles_cover_a_side_and_end_with_it(side, tile, step):
    places = starts(side, tile, step)
    assert places[0] == 0
    assert places[-1] == side - tile
    steps = np.diff(places)
    assert ((steps > 0) & (steps <= step)).all()
    assert (coverage(side, tile, step) > 0).all()


def test_one_tile_covers_a_side_as_long():
    assert starts(4, 4, 1) == [0]


@pytest.mark.parametrize("side", [2, 3, 8, 64, 500])
def test_the_middle_of_a_tile_weighs_more_than_its_rim(side):
    weight = window(side)
    assert (weight > 0).all()
    assert (weight <= 1).all()
    assert_allclose(weight, weight[::-1])
    assert (np.diff(weight[: (side + 1) // 2]) > 0).all()


def mapped(function, images, tile, steps, block_size=7, dtype=np.float64):
    out = [np.zeros(image.shape, dtype=dtype) for image in images]
    map_tiles(function, images, out, tile, steps, block_size)
    return out


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("steps", [(1, 1), (2, 1), (1, 2)])
@pytest.mark.parametrize("tile", [(2, 2), (4, 4), (3, 5)])
def test_tiles_left_alone_are_the_image(tile, steps, dtype):
    shapes = [(33, 17), (9, 7), (5, 5), tile]
    images = numbered(*(np.maximum(shape, tile) for shape in shapes), n_channels=3)
    for image, out in zip(
        images, mapped(lambda x: x, images, tile, steps, dtype=dtype), strict=True
    ):
        assert out.dtype == dtype
        assert_allclose(out, image, rtol=1e-6 if dtype == np.float32 else 1e-12)


def test_images_of_one_pixel_s_width_more_than_a_tile():
    (image,) = images = numbered((2, 3))
    assert_allclose(mapped(lambda x: x, images, (2, 2), (1, 1))[0], image, atol=1e-12)


def test_blocks_are_bounded_and_do_not_matter():
    images, sizes = numbered((9, 7), (4, 6)), []

    def rough(tiles):
        sizes.append(len(tiles))
        return np.square(tiles - tiles.mean(axis=(1, 2), keepdims=True))

    few = mapped(rough, images, (4, 4), (1, 1), block_size=5)
    assert sizes == [5, 5, 5, 5, 5, 2]
    many = mapped(rough, images, (4, 4), (1, 1), block_size=1000)
    for one, other in zip(few, many, strict=True):
        assert_array_equal(one, other)


def test_blends_lie_between_the_tiles():
    images, rng = [np.zeros((13, 11, 2))], generator()
    (out,) = mapped(lambda x: rng.uniform(-1, 1, x.shape), images, (4, 4), (2, 2))
    assert np.abs(out).max() < 1
    assert out.std() > 0.1


def test_what_happens_at_the_rim_of_tiles_hardly_shows():
    def spoil_rim(tiles):
        spoilt = np.ones(tiles.shape)
        spoilt[:, 1:-1, 1:-1] = 0
        return spoilt

    (out,) = mapped(spoil_rim, [np.zeros((40, 40, 1))], (8, 8), (2, 2))
    plain = 1 - (6 / 8) ** 2
    assert out[8:-8, 8:-8].max() < 0.4 * plain
    # A corner is seen by one tile only, at its rim.
    assert out[0, 0, 0] == pytest.approx(1)


def test_views_are_written_to():
    whole = np.zeros((2, 5, 6))
    image = np.arange(30.0).reshape(5, 6, 1)
    out = [part[..., None] for part in whole]
    map_tiles(lambda x: x, [image, image + 1], out, (3, 3), (1, 1), 100)
    assert_allclose(whole, [image[..., 0], image[..., 0] + 1])
