"""Start-up check of the web server (`python -m portal.starting`): faults of the settings on stderr, warnings on stdout.

Reads the environment, and the projects if the database answers. Exit code 0 or 1.
"""

import sys

import django
from django.conf import settings
from django.core.checks import ERROR, run_checks
from django.core.exceptions import ImproperlyConfigured

TAG = "provider"  # of portal.checks, which cannot be loaded before Django is


def main() -> int:
    try:
        if settings.PROVIDER == "none" and not settings.PROVIDERS:
            return 0  # nothing to look at, so the start does not wait for Django
        django.setup()
    except ImproperlyConfigured as error:
        sys.stderr.write(f"{error}\n")
        return 1
    found = run_checks(tags=[TAG], databases=["default"])
    for message in found:
        output = sys.stderr if message.level >= ERROR else sys.stdout
        output.write(f"{message.msg} {message.hint}\n")
    return int(any(message.level >= ERROR for message in found))


if __name__ == "__main__":
    sys.exit(main())
