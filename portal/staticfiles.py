"""Static file storage with hashed names, including the modules that scripts import."""

from whitenoise.storage import CompressedManifestStaticFilesStorage  # type: ignore[import-untyped]


class HashedStaticFiles(CompressedManifestStaticFilesStorage):  # type: ignore[misc]
    # Without it an old module could stay in a browser's cache beside a new one.
    support_js_module_import_aggregation = True
