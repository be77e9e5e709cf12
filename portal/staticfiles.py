"""Static files under names that hold their content, the modules that scripts import included."""

from whitenoise.storage import CompressedManifestStaticFilesStorage  # type: ignore[import-untyped]


class HashedStaticFiles(CompressedManifestStaticFilesStorage):  # type: ignore[misc]
    # Without it an old module could stay in a browser's cache beside a new one.
    support_js_module_import_aggregation = True
