import re
import time

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from step_kit import batch_of, kept_ids, reasons_of, step_of, texts_of

from columnar.pii import EMAIL, IPV4, scan
from curation.pii.find import PLACEHOLDERS, mask_pii
from schemas.errors import RecipeError

ALL = ("email", "ip", "phone", "secret")


def mask(text, kinds=ALL, regions=("US", "DE")):
    masked, counts = mask_pii(pa.array([text], pa.large_string()), kinds, regions)
    assert masked.keys() == counts.keys()
    return masked.get(0, text)


# What stands between the marks is found, as the kind before them.
FOUND = [
    "write to email«jane.doe+tag@mail.corp.co.uk», please",
    "(email«o'neil@uni-ulm.de»)",
    "email«a@b.io».",
    "email«x_y@sub.domain.museum»: hello",
    "mailto:email«joe@firm.com»?subject=x",
    "from ip«81.2.69.142» port 22",
    "http://ip«93.184.216.34»:8080/x",
    "[ip«2a00:1450:4001:81b::200e»]:443",
    "at ip«2606:4700:4700::1111».",
    "call phone«(212) 664-7665» now",
    "Tel.: phone«+49 30 901820»",
    "phone«212-664-7665», phone«212.664.7666»",
    "Berlin phone«030 901820» today",
    "key = secret«AKIAIOSFODNN7EXAMPL5»",
    "git clone https://bob:secret«hunter2»@code.firm.com/x.git",
    "token secret«ghp_abcdefghijklmnopqrstuvwxyz0123456789»",
    'password = "secret«k3jH8sQ2pLxV9zRt»"',
    "api_key: 'secret«9f8A7b6C5d4E3f2G1h0J»'",
    "jwt secret«eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U» end",
    "secret«-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA0Z3VS5JJcds3xfn/ygWyF8PbnGy\nabc=\n-----END RSA PRIVATE KEY-----»\n",
    "cut: secret«-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSj»",
    "sk_live: secret«sk_live_4eC39HqLyjWDarjtT1zdp7dc»",
    "hooks: secret«https://hooks.slack.com/services/T00000000/B00000000/X1X2X3X4X5X6X7X8X9X0X1X2»",
    "日本語email«taro@nihon.co.jp»です",
]
# Nothing of this is anybody's.
CLEAN = [
    "version 1.2.3.4 and v10.20.30.40, pip install x==11.22.33.44, release 12.13.14.15",
    "1.2.3.4 in code, 8.8.8.8 of a name server, 1.2.3.4.5 and 256.1.1.1",
    "localhost 127.0.0.1, 10.1.2.3, 192.168.1.20, 172.16.5.4, 169.254.1.1, 192.0.2.44, ::1, fe80::1, 2001:db8::7",
    "user@host:/srv/path and ssh root@server ls",
    "git@github.com:user/repo.git",
    "jane@example.com, joe@mail.example.org, x@localhost, y@machine.local",
    "icon@2x.png @decorator @user.name a @ b.com @b.com a@ b",
    "2023-01-15 10:22:33, 15.01.2023 12:30, 2023/01/15, 12/24/2023",
    "10 000 000 people, 3.14159265, 1234567890, isbn 978-3-16-148410-0, 2126647665",
    "616.752  767.596  3.246  -68.818  819.342  376.044\n212.664  766.512\n47.801, 832.177, 740.152",
    "std::vector<int> a::b, 12:34:56, aa:bb:cc:dd:ee:ff, cafe::babe",
    "commit 9fceb02d0ae598e95dc970b74767f19372d61af8 sha256 e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    'password = "password_of_the_user" token = "the-name-of-a-token"',
    "-----BEGIN RSA PRIVATE KEY----- is how such a file begins",
    "-----BEGIN CERTIFICATE-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSj\n-----END CERTIFICATE-----",
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABAKIAIOSFODNN7EXAMPL5AAAAC0lEQVR42mNk",
    "x = test_function_with_a_long_name_number_2048_and_more",
]


@pytest.mark.parametrize("marked", FOUND)
def test_found(marked):
    text = re.sub(r"(?:email|ip|phone|secret)«([^»]*)»", r"\1", marked)
    expected = re.sub(r"(email|ip|phone|secret)«[^»]*»", lambda match: PLACEHOLDERS[match.group(1)], marked)
    assert mask(text) == expected


@pytest.mark.parametrize("text", CLEAN)
def test_clean(text):
    assert mask(text) == text


def test_only_the_kinds_and_regions_that_are_asked_for():
    text = "a@b.io 81.2.69.142 (212) 664-7665"
    assert mask(text, ["ip"]) == "a@b.io <IP> (212) 664-7665"
    assert mask(text, ["phone"], ["DE"]) == text
    assert mask("+1 212 664 7665", ["phone"], []) == "<PHONE>"


_PIECES = st.sampled_from(
    [*"@.:+-( )/1a\n", "a@b.io", "81.2.69.142", "2606:4700::1", "212-664-7665", "+49 30 901820", "AKIAIOSFODNN7EXAMPL5", "://u:p@", "é的",
     "-----BEGIN PRIVATE KEY-----", "-----END PRIVATE KEY-----", "A1b2C3d4E5f6G7h8" * 2, "<EMAIL>", 'token="'],
)  # fmt: skip


@given(st.one_of(st.lists(_PIECES, max_size=12).map("".join), st.text(st.characters(exclude_categories=["Cs"]))))
@settings(max_examples=400, deadline=None)
def test_a_masked_text_is_masked_no_further(text):
    once = mask(text)
    assert mask(once) == once


_EMAIL = re.compile(
    r"(?<![A-Za-z0-9._%+'-])[A-Za-z0-9][A-Za-z0-9_%+'-]{0,20}@(?:[a-z]{1,9}\.){1,3}[a-z]{2,9}(?![A-Za-z0-9.@-])"
)


@given(
    st.lists(st.sampled_from(["a", "b1", "@", ".", "io", " ", "é", "-", "x.y", "a@b.io", "@b.io"]), max_size=14).map(
        "".join
    )
)
@settings(max_examples=300, deadline=None)
def test_plain_addresses_are_those_of_a_regular_expression(text):
    spans = scan(pa.array([text], pa.large_string()), EMAIL)
    found = {text.encode()[start:end].decode() for start, end in zip(spans.starts, spans.ends, strict=True)}
    assert {match.group() for match in _EMAIL.finditer(text)} <= found
    assert all(re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._%+'-]*@(?:[A-Za-z0-9-]+\.)+[A-Za-z]{2,}", item) for item in found)


@given(st.lists(st.sampled_from(["1", "25", "255", "256", "0", ".", " ", "a", "9"]), max_size=16).map("".join))
@settings(max_examples=300, deadline=None)
def test_four_numbers_are_those_of_a_regular_expression(text):
    part = r"(?:25[0-5]|2[0-4]\d|1\d\d|0?\d?\d|0\d\d)"
    expected = [m.span() for m in re.finditer(rf"(?<![\w.])(?:{part}\.){{3}}{part}(?!\w)(?!\.[\w])", text)]
    spans = scan(pa.array([text], pa.large_string()), IPV4)
    assert list(zip(spans.starts.tolist(), spans.ends.tolist(), strict=True)) == expected


@pytest.mark.parametrize(
    "unit",
    [
        "@",
        "1",
        "a@",
        "1 ",
        ":",
        "1.",
        "-----BEGIN PRIVATE KEY-----",
        "://a:",
        "a1b2c3d4e5f6g7h8 ",
        "(212) 664-7665 ",
        "eyJ",
    ],
)
def test_hostile_texts_end(unit):
    text = unit * (2_000_000 // len(unit))
    start = time.monotonic()
    mask(text)
    assert time.monotonic() - start < 60


def test_step_masks_counts_and_keeps_nothing_of_it():
    step = step_of(pii={"kinds": ["email", "ip"]})
    batch = batch_of({"text": "a@b.io, c@d.io, 81.2.69.142"}, {"text": "clean"}, {"html": b"x@y.io"})
    output = step.apply(batch)
    assert output.kept.column("text").to_pylist() == ["<EMAIL>, <EMAIL>, <IP>", "clean", None]
    assert output.kept.column("pii_emails").to_pylist() == [2, 0, None]
    assert output.kept.column("pii_ips").to_pylist() == [1, 0, None]
    assert output.kept.schema.field("pii_ips").type == pa.int32()
    assert "a@b.io" not in str(output.kept.to_pylist())
    assert [(reading.value, reading.failed) for reading in step.explain("a@b.io")] == [(1, False), (0, False)]


def test_step_drops_with_every_reason_and_honours_sources():
    step = step_of(pii={"kinds": ["secret", "email"], "action": "drop"}, sources=["web"])
    batch = batch_of(
        {"text": "a@b.io AKIAIOSFODNN7EXAMPL5", "source": "web"},
        {"text": "a@b.io", "source": "code"},
        {"text": "x", "source": "web"},
    )
    output = step.apply(batch)
    assert reasons_of(output) == {"0": ["has_email", "has_secret"]}
    assert kept_ids(output) == ["1", "2"]
    assert output.kept.column("pii_emails").to_pylist() == [None, 0]
    assert step.readings({"pii_emails": 1})[0].failed


def test_batches_do_not_matter():
    step = step_of(pii={"kinds": list(ALL)})
    texts = ["a@b.io", "", "81.2.69.142 x", "clean", "+49 30 901820"]
    whole = step.apply(texts_of(*texts)).kept.column("text").to_pylist()
    assert whole == [step.apply(texts_of(text)).kept.column("text")[0].as_py() for text in texts]


def test_unknown_regions_are_refused():
    with pytest.raises(RecipeError, match="no region 'Germany'"):
        step_of(pii={"regions": ["Germany"]})
