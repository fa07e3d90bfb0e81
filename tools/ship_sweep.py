"""Put records of `archcast costs` where `archcast recommend` finds them without a results folder.

archcast costs --repeats 5 --jobs 2 --results sweep
python tools/ship_sweep.py sweep
"""

from __future__ import annotations

import sys
from pathlib import Path

from archcast.evaluation.record import Record, RecordStore
from archcast.studies import recommendation

TARGET = Path(recommendation.__file__).parent / "shipped" / recommendation.SWEEP

if __name__ == "__main__":
    TARGET.parent.mkdir(exist_ok=True)
    TARGET.write_bytes(recommendation.pack(RecordStore(Path(sys.argv[1]), Record)))
    print(f"{TARGET}: {TARGET.stat().st_size / 1e6:.2f} MB")
