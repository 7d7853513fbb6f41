"""How people ask for an answer in a language, by the language in which they ask: data of `columnar.mixing_target`. Pure."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple


class Request(NamedTuple):
    """How a language is asked for, around its name. Patterns are over text in lower case and NFC.

    Attributes:
        before: what ends where the name begins, inside one sentence; empty for anything.
        after: what begins where the name and its ending end; empty for anything.
        loose: counts only where nothing is asked for directly.
    """

    before: str = ""
    after: str = ""
    loose: bool = False


# Ends of a clause, after which a name is no adjective: "in French." and not "in French cuisine".
_END = r"\s*(?:[.,;:!?()\[\]\"'»”’。！？，；：*]|\n|$|\s[-–—]\s)"
_MANNER = (
    r"(?:(?:fluent|plain|simple|proper|natural|formal|informal|clear|native|good|correct|standard|modern|only|the)\s+)*"
)
_ENGLISH_GOES_ON = (
    r"\s+(?:language\b|only\b|please\b|and\b|but\b|or\b|of\b|about\b|on\b|that\b|which\b|who\b|with\b|without\b|for\b|to\b|using\b|as\b"
    r"|when\b|where\b|what\b|why\b|how\b|if\b|by\b|from\b|in\b|at\b|explaining\b|the\b|a\b|an\b|my\b|your\b|this\b|these\b|some\b|no\b"
    r"|(?:one|two|three|four|five|six|seven|eight|nine|ten)\b"
    r"|\d|[a-z]+ing\b)"
)
_ENGLISH_AFTER = rf"(?:{_END}|{_ENGLISH_GOES_ON})"
_ENGLISH_MAKES = (
    r"write|generate|create|compose|explain|describe|summari[sz]e|give|provide|tell|list|draft|make|produce|develop|design|prepare|craft"
    r"|discuss|outline|show|compare|identify|analy[sz]e|suggest|propose|recommend|rewrite|rephrase|introduce|elaborate|present|imagine"
    r"|what|how|why|help|teach|read|build|plan|name|find|act|define|state|turn|sort|extract|start|begin|continue|get|add|do|have|want|need|limit|essay|article|story|report|poem|letter|post|summary|email"
)

#: Language of the request -> how it is made there.
REQUESTS: Final[Mapping[str, tuple[Request, ...]]] = MappingProxyType(
    {
        "en": (
            Request(
                rf"\b(?:answer(?:s|ed|ing)?|respon(?:d|ds|se|ses|ding)|repl(?:y|ies|ying)|speak|talk|communicate|converse|output|feedback)\b.{{0,40}}?\bin {_MANNER}",
                rf"(?!\s+(?:script|letters?|alphabet|characters?|braille|style)\b)(?:{_ENGLISH_AFTER})",
            ),
            Request(r"\b(?:re)?writ(?:e|ten|ing)(?: (?:it|this|everything|your \w+|all))? in " + _MANNER, _ENGLISH_AFTER),
            Request(r"\btranslat(?:e|es|ed|ing|ion)\b.{0,70}?\b(?:in)?to " + _MANNER, _ENGLISH_AFTER),
            Request(
                rf"(?:^|[,;:(*\"]|\b(?:please|only|must|should|always|and|to|response|answer|reply)\b)\s*us(?:e|ing)(?: only)? {_MANNER}",
                rf"(?: language)?(?: only)?(?:{_END}|\s+(?:to (?:answer|reply|respond|write)|for (?:your|the|all)|throughout|in your)\b)",
            ),
            Request(rf"\busing {_MANNER}", rf"(?:{_END}|\s+(?:to|in|for|about|on)\b)", loose=True),
            Request(rf"^\W*in {_MANNER}", r"(?: language)?(?: only)?(?:,? please)?\s*(?:[.!]|$)"),
            Request(rf"\b(?:{_ENGLISH_MAKES})\b(?!.*\b(?:say|call|called|mean|word|words|pronounce|spell|published|spoken)\b).*\bin {_MANNER}", _ENGLISH_AFTER, loose=True),
        ),
        "es": (
            Request(r"\b(?:respond|respuest|contest|escrib|redact|habl|expl[ií][cq]|resum|tradu[cz])\w*.{0,40}?\b(?:en|al|a)(?: (?:el )?idioma)? (?:el )?"),
            Request(r"\b(?:us[ae]|utili[zc][ae])(?:ndo)?(?: s[oó]lo| únicamente)? (?:el )?(?:idioma )?", _END),
        ),
        "fr": (
            Request(r"\b(?:r[ée]pon[ds]|[ée]cri[stv]|rédig|parle|expliqu|résum|tradui)\w*.{0,40}?\b(?:en|vers le|vers l['’])\s?"),
            Request(r"\butilise[zr]?(?: uniquement| seulement)? (?:le |l['’]|la langue )", _END),
        ),
        "it": (
            Request(r"\b(?:rispond|rispost|scriv|spieg|parl|redig|riassum|tradu[cz])\w*.{0,40}?\b(?:in|all['’])(?: lingua)?\s?"),
            Request(r"\b(?:usa|utilizza)(?:re|ndo)?(?: solo)? (?:l['’]|il |la lingua )", _END),
        ),
        "pt": (
            Request(r"\b(?:respond|respost|escrev|redij|expli|fal[ae]|resum|tradu[zç])\w*.{0,40}?\b(?:em|para o|no)(?: idioma| língua)? "),
            Request(r"\b(?:us[ae]|utiliz[ae])(?:ndo)?(?: apenas| somente| só)? (?:o )?(?:idioma )?", _END),
        ),
        "de": (
            Request(r"\b(?:antwort|beantwort|schreib|erklär|sprich|sprech|verfass|formulier|übersetz|fass)\w*.{0,50}?\b(?:auf|in|ins)(?: das)? "),
            Request(r"\b(?:auf|in|ins) ", r"(?: sprache)?.{0,30}?\b(?:antwort|beantwort|schreib|erklär|formulier|verfass|übersetz)"),
            Request(r"\b(?:nutze|verwende|benutze)\w*(?: nur| bitte)? ", _END),
        ),
        "nl": (
            Request(r"\b(?:antwoord|beantwoord|schrijf|spreek|vertaal|leg)\w*.{0,40}?\b(?:in|naar)(?: het)? "),
            Request(r"\b(?:in|naar)(?: het)? ", r".{0,30}?\b(?:antwoord|beantwoord|schrijf|schrijven|vertaal|vertalen)"),
        ),
        "sv": (Request(r"\b(?:svar|besvar|skriv|förklar|översätt|prata|tala|sammanfatta)\w*.{0,40}?\b(?:på|till) "),),
        "pl": (
            Request(r"\b(?:odpowied|odpowiad|odpisz|napisz|pisz|wyjaśni|tłumacz|przetłumacz|mów|streść)\w*.{0,40}?\b(?:po|w języku|na język|na) "),
            Request(r"\b(?:po|w języku) ", r".{0,20}?\b(?:odpowied|odpowiad|napisz|pisz)"),
        ),
        "cs": (
            Request(r"\b(?:odpov|napiš|piš|vysvětl|přelož|mluv|shrň)\w*.{0,40}? (?:(?:v|ve|do) )?"),
            Request("", r".{0,20}?\b(?:odpov|napiš|piš)"),
        ),
        "ru": (
            Request(r"\b(?:ответ|отвеч|напиш|пиши|объясн|переве[дс]|говор|расскаж|опиш)\w*.{0,40}?\b(?:на |по-)"),
            Request(r"\b(?:на |по-)", r"(?: язык\w*)?.{0,20}?\b(?:ответ|отвеч|напиш|пиши|объясн)"),
            Request(r"\bиспользу\w+(?: только)? ", r" язык"),
        ),
        "uk": (
            Request(r"\b(?:відпові|дай|напиш|пиши|поясн|переклад|говори|розкаж)\w*.{0,40}? "),
            Request("", r"(?: мов\w+)?.{0,20}?\b(?:відпові|напиш|пиши|поясн)"),
        ),
        "ar": (
            Request(r"(?:[أا]جب|[أا]جيب|[أا]كتب|كتاب|اشرح|ترجم|الرد|رد|الإجابة|الاجابة|تحدث|استخدم|لخص).{0,50}?(?:باللغة ال|بال|[إا]لى ال|[إا]لى اللغة ال|اللغة ال)"),
            Request(r"^(?:باللغة ال|بال)", r"\s*(?:[.!]|$)"),
        ),
        "fa": (
            Request(r"(?:پاسخ|جواب|بنویس|ترجمه|توضیح).{0,40}?به(?: زبان)? "),
            Request(r"به(?: زبان)? ", r".{0,30}?(?:پاسخ|جواب|بنویس|توضیح|ترجمه|بگو)"),
        ),
        "hi": (
            Request("", r"(?: भाषा)? में .{0,30}?(?:उत्तर|जवाब|लिख|बता|समझा|अनुवाद|दें|दीजिए|दो)"),
            Request(r"(?:उत्तर|जवाब|लिख|अनुवाद).{0,40}? ", r"(?: भाषा)? में"),
        ),
        "bn": (Request("", r"(?:তে|য়|ায়)?(?: ভাষায়)?.{0,30}?(?:উত্তর|লিখ|লেখ|বল|অনুবাদ|ব্যাখ্যা|জবাব)"),),
        "te": (Request("", r"లో.{0,30}?(?:సమాధాన|జవాబు|రాయ|వ్రాయ|చెప్ప|వివరించ|అనువ)"),),
        "th": (Request(r"(?:ตอบ|เขียน|อธิบาย|แปล|พูด|ใช้|สรุป).{0,30}?ภาษา"),),
        "id": (Request(r"\b(?:jawab|tulis|jelas|terjemah|bicara|balas|gunakan|menjawab|ringkas)\w*.{0,40}?\bbahasa "),),
        "vi": (Request(r"(?:trả lời|viết|giải thích|dịch|nói|phản hồi|dùng|sử dụng|tóm tắt).{0,40}?tiếng "),),
        "sw": (Request(r"\b(?:jibu|andika|eleza|tafsiri|zungumza|tumia)\w*\b.{0,40}? (?:kwa |lugha ya |katika )?"),),
        "tr": (
            Request("", r"(?: dilin\w+| olarak)?\s.{0,30}?\b(?:cevap|yanıt|yaz|açıkla|çevir|konuş|anlat|özet)"),
            Request(r"\b(?:cevab|cevap|yanıt|açıkla|çevir)\w*.{0,20}? ", r"(?: dilin\w+| olarak)?(?:\s+(?:ver|yaz|olsun|ol)\w*|\s*[.!]|$)"),
        ),
        "ja": (
            Request("", r"(?:で|のみで|だけで)(?!.{0,12}ないで).{0,20}?(?:答|書|説明|返|記述|出力|話|お願い|要約|作成|教え|述べ)"),
            Request("", r"に(?:翻訳|訳)"),
        ),
        "ko": (Request("", r"(?:로|로만)\s?.{0,20}?(?:답|작성|설명|써|쓰|번역|말해|응답|요약|해\s?줘|해주|부탁|알려)"),),
        "zh": (
            Request(r"(?:用|以|使用|改用)(?:流利的|纯正的|纯|純|简单的)?", r"(?:来|來|进行|進行)?.{0,6}?(?:回答|作答|答|回复|回覆|回应|回應|写|寫|解释|解釋|说明|說明|描述|表达|输出|輸出|创作|總結|总结|概括|论述|介绍|给出|思考|讲|推理)"),
            Request(r"(?:翻译|翻譯|译|譯)(?:成|为|為|到)"),
            Request(r"(?:请|請|都|只|必须|必須)(?:只|都)?(?:能|要)?(?:用|使用)", _END),
            Request(r"(?:写|寫|创作|生成|给|提供|准备).{0,20}?", r"(?:的)?.{0,4}?(?:文章|作文|故事|报告|報告|诗|詩|信|版本)", loose=True),
        ),
    }
)  # fmt: skip
