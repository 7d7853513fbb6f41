"""Keys and tokens in text: detect-secrets' patterns, applied only where a token stands. Pure: no I/O."""

import re
from collections.abc import Iterator
from functools import cache

from detect_secrets.plugins import (
    artifactory,
    aws,
    azure_storage_key,
    discord,
    github_token,
    gitlab_token,
    jwt,
    mailchimp,
    npm,
    openai,
    pypi_token,
    sendgrid,
    slack,
    square_oauth,
    stripe,
    telegram_token,
    twilio,
)
from detect_secrets.plugins.high_entropy_strings import Base64HighEntropyString

#: Patterns that name what they find. Left out: those of a bare high entropy, which checksums and commit ids have too.
_DETECTORS = (
    artifactory.ArtifactoryDetector,
    aws.AWSKeyDetector,
    azure_storage_key.AzureStorageKeyDetector,
    discord.DiscordBotTokenDetector,
    github_token.GitHubTokenDetector,
    gitlab_token.GitLabTokenDetector,
    jwt.JwtTokenDetector,
    mailchimp.MailchimpDetector,
    npm.NpmDetector,
    openai.OpenAIDetector,
    pypi_token.PypiTokenDetector,
    sendgrid.SendGridDetector,
    slack.SlackDetector,
    square_oauth.SquareOAuthDetector,
    stripe.StripeDetector,
    telegram_token.TelegramBotTokenDetector,
    twilio.TwilioKeyDetector,
)
#: High entropy counts only where a name says that it is a secret.
_ASSIGNED = re.compile(
    r"(?i)(?:passw(?:or)?d|pwd|secret|token|api_?key|access_?key|auth_?key|private_?key|credentials?)[\w-]{0,20}"
    r"[\"']?\s{0,4}(?::=|=>|=|:)\s{0,4}([\"'])([^\"'\s]{16,200})\1"
)
#: Bits a character of a quoted value; words and paths have less, random letters and digits more.
MIN_ENTROPY = 3.5
#: Bytes around a token that a pattern may need: a name before it, the rest of it behind.
BYTES_BEFORE, BYTES_BEHIND = 100, 300
#: What a key block may hold between its first and last line.
MAX_KEY_BYTES = 1 << 16

_WORD = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")
_TOKEN = _WORD | frozenset(b"_-+/=")
_KEY_HEAD = re.compile(rb"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----")
_KEY_BODY = re.compile(rb"(?:\s*[A-Za-z0-9+/=]{32,})*")
_KEY_TAIL = re.compile(rb"-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----")


@cache
def _patterns() -> tuple[re.Pattern[str], ...]:
    return tuple(pattern for detector in _DETECTORS for pattern in detector().denylist)


@cache
def _entropy() -> Base64HighEntropyString:
    return Base64HighEntropyString()


def find_tokens(text: bytes, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Gives the secrets on the line around a token, `text[start:end]`, as first byte and byte after the last."""
    low = max(text.rfind(b"\n", max(0, start - BYTES_BEFORE), start) + 1, start - BYTES_BEFORE, 0)
    high = text.find(b"\n", end, end + BYTES_BEHIND)
    # One character a byte, so that places stay the same.
    line = text[low : high if high >= 0 else end + BYTES_BEHIND].decode("latin-1")
    for pattern in _patterns():
        for match in pattern.finditer(line):
            first, last = match.span(match.lastindex or 0)
            if pattern.groups and line[first:last].isalpha():
                first, last = match.span()  # the group names a kind of key, as ghp
            first, last = low + first, low + last
            while first < last and text[first] not in _WORD:
                first += 1  # the pattern takes what stands before it too
            if first > low and text[first - 1] in _WORD and text[first] in _WORD:
                continue  # inside a longer run, such as an encoded picture
            yield first, _end_of_token(text, first, last)
    for match in _ASSIGNED.finditer(line):
        value = match.group(2)
        if _entropy().calculate_shannon_entropy(value) >= MIN_ENTROPY and any(char.isdigit() for char in value):
            yield low + match.start(2), low + match.end(2)


def _end_of_token(text: bytes, first: int, last: int) -> int:
    """Goes on to the end of the token: some patterns stop before it. The parts of a JWT have dots between."""
    while last > first and text[last - 1] not in _TOKEN:
        last -= 1
    dots = b"." if text.startswith(b"eyJ", first) else b""
    while last < len(text) and (text[last] in _TOKEN or text[last : last + 1] == dots):
        last += 1
    return last


def find_key_blocks(text: bytes, starts: list[int]) -> Iterator[tuple[int, int]]:
    """Gives the private keys that begin at some of `starts`, ascending: up to their last line, or as far as they look like a key."""
    done = -1
    tails = [match.span() for match in _KEY_TAIL.finditer(text)] if starts else []
    tail = 0
    for number, start in enumerate(starts):
        head = _KEY_HEAD.match(text, start)
        if head is None or start < done:
            continue
        following = starts[number + 1] if number + 1 < len(starts) else len(text)
        while tail < len(tails) and tails[tail][0] < head.end():
            tail += 1
        if tail < len(tails) and tails[tail][0] <= following and tails[tail][0] - start <= MAX_KEY_BYTES:
            done = tails[tail][1]
        else:
            body = _KEY_BODY.match(text, head.end(), min(following, head.end() + MAX_KEY_BYTES))
            if body is None or not body.group():
                continue  # a text about keys
            done = body.end()
        yield start, done
