"""How recurrent DARTS cells become networks: how wide, and what of them is dropped in training."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from archcast.networks.networks import Networks
from archcast.networks.scales import Recurrence
from archcast.spaces.darts_rnn import SPACE, nodes_of
from archcast.spaces.space import Architecture
from archcast.tasks.task import Signature

if TYPE_CHECKING:
    from archcast.networks.darts_rnn_modules import RecurrentNetwork, RecurrentSupernet


class DARTSRecurrentNetworks(Networks[Recurrence]):
    """One cell that reads a text; at the scale `official` as it was evaluated on Penn Treebank.

    Without the dropout of whole words there, which is a matter of training.
    """

    space = SPACE
    scales: ClassVar = {
        "mini": Recurrence(width=48, initial=0.2),
        "official": Recurrence(
            width=850, initial=0.04, dropped_inputs=0.2, dropped_steps=0.75, dropped_states=0.25,
            dropped_outputs=0.75,
        ),
    }  # fmt: skip
    signatures: ClassVar = {"ptb": Signature((35, 10_000), 10_000)}  # words

    def build(
        self, architecture: Architecture, signature: Signature, scale: Recurrence
    ) -> RecurrentNetwork:
        from archcast.networks.darts_rnn_modules import RecurrentNetwork

        return RecurrentNetwork(nodes_of(architecture), signature, scale)

    def supernet(self, signature: Signature, scale: Recurrence) -> RecurrentSupernet:
        from archcast.networks.darts_rnn_modules import RecurrentSupernet

        return RecurrentSupernet(signature, scale)


NETWORKS = DARTSRecurrentNetworks()
