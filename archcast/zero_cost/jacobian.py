"""How differently a network responds to the images of a minibatch, by its input Jacobian.

A row of the Jacobian is the gradient of an image's summed logits with respect to its pixels. A row
without variance, as dead networks give, counts as equal to all others, which is the worst there is.
"""

from __future__ import annotations

from torch import Tensor

from archcast.core.errors import InputError
from archcast.zero_cost.passes import Passes
from archcast.zero_cost.proxy import proxy
from archcast.zero_cost.spectrum import correlations, eigenvalues

K = 1e-5  # of both papers: keeps logarithms finite
MANY_CLASSES = 100  # of EPE-NAS: from here on classes are compared with each other


@proxy(version=1)
def jacov(passes: Passes) -> float:
    """Minus the sum of log(v + k) + 1 / (v + k), v the eigenvalues of the rows' correlations.

    The first version of Mellor et al., 2020.
    """
    values = eigenvalues(correlations(passes.input_gradients, constant=1.0)) + K
    return -(values.log() + 1.0 / values).sum().item()


@proxy(version=2)
def epe_nas(passes: Passes) -> float:
    """Sum over classes of abs(sum of log(abs(correlation) + k)) between the rows of a class.

    With more than 100 classes, the mean over classes of the summed distances between these sums,
    each divided by the images of the class (Lopes et al., 2021). A class with one image says
    nothing and is left out.
    """
    classes, images = passes.labels.unique(return_counts=True)
    rows = [passes.input_gradients[passes.labels == c] for c in classes[images > 1]]
    if not rows:
        raise InputError("compares images of a class; give at least two of one")
    sums = [_log_correlations(each) for each in rows]
    if passes.trace.logits.shape[1] <= MANY_CLASSES:
        return sum(abs(total) for total in sums)
    means = [total / len(each) for total, each in zip(sums, rows, strict=True)]
    return sum(abs(a - b) for a in means for b in means) / len(means)


def _log_correlations(rows: Tensor) -> float:
    return (correlations(rows, constant=1.0).abs() + K).log().sum().item()
