"""Holds Ctrl-C back while something changes that must change as a whole."""

import signal
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from types import FrameType

__all__ = ["uninterrupted"]

SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def uninterrupted() -> Generator[None]:
    """Ctrl-C, or SIGTERM where Python hears it, takes effect when the block ends.

    JAX takes over a state's buffers when a step begins, so that an exception between that and the
    assignment of the new state would lose both. Whoever is impatient is heard at the second Ctrl-C.
    Outside the main thread, where Python raises nothing of the kind, this does nothing.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in SIGNALS}
    handlers = {number: handler for number, handler in before.items() if callable(handler)}
    heard: list[tuple[Callable[[int, FrameType | None], object], int, FrameType | None]] = []

    def hold_back(number: int, frame: FrameType | None) -> None:
        if heard:
            handlers[signal.Signals(number)](number, frame)
        heard.append((handlers[signal.Signals(number)], number, frame))

    for number in handlers:
        signal.signal(number, hold_back)
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
    for handler, number, frame in heard[:1]:
        handler(number, frame)
