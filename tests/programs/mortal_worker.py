"""The real worker, killed by SIGKILL at the step of a re-enable that the argument names; "" = never. Works off the waiting jobs."""

import os
import signal
import sys
from collections.abc import Callable
from typing import Any

from django.core.management import call_command

import portal.wsgi  # noqa: F401 - sets Django up, which the modules below need
from synclogs.catalogue.recovery import State
from synclogs.recovery import reenable


def dying(function: Callable[..., Any], when: Callable[..., bool]) -> Callable[..., Any]:
    def maybe(*args: Any, **more: Any) -> Any:
        if when(*args, **more):
            os.kill(os.getpid(), signal.SIGKILL)
        return function(*args, **more)

    return maybe


def is_answer(*_: Any, to: State, **__: Any) -> bool:
    return to in {State.ACCEPTED, State.REFUSED}


def main(step: str) -> None:
    match step:
        case "taken":  # the job is taken, nothing is noted
            reenable.call = dying(reenable.call, lambda *_, **__: True)
        case "noted":  # sent_at is committed, nothing has left
            reenable._send = dying(reenable._send, lambda *_: True)
        case "answered":  # the answer is there, and not recorded
            reenable.move = dying(reenable.move, is_answer)
    call_command("procrastinate", "worker", "--one-shot")


if __name__ == "__main__":
    main(sys.argv[1])
