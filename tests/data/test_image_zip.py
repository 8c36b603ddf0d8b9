"""Protects zip archives of images: the same data set as the folder, nothing unpacked, and no trap entered."""

from __future__ import annotations

import io
import struct
import zipfile
from pathlib import Path

import data_cases
import image_cases as cases
import numpy as np
import pytest
from folder_cases import photos, refused, simple

from snellen.data.inspect.image_headers import sample_headers
from snellen.data.load import read
from snellen.data.readers.reader import Options
from snellen.data.readers.registry import READERS
from snellen.data.resizing import Resizing
from snellen.errors import DataError
from snellen.init.survey import survey

PNG = cases.as_bytes(cases.COLOUR, "PNG")


def packed(folder: Path, file: Path) -> Path:
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.rglob("*")):
            archive.write(path, path.relative_to(folder.parent).as_posix())
    return file


def members(file: Path, *names: str, content: bytes = PNG) -> Path:
    with zipfile.ZipFile(file, "w") as archive:
        for name in names:
            archive.writestr(name, content)
    return file


GOOD = ("cat/1.png", "cat/2.png", "dog/3.png")


def test_the_same_as_the_folder(tmp_path: Path) -> None:
    root = photos(
        tmp_path / "pets", "train/cat/1.png", "train/dog/2.png", "val/cat/3.png", "test/dog/4.png", "pred/5.png"
    )
    photos(tmp_path / "pets", "__MACOSX/train/cat/._1.png")
    (root / "train/cat/notes.txt").write_text("x")
    (root / "train/owl").mkdir()
    folder, archive = read(tmp_path / "pets"), read(packed(root, tmp_path / "pets.zip"))
    assert archive.fingerprint == folder.fingerprint and archive.name == folder.name
    assert archive.ids.tolist() == [f"pets/{name}" for name in folder.ids.tolist()]
    text = " ".join(archive.remarks)
    for said in (
        "train from pets/train",
        "1 images in pets/pred",
        "__MACOSX",
        "pets/train/owl",
        "no images are passed",
    ):
        assert said in text
    assert sorted(path.name for path in tmp_path.iterdir()) == ["pets", "pets.zip"]


def test_options_of_image_files(tmp_path: Path) -> None:
    root = simple(tmp_path / "pets")
    (root / "cat/9.png").write_bytes(b"x")
    cases.save(root / "cat/large.png", np.zeros((20, 30, 3), np.uint8))
    file = packed(root, tmp_path / "pets.zip")
    refused(file, r"pets/cat/9.png: not an image.*on_bad_image: exclude")
    dataset = read(file, Options(on_bad_image="exclude", resizing=Resizing(step="resize", height=8, width=8)))
    assert len(dataset) == 9 and [each.file for each in dataset.excluded] == ["pets/cat/9.png"]
    found = survey(str(file))
    assert found.options.on_bad_image == "exclude" and found.options.resizing is not None
    assert dict(found.sizes) == {"6 × 5": 8, "20 × 30": 1}
    assert {header.format for header in sample_headers(dataset, file)} == {"PNG"}


def test_arrays_stay_arrays(tmp_path: Path) -> None:
    file = data_cases.write_npz(tmp_path / "a")
    renamed = file.rename(tmp_path / "a.zip")
    assert [kind for kind, reader in READERS.items() if reader.recognises(renamed)] == ["arrays"]


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (("../cat/1.png", *GOOD), "a member whose path leaves the archive; found '../cat/1.png'"),
        (("/cat/1.png", *GOOD), "a member whose path leaves the archive"),
        (("C:/cat/1.png", *GOOD), "a member whose path leaves the archive"),
        (("cat/1.png", *GOOD), "a member stored twice; found cat/1.png"),
        (("x/" * 40 + "1.png", *GOOD), "folders too deep; found 40 in each other"),
        (("cat/1.png",), "found 1 classes"),
        (("1.png", *GOOD), "1.png: an image outside the class folders"),
    ],
)
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_bad_members(tmp_path: Path, names: tuple[str, ...], message: str) -> None:
    refused(members(tmp_path / "pets.zip", *names), message)


def test_names_of_other_systems(tmp_path: Path) -> None:
    """Windows writes backslashes, macOS UTF-8 without saying so; others may be anything."""
    file = members(tmp_path / "a.zip", "cat\\1.png", "dog\\2.png")
    assert read(file).classes == ("cat", "dog")
    file = members(tmp_path / "b.zip", "cafXX/1.png", "dog/2.png")
    file.write_bytes(file.read_bytes().replace(b"cafXX", "café".encode()))
    assert read(file).classes == ("café", "dog")
    file.write_bytes(file.read_bytes().replace("café".encode(), b"caf\xe9\xe8"))
    refused(file, "the name of a member is not UTF-8.*Unpack the archive")


def test_bombs(tmp_path: Path) -> None:
    """A gigabyte of nothing, and members that all use the same bytes."""
    file = tmp_path / "a.zip"
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in GOOD:
            archive.writestr(name, bytes(80_000_000))
    refused(file, "declares implausibly much data; found 240,000,000 bytes")
    refused(shared(tmp_path / "b.zip"), "members that share their bytes")


def shared(file: Path) -> Path:
    """Images in a directory of which every entry leads to the same bytes."""
    one = members(file, "cat/1.png", content=bytes(range(256)) * 100).read_bytes()
    place = one.rindex(b"PK\x01\x02")
    end = one.rindex(b"PK\x05\x06")
    entries = [one[place:end].replace(b"cat/1.png", name) for name in (b"cat/1.png", b"dog/2.png", b"owl/3.png")]
    directory = b"".join(entries)
    record = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 3, 3, len(directory), place, 0)
    file.write_bytes(one[:place] + directory + record)
    return file


def test_damage_and_passwords(tmp_path: Path) -> None:
    file = members(tmp_path / "a.zip", *GOOD)
    content = file.read_bytes()
    file.write_bytes(content.replace(PNG, PNG[:-20] + bytes(20), 1))
    refused(file, r"cat/1.png: .*(Bad CRC|not a readable image)")
    assert [each.file for each in read(file, Options(on_bad_image="exclude")).excluded] == ["cat/1.png"]
    file.write_bytes(content[:-30])
    refused(file, "a.zip: byte .*: damaged zip directory")
    encrypted = bytearray(content)
    for place in range(len(content)):
        if content[place : place + 4] in (b"PK\x01\x02", b"PK\x03\x04"):
            encrypted[place + (8 if content[place + 2] == 1 else 6)] |= 1
    file.write_bytes(bytes(encrypted))
    refused(file, "an encrypted member")


def test_too_many_members(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("snellen.data.readers.image_files.image_zip.MAX_ZIPPED_FILES", 2)
    refused(members(tmp_path / "a.zip", *GOOD), "too many members; found 3 members")


def test_other_archives_get_a_hint(tmp_path: Path) -> None:
    import tarfile

    with tarfile.open(tmp_path / "pets.tar.gz", "w:gz") as archive:
        info = tarfile.TarInfo("cat/1.png")
        info.size = len(PNG)
        archive.addfile(info, io.BytesIO(PNG))
    with pytest.raises(DataError, match=r"Unpack the archive and give the folder, or make a \.zip file of it"):
        read(tmp_path / "pets.tar.gz")
