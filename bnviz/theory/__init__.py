"""Closed forms that the measurements of bnviz are held against: NumPy and SciPy only, each with its source.

| module | topic |
|---|---|
| `running` | running statistics: expectation, noise, momentum conversions, finite population, shared modules |
| `noise` | noise of batch mean and variance, fidelity, equal-energy Dropout rate, effective batch of a convolution |
| `output_law` | exact laws of one normalized output: bound, batch of two, Gaussian input, one fixed sample |
| `activations` | the activations as PyTorch computes them, their Gaussian moments, where they saturate |
| `gradient` | mean-field prediction of signal and gradient, layer by layer, with and without a normalizer |
| `growth` | gradient growth per layer as one number: batch norm at large and finite batch, recurrent tanh |
| `recurrence` | statistics of padded batches, gradient growth of a normalized tanh cell step by step |
| `placement` | identities of normalization: backward pass, redundant bias, scale invariance, elements per statistic |
| `plane` | points in the plane: densities of the classes, the best possible boundary and accuracy |
| `dropout` | variance shift of Dropout in front of batch norm |
| `variance_shift` | the same through a network, block by block, predicted from training mode |

Conventions: arguments broadcast like NumPy's; a scalar argument gives a NumPy scalar. Momentum is PyTorch's (the
weight of the newest batch) or `"cumulative"` (PyTorch's `None`). `var` is a population variance unless a docstring
says otherwise. Arguments that no network can have raise `ValueError`.
"""
