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
    from archcast.spaces.base import Architecture, Space
    from archcast.tables.benchmark import Benchmark

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
        "nasbench-graph": Entry(
            "archcast.tables.nasbench_graph:BENCHMARK",
            "26,206 graph networks on nine data sets (Qin et al., 2022)",
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
        "sklearn": Entry(
            "archcast.predictors.sklearn_regressor:SklearnRegressor",
            "any scikit-learn regressor: sklearn(SVR(C=10))",
            "wrapper",
        ),
        "tuned": Entry(
            "archcast.predictors.tuned:Tuned",
            "hyperparameter search around another: tuned(xgb, trials=50)",
            "wrapper",
        ),
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
