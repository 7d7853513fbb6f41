"""Facts on languages that tell their words apart: the commonest words, the letters beyond ASCII, the words of one letter. Data only.

Small words are the most of any text, and the model of letter sequences knows least of them ("a", "de", "que" are shared); letters
exclude: no Spanish word has an ã. Both are what a grammar's first chapter has; nothing is counted from any data set.
"""

from typing import Final

COMMON_WORDS: Final[dict[str, str]] = {
    "cs": "a aby ale ani asi až být byl byla bylo by co což do ho i ja já jak jako je jeho jejich její jen jestli ještě ji jsem jsi jsme jsou jste k kam "
    "kde kdo kdy když ke která které který ma má máme mám máte mi mít mně mu my na nám nás ne nebo než není nic o od on ona oni po pod pokud pro "
    "proč proto protože před při s se si sem ta tak také tam te tě ten tento ti to toho tom tu ty tým u už v ve velmi všechno vy vám vás z za ze že",
    "de": "aber alle als also am an auch auf aus bei bin bis bist da dann das dass dein dem den der des dich die dir doch du durch ein eine einem einen "
    "einer eines er es für haben habe hat hatte ich ihm ihn ihnen ihr ihre im in ist ja jede kann kein keine können man mein meine mich mir mit "
    "muss nach nicht nichts noch nur oder ohne schon sehr sein seine sich sie sind so über um und uns unser unter viel vom von vor war waren was "
    "wegen weil wenn wer werden wie wieder wir wird wo zu zum zur zwei",
    "en": "a about after all also an and any are as at be because been before but by can could did do does down each even few first for from get go "
    "good had has have he her here him his how i if in into is it its just know like make many me more most my no not now of on one only or other "
    "our out over said same see she should so some such than that the their them then there these they this those time to too two up us use very was "
    "way we well were what when where which while who why will with would you your don't it's i'm didn't can't",
    "es": "a al algo alguien años antes aquí así aún bien cada casi como cómo con contra cosas cuál cuando cuándo cuántos cuánto de del desde donde dónde "
    "dos el él ella ellos en entonces entre era eran eres es esa ese eso esta está estaba están este esto estos estoy fue ha había hace hacer hacia han "
    "hasta hay he hoy la las le les lo los más me mi mismo mucho muchos muy nada ni no nos nosotros nunca o otra otro para pero poco por porque pues "
    "puede puedo que qué quién quiere quiero se sea ser si sí siempre sin sobre solo sólo son soy su sus también tan tengo tenía tiene tienen tienes "
    "todo todos tu tú un una uno usted y ya yo",
    "fr": "à ai alors as au aussi autre aux avait avec avez avoir beaucoup bien c'est ce cela ces cet cette ceux chaque chez comme comment d'un d'une dans "
    "de deux des dire donc du elle elles en encore est et étaient était été être eu faire fait il ils j'ai je l'on la le les leur leurs lui ma mais me "
    "même mes moi moins mon n'est ne nos notre nous on ont ou où par pas pendant peu peut plus pour pourquoi quand que quel quelle qu'il qu'elle qui "
    "quoi rien s'il sa sans se sera ses si son sont sous suis sur ta te tes toi ton tous tout toute très trop tu un une va vers vos votre vous y",
    "id": "ada adalah akan aku anda apa atau bagaimana bahwa banyak baru beberapa berapa bisa boleh bukan dalam dan dapat dari dengan di dia harus hari ia "
    "ingin ini itu jadi jangan jika juga kalau kami kamu karena ke kepada kita lagi lebih mana masih maka mereka mau nya oleh orang pada paling pernah "
    "saja sangat satu saya sebagai sebuah sedang sekali semua seorang seperti setelah setiap siapa sudah telah tentang tetapi tidak untuk yang",
    "it": "a abbiamo ai al alla alle anche ancora avere aveva bene c'è che chi ci ciò come con cosa così da dal dalla degli dei del dell della delle dello "
    "deve di dice dopo dove due e è era erano essere fa fare fatto fu fra gli ha hai hanno ho i il in io l'ha la le lei li lo loro lui ma me mi mia mio "
    "molto nel nella nei niente noi non nostra nostro o ogni ora per perché perchè più poi prima può qual qualcosa quale quando quanti quanto quella quello "
    "questa questo qui se sei sempre senza si sia siamo solo sono sta stata stato su sua sul sulla suo ti tra tu tua tuo tutti tutto un un'altra una uno va vi voi",
    "nl": "aan achter al alle alleen als altijd andere ben bij dan dat de der deze die dit doen door dus een en er ga gaan geen haar had hadden heb hebben "
    "hebt heeft heel hem het hier hij hoe hoeveel hun iemand iets ik in is ja je jij jou jouw kan kon kunnen maar maken me meer men met mij mijn moet na naar "
    "niet niets nog nooit nu of om omdat ons ook op over te ten toen tot u uit van veel voor waar waarom was wat we wel weer werd wie wij wil worden wordt "
    "zal ze zei zich zij zijn zo zou zonder",
    "pl": "a aby albo ale ani bardzo bez bo by być był była było były chce co coś czy czym dla dlaczego do dobrze dwa gdy gdzie go i ich ile im ja jak jaki "
    "jako je jego jej jest jestem jesteś jeszcze jeśli już każdy kiedy kto która które który ma mam masz mi mnie może mój można mu my na nad nam nas nic nie "
    "niego nigdy niż o od on ona oni po pod ponieważ przed przez przy się są są skąd swoje ta tak tam te tego tej ten teraz to tom tu tutaj twój ty tylko tym u "
    "w wam was we więc wiele wszystko wy z za zawsze ze że żeby",
    "pt": "a à ainda algo alguém ao aos aqui as às assim até bem cada com como contra da das de dela dele deles depois desde disse do dois dos e é ela elas ele "
    "eles em entre era eram essa esse esta está estão estava este eu fazer foi foram há isso isto já lá lhe mais mas me mesmo meu minha muito muitos na não "
    "nas nem nenhum nos nós nossa nosso num numa nunca o os ou outra outro para pela pelo pode por porque porquê pouco qual quando quantos quanto que quem quê "
    "quer quero são se sem sempre ser será seu seus só sobre sou sua suas também te tem têm tenho ter teve tinha todo todos tu tudo um uma você vocês vou",
    "sv": "alla allt andra att av bara blev bli blir dag de dem den denna det dig din ditt dock du där då efter ej eller en er ett finns för från får gick "
    "gjorde gör göra ha hade han hans har hennes henne hon honom hur här i icke in ingen inget inte jag ju kan kommer kunde man med mellan men mer mig min mitt "
    "mot mycket måste ni nu när någon något nästan och om oss på redan samma sedan ser sig sin sina ska skall skulle som så till tom två under upp ut utan vad "
    "var vara varför vem vi vid vill än är även över",
    "sw": "alikuwa ambapo ambao au baada bado basi bila chake cha haya hii hiki hilo hivyo hiyo huo huyo huyu ikiwa ili ingawa jinsi kabla kama kati katika kila "
    "kuhusu kutoka kuwa kwa kwamba kwanza lakini lake mimi mtu moja muda mwa na nao ndiyo ngapi ni nini nyingi pamoja pia sana sasa si sisi tu una wa wake wakati "
    "wao watu wetu wewe wote ya yake yao yeye yote za zaidi zake zao",
    "tr": "acaba ama ancak aynı bana bazı belki ben beni benim bile bir biri biz bize bizim bu buna bunu bunun burada çok çünkü da daha de değil diye en fakat "
    "gibi göre hem hep her hiç için ile ise kadar kaç ki kim mı mi mu mü nasıl ne neden nerede niye o olan olarak oldu olduğu olduğunu olur ona onlar onu onun "
    "orada sadece sana sen seni senin siz size sizin sonra şey şimdi şu tarafından tüm var ve veya ya yok",
    "vi": "ai anh bạn bao bị bởi các cái cho chỉ chúng có con cô của cũng cùng đã đang đây để đến đi điều đó được em gì giờ hai hay họ hơn không khi làm là lại "
    "lên mà mình mọi một này nào nên nếu ngày người nhiều như những nó nói phải qua ra rất rồi sau sẽ số sự ta tại thành thế theo thì tôi trên trong trước từ và "
    "vào vẫn về vì với vậy ở ông",
    "ru": "а без бы был была были было быть в вам вас вдруг ведь во вот все всё всегда вы где да даже для до его ее её если есть ещё еще же за здесь и из или "
    "им их к как какой когда кого кто ли лишь меня мне много может мой мы на над надо нам нас не него нее нет ни никогда но ну о об один он она они оно от очень "
    "по под почему при про раз с сам свой себя сейчас сколько со так такой там тебя тем теперь то тоже только том тот ты тут у уже хотя чего чем через что чтобы "
    "чём эта эти это этого этой этом этот я",
    "uk": "а аби або адже але б без би був була були було бути в вам вас вже ви від він вона вони воно все всі втім где да де для до дуже є же з за зараз і із "
    "й його її їй їм їх йому коли кожен кого котрий крім куди лише має мене мені ми мій може на над нам нас навіть не нема немає ні ніж ніколи ніхто нічого о один "
    "першій по поки при про саме своє свій себе скільки собі та так такий там те тебе тепер ти тільки то тобі тоді той тому тут у хіба хто це цей ця ці цього "
    "чи чого чому чим ще що щоб щось я як яка який які якщо",
    "ar": "أن أنا أنت أو إذا إلى إن الآن الذي التي الى ان او بعد بين تم ثم حتى حيث دون ذلك عن عند على على عليه فقط في فيه فيها قد قبل كان كانت كل كم كما كيف لا لأن "
    "لقد لكن لم لماذا له لها لو ليس لي ما ماذا مع من منذ منه نحن هذا هذه هل هناك هو هي و يا يكون كنت هنا أين أي",
    "fa": "آن آنها آنجا از است اگر او ای این اینجا با باید بر برای به بود بودم بودند بی تا تو چرا چند چه چون چیزی خود خواهد دارد دارم در دو را شد شده شما کرد کردم "
    "کرده کند که کنم کنید ما من می میکند نه نیست نمی هر هم همه هیچ هست هستم هستند و ولی یا یک",
}
"""The commonest words of each language, in lower case: function words above all."""

LETTERS: Final[dict[str, str]] = {
    "cs": "áčďéěíňóřšťúůýž",
    "de": "äöüß",
    "en": "éèêïçñ",
    "es": "áéíóúüñ",
    "fr": "àâæçéèêëîïôœùûüÿ",
    "id": "é",
    "it": "àèéìíîòóùú",
    "nl": "áéëèêïíóöüúĳ",
    "pl": "ąćęłńóśźż",
    "pt": "áâãàçéêíóôõú",
    "sv": "åäöéà",
    "sw": "",
    "tr": "çğıöşüâîû",
    "vi": "àáâãèéêìíòóôõùúýăđĩũơưạảấầẩẫậắằẳẵặẹẻẽếềểễệỉịọỏốồổỗộớờởỡợụủứừửữựỳỵỷỹ",
    "ru": "абвгдеёжзийклмнопрстуфхцчшщъыьэюя",
    "uk": "абвгґдеєжзиіїйклмнопрстуфхцчшщьюя",
    "ar": "ءآأؤإئابةتثجحخدذرزسشصضطظعغفقكلمنهوىيـ",
    "fa": "ءآأؤئابةتثجحخدذرزسشصضطظعغفقلمنهوپچژکگیـ",
}
"""The letters beyond ASCII that words of a language have, in lower case, without the vowel signs of Arabic. Others are foreign to it."""

SINGLE_LETTER_WORDS: Final[dict[str, str]] = {
    "cs": "aikosuvz", "en": "ai", "es": "aeouy", "fr": "aày", "it": "aeioè", "nl": "u", "pl": "aiouwz", "pt": "aeoàé", "sv": "iåö", "tr": "o",
    "vi": "ởở", "ru": "авикосуя", "uk": "абвєзійоуя", "ar": "و", "fa": "و",
}  # fmt: skip
"""Words of one letter. Any other letter that stands alone names a variable, a point or a list item."""
