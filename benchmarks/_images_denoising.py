"""Noisy digits: the denoiser with a convolutional network beside the dense one."""

import _report
import numpy as np
from _images_data import NO_MNIST, SIDE, load_mnist
from _timing import seconds_of
from _variants import Part, fit, judge, note, section
from _variants_denoising import NOISE, TEST_SEED, add_noise, gaussian_denoiser, psnr

from sklearn_ae import ConvolutionalNetwork, DenoisingAutoencoder

GAIN_DB = 1.0

HEADER = ("network", "k", "PSNR", "clipped", "fit s")


def run(options):
    """Compare both networks on the same noisy test images."""
    images = load_mnist(options)
    if images is None:
        return Part([], [NO_MNIST])
    train, test = (part.reshape(len(part), -1) for part in images)
    noisy = add_noise(test, TEST_SEED)
    bounds, rows, values = [], [], []

    def record(name, k, seconds, denoised):
        values.append([psnr(denoised, test), psnr(np.clip(denoised, 0, 1), test)])
        figures = (f"{value:.2f}" for value in values[-1])
        rows.append((name, k, *figures, f"{seconds:.0f}"))
        note(*rows[-1])

    record("none", "", 0, noisy)
    denoisers = {
        "dense": gaussian_denoiser(train),
        "convolutional": convolutional_denoiser(train),
    }
    for name, denoiser in denoisers.items():
        seconds, _ = seconds_of(lambda d=denoiser: fit(d, train, options))
        denoised = denoiser.reconstruct(noisy)
        record(name, denoiser.n_components_, seconds, denoised)
    gain = min(np.subtract(values[2], values[1]))
    claim = "dB above the dense denoiser, clipped or not"
    judge(bounds, _report.at_least(claim, gain, GAIN_DB))
    text = (
        f"{len(train)} training and {len(test)} test images, pixels in [0, 1], "
        f"Gaussian noise of {NOISE}. Training images are clean; noise, test images and "
        "PSNR are those of `variants.py`, whose table has PCA and `Autoencoder`. Both "
        "denoisers are told of the noise and have their defaults else; the dense one "
        "counts noise in standard deviations of each pixel, the convolutional one in "
        "one for all pixels."
    )
    return Part(bounds, [section("Noisy digits", text, HEADER, rows)])


def convolutional_denoiser(train):
    """Return the estimator told of the noise: in one standard deviation for all."""
    scale = NOISE / pixel_deviation(train)
    return DenoisingAutoencoder(
        network=ConvolutionalNetwork(image_shape=(SIDE, SIDE)),
        corruption="gaussian",
        noise_scale=scale,
        evaluation_rate=scale,
        random_state=0,
    )


def pixel_deviation(rows):
    """Return the root of the mean of the pixels' variances."""
    return float(np.sqrt(rows.var(axis=0, dtype=np.float64).mean()))
