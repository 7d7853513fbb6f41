"""Where the thinking of a completion ends and its answer begins. Pure text rules."""


def cut(completion: str, *, anywhere: bool = False) -> tuple[str | None, str | None]:
    """Cuts a completion into thinking and answer, each None where there is none.

    The thinking ends at the last `</think>`; the prompt may have opened it. Without that tag a text that opens with `<think>` is all
    thinking, and any other is all answer.

    Args:
        completion: what the model wrote.
        anywhere: a `<think>` that nothing closes makes a text all thinking wherever it stands, after a `</think>` too. For verifiers
            that must not take an answer out of thinking; where a text may speak of the tag, leave it.
    """
    if "think>" not in completion:
        return None, completion
    before, closing, after = completion.rpartition("</think>")
    if closing:
        if anywhere and "<think>" in after:
            return completion, None
        return before.lstrip().removeprefix("<think>"), after
    opened = completion.lstrip()
    if opened.startswith("<think>"):
        return opened.removeprefix("<think>"), None
    if anywhere and "<think>" in opened:
        return completion, None
    return None, completion
