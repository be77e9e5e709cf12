"""How the web server runs, in `make run` and in production: `gunicorn -c deploy/gunicorn.conf.py portal.wsgi:application`."""

import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path

host = os.environ.get("HOST") or "127.0.0.1"
bind = f"[{host}]:{os.environ.get('PORT') or 8000}" if ":" in host else f"{host}:{os.environ.get('PORT') or 8000}"

workers = int(os.environ.get("WEB_CONCURRENCY") or 2)
worker_class = "portal.runner.webworker.PortalWorker"
worker_connections = 1000
# A pool for each worker, with the time limits of a web request; other processes have neither (portal/settings.py).
os.environ.setdefault("DATABASE_POOL", "10")

# On this file in memory the workers, which inherit it, count the reads of a person or key (portal/access/read_limits.py).
if hasattr(os, "memfd_create"):
    os.environ["READ_TURNS_FILE"] = f"/proc/self/fd/{os.memfd_create('read-turns')}"

timeout = 60  # the worker's heartbeat, not a request's time
graceful_timeout = 30
keepalive = 5  # also what a client has for sending its headers
limit_request_line = 8190
limit_request_fields = 100
limit_request_field_size = 16384

# Only a proxy that was named may say that the request came over HTTPS.
forwarded_allow_ips = os.environ.get("FORWARDED_ALLOW_IPS", "")
control_socket_disable = True
proc_name = "sync-support-portal"
# The heartbeat is a file: on a slow disk it would stall the worker.
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() and os.access("/dev/shm", os.W_OK) else None  # noqa: S108

errorlog = "-"
accesslog = None
logger_class = "portal.runner.webworker.JsonLogger"

STARTING_SECONDS = 20


def on_starting(server):
    """A setting that cannot be used ends the start in one sentence; in another process, since workers load Django later."""
    # Only now: the portal may not be on the path while this file is read.
    import_module("portal.runner.rolling_restart").install(server)
    command = [sys.executable, "-W", "ignore", "-m", "portal.starting"]
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "portal.settings", "DATABASE_POOL": "0"}
    try:
        checked = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=STARTING_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        # A database that takes a connection and says nothing is no fault of the settings.
        server.log.warning("The settings of the provider could not be looked at within %s s.", STARTING_SECONDS)
        return
    if checked.returncode:
        sys.exit(checked.stderr.strip())
    for warning in checked.stdout.splitlines():
        server.log.warning(warning)
