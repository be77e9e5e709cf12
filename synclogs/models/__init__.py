"""Database models, one file for each noun. What belongs to a project is unique within it."""

from synclogs.catalogue.recovery import BulkState, State
from synclogs.models.audit import REFUSALS, Action, AuditEvent, Denial
from synclogs.models.bulk import Bulk, BulkItem
from synclogs.models.counts import Facet, HourCount, MinuteCount
from synclogs.models.export import Export, ExportFormat, ExportState
from synclogs.models.log import LogEntry
from synclogs.models.project import ApiKey, Membership, Project, RateBucket, Role, Scope
from synclogs.models.reenable import Reenable, Resolution, Sleeper
from synclogs.models.sync import Attention, ConnectedUser, Sync, Trace
from synclogs.models.view import SavedView

__all__ = [
    "REFUSALS",
    "Action",
    "ApiKey",
    "Attention",
    "AuditEvent",
    "Bulk",
    "BulkItem",
    "BulkState",
    "ConnectedUser",
    "Denial",
    "Export",
    "ExportFormat",
    "ExportState",
    "Facet",
    "HourCount",
    "LogEntry",
    "Membership",
    "MinuteCount",
    "Project",
    "RateBucket",
    "Reenable",
    "Resolution",
    "Role",
    "SavedView",
    "Scope",
    "Sleeper",
    "State",
    "Sync",
    "Trace",
]
