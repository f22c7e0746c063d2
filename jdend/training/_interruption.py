"""Delays Ctrl-C while something changes that must change as a whole."""

import signal
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from types import FrameType

__all__ = ["uninterrupted"]

SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def uninterrupted() -> Generator[None]:
    """Within the block, Ctrl-C, and SIGTERM if Python handles it, wait for the end of the block.

    JAX takes the buffers of a state when a step begins. An exception before the new state is
    assigned would lose both states. A second Ctrl-C has its effect at once. In other threads than
    the main one, in which Python raises no such exceptions, this does nothing.
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
