"""Protects where the images of a manifest are looked for, and what its columns may be called: what is certain is used
and said, everything else is refused with what was found and the line to write."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import image_cases as cases
import polars as pl
import pytest

from snellen.data.groups import Group
from snellen.data.load import read
from snellen.data.readers.reader import DEFAULT_OPTIONS, Options
from snellen.data.readers.registry import holds_image_files
from snellen.errors import DataError, OutsideFolder, SnellenError
from snellen.init.survey import survey

IDS = tuple(f"{number:08x}" for number in range(6))


def images(folder: Path, names: Sequence[str] = IDS, suffix: str = ".jpg") -> Path:
    for row, name in enumerate(names):
        cases.save(folder / f"{name}{suffix}", cases.COLOUR ^ row)
    return folder


def listed(file: Path, paths: Sequence[str], header: str = "path,label", *, rest: str = "") -> Path:
    """A manifest of these paths, of two labels in turn."""
    file.parent.mkdir(parents=True, exist_ok=True)
    lines = [header, *(f"{path},{'ab'[row % 2]}{rest}" for row, path in enumerate(paths))]
    file.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return file


def refused(
    file: Path, message: str, options: Options = DEFAULT_OPTIONS, error: type[SnellenError] = DataError
) -> None:
    with pytest.raises(error, match=message):
        read(file, options)


def said(file: Path, options: Options = DEFAULT_OPTIONS) -> str:
    return " ".join(read(file, options).remarks)


def test_the_one_folder_that_has_the_listed_names(tmp_path: Path) -> None:
    images(tmp_path / "data/train")
    file = listed(tmp_path / "names.csv", [f"{name}.jpg" for name in IDS])
    assert read(file).ids.tolist() == [f"data/train/{name}.jpg" for name in IDS]
    assert "The listed images are in data/train/ (6)." in said(file)
    (tmp_path / "data/train").rename(tmp_path / "moved")
    assert read(file).ids[0] == f"moved/{IDS[0]}.jpg"  # not the place that the cache remembers


def test_names_without_suffix(tmp_path: Path) -> None:
    images(tmp_path / "train")
    file = listed(tmp_path / "labels.csv", IDS, "id,breed")
    assert read(file).ids.tolist() == [f"train/{name}.jpg" for name in IDS]
    assert "with .jpg added" in said(file) and "`id`" in said(file) and "`breed`" in said(file)
    cases.save(tmp_path / f"train/{IDS[2]}.png", cases.COLOUR)
    refused(
        file,
        rf"could be several files; found {IDS[2]}: train/{IDS[2]}.jpg, train/{IDS[2]}.png.*with their suffixes",
        Options("manifest"),
    )


def test_names_without_suffix_beside_the_manifest(tmp_path: Path) -> None:
    file = listed(images(tmp_path) / "labels.csv", IDS, "image_id,label")
    assert read(file).ids.tolist() == [f"{name}.jpg" for name in IDS]


def test_names_in_several_folders_of_which_each_has_some(tmp_path: Path) -> None:
    images(tmp_path / "part_1", IDS[:3])
    images(tmp_path / "part_2", IDS[3:])
    file = listed(tmp_path / "meta.csv", IDS, "lesion_id,image_id,dx,dx_type".replace("lesion_id,", ""), rest=",x")
    assert read(file).ids[-1] == f"part_2/{IDS[5]}.jpg"
    assert "part_1/ (3) and part_2/ (3)" in said(file)


def test_the_same_names_in_two_folders(tmp_path: Path) -> None:
    images(tmp_path / "test")
    images(tmp_path / "train", suffix=".png")
    file = listed(tmp_path / "names.csv", [f"{name}.png" for name in IDS])
    assert read(file).ids[0] == f"train/{IDS[0]}.png"
    images(tmp_path / "test", suffix=".png")
    refused(file, r"several files; found .*`keys: \{folder: test\}` or `keys: \{folder: train\}`")
    assert read(file, Options(keys={"folder": "train"})).ids[0] == f"train/{IDS[0]}.png"
    refused(file, "no such folder", Options(keys={"folder": "tarin"}))


def test_one_of_them_is_missing(tmp_path: Path) -> None:
    images(tmp_path / "train")
    file = listed(tmp_path / "names.csv", [*(f"{name}.jpg" for name in IDS), "gone.jpg", "lost.jpg"])
    refused(file, r"line 8: no such file; found gone.jpg \(and 1 others of 8\).*on_bad_image: exclude")
    dataset = read(file, Options(on_bad_image="exclude"))
    assert [each.file for each in dataset.excluded] == ["train/gone.jpg", "train/lost.jpg"] and len(dataset) == 6


def test_all_are_missing(tmp_path: Path) -> None:
    """Not "no readable image", also where unreadable images are left out, as `init` does."""
    file = listed(tmp_path / "in/names.csv", [f"{name}.jpg" for name in IDS])
    for options in (Options(), Options(on_bad_image="exclude")):
        refused(
            file, r"line 2: no such file; found 00000000.jpg \(and 5 others of 6\).*`keys: \{folder: \.\.\.\}`", options
        )
    with pytest.raises(DataError, match=r"no such file; found 00000000\.jpg"):
        survey(str(file))
    images(tmp_path / "elsewhere")
    for folder in ("../elsewhere", str(tmp_path / "elsewhere")):
        dataset = read(file, Options(keys={"folder": folder}))
        assert len(dataset) == 6 and f"6 listed images, 6 in {tmp_path / 'elsewhere'}" in " ".join(dataset.remarks)


def test_whole_paths(tmp_path: Path) -> None:
    images(tmp_path / "in/train")
    inside = listed(tmp_path / "in/abs.csv", [str(tmp_path / f"in/train/{name}.jpg") for name in IDS])
    assert read(inside).ids[0] == f"train/{IDS[0]}.jpg" and read(inside).remarks == ()
    outside = listed(tmp_path / "other/abs.csv", [str(tmp_path / f"in/train/{name}.jpg") for name in IDS])
    up = listed(tmp_path / "other/up.csv", [f"../in/train/{name}.jpg" for name in IDS])
    for file in (outside, up):
        refused(file, "line 2: the path leaves the folder.*`links: follow`.*--follow-links", error=OutsideFolder)
        assert len(read(file, Options(links="follow"))) == 6
        assert survey(str(file)).options.links == "follow"
        assert f"6 listed images, 6 in {tmp_path / 'in/train'}" in said(file, Options(links="follow"))


@pytest.mark.parametrize("prefix", ["C:\\Users\\anna\\train\\", "/kaggle/input/pets/", "\\\\server\\pets\\"])
def test_paths_of_another_machine(tmp_path: Path, prefix: str) -> None:
    images(tmp_path / "train")
    file = listed(tmp_path / "abs.csv", [f"{prefix}{name}.jpg" for name in IDS])
    refused(
        file,
        r"line 2: no such file; found .*/00000000.jpg \(and 5 others of 6\).*Files of such names are in train \(6\)",
    )


@pytest.mark.parametrize("address", ["https://example.org/a.jpg", "s3://pets/a.jpg", "gs://pets/a.jpg"])
def test_addresses(tmp_path: Path, address: str) -> None:
    refused(listed(tmp_path / "web.csv", [address]), "line 2: a web address; found .*Download the images")


def test_file_addresses_are_paths(tmp_path: Path) -> None:
    folder = images(tmp_path / "my photos")
    file = listed(folder / "names.csv", [(folder / f"{name}.jpg").as_uri() for name in IDS])
    assert read(file).ids.tolist() == [f"{name}.jpg" for name in IDS]
    refused(listed(folder / "other.csv", ["file://server/a.jpg"]), "line 2: a file of another machine; found")
    (tmp_path / "secret.jpg").write_bytes((folder / f"{IDS[0]}.jpg").read_bytes())
    refused(listed(folder / "out.csv", [(tmp_path / "secret.jpg").as_uri()]), "leaves the folder", error=OutsideFolder)


def test_columns_separated_by_bars(tmp_path: Path) -> None:
    images(tmp_path)
    file = listed(tmp_path / "names.csv", [f"{name}.jpg" for name in IDS])
    file.write_text(file.read_text(encoding="utf-8").replace(",", "|"), encoding="utf-8")
    assert read(file).ids.tolist() == [f"{name}.jpg" for name in IDS]


def test_backslashes_are_slashes(tmp_path: Path) -> None:
    images(tmp_path / "train")
    assert read(listed(tmp_path / "win.csv", [f"train\\{name}.jpg" for name in IDS])).ids[0] == f"train/{IDS[0]}.jpg"


@pytest.mark.parametrize(
    "header",
    [
        *(
            "filename,label",
            "image,class",
            "File_Name,Category",
            "image_path,target",
            "filepaths,labels",
            "img,species",
        ),
        *("Image_ID,Breed", "id_code,diagnosis", "id,breed", "image_id,dx", "picture,emotion", "photo,what it shows"),
    ],
)
def test_names_of_columns(tmp_path: Path, header: str) -> None:
    file = listed(images(tmp_path) / "list.csv", [f"{name}.jpg" for name in IDS], header)
    dataset = read(file)
    assert dataset.classes == ("a", "b") and len(dataset) == 6
    usual = header in ("filename,label", "image,class")
    assert usual == (dataset.remarks == ())
    if not usual:
        assert f"`{header.rpartition(',')[2]}`" in " ".join(dataset.remarks)


@pytest.mark.parametrize(
    ("header", "rest", "message"),
    [
        (
            "image,left,right",
            ",x",
            r"no column for the label; found 'image', 'left', 'right'.*`keys: \{label: COLUMN\}`",
        ),
        (
            "image,breed,species",
            ",x",
            r"two columns could be the label; found breed and species.*`keys: \{label: breed\}`",
        ),
    ],
)
def test_columns_that_could_be_anything(tmp_path: Path, header: str, rest: str, message: str) -> None:
    file = listed(images(tmp_path) / "list.csv", [f"{name}.jpg" for name in IDS], header, rest=rest)
    refused(file, message)
    assert len(read(file, Options("manifest", {"label": header.split(",")[1]}))) == 6


def test_a_list_without_header(tmp_path: Path) -> None:
    images(tmp_path)
    (tmp_path / "list.csv").write_text("".join(f"{name}.jpg,{name[-1]}\n" for name in IDS))
    refused(tmp_path / "list.csv", r"line 1: no header; found '00000000.jpg,0'.*a line above it: path,label")


def test_tables_of_other_things_are_no_manifests(tmp_path: Path) -> None:
    images(tmp_path)
    for header in ("id,price", "name,label", "a,b"):
        assert not holds_image_files(listed(tmp_path / "other.csv", ["house", "garden"], header))


@pytest.mark.parametrize("column", ["split", "Set", "subset", "partition", "Usage", "data set"])
def test_parts_of_other_column_names(tmp_path: Path, column: str) -> None:
    images(tmp_path)
    roles = ["Training", "Training", "PublicTest", "valid", "test", "PrivateTest"]
    file = tmp_path / "list.csv"
    lines = [f"path,label,{column}", *(f"{name}.jpg,{'ab'[row % 2]},{roles[row]}" for row, name in enumerate(IDS))]
    file.write_text("\n".join(lines))
    dataset = read(file)
    assert dataset.official_validation is not None and dataset.official_validation.sum() == 2
    assert dataset.official_test is not None and dataset.official_test.sum() == 2
    assert f"by the column `{column}`: PrivateTest is test, PublicTest is validation" in " ".join(dataset.remarks)


def test_a_column_called_set_that_names_no_parts(tmp_path: Path) -> None:
    images(tmp_path)
    file = listed(tmp_path / "list.csv", [f"{name}.jpg" for name in IDS], "path,label,set", rest=",indoor")
    assert "The column `set` ('indoor') names no part of the data and is not used." in said(file)
    assert read(file).official_test is None
    refused(file, "line 2: unknown role; found 'indoor'", Options(keys={"role": "set"}))
    file.write_text(file.read_text("utf-8").replace("indoor", "train", 1))
    refused(file, "line 3: unknown role; found 'indoor'; expected train, validation or test")


def with_column(path: Path, column: str, values: list[str], labels: str = "ababab") -> Path:
    """A table of the six images with one more column; as Parquet where the suffix says so."""
    images(path.parent)
    rows = [(f"{name}.jpg", labels[row % len(labels)], values[row % len(values)]) for row, name in enumerate(IDS)]
    if path.suffix == ".parquet":
        pl.DataFrame(rows, schema=["path", "label", column], orient="row").write_parquet(path)
    else:
        path.write_text("\n".join([f"path,label,{column}", *map(",".join, rows)]))
    return path


@pytest.mark.parametrize("name", ["list.csv", "list.parquet"])
def test_a_column_of_any_name_that_says_parts(tmp_path: Path, name: str) -> None:
    """It was not looked at, and the rows of the test part were trained on; a pixel CSV of the same form was read."""
    file = with_column(tmp_path / name, "purpose", ["train", "train", "test"])
    dataset = read(file)
    assert dataset.official_test is not None and dataset.official_test.sum() == 2
    assert "Parts of the data by the column `purpose`: test is test, train is train." in said(file)
    for values in (["train", "bus", "car"], ["test", "test", "val"]):
        file = with_column(tmp_path / name, "vehicle", values)
        assert read(file).official_test is None and "The column `vehicle`" in said(file)


@pytest.mark.parametrize("column", ["is_test", "isTrain", "is_training_image", "train", "Test"])
@pytest.mark.parametrize("name", ["list.csv", "list.parquet"])
def test_a_column_that_marks_parts_in_a_form_that_is_not_read(tmp_path: Path, name: str, column: str) -> None:
    file = with_column(tmp_path / name, column, ["0", "1"])
    refused(file, rf"marks parts in a form that is not read; found '{column}'.*`keys: {{path: path, label: label}}`")
    assert read(file, Options(kind="manifest", keys={"path": "path", "label": "label"})).official_test is None


def test_columns_that_are_not_used_are_said(tmp_path: Path) -> None:
    file = with_column(tmp_path / "list.csv", "patient_id", ["p1", "p2", "p3"])
    expected = "Columns that are not used: 'patient_id'. `group: patient_id` keeps images that share it"
    assert expected in said(file)
    assert "not used" not in said(file, Options(group=Group(column="patient_id")))


def test_rows_without_a_label_are_counted(tmp_path: Path) -> None:
    file = tmp_path / "list.csv"
    for nothing in ("", "NaN", "null", "<NA>"):
        file.write_text(f"path,label\na.jpg,cat\nb.jpg,{nothing}\nc.jpg,{nothing}\nd.jpg,None\n")
        images(tmp_path, "abcd")
        refused(file, rf"line 3: no label; found '{nothing}', 2 of 4 rows without one.*Leave these rows out")


def test_labels_that_look_like_several_are_said(tmp_path: Path) -> None:
    images(tmp_path)
    file = tmp_path / "list.csv"
    for mark, number in ((",", 2), ("|", 2), (";", 2), (" ", 0)):
        labels = ["cat", f"cat{mark}bird", "tench, Tinca"]
        file.write_text("\n".join(["path,label", *(f'{name}.jpg,"{labels[row % 3]}"' for row, name in enumerate(IDS))]))
        assert (f"{number} images look like having several labels" in said(file)) == bool(number)


def test_labels_in_two_forms_of_unicode(tmp_path: Path) -> None:
    images(tmp_path)
    file = tmp_path / "list.csv"
    labels = ["caf\u00e9", "cafe\u0301", "tea"]
    file.write_text(
        "\n".join(["path,label", *(f"{name}.jpg,{labels[row % 3]}" for row, name in enumerate(IDS))]), "utf-8"
    )
    assert read(file).classes == ("caf\u00e9", "tea") and "two forms of Unicode" in said(file)
