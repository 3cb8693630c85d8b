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

import argparse
from pathlib import Path

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
import _report
from _report import say
from _variants import note

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
    options = parse_options()
    if not options.data.is_dir():
        say("There is no directory of data: most parts have nothing to run on.")
    bounds = []
    for name, (title, run) in PARTS.items():
        if not any(name.startswith(wanted) for wanted in options.only):
            continue
        note(f"{name}: {title}")
        part = run(options)
        bounds += part.bounds
        sections = list(part.sections)
        if part.bounds:
            sections.insert(0, _report.bounds_table(part.bounds))
        say("\n" + "\n\n".join(sections))
        has_table = "|" in "".join(part.sections)
        if has_table and should_save(options):
            command = f"python benchmarks/images.py --only {name}"
            _report.write(f"images_{name.replace('-', '_')}", title, command, sections)
    _report.finish(bounds)


def should_save(options):
    """Whether to write the report: as asked, else if data and sizes are the usual."""
    if options.save is not None:
        return options.save
    unusual = options.quick or options.images
    return not unusual and options.data == _data.DEFAULT_DATA


def parse_options():
    """Return the options; ``only`` is a list of beginnings of parts' names."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    add = parser.add_argument
    add("--data", type=Path, default=_data.DEFAULT_DATA, help="directory of the data")
    add(
        "--only",
        nargs="+",
        metavar="PART",
        default=list(PARTS),
        help=f"these parts, or parts that begin so: {', '.join(PARTS)}",
    )
    add("--images", type=int, help="training images of MNIST at most")
    add("--quick", action="store_true", help="tiny sizes, to try the code")
    add(
        "--save",
        action=argparse.BooleanOptionalAction,
        help="write the tables to benchmarks/results/; without this option a trial of "
        "other data or sizes writes nothing",
    )
    options = parser.parse_args()
    options.only = [name for names in options.only for name in names.split(",") if name]
    for wanted in options.only:
        if not any(name.startswith(wanted) for name in PARTS):
            parser.error(f"--only: {wanted!r} begins none of {list(PARTS)}")
    return options


if __name__ == "__main__":
    main()
