"""Protects TIFF stacks: pages are images that stay together, channels and bombs are refused, predict agrees."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from PIL.TiffImagePlugin import ImageFileDirectory_v2

from snellen.data.decoding import tiff_stack
from snellen.data.groups import Group
from snellen.data.inspect.image_headers import sample_headers
from snellen.data.load import Options, read
from snellen.data.readers.image_files.walk import list_folder
from snellen.data.resizing import Resizing
from snellen.deploy.batch import Reading
from snellen.deploy.images import open_images
from snellen.errors import DataError, ImageSizes
from snellen.models.bundle import Input

RANDOM = np.random.default_rng(3)
STACKS = ("a/one.tif", "a/two.tif", "b/one.tif", "b/two.tif")


def pixels(count: int = 5, kind: str = "u1", channels: int = 1, size: tuple[int, int] = (9, 8)) -> np.ndarray:
    shape = (count, *size) if channels == 1 else (count, *size, channels)
    return RANDOM.integers(0, 2 ** (8 * np.dtype(kind).itemsize), shape, dtype=kind)


def save(path: Path, images: Any, **options: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    first, *others = map(Image.fromarray, images)
    first.save(path, save_all=True, append_images=others, **options)
    return path


def folder(root: Path, stack: Any, **options: Any) -> Path:
    for name in STACKS:
        save(root / name, stack, **options)
    return root


@pytest.mark.parametrize("compression", [None, "tiff_deflate", "tiff_lzw", "packbits"])
@pytest.mark.parametrize(("kind", "channels"), [("u1", 1), ("u2", 1), ("u1", 3)])
def test_every_page_is_a_image(tmp_path: Path, kind: str, channels: int, compression: str | None) -> None:
    stack = pixels(5, kind, channels)
    dataset = read(folder(tmp_path / "data", stack, compression=compression))
    np.testing.assert_array_equal(dataset.images.reshape(4, *stack.shape), np.stack([stack] * 4))
    assert dataset.ids[:6].tolist() == [*(f"a/one.tif#{page}" for page in range(5)), "a/two.tif#0"]
    assert dataset.groups is not None and dataset.groups.tolist() == np.repeat([0, 5, 10, 15], 5).tolist()
    assert any(remark.startswith("20 images are the pages of 4 TIFF files") for remark in dataset.remarks)
    assert len(sample_headers(dataset, tmp_path / "data")) == 4


def test_pages_as_jpeg_are_those_of_single_files(tmp_path: Path) -> None:
    stack = pixels(3, channels=3)
    for page, image in enumerate(stack):
        for label in "ab":
            save(tmp_path / f"single/{label}/{page}.tif", [image], compression="jpeg")
    single, pages = read(tmp_path / "single"), read(folder(tmp_path / "pages", stack, compression="jpeg"))
    np.testing.assert_array_equal(single.images[:3], pages.images[:3])


def test_single_files_beside_stacks_are_groups_of_their_own(tmp_path: Path) -> None:
    root = folder(tmp_path / "data", pixels(2))
    save(root / "a/zz.tif", pixels(1))
    groups = read(root).groups
    assert groups is not None and groups.tolist() == [0, 0, 2, 2, 4, 5, 5, 7, 7]


def test_pages_of_several_sizes_are_asked_about(tmp_path: Path) -> None:
    uneven = [*pixels(2), *pixels(2, size=(12, 7))]
    root = folder(tmp_path / "data", uneven)
    with pytest.raises(ImageSizes, match=r"9x8 \(8\), 12x7 \(8\)"):
        read(root)
    assert len(read(root, Options(resizing=Resizing(step="resize", height=6, width=6)))) == 16


def test_thumbnails_are_left_out_and_counted(tmp_path: Path) -> None:
    tags = ImageFileDirectory_v2()
    tags[254] = 1
    small, (one, two) = Image.fromarray(pixels(1)[0]), map(Image.fromarray, pixels(2))
    small.encoderinfo = {"tiffinfo": tags}
    root = folder(tmp_path / "data", pixels(2))
    one.save(root / "a/one.tif", save_all=True, append_images=[small, two])
    dataset = read(root)
    assert dataset.ids[:3].tolist() == ["a/one.tif#0", "a/one.tif#2", "a/two.tif#0"]
    assert any(
        remark == "Reduced copies (thumbnails) in TIFF files are not used: 1 page." for remark in dataset.remarks
    )


@pytest.mark.parametrize(
    "said",
    [
        "ImageJ=1.53t\nimages=6\nchannels=3\nframes=2\nhyperstack=true\nmode=composite\n",
        '<OME><Image><Pixels DimensionOrder="XYCZT" SizeC="3" SizeX="8"/></Image></OME>',
    ],
)
def test_channels_are_no_images(tmp_path: Path, said: str) -> None:
    root = folder(tmp_path / "data", pixels(6), description=said)
    with pytest.raises(DataError, match=r"pages of a TIFF file are channels.*path, page \(from 0\) and label"):
        read(root)


def test_images_of_imagej_without_pages_are_missed(tmp_path: Path) -> None:
    root = folder(tmp_path / "data", pixels(1), description="ImageJ=1.53t\nimages=90\nslices=90\n")
    with pytest.raises(DataError, match=r"without its other pages; found 1 pages; ImageJ wrote 90 images"):
        read(root)


def test_bounds_of_pages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = folder(tmp_path / "data", pixels(6))
    monkeypatch.setattr(tiff_stack, "MAX_STACK_BYTES", 300)
    with pytest.raises(DataError, match=r"too large together; found 360 bytes; expected at most 300"):
        read(root)
    monkeypatch.setattr(tiff_stack, "MAX_PAGES", 4)
    with pytest.raises(DataError, match=r"too many pages; found 5 or more; expected 4"):
        read(root)


def test_pages_in_a_circle(tmp_path: Path) -> None:
    root = folder(tmp_path / "data", pixels(3))
    content = bytearray((root / "a/one.tif").read_bytes())
    first, place, ends = int.from_bytes(content[4:8], "little"), int.from_bytes(content[4:8], "little"), 0
    while place:
        ends = place + 2 + 12 * int.from_bytes(content[place : place + 2], "little")
        place = int.from_bytes(content[ends : ends + 4], "little")
    content[ends : ends + 4] = first.to_bytes(4, "little")
    (root / "a/one.tif").write_bytes(content)
    with pytest.raises(DataError, match=r"a/one.tif: the pages of a TIFF file lead in a circle; found 3 pages"):
        read(root)


def table(path: Path, header: str, rows: list[str]) -> Path:
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return path


def test_a_table_names_pages(tmp_path: Path) -> None:
    stack = pixels(6, channels=3)
    save(tmp_path / "s.tif", stack, description="ImageJ=1\nimages=6\nchannels=3\n")
    rows = [f"s.tif,{page},{'ab'[page % 2]}" for page in (4, 1, 0, 5)]
    dataset = read(table(tmp_path / "m.csv", "path,page,label", rows))
    assert dict(zip(dataset.ids.tolist(), dataset.labels.tolist(), strict=True)) == {
        **{"s.tif#4": 0, "s.tif#0": 0, "s.tif#1": 1, "s.tif#5": 1}
    }
    for name, image in zip(dataset.ids.tolist(), dataset.images, strict=True):
        np.testing.assert_array_equal(image, stack[int(name[-1])])
    assert dataset.groups is not None and set(dataset.groups.tolist()) == {0}
    with pytest.raises(DataError, match=r"no such page; found 6; expected 0 to 5"):
        read(table(tmp_path / "m.csv", "path,page,label", [*rows, "s.tif,6,a"]))
    with pytest.raises(DataError, match=r"the same image twice"):
        read(table(tmp_path / "m.csv", "path,page,label", [*rows, "s.tif,5,a"]))


def test_the_groups_of_a_study_say_which_pages_belong_together(tmp_path: Path) -> None:
    """One stack of unrelated images would else be one group, which no split can divide."""
    save(tmp_path / "s.tif", pixels(6))
    rows = [f"s.tif,{page},{'ab'[page % 2]},cell {page}" for page in range(6)]
    dataset = read(table(tmp_path / "m.csv", "path,page,label,cell", rows), Options(group=Group(column="cell")))
    assert dataset.groups is not None and dataset.groups.tolist() == list(range(6))
    assert any("the study's groups say which belong together" in each for each in dataset.remarks)


def test_a_column_of_other_pages_changes_nothing(tmp_path: Path) -> None:
    """Scanned books: the page of the book, beside one image a file."""
    for page in range(4):
        save(tmp_path / f"{page}.tif", pixels(1))
    for pages in ("3456", ("iv", "v", "1", "2")):
        rows = [f"{place}.tif,{page},{'ab'[place % 2]}" for place, page in enumerate(pages)]
        dataset = read(table(tmp_path / "m.csv", "path,page,label", rows))
        assert dataset.ids.tolist() == ["0.tif", "1.tif", "2.tif", "3.tif"] and dataset.groups is None


def answers(source: Path, reading: Reading | None = None) -> tuple[list[str], np.ndarray, Any]:
    contract = Input(height=9, width=8, channels=1, pixel_range=(0, 255))
    batches = list(open_images([source], contract, None, classes=("a", "b"), reading=reading))
    return [name for batch in batches for name in batch.ids], np.concatenate([b.images for b in batches]), batches


def test_predict_reads_what_training_reads(tmp_path: Path) -> None:
    root = folder(tmp_path / "data", pixels(2000 // 4))
    ids, images, _ = answers(root)
    dataset = read(root)
    assert ids == dataset.ids.tolist() and len(ids) == 2000
    np.testing.assert_array_equal(images, dataset.images)
    ids, images, _ = answers(root / "a/one.tif")
    assert ids == [f"one.tif#{page}" for page in range(500)]
    listed = table(tmp_path / "m.csv", "path,page,label", [f"data/a/one.tif,{n},{'ab'[n % 2]}" for n in (0, 2, 3)])
    ids, _, batches = answers(listed)
    assert ids == [f"data/a/one.tif#{page}" for page in (0, 2, 3)] and batches[0].labels.tolist() == [0, 0, 1]
    assert list_folder(root, False).files == sorted(STACKS)


def test_predict_refuses_channels(tmp_path: Path) -> None:
    path = save(tmp_path / "s.tif", pixels(4), description="ImageJ=1\nimages=4\nchannels=2\n")
    with pytest.raises(DataError, match="are channels"):
        answers(path)


def test_a_column_of_pages_by_another_name_is_asked_for(tmp_path: Path) -> None:
    save(tmp_path / "all.tif", pixels(4))
    table = tmp_path / "t.csv"
    table.write_text("path,frame,label\n" + "".join(f"all.tif,{row},{'ab'[row % 2]}\n" for row in range(4)))
    with pytest.raises(DataError, match=r"line 3: the same image twice.*keys: \{page: NAME\}"):
        read(table)
    contract = Input(height=9, width=8, channels=1, pixel_range=(0, 255))
    with pytest.raises(DataError, match=r"several pages in several rows; found 4 rows, 4 pages.*--key page=NAME"):
        list(open_images([str(table)], contract, None))
    (batch,) = open_images([str(table)], contract, None, reading=Reading(Options(keys={"page": "frame"})))
    assert len(batch.images) == 4
