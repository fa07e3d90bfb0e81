"""Seconds per encoding for 15,625 cells, on one thread: the least of three runs."""

from __future__ import annotations

import time

import numpy as np
from threadpoolctl import threadpool_limits

from archcast.encodings import registry as encodings
from archcast.spaces import registry as spaces

if __name__ == "__main__":
    with threadpool_limits(1):
        for space in spaces:
            cells = spaces.get(space).sample(15_625, np.random.default_rng(0))
            for name in encodings:
                encode = encodings.get(name)
                seconds = []
                for _ in range(3):
                    start = time.process_time()
                    features = encode(cells).shape[1]
                    seconds.append(time.process_time() - start)
                print(f"{space:15} {name:15} {features:4} features {min(seconds):7.3f} s")
