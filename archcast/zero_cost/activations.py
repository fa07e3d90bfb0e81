"""Which ReLU units a minibatch activates."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from archcast.core.errors import InputError, told
from archcast.zero_cost.graph import Recorder, codes_of
from archcast.zero_cost.passes import Passes
from archcast.zero_cost.proxy import proxy
from archcast.zero_cost.spectrum import eigenvalues

POINTS, PATCH_SIDE = 4_096, 3


@proxy(version=2)
def nwot(passes: Passes) -> float:
    """Log-determinant of the kernel of binary codes: units less Hamming distance.

    Mellor et al., 2021. Where images share their code the determinant is zero; eigenvalues that are
    zero count as the rounding error of the largest, far below those of any other network.
    """
    values = eigenvalues(code_kernel(passes.codes))
    rounding = len(values) * torch.finfo(torch.float64).eps * values[-1]
    return values.clamp(min=rounding.item()).log().sum().item()


@proxy(version=2)
def swap(passes: Passes) -> float:
    """The number of distinct patterns, one a unit, over the images of the minibatch.

    Sample-wise activation patterns (Peng et al., 2024).
    """
    codes = _checked(passes.codes)
    patterns = torch.zeros(sum(c.shape[1] for c in codes), dtype=torch.int64).to(codes[0].device)
    for start in range(0, len(codes[0]), 32):
        chunks = [code[start : start + 32].double() for code in codes]
        powers = 2.0 ** torch.arange(len(chunks[0]), dtype=torch.float64, device=patterns.device)
        words = torch.cat([powers @ chunk for chunk in chunks]).long()
        patterns = torch.unique(patterns << 32 | words, return_inverse=True)[1]
    return patterns.max().item() + 1


@proxy(version=2)
def linear_regions(passes: Passes) -> float:
    """How many linear regions the line between two small noise images crosses, at 4,096 points.

    The expressivity of Chen et al., 2021, who count the regions of random images in a network
    thinned to one channel. In one of full width each image has a region of its own, so regions are
    counted along a line (Hanin & Rolnick, 2019). As in the paper, images are of 3x3 pixels; the
    network has to take that size.
    """
    shape = (*passes.batch.images.shape[1:-2], PATCH_SIDE, PATCH_SIDE)
    start, end = passes.noise((2, *shape))
    steps = torch.linspace(0.0, 1.0, POINTS).to(start).reshape(-1, *(1 for _ in shape))
    with torch.no_grad(), Recorder(passes.network, rectified_only=True) as recorder:
        try:
            passes.forward(passes.network, torch.lerp(start, end, steps))
        except (InputError, MemoryError, torch.OutOfMemoryError):
            raise
        except Exception as error:
            raise InputError(
                f"the network takes no images of 3x3 pixels ({told(error)})"
            ) from error
    codes = _checked(codes_of(recorder.rectified, POINTS))
    crossed = torch.stack([(code[1:] != code[:-1]).any(dim=1) for code in codes]).any(dim=0)
    return crossed.sum().item() + 1


def code_kernel(codes: Sequence[Tensor]) -> Tensor:
    """Units in which the codes of two images agree, of shape (images, images), exact."""
    codes = _checked(codes)
    kernel = torch.zeros(len(codes[0]), len(codes[0]), dtype=torch.float64).to(codes[0].device)
    for code in codes:
        active = code.float()
        number = active.sum(dim=1).double()
        both = (active @ active.T).double()
        kernel += code.shape[1] - number[:, None] - number + 2.0 * both
    return kernel


def _checked(codes: Sequence[Tensor]) -> Sequence[Tensor]:
    if not codes:
        raise InputError(
            "the network has no ReLUs that can be seen; use nn.ReLU or functional.relu"
        )
    return codes
