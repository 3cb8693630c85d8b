"""What convolutional networks keep of what they promise of images.

Each part measures one claim:

* mnist, olivetti: reconstruction against PCA and ``Autoencoder`` of the same code size;
* denoising: dB on noisy digits, against the dense denoiser;
* photographs: dB on noisy photographs, trained on patches of others, against non-local
  means, wavelets and BM3D;
* compression: bytes per image at equal PSNR, against PCA, JPEG and WebP;
* one-class: each digit in turn is normal and the others are not;
* round-trip: what is compressed comes back, and what is damaged is refused;
* speed: training against a loop written by hand;
* defaults, noise, patches: the network and its training beside their neighbours, on
  images, noisy ones, and patches of photographs, which bounds nothing.

    python benchmarks/images.py
    python benchmarks/images.py --only mnist speed

Every part writes its own ``results/images_<part>.md``. A missed bound makes the exit
status 1. No parameter of ours is chosen by looking at test images or labels; rivals are
favoured where a table says so.
"""

import _data
import _images_compression
import _images_defaults
import _images_denoising
import _images_noise
import _images_one_class
import _images_patches
import _images_photographs
import _images_reconstruction
import _images_round_trip
import _images_speed
import _parts
from _report import say

PARTS = {
    "mnist": ("Reconstruction of digits", _images_reconstruction.run_mnist),
    "olivetti": ("Reconstruction of faces", _images_reconstruction.run_olivetti),
    "denoising": ("Denoising of digits", _images_denoising.run),
    "photographs": ("Denoising of photographs", _images_photographs.run),
    "compression": ("Compression of images", _images_compression.run),
    "one-class": ("Outliers among digits", _images_one_class.run),
    "round-trip": ("Compressed and damaged files", _images_round_trip.run),
    "speed": ("Training on images, against a loop by hand", _images_speed.run),
    "defaults": ("The network's defaults", _images_defaults.run),
    "noise": ("Defaults for noisy images", _images_noise.run),
    "patches": ("Defaults for patches", _images_patches.run),
}


def main():
    """Run what the command line asks for."""
    parser = _parts.make_parser(__doc__, PARTS)
    parser.add_argument("--images", type=int, help="training images of MNIST at most")
    options = _parts.parse(parser, PARTS)
    if not options.data.is_dir():
        say("There is no directory of data: most parts have nothing to run on.")
    unusual = options.quick or options.images or options.data != _data.DEFAULT_DATA
    _parts.run_parts("images", PARTS, options, is_usual=not unusual)


if __name__ == "__main__":
    main()
