"""Client address of a request: the socket's, unless proxies are trusted by number."""

import pytest
from django.test import RequestFactory

from portal.access.projects import client_address


@pytest.mark.parametrize(
    ("proxies", "forwarded", "socket", "address"),
    [
        (0, "203.0.113.9", "192.0.2.1", "192.0.2.1"),
        (1, "203.0.113.9", "192.0.2.1", "203.0.113.9"),
        (1, "10.9.9.9, 203.0.113.9", "192.0.2.1", "203.0.113.9"),
        (2, "10.9.9.9, 203.0.113.9, 198.51.100.2", "192.0.2.1", "203.0.113.9"),
        (2, "203.0.113.9", "192.0.2.1", "192.0.2.1"),
        (1, "", "192.0.2.1", None),
        (1, "2001:DB8::1", "192.0.2.1", "2001:db8::1"),
        (1, "'; DROP TABLE", "192.0.2.1", None),
        (0, "", "", None),
        (0, "", "unix:", None),
    ],
)
def test_the_address(settings, proxies, forwarded, socket, address):
    settings.TRUSTED_PROXIES = proxies
    request = RequestFactory().get("/", headers={"X-Forwarded-For": forwarded}, REMOTE_ADDR=socket)
    assert client_address(request) == address
