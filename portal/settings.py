"""Django settings, read from the environment (README, "Settings"). Refuses to start without a secret unless DEBUG is on."""

import re
from pathlib import Path
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.templatetags.static import static
from django.utils.csp import CSP

from portal import environment
from portal.log_format import logging_config
from synclogs.storage import connections

BASE_DIR = Path(__file__).resolve().parent.parent

DEBUG = environment.flag("DEBUG", default=False)
# The demo of `make run`: known logins and plain HTTP on this machine, but never Django's debug pages.
DEMO = environment.flag("PORTAL_DEMO", default=False)
SECRET_KEY = environment.text(
    "SECRET_KEY",
    "an insecure key that only DEBUG accepts, never production" if DEBUG else "",
)
SECRET_KEY_FALLBACKS = environment.words("SECRET_KEY_FALLBACKS")
if not DEBUG and (len(SECRET_KEY) < 50 or len(set(SECRET_KEY)) < 5 or "insecure" in SECRET_KEY):
    raise ImproperlyConfigured(
        "SECRET_KEY has to be set to at least 50 random characters, for example the output of "
        '`python -c "import secrets; print(secrets.token_urlsafe(50))"`.'
    )

ALLOWED_HOSTS = environment.words("ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]" if DEBUG or DEMO else "")
if "*" in ALLOWED_HOSTS:
    raise ImproperlyConfigured("ALLOWED_HOSTS must name the hosts; * is refused.")
CSRF_TRUSTED_ORIGINS = environment.words("CSRF_TRUSTED_ORIGINS")

INSTALLED_APPS = [
    "synclogs",
    "portal",
    "unfold.apps.BasicAppConfig",  # without its admin site, since ours is one already
    "unfold.contrib.filters",
    "portal.apps.PortalAdmin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "django_filters",
    "django_htmx",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "procrastinate.contrib.django",
]

MIDDLEWARE = [
    # First what puts headers on every answer, those of the two middlewares after it included.
    "portal.middleware.request_id",
    "portal.middleware.response_headers",
    "django.middleware.csp.ContentSecurityPolicyMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "portal.middleware.request_guard",
    "portal.middleware.sign_in_guard",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "portal.middleware.time_zone",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "portal.middleware.MethodGuard",
    "portal.middleware.SiteGuard",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "portal.sign_in.sessions.activity",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "portal.middleware.DatabaseGuard",
]

ROOT_URLCONF = "portal.urls"
WSGI_APPLICATION = "portal.wsgi.application"
APPEND_SLASH = False

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.csp",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "portal.access.projects.navigation",
            ],
        },
    },
]

# Database: PostgreSQL 15 or newer. A web process keeps a pool and has statement limits, on both sides; commands have neither.
DATABASE_POOL = environment.number("DATABASE_POOL", 0)
_database = environment.database("DATABASE_URL")
_limits = {
    "statement_timeout": int(connections.STATEMENT_SECONDS * 1000),
    "lock_timeout": 2000,
    "idle_in_transaction_session_timeout": 10000,
}
_options: dict[str, Any] = {
    "connect_timeout": 2,
    "application_name": "sync-support-portal",
    # A line that was cut off without a word is noticed by both kinds of silence: of what was sent, and of an idle connection.
    "tcp_user_timeout": 5000,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    **{key.removeprefix("option:"): value for key, value in _database.items() if key.startswith("option:")},
}
if DATABASE_POOL:
    _options["options"] = " ".join(f"-c {name}={value}" for name, value in _limits.items())
    # A short reconnect time-out: after an outage the next request tries anew instead of waiting for a long back-off.
    _options["pool"] = {
        "min_size": 1,
        "max_size": DATABASE_POOL,
        "timeout": 2,
        "reconnect_timeout": 1,
        "connection_class": connections.Session,
        "check": connections.check,
    }
DATABASES: dict[str, dict[str, Any]] = {
    "default": {
        "ENGINE": "portal.database",
        **{key: value for key, value in _database.items() if not key.startswith("option:")},
        "CONN_HEALTH_CHECKS": True,
        "CONN_MAX_AGE": 0,
        "OPTIONS": _options,
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# People.
AUTHENTICATION_BACKENDS = ["portal.access.Members"]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "login"
PASSWORD_HASHERS = ["portal.sign_in.hashing.Scrypt", "portal.sign_in.hashing.PBKDF2"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    },
    {"NAME": "portal.sign_in.hashing.MaximumLength"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]

# Transport and headers. HTTPS is assumed unless DEBUG; the API refuses plain HTTP instead of redirecting (middleware).
HTTPS = environment.flag("HTTPS", default=not (DEBUG or DEMO))
if environment.flag("TRUST_FORWARDED_PROTO", default=False):
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
TRUSTED_PROXIES = environment.number("TRUSTED_PROXIES", 0)
SECURE_SSL_REDIRECT = HTTPS
SECURE_REDIRECT_EXEMPT = [r"^api/", r"^v1/", r"^healthz$", r"^readyz$", r"^metrics$"]
SECURE_HSTS_SECONDS = 31536000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = HTTPS
SECURE_HSTS_PRELOAD = HTTPS
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
SESSION_ENGINE = "portal.sign_in.sessions"
# Without activity, and whatever happens; both held by the server.
SESSION_IDLE_MINUTES = environment.number("SESSION_IDLE_MINUTES", 30, minimum=1)
SESSION_HOURS = environment.number("SESSION_HOURS", 12, minimum=1)
SESSION_COOKIE_AGE = SESSION_HOURS * 3600
SESSION_COOKIE_NAME = "__Host-session" if HTTPS else "session"
SESSION_COOKIE_SECURE = HTTPS
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_NAME = "__Host-csrf" if HTTPS else "csrf"
CSRF_COOKIE_SECURE = HTTPS
CSRF_COOKIE_HTTPONLY = True
CSRF_COOKIE_SAMESITE = "Lax"
DEVICE_COOKIE_PREFIX = "__Host-device-" if HTTPS else "device-"
CSRF_FAILURE_VIEW = "portal.problems.pages.csrf_failure"
SECURE_CSP = {
    "default-src": [CSP.NONE],
    "script-src": [CSP.SELF],
    "style-src": [CSP.SELF],
    "img-src": [CSP.SELF, "data:"],
    "font-src": [CSP.SELF],
    "connect-src": [CSP.SELF],
    "manifest-src": [CSP.SELF],
    "object-src": [CSP.NONE],
    "base-uri": [CSP.NONE],
    "form-action": [CSP.SELF],
    "frame-ancestors": [CSP.NONE],
}

# Bodies: the ingest view reads its own stream; every other form is small.
DATA_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 2000

LANGUAGE_CODE = "en"
USE_I18N = False
TIME_ZONE = "UTC"
USE_TZ = True

STATIC_URL = "/static/"
STATIC_ROOT = BASE_DIR / ".data" / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "portal.staticfiles.HashedStaticFiles"
    },
}
WHITENOISE_USE_FINDERS = DEBUG
WHITENOISE_AUTOREFRESH = DEBUG
WHITENOISE_ALLOW_ALL_ORIGINS = False

LOGGING = logging_config(environment.one_of("LOG_LEVEL", "INFO", ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")))
LOGGING_CONFIG = "logging.config.dictConfig"

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["portal.api.keys.KeyAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["portal.api.keys.HasScope"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "portal.api.framework.exception_handler",
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "portal.api.framework.AlwaysJson",
    "UNAUTHENTICATED_USER": None,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Sync Support Portal",
    "DESCRIPTION": "Event logs of managed data syncs: push, read, act.",
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "TAGS": [
        {"name": "logs", "description": "Send and read log entries."},
        {"name": "syncs", "description": "What the entries say about syncs and their runs."},
        {"name": "users", "description": "The customers whose data syncs."},
        {"name": "integrations"},
        {"name": "about", "description": "The API itself."},
    ],
    "COMPONENT_NO_READ_ONLY_REQUIRED": True,
    "POSTPROCESSING_HOOKS": ["drf_spectacular.hooks.postprocess_schema_enums", "portal.api.openapi.finish"],
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
}

# The administration; its colours are in static/admin.css, so that no style stands inside a page.
UNFOLD = {
    "SITE_TITLE": "Sync Support administration",
    "SITE_HEADER": "Sync Support",
    "SITE_SUBHEADER": "Administration",
    "SITE_URL": "/",
    "SITE_ICON": lambda request: static("mark.svg"),
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": lambda request: static("mark.svg")}],
    "SHOW_VIEW_ON_SITE": True,
    "SHOW_BACK_BUTTON": True,
    "STYLES": [lambda request: static("admin.css")],
    "SCRIPTS": [lambda request: static("js/admin.js")],
    "GLOBAL_CALLBACK": "portal.admin.site.context",
    "DASHBOARD_CALLBACK": "portal.admin.dashboard.dashboard",
    "SIDEBAR": {"show_search": False, "show_all_applications": False, "navigation": "portal.admin.site.navigation"},
}

PROCRASTINATE_IMPORT_PATHS = ["synclogs.jobs"]
# A call to a slow provider does not hold up the other jobs; finished jobs are deleted.
PROCRASTINATE_WORKER_DEFAULTS = {"concurrency": 4, "delete_jobs": "successful"}

# What the product itself decides by.
INGEST_REQUESTS_PER_MINUTE = environment.number("INGEST_REQUESTS_PER_MINUTE", 6000, minimum=1)
PROJECT_REQUESTS_PER_MINUTE = environment.number("PROJECT_REQUESTS_PER_MINUTE", 60000, minimum=1)
INGEST_CONCURRENCY = environment.number("INGEST_CONCURRENCY", 4, minimum=1)
READS_AT_ONCE = environment.number("READS_AT_ONCE", 3, minimum=1)
METRICS_TOKEN = environment.text("METRICS_TOKEN")
BULK_APPROVAL_ABOVE = environment.number("BULK_APPROVAL_ABOVE", 0)


# The provider of the syncs, or the company's own application in its place; portal/checks.py says what is missing.
def _provider(prefix: str = "") -> dict[str, Any]:
    """Its settings by their names, each behind the prefix."""
    found = {
        "PROVIDER": environment.one_of("PROVIDER", "NONE", ("NONE", "PARAGON", "HOST_APP"), prefix=prefix).lower(),
        "PROVIDER_FOR": environment.words("PROVIDER_FOR", prefix=prefix),
        "PROVIDER_SYNC_URL": environment.text("PROVIDER_SYNC_URL", "https://sync.useparagon.com", prefix=prefix),
        "PROVIDER_API_URL": environment.text("PROVIDER_API_URL", "https://api.useparagon.com", prefix=prefix),
        "PROVIDER_PROJECT": environment.text("PROVIDER_PROJECT", prefix=prefix),
        "PROVIDER_AUDIENCE": environment.text("PROVIDER_AUDIENCE", prefix=prefix),
        "PROVIDER_SIGNING_KEY": environment.text("PROVIDER_SIGNING_KEY", prefix=prefix),
        "PROVIDER_SIGNING_KEY_FILE": environment.text("PROVIDER_SIGNING_KEY_FILE", prefix=prefix),
        "PROVIDER_HOST_URL": environment.text("PROVIDER_HOST_URL", prefix=prefix),
        "PROVIDER_HOST_SECRET": environment.text("PROVIDER_HOST_SECRET", prefix=prefix),
        "PROVIDER_HOST_SECRET_FILE": environment.text("PROVIDER_HOST_SECRET_FILE", prefix=prefix),
    }
    return {prefix + name: value for name, value in found.items()}


# Known by their names to those who read the settings.
PROVIDER: str
PROVIDER_FOR: list[str]
PROVIDER_SYNC_URL: str
PROVIDER_API_URL: str
PROVIDER_PROJECT: str
PROVIDER_AUDIENCE: str
PROVIDER_SIGNING_KEY: str
PROVIDER_SIGNING_KEY_FILE: str
PROVIDER_HOST_URL: str
PROVIDER_HOST_SECRET: str
PROVIDER_HOST_SECRET_FILE: str
_own = _provider()
globals().update(_own)
# Several of them: PROVIDERS=EU,US reads EU_PROVIDER, EU_PROVIDER_FOR, … and US_PROVIDER, …
PROVIDERS = environment.words("PROVIDERS")
if not all(re.fullmatch(r"[A-Z][A-Z0-9_]*", name) for name in PROVIDERS) or len({*PROVIDERS}) < len(PROVIDERS):
    raise ImproperlyConfigured("PROVIDERS has to be different prefixes in capital letters, such as EU,US.")
if PROVIDERS and _own["PROVIDER"] != "none":
    raise ImproperlyConfigured("PROVIDER is set beside PROVIDERS: put the prefix of one of them before its names.")
for _name in PROVIDERS:
    globals().update(_provider(f"{_name}_"))

SILENCED_SYSTEM_CHECKS: list[str] = []
