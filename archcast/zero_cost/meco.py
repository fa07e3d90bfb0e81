"""MeCo: how independent the channels of each layer are."""

from __future__ import annotations

import torch

from archcast.core.errors import InputError
from archcast.zero_cost.graph import Recorder, check_maps
from archcast.zero_cost.passes import Passes
from archcast.zero_cost.proxy import proxy
from archcast.zero_cost.spectrum import correlations, eigenvalues


@proxy(version=2)
def meco(passes: Passes) -> float:
    """Sum over layers of the least eigenvalue of the correlations between their channels.

    For one image of Gaussian noise; layers are all that give feature maps (Jiang et al., 2023). The
    paper's code counts what holds several layers too; without, the score does not depend on how a
    network is written. A channel without variance is taken to correlate with nothing, not even
    itself, so that its layer adds zero.

    Raises:
        InputError: the network takes sequences, which it reads one place after another.
    """
    if passes.batch.images.ndim == 3:
        raise InputError("networks of sequences give no feature maps")
    image = passes.noise((1, *passes.batch.images.shape[1:]))
    with torch.no_grad(), Recorder(passes.network, maps=True) as recorder:
        passes.forward(passes.network, image)
    calls = [call for call in recorder.maps if call.output.ndim > 2]
    check_maps(calls, 1, recorder.mapless)
    maps = [call.channels_first(call.output)[0].flatten(1) for call in calls]
    return sum(eigenvalues(correlations(each, constant=0.0))[0].item() for each in maps)
