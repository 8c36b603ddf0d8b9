"""Protects the way to the hub: its cache, its download and what is refused, with a server on 127.0.0.1 in its place."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from backbone_cases import SMALL, state, write
from needs import needs
from runs import small_study

from snellen.errors import DataError, WeightsNotFound
from snellen.models.backbones.weights import Scaling, Weights, find_weights
from snellen.phrases import megabytes
from snellen.run.check import check_study
from snellen.run.run_folder import Settings
from snellen.tables import print_check

pytestmark = needs("timm")
CONSTANTS = "huggingface_hub.constants"
REPOSITORY = "timm/test_resnet.r160_in1k"
PATH = f"/{REPOSITORY}/resolve/main/model.safetensors"
COMMIT = "0123456789abcdef0123456789abcdef01234567"
CODE = """
from snellen.models.backbones.weights import find_weights
print(find_weights("test_resnet", "imagenet").path)
"""


@dataclass
class Hub:
    """A server with one file, or with a status in its place."""

    address: str = ""
    content: bytes = b""
    etag: str = ""
    status: int = 200
    asked: list[str] = field(default_factory=list)


@pytest.fixture
def server() -> Iterator[Hub]:
    hub = Hub()

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            if "/resolve/" in self.path:  # huggingface_hub asks for other things, too
                hub.asked.append(f"{self.command} {self.path}")
            if hub.status != 200 or not self.path.endswith("model.safetensors"):
                self.send_response(hub.status if hub.status != 200 else 404)
                self.send_header("X-Error-Code", {404: "EntryNotFound", 401: "RepoNotFound"}.get(hub.status, ""))
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            self.send_response(200)
            self.send_header("X-Repo-Commit", COMMIT)
            self.send_header("ETag", f'"{hub.etag or hashlib.sha256(hub.content).hexdigest()}"')
            self.send_header("Content-Length", str(len(hub.content)))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(hub.content)

        do_GET = do_HEAD = answer

        def log_message(self, format: str, *args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as httpd:
        hub.address = f"http://127.0.0.1:{httpd.server_address[1]}"
        thread = threading.Thread(target=httpd.serve_forever, args=(0.01,))
        thread.start()
        yield hub
        httpd.shutdown()
        thread.join()


@dataclass
class User:
    """Whose hub is the server, with a cache of its own; huggingface_hub reads its environment once."""

    hub: Hub
    patch: pytest.MonkeyPatch

    def at(self, address: str) -> User:
        self.patch.setattr(f"{CONSTANTS}.ENDPOINT", address)
        template = f"{address}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
        self.patch.setattr(f"{CONSTANTS}.HUGGINGFACE_CO_URL_TEMPLATE", template)
        return self

    def find(self, offline: bool = False, may_download: bool = True, preprocessing: Any = None) -> Weights:
        self.patch.setattr(f"{CONSTANTS}.HF_HUB_OFFLINE", offline)
        return find_weights(SMALL, "imagenet", preprocessing=preprocessing, may_download=may_download)


@pytest.fixture
def user(tmp_path: Path, server: Hub, monkeypatch: pytest.MonkeyPatch) -> Iterator[User]:
    server.content = write(tmp_path / "published" / "x.safetensors", state()).read_bytes()
    monkeypatch.setattr(f"{CONSTANTS}.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setenv("SNELLEN_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("SNELLEN_DATA", raising=False)
    yield User(server, monkeypatch).at(server.address)
    from huggingface_hub import close_session

    close_session()


def test_weights_are_downloaded_once_and_then_found_in_the_cache(user: User, tmp_path: Path) -> None:
    first = user.find()
    assert first.sha256 == hashlib.sha256(user.hub.content).hexdigest()
    assert first.path.is_relative_to(tmp_path / "hub") and first.mean == (0.5, 0.5, 0.5)
    assert f"{REPOSITORY} on the hub" in first.origin and f"timm's {SMALL}.r160_in1k" in first.origin
    assert user.hub.asked[0] == f"HEAD {PATH}" and any(each.startswith("GET") for each in user.hub.asked)
    assert {each.rsplit("/", 1)[-1] for each in user.hub.asked} == {"model.safetensors"}
    asked = len(user.hub.asked)
    assert user.find(offline=True) == user.find() == user.find(may_download=False) == first
    assert len(user.hub.asked) == asked


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ({"offline": True}, "HF_HUB_OFFLINE forbids the download"),
        ({"may_download": False}, "not in its cache, and nothing was downloaded"),
    ],
)
def test_nothing_is_asked_for_where_it_must_not(how: dict[str, bool], reason: str, user: User) -> None:
    with pytest.raises(WeightsNotFound) as caught:
        user.find(**how)
    assert reason in str(caught.value) and not user.hub.asked
    assert f"hf download {REPOSITORY} model.safetensors" in str(caught.value)
    assert f"{user.hub.address}{PATH}" in str(caught.value)


def check(**backbone: Any) -> dict[str, Any]:
    """What `snellen check` says of a study with these weights, and one model without any."""
    layers = [{"backbone": {"name": SMALL, "read": "block2", **backbone}}, "global_average_pool"]
    models = {"small": {"layers": layers, "train": {"epochs": 1}}, "plain": {"layers": "linear"}}
    study = small_study(data={"source": "digits", "pad": 32}, models=models)
    return check_study(study.file, Settings(None, "cpu", 1, None, 1))


def test_check_downloads_nothing_and_says_what_the_run_will(user: User, capsys: pytest.CaptureFixture[str]) -> None:
    found = check()
    assert user.hub.asked and {each.split()[0] for each in user.hub.asked} == {"HEAD"}
    size = megabytes(len(user.hub.content))
    [sentence] = found["backbones"]
    assert sentence.startswith(
        f"small: `snellen run` will download the weights, {size}, from {REPOSITORY} on the hub; scaling: that of "
    )
    assert sentence.endswith("Licence: apache-2.0.")
    [row] = found["backbone_costs"]
    assert (row["sha256"], row["download_bytes"], row["images"]) == (None, len(user.hub.content), 1_797)
    assert row["seconds"] > 0 and found["seconds"] > row["seconds"]
    print_check(found)
    assert "frozen, weights to be downloaded, licence apache-2.0. Features (32): to be" in " ".join(
        capsys.readouterr().out.split()
    )
    user.find()
    [there] = check()["backbones"]
    assert there.startswith(f"small: Weights from {REPOSITORY} on the hub (SHA-256 ")


def test_check_says_what_the_run_would_where_nothing_can_be_downloaded(user: User) -> None:
    user.hub.status = 503
    with pytest.raises(WeightsNotFound, match=f"model small: no weights of the backbone {SMALL} on this machine"):
        check()
    assert check(if_missing="skip")["skipped"].keys() == {"small"}


@pytest.mark.parametrize("status", [401, 403, 404, 500, 503])
def test_a_server_that_refuses_is_named_at_once(status: int, user: User) -> None:
    user.hub.status = status
    with pytest.raises(WeightsNotFound, match=f"{REPOSITORY} on the hub: "):
        user.find()
    assert user.hub.asked == [f"HEAD {PATH}"]  # no pickle is asked for instead, and nothing is tried again and again


def test_no_server(user: User) -> None:
    with pytest.raises(WeightsNotFound, match=f"{REPOSITORY} on the hub: Connect"):
        user.at("http://127.0.0.1:9").find()


def test_the_study_may_scale_otherwise(user: User) -> None:
    found = user.find(preprocessing=Scaling((0.1,) * 3, (0.2,) * 3))
    assert (found.mean, found.licence) == ((0.1,) * 3, "apache-2.0") and "the study's `preprocessing`" in found.origin
    assert user.find(preprocessing=f"{SMALL}.r160_in1k").mean == (0.5,) * 3


def test_a_download_that_is_not_the_published_file_is_refused(user: User) -> None:
    user.hub.etag = "f" * 64
    with pytest.raises(DataError, match=r"not the published file; found SHA-256 .*Delete it and run again"):
        user.find()


def test_a_changed_file_in_the_cache_is_refused(user: User) -> None:
    path = user.find().path.resolve()
    path.write_bytes(path.read_bytes()[:-4] + b"\0\0\x00?")
    with pytest.raises(DataError, match="not the published file"):
        user.find()


def test_what_is_no_safetensors_file_on_the_hub_is_refused(user: User) -> None:
    user.hub.content = b"\x80\x04pickle"
    with pytest.raises(DataError, match="not a safetensors file; found a pickle"):
        user.find()


def test_the_environment_names_server_and_cache(user: User, tmp_path: Path) -> None:
    """In a process of its own."""
    ours = {"HF_ENDPOINT": user.hub.address, "HF_HUB_CACHE": str(tmp_path / "another"), "NO_PROXY": "127.0.0.1"}
    found = subprocess.run(
        [sys.executable, "-c", CODE], capture_output=True, text=True, check=True, timeout=120, env=os.environ | ours
    )
    assert Path(found.stdout.splitlines()[-1]).is_relative_to(tmp_path / "another")
