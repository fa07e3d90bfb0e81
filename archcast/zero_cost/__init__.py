"""Zero-cost proxies: scores of a network before its training.

Each proxy is a function of a network and a minibatch, for any `nn.Module` that gives logits:

    from archcast.zero_cost import Batch
    from archcast.zero_cost.saliency import snip
    snip(network, Batch(images, labels))

`score` computes many proxies of many networks and makes the passes that they share once:

    from archcast.zero_cost import score
    score([network], ["snip", "nwot", "synflow"], Batch(images, labels)).values

Higher is better throughout. The network comes back as it was, and global random states are left
alone. What a proxy needs of the minibatch is its family in the catalog: nothing but the images'
shape (`data-free`, `noise`), the images, or the labels too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from archcast.core.registry import Entry, Registry, lazy

if TYPE_CHECKING:
    from archcast.zero_cost.combination import Combination
    from archcast.zero_cost.proxy import Proxy

registry: Registry[Proxy | Combination] = Registry(
    "proxy",
    {
        "params": Entry("archcast.zero_cost.size:params", "the number of parameters", "data-free"),
        "flops": Entry(
            "archcast.zero_cost.size:flops", "multiply-adds of a forward pass", "data-free"
        ),
        "layers": Entry(
            "archcast.zero_cost.size:layers",
            "the number of convolutions and linear layers",
            "data-free",
        ),
        "l2-norm": Entry("archcast.zero_cost.size:l2_norm", "norms of the weights", "data-free"),
        "synflow": Entry(
            "archcast.zero_cost.synflow:synflow", "signal through positive weights", "data-free"
        ),
        "zen": Entry(
            "archcast.zero_cost.zen:zen", "how far features move with a noisy input", "noise"
        ),
        "meco": Entry(
            "archcast.zero_cost.meco:meco", "least eigenvalues of channel correlations", "noise"
        ),
        "linear-regions": Entry(
            "archcast.zero_cost.activations:linear_regions",
            "linear regions between two small noise images",
            "noise",
        ),
        "az-expressivity": Entry(
            "archcast.zero_cost.az_nas:az_expressivity",
            "entropy of the blocks' feature spectra",
            "noise",
        ),
        "az-progressivity": Entry(
            "archcast.zero_cost.az_nas:az_progressivity",
            "least gain in entropy between blocks",
            "noise",
        ),
        "az-trainability": Entry(
            "archcast.zero_cost.az_nas:az_trainability", "strength of signals coming back", "noise"
        ),
        "az-nas": Entry(
            "archcast.zero_cost.combination:AZ_NAS",
            "log-ranks of the three and flops, in the set scored",
            "noise",
        ),
        "jacov": Entry(
            "archcast.zero_cost.jacobian:jacov", "correlations between input Jacobians", "images"
        ),
        "nwot": Entry(
            "archcast.zero_cost.activations:nwot",
            "log-determinant of the kernel of ReLU codes",
            "images",
        ),
        "swap": Entry(
            "archcast.zero_cost.activations:swap",
            "distinct sample-wise activation patterns",
            "images",
        ),
        "swap-reg": Entry(
            "archcast.zero_cost.combination:SWAP_REG",
            "swap, regularised by size in the set scored",
            "images",
        ),
        "ntk": Entry(
            "archcast.zero_cost.single_images:ntk",
            "condition number of the neural tangent kernel",
            "images",
        ),
        "te-nas": Entry(
            "archcast.zero_cost.combination:TE_NAS",
            "ranks of ntk and linear regions in the set scored",
            "images",
        ),
        "grad-norm": Entry(
            "archcast.zero_cost.saliency:grad_norm", "norms of the gradient", "labels"
        ),
        "snip": Entry("archcast.zero_cost.saliency:snip", "abs(weight x gradient)", "labels"),
        "plain": Entry("archcast.zero_cost.saliency:plain", "weight x gradient", "labels"),
        "fisher": Entry(
            "archcast.zero_cost.saliency:fisher",
            "squared (activation x gradient), once a weight",
            "labels",
        ),
        "fisher-channels": Entry(
            "archcast.zero_cost.saliency:fisher_channels",
            "squared (activation x gradient), once a channel",
            "labels",
        ),
        "grasp": Entry(
            "archcast.zero_cost.saliency:grasp", "weight x Hessian x gradient", "labels"
        ),
        "epe-nas": Entry(
            "archcast.zero_cost.jacobian:epe_nas",
            "correlations between input Jacobians, by class",
            "labels",
        ),
        "zico": Entry(
            "archcast.zero_cost.zico:zico",
            "gradient means over deviations between minibatches",
            "labels",
        ),
        "gradsign": Entry(
            "archcast.zero_cost.single_images:gradsign",
            "agreement of the gradients' signs over images",
            "labels",
        ),
    },
    base="archcast.zero_cost.proxy:Proxy",
)


_MODULES = {"Batch": "batch", "Scorer": "scoring", "Scores": "scoring", "score": "scoring"}


def __getattr__(name: str) -> Any:
    return lazy(name, __name__, _MODULES)
