"""What every predictor, proxy, space and strategy must do, for the test suite of any package.

    from archcast.testing import check_predictor, check_space

    def test_my_predictor():
        check_predictor(MyPredictor())

    def test_my_space():
        check_space(MY_SPACE)

The checks need no benchmark: they draw architectures and make up accuracies for them.
"""

from archcast.testing.predictor_checks import CHECKS, check_predictor
from archcast.testing.proxy_checks import check_proxy
from archcast.testing.space_checks import SPACE_CHECKS, check_space
from archcast.testing.strategy_checks import STRATEGY_CHECKS, check_strategy
from archcast.testing.toys import TEST, TRAIN, Toy, toy

__all__ = [
    "CHECKS",
    "SPACE_CHECKS",
    "STRATEGY_CHECKS",
    "TEST",
    "TRAIN",
    "Toy",
    "check_predictor",
    "check_proxy",
    "check_space",
    "check_strategy",
    "toy",
]
