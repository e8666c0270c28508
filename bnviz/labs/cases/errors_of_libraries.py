"""Error messages that mean one card whatever stands around them: the words of them that never change, as the libraries write them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Message:
    """What a library says."""

    parts: tuple[str, ...]
    """Words of it in their order, in lower case; between them stands what varies."""
    card: str
    """Name of the case."""
    library: str
    """Who says so."""


MESSAGES: Final = (
    Message(("expected more than 1 value per channel when training",), "batch_of_one", "torch/nn/functional.py"),
    Message(("expected more than 1 spatial element when training",), "one_spatial_element", "torch/nn/functional.py"),
    Message(("expected ", "d input (got "), "wrong_dimension", "torch/nn/modules/batchnorm.py"),
    Message((" should contain ", " elements not "), "wrong_count", "aten/src/ATen/native/Normalization.cpp"),
    Message(("size mismatch for ", "copying a param with shape"), "wrong_count", "torch/nn/modules/module.py"),
    Message(("key(s) in state_dict:", "num_batches_tracked"), "missing_key", "torch/nn/modules/module.py"),
    Message(("modified by an inplace operation",), "inplace_buffers", "torch/csrc/autograd/saved_variable.cpp"),
    Message(
        ("batch norm got a batched tensor as input while the running_mean",), "per_sample_gradients", "aten/functorch"
    ),
    Message(("that would mutate a captured tensor",), "per_sample_gradients", "aten/functorch/ADInterpreters.cpp"),
    Message(("expected scalar type ", " but found "), "half_range", "aten/src/ATen/core/TensorAccessor.h"),
    Message(("mixed dtype (cpu)",), "half_range", "aten/src/ATen/native/cpu/mixed_data_type.h"),
    Message(("batch_norm", "not implemented for 'half'"), "half_range", "aten/src/ATen/Dispatch.h"),
    Message(
        ("input type (", ") and weight type (", ") should be the same"),
        "half_range",
        "aten/src/ATen/native/Convolution.cpp",
    ),
    Message(("syncbatchnorm expected input tensor to be on ",), "devices", "torch/nn/modules/batchnorm.py"),
    Message(("default process group ", "not been initialized"), "devices", "torch/distributed/distributed_c10d.py"),
    Message(("'nonetype' object has no attribute 'run_slave'",), "devices", "Synchronized-BatchNorm-PyTorch"),
    Message(("grad sampler is not yet implemented for batchnorm",), "per_sample_gradients", "opacus/validators"),
    Message(
        ("batchnorm cannot support training with differential privacy",), "per_sample_gradients", "opacus/validators"
    ),
    Message(("training mode does not support bn opset",), "export", "onnxruntime/core/providers/cuda/nn/batch_norm.h"),
    Message(("export mode is set to ", "operator 'batch_norm' is set to"), "export", "torch/onnx/symbolic_helper.py"),
    Message(('collection "batch_stats"',), "functional_state", "flax/errors.py"),
    Message(("has no attribute 'batch_stats'",), "functional_state", "flax/training/train_state.py"),
    Message(("if your transformed function uses `hk.{get,set}_state`",), "functional_state", "haiku/_src/transform.py"),
    Message(("shape inconsistent, provided = ", "inferred shape="), "wrong_count", "mxnet, src/executor"),
)


def card_of_message(text: str) -> str:
    """The card that a message in `text` means, of several the one that ends last; empty where there is none."""
    lower = " ".join(text.casefold().split())
    ends = {message: _end(message.parts, lower) for message in MESSAGES}
    last = max(ends, key=lambda message: ends[message])
    return last.card if ends[last] >= 0 else ""


def _end(parts: tuple[str, ...], text: str) -> int:
    """Where the last of `parts` begins in `text`, each after the one before; −1 where one is missing."""
    start = 0
    for part in parts:
        start = text.find(part, start)
        if start < 0:
            return -1
    return start
