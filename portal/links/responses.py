"""Answers that lead to another address."""

from http import HTTPStatus

from django.http import HttpResponseRedirect


class SeeOther(HttpResponseRedirect):
    """After a form: the answer is at another address, and reloading it sends nothing again."""

    status_code = HTTPStatus.SEE_OTHER
