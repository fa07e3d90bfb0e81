"""The space and the tables of NAS-Bench-Graph, against the authors' package."""

import pickle
import sys
from functools import cache

import numpy as np
import pytest

from archcast.benchmarks import nasbench_graph_results as tables
from archcast.benchmarks import registry as benchmarks
from archcast.core.errors import InputError
from archcast.report.terminal import table_info
from archcast.spaces import registry as spaces
from archcast.spaces.nasbench_graph import (
    LINKS,
    OPERATIONS,
    SPACE,
    from_package_hash,
    package_hash,
)

load = cache(tables.load)  # which takes a second


@pytest.fixture(scope="module")
def cells():
    return list(SPACE.enumerate())


def test_it_is_in_the_registry_and_pickles_as_a_singleton(cells):
    assert spaces.get("nasbench-graph") is SPACE
    assert benchmarks.get("nasbench-graph").datasets == tables.DATASETS
    assert pickle.loads(pickle.dumps(cells[7])) == cells[7]


def test_text_form():
    text = "|gat~0|gcn~0|fc~1|skip~2|"
    cell = SPACE.parse(text)
    assert cell.choices == (LINKS.index((0, 0, 1, 2)), 0, 1, 7, 8)
    assert str(cell) == text


def test_every_cell_round_trips_through_its_text(cells):
    assert len(cells) == 59_040
    texts = [str(cell) for cell in cells]
    assert len(set(texts)) == len(texts)
    assert [SPACE.parse(text) for text in texts] == cells


@pytest.mark.parametrize(
    "text",
    [
        "|skip~0|skip~1|skip~2|skip~3|",
        "|gat~0|gcn~0|fc~2|skip~1|",  # a link list that is not one of the nine
        "|gat~0|gcn~0|fc~1|pool~2|",
        "|gat~0|gcn~0|fc~1|",
        "|gat~0|gcn~0|fc~1|skip~2|\n",
    ],
)
def test_other_texts_are_refused(text):
    with pytest.raises(InputError, match="is not an architecture of space nasbench-graph"):
        SPACE.parse(text)


def test_classes_and_representatives_are_those_of_the_package(cells):
    arch = pytest.importorskip("nas_bench_graph.architecture").Arch
    assert tuple(map(list, LINKS)) == tuple(sys.modules[arch.__module__].link_list)
    assert list(OPERATIONS) == sys.modules[arch.__module__].gnn_list
    keys = []
    for cell in cells:
        links, *operations = cell.choices
        key = arch(list(LINKS[links]), [OPERATIONS[i] for i in operations]).valid_hash()
        assert package_hash(cell) == key, str(cell)
        keys.append(key)
    assert len(set(keys)) == 26_206


def test_canonical_is_idempotent_and_inverts_the_package_hash(cells):
    for canonical in {SPACE.canonical(cell) for cell in cells[::7]}:
        assert SPACE.canonical(canonical) == canonical
        assert from_package_hash(package_hash(canonical)) == canonical


@pytest.mark.parametrize(
    ("cell", "same"),
    [
        ("|gcn~0|skip~1|gat~2|fc~3|", "|skip~0|gcn~1|gat~2|fc~3|"),  # between two others
        ("|fc~0|gat~0|gin~1|cheb~2|", "|gat~0|fc~0|cheb~1|gin~2|"),  # two equal branches
        ("|gcn~0|skip~0|gat~1|fc~1|", "|skip~0|gcn~1|gat~2|fc~2|"),  # hands on the cell's input
    ],
)
def test_known_isomorphisms(cell, same):
    assert str(SPACE.canonical(SPACE.parse(cell))) == same


def test_a_skip_beside_another_reader_counts():
    cell = SPACE.parse("|gcn~0|gat~1|fc~1|skip~1|")
    assert SPACE.canonical(cell) == cell


@pytest.mark.parametrize("key", [-1, 8888, 88888, 90000, 9, 123456])
def test_keys_that_no_cell_has(key):
    with pytest.raises(InputError, match="is no key of NAS-Bench-Graph"):
        from_package_hash(key)


def test_graphs_follow_the_text():
    cells = [SPACE.parse("|gat~0|gcn~0|fc~1|skip~2|"), SPACE.parse("|sage~0|gcn~1|fc~2|skip~3|")]
    graphs = SPACE.graphs(cells)
    assert [set(zip(*np.nonzero(a), strict=True)) for a in graphs.adjacency] == [
        {(0, 1), (0, 2), (1, 3), (2, 4), (3, 5), (4, 5)},
        {(0, 1), (1, 2), (2, 3), (3, 4), (4, 5)},
    ]
    names = [[SPACE.operations[i] for i in row] for row in graphs.operations]
    assert names[0] == ["input", "gat", "gcn", "fc", "skip", "output"]
    assert names[1] == ["input", "sage", "gcn", "fc", "skip", "output"]


def test_graphs_are_topologically_ordered_and_every_node_reaches_the_output(cells):
    graphs = SPACE.graphs(cells[::500])
    assert not np.tril(graphs.adjacency).any()
    assert graphs.adjacency.any(axis=2)[:, :-1].all()
    assert graphs.adjacency.any(axis=1)[:, 1:].all()
    empty = SPACE.graphs([])
    assert empty.adjacency.shape == (0, 6, 6)
    assert empty.operations.shape == (0, 6)


def test_neighbours_differ_in_one_decision_and_are_valid():
    cell = SPACE.parse("|gat~0|skip~0|skip~0|skip~0|")
    neighbours = SPACE.neighbours(cell)
    assert len(neighbours) == 8 + 4 * 8 - 1  # all four skip is none
    assert all(SPACE.parse(str(neighbour)) == neighbour for neighbour in neighbours)


def test_loading_imports_nothing_of_the_package(monkeypatch):
    for name in [name for name in sys.modules if name.startswith("nas_bench_graph")]:
        monkeypatch.delitem(sys.modules, name)
    tables.load("proteins")
    assert not any(name.startswith("nas_bench_graph") for name in sys.modules)


@pytest.mark.parametrize("dataset", tables.DATASETS)
def test_tables_hold_every_class_once(dataset):
    table = load(dataset)
    assert (table.dataset, table.space) == (dataset, SPACE)
    assert len(table) == (2_021 if dataset == "proteins" else 26_206)
    assert len(table.columns["seed"]) == len(table)
    assert all(SPACE.canonical(cell) == cell for cell in table.architectures[::7])
    assert {"description", "licence", "source"} <= set(table.metadata)


def test_proteins_holds_the_cells_of_five_operations(cells):
    few = {OPERATIONS.index(name) for name in ("gcn", "sage", "arma", "fc", "skip")}
    expected = {SPACE.canonical(cell) for cell in cells if few.issuperset(cell.choices[1:])}
    assert set(load("proteins").architectures) == expected


@pytest.mark.parametrize(("dataset", "measure"), [("cora", "accuracy"), ("proteins", "auc")])
def test_values_are_those_of_the_package(dataset, measure):
    records = pytest.importorskip("nas_bench_graph").light_read(dataset)
    table = load(dataset)
    assert table.objective().name == measure
    for at in range(0, len(table), 97):
        record = records[package_hash(table.architectures[at])]
        row = {name: values[at] for name, values in table.columns.items()}
        assert row[f"valid_{measure}"] == pytest.approx(100 * record["valid_perf"])
        assert row[f"test_{measure}"] == pytest.approx(100 * record["perf"])
        assert row["parameters"] == round(1e6 * record["para"])
        assert row["latency_gpu"] == pytest.approx(1e3 * record["latency"])


def test_what_is_said_of_a_table_is_of_its_objective():
    low, high = (f(load("proteins").columns["test_auc"]) for f in (min, max))
    said = table_info(load("proteins"))
    assert f"auc            {low:.2f} to {high:.2f} %" in said


def test_the_table_finds_isomorphic_cells():
    table = load("cora")
    cell = SPACE.parse("|fc~0|gat~0|gin~1|cheb~2|")
    assert str(table.architectures[table.index(cell)]) == "|gat~0|fc~0|cheb~1|gin~2|"


def test_unknown_data_sets_are_named_with_their_neighbours():
    with pytest.raises(InputError, match="'coar': did you mean cora"):
        tables.load("coar")


def test_without_the_package_it_says_what_to_install(monkeypatch):
    monkeypatch.setattr(tables, "find_spec", lambda name: None)
    with pytest.raises(InputError, match="pip install nas-bench-graph"):
        tables.load("cora")
