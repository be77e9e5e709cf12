"""Since when a sync's user, integration, pipeline and credential are what they are, so that late entries can be told."""

from django.db import migrations, models

COLUMNS = {
    "user_id": "user_at",
    "integration": "integration_at",
    "pipeline": "pipeline_at",
    "credential_id": "credential_at",
}
CHANGES = ", ".join(f"{at} = CASE WHEN {name} <> '' THEN last_seen_at END" for name, at in COLUMNS.items())
FILL = f"UPDATE synclogs_sync SET {CHANGES}"  # noqa: S608 - names of this file


class Migration(migrations.Migration):
    dependencies = [("synclogs", "0001_initial")]

    operations = [
        *(
            migrations.AddField(model_name="sync", name=name, field=models.DateTimeField(null=True))
            for name in COLUMNS.values()
        ),
        migrations.RunSQL(FILL, migrations.RunSQL.noop),
    ]
