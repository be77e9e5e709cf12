"""Exports of the log, and their two lines in the audit."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("synclogs", "0007_saved_views"),
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
                    ("key_created", "API key created"),
                    ("key_revoked", "API key revoked"),
                    ("object_added", "Added"),
                    ("object_changed", "Changed"),
                    ("object_deleted", "Deleted"),
                    ("user_written", "Connected user written"),
                    ("export_started", "Export started"),
                    ("export_ended", "Export ended"),
                ],
                max_length=32,
            ),
        ),
        migrations.CreateModel(
            name="Export",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("format", models.CharField(choices=[("ndjson", "NDJSON"), ("csv", "CSV")], max_length=8)),
                ("query", models.TextField(blank=True, default="")),
                ("since", models.DateTimeField()),
                ("until", models.DateTimeField(null=True)),
                ("started_at", models.DateTimeField()),
                ("moved_at", models.DateTimeField()),
                ("finished_at", models.DateTimeField(null=True)),
                ("entries", models.PositiveBigIntegerField(default=0)),
                ("total", models.PositiveBigIntegerField(null=True)),
                ("is_cut", models.BooleanField(default=False, verbose_name="stopped at the limit of entries")),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("running", "Running"),
                            ("finished", "Finished"),
                            ("stopped", "Stopped"),
                            ("failed", "Failed"),
                        ],
                        default="running",
                        max_length=8,
                    ),
                ),
                (
                    "person",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "project",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="synclogs.project"
                    ),
                ),
            ],
            options={
                "ordering": ("-started_at", "-id"),
                "indexes": [models.Index(fields=["project", "person", "-started_at"], name="export_person_started")],
            },
        ),
    ]
