"""Progress bar of long commands: redrawn on a terminal, a line now and then elsewhere."""

import time
from types import TracebackType
from typing import Self, TextIO

BAR = 30
EVERY_SECONDS = 0.1
EVERY_SECONDS_IN_A_FILE = 10.0


class Progress:
    """Counts up to `total` (None = nobody knows) of something; used with `with`, which ends the line."""

    def __init__(self, stream: TextIO, label: str, *, total: int | None, unit: str = "entries") -> None:
        self.stream, self.label, self.total, self.unit = stream, label, total, unit
        self.done = 0
        self.terminal = stream.isatty()
        self._started = self._shown = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._show()
        if self.terminal:
            self.stream.write("\n")

    def to(self, done: int) -> None:
        self.done = done
        moment = time.monotonic()
        if moment - self._shown >= (EVERY_SECONDS if self.terminal else EVERY_SECONDS_IN_A_FILE):
            self._shown = moment
            self._show()

    def _show(self) -> None:
        seconds = max(time.monotonic() - self._started, 0.001)
        text = f"{self.label} {self.done:,}"
        if self.total:
            share = min(1.0, self.done / self.total)
            full = int(share * BAR)
            text = f"{self.label} [{'#' * full}{'.' * (BAR - full)}] {share:4.0%}  {self.done:,} of {self.total:,}"
        text += f" {self.unit}, {self.done / seconds:,.0f} a second"
        self.stream.write(f"\r{text}\x1b[K" if self.terminal else f"{text}\n")
        self.stream.flush()
