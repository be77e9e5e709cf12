"""Warnings and errors of one sync: what its page, its causes and "this sync, only errors" ask for.

The index of all its entries reads them too, but where a much used sync has few of them it read thousands of rows for fifty.
One entry in twelve stands in it.
"""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("synclogs", "0009_reenables")]

    operations = [
        migrations.RunSQL(
            "CREATE INDEX logentry_sync_attention ON synclogs_logentry (project_id, sync_id, occurred_at)"
            " WHERE level >= 30",
            "DROP INDEX logentry_sync_attention",
        ),
    ]
