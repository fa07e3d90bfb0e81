"""What every predictor and every space must do, as checks for the test suite of any package.

    from archcast.testing import check_predictor, check_space

    def test_my_predictor():
        check_predictor(MyPredictor())

    def test_my_space():
        check_space(MY_SPACE)

The checks need no benchmark: they draw architectures and make up accuracies for them.
"""

from archcast.testing.predictor_checks import (
    CHECKS,
    SKELETON,
    TASK,
    TEST,
    TRAIN,
    Toy,
    check_predictor,
    toy,
)
from archcast.testing.space_checks import SPACE_CHECKS, check_space

__all__ = [
    "CHECKS",
    "SKELETON",
    "SPACE_CHECKS",
    "TASK",
    "TEST",
    "TRAIN",
    "Toy",
    "check_predictor",
    "check_space",
    "toy",
]
