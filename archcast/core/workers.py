"""Work in processes, each with one thread: seconds are then those of one core, and digits agree.

Everything runs on an executor of `concurrent.futures`, one future a job. Ours is made of loky's: it
pickles what notebooks define, and its processes start with nothing of this one.
"""

from __future__ import annotations

import hashlib
import os
import pickle
import re
import reprlib
import shutil
import signal
import sys
import warnings
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import BrokenExecutor, CancelledError, Executor, Future, ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager, suppress
from functools import cache, lru_cache, partial
from itertools import islice
from pathlib import Path
from queue import Empty, SimpleQueue
from tempfile import TemporaryDirectory
from threading import Lock, Thread
from time import sleep
from typing import Any, NamedTuple, TypeVar, cast

import cloudpickle
from threadpoolctl import threadpool_limits

from archcast.core.errors import foreign, told
from archcast.core.files import replacing
from archcast.core.heavy import loky

T = TypeVar("T")
R = TypeVar("R")

IN_FLIGHT = 4  # jobs a worker that are submitted at once
IN_FLIGHT_ELSEWHERE = 1_000  # to an executor that does not say how many workers it has
HEED = 0.2  # seconds of a wait, after which signals are heeded and it goes on
LEFT = signal.SIGINT, signal.SIGHUP  # signals, to the process that asks
IDLE = 300.0  # seconds after which an unused process ends
GROWTH = 4e9  # bytes; what grows by more between jobs is replaced, and imports all anew
_THREAD_VARIABLES = (
    "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS", "NUMBA_NUM_THREADS", "NUMEXPR_NUM_THREADS",
)  # fmt: skip


# Nobody has to know that a process was replaced because it grew.
warnings.filterwarnings("ignore", "A worker (stopped|was restarted) while some jobs were given")


class JobLost(BrokenExecutor):
    """A job that other processes can't do: it kills them, or can't go there."""

    def __init__(self, item: object, how: str) -> None:
        super().__init__(f"{reprlib.repr(item)} {how}")
        self.how = how


def run_each(
    function: Callable[[T], R],
    items: Iterable[T],
    workers: int | Executor = 1,
    ordered: bool = False,
    on_loss: Callable[[T, JobLost], R] | None = None,
) -> Iterator[R]:
    """What `function` gives for each item, as it comes, or in the order of the items.

    Numerical libraries run one thread. When an exception ends it, or the iterator is closed early,
    jobs that have not begun are cancelled, and those that run in processes of ours are killed.

    Args:
        function: travels once a process, with all that it holds; to processes that are not ours,
            once an item.
        items: one a job, taken as there is room for them.
        workers: how many processes; 1 is this one. Or an executor: `Processes` of as many, whose
            jobs end with this iterator, or any other, which is left open.
        ordered: whether results come in the order of the items.
        on_loss: gives what stands for the result of a job that our processes can't do.

    Raises:
        JobLost: there was such a job, and no `on_loss`.
    """
    if workers == 1:
        yield from map(partial(_limited, function), items)
        return
    count = workers.count if isinstance(workers, Processes) else workers
    most = IN_FLIGHT * count if isinstance(count, int) else IN_FLIGHT_ELSEWHERE
    with submitting(function, workers) as submit, closing(_ended(submit, items, most)) as ended:
        yield from _results(ended, ordered, on_loss)


@contextmanager
def submitting(
    function: Callable[[T], R], workers: int | Executor
) -> Iterator[Callable[[T], Future[R]]]:
    """As `run_each`, for who has one job after another: gives what submits a job.

    After an exception in the context jobs that run in processes of ours are killed; else they are
    waited for. One worker is a process, too.
    """
    if isinstance(workers, Executor) and not isinstance(workers, Processes):
        yield partial(workers.submit, partial(_limited, function))
        return
    job = partial(_limited_in, kept(pickled(function)))
    with Processes(workers.count if isinstance(workers, Processes) else workers) as processes:
        yield partial(processes.submit, job)


def _ended(
    submit: Callable[[T], Future[R]], items: Iterable[T], most: int
) -> Generator[tuple[int, T, Future[R]]]:
    """Number, item and future of each job that has ended; at most so many are in flight."""
    waiting = enumerate(items)
    flying: dict[Future[R], tuple[int, T]] = {}
    landed = SimpleQueue[Future[R]]()
    try:
        while True:
            for number, item in islice(waiting, most - len(flying)):
                future = submit(item)
                flying[future] = number, item
                future.add_done_callback(landed.put)
            if not flying:
                return
            future = _next(landed)
            yield *flying.pop(future), future
    finally:
        for future in flying:
            future.cancel()


def _next(landed: SimpleQueue[R]) -> R:
    """What lands next. Waits are short: a signal that comes just before one is heeded after it."""
    while True:
        with suppress(Empty):
            return landed.get(timeout=HEED)


def _results(
    ended: Iterator[tuple[int, T, Future[R]]],
    ordered: bool,
    on_loss: Callable[[T, JobLost], R] | None,
) -> Iterator[R]:
    for _, item, future in _in_order(ended) if ordered else ended:
        try:
            yield future.result()
        except JobLost as loss:
            if on_loss is None:
                raise
            yield on_loss(item, loss)


def _in_order(ended: Iterator[tuple[int, T, R]]) -> Iterator[tuple[int, T, R]]:
    early: dict[int, tuple[int, T, R]] = {}
    following = 0
    for each in ended:
        early[each[0]] = each
        while following in early:
            yield early.pop(following)
            following += 1


class Processes(Executor):
    """Processes, each fed by a thread, one job at a time: who kills a process kills no other job.

    Each is an executor of loky with one worker. They outlive this one, for the next: to start one
    and to import what jobs need takes seconds. None of them is the process that asks, even of one.
    """

    _idle: list[loky.ProcessPoolExecutor] = []  # noqa: RUF012  the last used at the end

    def __init__(self, count: int) -> None:
        self.count = count
        self._threads = ThreadPoolExecutor(count, initializer=_leave_signals)
        self._lock = Lock()
        self._busy = set[loky.ProcessPoolExecutor]()
        self._stopped = False

    def submit(self, job: Callable[..., R], /, *args: Any, **kwargs: Any) -> Future[R]:
        return self._threads.submit(self._run, partial(job, *args, **kwargs))

    def __exit__(self, kind: object, *_: object) -> None:
        """Wait for all jobs; after an exception, kill those that run and cancel the others."""
        if kind:
            with self._lock:
                self._stopped = True
                busy = list(self._busy)
            for process in busy:
                process.shutdown(kill_workers=True)
        self._threads.shutdown(cancel_futures=kind is not None)

    @classmethod
    def dismiss(cls) -> None:
        """End the processes that have no job."""
        while cls._idle:
            cls._idle.pop().shutdown(kill_workers=True)

    def _run(self, job: partial[R]) -> R:
        try:
            sent = cloudpickle.dumps(job)
        except Exception as error:  # of any part of the item
            raise JobLost(job.args[-1], stays(error)) from None
        result = self.run_sent(sent, job.args[-1])
        if isinstance(result, _Stuck):
            raise JobLost(job.args[-1], result.how)
        return cast("R", result)

    def run_sent(self, sent: bytes, item: object) -> Any:
        """What a pickled function gives in a process.

        Raises:
            JobLost: it kills the process, also a second one; `item` names it.
        """
        try:
            used = self._idle.pop()
        except IndexError:
            used = _process()
        try:
            return self._run_in(used, sent)
        except loky.process_executor.TerminatedWorkerError:
            pass  # no proof: somebody else may have ended the process, before or since
        try:
            return self._run_in(_process(), sent)
        except loky.process_executor.TerminatedWorkerError as error:
            code = re.search(r"\{(.+)\}", str(error))
            how = code[1] if code else "exit code unknown"
            raise JobLost(item, f"killed the process that it ran in, twice ({how})") from None

    def _run_in(self, process: loky.ProcessPoolExecutor, sent: bytes) -> Any:
        with self._lock:
            if self._stopped:
                raise CancelledError
            self._busy.add(process)
        usable = True
        try:
            return process.submit(_received, sent).result()
        except (BrokenExecutor, loky.process_executor.ShutdownExecutorError):
            usable = False
            raise
        finally:
            with self._lock:
                self._busy.remove(process)
                if usable and not self._stopped:
                    self._idle.append(process)


class _Stuck(NamedTuple):
    """In place of the result of a job that could not be read where it went."""

    how: str


def _received(sent: bytes) -> Any:
    try:
        job = pickle.loads(sent)
    except Exception as error:
        return _Stuck(stays(error))
    return job()


def stays(error: Exception) -> str:
    """How a job is lost that can't be pickled, or read where it went."""
    return f"can't go to another process ({told(error)})"


def _process() -> loky.ProcessPoolExecutor:
    said = {**dict.fromkeys(_THREAD_VARIABLES, "1"), "LOKY_MAX_MEMORY_LEAK_SIZE": str(GROWTH)}
    asked = os.getpid(), _folder().name
    return loky.ProcessPoolExecutor(1, timeout=IDLE, initializer=_begin, initargs=asked, env=said)


def _leave_signals() -> None:
    """Leave signals to the thread that asks.

    What this thread begins inherits that, so that no signal to all meets a process as it begins,
    nor ever loky's tracker, which tidies up after them.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, LEFT)


def _begin(parent: int, folder: str) -> None:
    """Leave signals to the process that asked, and end when it does."""
    global _above
    _above = folder
    for number in LEFT:
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, LEFT)
    Thread(target=_end_after, args=(parent, folder), daemon=True).start()


def _end_after(parent: int, folder: str) -> None:
    """Wait for the end of a process, and remove its folder if a kill left it."""
    while os.getppid() == parent:
        sleep(1.0)
    shutil.rmtree(folder, ignore_errors=True)
    os._exit(1)


_above: str | None = None  # the folder of the process that asked: ours goes with it


@cache
def _folder() -> TemporaryDirectory[str]:
    return TemporaryDirectory(prefix="archcast-", dir=_above)


def pickled(function: Callable[..., Any]) -> bytes:
    """A function with all that it holds.

    Raises:
        InputError: it can't be pickled.
    """
    with foreign("what jobs need can't go to other processes"):
        content: bytes = cloudpickle.dumps(function)
    return content


_keeping = Lock()


def kept(content: bytes) -> Path:
    """A file with a pickled function, for processes to read; removed when this process ends."""
    with _keeping:  # of threads that ask for the folder at once, each would make one
        path = Path(_folder().name) / hashlib.sha256(content).hexdigest()
        if not path.exists():
            with replacing(path) as aside:
                aside.write_bytes(content)
    return path


@lru_cache(maxsize=1)
def read_kept(path: Path) -> Callable[..., Any]:
    """The function of a file that `kept` gave; a process reads it once."""
    function: Callable[..., Any] = pickle.loads(path.read_bytes())
    return function


def _limited_in(path: Path, item: Any) -> Any:
    return _limited(read_kept(path), item)


def _limited(function: Callable[[T], R], item: T) -> R:
    with one_thread():
        return function(item)


_entering = Lock()
_inside = 0  # how many contexts of `one_thread` are open
_outside = ExitStack()  # puts back what was before the first


@contextmanager
def one_thread() -> Iterator[None]:
    """One thread for numerical libraries, those loaded already and those still to come.

    Contexts may overlap, in several threads too: whoever leaves last puts back what was before.
    """
    global _inside
    with _entering:
        if not _inside:
            _outside.enter_context(_as_before())
        _inside += 1
        _limit_to_one()  # OpenMP's number is one of each thread's own
    try:
        yield
    finally:
        with _entering:
            _inside -= 1
            if not _inside:
                _outside.close()


@contextmanager
def _as_before() -> Iterator[None]:
    before = {name: os.environ.get(name) for name in _THREAD_VARIABLES}
    threads = torch.get_num_threads() if (torch := _torch()) else None
    with threadpool_limits():
        yield
    for name, value in before.items():
        if value is None:
            del os.environ[name]
        else:
            os.environ[name] = value
    if torch := _torch():
        default = before["OMP_NUM_THREADS"] or loky.cpu_count(only_physical_cores=True)
        torch.set_num_threads(threads or int(default))


def _limit_to_one() -> None:
    """PyTorch is told itself: its copy of MKL is out of reach for others."""
    os.environ.update(dict.fromkeys(_THREAD_VARIABLES, "1"))
    threadpool_limits(1)
    if torch := _torch():
        torch.set_num_threads(1)


def _torch() -> Any:
    return sys.modules.get("torch")
