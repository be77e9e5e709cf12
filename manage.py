#!/usr/bin/env python
"""Django's command line for the portal. Without DATABASE_URL it works on the private database of `make run`."""

import os
import sys

from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line
from django.db import InterfaceError, OperationalError

from portal.runner import developer_settings, postgres

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
    try:
        with developer_settings.database():
            execute_from_command_line(sys.argv)
    except (postgres.Unavailable, ImproperlyConfigured) as error:
        sys.exit(str(error))
    except (InterfaceError, OperationalError) as error:
        if "--traceback" in sys.argv:
            raise
        sys.stderr.write(f"The database cannot be used: {str(error).partition('\n')[0]}\n")
        sys.exit(2)  # 1 is said by commands that did something
