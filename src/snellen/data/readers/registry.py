"""All readers by name, which a study gives as `kind`. A new reader needs its file and a line here."""

from __future__ import annotations

from pathlib import Path

from snellen.data.readers import cifar, emnist, hdf5, idx, matlab, npz, parquet_images
from snellen.data.readers.csv import pixel_csv
from snellen.data.readers.image_files import folder, image_zip, manifest
from snellen.data.readers.reader import Reader
from snellen.data.streams import reachable
from snellen.errors import located

READERS: dict[str, Reader] = {
    "idx": idx.READER,
    "arrays": npz.READER,
    "cifar": cifar.READER,
    "pixel_csv": pixel_csv.READER,
    "folder": folder.READER,
    "picture_zip": image_zip.READER,
    "manifest": manifest.READER,
    "parquet_pictures": parquet_images.READER,
    "hdf5": hdf5.READER,
    "mat": matlab.READER,
    "emnist": emnist.READER,
}


def holds_image_files(path: Path) -> bool:
    """Whether the source at `path` is read file by file: a folder of images by class, or a manifest."""
    with located(str(path)), reachable():
        return any(reader.recognises(path) for reader in READERS.values() if reader.of_image_files)
