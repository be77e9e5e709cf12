"""Entries a minute by level, for the histogram; made from the entries that are there."""

import django.db.models.deletion
from django.db import migrations, models

FILL = """
INSERT INTO synclogs_minutecount (project_id, minute, level, count)
SELECT project_id, date_trunc('minute', occurred_at, 'UTC'), level, count(*) FROM synclogs_logentry GROUP BY 1, 2, 3
"""


class Migration(migrations.Migration):
    dependencies = [("synclogs", "0004_words")]

    operations = [
        migrations.CreateModel(
            name="MinuteCount",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("minute", models.DateTimeField()),
                ("level", models.PositiveSmallIntegerField()),
                ("count", models.PositiveBigIntegerField()),
                (
                    "project",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="synclogs.project"
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("project", "minute", "level"), name="minutecount_minute")
                ],
            },
        ),
        migrations.RunSQL("ALTER TABLE synclogs_minutecount SET (fillfactor = 80)", migrations.RunSQL.noop),
        migrations.RunSQL(FILL, migrations.RunSQL.noop),
    ]
