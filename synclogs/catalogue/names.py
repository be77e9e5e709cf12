"""Display names of integrations and pipelines by slug.

Both lists grow at the platform, so an unknown slug is spelled out instead of refused.
"""

import re
from collections.abc import Mapping
from types import MappingProxyType

_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_JOINTS = re.compile(r"[\s_.\-/]+")

_INTEGRATIONS: Mapping[str, str] = MappingProxyType(
    {
        "amazons3": "Amazon S3",
        "asana": "Asana",
        "box": "Box",
        "clickup": "ClickUp",
        "confluence": "Confluence",
        "contentful": "Contentful",
        "dropbox": "Dropbox",
        "freshdesk": "Freshdesk",
        "googledrive": "Google Drive",
        "guru": "Guru",
        "hubspot": "HubSpot",
        "intercom": "Intercom",
        "jira": "Jira",
        "microsoftdynamics": "Dynamics 365 Sales",
        "microsoftteams": "Microsoft Teams",
        "monday": "Monday.com",
        "netsuite": "NetSuite",
        "notion": "Notion",
        "onedrive": "OneDrive",
        "pipedrive": "Pipedrive",
        "s3": "Amazon S3",
        "salesforce": "Salesforce",
        "servicenow": "ServiceNow",
        "sharepoint": "SharePoint",
        "slack": "Slack",
        "zendesk": "Zendesk",
        "zohocrm": "Zoho CRM",
    }
)

_PIPELINES: Mapping[str, str] = MappingProxyType(
    {
        "files": "Files",
        "contacts": "Contacts",
        "companies": "Companies",
        "deals": "Deals",
        "custom_objects": "Custom objects",
        "tickets": "Tickets",
    }
)


def humanise(name: str) -> str:
    """`FULL_SYNC_PAUSED`, `deal-stage`, `dealStage` -> words with one capital; what holds no word stays."""
    words = _JOINTS.sub(" ", _CAMEL.sub(" ", name)).strip().lower()
    return words[:1].upper() + words[1:] or name


def integration_words(slug: str) -> str:
    """`googledrive` -> Google Drive; `custom.acme` -> acme (custom); "" stays ""."""
    kind, dot, own = slug.partition(".")
    if dot and own and kind == "custom":
        return f"{own} (custom)"
    return _INTEGRATIONS.get(slug.lower()) or humanise(slug)


def pipeline_words(slug: str) -> str:
    return _PIPELINES.get(slug) or humanise(slug)
