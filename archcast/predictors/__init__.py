"""The `fit`/`query` contract, and a file a predictor or close family, with its line here.

Classes can be imported from here by their names: `from archcast.predictors import XGBoost`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from archcast import zero_cost
from archcast.core.registry import Entry, Registry, lazy

if TYPE_CHECKING:
    from archcast.predictors.predictor import Predictor

registry: Registry[type[Predictor]] = Registry(
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
        "committee": Entry(
            "archcast.predictors.committee:Committee",
            "mean of several, of gp and xgb by default: committee([gp, xgb, mlp])",
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
            "archcast.predictors.gpwl:WeisfeilerLehmanGP",
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
        "nn-former": Entry(
            "archcast.predictors.nn_former:NNFormer",
            "graph networks, nodes see ancestors, descendants, siblings",
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
        "lc-pfn": Entry(
            "archcast.predictors.learned_curves:LearnedCurves",
            "a transformer that has learned how curves go",
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
        "column": Entry(
            "archcast.predictors.baselines:Column",
            "a score measured elsewhere: column(synflow, price=0.1)",
            "wrapper",
        ),
        "additive": Entry(
            "archcast.predictors.additive:Additive",
            "non-negative contributions of options or operations",
            "hardware",
        ),
        "flops-regression": Entry(
            "archcast.predictors.size_regression:FlopsRegression",
            "a line over multiply-adds",
            "hardware",
        ),
        "params-regression": Entry(
            "archcast.predictors.size_regression:ParametersRegression",
            "a line over the number of weights",
            "hardware",
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
            "archcast.predictors.proxies:RankSum",
            "ranks by proxies, summed: rank-sum([nwot, synflow])",
            "zero-cost",
        ),
        "vote": Entry(
            "archcast.predictors.proxies:Vote",
            "majority of proxies: vote([nwot, synflow, jacov])",
            "zero-cost",
        ),
        "omni": Entry(
            "archcast.predictors.wrappers.combined:OMNI",
            "ngb that sees jacov and the last training loss too",
            "combined",
        ),
        "sklearn": Entry(
            "archcast.predictors.wrappers.sklearn_regressor:SklearnRegressor",
            "any scikit-learn regressor: sklearn(SVR(C=10))",
            "wrapper",
        ),
        "graph": Entry(
            "archcast.predictors.wrappers.pyg_model:GraphModel",
            "any basic graph network of torch-geometric: graph(GIN(num_layers=2))",
            "wrapper",
        ),
        "combine": Entry(
            "archcast.predictors.wrappers.combined:Combined",
            "another that sees scores too: combine(xgb, parts=[nwot, sotl-e])",
            "wrapper",
        ),
        "ensemble": Entry(
            "archcast.predictors.wrappers.ensemble:Ensemble",
            "copies of another, for deviations: ensemble(xgb, members=5)",
            "wrapper",
        ),
        "tuned": Entry(
            "archcast.predictors.wrappers.tuned:Tuned",
            "hyperparameter search around another: tuned(xgb, trials=50)",
            "wrapper",
        ),
        "transfer": Entry(
            "archcast.predictors.wrappers.transfer:Transfer",
            "another that begins with what a benchmark of the same space teaches: transfer(gp)",
            "wrapper",
        ),
        "across": Entry(
            "archcast.predictors.wrappers.across:Across",
            "another that begins with what other spaces teach about proxies: across(gp)",
            "wrapper",
        ),
    },
    derived=lambda: {
        name: Entry(f"archcast.predictors.proxies:{name}", entry.summary, "zero-cost")
        for name, entry in zero_cost.registry.entries.items()
        if name not in ("params", "flops")  # facts of a table need no network
    },
    base="archcast.predictors.predictor:Predictor",
    classes=True,
)


def __getattr__(name: str) -> Any:
    if name in ("Context", "Curves", "Predictor", "Source", "Tags"):
        return lazy(name, __name__, {name: "predictor"})
    return registry.exported(name)
