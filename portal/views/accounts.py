"""Signing in and out, each with its line in the audit."""

from typing import Any

from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.views import LoginView, LogoutView
from django.http import HttpRequest, HttpResponse

from portal.access import client_address
from synclogs import audit
from synclogs.models import Action


class SignIn(LoginView):
    """The sign-in page. `next` is followed only on our own host (Django checks it)."""

    http_method_names = ["get", "head", "post"]
    template_name = "registration/login.html"
    redirect_authenticated_user = True

    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        response = super().form_valid(form)
        audit.record(Action.SIGNED_IN, actor=form.get_user(), **origin(self.request))
        return response

    def form_invalid(self, form: AuthenticationForm) -> HttpResponse:
        name = str(form.data.get("username", ""))
        audit.record(Action.SIGN_IN_FAILED, actor_text=name, **origin(self.request))
        return super().form_invalid(form)


class SignOut(LogoutView):
    """POST only; the session is ended on the server."""

    http_method_names = ["post"]

    def post(self, request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        if request.user.is_authenticated:
            audit.record(Action.SIGNED_OUT, actor=request.user, **origin(request))
        return super().post(request, *args, **kwargs)


def origin(request: HttpRequest) -> dict[str, Any]:
    """Where a request comes from, as the audit wants it."""
    return {
        "address": client_address(request),
        "request_id": getattr(request, "id", ""),
    }
