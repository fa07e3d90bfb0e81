"""Blocks that networks of several spaces are made of."""

from __future__ import annotations

from torch import Tensor, nn


def conv_norm(
    c_in: int,
    c_out: int,
    kernel: int,
    stride: int = 1,
    act: type[nn.Module] | None = None,
    groups: int = 1,
    momentum: float = 0.1,
) -> nn.Sequential:
    """Convolution, batch norm and, if given, an activation."""
    parts: list[nn.Module] = [
        nn.Conv2d(c_in, c_out, kernel, stride, kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(c_out, momentum=momentum),
    ]
    return nn.Sequential(*parts, *([act()] if act else []))


def relu_conv_norm(c_in: int, c_out: int, kernel: int, stride: int = 1) -> nn.Sequential:
    """ReLU, convolution and batch norm: the order inside cells."""
    return nn.Sequential(
        nn.ReLU(),
        nn.Conv2d(c_in, c_out, kernel, stride, kernel // 2, bias=False),
        nn.BatchNorm2d(c_out),
    )


class ResidualReduction(nn.Module):
    """The residual block with stride 2 between the stages of NAS-Bench-201."""

    def __init__(self, c_in: int, c_out: int) -> None:
        super().__init__()
        self.main = nn.Sequential(
            relu_conv_norm(c_in, c_out, 3, stride=2), relu_conv_norm(c_out, c_out, 3)
        )
        self.shortcut = nn.Sequential(
            nn.AvgPool2d(2, ceil_mode=True), nn.Conv2d(c_in, c_out, 1, bias=False)
        )

    def forward(self, features: Tensor) -> Tensor:
        out: Tensor = self.main(features) + self.shortcut(features)
        return out
