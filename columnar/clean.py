"""The rule for text that UTF-8 or SQL cannot hold. Pure, and quick to import: nothing compiled."""

_REPLACEMENT = 0xFFFD
_UNFIT = {0: _REPLACEMENT, **dict.fromkeys(range(0xD800, 0xE000), _REPLACEMENT)}


def clean_text(text: str) -> tuple[str, int]:
    """Replaces NUL (PostgreSQL refuses it) and lone surrogates (UTF-8 has none) by U+FFFD.

    Returns:
        The clean text and how many characters were replaced.
    """
    if "\0" not in text:
        try:
            text.encode()
        except UnicodeEncodeError:
            pass
        else:
            return text, 0
    clean = text.translate(_UNFIT)
    return clean, sum(map(str.__ne__, text, clean))


# A helper that takes an array and is inlined by Numba counts a reference to it at each use, by two locked instructions: 20 ns a
# character. Without Numba's run time (`_nrt=False`, for what allocates nothing) there is no count, and LLVM inlines it all the same.
