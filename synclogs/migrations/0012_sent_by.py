"""Which key sent an entry. Without a default, so that no row is written anew however many there are."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("synclogs", "0011_unneeded_indexes"),
    ]

    operations = [
        migrations.AddField(
            model_name="logentry",
            name="sent_by",
            field=models.BigIntegerField(null=True),
        ),
    ]
