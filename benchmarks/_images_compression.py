"""Bytes per image against PSNR: ours, PCA through the same coder, JPEG and WebP."""

import importlib.metadata
import importlib.util
import io
from typing import NamedTuple

import _report
import numpy as np
from _images_data import NO_FACES, NO_MNIST, as_rows, load_faces, load_mnist
from _images_reconstruction import N_TRAIN
from _timing import seconds_of
from _variants import Part, fit, judge, note, section
from _variants_denoising import psnr
from sklearn.decomposition import PCA
from sklearn.model_selection import train_test_split

from sklearn_ae import ConvolutionalAutoencoder
from sklearn_ae._byte_format import Header, pack
from sklearn_ae._codec import CodeModel, encode_symbols

NO_CODER = "Left out: constriction and Pillow are not both installed."

# Of MNIST: four fits to all images would take most of an hour.
N_IMAGES = 20_000

# Faces vary in many ways: with few components, more bytes buy nothing.
OUR_SIZES = {
    "MNIST": (8, 16, 32, 64),
    "Olivetti": (16, 24, 32, 48, 64, 96, 128, 192, 256),
}
PCA_SIZES = (4, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256)
BITS = tuple(range(2, 10))
JPEG_QUALITIES = (1, 3, 5, 8, 12, *range(15, 96, 5), 98)
WEBP_QUALITIES = (0, 2, 5, *range(10, 101, 10))

QUICK_SIZES, QUICK_BITS, QUICK_QUALITIES = (8,), (4, 6), (5, 50)

# Bytes per image at which ours is compared.
PLACES = (16, 32, 64)

OURS, PRINCIPAL = "ours", "PCA"


class Point(NamedTuple):
    """How many bytes an image takes at some setting, and the PSNR."""

    setting: str
    size: float
    quality: float


class Curve:
    """The points of a model that none of its others beats in both, in order.

    Between two of them lies a straight line.
    """

    def __init__(self, points):
        self.points = []
        for point in sorted(points, key=lambda one: (one.size, -one.quality)):
            if not self.points or point.quality > self.points[-1].quality:
                self.points.append(point)
        self.sizes = [point.size for point in self.points]
        self.qualities = [point.quality for point in self.points]

    def quality_at(self, size):
        """Return the PSNR at a size; nothing fits into less than the least size."""
        return float(np.interp(size, self.sizes, self.qualities, left=-np.inf))

    def size_at(self, quality):
        """Return the bytes that a PSNR takes: the least size if it is below all."""
        return float(np.interp(quality, self.qualities, self.sizes, right=np.inf))


def run(options):
    """Compare on both sets of images."""
    if not is_installed("constriction", "PIL"):
        return Part([], [NO_CODER])
    bounds, lines, sections = [], [], []
    for name, (train, test) in _sets(options).items():
        note(f"{name}: {len(train)} training and {len(test)} test images")
        curves = {
            OURS: Curve(_our_points(name, train, test, options)),
            PRINCIPAL: Curve(_pca_points(train, test, options)),
            **_image_formats(test, options),
        }
        lines += _compare(name, curves, bounds)
        sections.append(_curves_section(name, curves))
    if not lines:
        return Part([], [NO_MNIST, NO_FACES])
    header = ("data", "bytes", "ours, dB", *list(curves)[1:])
    sections.insert(0, section("Bytes for the same PSNR", _text(), header, lines))
    return Part(bounds, sections)


def is_installed(*modules):
    """Whether all modules can be imported."""
    return all(importlib.util.find_spec(module) is not None for module in modules)


def _sets(options):
    """Return training and test images by name, of the sets that there are."""
    sets = {"MNIST": load_mnist(options, N_IMAGES)}
    faces = load_faces(options)
    if faces is not None:
        sets["Olivetti"] = train_test_split(faces, train_size=N_TRAIN, random_state=0)
    return {name: images for name, images in sets.items() if images is not None}


def _compare(name, curves, bounds):
    """Return the lines of a set of images, and judge the rivals."""
    lines, ratios = [], {rival: [] for rival in curves if rival != OURS}
    for size in PLACES:
        quality = curves[OURS].quality_at(size)
        cells = []
        for rival, of_rival in ratios.items():
            needed = curves[rival].size_at(quality)
            of_rival.append(needed / size if np.isfinite(quality) else np.nan)
            is_least = quality < curves[rival].qualities[0]
            cells.append(_shown(needed) + (" (its least)" if is_least else ""))
        lines.append((name, size, f"{quality:.2f}", *cells))
        note(*lines[-1])
    for rival, of_rival in ratios.items():
        if not rival.endswith(WITH_HEADER):
            claim = f"{name}: bytes of {rival} over ours, least"
            judge(bounds, _report.at_least(claim, np.min(of_rival), 1))
    return lines


def _shown(size):
    return f"{size:.1f}" if np.isfinite(size) else "out of reach"


# -- codes, by one quantiser and coder


def _our_points(name, train, test, options):
    points = []
    for k in QUICK_SIZES if options.quick else OUR_SIZES[name]:
        model = ConvolutionalAutoencoder(k, random_state=0)
        seconds, _ = seconds_of(lambda m=model: fit(m, train, options))
        note(f"{name}: ours of k = {k}, {seconds:.0f} s")
        for bits in QUICK_BITS if options.quick else BITS:
            data = model.compress(test, bits=bits)
            images = model.decompress(data)
            points.append(_point(k, bits, data, images, test))
    return points


def _pca_points(train, test, options):
    train, test = as_rows(train), as_rows(test)
    most = min(len(train), train.shape[1])
    sizes = QUICK_SIZES if options.quick else [k for k in PCA_SIZES if k <= most]
    pca = PCA(max(sizes), svd_solver="full").fit(train)
    codes, of_test = pca.transform(train), pca.transform(test)
    points = []
    for k in sizes:
        model = CodeModel.of(codes[:, :k])
        for bits in QUICK_BITS if options.quick else BITS:
            symbols = model.quantize(of_test[:, :k], bits)
            data = pack(_header(bits, test, k), encode_symbols(symbols, model, bits))
            rounded = model.dequantize(symbols, bits)
            images = rounded @ pca.components_[:k] + pca.mean_
            points.append(_point(k, bits, data, images, test))
    return points


def _header(bits, rows, k):
    """Return a header as long as ours."""
    shape = (len(rows), k, (rows.shape[1],))
    return Header(bits, "float32", 2, "float32", bytes(8), *shape)


def _point(k, bits, data, images, test):
    quality = psnr(np.clip(images, 0, 1), test)
    return Point(f"k = {k}, {bits} bits", len(data) / len(test), quality)


# -- formats for images

WITH_HEADER = ", whole file"


def _image_formats(test, options):
    """Return the curves of JPEG and WebP, without and with their headers."""
    quick = QUICK_QUALITIES if options.quick else None
    pixels = np.rint(255 * test).astype(np.uint8)
    formats = (
        ("JPEG", jpeg, jpeg_scan, quick or JPEG_QUALITIES),
        ("WebP", webp, webp_chunk, quick or WEBP_QUALITIES),
    )
    curves = {}
    for name, encode, payload_of, qualities in formats:
        bare, whole = [], []
        for quality in qualities:
            files = [encode(image, quality) for image in pixels]
            decoded = np.stack([_decoded(file) for file in files])
            value = psnr(decoded.astype(np.float32) / 255, test)
            payloads = np.mean([len(payload_of(file)) for file in files])
            size = np.mean([len(file) for file in files])
            bare.append(Point(f"quality {quality}", payloads, value))
            whole.append(Point(f"quality {quality}", size, value))
        note(f"{name}: done")
        curves[name], curves[name + WITH_HEADER] = Curve(bare), Curve(whole)
    return curves


def jpeg(image, quality):
    """Return a grey image as JPEG, with Huffman tables of its own."""
    return _saved(image, format="JPEG", quality=quality, optimize=True)


def webp(image, quality):
    """Return a grey image as lossy WebP, encoded as slowly and well as it can."""
    return _saved(image, format="WEBP", quality=quality, method=6)


def _saved(image, **parameters):
    from PIL import Image

    stream = io.BytesIO()
    Image.fromarray(image).save(stream, **parameters)
    return stream.getvalue()


def _decoded(file):
    from PIL import Image

    with Image.open(io.BytesIO(file)) as image:
        return np.asarray(image.convert("L"))


def jpeg_scan(file):
    """Return the entropy-coded data between the start of the scan and the end."""
    # A marker and its length, segment by segment; the scan's is the last before data.
    start = 2
    while True:
        marker, length = file[start + 1], int.from_bytes(file[start + 2 : start + 4])
        start += 2 + length
        if marker == 0xDA:
            return file[start:-2]


def webp_chunk(file):
    """Return the payload of the chunk that holds the image."""
    start = 12
    while file[start : start + 4] != b"VP8 ":
        start += 8 + _padded(_chunk_size(file, start))
    return file[start + 8 : start + 8 + _chunk_size(file, start)]


def _chunk_size(file, start):
    return int.from_bytes(file[start + 4 : start + 8], "little")


def _padded(size):
    return size + size % 2


# -- text


def _text():
    return (
        "How many bytes per image each rival needs for the PSNR that ours has at "
        f"{', '.join(map(str, PLACES))} bytes. PSNR in dB over all pixels of all test "
        "images, clipped to [0, 1]. Ours is `ConvolutionalAutoencoder` of several k, "
        "with its defaults else, by `compress` and `decompress` of all test images in "
        "one file, whose header counts; PCA goes through the same quantiser, coder and "
        "file. Neither counts its model. Both are fitted to at most "
        f"{N_IMAGES} training images of MNIST and {N_TRAIN} of Olivetti. JPEG "
        "(optimised tables) and WebP (lossy, method 6) make one file of each image: "
        "without header JPEG is the data from the start of the scan to the end marker, "
        "without its tables, and WebP the payload of its VP8 chunk. Of each the points "
        "count that none of its others beats in both, with straight lines between. "
        'Where a rival cannot get as low as the PSNR, "its least" number of bytes is '
        "what it needs; beyond our largest file ours stays at its PSNR. "
        f"Pillow {importlib.metadata.version('pillow')}."
    )


def _curves_section(name, curves):
    rows = [
        (model, point.setting, f"{point.size:.1f}", f"{point.quality:.2f}")
        for model, curve in curves.items()
        for point in curve.points
    ]
    header = ("model", "setting", "bytes per image", "PSNR")
    text = "The points of each model that none of its others beats in both."
    return section(f"Points: {name}", text, header, rows)
