"""What libraries say, word for word, brings the card that is about it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn
from torch.func import grad, vmap
from torch.nn.utils.fusion import fuse_conv_bn_eval

from bnviz.labs.cases.catalogue import CASES
from bnviz.labs.cases.errors_of_libraries import MESSAGES, card_of_message
from bnviz.labs.cases.search import LONGEST_LINK, search, shortened


def lost_key() -> None:
    state = nn.BatchNorm1d(4).state_dict()
    del state["num_batches_tracked"]
    nn.BatchNorm1d(4).load_state_dict(state)


def other_size() -> None:
    nn.BatchNorm1d(4).load_state_dict(nn.BatchNorm1d(8).state_dict())


def lost_statistics() -> None:
    nn.BatchNorm1d(4).load_state_dict(nn.BatchNorm1d(4, track_running_stats=False).state_dict())


def folded_while_training() -> None:
    fuse_conv_bn_eval(nn.Conv2d(2, 4, 1), nn.BatchNorm2d(4))


def written_in_between() -> None:
    norm, x = nn.BatchNorm1d(4).eval(), torch.ones(2, 4, requires_grad=True)
    loss = norm(x).sum()
    norm.running_var.add_(1.0)
    loss.backward()


def statistics_in_vmap() -> None:
    vmap(nn.BatchNorm1d(4))(torch.ones(3, 2, 4))


def counted_in_grad() -> None:
    norm = nn.BatchNorm1d(4)
    grad(lambda x: norm(x).sum())(torch.ones(2, 4))


RAISED: dict[Callable[[], object], str] = {
    lambda: nn.BatchNorm1d(4)(torch.ones(1, 4)): "batch_of_one",
    lambda: nn.InstanceNorm2d(4)(torch.ones(2, 4, 1, 1)): "one_spatial_element",
    lambda: nn.BatchNorm2d(4)(torch.ones(2, 4)): "wrong_dimension",
    lambda: nn.SyncBatchNorm(4)(torch.ones(2)): "wrong_dimension",
    lambda: nn.BatchNorm1d(4)(torch.ones(2, 8)): "wrong_count",
    other_size: "wrong_count",
    lambda: nn.functional.group_norm(torch.ones(2, 4), 2, torch.ones(8)): "wrong_count",
    lambda: nn.InstanceNorm1d(4, affine=True)(torch.ones(2, 8, 3)): "wrong_count",
    lost_key: "missing_key",
    lost_statistics: "missing_key",
    folded_while_training: "folding",
    written_in_between: "inplace_buffers",
    statistics_in_vmap: "per_sample_gradients",
    counted_in_grad: "per_sample_gradients",
    lambda: nn.BatchNorm1d(4).half()(torch.ones(2, 4)): "half_range",
    lambda: torch.distributed.get_world_size(torch.distributed.group.WORLD): "devices",
}
SIZES = "Source param shape is 1 64 1 1 (64); target param shape is 1 32 1 1 (32)"
QUOTED = {
    'ValueError: Input 0 of layer "bn" is incompatible with the layer: expected axis 3 of input shape to have value 32, '
    "but received input with shape (None, 8, 8, 64)": "wrong_count",
    "ValueError: Layer weight shape (64,) not compatible with provided weight shape (128,)": "wrong_count",
    "InvalidArgumentError: scale must have the same number of elements as the channels of x, got 32 and 64": "wrong_count",
    "InvalidArgumentError: ShapeError: the shape of scale must equal to [64]But received: the shape of scale is [32]": (
        "wrong_count"
    ),
    "[ONNXRuntimeError] : 2 : INVALID_ARGUMENT : running BatchNormalization node. Invalid input scale: 0th dimension != 64": (
        "wrong_count"
    ),
    f"F0101 net.cpp:757] Cannot copy param 0 weights from layer 'bn1'; shape mismatch.  {SIZES}": "wrong_count",
    "ValueError: Input 0 of layer batch_normalization_1 is incompatible with the layer: expected ndim=4, found ndim=2": (
        "wrong_dimension"
    ),
    "ValueError: Shape must be rank 4 but is rank 2 for 'bn/FusedBatchNorm' (op: 'FusedBatchNorm')": "wrong_dimension",
    "ValueError: Invalid value for `axis` argument. Expected 0 <= axis < inputs.rank (with inputs.rank=2).": "wrong_axis",
    "InternalError: The CPU implementation of FusedBatchNorm only supports NHWC tensor format for now.": "wrong_axis",
    "NotFoundError: Key resnet/bn1/moving_mean not found in checkpoint": "missing_key",
    "AssertionError: Parameter 'batchnorm0_running_mean' is missing in file 'net.params'": "missing_key",
    "RuntimeError: vmap: inplace arithmetic(self, *extra_args) is not possible because there exists a Tensor": (
        "per_sample_gradients"
    ),
    "RuntimeError: Expected tensor for argument #1 'input' to have the same type as tensor for argument #2 'weight'; but type "
    "torch.HalfTensor does not equal torch.FloatTensor (while checking arguments for cudnn_batch_norm)": "half_range",
    "ValueError: SyncBatchNorm layers only work with GPU modules": "devices",
    "AttributeError: SyncBatchNorm is only supported within torch.nn.parallel.DistributedDataParallel": "devices",
    "RuntimeError: Expected all tensors to be on the same device, but found at least two devices, cuda:0 and cpu! (when "
    "checking argument for argument running_mean in method wrapper_CUDA__cudnn_batch_norm)": "devices",
    "UserWarning: You are exporting the model to ONNX while in training mode with 'train' parameter not specified.": "export",
    "AssertionError: Conv and BN both must be in the same mode (train or eval).": "folding",
    "NotImplementedError: Cannot fuse modules: (<class 'BatchNorm2d'>, <class 'ReLU'>)": "folding",
    "AssertionError: did not find fuser method for: (<class 'BatchNorm2d'>, <class 'Conv2d'>)": "folding",
    "InvalidArgumentError: You must feed a value for placeholder tensor 'bn/keras_learning_phase' with dtype bool": (
        "test_time_batches"
    ),
    'ValueError: Parameter "use_running_average" must be passed to the constructor or at call time.': "functional_state",
    "KeyError: 'batch_stats'": "functional_state",
    "NameError: unbound axis name: batch": "functional_state",
    "TypeError: BatchNorm.__call__() missing 1 required positional argument: 'state'": "functional_state",
    "ValueError: SyncBatchNorm expected input tensor to be on GPU or XPU or PrivateUse1": "devices",
    "AttributeError: 'NoneType' object has no attribute 'run_slave'": "devices",
    "RuntimeError: \"batch_norm\" not implemented for 'Half'": "half_range",
    "RuntimeError: Input type (torch.cuda.HalfTensor) and weight type (torch.cuda.FloatTensor) should be the same": "half_range",
    "RuntimeError: expected scalar type Half but found Float": "half_range",
    "NotImplementedError: grad sampler is not yet implemented for BatchNorm2d(64)": "per_sample_gradients",
    "ShouldReplaceModuleError: BatchNorm cannot support training with differential privacy. The reason is": "per_sample_gradients",
    "[ONNXRuntimeError] : 6 : Training mode does not support BN opset 14 (or higher) yet.": "export",
    "ONNX export mode is set to TrainingMode.EVAL, but operator 'batch_norm' is set to train=True.": "export",
    'ScopeCollectionNotFound: Tried to access "mean" from collection "batch_stats" in "/bn1" but it is empty': "functional_state",
    "AttributeError: 'TrainState' object has no attribute 'batch_stats'": "functional_state",
    "ValueError: If your transformed function uses `hk.{get,set}_state` then use `hk.transform_with_state`.": "functional_state",
    "MXNetError: Error in operator bn0_fwd: Shape inconsistent, Provided = [64], inferred shape=(128,)": "wrong_count",
}


@pytest.mark.parametrize(("cause", "card"), RAISED.items(), ids=range(len(RAISED)))
def test_what_pytorch_raises_here_brings_its_card(cause: Callable[[], object], card: str) -> None:
    with pytest.raises((ValueError, RuntimeError, AssertionError)) as raised:
        cause()
    assert card_of_message(str(raised.value)) == search(str(raised.value))[0].name == card


@pytest.mark.parametrize(("message", "card"), QUOTED.items())
def test_a_message_brings_its_card_and_so_does_what_the_link_keeps_of_a_traceback(message: str, card: str) -> None:
    pasted = f'Traceback (most recent call last):\n  File "ema/federated.py", line 3, in freeze_and_export\n    fuse()\n{message}\n'
    assert search(message)[0].name == search(pasted)[0].name == card
    assert len(shortened(pasted)) <= LONGEST_LINK
    assert search(shortened(pasted))[0].name == card


def test_every_message_is_tried_and_means_a_card_that_there_is() -> None:
    assert {message.card for message in MESSAGES} <= {case.name for case in CASES}
    tried = [*QUOTED]
    for cause in RAISED:
        try:
            cause()
        except (ValueError, RuntimeError, AssertionError) as error:
            tried.append(str(error))
    for message in MESSAGES:
        assert any(_says(text, message.parts) for text in tried), message


def _says(text: str, parts: tuple[str, ...]) -> bool:
    head, *rest = parts
    _, found, after = " ".join(text.casefold().split()).partition(head)
    return bool(found) and (not rest or _says(after, tuple(rest)))


def test_of_several_messages_the_last_counts_and_other_words_mean_none() -> None:
    first, last = "expected 4D input (got 2D input)", "running_mean should contain 4 elements not 8"
    assert card_of_message(f"{first}\nDuring handling of the above exception:\n{last}") == "wrong_count"
    assert card_of_message(f"{last}\n{first}") == "wrong_dimension"
    assert card_of_message("expected something") == card_of_message("") == ""


def test_a_checkpoint_that_says_nothing_of_versions_is_read_without_its_counter() -> None:
    """As the card of missing keys says."""
    state = {key: value for key, value in nn.BatchNorm1d(4).state_dict().items() if "tracked" not in key}
    nn.BatchNorm1d(4).load_state_dict(state)
