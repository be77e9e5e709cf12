"""Sign-in and sign-out views, with their audit rows."""

from typing import Any

from django import forms
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.views import LoginView, LogoutView
from django.http import HttpRequest, HttpResponse, UnreadablePostError
from django.template.loader import render_to_string

from portal.access import cross_site
from portal.access.projects import origin
from portal.access.try_later import TryLater
from portal.sign_in import hashing, known_browsers, rate_limits
from synclogs.access import audit, denials
from synclogs.models import Action


class SignInForm(AuthenticationForm):
    """A password that is too long is refused before it is hashed."""

    password = forms.CharField(
        label="Password",
        strip=False,
        max_length=hashing.LONGEST,
        error_messages={"max_length": f"A password has at most {hashing.LONGEST} characters."},
    )


class SignIn(LoginView):
    """The sign-in page. `next` is followed only on our own host (Django checks it)."""

    http_method_names = ["get", "head", "post"]
    template_name = "registration/login.html"
    authentication_form = SignInForm
    redirect_authenticated_user = True
    charged: tuple[rate_limits.Limit, ...] = ()

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        name = typed_name(request)
        device = known_browsers.recognised(request, name)
        self.charged = rate_limits.limits(request, name, device)
        try:
            rate_limits.admit(self.charged)
            with hashing.as_stranger(is_stranger=device is None):
                return super().post(request, *args, **kwargs)
        except TryLater as refusal:
            return refused(request, refusal)

    def get_redirect_url(self, request: HttpRequest | None = None) -> str:
        return cross_site.landing(super().get_redirect_url(request))

    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        audit.record(Action.SIGNED_IN, actor=form.get_user(), **origin(self.request))  # first: nobody enters unseen
        response = super().form_valid(form)
        rate_limits.give_back(self.charged)
        known_browsers.remember(response, form.get_user())
        return response

    def form_invalid(self, form: AuthenticationForm) -> HttpResponse:
        record_failure(self.request)
        return super().form_invalid(form)


class SignOut(LogoutView):
    """POST only; the session is ended on the server."""

    http_method_names = ["post"]

    def post(self, request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        if request.user.is_authenticated:
            audit.record(Action.SIGNED_OUT, actor=request.user, **origin(request))
        return super().post(request, *args, **kwargs)


def record_failure(request: HttpRequest) -> None:
    """Every attempt that failed or was refused, summed up by minute and address."""
    denials.note(Action.SIGN_IN_FAILED, typed_name(request), **origin(request))


def refused(request: HttpRequest, refusal: TryLater) -> HttpResponse:
    """The sign-in page with the name that was typed, and how long to wait. Needs no session, and no token but the sent one."""
    rate_limits.LINGER.linger()
    record_failure(request)
    context = {
        "form": SignInForm(initial={"username": typed_name(request)[:150]}),
        "next": request.POST.get("next", ""),
        "csrf_token": request.POST.get("csrfmiddlewaretoken", ""),
        "refusal": str(refusal),
    }
    page = render_to_string("registration/login.html", context)
    response = HttpResponse(page, status=429, headers={"Retry-After": str(refusal.retry_after)})
    response._has_been_logged = True  # type: ignore[attr-defined] # by sign_in, once; Django would write a line for each
    return response


def refused_early(request: HttpRequest) -> HttpResponse | None:
    """A refusal that is certain before session, token and database are asked; else None."""
    try:
        refusal = rate_limits.refusal(request, typed_name(request))
    except UnreadablePostError:
        return None
    return refused(request, refusal) if refusal else None


def typed_name(request: HttpRequest) -> str:
    return str(request.POST.get("username", ""))
