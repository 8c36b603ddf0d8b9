"""A file of weights: its names and shapes are compared with those of a network before any tensor is read.

Only safetensors, which cannot contain code. Files of torch.save (.pth, .pt, .bin) and of Keras (.h5, .keras) are
refused, whatever they are called.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from snellen.data.streams import file_bytes, open_data, reachable, readable
from snellen.errors import DataError, IdentityError, located, printable
from snellen.files.hashing import digest_stream
from snellen.limits import MAX_JSON_BYTES
from snellen.models.backbones.networks import Shape, network_shapes

if TYPE_CHECKING:
    from torch import Tensor

LENGTH_BYTES = 8
MAX_HEADER_BYTES = MAX_JSON_BYTES
"""Of names and shapes; a network of 5,000 tensors has half a megabyte."""
MAX_METADATA_CHARACTERS = 100_000
LISTED = 5
FLOATING = ("F64", "F32", "F16", "BF16")
COUNTER = "num_batches_tracked"
"""Of batch normalisation, used in training only: some files have no such tensors."""
OTHER_KINDS = {
    b"PK": "a zip, as torch.save and Keras write",
    b"\x80\x02": "a pickle, which may contain code",
    b"\x80\x03": "a pickle, which may contain code",
    b"\x80\x04": "a pickle, which may contain code",
    b"\x80\x05": "a pickle, which may contain code",
    b"\x89HDF": "an HDF5 file, as Keras writes",
    b"\x1f\x8b": "a gzip file",
    b"version https://git-lfs": "a pointer of Git LFS: the file itself was not downloaded",
    b"<": "a page of HTML",
}
CONVERT = "A state dict becomes such a file with `safetensors.torch.save_file` (docs/backbones.md)."


@dataclass(frozen=True)
class Header:
    """What a safetensors file declares. shapes, kinds: by tensor, as `(64, 3, 3, 3)` and `F32`. metadata: its texts."""

    shapes: Mapping[str, Shape]
    kinds: Mapping[str, str]
    metadata: Mapping[str, str]


def read_header(path: Path) -> Header:
    """The header of a safetensors file; reads no tensor.

    Raises DataError naming the file: for a folder, a pipe, a device, a file of another kind, one that is cut off, and
    one that declares too much.
    """
    from safetensors import SafetensorError, safe_open

    with located(str(path)), reachable(), readable():
        _expect_safetensors(path)
        try:
            with safe_open(path, framework="np") as file:
                slices = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118
                shapes = {name: tuple(each.get_shape()) for name, each in slices.items()}
                kinds = {name: str(each.get_dtype()) for name, each in slices.items()}
                metadata = dict(file.metadata() or {})
        except (SafetensorError, TypeError, OverflowError) as error:
            raise DataError(f"not a whole safetensors file ({printable(str(error), 200)})", hint=CONVERT) from None
    if sum(map(len, metadata.values())) > MAX_METADATA_CHARACTERS:
        metadata = {}
    return Header(shapes, kinds, metadata)


def _expect_safetensors(path: Path) -> None:
    with open_data(path) as file:
        size, start = file_bytes(file), file.read(32)
    length = int.from_bytes(start[:LENGTH_BYTES], "little")
    if start[LENGTH_BYTES : LENGTH_BYTES + 1] == b"{" and length <= MAX_HEADER_BYTES:
        if LENGTH_BYTES + length > size:
            found, expected = f"{size:,} bytes", f"a header of {length:,}"
            raise DataError("cut off inside its header", found=found, expected=expected)
        return
    kind = next((name for magic, name in OTHER_KINDS.items() if start.startswith(magic)), None)
    found = kind or (f"{size:,} bytes that begin with {start[:12]!r}" if size else "an empty file")
    raise DataError("not a safetensors file", found=found, expected="safetensors", hint=CONVERT)


def expect_tensors(header: Header, timm_name: str, heads: Sequence[str], hint: str | None = None) -> None:
    """Raises DataError unless the file has the tensors of the network, and no others.

    heads: how names of tensors of the classifier begin; it does not matter whether and in which shape they are there.
    The message lists up to LISTED missing, unexpected and other tensors of each kind, with their numbers.
    """
    network = network_shapes(timm_name)
    wanted = {name: each for name, each in network.items() if not name.startswith(tuple(heads))}
    given = {name: shape for name, shape in header.shapes.items() if not name.startswith(tuple(heads))}
    missing = [name for name in wanted if name not in given and not name.endswith(COUNTER)]
    unexpected = [name for name in given if name not in wanted]
    common = [name for name in given if name in wanted]
    shapes = [f"{name} {given[name]} instead of {wanted[name][0]}" for name in common if given[name] != wanted[name][0]]
    kinds = [f"{name} {header.kinds[name]}" for name in common if (header.kinds[name] in FLOATING) != wanted[name][1]]
    parts = {"missing": missing, "unexpected": unexpected, "of another shape": shapes, "of another type": kinds}
    differences = [_listed(what, names) for what, names in parts.items() if names]
    if differences:
        raise DataError(
            f"not the weights of {timm_name}",
            found="; ".join(differences),
            expected=f"its {len(wanted):,} tensors (those of its classifier may be missing)",
            hint=hint or _prefix_hint(missing, unexpected),
        )


def _listed(what: str, names: Sequence[str]) -> str:
    shown = [printable(name, 100) for name in names[:LISTED]]
    return f"{len(names):,} {what} ({', '.join(shown)}{', …' if len(names) > LISTED else ''})"


def _prefix_hint(missing: Sequence[str], unexpected: Sequence[str]) -> str | None:
    """What to do where all names have something in front of them, as `module.`."""
    for name in missing[:1]:
        fronts = {each.removesuffix(name) for each in unexpected if each.endswith(f".{name}")}
        for front in fronts:
            if all(f"{front}{each}" in unexpected for each in missing):
                return f"Every name begins with `{printable(front, 50)}`: write the file again without that."
    return None


def read_tensors(path: Path, sha256: str, names: Sequence[str] | None = None) -> dict[str, Tensor]:
    """The floating-point tensors of a file that was checked before, as float32 on the CPU; names: those of these that
    it has.

    Raises IdentityError where the file has another SHA-256 now, DataError for numbers that are not finite.
    """
    with located(str(path)), reachable(), readable():
        with open_data(path) as opened:
            found = digest_stream(opened)
        if found != sha256:
            raise IdentityError("changed after it was checked", found=f"SHA-256 {found}", expected=sha256)
        return dict(_finite(path, names))


def expect_finite(path: Path) -> None:
    """Raises DataError naming the first tensor with numbers that are not finite; reads one tensor at a time."""
    with located(str(path)), reachable(), readable():
        for _ in _finite(path, None):
            pass


def _finite(path: Path, names: Sequence[str] | None) -> Iterator[tuple[str, Tensor]]:
    import torch
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as file:
            for name in [name for name in file.keys() if names is None or name in names]:  # noqa: SIM118
                value = file.get_tensor(name)
                if not value.is_floating_point():
                    continue
                is_finite = torch.isfinite(value)
                if not bool(is_finite.all()):
                    found = f"{int((~is_finite).sum()):,} of {value.numel():,}"
                    raise DataError("weights that are not finite", found=found, where=printable(name, 100))
                yield name, value.to(torch.float32)
    except SafetensorError as error:
        raise DataError(f"cannot be read ({printable(str(error), 200)})") from None
