"""Refusals counted by the minute, until they are rows of the audit."""

import django.contrib.postgres.fields
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("synclogs", "0013_state_since"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AlterField(
            model_name="auditevent",
            name="action",
            field=models.CharField(
                choices=[
                    ("signed_in", "Signed in"),
                    ("sign_in_failed", "Sign-in failed"),
                    ("signed_out", "Signed out"),
                    ("access_denied", "Access denied"),
                    ("key_refused", "API key refused"),
                    ("key_created", "API key created"),
                    ("key_revoked", "API key revoked"),
                    ("object_added", "Added"),
                    ("object_changed", "Changed"),
                    ("object_deleted", "Deleted"),
                    ("user_written", "Connected user written"),
                    ("export_started", "Export started"),
                    ("export_ended", "Export ended"),
                    ("reenable_requested", "Re-enable requested"),
                    ("reenable_moved", "Re-enable went on"),
                    ("resolved", "Marked as resolved"),
                    ("sleeper_added", "Put on the do-not-wake list"),
                    ("sleeper_removed", "Taken off the do-not-wake list"),
                    ("bulk_requested", "Bulk re-enable requested"),
                    ("bulk_moved", "Bulk re-enable went on"),
                ],
                max_length=32,
            ),
        ),
        migrations.CreateModel(
            name="Denial",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("minute", models.DateTimeField()),
                ("subject", models.TextField()),
                ("who", models.TextField()),
                (
                    "action",
                    models.CharField(
                        choices=[
                            ("signed_in", "Signed in"),
                            ("sign_in_failed", "Sign-in failed"),
                            ("signed_out", "Signed out"),
                            ("access_denied", "Access denied"),
                            ("key_refused", "API key refused"),
                            ("key_created", "API key created"),
                            ("key_revoked", "API key revoked"),
                            ("object_added", "Added"),
                            ("object_changed", "Changed"),
                            ("object_deleted", "Deleted"),
                            ("user_written", "Connected user written"),
                            ("export_started", "Export started"),
                            ("export_ended", "Export ended"),
                            ("reenable_requested", "Re-enable requested"),
                            ("reenable_moved", "Re-enable went on"),
                            ("resolved", "Marked as resolved"),
                            ("sleeper_added", "Put on the do-not-wake list"),
                            ("sleeper_removed", "Taken off the do-not-wake list"),
                            ("bulk_requested", "Bulk re-enable requested"),
                            ("bulk_moved", "Bulk re-enable went on"),
                        ],
                        max_length=32,
                    ),
                ),
                ("network", models.CharField(max_length=64)),
                ("actor_text", models.CharField(max_length=200)),
                ("count", models.PositiveBigIntegerField()),
                ("names", django.contrib.postgres.fields.ArrayField(base_field=models.TextField())),
                (
                    "actor",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "project",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="synclogs.project",
                    ),
                ),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("minute", "subject"), name="denial_minute_subject")],
            },
        ),
    ]
