"""Where the thinking of a completion ends and its answer begins. Pure text rules."""


def cut(completion: str) -> tuple[str | None, str | None]:
    """Cuts a completion into thinking and answer, each None where there is none.

    The thinking ends at the last `</think>`; the prompt may have opened it. Without that tag a text that opens with `<think>` is all
    thinking, and any other is all answer.
    """
    before, closing, after = completion.rpartition("</think>")
    if closing:
        return before.lstrip().removeprefix("<think>"), after
    opened = completion.lstrip()
    if opened.startswith("<think>"):
        return opened.removeprefix("<think>"), None
    return None, completion
