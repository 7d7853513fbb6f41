import pytest

from columnar.mixing import target_of


@pytest.mark.parametrize(
    ("prompt", "target"),
    [
        ("What is 2 + 2? Please answer in French.", "fr"),
        ("Write an essay about German cars in English, please.", "en"),
        ("Translate the following English sentence into Japanese: The cat sleeps.", "ja"),
        ("解这个方程。请用英语回答。", "en"),
        ("What is a ring? 用中文回答", "zh"),
        ("Explica la gravedad. Responde en inglés.", "en"),
        ("Was ist das? Antworte auf Deutsch.", "de"),
        ("Réponds en espagnol : quelle est la capitale ?", "es"),
        ("Столица Франции? Ответь на английском языке.", "en"),
        ("what is the area? 日本語で答えてください", "ja"),
        ("한국어로 답해 주세요. What is it?", "ko"),
        ("How many pupils are there in the French class?", "en"),
        ("¿Cuántos alumnos hay en la clase de francés?", "es"),
        ("Сколько учеников в классе?", "ru"),
        ("有多少学生？", "zh"),
        ("$x^2 = 4$", "und"),
        ("", "und"),
        ("1 + 1 = ?", "und"),
    ],
)
def test_the_target_by_rule(prompt, target):
    assert target_of(prompt) == target


def test_what_is_given_wins():
    assert target_of("Answer in French.", "pt-BR") == "pt"
    assert target_of("Answer in French.", "und") == "fr"
    assert target_of("Answer in French.", "") == "fr"
    with pytest.raises(ValueError, match="ISO 639"):
        target_of("text", "English")


def test_a_long_prompt_is_read_at_its_ends():
    assert target_of("word " * 100_000 + " Answer in Italian.") == "it"
