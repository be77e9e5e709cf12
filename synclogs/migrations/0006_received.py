"""Summaries of blocks by the moment of arrival, for the live tail (synclogs.reading.tail).

Entries are stored in the order in which they arrive, so that is all an index needs to know, and keeping it costs next to
nothing. A day's last blocks have no summary until the next ones begin: they are read, so the blocks are few.
"""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("synclogs", "0005_minute_counts")]

    operations = [
        migrations.RunSQL(
            "CREATE INDEX logentry_received ON synclogs_logentry USING brin (received_at)"
            " WITH (pages_per_range = 32, autosummarize = on)",
            "DROP INDEX logentry_received",
        ),
    ]
