"""portal.drawing.markup against Django's format_html: equal for every value, however hostile."""

from django.utils.functional import lazystr
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from hypothesis import given
from hypothesis import strategies as st

from portal.drawing.markup import escaped, fill, joined

FORM = "<a href=\"{0}\" title='{1}'>{2}{{}}</a>"
VALUES = st.one_of(
    st.text(),
    st.sampled_from(["<script>", "'\"&", "{0}", "{", "}}", "&amp;", "\x00"]),
    st.integers(),
    st.floats(),
    st.none(),
    st.booleans(),
    st.text().map(lambda text: format_html("<b>{}</b>", text)),
    st.text().map(lazystr),
)


@given(st.tuples(VALUES, VALUES, VALUES))
def test_a_filled_form_is_what_django_makes_of_it(values):
    made = fill(FORM, *values)
    assert made == format_html(FORM, *values)
    assert type(made) is SafeString
    named = dict(zip("abc", values, strict=True))
    assert fill("{a}-{b}-{c}-{a}", **named) == format_html("{a}-{b}-{c}-{a}", **named)


@given(st.lists(VALUES))
def test_joined_parts_are_escaped_too(values):
    made = joined(values, ", ")
    assert made == format_html_join(", ", "{}", ((value,) for value in values))
    assert type(made) is SafeString


def test_markup_stays_and_a_text_of_another_kind_does_not():
    class Text(str):
        """What claims nothing about itself is not markup."""

    assert escaped(fill("<b>{}</b>", "&")) == "<b>&amp;</b>"
    assert fill("{}", Text("<i>")) == "&lt;i&gt;"
