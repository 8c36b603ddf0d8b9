"""Protects links: inside the folder of the data they are followed, outside by permission alone, and never for ever."""

from __future__ import annotations

from pathlib import Path

import image_cases as cases
import pytest
from folder_cases import photos, refused, simple

from snellen.data.load import read
from snellen.data.readers.reader import Options
from snellen.errors import DataError, OutsideFolder, StudyError
from snellen.init.propose import propose
from snellen.init.survey import survey

FOLLOW = Options(links="follow")


def linked(link: Path, target: Path) -> Path:
    link.parent.mkdir(parents=True, exist_ok=True)
    try:
        link.symlink_to(target, target_is_directory=target.is_dir())
    except OSError:
        pytest.skip("this system makes no links")
    return link


def view(root: Path, *, of_folders: bool) -> Path:
    """A folder of links to the images, or to the class folders, of another."""
    pool = simple(root / "pool")
    for label in ("cat", "dog"):
        for target in [pool / label] if of_folders else (pool / label).iterdir():
            linked(root / "view" / target.relative_to(pool), target)
    return root / "view"


@pytest.mark.parametrize("of_folders", [False, True])
def test_links_lead_out_by_permission(tmp_path: Path, of_folders: bool) -> None:
    folder = view(tmp_path, of_folders=of_folders)
    refused(
        folder,
        r"the path leaves the folder; found .*pool/cat.*say `links: follow` under `data`.*--follow-links",
        OutsideFolder,
    )
    dataset, pool = read(folder, FOLLOW), read(tmp_path / "pool")
    assert dataset.fingerprint == pool.fingerprint and dataset.ids.tolist() == pool.ids.tolist()
    assert f"Links lead to 8 files outside the folder: 4 in {tmp_path / 'pool/cat'}, 4 in" in " ".join(dataset.remarks)


def test_init_asks_for_the_permission_in_the_study(tmp_path: Path) -> None:
    folder = view(tmp_path, of_folders=False)
    found = survey(str(folder))
    text = propose(found.dataset, str(folder), options=found.options, near=found.near).text
    assert "\n  links: follow\n" in text and "Links lead to 8 files outside the folder" in text


def test_the_permission_is_part_of_the_identity_only_when_given() -> None:
    assert "links" not in Options().as_json() and FOLLOW.as_json()["links"] == "follow"


def test_links_inside_the_folder(tmp_path: Path) -> None:
    root = simple(tmp_path)
    linked(root / "cat/again.png", root / "dog/0.png")
    assert len(read(root)) == 9 and read(root).remarks == ()
    linked(root / "cat/dogs", root / "dog")
    refused(root, "cat/dogs: a linked folder", OutsideFolder)
    assert len(read(root, FOLLOW)) == 13


def test_a_link_that_leads_nowhere_is_a_bad_image(tmp_path: Path) -> None:
    root = simple(tmp_path / "pets")
    read(root)  # into the cache, from which the same files without the link must not be taken
    linked(root / "cat/9.png", root / "gone.png")
    refused(root, r"cat/9.png: cannot be read: No such file.*found .*gone.png.*on_bad_image: exclude")
    dataset = read(root, Options(on_bad_image="exclude"))
    assert [each.file for each in dataset.excluded] == ["cat/9.png"] and len(dataset) == 8


def test_links_in_a_circle_end(tmp_path: Path) -> None:
    root = simple(tmp_path / "pets")
    linked(root / "cat/up", root)
    refused(root, "cat/up: a linked folder that leads back to a folder above it", options=FOLLOW)


def test_links_that_multiply_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten links in each of thirty folders would be 10^30 folders."""
    monkeypatch.setattr("snellen.data.readers.image_files.walk.MAX_FOLDERS", 2_000)
    root = simple(tmp_path / "pets")
    for level in range(30):
        (tmp_path / f"level{level}").mkdir()
    for level in range(29):
        for number in range(10):
            linked(tmp_path / f"level{level}/{number}", tmp_path / f"level{level + 1}")
    linked(root / "cat/all", tmp_path / "level0")
    refused(root, "too many folders; expected at most 2,000", options=FOLLOW)


def test_only_images_are_read_through_links(tmp_path: Path) -> None:
    root = simple(tmp_path / "pets")
    (tmp_path / "secret").write_text("password")
    linked(root / "cat/secret.png", tmp_path / "secret")
    with pytest.raises(DataError, match=r"cat/secret.png: not an image") as error:
        read(root, FOLLOW)
    assert "password" not in str(error.value)


def test_links_of_arrays_are_not_asked_about(tmp_path: Path) -> None:
    import data_cases

    refused(data_cases.write_npz(tmp_path / "a"), "`links` is for image files only", StudyError, FOLLOW)


def test_a_manifest_beside_linked_images(tmp_path: Path) -> None:
    cases.save(tmp_path / "pool/a.png", cases.COLOUR)
    photos(tmp_path, "in/b.png")
    linked(tmp_path / "in/a.png", tmp_path / "pool/a.png")
    (tmp_path / "in/list.csv").write_text("path,label\na.png,x\nb.png,y\n")
    refused(tmp_path / "in/list.csv", "line 2: the path leaves the folder.*links: follow", OutsideFolder)
    assert len(read(tmp_path / "in/list.csv", FOLLOW)) == 2


def test_links_that_multiply_are_refused_in_time(tmp_path: Path) -> None:
    """Two links in each folder to the next: 2^18 ways to the last, whose image comes after all of them."""
    deepest = tmp_path / "pool/d18"
    photos(deepest, "0.png")
    for number in range(18):
        folder = tmp_path / f"pool/d{number}"
        folder.mkdir()
        for name in ("a", "b"):
            linked(folder / name, tmp_path / f"pool/d{number + 1}")
    linked(tmp_path / "photos/cat/all", tmp_path / "pool/d0")
    with pytest.raises(DataError, match="too many linked folders"):
        read(tmp_path / "photos", Options(kind="folder", links="follow"))
