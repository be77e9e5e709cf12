"""Anonymous senders of sign-ins, in a process of their own: `python -m bench.strangers PORT THREADS ADDRESS…`.

Each thread reads the token of the form once, then sends one wrong password after the other, each with another name, until
stdin is closed. The threads take the addresses in turn. Prints "ready" when all have their token, at the end the statuses as JSON.
"""

import http.client
import json
import re
import sys
import threading
from collections import Counter
from dataclasses import dataclass, field
from urllib.parse import urlencode

PATH = "/accounts/login/"
TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="(\w+)"')


@dataclass
class Stranger:
    port: int
    address: str
    number: int
    end: threading.Event
    statuses: Counter[str] = field(default_factory=Counter)

    def connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=30, source_address=(self.address, 0))

    def run(self, ready: threading.Barrier) -> None:
        connection = self.connect()
        connection.request("GET", PATH)
        answer = connection.getresponse()
        cookie = str(answer.headers["Set-Cookie"]).partition(";")[0]
        found = TOKEN.search(answer.read().decode())
        assert found
        headers = {"Cookie": cookie, "Content-Type": "application/x-www-form-urlencoded"}
        ready.wait()
        count = 0
        while not self.end.is_set():
            count += 1
            name = f"nobody-{self.address}-{self.number}-{count}"
            fields = {"csrfmiddlewaretoken": found[1], "username": name, "password": "not the password"}
            try:
                connection.request("POST", PATH, urlencode(fields), headers)
                answer = connection.getresponse()
                answer.read()
                self.statuses[str(answer.status)] += 1
            except (OSError, http.client.HTTPException):
                self.statuses["broken"] += 1
                connection = self.connect()


def main(port: int, threads: int, addresses: list[str]) -> None:
    end = threading.Event()
    strangers = [Stranger(port, addresses[number % len(addresses)], number, end) for number in range(threads)]
    ready = threading.Barrier(threads + 1)
    running = [threading.Thread(target=stranger.run, args=(ready,)) for stranger in strangers]
    for thread in running:
        thread.start()
    ready.wait()
    print("ready", flush=True)
    sys.stdin.read()
    end.set()
    for thread in running:
        thread.join()
    print(json.dumps(sum((stranger.statuses for stranger in strangers), Counter())))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:])
