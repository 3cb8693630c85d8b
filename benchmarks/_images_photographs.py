"""Noisy photographs: the denoiser on patches beside what needs no training."""

import importlib.metadata
import importlib.util
from functools import partial

import _report
import numpy as np
from _images_data import NO_PHOTOGRAPHS, QUICK_SIDE, load_photographs
from _timing import seconds_of
from _variants import Part, fit, judge, note, section
from _variants_denoising import psnr

from sklearn_ae import ConvolutionalNetwork, DenoisingAutoencoder

NOISE = 25 / 255
TEST_SEED = 2

# Of these sizes of patches ours takes the one that denoises the judges best, the last
# training photographs, when it is trained on the others; none is chosen on test ones.
PATCH_SIZES = (8, 12, 16)
N_JUDGES = 2
JUDGES_SEED = 3

OURS, MEANS, WAVELETS, BM3D = "ours", "non-local means", "wavelets", "BM3D"

# As in scikit-image's examples of both methods.
PATCHES = {"patch_size": 5, "patch_distance": 6}
STRENGTHS = (0.6, 0.8)
SHRINKAGES = (("BayesShrink", 1.0), *(("VisuShrink", s) for s in (1.0, 0.5, 0.25)))


def run(options):
    """Denoise the test photographs by all models."""
    if importlib.util.find_spec("skimage") is None:
        return Part([], ["Left out: scikit-image is not installed."])
    train, test = load_photographs(options)
    if not train or not test:
        return Part([], [NO_PHOTOGRAPHS])
    noisy = {
        name: add_noise(photograph, [TEST_SEED, i])
        for i, (name, photograph) in enumerate(test.items())
    }
    patch_size, choice = choose_patch_size(train, options)
    bounds, rows, best = [], [], {}
    for family, setting, denoise in models(list(train.values()), patch_size, options):
        seconds, denoised = seconds_of(lambda d=denoise: d(list(noisy.values())))
        if denoised is None:
            rows.append((family, setting, *[""] * (len(test) + 2)))
            continue
        values = [
            psnr(np.clip(ours, 0, 1), clean)
            for ours, clean in zip(denoised, test.values(), strict=True)
        ]
        figures = *(f"{value:.2f}" for value in values), f"{np.mean(values):.2f}"
        rows.append((family, setting, *figures, f"{seconds:.1f}"))
        note(*rows[-1])
        best[family] = np.maximum(best.get(family, -np.inf), values)
    for rival in (MEANS, WAVELETS):
        gains = best[OURS] - best[rival]
        claim = f"dB above {rival}"
        judge(bounds, _report.at_least(f"{claim}, mean", gains.mean(), 0))
        judge(bounds, _report.at_least(f"{claim}, least", gains.min(), 0))
    header = ("model", "setting", *test, "mean", "s")
    text = _text(train, patch_size)
    return Part(bounds, [section("Noisy photographs", text, header, rows), choice])


def choose_patch_size(train, options):
    """Return the size that denoises the judges best, and a section with the others."""
    others, judges = split_judges(train)
    rows, means = [], {}
    for patch_size in PATCH_SIZES:
        model = patch_denoiser(others, patch_size)
        seconds, _ = seconds_of(lambda m=model: fit(m, others, options))
        values = judge_denoiser(model, judges)
        means[patch_size] = np.mean(values)
        figures = (f"{value:.2f}" for value in (*values, means[patch_size]))
        rows.append((patch_size, model.n_components_, *figures, f"{seconds:.0f}"))
        note(*rows[-1])
    text = (
        "PSNR of photographs that are training ones above, by the patch size; trained "
        "on the others. The best mean decides what ours is above."
    )
    header = ("patch size", "k", *judges, "mean", "fit s")
    return max(means, key=means.get), section("Patch size", text, header, rows)


def split_judges(train):
    """Return the photographs to train on, and those that judge by name."""
    judges = dict(list(train.items())[-N_JUDGES:])
    # Where there are no others, the judges are all there is to learn from.
    return list(train.values())[:-N_JUDGES] or list(train.values()), judges


def judge_denoiser(model, judges):
    """Return the PSNR of each photograph that judges."""
    noisy = [
        add_noise(photograph, [JUDGES_SEED, i])
        for i, photograph in enumerate(judges.values())
    ]
    return [
        psnr(np.clip(ours, 0, 1), clean)
        for ours, clean in zip(model.reconstruct(noisy), judges.values(), strict=True)
    ]


def add_noise(photograph, seed):
    """Add normal noise, not clipped."""
    rng = np.random.default_rng(seed)
    return photograph + NOISE * rng.standard_normal(photograph.shape, dtype=np.float32)


def models(train, patch_size, options):
    """Yield family, setting, and a function from noisy photographs to clean ones."""
    yield "none", "", list
    yield from _non_local_means()
    yield from _wavelets()
    yield _bm3d()
    ours = patch_denoiser(train, patch_size)
    seconds, _ = seconds_of(lambda: fit(ours, train, options))
    yield OURS, f"fitted in {seconds:.0f} s", ours.reconstruct


def patch_denoiser(train, patch_size, of_network=None, **parameters):
    """Return the estimator told of the noise, in the deviation of all pixels."""
    pixels = np.concatenate([photograph.ravel() for photograph in train])
    scale = NOISE / float(pixels.std(dtype=np.float64))
    return DenoisingAutoencoder(
        network=ConvolutionalNetwork(patch_size=patch_size, **(of_network or {})),
        corruption="gaussian",
        noise_scale=scale,
        evaluation_rate=scale,
        random_state=0,
        **parameters,
    )


def _each(function):
    return lambda photographs: [function(photograph) for photograph in photographs]


def _non_local_means():
    from skimage.restoration import denoise_nl_means

    for is_fast in (True, False):
        for strength in STRENGTHS:
            denoise = partial(
                denoise_nl_means,
                h=strength * NOISE,
                sigma=NOISE,
                fast_mode=is_fast,
                **PATCHES,
            )
            speed = "fast" if is_fast else "slow"
            yield MEANS, f"{speed}, h of {strength:g} sigma", _each(denoise)


def _wavelets():
    from skimage.restoration import denoise_wavelet

    for method, share in SHRINKAGES:
        denoise = partial(
            denoise_wavelet,
            sigma=share * NOISE,
            method=method,
            mode="soft",
            rescale_sigma=True,
        )
        yield WAVELETS, f"{method}, {share:g} sigma", _each(denoise)


def _bm3d():
    """Return BM3D, or why there are no figures of it."""
    try:
        from bm3d import bm3d

        bm3d(np.zeros((QUICK_SIDE, QUICK_SIDE)), sigma_psd=NOISE)
    except Exception as error:  # without its compiled library it fails in many ways
        reason = f"{type(error).__name__}: {error}"
        return BM3D, f"could not be run: {reason}", lambda photographs: None
    return BM3D, "shown only", _each(partial(bm3d, sigma_psd=NOISE))


def _text(train, patch_size):
    versions = ", ".join(map(_version, ("scikit-image", "bm3d")))
    return (
        "Gaussian noise of 25/255 on grey photographs, pixels in [0, 1]. PSNR in dB of "
        "images clipped to [0, 1]; of rivals the setting that is best on each test "
        "photograph counts, which favours them, and all are told of the noise. Their "
        "settings are those of scikit-image's examples. Ours is trained on the "
        f"{len(train)} other photographs ({', '.join(train)}), in patches of "
        f"{patch_size} pixels, told of the noise, and has its defaults else; nothing of"
        f" it was chosen on the test photographs. Seconds for all of them; {versions}."
    )


def _version(package):
    try:
        return f"{package} {importlib.metadata.version(package)}"
    except importlib.metadata.PackageNotFoundError:
        return f"{package} (not installed)"
