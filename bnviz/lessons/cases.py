"""Problems that people reported in public: symptom, thread, one-click reproduction, cause, cure, and the number to look at.

All words are msgids. `name` is that of the reproduction in `bnviz/experiments/cases.py`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from bnviz.i18n import LANGUAGES, N_, translator

LONGEST_QUERY: Final = 60
QUESTION: Final = N_("I have this problem. Where does it come from, and what helps?")

Kind = Literal["wrong", "right"]


@dataclass(frozen=True, slots=True)
class Thread:
    """A public report."""

    name: str
    url: str


@dataclass(frozen=True, slots=True)
class Link:
    """A state of a page of this dashboard that shows the problem (`wrong`) or what the cure makes of it (`right`).

    `query` holds settings as a link spells them.
    """

    kind: Kind
    lab: str
    query: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Case:
    """One problem. `symptom`: in the words that people use; `words`: others by which it is searched for. `look`: the number."""

    name: str
    symptom: str
    words: str
    threads: tuple[Thread, ...]
    links: tuple[Link, ...]
    look: str
    cause: str
    cure: str

    def heading(self) -> str:
        """Symptom and search words in every language, in lower case."""
        return _told(self.symptom, self.words)

    def text(self) -> str:
        """Everything by which the case can be found, in every language, in lower case."""
        threads = " ".join(thread.name for thread in self.threads)
        return f"{self.heading()} {_told(self.look, self.cause, self.cure)} {threads}".casefold()


def _told(*messages: str) -> str:
    return " ".join(translator(language)(message) for language in LANGUAGES for message in messages).casefold()


def github(repository: str, number: int, kind: Literal["issues", "pull"] = "issues") -> Thread:
    """An issue or pull request on GitHub."""
    return Thread(f"{repository} #{number}", f"https://github.com/{repository}/{kind}/{number}")


def wrong(lab: str, **query: str) -> Link:
    """A state that shows the problem."""
    return Link("wrong", lab, query)


def right(lab: str, **query: str) -> Link:
    """A state that shows the cure."""
    return Link("right", lab, query)


def found(query: str, cases: Sequence[Case] | None = None) -> list[Case]:
    """The cases that fit `query`, best first; all of them where there is none.

    Best is the phrase itself among symptom and search words, not as a part of other words; then all its words there, then the
    phrase anywhere. Only where none of that is found, all its words anywhere.
    """
    known = list(CASES if cases is None else cases)
    phrase = " ".join(query[:LONGEST_QUERY].casefold().replace("，", " ").replace(",", " ").split())
    words, whole = phrase.split(), re.compile(rf"(?<!\w){re.escape(phrase)}(?!\w)")
    fits: tuple[Callable[[Case], bool], ...] = (
        lambda case: whole.search(case.heading()) is not None,
        lambda case: all(word in case.heading() for word in words),
        lambda case: phrase in case.text(),
    )
    ranked = {case.name: case for fit in fits for case in known if fit(case)}
    return list(ranked.values()) or [case for case in known if all(word in case.text() for word in words)]


CASES: Final = (
    Case(
        "eval_differs",
        N_("My model answers differently, and worse, after model.eval()"),
        N_("eval, train, inference, evaluation, different output, high error, fresh layer, running statistics"),
        (github("pytorch/pytorch", 5406), github("pytorch/pytorch", 4741)),
        (
            wrong("layer", mode="eval", warmup="2", input_shift="1", input_scale="20"),
            right("layer", mode="eval", warmup="100", input_shift="1", input_scale="20"),
            wrong("modes", topic="gap"),
        ),
        N_("standard deviation behind batch norm in eval mode (in train mode it is 1), after 2 batches and after 100"),
        N_("In train mode the batch supplies mean and variance, in eval mode the running statistics do. They start at 0 and 1, and "
           "after few batches they have not found the data yet."),
        N_("Train for longer, take a larger momentum, or re-estimate: reset the statistics, then some forward passes in train mode. "
           "Do not leave eval mode instead."),
    ),
    Case(
        "test_time_batches",
        N_("The answer for one sample changes with the test batch it is in"),
        N_("eval, test, shuffle, batch size at test time, inference, not reproducible, use_global_stats, accuracy depends on order"),
        (github("facebookarchive/C3D", 277),),
        (
            wrong("layer", mode="train", warmup="100", batch_size="8"),
            right("layer", mode="eval", warmup="100", batch_size="8"),
            wrong("noise", topic="mates", batch_size="8"),
        ),
        N_("standard deviation of one sample's output over 200 batches of 8 that it is put into, in train and in eval mode"),
        N_("The model is tested in train mode, or without running statistics: each sample is measured against its batch-mates."),
        N_("Call model.eval() before testing, and keep track_running_stats=True."),
    ),
    Case(
        "few_batches",
        N_("Validation is only good after some warm-up batches in train mode"),
        N_("eval, warm-up, few steps, short training, early epochs, averaged weights, schedule-free, recalibration"),
        (github("facebookresearch/schedule_free", 60),),
        (
            wrong("running_stats", momentums="0.1", steps="5"),
            right("running_stats", momentums="0.1", steps="50"),
            wrong("modes", topic="momentum_error"),
        ),
        N_("weight that the initial 0 and 1 still have in the estimates, after 5 batches and after 50"),
        N_("The initial values keep the weight (1 − α)^t: at momentum 0.1, 59 % after 5 batches. The same happens when the weights are "
           "swapped, as averaging optimizers do: the estimates belong to other weights."),
        N_("Some 50 forward passes in train mode without an optimizer step, or momentum=None (the plain average) after a reset."),
    ),
    Case(
        "momentum_elsewhere",
        N_("Validation jumps up and down since I ported the model from Keras or TensorFlow"),
        N_("momentum, decay, 0.99, 0.9, Keras, TensorFlow, convention, unstable validation, port"),
        (github("keras-team/keras", 6839), github("d2l-ai/d2l-en", 2213, "pull"), github("pytorch/examples", 289),
         github("kazuto1011/deeplab-pytorch", 79)),
        (
            wrong("running_stats", momentums="0.99"),
            right("running_stats", momentums="0.01", steps="600"),
            wrong("builder", momentum="0.99"),
            right("builder", momentum="0.01"),
        ),
        N_("scatter of the running mean from batch to batch, over σ, with momentum 0.99 and 0.01"),
        N_("Keras' momentum is the weight of the old estimate, PyTorch's that of the newest batch. 0.99 copied over keeps almost nothing "
           "but the last batch."),
        N_("Write 1 − momentum. Keras' default 0.99 is 0.01 in PyTorch. Compare ε too: 1e-3 against 1e-5."),
    ),
    Case(
        "biased_variance",
        N_("running_var is not the variance that training used"),
        N_("eval, unbiased, biased, Bessel, n − 1, running variance, bug, mismatch, reimplementation"),
        (github("pytorch/pytorch", 19902), github("pytorch/pytorch", 3122)),
        (
            wrong("layer", mode="eval", warmup="500", steps="500", batch_size="4", momentum="cumulative"),
            right("layer", mode="eval", warmup="500", batch_size="64", momentum="cumulative"),
        ),
        N_("variance behind batch norm in eval mode over that in train mode: batches of 4, and of 64"),
        N_("PyTorch normalizes with the biased variance (divided by n) and feeds the running variance with the unbiased one (n − 1), as "
           "the paper says. Eval outputs are smaller by √((n − 1)/n). It is meant so."),
        N_("Nothing to mend. With large batches, or images (n = N·H·W), it cannot be seen."),
    ),
    Case(
        "shrinking_chain",
        N_("The same data come out smaller in eval mode, and the deeper the smaller"),
        N_("eval, deep network, chain of batch norms, shrink, scale, unbiased, wrong calculation"),
        (github("pytorch/pytorch", 100048),),
        (
            wrong("layer", mode="eval", warmup="500", steps="500", batch_size="8", momentum="cumulative"),
            right("layer", mode="eval", warmup="500", batch_size="256", momentum="cumulative"),
        ),
        N_("eval output over train output behind twenty batch norms in a row: batches of 64, and of 2048"),
        N_("Each batch norm divides by the unbiased variance in eval mode and by the biased one in training: a factor √((n − 1)/n) per "
           "layer, and they multiply."),
        N_("A larger n. In a trained network the next layer's statistics hide it; the page shows one link of the chain."),
    ),
    Case(
        "batch_of_one",
        N_("ValueError: Expected more than 1 value per channel when training"),
        N_("batch of one, batch size 1, last batch, ASPP, global pooling, 1×1, drop_last, error"),
        (github("open-mmlab/mmsegmentation", 272), github("yassouali/pytorch-segmentation", 8)),
        (
            wrong("builder", layer="linear", in_channels="64", batch_size="1"),
            right("builder", layer="linear", in_channels="64", batch_size="1", normalizer="layer"),
            wrong("layer", batch_size="1"),
            right("layer", batch_size="2"),
        ),
        N_("forward passes refused in an epoch of 33 samples in batches of 8: last batch kept, and dropped"),
        N_("One value per channel is its own mean, and its variance is 0. Often it is the short last batch of an epoch, or a 1×1 map "
           "behind global pooling with one image per GPU."),
        N_("drop_last=True in the DataLoader, two or more samples per device, or layer or group norm. For testing, model.eval()."),
    ),
    Case(
        "small_batches",
        N_("With batches of 2 the model trains badly"),
        N_("small batch, batch size 2, detection, segmentation, memory, group norm, noisy statistics, poor accuracy"),
        (github("facebookresearch/fvcore", 7), github("google/automl", 881)),
        (
            wrong("layer", batch_size="2", source="gaussian", activation="identity"),
            right("layer", batch_size="64", source="gaussian", activation="identity"),
            wrong("batch_size", topic="error"),
            wrong("batch_size", topic="statistics", batch_size="2"),
        ),
        N_("scatter of the batch variance, over the true variance: batches of 2, and of 64"),
        N_("Mean and variance of two values are mostly noise; training normalizes with that noise, eval mode does not."),
        N_("A larger batch per device, group or layer norm, or synchronized batch norm. Gradient accumulation does not help: the "
           "statistics are still those of the small batch."),
    ),
    Case(
        "not_frozen",
        N_("I froze the layers, and the features change all the same"),
        N_("freeze, frozen, requires_grad, trainable=False, fine-tuning, transfer learning, running_mean changes"),
        (github("pytorch/pytorch", 86590), github("keras-team/keras", 9522)),
        (wrong("modes", topic="freeze_matrix"), wrong("modes", topic="freeze_matrix", frozen="norms")),
        N_("how far the running mean moves in 50 batches of other data, over σ: parameters frozen, and also eval()"),
        N_("requires_grad=False stops the optimizer, and the running statistics are not moved by it: every forward pass in train mode "
           "moves them. model.train() at the next epoch undoes eval()."),
        N_("Put the frozen batch norms into eval mode, after every model.train(). Keras does so by itself for trainable=False today."),
    ),
    Case(
        "updated_twice",
        N_("With gradient checkpointing or accumulation, eval results differ"),
        N_("checkpoint, gradient accumulation, updated twice, num_batches_tracked, running statistics, second forward pass, eval"),
        (github("pytorch/pytorch", 96136), github("deepinsight/insightface", 2053)),
        (wrong("modes", topic="update_count"),),
        N_("weight of one batch in the running mean with checkpointing: momentum 0.1, and 1 − √0.9"),
        N_("Checkpointing runs the forward pass again in the backward pass, and the statistics move twice. Any second pass in train mode "
           "does the same; accumulation moves them once per small batch."),
        N_("momentum = 1 − √(1 − α) for two passes, 1 − (1 − α)^(1/k) for k."),
    ),
    Case(
        "poisoned",
        N_("NaN in eval mode, although training looks fine"),
        N_("NaN, nan loss, inf, running_mean nan, running_var nan, mixed precision, AMP, half, overflow, eval"),
        (github("pytorch/pytorch", 1206), github("pytorch/pytorch", 88474)),
        (wrong("modes", topic="poison"), right("modes", topic="poison", poison_at="1000")),
        N_("share of running statistics that are NaN: 100 good batches after a bad one, and after a reset and 20 batches"),
        N_("One batch with a NaN or an overflow is enough: every later estimate is a mixture with it. Train mode does not use the "
           "estimates, so nothing shows until eval."),
        N_("reset_running_stats() and some forward passes in train mode. Skipping the optimizer step is not enough: the forward pass "
           "has already moved the statistics. Check the input first."),
    ),
    Case(
        "dropout_in_front",
        N_("Dropout and batch norm together make eval worse"),
        N_("dropout, variance shift, order, disharmony, eval, before or after"),
        (github("pythonlessons/mltu", 41), github("luigibonati/mlcolvar", 205, "pull")),
        (
            wrong("builder", dropout="0.5", dropout_place="before_norm"),
            right("builder", dropout="0.5", dropout_place="end"),
            wrong("noise", topic="shift", order="dropout_before_norm"),
            right("noise", topic="shift", order="dropout_after_norm"),
        ),
        N_("variance behind batch norm in eval mode (in train mode it is 1): Dropout with p = 0.5 in front, and behind"),
        N_("Dropout raises the variance that the running statistics learn; in eval mode it is off, and what comes in varies "
           "less than they say."),
        N_("Put Dropout behind the last batch norm, or re-estimate the running statistics with Dropout off."),
    ),
    Case(
        "redundant_bias",
        N_("Does a layer in front of batch norm need a bias?"),
        N_("bias, use_bias, bias=False, redundant, gradient zero, parameters, convolution"),
        (github("matterport/Mask_RCNN", 1455, "pull"), github("milesial/Pytorch-UNet", 325, "pull")),
        (wrong("builder", bias="true"), right("builder", bias="auto"), wrong("placement")),
        N_("largest gradient over the weights' gradient: of the bias in front, and of β"),
        N_("Batch norm subtracts the batch mean, and the bias with it: its gradient is 0 but for rounding."),
        N_("bias=False right in front of batch norm; β does the work. It changes no result, it saves parameters."),
    ),
    Case(
        "leaking_mates",
        N_("The model cheats: samples of one batch know of each other"),
        N_("information leak, contrastive, MoCo, self-supervised, shuffling BN, batch-mates, influence, GAN"),
        (github("facebookresearch/moco", 137), github("warpem/miss-alignment", 6)),
        (
            wrong("modes", topic="influence", mode="train"),
            right("modes", topic="influence", mode="eval"),
            wrong("noise", topic="mates"),
        ),
        N_("how many of the 31 others' outputs move when one sample is changed: batch norm, and layer norm"),
        N_("In train mode every output depends on the whole batch through mean and variance, and gradients flow along the same way."),
        N_("Layer or group norm, statistics over shuffled parts of the batch (as MoCo does), or eval mode where gradients are not needed."),
    ),
    Case(
        "padded_sequences",
        N_("Batch norm on padded sequences: results depend on how much padding there is"),
        N_("padding, mask, variable length, sequence, RNN, speech, zeros, BatchNorm1d"),
        (github("pytorch/pytorch", 70529), github("pytorch/pytorch", 25910)),
        (wrong("recurrence", topic="steps", padding="0.4"), right("recurrence", topic="steps", padding="0")),
        N_("running mean over the true mean, 40 % of the steps padding: zeros counted in, and left out"),
        N_("Batch norm takes every position it is given; zeros behind a sequence's end pull the mean to 0 and change the variance."),
        N_("Give it the real positions only (index with the mask, write back), or use layer norm per step."),
    ),
)  # fmt: skip
