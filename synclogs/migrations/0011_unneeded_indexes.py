"""The tables that the intake writes had an index of the project alone, though their unique ones begin with it."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("synclogs", "0010_sync_attention"),
    ]

    operations = [
        migrations.AlterField(
            model_name="connecteduser",
            name="project",
            field=models.ForeignKey(
                db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name="+", to="synclogs.project"
            ),
        ),
        migrations.AlterField(
            model_name="hourcount",
            name="project",
            field=models.ForeignKey(
                db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name="+", to="synclogs.project"
            ),
        ),
        migrations.AlterField(
            model_name="minutecount",
            name="project",
            field=models.ForeignKey(
                db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name="+", to="synclogs.project"
            ),
        ),
        migrations.AlterField(
            model_name="sync",
            name="project",
            field=models.ForeignKey(
                db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name="+", to="synclogs.project"
            ),
        ),
        migrations.AlterField(
            model_name="trace",
            name="project",
            field=models.ForeignKey(
                db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name="+", to="synclogs.project"
            ),
        ),
    ]
