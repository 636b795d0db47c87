"""A pretended accelerator: tensors that say they are on `pretend:0`, are computed on the CPU, and meet no CPU tensors.

Import it before anything of the lab, in a process of its own: it takes inference mode away from all of torch.
`model.to("pretend")` then behaves as `model.to("cuda")` would as far as placement goes: mixing raises, `.numpy()`
raises, `.cpu()`, `.item()` and `.tolist()` work; values are the CPU's own. Like mps it has no float64. It does not know
where weights lie in memory, nor what a number type costs. Rests on torch's private-use backend in Python (experimental
in torch 2.13): an empty tensor of that device is a wrapper.
"""

from typing import Any

import torch
from torch.utils import _pytree as tree
from torch.utils.backend_registration import _DummyBackendModule, _setup_privateuseone_for_python_backend

NAME = "pretend"
aten = torch.ops.aten


class Backend(_DummyBackendModule):
    @staticmethod
    def get_amp_supported_dtype() -> list[torch.dtype]:
        return [torch.bfloat16, torch.float16]


class NoInference(torch.no_grad):
    """A wrapper tensor cannot be detached in inference mode, so the whole process goes without it."""

    def __init__(self, mode: bool = True) -> None:
        super().__init__()


_setup_privateuseone_for_python_backend(NAME, backend_module=Backend())
torch.inference_mode = NoInference


class Far(torch.Tensor):
    inner: torch.Tensor

    @staticmethod
    def __new__(cls, inner: torch.Tensor) -> "Far":
        if inner.dtype == torch.float64:
            raise TypeError(f"{NAME} has no float64, as mps has none")
        make: Any = torch.Tensor._make_wrapper_subclass  # pyright: ignore[reportAttributeAccessIssue]
        far = make(
            cls,
            inner.size(),
            strides=inner.stride(),
            storage_offset=inner.storage_offset(),
            dtype=inner.dtype,
            layout=inner.layout,
            requires_grad=inner.requires_grad,
            device=torch.device(NAME, 0),
        )
        far.inner = inner
        return far

    def tolist(self) -> Any:
        return self.inner.tolist()

    def numpy(self, *args: Any, **kwargs: Any) -> Any:
        raise TypeError("can't convert a tensor on another device to numpy; use .cpu() first")

    def __array__(self, *args: Any, **kwargs: Any) -> Any:
        return self.numpy()

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return call(func, args, kwargs or {})


def bare(x: Any) -> Any:
    return x.inner if isinstance(x, Far) else x


def lstm_cell(gates: Any, more: Any, cx: Any, bias: Any = None, other: Any = None) -> Any:
    """What accelerators have one operator for, and the CPU several: the new hidden and inner state, and the gates."""
    total = gates + more + (0 if bias is None else bias + other)
    i, f, g, o = total.chunk(4, 1)
    i, f, g, o = i.sigmoid(), f.sigmoid(), g.tanh(), o.sigmoid()
    cy = f * cx + i * g
    return o * cy.tanh(), cy, torch.cat([i, f, g, o], 1)


def lstm_cell_backward(*given: Any) -> Any:
    """Its gradients: of the gates before their functions, of the inner state, of the bias."""
    grad_hy, grad_cy, cx, cy, gates, has_bias = given
    (i, f, g, o), seen = gates.chunk(4, 1), cy.tanh()
    out = torch.zeros_like(cy) if grad_hy is None else grad_hy
    inner = out * o * (1 - seen**2) + (0 if grad_cy is None else grad_cy)
    parts = [inner * g * i * (1 - i), inner * cx * f * (1 - f), inner * i * (1 - g**2), out * seen * o * (1 - o)]
    before = torch.cat(parts, 1)
    return before, inner * f, before.sum(0) if has_bias else None


BROKEN_UP = {
    aten._thnn_fused_lstm_cell.default: lstm_cell,
    aten._thnn_fused_lstm_cell_backward_impl.default: lstm_cell_backward,
}


def call(func: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    """One operator: on CPU tensors as it is, on far ones inside, on both never."""
    if func is aten._to_copy.default:
        goes = torch.device(kwargs.get("device") or args[0].device)
        out = func(bare(args[0]), **{k: v for k, v in kwargs.items() if k != "device"})
        return Far(out) if goes.type == NAME else out
    if func is aten.copy_.default:
        bare(args[0]).copy_(bare(args[1]))
        return args[0]
    if func in (aten.item.default, aten._local_scalar_dense.default):
        return func(bare(args[0]))
    flat, spec = tree.tree_flatten((args, kwargs))
    far = [x for x in flat if isinstance(x, Far)]
    near = [x for x in flat if isinstance(x, torch.Tensor) and not isinstance(x, Far) and x.dim() > 0]
    if far and near:
        raise RuntimeError(f"{func}: a CPU tensor of shape {tuple(near[0].shape)} meets one on {NAME}")
    asked = kwargs.get("device")
    stays = torch.device(asked).type == NAME if asked is not None else bool(far)
    local = [torch.device("cpu") if isinstance(x, torch.device) and x.type == NAME else bare(x) for x in flat]
    args, kwargs = tree.tree_unflatten(local, spec)
    known = {id(x.inner): x for x in far}  # what is changed in place stays the same object

    def wrap(x: Any) -> Any:
        if not isinstance(x, torch.Tensor) or isinstance(x, Far):
            return x
        return known[id(x)] if id(x) in known else Far(x) if stays else x

    return tree.tree_map(wrap, BROKEN_UP.get(func, func)(*args, **kwargs))


def _empty(size: Any, *, dtype: Any = None, **_: Any) -> Far:
    return Far(torch.empty(size, dtype=dtype))


def _empty_strided(size: Any, stride: Any, *, dtype: Any = None, **_: Any) -> Far:
    return Far(torch.empty_strided(size, stride, dtype=dtype))


def _copy_from(source: Any, target: Any, non_blocking: bool = False) -> Any:
    bare(target).copy_(bare(source))
    return target


library = torch.library.Library("aten", "IMPL")
library.impl("empty.memory_format", _empty, "PrivateUse1")
library.impl("empty_strided", _empty_strided, "PrivateUse1")
library.impl("_copy_from", _copy_from, "PrivateUse1")
library.impl("_copy_from_and_resize", _copy_from, "PrivateUse1")
