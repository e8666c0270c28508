"""A target network that receives the parameters, but not the running statistics."""

from __future__ import annotations

import torch
from torch import nn

from bnviz.i18n import N_
from bnviz.labs.cases.cards._batches import gaussian_batches, running_mean, running_var
from bnviz.labs.cases.case import Case, Measured, github


@torch.no_grad()
def reproduce() -> Measured:
    """RMS difference of the outputs of online and target network, equal parameters: buffers left out, and copied."""
    batch, online, target = gaussian_batches(64, 8), nn.BatchNorm1d(8), nn.BatchNorm1d(8)
    for _ in range(100):
        online(batch())
        for there, here in zip(target.parameters(), online.parameters(), strict=True):
            there.lerp_(here, 0.05)  # the usual soft update
    x = batch()

    def difference() -> float:
        return float((online.eval()(x) - target.eval()(x)).pow(2).mean().sqrt())

    before = difference()
    running_mean(target).copy_(running_mean(online))
    running_var(target).copy_(running_var(online))
    return Measured(before, difference())


CASE = Case(
    name="target_network",
    family="copies",
    symptom=N_("Reinforcement learning with batch norm: the target network outputs nonsense"),
    words=N_(
        "RL, reinforcement learning, target network, target net, target update, soft update, hard update, polyak "
        "update, tau, DQN, DDPG, TD3, SAC, q_net_target, critic target, policy, stable-baselines"
    ),
    threads=(github("DLR-RM/stable-baselines3", 1004, "pull"), github("DLR-RM/stable-baselines3", 996)),
    look=N_(
        "root mean square difference between the outputs of online and target network with equal parameters: "
        "buffers left out, and copied"
    ),
    cause=N_(
        "The soft update runs over parameters(). Running mean and variance are buffers: the target keeps its "
        "initial 0 and 1."
    ),
    cure=N_(
        "Copy the buffers at every update (copy, do not interpolate), and keep the target in eval mode. Many avoid "
        "batch norm here altogether: layer norm has no buffers."
    ),
    reproduce=reproduce,
)
