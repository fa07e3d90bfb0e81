"""Settings that keep predictors quick where any setting will do.

`reproduce/contracts.py` asks the same of the defaults.
"""

from __future__ import annotations

QUICK: dict[str, dict[str, object]] = {
    "across": {"head": "bayes-lin-reg"},
    "bananas": {"networks": 2, "steps": 60},
    "bonas": {"steps": 40},
    "bohamiann": {"burn_in": 100, "samples": 10, "thin": 5},
    "column": {"column": "parameters"},
    "combine": {"head": "bayes-lin-reg"},
    **{key: {"steps": 40} for key in ("dngo", "gcn", "mlp", "nn-former")},
    **{
        key: {"epochs": 1, "valid_images": 100, "recalibrate": 1}
        for key in ("oneshot", "rsws", "fairnas", "novelty", "few-shot")
    },
    "ensemble": {"predictor": "xgb(n_estimators=10)", "members": 2},
    "graph": {"model": "GIN(hidden_channels=16, num_layers=2)", "steps": 20},
    "lce": {"steps": 5},
    "lce-m": {"steps": 5},
    "lcsvr": {"trials": 3},
    "nao": {"steps": 30, "width": 16},
    "ngb": {"n_estimators": 20, "learning_rate": 0.3},
    "omni": {"head": "bayes-lin-reg"},
    "rf": {"n_estimators": 20},
    "seminas": {"steps": 20, "width": 16},
    "transfer": {"head": "bayes-lin-reg"},
    "tuned": {"predictor": "xgb(n_estimators=10)", "trials": 2},
    "var-sparse-gp": {"steps": 12},
}
