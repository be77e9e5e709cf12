"""Isolation of projects: every queryset and statement over a project's tables names the project, or has a reason here.

A new one without the project fails, and so does a reason that is not needed any more.
"""

from collections import Counter

import pytest

from tests import queries
from tests.test_house import ROOT, sources

WORKER = "the worker goes on with what is due, of every project"
BY_ID = "the key's own row, by its public id: it is what decides the project"
MADE = "rows that were made with their project"
COUNTED = "counted for each project of the outer query"
ADMINISTERED = "narrowed to the projects that the person administers, in the base class or right here"
# (module:function, what is read) -> why it need not name a project.
REASONS = {
    ("synclogs/access/audit:record_all", "AuditEvent"): MADE,
    ("synclogs/recovery/bulk:_new", "BulkItem"): MADE,
    ("synclogs/recovery/bulk:step", "Bulk"): WORKER,
    ("synclogs/recovery/bulk:_advance", "Bulk"): WORKER,
    ("synclogs/query/conditions:_raw", "RawSQL"): "a condition on rows that synclogs.query.filters has narrowed",
    ("synclogs/access/denials:", "synclogs_denial"): "by its subject, which names the project",
    ("synclogs/access/denials:settle", "Denial"): WORKER,
    ("synclogs/access/denials:_is_full", "Denial"): "how many there are of somebody in all projects, only as a number",
    ("synclogs/recovery/evidence:_rate", "Reenable"): "how many attempts of a person in all projects, only as a number",
    ("synclogs/export/lifecycle:settle", "Export"): WORKER,
    ("synclogs/export/lifecycle:start", "Export"): "how many exports of a person run in all projects, only as a number",
    ("synclogs/access/keys:admit", "ApiKey"): BY_ID,
    ("synclogs/access/keys:", "synclogs_apikey"): BY_ID,
    ("synclogs/access/keys:claimed", "ApiKey"): BY_ID,
    ("synclogs/overview/metrics:render", "HourCount"): "for whoever watches the installation, with its token",
    ("synclogs/overview/metrics:render", "Sync"): "for whoever watches the installation, with its token",
    ("synclogs/recovery/reenable:settle", "Reenable"): WORKER,
    ("synclogs/recovery/reenable:call", "Reenable"): WORKER,
    ("synclogs/recovery/reenable:move", "Reenable"): "the rows that were handed in, held by their keys",
    ("synclogs/reading/tail:_unseen", "RawSQL"): "a condition on rows that synclogs.query.filters has narrowed",
    ("synclogs/reading/timeline:recent", "Trace"): "the runs that were handed in, which are of a project",
    (
        "synclogs/ingestion/upserts:Upsert.run",
        "{}",
    ): "rows that were made with their project, which their unique key begins with",
    ("synclogs/recovery/watch:watched", "Reenable"): WORKER,
    ("synclogs/recovery/watch:observe", "Reenable"): WORKER,
    ("portal/access/projects:", "Membership"): "a person's own, to know their projects",
    ("portal/admin/audit:AuditEventAdmin.get_queryset", "AuditEvent"): ADMINISTERED,
    ("portal/admin/base:Rights.get_queryset", "super().get_queryset"): ADMINISTERED,
    ("portal/admin/dashboard:dashboard", "HourCount"): COUNTED,
    ("portal/admin/dashboard:dashboard", "Sync"): COUNTED,
    ("portal/admin/dashboard:dashboard", "Membership"): COUNTED,
    ("portal/admin/dashboard:dashboard", "ApiKey"): COUNTED,
    ("portal/admin/lists:PortalList.get_queryset", "super().get_queryset"): ADMINISTERED,
    ("portal/admin/people:ProjectsInline.get_queryset", "super().get_queryset"): ADMINISTERED,
    (
        "portal/admin/people:PersonAdmin.has_delete_permission",
        "AuditEvent",
    ): "whether a person has done anything at all",
    ("portal/admin/projects:MembershipInline.get_queryset", "super().get_queryset"): ADMINISTERED,
    ("portal/admin/projects:ProjectAdmin.get_queryset", "super().get_queryset"): ADMINISTERED,
    ("portal/admin/projects:ProjectAdmin.get_queryset", "ApiKey"): COUNTED,
    ("portal/admin/projects:ProjectAdmin.get_queryset", "Membership"): COUNTED,
}


def test_every_query_names_its_project_or_has_a_reason() -> None:
    found = [
        finding
        for path in sources("synclogs", "portal")
        for finding in queries.findings(path.read_text(), str(path.relative_to(ROOT)).removesuffix(".py"))
    ]
    assert [finding for finding in found if (finding.place, finding.subject) not in REASONS] == []
    assert set(REASONS) - {(finding.place, finding.subject) for finding in found} == set()


@pytest.mark.parametrize(
    ("line", "subject"),
    [
        ("Sync.objects.filter(sync_id=key).first()", "Sync"),
        ("Sync.objects.all()", "Sync"),
        ("Sync.objects.exclude(project=mine)", "Sync"),
        ("Sync.objects.filter(pk=request.GET['pk'])", "Sync"),
        ("Sync.objects.filter(projection=1)", "Sync"),
        ("models.LogEntry.objects.get(key=key)", "models.LogEntry"),
        ("LogEntry._default_manager.get(key=key)", "LogEntry"),
        ("model.objects.filter(pk=1)", "model"),
        ("Trace.objects.filter(Q(project=mine) | Q(user_id='x'))", "Trace"),
        ("first = Sync.objects\nfirst.filter(project=mine)", "Sync"),
        ("AuditEvent.objects.filter(actor=request.user)", "AuditEvent"),
        ("BulkItem.objects.filter(attempt=one)", "BulkItem"),
        ("Reenable.objects.filter(bulk=None, state=state)", "Reenable"),
        ("get_object_or_404(Sync, sync_id=key)", "get_object_or_404"),
        ("Sync.objects.of(mine).raw('SELECT 1')", "raw"),
        ("apps.get_model('synclogs', 'Sync')", "get_model"),
        ("cursor.execute('SELECT * FROM synclogs_sync WHERE sync_id = %s', [key])", "synclogs_sync"),
        ("cursor.execute(f'SELECT {columns} FROM synclogs_logentry WHERE key = %s')", "synclogs_logentry"),
        ("cursor.execute(f'DELETE FROM {table} WHERE id = %s')", "{}"),
        ("SQL = 'UPDATE synclogs_reenable SET state = 1'", "synclogs_reenable"),
        (
            "class A:\n  def get_queryset(self, request):\n    return super().get_queryset(request)",
            "super().get_queryset",
        ),
    ],
)
def test_a_query_without_its_project_is_found(line: str, subject: str) -> None:
    (finding,) = queries.findings(line, "portal/views/new")
    assert finding.subject == subject
    assert (finding.place, subject) not in REASONS


@pytest.mark.parametrize(
    "line",
    [
        "Sync.objects.of(request.project).filter(sync_id=key)",
        "Sync.objects.select_for_update().of(project).first()",
        "Sync.objects.filter(late, project=sync.project_id)",
        "ApiKey.objects.usable(now).filter(project__in=mine)",
        "Sleeper.objects.update_or_create(project=project, kind=kind)",
        "Sync.objects.select_for_update().get(pk=sync.pk)",
        "BulkItem.objects.filter(bulk=found).order_by('position')",
        "Project.objects.filter(slug=slug)",
        "User.objects.get(pk=1)",
        "cursor.execute('SELECT 1 FROM synclogs_sync WHERE project_id = %s')",
        "words = 'from synclogs_sync on'",
    ],
)
def test_one_with_it_is_not(line: str) -> None:
    assert list(queries.findings(line, "portal/views/new")) == []


def test_models_of_a_project_are_known() -> None:
    """BulkItem has none of its own; what is missing here would not be looked for."""
    models, tables = queries.tables()
    assert Counter(models) >= Counter(
        "ApiKey AuditEvent Bulk BulkItem ConnectedUser Export HourCount LogEntry Membership MinuteCount Reenable Resolution"
        " SavedView Sleeper Sync Trace".split()
    )
    assert {"synclogs_logentry", "synclogs_bulkitem"} < tables
