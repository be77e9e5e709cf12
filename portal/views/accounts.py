"""Signing in and out, each with its line in the audit."""

from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.views import LoginView, LogoutView
from django.http import HttpRequest, HttpResponse

from portal import crosssite
from portal.access import origin
from synclogs import audit, denials
from synclogs.models import Action


class SignIn(LoginView):
    """The sign-in page. `next` is followed only on our own host (Django checks it)."""

    http_method_names = ["get", "head", "post"]
    template_name = "registration/login.html"
    redirect_authenticated_user = True

    def get_redirect_url(self, request: HttpRequest | None = None) -> str:
        return crosssite.landing(super().get_redirect_url(request))

    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        audit.record(Action.SIGNED_IN, actor=form.get_user(), **origin(self.request))  # first: nobody enters unseen
        return super().form_valid(form)

    def form_invalid(self, form: AuthenticationForm) -> HttpResponse:
        name = str(form.data.get("username", ""))
        denials.note(Action.SIGN_IN_FAILED, name, **origin(self.request))
        return super().form_invalid(form)


class SignOut(LogoutView):
    """POST only; the session is ended on the server."""

    http_method_names = ["post"]

    def post(self, request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        if request.user.is_authenticated:
            audit.record(Action.SIGNED_OUT, actor=request.user, **origin(request))
        return super().post(request, *args, **kwargs)
