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

from archcast.zero_cost.batch import Batch
from archcast.zero_cost.scoring import Scores, score

__all__ = ["Batch", "Scores", "score"]
