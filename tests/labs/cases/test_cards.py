"""Each reported problem is really there when it is done wrong, and gone, or as the card says, with the cure."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from bnviz.i18n import LANGUAGES, translator
from bnviz.labs.cases import cards
from bnviz.labs.cases.case import FAMILIES, Case, Measured
from bnviz.labs.cases.catalogue import CASES
from bnviz.labs.cases.near import near

BY_NAME = {case.name: case for case in CASES}

# What the number is, by theory: as reported, and after the cure; with the tolerance that its sampling explains.
EXPECTED: dict[str, tuple[float, float, float]] = {
    # σ²(1 − w) + w with the weight w = 0.9² of the initial 1
    "eval_differs": (2 / math.sqrt(4 * 0.19 + 0.81), 1, 0.1),
    "test_time_batches": (0.45, 0, 0.1),
    "few_batches": (0.9**5, 0.9**50, 1e-3),
    "biased_variance": (3 / 4, 63 / 64, 0.02),
    "shrinking_chain": ((63 / 64) ** 10, (2047 / 2048) ** 10, 1e-3),
    "rounding": (0, 0, 1e-4),  # how far apart is asked below
    "dropout_before_norm": (0.5, 1, 0.02),
    "never_updated": (2, 1, 0.1),
    "momentum_zero": (0, 1, 0.02),
    "not_frozen": (1 - 0.9**50, 0, 0.1),
    "updated_twice": (1 - 0.9**2, 0.1, 1e-6),
    "poisoned": (1, 0, 0),
    "mc_dropout": (1 - 0.9**50, 0, 0.1),
    # the newest pass weighs 0.1, the one before it 0.09, and so on
    "teacher_passes": (2 * 0.1 / (1 - 0.9**2), 0, 0.05),
    # mean 6·0.1/(1 − 0.9²) − 3 of the running statistics; their variance is that of one domain
    "shared_module": (3 + 6 * 0.1 / (1 - 0.9**2) - 3, 0, 0.1),
    "padded_sequences": (0.6, 1, 0.02),
    "constant_input": (1 / math.sqrt(1e-5), 1, 0.01),
    "small_batches": (math.sqrt(2), math.sqrt(2 / 63), 0.06),
    "accumulation": (0.86, 0, 0.2),
    "sorted_batches": (0, 6 / math.sqrt(10), 0.05),
    "gan_batches": (0, 0.69, 0.2),
    "leaking_mates": (31, 0, 0),
    # between tasks 3, within 1; the mean of 25 of a support set is off by 0.2, that of the queries by 0.2 more
    "meta_learning": (3 / math.sqrt(10), math.sqrt(2) / 5, 0.06),
    "domain_shift": (2, 0, 0.1),
    "averaged_weights": (2, 1, 0.1),
    "target_network": (math.sqrt(10), 0, 0.1),
    # the first client's mean is −3, the others' 0 and 3
    "federated": (math.sqrt((1 + 10 + 37) / 3), 1, 0.1),
    "missing_key": (1, 0, 0),
    "functional_state": (0, 1, 0.02),
    "devices": (1 / 6, 1, 0.05),
    "inplace_buffers": (1, 0, 0),
    "keras_momentum": (math.sqrt(0.99 / 1.01 / 32), math.sqrt(0.01 / 1.99 / 32), 0.02),
    "keras_epsilon": (math.sqrt(1.1e-3 / 1.1e-4), 1, 0.1),
    # the bias is 1; its share that is not scaled is 1 − 1/σ for channels of σ around 2
    "folding": (0.46, 0, 0.15),
    "export": (0.6, 0, 0.15),
    "half_range": (1, 0, 0.05),
    # each position has the same mean and variance over samples and channels, the channels keep theirs
    "wrong_axis": (math.sqrt(5.25 / 6.25), 0, 0.02),
    "batch_of_one": (1, 0, 0),
    "one_spatial_element": (1, 0, 0),
    "wrong_dimension": (1, 0, 0),
    "wrong_count": (1, 0, 0),
    "redundant_bias": (0, 5, 1),
    "before_or_after": (1 / math.sqrt(2 * math.pi), 0, 0.01),
    "zero_gamma": (17, 1, 0.5),
    "decay_gamma": (0.999**400, 1, 1e-4),
    "decay_without_effect": (0, 0.5, 1e-4),
    "gradient_penalty": (31, 0, 0),
    "per_sample_gradients": (0.4, 0, 0.15),
}


@pytest.fixture(scope="module")
def measured() -> dict[str, Measured]:
    """What every reproduction gives."""
    return {case.name: case.reproduce() for case in CASES}


def test_a_card_is_a_file_and_every_card_is_expected_here() -> None:
    files = {path.stem for path in Path(cards.__path__[0]).glob("[!_]*.py")}
    assert files == set(BY_NAME) == set(EXPECTED)
    assert len(CASES) >= 40
    assert [list(FAMILIES).index(case.family) for case in CASES] == sorted(
        list(FAMILIES).index(case.family) for case in CASES
    )


@pytest.mark.parametrize("name", EXPECTED)
def test_wrong_is_wrong_and_the_cure_cures(name: str, measured: dict[str, Measured]) -> None:
    wrong, cured, tolerance = EXPECTED[name]
    assert measured[name].wrong == pytest.approx(wrong, abs=tolerance)
    assert measured[name].cured == pytest.approx(cured, abs=tolerance)
    if name != "rounding":
        assert abs(measured[name].wrong - measured[name].cured) > 2 * tolerance


def test_the_same_numbers_again(measured: dict[str, Measured]) -> None:
    assert {case.name: case.reproduce() for case in CASES} == measured


def test_rounding_is_float32s_and_not_float64s(measured: dict[str, Measured]) -> None:
    numbers = measured["rounding"]
    assert 1e-8 < numbers.wrong < 1e-4
    assert numbers.cured < 1e-12


@pytest.mark.parametrize("name", ["redundant_bias", "decay_without_effect", "gan_batches", "sorted_batches"])
def test_what_vanishes_vanishes_up_to_rounding(name: str, measured: dict[str, Measured]) -> None:
    assert abs(measured[name].wrong) < 1e-4


@pytest.mark.parametrize("name", ["accumulation", "folding", "wrong_axis", "before_or_after"])
def test_what_is_cured_is_cured_up_to_rounding(name: str, measured: dict[str, Measured]) -> None:
    assert abs(measured[name].cured) < 1e-4


def test_no_reproduction_touches_the_shared_generator() -> None:
    before = torch.get_rng_state()
    for case in CASES:
        case.reproduce()
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize("reentrant", [True, False])
def test_checkpointing_really_moves_the_statistics_twice(reentrant: bool) -> None:
    norm = nn.BatchNorm1d(1)
    output: Any = checkpoint(norm, torch.tensor([[0.0], [2.0]], requires_grad=True), use_reentrant=reentrant)
    output.sum().backward()
    assert norm.running_mean is not None
    assert float(norm.running_mean) == pytest.approx(BY_NAME["updated_twice"].reproduce().wrong)
    assert norm.num_batches_tracked == 2


@pytest.mark.parametrize("decay", [0.01, 0.0])
def test_sgd_really_decays_gamma_so(decay: float) -> None:
    norm = nn.BatchNorm1d(1)
    optimizer = torch.optim.SGD(norm.parameters(), lr=0.1, weight_decay=decay)
    norm.weight.grad, norm.bias.grad = torch.zeros(1), torch.zeros(1)
    for _ in range(400):
        optimizer.step()
    reproduced = BY_NAME["decay_gamma"].reproduce()
    assert float(norm.weight.detach()) == pytest.approx(reproduced.wrong if decay else reproduced.cured, abs=1e-5)


def test_pytorch_says_what_the_cards_of_errors_say() -> None:
    messages = {
        "batch_of_one": (nn.BatchNorm1d(4), torch.ones(1, 4)),
        "one_spatial_element": (nn.InstanceNorm2d(4), torch.ones(2, 4, 1, 1)),
        "wrong_dimension": (nn.BatchNorm2d(4), torch.ones(2, 4)),
        "wrong_count": (nn.BatchNorm1d(512), torch.ones(2, 256)),
    }
    for name, (module, x) in messages.items():
        with pytest.raises((ValueError, RuntimeError)) as raised:
            module(x)
        said = f"{raised.type.__name__}: {raised.value}"
        assert said.split(", got input size", maxsplit=1)[0] in BY_NAME[name].symptom


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_card_is_complete_in_both_languages(case: Case) -> None:
    for text in (case.symptom, case.words, case.look, case.cause, case.cure):
        told = {translator(language)(text) for language in LANGUAGES}
        assert len(told) == len(LANGUAGES)
        assert all(told)
    assert not case.cure.endswith(" ")


def test_threads_are_public_and_named_by_their_address() -> None:
    for case in CASES:
        assert case.threads
        for thread in case.threads:
            repository, number = thread.name.split(" #")
            assert thread.url in {f"https://github.com/{repository}/{kind}/{number}" for kind in ("issues", "pull")}
            assert number.isdecimal()


def test_neighbours_are_each_others_and_the_two_that_most_threads_are_about_are_the_nearest() -> None:
    names = {case.name: [other.name for other in near(case)] for case in CASES}
    assert all(one in names[other] and one != other for one, others in names.items() for other in others)
    assert names["eval_differs"][0] == "test_time_batches"
    assert names["test_time_batches"][0] == "eval_differs"
    assert names["federated"] == []
    assert max(map(len, names.values())) <= 5
