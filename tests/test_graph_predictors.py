"""What graph and sequence predictors promise beyond the contract."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import networkx as nx
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch_geometric.nn import DenseGraphConv
from torch_geometric.nn.models import GIN
from torch_geometric.utils import dense_to_sparse

from archcast.core.errors import InputError
from archcast.core.identity import made_of
from archcast.encodings.live_graphs import live_graphs
from archcast.encodings.weisfeiler_lehman import DEAD, encode, products, refine, self_products
from archcast.predictors import registry as predictors
from archcast.predictors.helpers.graph_network import (
    DirectedConvolution,
    KinMean,
    mean_of_targets,
)
from archcast.predictors.predictor import Context, Predictor
from archcast.predictors.wrappers.pyg_model import MODELS
from archcast.spaces import registry as spaces
from archcast.spaces.space import Architecture, Space
from archcast.testing import TEST, TRAIN, check_predictor, toy
from tests.test_encodings import AnyGraph

NB201, NBGRAPH = spaces.get("nasbench201"), spaces.get("nasbench-graph")
GRAPH = ["gcn", "bonas", "nn-former", "gpwl", "graph"]
ALL = [*GRAPH, "nao", "seminas"]
QUICK = {name: {} if name == "gpwl" else {"steps": 20} for name in ALL}
OTHER = NB201.sample(40, np.random.default_rng(9))

every_predictor = pytest.mark.parametrize("name", ALL)
every_space = pytest.mark.parametrize("space", [NB201, NBGRAPH], ids=lambda space: space.name)


def quick(name: str, **params: object) -> Predictor:
    return predictors.get(name)(**{**QUICK[name], **params})


def chain(*operations: str) -> Architecture:
    """A cell whose only path has these operations, in this order."""
    a, b, c = operations
    return NB201.parse(f"|{a}~0|+|none~0|{b}~1|+|none~0|none~1|{c}~2|")


def random_edges(n: int, nodes: int, seed: int) -> NDArray[np.bool_]:
    rng = np.random.default_rng(seed)
    return np.triu(rng.random((n, nodes, nodes)) < 0.5, k=1)


# Live parts


def paths_by_walking(adjacency: NDArray[np.bool_], passable: Sequence[bool]) -> set[int]:
    """The nodes on any path, by walking each."""
    last, on_path = len(adjacency) - 1, {0, len(adjacency) - 1}
    walks = [[0]]
    while walks:
        walk = walks.pop()
        if walk[-1] == last:
            on_path |= set(walk)
        walks += [
            [*walk, int(node)]
            for node in np.flatnonzero(adjacency[walk[-1]])
            if node == last or passable[node]
        ]
    return on_path


@pytest.mark.parametrize("space", [NB201, NBGRAPH, AnyGraph()], ids=lambda space: space.name)
def test_live_nodes_are_those_on_paths(space) -> None:  # type: ignore[no-untyped-def]
    cells = space.sample(60, np.random.default_rng(0))
    adjacency, operations, *_ = space.graphs([space.reduced(cell) for cell in cells])
    graphs = live_graphs(cells)
    absent = [space.operations.index(name) for name in space.absent]
    for k in range(len(cells)):
        passable = ~np.isin(operations[k], absent)
        expected = paths_by_walking(adjacency[k], passable)
        assert set(np.flatnonzero(graphs.mask[k])) == expected
        inside = np.isin(np.arange(len(passable)), list(expected))
        np.testing.assert_array_equal(
            graphs.adjacency[k], adjacency[k] & inside[:, None] & inside[None, :]
        )


def test_a_cell_without_any_path_has_live_ends_only() -> None:
    graphs = live_graphs([chain("none", "nor_conv_3x3", "nor_conv_3x3")])
    assert graphs.mask.tolist() == [[True, *[False] * 6, True]]
    assert not graphs.adjacency.any()


# Weisfeiler-Lehman kernel


def nested(labels: Sequence[int], edges: NDArray[np.bool_], rounds: int) -> list[object]:
    """Labels as nested tuples, straight from the definition."""
    values: list[object] = list(map(int, labels))
    for _ in range(rounds):
        values = [
            (values[j], tuple(sorted((values[i] for i in np.flatnonzero(edges[:, j])), key=repr)))
            for j in range(len(values))
        ]
    return values


def partition(names: Sequence[object]) -> list[int]:
    return [names.index(name) for name in names]


@pytest.mark.parametrize("rounds", range(4))
def test_refinement_splits_nodes_as_nested_tuples_do(rounds: int) -> None:
    edges = random_edges(40, 6, seed=rounds)
    labels = np.random.default_rng(rounds).integers(3, size=(40, 6))
    hashes = refine(labels, edges, rounds)[rounds].ravel().tolist()
    expected = [
        name for k in range(len(edges)) for name in map(repr, nested(labels[k], edges[k], rounds))
    ]
    assert partition(hashes) == partition(expected)


def test_refinement_agrees_with_networkx() -> None:
    networkx = pytest.importorskip("networkx")
    edges = random_edges(30, 6, seed=5)
    labels = np.random.default_rng(5).integers(3, size=(30, 6))
    either_way = refine(labels, edges | edges.transpose(0, 2, 1), 3)
    theirs: list[list[str]] = [[], [], [], []]
    for k in range(len(edges)):
        graph = networkx.from_numpy_array(edges[k], create_using=networkx.Graph)
        networkx.set_node_attributes(graph, dict(enumerate(map(str, labels[k]))), "label")
        hashes = networkx.weisfeiler_lehman_subgraph_hashes(
            graph, node_attr="label", iterations=3, include_initial_labels=True
        )
        for depth, node in product(range(4), range(6)):
            theirs[depth].append(hashes[node][depth])
    for depth in range(4):
        assert partition(either_way[depth].ravel().tolist()) == partition(theirs[depth])


@every_space
def test_kernel_counts_pairs_of_equal_labels(space) -> None:  # type: ignore[no-untyped-def]
    cells = space.sample(14, np.random.default_rng(1))
    labels = encode(cells, 2)
    inner = products(labels[:, :9], labels[:, 9:])
    for view, i, j in product(range(len(labels)), range(9), range(5)):
        a, b = labels[view, i], labels[view, 9 + j]
        pairs = sum(x == y and x != DEAD for x, y in product(a, b))
        assert inner[view, i, j] == pairs
    everything = products(labels, labels)
    np.testing.assert_array_equal(self_products(labels), np.diagonal(everything, axis1=1, axis2=2))


def test_first_view_is_operations_and_last_is_topology() -> None:
    cells = [chain(a, b, c) for a, b, c in [("nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")]]
    cells += [chain("nor_conv_3x3", "nor_conv_3x3", "nor_conv_3x3")]
    first, *_, last = encode(cells, 2)
    assert set(first[0]) != set(first[1])
    assert sorted(last[0]) == sorted(last[1])


def test_gradient_of_the_evidence() -> None:
    from scipy.optimize import check_grad

    from archcast.predictors.gpwl import WeisfeilerLehmanGP

    rng = np.random.default_rng(0)
    for kernel in ("matern", "linear"):
        model = WeisfeilerLehmanGP(kernel=kernel, iterations=1)
        model.seen_ = encode(TRAIN.architectures[:12], 1)
        terms = model._terms(model.seen_)
        start = rng.normal(-1.0, 0.5, len(terms) + 2)
        y = rng.normal(size=12)
        arguments = (terms / (1.0 + terms.mean()), y, np.zeros(len(start)))
        error = check_grad(
            lambda logs: model._loss(logs, *arguments)[0],  # noqa: B023
            lambda logs: model._loss(logs, *arguments)[1],  # noqa: B023
            start,
        )
        assert error < 1e-3


def test_posterior_is_the_textbook_one() -> None:
    from scipy.stats import norm, rankdata

    model = predictors.get("gpwl")(kernel="linear").fit(*TRAIN)
    normal = norm.ppf((rankdata(TRAIN.labels) - 0.5) / len(TRAIN.labels))
    seen, asked = (encode(t.architectures, 2) for t in (TRAIN, TEST))

    def kernel(a: NDArray[np.uint64], b: NDArray[np.uint64]) -> NDArray[np.float64]:
        return model.signal_ * np.tensordot(model.weights_, products(a, b), 1)

    inverse = np.linalg.inv(kernel(seen, seen) + model.noise_ * np.eye(len(normal)))
    cross = kernel(asked, seen)
    scores, std = model.query(TEST.architectures, return_std=True)
    y = (normal - normal.mean()) / normal.std()
    np.testing.assert_allclose(scores, cross @ inverse @ y * normal.std() + normal.mean(), 1e-5)
    variances = np.diagonal(kernel(asked, asked) - cross @ inverse @ cross.T) + model.noise_
    np.testing.assert_allclose(std, np.sqrt(variances) * normal.std(), rtol=1e-5)


def test_unknown_kernel_is_refused() -> None:
    with pytest.raises(ValueError, match="kernel='rbf'"):
        quick("gpwl", kernel="rbf").fit(*TRAIN)


# Graph networks


def test_convolution_agrees_with_torch_geometric() -> None:
    edges = torch.from_numpy(random_edges(20, 6, seed=0)).double()
    values = torch.randn((20, 6, 5), generator=torch.Generator().manual_seed(0)).double()
    ours = DirectedConvolution(5, 4).double()
    theirs = [DenseGraphConv(5, 4, aggr="mean").double() for _ in range(2)]
    own, before, after = ours.linear.weight.chunk(3)
    bias = ours.linear.bias.chunk(3)
    for layer, weight in zip(theirs, (before, after), strict=True):
        layer.lin_rel.weight.data = weight
        layer.lin_root.weight.data = own / 2
        layer.lin_rel.bias.data = torch.zeros(4).double()
    # Our biases of messages count only where there are messages; theirs are not used.
    into, out_of = edges.transpose(1, 2), edges
    has = [matrix.sum(dim=2, keepdim=True) > 0 for matrix in (into, out_of)]
    seen = theirs[0](values, into) + theirs[1](values, out_of)
    seen = seen + bias[0] + has[0] * bias[1] + has[1] * bias[2]
    expected = ours.normalise(torch.relu(seen))
    actual = ours(values, mean_of_targets(into), mean_of_targets(out_of))
    torch.testing.assert_close(actual, expected)


def test_kin_are_those_of_networkx() -> None:
    edges = random_edges(20, 9, seed=3)
    kin = KinMean(5, 4, 1).relatives(torch.from_numpy(edges).float())
    for k, each in enumerate(edges):
        graph = nx.from_numpy_array(each, create_using=nx.DiGraph)
        for node in graph:
            found = [set(np.flatnonzero(kind[k, node]).tolist()) for kind in kin]
            sources, targets = set(graph.predecessors(node)), set(graph.successors(node))
            feeding = {one for target in targets for one in graph.predecessors(target)}
            fed = {one for source in sources for one in graph.successors(source)}
            assert found == [
                sources,
                targets,
                nx.ancestors(graph, node),
                nx.descendants(graph, node),
                feeding - {node},
                fed - {node},
            ]


def test_networks_of_a_predictor_differ_and_their_mean_counts() -> None:
    fitted = quick("nn-former").fit(*TRAIN)
    graphs = fitted._graphs(TEST.architectures)
    with torch.no_grad():
        each = torch.stack([network(graphs) for network in fitted.networks_]).double()
    assert (each.std(dim=0) > 0).all()
    expected = fitted.axis_.restore(each.mean(dim=0).numpy())
    np.testing.assert_allclose(fitted.query(TEST.architectures), expected, rtol=1e-5)


@every_predictor
def test_the_direction_of_edges_matters(name: str) -> None:
    cells = [
        chain("nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3"),
        chain("avg_pool_3x3", "nor_conv_3x3", "nor_conv_1x1"),
    ]
    fitted = quick(name).fit(*TRAIN)
    backward, forward = fitted.query(cells, TEST.context)
    assert abs(backward - forward) > 1e-3


@every_predictor
@every_space
def test_equal_networks_get_equal_scores(name: str, space) -> None:  # type: ignore[no-untyped-def]
    cells = space.sample(400, np.random.default_rng(3))
    context = Context(unlabeled=cells[:50])
    fitted = quick(name).fit(cells[:60], np.random.default_rng(0).random(60), context)
    moved = [cell for cell in cells if space.canonical(cell) != cell]
    assert len(moved) > 50
    canonical = [space.canonical(cell) for cell in moved]
    np.testing.assert_allclose(
        fitted.query(moved, context), fitted.query(canonical, context), rtol=1e-4, atol=1e-5
    )


@pytest.mark.parametrize("name", ["gcn", "bonas", "nn-former"])
def test_dead_nodes_change_nothing(name: str) -> None:
    """What a dead node holds can't be seen, so that canonical forms need not blank it."""
    fitted = quick(name).fit(*TRAIN)
    graphs = fitted._graphs(TEST.architectures)
    nodes = graphs.nodes.clone()
    dead = graphs.live.squeeze(2) == 0
    assert dead.any()
    assert (nodes[dead] == 0).all()
    nodes[dead] = 1.0
    with torch.no_grad():
        torch.testing.assert_close(fitted._mean(graphs._replace(nodes=nodes)), fitted._mean(graphs))


# Sequences


def test_reconstruction_learns() -> None:
    def accuracy(steps: int) -> float:
        fitted = quick("nao", steps=steps).fit(*TRAIN)
        tokens = fitted._tokens(TRAIN.architectures)
        with torch.no_grad():
            _, logits = fitted.network_(tokens, torch.empty(len(tokens), 0))
        return float((logits.argmax(dim=2) == tokens).float().mean())

    assert accuracy(200) > accuracy(2) + 0.3


def test_without_reconstruction_the_decoder_learns_nothing() -> None:
    fitted = quick("nao", tradeoff=1.0, weight_decay=0.0).fit(*TRAIN)
    fresh = quick("nao", steps=1, tradeoff=1.0, weight_decay=0.0).fit(*TRAIN)
    torch.testing.assert_close(fitted.network_.name.weight, fresh.network_.name.weight)


def test_decoder_never_sees_the_token_it_names() -> None:
    fitted = quick("nao").fit(*TRAIN)
    tokens = fitted._tokens(TEST.architectures)
    changed = tokens.clone()
    changed[:, 3] = (changed[:, 3] + 1) % 5
    with torch.no_grad():
        code = fitted.network_.encode(tokens)
        before, after = (fitted.network_.decode(code, each) for each in (tokens, changed))
    torch.testing.assert_close(before[:, :4], after[:, :4])
    assert not torch.allclose(before[:, 4], after[:, 4])


def test_seminas_uses_unlabeled_architectures() -> None:
    def scores(unlabeled: Sequence[Architecture]) -> NDArray[np.float64]:
        context = Context(unlabeled=unlabeled)
        fitted = quick("seminas").fit(TRAIN.architectures, TRAIN.labels, context)
        return fitted.query(TEST.architectures, context)

    assert TRAIN.context.unlabeled is not None
    assert np.abs(scores(TRAIN.context.unlabeled) - scores(OTHER)).max() > 1e-3


def test_seminas_learns_its_predictions(monkeypatch: pytest.MonkeyPatch) -> None:
    from archcast.predictors.nao import NAO

    seen = []
    train = NAO._train

    def spy(self, space, tokens, features, targets):  # type: ignore[no-untyped-def]
        seen.append((tokens, targets))
        train(self, space, tokens, features, targets)

    monkeypatch.setattr(NAO, "_train", spy)
    teacher = quick("nao").fit(TRAIN.architectures, TRAIN.labels)
    context = Context(unlabeled=OTHER)
    pupil = quick("seminas", weight_decay=teacher.weight_decay, batch_size=teacher.batch_size)
    pupil.fit(TRAIN.architectures, TRAIN.labels, context)
    (_, _, (tokens, targets)) = seen
    n = len(TRAIN.labels)
    assert len(tokens) == len(targets) == pupil.upsample * n + len(OTHER)
    predicted = teacher._predict(teacher._tokens(OTHER), torch.empty(len(OTHER), 0))
    torch.testing.assert_close(targets[-len(OTHER) :], predicted)


def test_seminas_without_unlabeled_architectures_is_nao() -> None:
    context = Context(unlabeled=[])
    semi = quick("seminas").fit(TRAIN.architectures, TRAIN.labels, context)
    plain = quick("nao", **{k: v for k, v in semi.get_params().items() if k != "upsample"})
    plain.fit(TRAIN.architectures, TRAIN.labels)
    np.testing.assert_array_equal(
        semi.query(TEST.architectures, context), plain.query(TEST.architectures)
    )


# All


@every_predictor
def test_many_duplicates_and_a_large_query(name: str) -> None:
    cells = [TRAIN.architectures[0]] * 30 + TRAIN.architectures[:10]
    labels = np.r_[np.linspace(60, 70, 30), TRAIN.labels[:10]]
    fitted = quick(name).fit(cells, labels, TRAIN.context)
    everything = list(NB201.enumerate())[::3]
    scores = fitted.query(everything, TRAIN.context)
    assert np.isfinite(scores).all()
    np.testing.assert_allclose(
        scores[-7:], fitted.query(everything[-7:], TRAIN.context), rtol=1e-4, atol=1e-5
    )


@every_predictor
def test_unknown_rescaling_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="labels='best' is none of raw, standard, rank, normal"):
        quick(name, labels="best").fit(*TRAIN)


@pytest.mark.parametrize("name", ["gcn", "bonas", "nn-former", "nao", "seminas"])
def test_the_device_is_used(name: str) -> None:
    with pytest.raises((RuntimeError, NotImplementedError, AssertionError)):
        quick(name, device="meta").fit(*TRAIN).query(TEST.architectures, TEST.context)


@pytest.mark.parametrize("name", ["gcn", "bonas", "nn-former", "nao", "seminas"])
def test_fit_puts_the_global_generator_back(name: str) -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(4321)  # a state that no earlier fit can have left
        before = torch.get_rng_state()
        quick(name).fit(*TRAIN).query(TEST.architectures, TEST.context)
        assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("name", ["bonas", "gpwl"])
def test_deviations_are_larger_far_from_the_labels(name: str) -> None:
    chains = [chain(a, b, c) for a, b, c in product(("nor_conv_3x3", "skip_connect"), repeat=3)]
    fitted = predictors.get(name)().fit(chains, np.arange(8.0))
    _, near = fitted.query(chains, return_std=True)
    _, far = fitted.query(toy(50, seed=4).architectures, return_std=True)
    assert np.median(far) > np.median(near)


# Models of torch-geometric


@every_space
@pytest.mark.parametrize("name", MODELS)
def test_models_score_as_torch_geometric_does_graph_by_graph(name: str, space: Space) -> None:
    cells = space.sample(9, np.random.default_rng(0))
    norm = "BatchNorm" if name in ("EdgeCNN", "GIN") else "GraphNorm"
    fitted = predictors.get("graph")(f"{name}(norm={norm})", steps=3)
    fitted.fit(cells, np.arange(9.0))
    adjacency, operations, live, _ = live_graphs(cells)
    for k, score in enumerate(fitted.query(cells)):
        nodes = np.flatnonzero(live[k])
        features = torch.eye(len(space.operations))[operations[k, nodes]]
        edges, _ = dense_to_sparse(torch.from_numpy(adjacency[k][np.ix_(nodes, nodes)]).long())
        [network] = fitted.networks_
        with torch.no_grad():
            both = [network.along(features, edges), network.against(features, edges.flip(0))]
            read = network.head(torch.cat(both, dim=1).mean(dim=0))
        assert fitted.axis_.restore(read.item()) == pytest.approx(score, rel=1e-4, abs=1e-5)


def test_an_object_keeps_the_contract() -> None:
    check_predictor(predictors.get("graph")(GIN(-1, 16, 2), steps=40))


def test_an_object_is_left_as_it_is_and_known_by_its_content() -> None:
    model = GIN(-1, 8, 2)
    predictor = predictors.get("graph")(model, steps=5)
    before = made_of(predictor)
    predictor.fit(*TRAIN)
    assert made_of(predictor) == before
    assert made_of(predictors.get("graph")(GIN(-1, 8, 2, act="elu"))) != before
    assert made_of(predictors.get("graph")("GIN")) == made_of(predictors.get("graph")("GIN"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("GIM", "no model 'GIM'; did you mean GIN?"),
        ("MLP(num_layers=2)", "no model 'MLP'"),
        ("GIN(depth=2)", "unexpected keyword argument 'depth'; give parameters of"),
        ("GAT(heads=7)", "divisible"),
        ("GCN(in_channels=3)", "in_channels"),
        ("GIN(", "mend the brackets"),
        ("GIN(norm=GraphNorm)", "take a batch for one graph"),
        ("EdgeCNN(norm=LayerNorm)", "take a batch for one graph"),
    ],
)
def test_text_that_names_no_model_is_one_line(text: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        predictors.get("graph")(text)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_object_for_other_nodes_is_refused() -> None:
    with pytest.raises(InputError, match="takes 5 features, and nodes have 7"):
        predictors.get("graph")(GIN(5, 8, 2)).fit(*TRAIN)
