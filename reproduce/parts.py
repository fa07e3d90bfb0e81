"""What is measured: every part of a page, every file, and the command that gives it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from archcast.benchmarks.nasbench201_results import DATASETS
from reproduce.across import ALONE
from reproduce.across import LEARNING as ACROSS
from reproduce.hardware import MODELS as MODELS_OF_COSTS
from reproduce.learning_curves import PREDICTORS as CURVES
from reproduce.losses import PREDICTORS as LOSSES
from reproduce.many_labels import PREDICTORS as MANY_LABELS
from reproduce.part import ROOT, Part, Show
from reproduce.robust_predictors import PREDICTORS as ROBUST_PREDICTORS
from reproduce.search_nasbench201 import GUIDES as GUIDES_NASBENCH201
from reproduce.several_objectives import GUIDE as GUIDE_TO_FRONTS
from reproduce.weight_sharing import STRATEGIES as SHARED

RULE = "\N{BOX DRAWINGS LIGHT HORIZONTAL}"  # below the heads of a table
SWEEP = "archcast/studies/shipped/nasbench201-mini-fashion-mnist-14.jsonl.gz"

LEADERS = (
    "lcsvr", "sotl-e", "tse-e", "lc-pfn", "omni", "committee", "var-sparse-gp", "xgb", "gp",
    "bananas", "nn-former", "gcn", "zen", "params", "synflow", "fairnas", "early-stop-acc", "nwot",
    "fisher", "random",
)  # fmt: skip
MODEL_HEADS = (
    "predictor", "tau, 100 labels", "tau, 400 labels", "NASLib: 100 / 400", "fit, 100",
    "NASLib: fit, 100",
)  # fmt: skip
SOME_MODELS = ("committee", "xgb", "gp", "bananas", "ngb", "gcn", "seminas")
GUIDES = (
    "bayes-lin-reg,gp,gpwl,lgb,rf,xgb,mlp,early-stop-acc,sotl-e,tse-e,tse-ema,params,flops,random"
)
SWEEPS = {
    dataset: f"archcast/studies/shipped/nasbench201-{dataset}.jsonl.gz" for dataset in DATASETS
}
NASBENCH201 = tuple(f"nasbench201:{dataset}" for dataset in DATASETS)
STOP = "lcsvr(trials=10)"  # as good here as 50, in a fifth of the time
RANKED = ("nasbench201:cifar100", "nasbench201-mini", "nasbench101-mini", "size-mini")
SMALL = (
    "nasbench101-mini",
    "size-mini",
    "nasbench-macro-mini",
    "darts-mini",
    "darts-rnn-mini",
    "nago-mini",
)  # besides the default
SPACES = ("nasbench201-mini", *SMALL)  # each trained here
OF_IMAGES = tuple(name for name in SPACES if name != "darts-rnn-mini")
SHARING = tuple(name for name in SPACES if name != "nago-mini")  # whose networks have a supernet
OPEN = ("darts-mini", "darts-rnn-mini")  # of spaces that no table holds
ON_NOISE = "model-based,baseline,synflow,zen,layers,l2-norm"  # what needs no images, and is quick
TUNED = "tuned(xgb),tuned(lgb),tuned(rf),tuned(mlp),tuned(gcn)"


def as_it_is(text: str) -> str:
    """Markdown that the command prints."""
    return text


def paragraph(number: int) -> Show:
    """One of those that the command prints, which are Markdown."""
    return lambda text: text.strip().split("\n\n")[number]


def block(text: str) -> str:
    """What a terminal shows."""
    return "\n".join(f"    {line}".rstrip() for line in text.rstrip().splitlines())


def typed(command: str, rows: int | None = None) -> Show:
    """What a terminal shows, below what was typed; of a table, the first rows if not all."""

    def show(text: str) -> str:
        lines = text.rstrip().splitlines()
        if rows is not None:
            rule = max(i for i, line in enumerate(lines) if line.lstrip().startswith(RULE))
            lines = [*lines[: rule + 1 + rows], "..."]
        return block("\n".join([f"$ {command}", *lines]))

    return show


def some_rows(keep: Sequence[str], column: int) -> Show:
    """Rows of a terminal's table whose word in this column is one of `keep`, and what is around."""

    def show(text: str) -> str:
        lines = text.rstrip().splitlines()
        rule = next(i for i, line in enumerate(lines) if line.lstrip().startswith(RULE))
        shown = lines[: rule + 1]
        for line in lines[rule + 1 :]:
            words = line.split()
            if len(words) <= column + 3 or words[column] in keep:
                shown.append(line)
            elif shown[-1] != "...":
                shown.append("...")
        return block("\n".join(shown))

    return show


def some_cells(heads: Sequence[str], rows: Sequence[str] = ()) -> Show:
    """Columns of a table in Markdown by their heads, and rows by their names, all without."""

    def show(text: str) -> str:
        cells = [line[2:-2].split(" | ") for line in text.strip().splitlines()]
        at = [cells[0].index(head) for head in heads]
        kept = [row for row in cells[2:] if not rows or row[0].strip("`") in rows]
        lines = [cells[0], ["---"] * len(cells[0]), *kept]
        return "\n".join(f"| {' | '.join(row[i] for i in at)} |" for row in lines)

    return show


PARTS = [
    Part(
        "sweep",
        "python -m reproduce.sweep {out}/nasbench201-mini-fashion-mnist-14.jsonl.gz --jobs {jobs}"
        " --results {results}",
        files=(SWEEP,),
    ),
    *(
        Part(
            f"sweep-{dataset}",
            f"python -m reproduce.sweep {{out}}/{Path(SWEEPS[dataset]).name} --table"
            f" nasbench201:{dataset} --predictors {ON_NOISE} --jobs {{jobs}} --results {{results}}",
            files=(SWEEPS[dataset],),
            predictors=ON_NOISE,
            tables=(f"nasbench201:{dataset}",),
        )
        for dataset in SWEEPS
    ),
    Part(
        "leaderboard",
        "archcast leaderboard --repeats 3 --jobs {jobs} --results {results}",
        {"README.md": some_rows(LEADERS, 1)},
    ),
    Part(
        "recommend",
        "archcast recommend --init 600 --query 0.001 --results {results}",
        {"README.md": typed("archcast recommend --init 600 --query 0.001", rows=3)},
        predictors="",
        reads=(SWEEP,),
    ),
    Part(
        "search",
        "archcast search --strategy evolution --predictor xgb --repeats 100 --jobs {jobs}"
        " --results {results}",
        {"README.md": block},
        predictors="xgb",
    ),
    Part(
        "search-cifar10",
        "python -m reproduce.search_cifar10 {cifar10} --jobs {jobs} --results {results}"
        " --figure {out}/search.png",
        {"docs/search.md": paragraph(0), "README.md": paragraph(1)},
        files=("docs/search.png",),
        predictors="xgb,gp,early-stop-acc,combine(gp, parts=[early-stop-acc])",
        tables=(),
    ),
    Part(
        "several-objectives",
        "python -m reproduce.several_objectives --jobs {jobs} --results {results}"
        " --figure {out}/several-objectives.png",
        {"docs/several-objectives.md": as_it_is},
        files=("docs/several-objectives.png",),
        predictors=GUIDE_TO_FRONTS,
        tables=("nasbench201-mini", "nasbench201:cifar10"),
    ),
    Part(
        "strategies",
        "python -m reproduce.strategies --jobs {jobs} --results {results}",
        {"docs/search.md": as_it_is},
        predictors="",
    ),
    Part(
        "guided",
        f"archcast search --compare --strategy evolution --predictor {GUIDES} --repeats 60"
        " --budget 60 --jobs {jobs} --results {results}",
        {"docs/search.md": block},
        predictors=GUIDES,
        reads=(SWEEP,),
    ),
    Part(
        "combine",
        "archcast combine ngb sotl-e jacov --epochs 2 --jobs {jobs} --results {results}",
        {"docs/combining.md": typed("archcast combine ngb sotl-e jacov --epochs 2")},
        predictors="ngb,combine(ngb, parts=[sotl-e, jacov])",
    ),
    Part(
        "hardware",
        "python -m reproduce.hardware nasbench201-mini --jobs {jobs} --results {results}",
        {"docs/objectives.md": as_it_is},
        predictors=f"hardware,{MODELS_OF_COSTS}",
    ),
    Part(
        "hardware-nasbench201",
        "python -m reproduce.hardware nasbench201:cifar10 nasbench201:cifar100"
        " nasbench201:imagenet16-120 --objectives latency_gpu --predictors additive,xgb,gp"
        " --jobs {jobs} --results {results}",
        {"docs/objectives.md": as_it_is},
        predictors="additive,xgb,gp",
    ),
    Part(
        "pareto",
        "archcast pareto accuracy,latency_cpu --predictors xgb,gp,additive --jobs {jobs}"
        " --results {results}",
        {
            "docs/objectives.md": typed(
                "archcast pareto accuracy,latency_cpu --predictors xgb,gp,additive"
            )
        },
        predictors="xgb,gp,additive",
    ),
    Part(
        "known",
        "archcast leaderboard --objective latency_cpu --predictors additive,gp --train-sizes 30"
        " --known epoch_seconds --jobs {jobs} --results {results}",
        {
            "docs/objectives.md": typed(
                "archcast leaderboard --objective latency_cpu --predictors additive,gp"
                " --train-sizes 30 --known epoch_seconds"
            )
        },
        predictors="additive,gp",
    ),
    Part(
        "stop",
        "archcast stop --threshold 0.01,0.05,0.2 --jobs {jobs} --results {results}",
        {"docs/learning-curves.md": block},
        predictors="lcsvr",
    ),
    Part(
        "stopped-searches",
        f"archcast search --strategy random,reinforce,hyperband,bohb --stop '{STOP}' --budget 60"
        " --repeats 20 --jobs {jobs} --results {results}",
        {"docs/learning-curves.md": block},
        predictors="lcsvr",
    ),
    Part(
        "learning-curves",
        "python -m reproduce.learning_curves --jobs {jobs} --results {results}"
        " --figure {out}/learning-curves.png",
        {"docs/learning-curves.md": as_it_is},
        files=("docs/learning-curves.png",),
        predictors=CURVES,
    ),
    *(
        Part(
            f"learning-curves-{name}",
            f"python -m reproduce.learning_curves --benchmark {name} --predictors '{read}'"
            " --jobs {jobs} --results {results}",
            {"docs/learning-curves.md": as_it_is},
            predictors=read,
            tables=(name,),
        )
        for name in SMALL
        for read in [CURVES if name in OF_IMAGES else "learning-curve"]
    ),
    Part(
        "supernet",
        "archcast supernet --epochs 50,200 --jobs {jobs} --results {results}",
        {"docs/weight-sharing.md": block},
        predictors="weight-sharing",
    ),
    Part(
        "weight-sharing",
        f"python -m reproduce.weight_sharing {' '.join(SHARING)} --jobs {{jobs}}"
        " --results {results}",
        {"docs/weight-sharing.md": as_it_is},
        predictors=",".join(SHARED),
        tables=SHARING,
    ),
    Part(
        "one-shot",
        "python -m reproduce.one_shot --jobs {jobs} --results {results}",
        {"docs/search.md": as_it_is},
        predictors="",
    ),
    Part(
        "open-spaces",
        f"python -m reproduce.open_spaces {' '.join(OPEN)} --repeats 4 --jobs {{jobs}}"
        " --results {results}",
        {"docs/search.md": as_it_is},
        predictors="",
        tables=OPEN,
    ),
    Part(
        "nago",
        "python -m reproduce.nago --epochs 6 --trainings 36 --jobs {jobs} --results {results}",
        {"docs/several-objectives.md": as_it_is},
        predictors="gp",
    ),
    Part(
        "robust-search",
        "python -m reproduce.robust_search --epochs 30 --jobs {jobs} --results {results}",
        {"docs/robustness.md": as_it_is},
        predictors="",
    ),
    Part(
        "robust-predictors",
        "python -m reproduce.robust_predictors --jobs {jobs} --results {results}",
        {"docs/robustness.md": as_it_is},
        predictors=ROBUST_PREDICTORS,
    ),
    Part(
        "costs",
        "python -m reproduce.costs {out}",
        {"docs/costs.md": as_it_is},
        files=("docs/costs-surface.png", "docs/costs-pareto.png"),
        predictors="",
        reads=(SWEEP,),
    ),
    Part(
        "cluster",
        "python -m reproduce.cluster",
        {"docs/cluster.md": as_it_is},
        predictors="",
        tables=(),
    ),
    Part(
        "live-search",
        "python -m reproduce.live_search --budget 40 --kills 5",
        {"docs/search.md": as_it_is},
        predictors="xgb",
    ),
    Part(
        "spaces",
        "python -m reproduce.spaces --architectures 10000",
        {"docs/spaces.md": as_it_is},
        predictors="",
        reads=tuple(
            str(path.relative_to(ROOT))
            for room in ("spaces", "encodings")
            for path in sorted((ROOT / "archcast" / room).glob("*.py"))
        ),
        tables=(),
    ),
    Part(
        "kills",
        "python -m reproduce.kills --kills 1000",
        {"docs/reliability.md": as_it_is},
        predictors="",
        tables=(),
    ),
    Part(
        "screenshots",
        "python -m reproduce.screenshots {chromium} {out}",
        files=("docs/report.png", "docs/report-phone.png"),
        predictors="",
        reads=(SWEEP,),
    ),
    Part(
        "model-based-cifar10",
        "python -m reproduce.model_based {cifar10} --beside reproduce/naslib.csv",
        {
            "docs/model-based.md": some_cells((*MODEL_HEADS, "query")),
            "README.md": some_cells(MODEL_HEADS, SOME_MODELS),
        },
        predictors="model-based",
        tables=(),
    ),
    Part(
        "model-based",
        "python -m reproduce.model_based nasbench201-mini nasbench-graph:cora nasbench-graph:arxiv",
        {"docs/model-based.md": as_it_is},
        predictors="model-based",
        tables=("nasbench201-mini", "nasbench-graph:cora", "nasbench-graph:arxiv"),
    ),
    Part(
        "many-labels",
        "python -m reproduce.many_labels nasbench201:cifar10 nasbench201:cifar100 --jobs {jobs}",
        {"docs/model-based.md": as_it_is},
        predictors=MANY_LABELS,
        tables=("nasbench201:cifar10", "nasbench201:cifar100"),
    ),
    Part(
        "losses",
        f"python -m reproduce.losses {' '.join(RANKED)} --jobs {{jobs}} --results {{results}}",
        {"docs/model-based.md": as_it_is},
        predictors=LOSSES,
        tables=RANKED,
    ),
    Part(
        "deviations",
        "python -m reproduce.calibration {cifar10} nasbench201-mini nasbench-graph:arxiv",
        {"docs/model-based.md": as_it_is},
        predictors="model-based",
        tables=("nasbench201-mini", "nasbench-graph:arxiv"),
    ),
    Part(
        "tuned",
        f"python -m reproduce.model_based {{cifar10}} --train-sizes 100 --predictors '{TUNED}'",
        {"docs/model-based.md": as_it_is},
        predictors=TUNED,
        tables=(),
    ),
    Part(
        "zero-cost-cifar10",
        "python -m reproduce.zero_cost {cifar10} --beside reproduce/published.csv --proxies"
        " params,flops,layers,l2-norm,synflow,linear-regions,nwot,swap,swap-reg,jacov"
        " --workers {jobs} --cache {results}",
        {"docs/zero-cost.md": as_it_is},
        predictors="zero-cost",
        tables=(),
    ),
    Part(
        "zero-cost-few-cells",
        "python -m reproduce.zero_cost {cifar10} --beside reproduce/published.csv --proxies"
        " meco,zen,grasp,fisher,ntk,az-nas,te-nas --cells 40 --workers {jobs} --cache {results}",
        {
            "docs/zero-cost.md": some_cells(
                ("proxy", "tau", "rho", "published tau (rho)", "seconds")
            )
        },
        predictors="zero-cost",
        tables=(),
    ),
    Part(
        "zero-cost-many-cells",
        "python -m reproduce.zero_cost {cifar10} --proxies layers,l2-norm --cells 2000"
        " --workers {jobs} --cache {results}",
        {"docs/zero-cost.md": as_it_is},
        predictors="layers,l2-norm",
        tables=(),
    ),
    Part(
        "zero-cost-units",
        "python -m reproduce.zero_cost {cifar10} --cells 4 --units --proxies"
        " grad-norm,snip,fisher,plain,jacov,epe-nas,zico,grasp,synflow,nwot,swap,zen,meco,az-nas",
        {"docs/zero-cost.md": as_it_is},
        predictors="zero-cost",
        tables=(),
    ),
    Part(
        "zero-cost",
        "python -m reproduce.zero_cost nasbench201-mini --cells 500 --workers {jobs}"
        " --cache {results}",
        {"docs/zero-cost.md": as_it_is},
        predictors="zero-cost",
    ),
    Part(
        "datasheet",
        "python -m reproduce.datasheet nasbench201-mini --figure {out}/nasbench201-mini.png",
        {"docs/nasbench201-mini.md": as_it_is},
        files=("docs/nasbench201-mini.png",),
        predictors="",
    ),
    *(
        Part(
            f"datasheet-{name}",
            f"python -m reproduce.datasheet {name} --figure {{out}}/{name}.png",
            {f"docs/{name}.md": as_it_is},
            files=(f"docs/{name}.png",),
            predictors="",
            tables=(name,),
        )
        for name in SMALL
    ),
    Part(
        "across-spaces",
        f"python -m reproduce.carries {' '.join(SPACES)} --jobs {{jobs}} --results {{results}}"
        " --figure {out}/across-spaces.png",
        {"docs/across-spaces.md": as_it_is},
        files=("docs/across-spaces.png",),
        tables=SPACES,
    ),
    Part(
        "datasheet-nasbench201",
        "python -m reproduce.datasheet_nasbench201",
        {"docs/nasbench201.md": as_it_is},
        predictors="xgb",
        tables=NASBENCH201,
    ),
    Part(
        "predictors-nasbench201",
        "python -m reproduce.predictors_nasbench201 --jobs {jobs} --results {results}",
        {"docs/nasbench201.md": as_it_is},
        predictors="model-based",
        tables=("nasbench201-mini", *NASBENCH201),
    ),
    Part(
        "search-nasbench201",
        "python -m reproduce.search_nasbench201 --jobs {jobs} --results {results}",
        {"docs/nasbench201.md": as_it_is},
        predictors=GUIDES_NASBENCH201,
        tables=NASBENCH201,
    ),
    Part(
        "guides",
        "python -m reproduce.guides --jobs {jobs} --results {results}",
        {"docs/search.md": as_it_is},
        predictors="model-based",
        tables=("nasbench201:cifar100", "nasbench201:imagenet16-120"),
    ),
    Part(
        "transfer",
        "python -m reproduce.transfer --jobs {jobs} --results {results}",
        {"docs/transfer.md": as_it_is},
        predictors="transfer(gp),transfer(xgb),gp,xgb",
        tables=("nasbench201-mini", *NASBENCH201),
    ),
    Part(
        "across",
        f"python -m reproduce.across {' '.join(SPACES)} --jobs {{jobs}} --results {{results}}",
        {"docs/transfer.md": as_it_is},
        predictors=",".join((*ACROSS, *ALONE)),
        tables=SPACES,
    ),
    Part(
        "recommend-nasbench201",
        "archcast recommend --benchmark nasbench201 --dataset cifar100 --init 400000 --query 1"
        " --results {results}",
        {
            "docs/nasbench201.md": typed(
                "archcast recommend --benchmark nasbench201 --dataset cifar100 --init 400000"
                " --query 1",
                rows=5,
            )
        },
        predictors="",
        reads=(SWEEPS["cifar100"],),
        tables=("nasbench201:cifar100",),
    ),
    Part(
        "datasheet-cifar10",
        "python -m reproduce.datasheet nasbench201-mini --with {cifar10}",
        {"docs/nasbench201-mini.md": as_it_is},
        predictors="",
    ),
    Part(
        "intervals",
        "python -m reproduce.intervals --boards 400",
        {"docs/decisions.md": as_it_is},
        predictors="",
        reads=(SWEEP,),
    ),
    *(
        Part(
            name,
            f"python -m reproduce.notebook notebooks/{name}.ipynb {{out}}",
            files=(f"notebooks/{name}.ipynb",),
            predictors=predictors,
            reads=reads,
            tables=("nasbench201-mini", *others),
        )
        for name, predictors, reads, others in (
            (
                "01_leaderboard",
                "xgb,bayes-lin-reg,sotl-e,early-stop-acc,lcsvr,params,synflow,random",
                (),
                (),
            ),
            ("02_init_vs_query_cost", "", (SWEEP,), ()),
            ("03_combine_families", "combine(xgb, parts=[sotl-e, params])", (SWEEP,), ()),
            ("04_nasbench201", "xgb,gp,rf,mlp,params,bayes-lin-reg", (), NASBENCH201),
        )
    ),
]
