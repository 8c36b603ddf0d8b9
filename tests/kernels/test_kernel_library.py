"""Protects the way to the kernels: they are there where a compiler is, can be switched off, and nothing needs them."""

from __future__ import annotations

import ctypes
import shutil
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from needs import needs
from training_cases import job, lane, start, training

from snellen.kernels import library as kernels
from snellen.models.layers import LAYERS
from snellen.models.merge import MERGES
from snellen.train.backend import choose
from snellen.train.backend.choose import COMPILED, TORCH, backends_for
from snellen.train.backend.compiled_network import CompiledNetwork
from snellen.train.environment import current_environment
from snellen.train.watcher import Silent

LEFT_TO_TORCH = {
    *("depthwise_conv", "separable_conv", "global_max_pool", "zero_pad", "batch_norm", "layer_norm", "skip"),
    *MERGES,
    *("unit_norm", "normalization", "spatial_dropout", "gaussian_noise", "gaussian_dropout", "alpha_dropout"),
    *("prelu", "selu", "celu", "relu6", "softplus", "softsign", "mish", "exponential", "log_sigmoid"),
    *("hard_sigmoid", "hard_silu", "hard_tanh"),
}


@pytest.fixture(autouse=True)
def switched_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(kernels.SWITCH, raising=False)


def test_a_compiler_makes_them() -> None:
    """Where one is on the path, Snellen was installed with kernels: no other test may pass by skipping all of them."""
    if any(map(shutil.which, ("c++", "g++", "clang++"))):
        assert kernels.library() is not None


def test_instructions_are_those_of_the_processor() -> None:
    assert kernels.instructions() in ("avx512", "avx2", "generic", kernels.OFF)
    found = kernels.library()
    if found is not None:
        assert found.snellen_use(b"abacus") == 0 and kernels.instructions() != "abacus"


def test_they_can_be_switched_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(kernels.SWITCH, "off")
    assert kernels.library() is None
    assert current_environment("cpu", 1, {})["kernels"] == kernels.instructions() == kernels.OFF
    assert backends_for(job().trajectory, "cpu") == (TORCH,)


@pytest.mark.parametrize("broken", ["missing", "no library", "other ABI"])
def test_nothing_needs_them(broken: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Missing, not loadable, or built from other sources: torch trains, and gives its own bits."""
    place = tmp_path / f"_native{EXTENSION_SUFFIXES[0]}"
    if broken != "missing":
        place.write_bytes(b"no library")
    if broken == "other ABI":
        monkeypatch.setattr(ctypes, "CDLL", lambda path: SimpleNamespace(snellen_abi=lambda: kernels.ABI + 1))
    with monkeypatch.context() as off:
        off.setenv(kernels.SWITCH, "off")
        wanted = epoch(TORCH)
    monkeypatch.setattr(kernels, "__file__", str(tmp_path / "library.py"))
    kernels._loaded.cache_clear()
    try:
        assert kernels.library() is None and kernels.instructions() == kernels.OFF
        assert torch.equal(epoch(COMPILED), wanted)
    finally:
        kernels._loaded.cache_clear()


def epoch(backend: str) -> torch.Tensor:
    """Parameters after one epoch."""
    one = lane()
    own = training(one)
    return type(own).prepare([one], own.data, backend=backend).run_steps(start(one), Silent()).state.theta


@needs("kernels")
def test_the_rule(monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernels for networks of their layers on the CPU, unless most work is in convolutions of many channels, or the
    processor lacks AVX2; torch for all others."""
    monkeypatch.setattr(choose, "instructions", lambda: "avx2")
    conv = {"conv": {"filters": 32, "kernel": 3}}
    networks = (["flatten"], [conv, "flatten"], [conv, conv, "flatten"])
    dense, few, many = (job(layers=layers).trajectory for layers in networks)
    assert backends_for(dense, "cpu") == backends_for(few, "cpu") == (COMPILED, TORCH)
    assert backends_for(many, "cpu") == (TORCH, COMPILED)
    assert (
        backends_for(job(layers=["flatten", "batch_norm"]).trajectory, "cpu") == backends_for(dense, "cuda") == (TORCH,)
    )
    monkeypatch.setattr(choose, "instructions", lambda: "generic")
    assert backends_for(dense, "cpu") == (TORCH, COMPILED)


@pytest.mark.parametrize("name", LAYERS)
def test_every_layer_is_known_or_left_to_torch(name: str) -> None:
    """A new layer must say whether the kernels have it."""
    needs: dict[str, Any] = {
        "conv": {"filters": 2, "kernel": 3},
        "separable_conv": {"filters": 2, "kernel": 3},
        "skip": ["relu"],
        **{merge: [[], ["relu"]] for merge in MERGES},
    }
    needs |= {"dense": 2, "dropout": 0.1, "rescale": 2.0, "depthwise_conv": {"kernel": 3}}
    needs |= {"spatial_dropout": 0.1, "gaussian_noise": 0.1, "gaussian_dropout": 0.1, "alpha_dropout": 0.1}
    needs |= {"normalization": {"mean": 0.5, "variance": 0.1}}
    written = {name: needs[name]} if name in needs else name
    layers = ["flatten", written] if name == "dense" else [written]
    flat = [] if name in ("flatten", "dense", "global_average_pool", "global_max_pool") else ["flatten"]
    network = job(layers=[*layers, *flat]).trajectory.network
    assert (CompiledNetwork.of(network) is None) == (name in LEFT_TO_TORCH)


def test_images_that_are_not_square_have_no_global_average() -> None:
    network = job(layers=["global_average_pool"], input_shape=(6, 5, 2)).trajectory.network
    assert CompiledNetwork.of(network) is None
