"""Everything that has a name on the command line. To add something: write its file, add its line.

Importing this module imports none of what it names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from archcast.registry import Entry, Registry

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from archcast.evaluation.metrics import Values
    from archcast.predictors.base import Predictor
    from archcast.search.strategy import Strategy
    from archcast.spaces.base import Architecture, Space
    from archcast.tables.benchmark import Benchmark
    from archcast.zero_cost.combination import Combination
    from archcast.zero_cost.proxy import Proxy

spaces: Registry[Space] = Registry(
    "space",
    {
        "nasbench201": Entry("archcast.spaces.nasbench201:SPACE", "image cells, 5 ops on 6 edges"),
        "nasbench-graph": Entry("archcast.spaces.nasbench_graph:SPACE", "graph-network cells"),
    },
)

encodings: Registry[Callable[[Sequence[Architecture]], NDArray[np.float64]]] = Registry(
    "encoding",
    {
        "one-hot": Entry("archcast.encodings.one_hot:encode", "the option of each decision"),
        "adjacency": Entry("archcast.encodings.adjacency:encode", "edges and node operations"),
        "path": Entry("archcast.encodings.path:encode", "operations from input to output"),
        "graph-features": Entry(
            "archcast.encodings.graph_features:encode", "counts and path lengths, as GRAF does"
        ),
    },
)

benchmarks: Registry[Benchmark] = Registry(
    "benchmark",
    {
        "nasbench201-mini": Entry(
            "archcast.tables.nasbench201_mini:BENCHMARK",
            "6,466 image cells trained on small Fashion-MNIST images",
        ),
        "nasbench-graph": Entry(
            "archcast.tables.nasbench_graph:BENCHMARK",
            "26,206 graph networks on nine data sets (Qin et al., 2022)",
        ),
    },
)

proxies: Registry[Proxy | Combination] = Registry(
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
)

predictors: Registry[type[Predictor]] = Registry(
    "predictor",
    {
        "bananas": Entry(
            "archcast.predictors.bananas:Bananas",
            "ensemble of feed-forward networks",
            "model-based",
        ),
        "bayes-lin-reg": Entry(
            "archcast.predictors.bayesian_linear:BayesianLinearRegression",
            "Bayesian linear regression",
            "model-based",
        ),
        "bohamiann": Entry(
            "archcast.predictors.bohamiann:Bohamiann",
            "Bayesian neural network, Hamiltonian Monte Carlo",
            "model-based",
        ),
        "bonas": Entry(
            "archcast.predictors.bonas:BONAS",
            "graph convolution, global node, Bayesian linear head",
            "model-based",
        ),
        "dngo": Entry(
            "archcast.predictors.dngo:DNGO",
            "Bayesian linear regression on a network's features",
            "model-based",
        ),
        "gcn": Entry("archcast.predictors.gcn:GCN", "directed graph convolution", "model-based"),
        "gp": Entry(
            "archcast.predictors.gaussian_process:GaussianProcess",
            "Gaussian process, Matern kernel",
            "model-based",
        ),
        "gpwl": Entry(
            "archcast.predictors.weisfeiler_lehman:WeisfeilerLehmanGP",
            "Gaussian process, Weisfeiler-Lehman graph kernel",
            "model-based",
        ),
        "lgb": Entry(
            "archcast.predictors.gradient_boosting:LightGBM",
            "gradient-boosted trees, LightGBM",
            "model-based",
        ),
        "mlp": Entry("archcast.predictors.mlp:MLP", "feed-forward network", "model-based"),
        "nao": Entry(
            "archcast.predictors.nao:NAO", "LSTM autoencoder with a regressor", "model-based"
        ),
        "ngb": Entry(
            "archcast.predictors.natural_boosting:NGBoost",
            "gradient-boosted trees with deviations, NGBoost",
            "model-based",
        ),
        "rf": Entry(
            "archcast.predictors.random_forest:RandomForest", "random forest", "model-based"
        ),
        "seminas": Entry(
            "archcast.predictors.seminas:SemiNAS",
            "nao, taught by its own predictions too",
            "model-based",
        ),
        "sparse-gp": Entry(
            "archcast.predictors.gaussian_process:SparseGP",
            "Gaussian process, inducing points",
            "model-based",
        ),
        "var-sparse-gp": Entry(
            "archcast.predictors.variational_gp:VariationalSparseGP",
            "Gaussian process, stochastic variational",
            "model-based",
        ),
        "xgb": Entry(
            "archcast.predictors.gradient_boosting:XGBoost",
            "gradient-boosted trees, XGBoost",
            "model-based",
        ),
        "early-stop-acc": Entry(
            "archcast.predictors.early_stopping:EarlyStopAccuracy",
            "the last validation accuracy paid for",
            "learning-curve",
        ),
        "early-stop-loss": Entry(
            "archcast.predictors.early_stopping:EarlyStopLoss",
            "the last validation loss paid for",
            "learning-curve",
        ),
        "lce": Entry(
            "archcast.predictors.lce:LearningCurveExtrapolation",
            "curve extrapolation, eleven families",
            "learning-curve",
        ),
        "lce-m": Entry(
            "archcast.predictors.lce:MonotoneExtrapolation",
            "curve extrapolation, four families, monotone",
            "learning-curve",
        ),
        "lcsvr": Entry(
            "archcast.predictors.lcsvr:LearningCurveSVR",
            "support vectors on curve and architecture",
            "learning-curve",
        ),
        "sotl": Entry(
            "archcast.predictors.early_stopping:SumOfTrainingLosses",
            "the sum of training losses",
            "learning-curve",
        ),
        "sotl-e": Entry(
            "archcast.predictors.early_stopping:LastTrainingLoss",
            "the last training loss",
            "learning-curve",
        ),
        "tse-e": Entry(
            "archcast.predictors.early_stopping:LastTrainingLosses",
            "the sum of the last training losses",
            "learning-curve",
        ),
        "tse-ema": Entry(
            "archcast.predictors.early_stopping:DecayedTrainingLosses",
            "training losses, the newest weighing most",
            "learning-curve",
        ),
        "random": Entry("archcast.predictors.baselines:Random", "chance", "baseline"),
        "params": Entry(
            "archcast.predictors.baselines:Parameters", "the number of weights", "baseline"
        ),
        "flops": Entry(
            "archcast.predictors.baselines:Flops", "multiply-adds of a forward pass", "baseline"
        ),
        "latency": Entry(
            "archcast.predictors.baselines:Latency", "measured inference time", "baseline"
        ),
        "oneshot": Entry(
            "archcast.predictors.weight_sharing:OneShot",
            "supernet, mixtures of operations",
            "weight-sharing",
        ),
        "rsws": Entry(
            "archcast.predictors.weight_sharing:RandomPaths",
            "supernet, one random path a step",
            "weight-sharing",
        ),
        "fairnas": Entry(
            "archcast.predictors.weight_sharing:FairNAS",
            "supernet, every operation once a step",
            "weight-sharing",
        ),
        "novelty": Entry(
            "archcast.predictors.weight_sharing:Novelty",
            "supernet, paths unlike the latest",
            "weight-sharing",
        ),
        "few-shot": Entry(
            "archcast.predictors.weight_sharing:FewShot",
            "supernet, split in five on one edge",
            "weight-sharing",
        ),
        "rank-sum": Entry(
            "archcast.predictors.zero_cost:RankSum",
            "ranks by proxies, summed: rank-sum(nwot+synflow)",
            "zero-cost",
        ),
        "vote": Entry(
            "archcast.predictors.zero_cost:Vote",
            "majority of proxies: vote(nwot+synflow+jacov)",
            "zero-cost",
        ),
        "omni": Entry(
            "archcast.predictors.combined:OMNI",
            "ngb that sees jacov and the last training loss too",
            "combined",
        ),
        "sklearn": Entry(
            "archcast.predictors.sklearn_regressor:SklearnRegressor",
            "any scikit-learn regressor: sklearn(SVR(C=10))",
            "wrapper",
        ),
        "combine": Entry(
            "archcast.predictors.combined:Combined",
            "another that sees scores too: combine(xgb, parts=nwot+sotl-e)",
            "wrapper",
        ),
        "ensemble": Entry(
            "archcast.predictors.ensemble:Ensemble",
            "copies of another, for deviations: ensemble(xgb, members=5)",
            "wrapper",
        ),
        "tuned": Entry(
            "archcast.predictors.tuned:Tuned",
            "hyperparameter search around another: tuned(xgb, trials=50)",
            "wrapper",
        ),
    },
    derived=lambda: {
        name: Entry(f"archcast.predictors.zero_cost:{name}", entry.summary, "zero-cost")
        for name, entry in proxies.entries.items()
        if name not in ("params", "flops")  # facts of a table need no network
    },
)

metrics: Registry[Callable[[Values, Values], float]] = Registry(
    "metric",
    {
        "kendall-tau": Entry("archcast.evaluation.metrics:kendall_tau", "Kendall's tau-b"),
        "sparse-kendall-tau": Entry(
            "archcast.evaluation.metrics:sparse_kendall_tau", "tau, truth rounded to 0.1 %"
        ),
        "spearman": Entry("archcast.evaluation.metrics:spearman", "Spearman's rank correlation"),
        "pearson": Entry("archcast.evaluation.metrics:pearson", "Pearson's correlation"),
        "top-decile-spearman": Entry(
            "archcast.evaluation.metrics:top_decile_spearman", "Spearman among the best 10 %"
        ),
        "precision-at-10": Entry(
            "archcast.evaluation.metrics:precision_at_10", "share of the 10 best found"
        ),
        "regret-at-10": Entry(
            "archcast.evaluation.metrics:regret_at_10", "points lost by the 10 chosen"
        ),
    },
)

strategies: Registry[type[Strategy]] = Registry(
    "strategy",
    {
        "random": Entry(
            "archcast.search.random_search:RandomSearch", "uniform draws, the baseline"
        ),
        "local-search": Entry(
            "archcast.search.local_search:LocalSearch", "climbs to the best neighbour"
        ),
        "evolution": Entry(
            "archcast.search.evolution:Evolution",
            "regularised evolution; guided evolution with a predictor",
        ),
        "reinforce": Entry(
            "archcast.search.reinforce:Reinforce", "policy gradient, an option at a time"
        ),
        "hyperband": Entry(
            "archcast.search.hyperband:Hyperband", "few epochs for many, more for the better"
        ),
        "bohb": Entry(
            "archcast.search.hyperband:BOHB", "hyperband, drawn by densities of good ones"
        ),
        "bayesian": Entry(
            "archcast.search.bayesian:BayesianOptimisation",
            "what may be best by mean and deviation of a predictor",
        ),
        "proxy-then-evaluate": Entry(
            "archcast.search.proxy_then_evaluate:ProxyThenEvaluate",
            "evolution from what a zero-cost predictor likes best",
        ),
    },
)
