"""Protects what is read or said of folders and archives with pipes, links, other formats, tables and combined names."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import image_cases as cases
import numpy as np
import pytest
from folder_cases import photos, refused, simple
from PIL import Image

from snellen.data.load import read
from snellen.data.readers.reader import Options
from snellen.errors import OutsideFolder


def test_a_named_pipe_is_a_bad_image(tmp_path: Path) -> None:
    root = simple(tmp_path / "pets")
    os.mkfifo(root / "cat/9.png")
    refused(root, r"cat/9.png: not a regular file; found a named pipe.*on_bad_image: exclude")
    assert [each.file for each in read(root, Options(on_bad_image="exclude")).excluded] == ["cat/9.png"]


def test_a_link_to_the_whole_system_is_named(tmp_path: Path) -> None:
    for target in ("/", "/proc"):
        root = simple(tmp_path / f"pets{len(target)}")
        (root / "aaa").symlink_to(target)
        refused(root, r"aaa: the path leaves the folder; found /.*links: follow", OutsideFolder)


def test_class_and_part_in_one_name(tmp_path: Path) -> None:
    names = [f"{label}_{part}" for label in ("cat", "dog") for part in ("train", "test")]
    root = photos(tmp_path, *(f"{name}/{number}.png" for name in names for number in range(3)))
    dataset = read(root)
    assert dataset.classes == ("cat", "dog") and dataset.official_test is not None
    assert dataset.official_test.sum() == 6 and "cat_test is test of cat" in " ".join(dataset.remarks)
    for file in (root / "dog_test").iterdir():
        file.unlink()
    refused(root, r"two folders for the train part.*mkdir -p train && mv cat_train train/cat")


def test_images_without_a_suffix(tmp_path: Path) -> None:
    root = simple(tmp_path / "pets")
    expected = read(root).fingerprint
    for file in root.rglob("*.png"):
        file.rename(file.with_suffix(""))
    assert read(root).fingerprint == expected


def test_other_formats_are_named_and_the_line_converts_them(tmp_path: Path) -> None:
    for label in ("cat", "dog"):
        for number in range(3):
            file = tmp_path / "pets" / label / f"{number}.tga"
            file.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(np.full((6, 5, 3), 40 * number + len(label), np.uint8)).save(file)
    with pytest.raises(ValueError, match=r"hold 6 \.tga files\. Images are read as PNG") as error:
        read(tmp_path / "pets")
    line = re.search(r'python -c "(.*)" \S+ \S+`', str(error.value))
    assert line
    subprocess.run([sys.executable, "-c", line[1], tmp_path / "pets", tmp_path / "new"], check=True)
    assert len(read(tmp_path / "new")) == 6


def test_zips(tmp_path: Path) -> None:
    pets = simple(tmp_path / "pets")
    with zipfile.ZipFile(tmp_path / "pets.zip", "w") as archive:
        for file in sorted(pets.rglob("*.png")):
            archive.write(file, file.relative_to(pets))
        archive.writestr("features.npy", b"x")
        archive.writestr("labels.csv", "a,b")
    zipped = read(tmp_path / "pets.zip")
    assert zipped.fingerprint == read(pets).fingerprint
    assert "Tables and arrays beside the class folders are not used: features.npy, labels.csv." in zipped.remarks
    with zipfile.ZipFile(tmp_path / "bare.zip", "w") as archive:
        for file in sorted(pets.rglob("*.png")):
            archive.write(file, file.relative_to(pets).with_suffix(""))
    assert read(tmp_path / "bare.zip").fingerprint == read(pets).fingerprint
    with zipfile.ZipFile(tmp_path / "papers.zip", "w") as archive:
        archive.writestr("paper.pdf", "x")
    refused(tmp_path / "papers.zip", "found a zip archive with paper.pdf. Nothing in it is an image, a table or an")
    with zipfile.ZipFile(tmp_path / "train.csv.zip", "w") as archive:
        archive.writestr("train.csv", "label,a\n")
    refused(tmp_path / "train.csv.zip", r"found a zip archive with train\.csv\. Unpack it.*train/train\.csv")
    with zipfile.ZipFile(tmp_path / "empty.zip", "w") as archive:
        for number in range(2_000):
            archive.writestr(f"a/{number}.png", b"")
    refused(tmp_path / "empty.zip", "members without content; found 2,000 members")


@pytest.mark.parametrize(("folder", "suffix"), [("train", ""), ("images", ".png"), (".", ".png")])
def test_a_table_beside_the_images(tmp_path: Path, folder: str, suffix: str) -> None:
    lines = ["id,label"]
    for number in range(6):
        cases.save(tmp_path / folder / f"{number}.png", np.full((6, 5, 3), 9 * number, np.uint8))
        lines.append(f"{number}{suffix},{'cat' if number % 2 else 'dog'}")
    (tmp_path / "train.csv").write_text("\n".join(lines))
    refused(tmp_path, r"train\.csv says which class each image has: .*`snellen init \S*train\.csv`")
    assert len(read(tmp_path / "train.csv")) == 6


def test_a_format_that_is_not_read_among_others_is_named(tmp_path: Path) -> None:
    root = simple(tmp_path / "pets")
    for start, name in ((b"\0\0\0\x1cftypavif", "AVIF"), (b"\0\0\0\x18ftypheic", "HEIC"), (b"8BPS\0\x01", "PSD")):
        (root / "cat/9.jpg").write_bytes(start + bytes(100))
        refused(root, rf"cat/9\.jpg: .*{name}.*, a format that is not read; expected PNG, JPEG.*mogrify")
    (root / "cat/9.jpg").write_bytes(b"II*\0" + bytes(100))
    refused(root, r"cat/9\.jpg: not a readable image .TIFF, damaged or in a form that is not read.*8 or 16 bits")
