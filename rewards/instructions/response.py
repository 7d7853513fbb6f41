"""A completion as the checks see it: each way of cutting it up is done at most once, however many instructions ask. Pure."""

from functools import cached_property

from rewards.instructions import words
from rewards.instructions.sentences import split_sentences


class Response:
    """One text with its lines, words and sentences.

    Attributes:
        text: the text itself.
    """

    def __init__(self, text: str) -> None:
        """Keeps the text; nothing is cut before a check asks."""
        self.text = text

    @cached_property
    def lines(self) -> list[str]:
        r"""The pieces between `\n`, blank ones too."""
        return self.text.split("\n")

    @cached_property
    def filled_lines(self) -> list[str]:
        """The lines with something in them but white space."""
        return [line for line in self.lines if line.strip()]

    @cached_property
    def stretches(self) -> list[str]:
        """What stands between white space, as written."""
        return self.text.split()

    @cached_property
    def plain_words(self) -> list[str]:
        """What stands between white space once ASCII punctuation is gone, in small letters."""
        return words.without_punctuation(self.text).lower().split()

    @cached_property
    def num_word_runs(self) -> int:
        """How many runs of word characters there are: IFEval's count of words."""
        return len(self.word_runs)

    @cached_property
    def word_runs(self) -> list[str]:
        """The runs of word characters."""
        return words.word_runs(self.text)

    @cached_property
    def sentences(self) -> list[str]:
        """The sentences; see `rewards.instructions.sentences`."""
        return split_sentences(self.text)

    @cached_property
    def tokens(self) -> list[str]:
        """The Treebank tokens; see `rewards.instructions.words`."""
        return words.tokens(self.sentences)
