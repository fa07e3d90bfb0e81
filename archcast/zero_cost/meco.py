"""MeCo: how independent the channels of each module are."""

from __future__ import annotations

import torch
from torch import Tensor

from archcast.zero_cost.graph import recording
from archcast.zero_cost.passes import Passes
from archcast.zero_cost.proxy import proxy
from archcast.zero_cost.spectrum import correlations, eigenvalues


@proxy(version=2)
def meco(passes: Passes) -> float:
    """Sum over modules of the least eigenvalue of the correlations between their channels.

    For one image of Gaussian noise (Jiang et al., 2023). As in the paper's code, every module that
    gives feature maps counts, those that hold others too. A channel without variance is taken to
    correlate with nothing, not even itself, so that its module adds zero.
    """
    image = passes.noise((1, *passes.batch.images.shape[1:]))
    with torch.no_grad(), recording(passes.network.modules()) as calls:
        passes.forward(passes.network, image)
    outputs = [call.output for call in calls if isinstance(call.output, Tensor)]
    maps = [output[0].flatten(1) for output in outputs if output.ndim > 2]
    return sum(eigenvalues(correlations(each, constant=0.0))[0].item() for each in maps)
