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
    Message(
        (" to be a vector of size equal to the number of channels in input",), "wrong_count", "aten/src/ATen/native"
    ),
    Message(
        ("expected input's size at dim=", " to match num_features"), "wrong_count", "torch/nn/modules/instancenorm.py"
    ),
    Message(("size mismatch for ", "copying a param with shape"), "wrong_count", "torch/nn/modules/module.py"),
    Message(("expected axis ", " of input shape to have value "), "wrong_count", "keras/src/layers/input_spec.py"),
    Message(("not compatible with provided weight shape",), "wrong_count", "keras/src/layers/layer.py"),
    Message(
        ("scale must have the same number of elements as the channels of x",),
        "wrong_count",
        "tensorflow/core/kernels/fused_batch_norm_op.cc",
    ),
    Message(("the shape of scale must equal to [",), "wrong_count", "paddle/phi/infermeta"),
    Message(("invalid input scale: 0th dimension != ",), "wrong_count", "onnxruntime/core/providers/cpu/nn"),
    Message(
        ("cannot copy param ", "; shape mismatch. source param shape is"), "wrong_count", "caffe/src/caffe/net.cpp"
    ),
    Message(("expected ndim=", "found ndim="), "wrong_dimension", "keras/src/layers/input_spec.py"),
    Message(
        ("shape must be rank 4 but is rank ", "batchnorm"),
        "wrong_dimension",
        "tensorflow/core/framework/shape_inference.cc",
    ),
    Message(("expected 0 <= axis < inputs.rank",), "wrong_axis", "keras/utils/tf_utils.py"),
    Message(
        ("cpu implementation of fusedbatchnorm only supports nhwc",),
        "wrong_axis",
        "tensorflow/core/kernels/fused_batch_norm_op.cc",
    ),
    Message(("key(s) in state_dict:", "num_batches_tracked"), "missing_key", "torch/nn/modules/module.py"),
    Message(("key(s) in state_dict:", "running_"), "missing_key", "torch/nn/modules/module.py"),
    Message(("/moving_", " not found in checkpoint"), "missing_key", "tensorflow/core/kernels/save_restore_v2_ops.cc"),
    Message(("running_", "is missing in file"), "missing_key", "mxnet/gluon/block.py"),
    Message(("modified by an inplace operation",), "inplace_buffers", "torch/csrc/autograd/saved_variable.cpp"),
    Message(
        ("batch norm got a batched tensor as input while the running_mean",), "per_sample_gradients", "aten/functorch"
    ),
    Message(("that would mutate a captured tensor",), "per_sample_gradients", "aten/functorch/ADInterpreters.cpp"),
    Message(("vmap: inplace arithmetic(self, ", " is not possible"), "per_sample_gradients", "aten/functorch"),
    Message(("expected scalar type ", " but found "), "half_range", "aten/src/ATen/core/TensorAccessor.h"),
    Message(("mixed dtype (cpu)",), "half_range", "aten/src/ATen/native/cpu/mixed_data_type.h"),
    Message(
        (" to have the same type as tensor for argument ", " does not equal ", "batch_norm"),
        "half_range",
        "aten/src/ATen/TensorUtils.cpp",
    ),
    Message(("batch_norm", "not implemented for 'half'"), "half_range", "aten/src/ATen/Dispatch.h"),
    Message(
        ("input type (", ") and weight type (", ") should be the same"),
        "half_range",
        "aten/src/ATen/native/Convolution.cpp",
    ),
    Message(("syncbatchnorm expected input tensor to be on ",), "devices", "torch/nn/modules/batchnorm.py"),
    Message(("default process group ", "not been initialized"), "devices", "torch/distributed/distributed_c10d.py"),
    Message(("syncbatchnorm layers only work with gpu modules",), "devices", "torch/nn/parallel/distributed.py"),
    Message(
        ("syncbatchnorm is only supported within ",), "devices", "torch/nn/modules/batchnorm.py, before PyTorch 1.9"
    ),
    Message(
        ("expected all tensors to be on the same device, but found at least two devices", "batch_norm"),
        "devices",
        "c10/core/impl",
    ),
    Message(("'nonetype' object has no attribute 'run_slave'",), "devices", "Synchronized-BatchNorm-PyTorch"),
    Message(("grad sampler is not yet implemented for batchnorm",), "per_sample_gradients", "opacus/validators"),
    Message(
        ("batchnorm cannot support training with differential privacy",), "per_sample_gradients", "opacus/validators"
    ),
    Message(("training mode does not support bn opset",), "export", "onnxruntime/core/providers/cuda/nn/batch_norm.h"),
    Message(("export mode is set to ", "operator 'batch_norm' is set to"), "export", "torch/onnx/symbolic_helper.py"),
    Message(("exporting the model to onnx while in training mode",), "export", "torch/onnx/utils.py"),
    Message(("fusion only for eval",), "folding", "torch/nn/utils/fusion.py"),
    Message(("bn both must be in the same mode (train or eval)",), "folding", "torch/ao/quantization"),
    Message(("did not find fuser method for",), "folding", "torch/ao/quantization"),
    Message(("cannot fuse modules",), "folding", "torch/ao/quantization/fuse_modules.py"),
    Message(
        ("you must feed a value for placeholder tensor ", "learning_phase"), "test_time_batches", "keras before 2.4"
    ),
    Message(('collection "batch_stats"',), "functional_state", "flax/errors.py"),
    Message(('"use_running_average" must be passed',), "functional_state", "flax/linen/module.py"),
    Message(("keyerror: 'batch_stats'",), "functional_state", "Python, of Flax variables"),
    Message(("unbound axis name",), "functional_state", "jax/_src/core.py"),
    Message(
        ("missing 1 required positional argument: 'state'",), "functional_state", "Python, of equinox.nn.BatchNorm"
    ),
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
