"""The target language by rule: given, asked for, the prompt's own."""

import csv
import gzip
import io
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from text_strategies import texts

from columnar.language_names import ENDINGS, NAMES
from columnar.language_requests import REQUESTS
from columnar.mixing import LANGUAGES, target_of
from columnar.mixing_target import MAX_ENDS, asked_for
from columnar.writing import scripts_of


@pytest.mark.parametrize(
    ("prompt", "target"),
    [
        ("Solve it. Please answer in French.", "fr"),
        ("Antworte auf Deutsch: what is 2+2?", "de"),
        ("Bitte auf Englisch antworten. Was ist ein Ring?", "en"),
        ("Answer in English. 解这个方程", "en"),
        ("解这个方程。请用英语回答。", "en"),
        ("请用中文。What is a ring?", "zh"),
        ("“苹果”用英语怎么说？", "zh"),
        ("把下面的句子翻译成法语：今天天气很好", "fr"),
        ("請用繁體中文回答：what is a ring?", "zh"),
        ("用日文写一篇关于樱花的短文", "ja"),
        ("英語で答えてください。円とは何ですか", "en"),
        ("次の文をフランス語に翻訳してください。", "fr"),
        ("英語で答えないでください。円とは何ですか", "ja"),
        ("한국어로 대답해 주세요. What is a ring?", "ko"),
        ("원의 넓이를 영어로 설명해 줘", "en"),
        ("Responde en inglés: ¿qué es un anillo?", "en"),
        ("Escribe un poema en japonés sobre el mar", "ja"),
        ("No respondas en inglés. ¿Qué es un anillo?", "es"),
        ("Réponds en espagnol : quelle est la capitale ?", "es"),
        ("Traduisez ce texte en allemand : Bonjour", "de"),
        ("Utilise l'anglais.", "en"),
        ("Rispondi in francese. Che cos'è un anello?", "fr"),
        ("Responda em inglês. O que é um anel?", "en"),
        ("Traduza para o alemão: bom dia", "de"),
        ("Antwoord in het Engels. Wat is een ring?", "en"),
        ("Svara på engelska. Vad är en ring?", "en"),
        ("Odpowiedz po angielsku. Co to jest pierścień?", "en"),
        ("Napisz esej w języku niemieckim o morzu", "de"),
        ("Odpověz anglicky. Co je to prsten?", "en"),
        ("Odpověz v angličtině. Co je to prsten?", "en"),
        ("Ответь на английском языке. Что такое кольцо?", "en"),
        ("Что такое кольцо? Отвечай по-французски.", "fr"),
        ("Відповідай англійською мовою. Що таке кільце?", "en"),
        ("أجب باللغة الفرنسية. ما هي الحلقة؟", "fr"),
        ("ترجم النص التالي إلى الإنجليزية: صباح الخير", "en"),
        ("به زبان انگلیسی پاسخ بده. حلقه چیست؟", "en"),
        ("हिंदी में उत्तर दें: what is a ring?", "hi"),
        ("अंग्रेज़ी में जवाब दीजिए। वलय क्या है?", "en"),
        ("বাংলায় উত্তর দিন: what is a ring?", "bn"),
        ("ইংরেজিতে উত্তর দিন। বলয় কী?", "en"),
        ("తెలుగులో సమాధానం చెప్పండి: what is a ring?", "te"),
        ("ตอบเป็นภาษาอังกฤษ แหวนคืออะไร", "en"),
        ("Jawab dalam bahasa Inggris. Apa itu cincin?", "en"),
        ("Hãy trả lời bằng tiếng Anh. Chiếc nhẫn là gì?", "en"),
        ("Jibu kwa Kiingereza. Pete ni nini?", "en"),
        ("İngilizce cevap ver. Halka nedir?", "en"),
        ("Halka nedir? Yanıtı Almanca olarak yaz.", "de"),
        ("Don't answer in French. What is a ring?", "en"),
        ("Answer in both English and French: what is a ring?", "en"),
        ("What is the French Revolution? Explain in detail.", "en"),
        ("How do you say 'dog' in German?", "en"),
        ("Use the Chinese remainder theorem to find x.", "en"),
        ("Use Polish notation. What is 2+2?", "en"),
        ("Write a story set in French Polynesia", "en"),
        ("Explain English grammar in simple terms", "en"),
        ("Translate from English into Spanish: the ring", "es"),
        ("Write an essay about German cars in English, please.", "en"),
        ("Who wrote the book published in Russian in 1901?", "en"),
        ("What was the number of people in Spanish Guinea?", "en"),
        ("How many pupils are there in the French class?", "en"),
        ("Write a Python function. Answer in Traditional Chinese only.", "zh"),
        ("Respond in French. Later, write the summary of the German text in German style.", "fr"),
        ("In Spanish, adjectives follow nouns. Explain why.", "en"),
        ("Think in English but answer in Japanese.", "ja"),
        ("Please write the answer in Latin letters.", "en"),
        ("¿Cuántos alumnos hay en la clase de francés?", "es"),
        ("有多少学生？", "zh"),
        ("$x^2 = 4$", "und"),
        ("", "und"),
        ("1 + 1 = ?", "und"),
        ("Τι είναι ο κύκλος και πώς υπολογίζεται;", "el"),
        ("Mikä on ympyrä ja miten sen pinta-ala lasketaan?", "fi"),
        ("Explique-moi la gravité. \n\nAnswer strictly in Brazilian Portuguese.", "pt"),
        ("every 5th word of your response must be in Japanese", "en"),
    ],
)
def test_the_target_by_rule(prompt, target):
    assert target_of(prompt) == target


def test_what_is_given_wins():
    assert target_of("Answer in French.", "pt-BR") == "pt"
    assert target_of("Answer in French.", "und") == "fr"
    assert target_of("Answer in French.", " ") == "fr"
    with pytest.raises(ValueError, match="ISO 639"):
        target_of("text", "English")


def test_the_system_message_comes_after_the_prompts_request_and_before_its_language():
    assert target_of("What is a ring?", system="Always answer in French.") == "fr"
    assert target_of("What is a ring? Answer in German.", system="Always answer in French.") == "de"
    assert target_of("$1 + 1$", system="You are a helpful assistant.") == "und"


def test_of_several_requests_the_last_direct_one_counts():
    assert target_of("Answer in French. No, wait: answer in German!") == "de"
    assert target_of("Reply in French. Then explain the poem in German.") == "fr"


def test_a_long_prompt_is_read_at_its_ends():
    assert target_of("word " * 100_000 + " Answer in Italian.") == "it"
    assert asked_for("word " * MAX_ENDS + " Answer in Italian. " + "word " * MAX_ENDS) is None


def test_every_language_that_is_asked_in_has_names_of_all():
    assert set(REQUESTS) == set(NAMES) == set(LANGUAGES)
    assert set(ENDINGS) <= set(NAMES)
    for language, table in NAMES.items():
        entries = dict(entry.split(" ", 1) for entry in " ".join(table.split()).split(", "))
        assert set(LANGUAGES) <= set(entries), language
        names = [name for names in entries.values() for name in names.split("/")]
        assert len(set(names)) == len(names), language
        for code in entries:
            assert scripts_of(code)


def test_the_benchmarks_prompts(reference_data):
    """Of the Language Confusion Benchmark's prompts, which all name the language that is expected: 4,186 ask for one, 2,400 do not."""
    packed = gzip.decompress((reference_data("lcb_outputs") / "test_sets.zip.gz").read_bytes())
    wrong = {"monolingual": 0, "crosslingual": 0}
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        for name in archive.namelist():
            parts = name.split("/")
            if parts[-1].endswith(".csv") and parts[1] in wrong:
                for row in csv.DictReader(io.TextIOWrapper(archive.open(name), "utf-8")):
                    wrong[parts[1]] += target_of(row["prompt"]) != row["language"]
    assert wrong["monolingual"] <= 2
    assert wrong["crosslingual"] <= 30


def test_ordinary_questions_ask_for_no_language(reference_data):
    for path in sorted(reference_data("mgsm").glob("*.tsv")):
        for line in path.read_text(encoding="utf-8").splitlines():
            assert asked_for(line) is None, line


_PIECES = [
    "answer",
    " in ",
    "French",
    "英语",
    "用",
    "回答",
    "не ",
    "по-русски",
    ". ",
    "\n",
    " and ",
    "باللغة ",
    "الفرنسية",
    "\ud800",
    "İ",
    "x" * 500,
]


@settings(max_examples=200)
@given(st.one_of(texts, st.lists(st.sampled_from(_PIECES), max_size=60).map("".join)))
def test_any_prompt_has_a_target_or_none(prompt):
    target = target_of(prompt)
    assert target == "und" or scripts_of(target)
    assert asked_for(prompt) in {target, None}
