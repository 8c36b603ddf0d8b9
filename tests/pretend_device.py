"""A device that there is not: tensors that say they lie elsewhere, and fail where a GPU would fail, or would wait.

They compute on the CPU, so that what comes out can be compared. The device is called `meta`: torch knows it, and no
code of ours asks for it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from unittest import mock

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode, return_and_correct_aliasing
from torch.utils._pytree import tree_leaves, tree_map_only

DEVICE = "meta"
WAITS = {
    *("aten::_local_scalar_dense", "aten::equal", "aten::is_nonzero", "aten::nonzero", "aten::masked_select"),
    *("aten::_unique", "aten::_unique2", "aten::unique_dim", "aten::unique_consecutive", "aten::bincount"),
}
"""Operations for which the host waits: it needs their result, or its shape."""
COPIES = {"aten::_to_copy", "aten::copy_"}
INDEXING = {"aten::index", "aten::index_put", "aten::index_put_"}


class Waited(RuntimeError):
    """The host waited for the device, or copied something to it, where it must not."""


class Elsewhere(Tensor):
    """A tensor of the pretended device; `here` is what it holds."""

    here: Tensor

    @staticmethod
    def __new__(cls, here: Tensor) -> Elsewhere:
        layout = (here.shape, here.stride(), here.storage_offset())
        made = Tensor._make_wrapper_subclass(cls, *layout, dtype=here.dtype, device=torch.device(DEVICE))
        made.here = here
        return made

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:  # type: ignore[override]
        raise RuntimeError(f"{func} after the pretended device was gone")


class PretendDevice(TorchDispatchMode):
    """Inside its block what is made for DEVICE is `Elsewhere`. waits: how often the host waited for what, or copied."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.waits: Counter[str] = Counter()
        self._strict = False

    @contextmanager
    def in_use(self) -> Iterator[PretendDevice]:
        """The device is there. Generators of random numbers for it are the CPU's; tensors that wrap others know no
        inference mode."""
        instead: dict[str, Any] = {"Generator": _Generator, "inference_mode": torch.no_grad}
        with mock.patch.multiple(torch, **instead), _FromNumbers(), self:
            yield self

    def forbid_waiting(self) -> None:
        """From now on Waited is raised where the host would wait."""
        self._strict = True

    def allow_waiting(self) -> None:
        """From now on it is only counted."""
        self._strict = False

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs, name = dict(kwargs or {}), func._schema.name
        given = [each for each in tree_leaves((args, kwargs)) if isinstance(each, Tensor)]
        elsewhere = [each for each in given if isinstance(each, Elsewhere)]
        if any(each.is_meta and not isinstance(each, Elsewhere) for each in given):
            raise RuntimeError(f"{name} of a tensor without values: it was made in a way that is not pretended")
        goes_there = self._goes_there(name, args, kwargs, bool(elsewhere))
        self._check(name, args, kwargs, goes_there, bool(elsewhere))
        if kwargs.get("device") is not None:
            kwargs["device"] = torch.device("cpu")
        here_args, here_kwargs = tree_map_only(Elsewhere, lambda each: each.here, (args, kwargs))
        found = func(*here_args, **here_kwargs)
        if not goes_there:
            return args[0] if name == "aten::copy_" else found
        if name in COPIES and found.data_ptr() == tree_leaves(here_args)[0].data_ptr() and name != "aten::copy_":
            found = found.clone()
        wrapped = tree_map_only(Tensor, Elsewhere, found)
        return return_and_correct_aliasing(func, args, kwargs, wrapped) if elsewhere else wrapped

    @staticmethod
    def _goes_there(name: str, args: Any, kwargs: Mapping[str, Any], touched: bool) -> bool:
        """Whether the result lies on the device."""
        if name == "aten::copy_":
            return isinstance(args[0], Elsewhere)
        wanted = kwargs.get("device")
        return touched if wanted is None else torch.device(wanted).type == DEVICE

    def _check(self, name: str, args: Any, kwargs: Mapping[str, Any], goes_there: bool, touched: bool) -> None:
        if name in COPIES:
            came_from = isinstance(args[-1 if name == "aten::copy_" else 0], Elsewhere)
            if came_from != goes_there:
                self._wait(f"a copy {'to' if goes_there else 'from'} the device")
        elif touched and name in INDEXING:
            self._check_indices(name, [each for each in args[1] if each is not None])
            _refuse_strangers(name, (args[0], *args[2:]))
        elif touched:
            _refuse_strangers(name, tree_leaves((args, kwargs)))
            if name in WAITS:
                self._wait(name)

    def _check_indices(self, name: str, indices: Sequence[Tensor]) -> None:
        """Those of the host are copied; of a mask must be known how much of it is true."""
        if any(each.dtype == torch.bool for each in indices):
            self._wait(f"{name} by a mask")
        if not all(isinstance(each, Elsewhere) for each in indices):
            self._wait("a copy to the device")

    def _wait(self, what: str) -> None:
        if self._strict:
            raise Waited(what)
        self.waits[what] += 1


def _refuse_strangers(name: str, given: Sequence[Any]) -> None:
    """A single number of the host may meet a tensor of the device, as on a GPU; no other tensor may."""
    for each in given:
        if isinstance(each, Tensor) and not isinstance(each, Elsewhere) and each.dim():
            raise RuntimeError(f"{name} of tensors on two devices, one of shape {tuple(each.shape)} on the host")


class _FromNumbers(TorchFunctionMode):
    """torch makes tensors of Python's numbers without asking a dispatch mode: here they are made first, then copied."""

    def __torch_function__(self, func: Callable[..., Any], types: Any, args: Any = (), kwargs: Any = None) -> Any:
        given = dict(kwargs or {})
        if func in (torch.tensor, torch.as_tensor) and torch.device(given.get("device") or "cpu").type == DEVICE:
            return func(*args, **{**given, "device": "cpu"}).to(DEVICE)
        if func is Tensor.__getitem__ and isinstance(args[1], list):
            return func(args[0], torch.tensor(args[1], dtype=torch.long))
        return func(*args, **given)


class _Generator(torch.Generator):
    """Of the CPU, whatever device it is asked for."""

    def __new__(cls, device: object = None) -> _Generator:
        return super().__new__(cls)


def held(value: Tensor) -> Tensor:
    """What a tensor of the device holds, without asking the device."""
    return value.here if isinstance(value, Elsewhere) else value
