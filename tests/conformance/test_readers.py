"""Protects what holds for every reader: good files exactly, bad files as one DataError, the cache never in between.

A new reader needs a line in CASES; everything else runs over the registry. Files are written by NumPy and the standard
library.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import data_cases as cases
import image_cases
import numpy as np
import pytest

from snellen.data import load
from snellen.data.dataset import Dataset
from snellen.data.load import read
from snellen.data.readers.arrays import from_arrays
from snellen.data.readers.reader import Reader, opening
from snellen.data.readers.registry import READERS
from snellen.errors import DataError, UnknownName

SOURCE = Path(load.__file__).parents[1]


@dataclass(frozen=True)
class Case:
    """kind: the reader. checked_bytes: how much of each file a bit flip is noticed in; None where checksums see all.
    arrays: what is written. joined: an image and its label stand in one row. sized: cuts and insertions are noticed.
    slow: a process is started for every file, or there are many files. named: rows are files, and labels are names.
    filled: every class that is named must have an image.
    """

    kind: str
    write: Callable[..., Path]
    checked_bytes: int | None
    arrays: cases.Arrays = cases.ARRAYS
    joined: bool = False
    sized: bool = True
    slow: bool = False
    named: bool = False
    filled: bool = False

    def noticed(self, place: int) -> bool:
        return self.checked_bytes is None or place < self.checked_bytes


CASES = {
    "idx": Case("idx", cases.write_idx, 8),
    "idx.gz": Case("idx", cases.write_idx_gz, None),
    "npz": Case("arrays", cases.write_npz, None),
    "npz compressed": Case("arrays", cases.write_npz_compressed, None),
    "npy": Case("arrays", cases.write_npy, 128),
    "cifar binary": Case("cifar", cases.write_cifar_binary, 0, cases.CIFAR, joined=True),
    "cifar python": Case("cifar", cases.write_cifar_python, 0, cases.CIFAR),
    "csv": Case("pixel_csv", cases.write_csv, 0, cases.SQUARE, joined=True, sized=False),
    "csv.gz": Case("pixel_csv", cases.write_csv_gz, None, cases.SQUARE, joined=True),
    "emnist": Case("emnist", cases.write_emnist, 8, cases.SQUARE),
    "hdf5": Case("hdf5", cases.write_hdf5, 0, sized=False, slow=True),
    "folder": Case("folder", image_cases.write_folder, None, image_cases.SORTED, True, slow=True, named=True),
    "zip": Case("picture_zip", image_cases.write_zip, None, image_cases.SORTED, True, named=True),
    "manifest": Case("manifest", image_cases.write_manifest, 0, joined=True, sized=False, slow=True, named=True),
    "parquet": Case(
        "parquet_pictures", image_cases.write_hugging_face, 0, joined=True, sized=False, slow=True, filled=True
    ),
    "mat": Case("mat", cases.write_mat, 0, sized=False, slow=True),
}


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SNELLEN_CACHE", str(tmp_path / "cache"))


@pytest.fixture(params=CASES)
def case(request: pytest.FixtureRequest) -> Case:
    return CASES[request.param]


def test_every_reader_has_a_case() -> None:
    assert {case.kind for case in CASES.values()} == set(READERS)


def test_content_is_exact(case: Case, tmp_path: Path) -> None:
    dataset = read(case.write(tmp_path / "good"))
    cases.assert_same(dataset, cases.expected(case.arrays))
    assert dataset.name == "good"
    assert len(set(dataset.ids)) == len(dataset) == 18
    if case.named:
        assert all(str(name).endswith(".png") for name in dataset.ids)
        return
    assert dataset.ids[3].endswith(":3") and dataset.ids[13].endswith(":1")
    assert dataset.ids[3].rpartition(":")[0] != dataset.ids[13].rpartition(":")[0]


def test_without_a_test_part(case: Case, tmp_path: Path) -> None:
    dataset = read(case.write(tmp_path / "good", case.arrays[:2]))
    assert dataset.official_test is None
    np.testing.assert_array_equal(dataset.images, cases.expected(case.arrays).images[:12])


def test_the_kind_is_found_and_found_once(case: Case, tmp_path: Path) -> None:
    path = case.write(tmp_path / "good")
    assert [kind for kind, reader in READERS.items() if reader.recognises(path)] == [case.kind]


def test_read_again_decodes_nothing(case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = case.write(tmp_path / "good")
    first = read(path)
    monkeypatch.setattr("snellen.data.load.dataset_cache._write", lambda *_: pytest.fail("decoded twice"))
    second = read(path)
    cases.assert_same(first, second)
    assert isinstance(second.images, np.memmap) and not second.images.flags.writeable
    np.testing.assert_array_equal(first.ids, second.ids)


def test_changed_content_is_never_taken_from_the_cache(case: Case, tmp_path: Path) -> None:
    path = case.write(tmp_path / "good")
    before = read(path)
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    changed = case.arrays[0].copy()
    changed[0, 0, 0] ^= 1
    after = read(case.write(tmp_path / "good", (changed, *case.arrays[1:])))
    assert before.fingerprint != after.fingerprint
    np.testing.assert_array_equal(after.images[0].squeeze(), changed[0])


def test_mutants(case: Case, tmp_path: Path) -> None:
    mutate(case, tmp_path, flips=2 if case.slow else 60, cuts=2 if case.slow else 20)


@pytest.mark.slow
def test_three_hundred_mutants_a_file(case: Case, tmp_path: Path) -> None:
    mutate(case, tmp_path, flips=200, cuts=80, seed=2)


def mutate(case: Case, tmp_path: Path, flips: int, cuts: int, seed: int = 1) -> None:
    """Flipped bits (half of them where they are noticed), cuts, and inserted bytes, in each file of a good source."""
    random = np.random.default_rng(seed)
    for file, content in sources(case, tmp_path):
        for reach in (len(content), min(len(content), case.checked_bytes or len(content))):
            for bit in random.choice(8 * reach, flips // 2):
                mutant = bytearray(content)
                mutant[bit // 8] ^= 1 << bit % 8
                original_or_error(case, file, bytes(mutant), f"bit {bit}", case.noticed(bit // 8))
        for length in [0, 1, *random.choice(len(content), cuts), len(content) - 1]:
            found = original_or_error(case, file, content[:length], f"cut to {length}", case.sized)
            assert found is None or not case.sized or case.named, f"cut to {length}"  # PNG ends with what is not read
        for place in [*random.choice(len(content), cuts // 4), len(content)]:
            longer = content[:place] + b"\x01" + content[place:]
            original_or_error(case, file, longer, f"inserted at {place}", case.sized)


@pytest.mark.parametrize("part", [0, 2])
def test_different_numbers_of_images_and_labels(case: Case, tmp_path: Path, part: int) -> None:
    if case.joined:
        pytest.skip("a row holds both")
    arrays = list(case.arrays)
    arrays[part] = arrays[part][:-1]
    with pytest.raises(DataError, match=r"different numbers.*found \d+ in .*, \d+ in"):
        read(case.write(tmp_path / "bad", tuple(arrays)))


def test_test_images_without_labels(case: Case, tmp_path: Path) -> None:
    if case.joined:
        pytest.skip("a row holds both")
    with pytest.raises(DataError, match=r"missing|no array for the test_labels|different numbers"):
        read(case.write(tmp_path / "bad", (*case.arrays[:3], case.arrays[3][:0])))


def test_a_class_without_rows(case: Case, tmp_path: Path) -> None:
    if case.named:
        pytest.skip("a class is a name")
    arrays = case.arrays[0], np.where(case.arrays[1] == 1, 3, case.arrays[1])
    numbered = read(case.write(tmp_path / "gap", arrays))
    assert numbered.classes == ("0", "2", "3") and "3 numbers, 0, 2 and 3" in numbered.remarks[0]
    named = load.Options(class_names=("a", "b", "c", "d"))
    if case.filled:
        with pytest.raises(DataError, match="a class without images; found b"):
            read(case.write(tmp_path / "named", arrays), named)
        return
    assert read(case.write(tmp_path / "named", arrays), named).classes == ("a", "b", "c", "d")


def test_one_class_and_no_images(case: Case, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"found 1 classes"):
        read(case.write(tmp_path / "one", (case.arrays[0], case.arrays[1] * 0)))
    with pytest.raises(DataError, match=r"no images|no rows|shape|no reader recognises this"):
        read(case.write(tmp_path / "none", (case.arrays[0][:0], case.arrays[1][:0])))


def test_label_outside_the_named_classes(case: Case, tmp_path: Path) -> None:
    if case.named:
        with pytest.raises(DataError, match=r"000.png: label out of range; found '0'; expected one of a, b"):
            read(case.write(tmp_path / "bad"), load.Options(class_names=("a", "b")))
        return
    with pytest.raises(DataError, match=r"row 2: label out of range; found 2; expected 0 to 1"):
        read(case.write(tmp_path / "bad"), load.Options(class_names=("a", "b")))


def test_test_images_of_another_size(case: Case, tmp_path: Path) -> None:
    arrays = (*case.arrays[:2], case.arrays[2][:, 1:], case.arrays[3])
    sentences = "images of another shape; found", "not whole rows", "not rows of pixels", "not the pixels of square"
    with pytest.raises(DataError, match="|".join([*sentences, "different sizes"])):
        read(case.write(tmp_path / "bad", arrays))


def sources(case: Case, tmp_path: Path) -> Iterator[tuple[Path, bytes]]:
    """Each file of a good source with its content, which is put back after the caller has changed it."""
    path = case.write(tmp_path / "good")
    for file in sorted(each for each in path.rglob("*") if each.is_file()) if path.is_dir() else [path]:
        content = file.read_bytes()
        yield file, content
        file.write_bytes(content)


def original_or_error(case: Case, file: Path, mutant: bytes, what: str, noticed: bool) -> Dataset | None:
    """Reads with `file` changed: the original content (any, unless `noticed`), or None after a DataError."""
    file.write_bytes(mutant)
    source = next((folder for folder in file.parents if folder.name == "good"), file)
    try:
        dataset = read(source)
    except DataError as error:
        assert str(source.parent) in str(error), f"{what}: the message does not say where: {error}"
        return None
    same = dataset.fingerprint == cases.expected(case.arrays).fingerprint
    assert same or not noticed, f"{what} in {file.name}: other content, no error"
    return dataset


def test_a_new_reader_is_its_file_and_a_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading, `kind`, messages and `data describe` take it from the registry; no other file names most readers."""
    stack = Reader(
        version=1,
        looks_for="a .stack file",
        recognises=lambda path: path.suffix == ".stack",
        open=opening(
            lambda path, _: [path],
            lambda path, options, name: from_arrays(np.zeros((4, 2, 2), np.uint8), [0, 1, 0, 1], name=name),
        ),
    )
    monkeypatch.setitem(READERS, "stack", stack)
    (tmp_path / "cells.stack").write_bytes(b"stack")
    assert read(tmp_path / "cells.stack").name == "cells"
    assert len(read(tmp_path / "cells.stack", load.Options(kind="stack"))) == 4
    (tmp_path / "cells.other").write_bytes(b"other")
    with pytest.raises(DataError, match=r"found a file of 5 bytes; expected .*; or a \.stack file"):
        read(tmp_path / "cells.other")
    with pytest.raises(UnknownName, match=r"unknown reader 'stak'; .*Did you mean 'stack'"):
        read(tmp_path / "cells.stack", load.Options(kind="stak"))
    names = {"idx", "arrays", "cifar", "pixel_csv", "folder", "picture_zip", "manifest", "hdf5", "mat", "emnist"}
    texts = {path: path.read_text("utf-8") for path in SOURCE.rglob("*.py")}
    listed = [path for path, text in texts.items() if sum(f'"{name}"' in text for name in names) > len(names) / 2]
    assert listed == [SOURCE / "data" / "readers" / "registry.py"]
