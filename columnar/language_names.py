"""What languages are called in the languages that requests are made in: data of `columnar.mixing_target`. Pure.

Names as of Unicode's CLDR, beside others in common use. Where names are declined the stem stands here, and `ENDINGS` has what may
follow; Arabic names are without their article. A Chinese name in 语 is also one in 語 and 文.
"""

from collections.abc import Mapping
from types import MappingProxyType

#: Language of the request -> what may stand at the end of a name, the empty string for nothing.
ENDINGS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "cs": ("", "a", "ě", "u", "y", "ou"),
        "de": ("", "en", "er", "e"),
        "pl": ("", "i", "u", "im", "iego"),
        "ru": ("", "ий", "ом", "ого", "и"),
        "tr": ("", "ye", "ya", "yi", "yı", "de", "da"),
        "uk": ("", "а", "ою", "ій", "у", "ої", "и"),
    }
)

#: Language of the request -> code and names, as in `zh Chinese/Mandarin, ...`.
NAMES: Mapping[str, str] = MappingProxyType(
    {
        "ar": """
            ar عربية/عربية الفصحى, bg بلغارية, bn بنغالية, ca كتالانية, cs تشيكية, da دانمركية/دنماركية, de ألمانية/المانية,
            el يونانية, en إنجليزية/انجليزية/إنكليزية, es إسبانية/اسبانية, et إستونية, fa فارسية, fi فنلندية, fr فرنسية, gu
            غوجاراتية, he عبرية, hi هندية, hr كرواتية, hu هنغارية/مجرية, id إندونيسية/اندونيسية, it إيطالية/ايطالية, ja
            يابانية, ko كورية, lt ليتوانية, lv لاتفية, mr ماراثية, ms ماليزية, nl هولندية, no نرويجية, pl بولندية, pt
            برتغالية, ro رومانية, ru روسية, sk سلوفاكية, sl سلوفانية, sr صربية, sv سويدية, sw سواحلية, ta تاميلية, te
            تيلوغوية, th تايلاندية, tl تاغالوغية, tr تركية, uk أوكرانية, ur أوردية, vi فيتنامية, zh صينية
        """,
        "bn": """
            ar আরবি, bg বুলগেরিয়, bn বাংলা, ca কাতালান, cs চেক, da ডেনিশ, de জার্মান, el গ্রিক, en ইংরেজি/ইংরেজী, es
            স্প্যানিশ/স্পেনীয়, et এস্তোনীয়, fa ফার্সি, fi ফিনিশ, fr ফরাসি/ফরাসী/ফ্রেঞ্চ, gu গুজরাটি, he হিব্রু, hi হিন্দি,
            hr ক্রোয়েশীয়, hu হাঙ্গেরীয়, id ইন্দোনেশীয়, it ইতালিয়, ja জাপানি, ko কোরিয়ান, lt লিথুয়েনীয়, lv লাত্ভীয়,
            mr মারাঠি, ms মালয়, nl ওলন্দাজ, no নরওয়েজীয়, pl পোলিশ, pt পর্তুগীজ, ro রোমানীয়, ru রুশ/রাশিয়ান, sk স্লোভাক,
            sl স্লোভেনীয়, sr সার্বীয়, sv সুইডিশ, sw সোয়াহিলি, ta তামিল, te তেলুগু, th থাই, tl তাগালগ, tr তুর্কী, uk
            ইউক্রেনীয়, ur উর্দু, vi ভিয়েতনামী, zh চীনা/চাইনিজ
        """,
        "cs": """
            ar arabštin/arabsky, bg bulharštin/bulharsky, bn bengálštin/bengálsky, ca katalánštin/katalánsky, cs
            češtin/česky, da dánštin/dánsky, de němčin/německy, el řečtin/řecky, en angličtin/anglicky, es
            španělštin/španělsky, et estonštin/estonsky, fa perštin/persky, fi finštin/finsky, fr francouzštin/francouzsky,
            gu gudžarátštin/gudžarátsky, he hebrejštin/hebrejsky, hi hindštin/hindsky, hr chorvatštin/chorvatsky, hu
            maďarštin/maďarsky, id indonéštin/indonésky, it italštin/italsky, ja japonštin/japonsky, ko korejštin/korejsky,
            lt litevštin/litevsky, lv lotyštin/lotysky, mr maráthštin/maráthsky, ms malajštin/malajsky, nl
            nizozemštin/nizozemsky/holandštin/holandsky, no norštin/norsky, pl polštin/polsky, pt portugalštin/portugalsky,
            ro rumunštin/rumunsky, ru ruštin/rusky, sk slovenštin/slovensky, sl slovinštin/slovinsky, sr srbštin/srbsky, sv
            švédštin/švédsky, sw svahilštin/svahilsky, ta tamilštin/tamilsky, te telugštin/telugsky, th thajštin/thajsky, tl
            tagalog, tr turečtin/turecky, uk ukrajinštin/ukrajinsky, ur urdštin/urdsky, vi vietnamštin/vietnamsky, zh
            čínštin/čínsky
        """,
        "de": """
            ar Arabisch, bg Bulgarisch, bn Bengalisch, ca Katalanisch, cs Tschechisch, da Dänisch, de Deutsch, el
            Griechisch, en Englisch, es Spanisch, et Estnisch, fa Persisch/Farsi, fi Finnisch, fr Französisch, gu Gujarati,
            he Hebräisch, hi Hindi, hr Kroatisch, hu Ungarisch, id Indonesisch, it Italienisch, ja Japanisch, ko Koreanisch,
            lt Litauisch, lv Lettisch, mr Marathi, ms Malaiisch/Malaysisch, nl Niederländisch/Holländisch, no Norwegisch, pl
            Polnisch, pt Portugiesisch, ro Rumänisch, ru Russisch, sk Slowakisch, sl Slowenisch, sr Serbisch, sv Schwedisch,
            sw Suaheli/Swahili, ta Tamil, te Telugu, th Thailändisch, tl Tagalog, tr Türkisch, uk Ukrainisch, ur Urdu, vi
            Vietnamesisch, zh Chinesisch/Mandarin
        """,
        "en": """
            ar Arabic, bg Bulgarian, bn Bangla/Bengali, ca Catalan, cs Czech, da Danish, de German, el Greek, en
            English/British English/American English, es Spanish/Castilian, et Estonian, fa Persian/Farsi, fi Finnish, fr
            French, gu Gujarati, he Hebrew/Ivrit, hi Hindi, hr Croatian, hu Hungarian, id Indonesian/Bahasa Indonesia, it
            Italian, ja Japanese, ko Korean, lt Lithuanian, lv Latvian, mr Marathi, ms Malay/Bahasa Melayu, nl Dutch, no
            Norwegian/Norwegian Bokmål, pl Polish, pt Portuguese/Brazilian Portuguese, ro Romanian, ru Russian, sk Slovak,
            sl Slovenian/Slovene, sr Serbian, sv Swedish, sw Swahili/Kiswahili, ta Tamil, te Telugu, th Thai, tl
            Tagalog/Filipino, tr Turkish, uk Ukrainian, ur Urdu, vi Vietnamese, zh Chinese/Mandarin/Mandarin
            Chinese/Simplified Chinese/Traditional Chinese
        """,
        "es": """
            ar árabe, bg búlgaro, bn bengalí, ca catalán, cs checo, da danés, de alemán, el griego, en inglés, es
            español/castellano, et estonio, fa persa/farsi, fi finés, fr francés, gu guyaratí, he hebreo, hi hindi, hr
            croata, hu húngaro, id indonesio, it italiano, ja japonés, ko coreano, lt lituano, lv letón, mr maratí, ms
            malayo, nl neerlandés/holandés, no noruego, pl polaco, pt portugués, ro rumano, ru ruso, sk eslovaco, sl
            esloveno, sr serbio, sv sueco, sw suajili/swahili, ta tamil, te telugu, th tailandés, tl tagalo, tr turco, uk
            ucraniano, ur urdu, vi vietnamita, zh chino/mandarín/chino mandarín
        """,
        "fa": """
            ar عربی, bg بلغاری, bn بنگالی, ca کاتالان, cs چکی, da دانمارکی, de آلمانی, el یونانی, en انگلیسی, es
            اسپانیایی/اسپانیولی, et استونیایی, fa فارسی, fi فنلاندی, fr فرانسوی, gu گجراتی, he عبری, hi هندی, hr کروات, hu
            مجاری, id اندونزیایی, it ایتالیایی, ja ژاپنی, ko کرهای/کره ای, lt لیتوانیایی, lv لتونیایی, mr مراتی, ms مالایی,
            nl هلندی, no نروژی, pl لهستانی, pt پرتغالی, ro رومانیایی, ru روسی, sk اسلواکی, sl اسلوونیایی, sr صربی, sv سوئدی,
            sw سواحیلی, ta تامیلی, te تلوگویی, th تایلندی, tl تاگالوگی, tr ترکی استانبولی/ترکی, uk اوکراینی, ur اردو, vi
            ویتنامی, zh چینی
        """,
        "fr": """
            ar arabe, bg bulgare, bn bengali, ca catalan, cs tchèque, da danois, de allemand, el grec, en anglais, es
            espagnol, et estonien, fa persan/farsi, fi finnois, fr français, gu goudjarati, he hébreu, hi hindi, hr croate,
            hu hongrois, id indonésien, it italien, ja japonais, ko coréen, lt lituanien, lv letton, mr marathi, ms malais,
            nl néerlandais/hollandais, no norvégien, pl polonais, pt portugais, ro roumain, ru russe, sk slovaque, sl
            slovène, sr serbe, sv suédois, sw swahili, ta tamoul, te télougou, th thaï, tl tagalog, tr turc, uk ukrainien,
            ur ourdou, vi vietnamien, zh chinois/mandarin
        """,
        "hi": """
            ar अरबी, bg बुल्गारियाई, bn बंगाली/बांग्ला, ca कातालान, cs चेक, da डेनिश, de जर्मन, el यूनानी, en
            अंग्रेज़ी/अंग्रेजी/इंग्लिश, es स्पेनिश/स्पैनिश, et एस्टोनियाई, fa फ़ारसी/फारसी, fi फ़िनिश, fr
            फ़्रेंच/फ्रेंच/फ़्रांसीसी/फ्रांसीसी, gu गुजराती, he हिब्रू, hi हिन्दी/हिंदी, hr क्रोएशियाई, hu हंगेरियाई, id
            इंडोनेशियाई, it इतालवी, ja जापानी/जापानीज़, ko कोरियाई, lt लिथुआनियाई, lv लातवियाई, mr मराठी, ms मलय, nl डच, no
            नॉर्वेजियाई, pl पोलिश, pt पुर्तगाली, ro रोमानियाई, ru रूसी/रशियन, sk स्लोवाक, sl स्लोवेनियाई, sr सर्बियाई, sv
            स्वीडिश, sw स्वाहिली, ta तमिल, te तेलुगू/तेलुगु, th थाई, tl टैगलॉग, tr तुर्की, uk यूक्रेनियाई, ur उर्दू, vi
            वियतनामी, zh चीनी/चाइनीज
        """,
        "id": """
            ar Arab, bg Bulgaria, bn Bengali/Benggala, ca Katalan, cs Ceko, da Dansk/Denmark, de Jerman, el Yunani, en
            Inggris, es Spanyol, et Estonia, fa Persia, fi Suomi/Finlandia, fr Prancis, gu Gujarat, he Ibrani, hi Hindi, hr
            Kroasia, hu Hungaria, id Indonesia, it Italia, ja Jepang, ko Korea, lt Lituania, lv Latvia, mr Marathi, ms
            Melayu, nl Belanda, no Norwegia, pl Polski/Polandia, pt Portugis/Portugal, ro Rumania, ru Rusia, sk Slovak, sl
            Slovenia, sr Serbia, sv Swedia, sw Swahili, ta Tamil, te Telugu, th Thai, tl Tagalog, tr Turki, uk Ukraina, ur
            Urdu, vi Vietnam, zh Tionghoa/Mandarin/Cina/Tiongkok
        """,
        "it": """
            ar arabo, bg bulgaro, bn bengalese, ca catalano, cs ceco, da danese, de tedesco, el greco, en inglese, es
            spagnolo, et estone, fa persiano, fi finlandese, fr francese, gu gujarati, he ebraico, hi hindi, hr croato, hu
            ungherese, id indonesiano, it italiano, ja giapponese, ko coreano, lt lituano, lv lettone, mr marathi, ms
            malese, nl olandese/neerlandese, no norvegese, pl polacco, pt portoghese, ro rumeno, ru russo, sk slovacco, sl
            sloveno, sr serbo, sv svedese, sw swahili, ta tamil, te telugu, th thailandese, tl tagalog, tr turco, uk
            ucraino, ur urdu, vi vietnamita, zh cinese/mandarino
        """,
        "ja": """
            ar アラビア語, bg ブルガリア語, bn ベンガル語, ca カタロニア語, cs チェコ語, da デンマーク語, de
            ドイツ語, el ギリシャ語, en 英語, es スペイン語, et エストニア語, fa ペルシア語/ペルシャ語, fi
            フィンランド語, fr フランス語, gu グジャラート語, he ヘブライ語, hi ヒンディー語, hr クロアチア語,
            hu ハンガリー語, id インドネシア語, it イタリア語, ja 日本語, ko 韓国語/朝鮮語/ハングル, lt
            リトアニア語, lv ラトビア語, mr マラーティー語, ms マレー語, nl オランダ語, no ノルウェー語, pl
            ポーランド語, pt ポルトガル語, ro ルーマニア語, ru ロシア語, sk スロバキア語, sl スロベニア語, sr
            セルビア語, sv スウェーデン語, sw スワヒリ語, ta タミル語, te テルグ語, th タイ語, tl タガログ語,
            tr トルコ語, uk ウクライナ語, ur ウルドゥー語, vi ベトナム語, zh 中国語
        """,
        "ko": """
            ar 아랍어, bg 불가리아어, bn 벵골어, ca 카탈로니아어, cs 체코어, da 덴마크어, de 독일어, el
            그리스어, en 영어, es 스페인어/에스파냐어, et 에스토니아어, fa 페르시아어, fi 핀란드어, fr
            프랑스어, gu 구자라트어, he 히브리어, hi 힌디어, hr 크로아티아어, hu 헝가리어, id 인도네시아어,
            it 이탈리아어, ja 일본어, ko 한국어/한글, lt 리투아니아어, lv 라트비아어, mr 마라티어, ms
            말레이어, nl 네덜란드어, no 노르웨이어, pl 폴란드어, pt 포르투갈어, ro 루마니아어, ru 러시아어,
            sk 슬로바키아어, sl 슬로베니아어, sr 세르비아어, sv 스웨덴어, sw 스와힐리어, ta 타밀어, te
            텔루구어, th 태국어, tl 타갈로그어, tr 튀르키예어/터키어, uk 우크라이나어, ur 우르두어, vi
            베트남어, zh 중국어
        """,
        "nl": """
            ar Arabisch, bg Bulgaars, bn Bengaals, ca Catalaans, cs Tsjechisch, da Deens, de Duits, el Grieks, en Engels, es
            Spaans, et Estisch, fa Perzisch/Farsi, fi Fins, fr Frans, gu Gujarati, he Hebreeuws, hi Hindi, hr Kroatisch, hu
            Hongaars, id Indonesisch, it Italiaans, ja Japans, ko Koreaans, lt Litouws, lv Lets, mr Marathi, ms Maleis, nl
            Nederlands, no Noors, pl Pools, pt Portugees, ro Roemeens, ru Russisch, sk Slowaaks, sl Sloveens, sr Servisch,
            sv Zweeds, sw Swahili, ta Tamil, te Telugu, th Thai, tl Tagalog, tr Turks, uk Oekraïens, ur Urdu, vi Vietnamees,
            zh Chinees/Mandarijn
        """,
        "pl": """
            ar arabsk, bg bułgarsk, bn bengalsk, ca katalońsk, cs czesk, da duńsk, de niemieck, el greck, en angielsk, es
            hiszpańsk, et estońsk, fa persk, fi fińsk, fr francusk, gu gudżarati, he hebrajsk, hi hindi, hr chorwack, hu
            węgiersk, id indonezyjsk, it włosk, ja japońsk, ko koreańsk, lt litewsk, lv łotewsk, mr marathi, ms malajsk, nl
            niderlandzk/holendersk, no norwesk, pl polsk, pt portugalsk, ro rumuńsk, ru rosyjsk, sk słowack, sl słoweńsk, sr
            serbsk, sv szwedzk, sw suahili, ta tamilsk, te telugu, th tajsk, tl tagalsk, tr tureck, uk ukraińsk, ur urdu, vi
            wietnamsk, zh chińsk/mandaryńsku
        """,
        "pt": """
            ar árabe, bg búlgaro, bn bengali, ca catalão, cs tcheco/checo, da dinamarquês, de alemão, el grego, en inglês,
            es espanhol, et estoniano, fa persa, fi finlandês, fr francês, gu guzerate, he hebraico, hi híndi/hindi, hr
            croata, hu húngaro, id indonésio, it italiano, ja japonês, ko coreano, lt lituano, lv letão, mr marati, ms
            malaio, nl holandês/neerlandês, no norueguês, pl polonês/polaco, pt português, ro romeno, ru russo, sk eslovaco,
            sl esloveno, sr sérvio, sv sueco, sw suaíli/swahili, ta tâmil, te télugo, th tailandês, tl tagalo, tr turco, uk
            ucraniano, ur urdu, vi vietnamita, zh chinês/mandarim
        """,
        "ru": """
            ar арабск, bg болгарск, bn бенгальск, ca каталанск, cs чешск, da датск, de немецк, el греческ, en английск, es
            испанск, et эстонск, fa персидск/фарси, fi финск, fr французск, gu гуджарати, he иврит, hi хинди, hr хорватск,
            hu венгерск, id индонезийск, it итальянск, ja японск, ko корейск, lt литовск, lv латышск, mr маратхи, ms
            малайск, nl нидерландск/голландск, no норвежск, pl польск, pt португальск, ro румынск, ru русск, sk словацк, sl
            словенск, sr сербск, sv шведск, sw суахили, ta тамильск, te телугу, th тайск, tl тагалог, tr турецк, uk
            украинск, ur урду, vi вьетнамск, zh китайск
        """,
        "sv": """
            ar arabiska, bg bulgariska, bn bengali, ca katalanska, cs tjeckiska, da danska, de tyska, el grekiska, en
            engelska, es spanska, et estniska, fa persiska, fi finska, fr franska, gu gujarati, he hebreiska, hi hindi, hr
            kroatiska, hu ungerska, id indonesiska, it italienska, ja japanska, ko koreanska, lt litauiska, lv lettiska, mr
            marathi, ms malajiska, nl nederländska, no norska, pl polska, pt portugisiska, ro rumänska, ru ryska, sk
            slovakiska, sl slovenska, sr serbiska, sv svenska, sw swahili, ta tamil, te telugu, th thailändska, tl tagalog,
            tr turkiska, uk ukrainska, ur urdu, vi vietnamesiska, zh kinesiska/mandarin
        """,
        "sw": """
            ar Kiarabu, bg Kibulgaria, bn Kibengali, ca Kikatalani, cs Kicheki, da Kidenmaki, de Kijerumani, el Kigiriki, en
            Kiingereza, es Kihispania, et Kiestonia, fa Kiajemi/Kifarsi, fi Kifini, fr Kifaransa, gu Kigujarati, he
            Kiebrania, hi Kihindi, hr Kikorasia, hu Kihungaria, id Kiindonesia, it Kiitaliano, ja Kijapani, ko Kikorea, lt
            Kilithuania, lv Kilatvia, mr Kimarathi, ms Kimalei, nl Kiholanzi/Kidachi, no Kinorwe, pl Kipolandi, pt Kireno,
            ro Kiromania, ru Kirusi, sk Kislovakia, sl Kislovenia, sr Kiserbia, sv Kiswidi, sw Kiswahili, ta Kitamili, te
            Kitelugu, th Kithai, tl Kitagalogi, tr Kituruki, uk Kiukraini, ur Kiurdu, vi Kivietinamu, zh Kichina
        """,
        "te": """
            ar అరబిక్, bg బల్గేరియన్, bn బంగ్లా, ca కాటలాన్, cs చెక్, da డానిష్, de జర్మన్, el గ్రీక్, en
            ఇంగ్లీష్/ఆంగ్లం/ఆంగ్ల/ఇంగ్లీషు, es స్పానిష్, et ఎస్టోనియన్, fa పర్షియన్, fi ఫిన్నిష్, fr ఫ్రెంచ్, gu గుజరాతీ, he
            హిబ్రూ, hi హిందీ, hr క్రొయేషియన్, hu హంగేరియన్, id ఇండోనేషియన్, it ఇటాలియన్, ja జపనీస్, ko కొరియన్, lt
            లిథువేనియన్, lv లాట్వియన్, mr మరాఠీ, ms మలయ్, nl డచ్, no నార్వేజియన్, pl పోలిష్, pt పోర్చుగీస్, ro రొమేనియన్, ru
            రష్యన్, sk స్లోవక్, sl స్లోవేనియన్, sr సెర్బియన్, sv స్వీడిష్, sw స్వాహిలి, ta తమిళం/తమిళ, te తెలుగు, th థాయ్,
            tl టగలాగ్, tr టర్కిష్, uk ఉక్రెయినియన్, ur ఉర్దూ, vi వియత్నామీస్, zh చైనీస్
        """,
        "th": """
            ar อาหรับ, bg บัลแกเรีย, bn บังกลา/เบงกาลี, ca คาตาลัน, cs เช็ก, da เดนมาร์ก, de เยอรมัน, el กรีก, en อังกฤษ, es
            สเปน, et เอสโตเนีย, fa เปอร์เซีย, fi ฟินแลนด์, fr ฝรั่งเศส, gu คุชราต, he ฮิบรู, hi ฮินดี, hr โครเอเชีย, hu
            ฮังการี, id อินโดนีเซีย, it อิตาลี, ja ญี่ปุ่น, ko เกาหลี, lt ลิทัวเนีย, lv ลัตเวีย, mr มราฐี, ms มาเลย์, nl
            ดัตช์, no นอร์เวย์, pl โปแลนด์, pt โปรตุเกส, ro โรมาเนีย, ru รัสเซีย, sk สโลวัก, sl สโลวีเนีย, sr เซอร์เบีย, sv
            สวีเดน, sw สวาฮีลี, ta ทมิฬ, te เตลูกู, th ไทย, tl ตากาล็อก, tr ตุรกี, uk ยูเครน, ur อูรดู, vi เวียดนาม, zh จีน
        """,
        "tr": """
            ar Arapça, bg Bulgarca, bn Bengalce/Bengali, ca Katalanca, cs Çekçe, da Danca, de Almanca, el Yunanca, en
            İngilizce, es İspanyolca, et Estonca, fa Farsça, fi Fince, fr Fransızca, gu Güceratça, he İbranice, hi Hintçe,
            hr Hırvatça, hu Macarca, id Endonezce, it İtalyanca, ja Japonca, ko Korece, lt Litvanca, lv Letonca, mr Marathi,
            ms Malayca, nl Felemenkçe/Hollandaca, no Norveççe, pl Lehçe, pt Portekizce, ro Rumence, ru Rusça, sk Slovakça,
            sl Slovence, sr Sırpça, sv İsveççe, sw Svahili, ta Tamilce, te Telugu, th Tayca, tl Tagalogca, tr Türkçe, uk
            Ukraynaca, ur Urduca, vi Vietnamca, zh Çince
        """,
        "uk": """
            ar арабськ, bg болгарськ, bn бенгальськ, ca каталонськ, cs чеськ, da данськ, de німецьк, el грецьк, en
            англійськ, es іспанськ, et естонськ, fa перськ/фарсі, fi фінськ, fr французьк, gu гуджараті, he іврит, hi гінді,
            hr хорватськ, hu угорськ, id індонезійськ, it італійськ, ja японськ, ko корейськ, lt литовськ, lv латиськ, mr
            маратхі, ms малайськ, nl нідерландськ/голландськ, no норвезьк, pl польськ, pt португальськ, ro румунськ, ru
            російськ, sk словацьк, sl словенськ, sr сербськ, sv шведськ, sw суахілі, ta тамільськ, te телугу, th тайськ, tl
            тагальськ, tr турецьк, uk українськ, ur урду, vi вʼєтнамськ/в’єтнамськ/в'єтнамськ, zh китайськ
        """,
        "vi": """
            ar Ả Rập, bg Bulgaria, bn Bangla/Bengal, ca Catalan, cs Séc, da Đan Mạch, de Đức, el Hy Lạp, en Anh, es Tây Ban
            Nha/Tây, et Estonia, fa Ba Tư, fi Phần Lan, fr Pháp, gu Gujarati, he Do Thái, hi Hindi, hr Croatia, hu Hungary,
            id Indonesia/Indo, it Italy/Ý, ja Nhật/Nhật Bản, ko Hàn/Hàn Quốc, lt Litva, lv Latvia, mr Marathi, ms Mã Lai, nl
            Hà Lan, no Na Uy, pl Ba Lan, pt Bồ Đào Nha/Bồ, ro Romania, ru Nga, sk Slovak, sl Slovenia, sr Serbia, sv Thụy
            Điển, sw Swahili, ta Tamil, te Telugu, th Thái, tl Tagalog, tr Thổ Nhĩ Kỳ, uk Ukraina, ur Urdu, vi Việt, zh
            Trung/Hoa/Trung Quốc
        """,
        "zh": """
            ar 阿拉伯语, bg 保加利亚语, bn 孟加拉语, ca 加泰罗尼亚语, cs 捷克语, da 丹麦语, de 德语, el
            希腊语, en 英语, es 西班牙语, et 爱沙尼亚语, fa 波斯语, fi 芬兰语/芬蘭语, fr 法语, gu
            古吉拉特语, he 希伯来语, hi 印地语/印度语, hr 克罗地亚语, hu 匈牙利语, id 印度尼西亚语, it
            意大利语/义大利语/義大利语, ja 日语, ko 韩语/韓语/朝鲜语, lt 立陶宛语, lv 拉脱维亚语, mr 马拉地语,
            ms 马来语, nl 荷兰语/荷蘭语, no 挪威语, pl 波兰语/波蘭语, pt 葡萄牙语, ro 罗马尼亚语, ru
            俄语, sk 斯洛伐克语, sl 斯洛文尼亚语, sr 塞尔维亚语, sv 瑞典语, sw 斯瓦希里语, ta 泰米尔语, te
            泰卢固语, th 泰语, tl 他加禄语, tr 土耳其语, uk 乌克兰语/烏克蘭语, ur 乌尔都语, vi 越南语, zh
            中文/汉语/漢語/普通话/普通話/国语/國語/华语/简体中文/繁体中文/繁體中文/白话文
        """,
    }
)
