"""The word lists of the checks: what counts as a stop word, a pronoun, a name, a verb, a capital city. Data, and one rule on verbs."""

from typing import Final


def _list(words: str) -> tuple[str, ...]:
    return tuple(words.split())


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


STOP_WORDS: Final = _set(
    "i me my myself we our ours ourselves you your yours yourself yourselves he him his himself she her hers herself it its itself "
    "they them their theirs themselves what which who whom this that these those am is are was were be been being have has had "
    "having do does did doing a an the and but if or because as until while of at by for with about against between into through "
    "during before after above below to from up down in out on off over under again further then once here there when where why "
    "how all any both each few more most other some such no nor not only own same so than too very s t can will just don should "
    "now d ll m o re ve y ain aren couldn didn doesn hadn hasn haven isn ma mightn mustn needn shan shouldn wasn weren won "
    "wouldn"
)
r"""NLTK's English stop words as runs of `\w+` can be: `don't` is `don` and `t`, both of them stop words."""

CONJUNCTIONS: Final = _set("and but for nor or so yet")

PRONOUNS: Final = _set(
    "i me we us you he him she her it they them my mine our ours your yours his hers its their theirs myself ourselves yourself "
    "yourselves himself herself itself themselves this that these those who whom whose which what whoever whomever whatever "
    "whichever anybody anyone anything everybody everyone everything nobody nothing somebody someone something each either "
    "neither both all some any none"
)
"""Personal, possessive, reflexive, demonstrative, interrogative and indefinite pronouns, as IFBench counts them."""

PERSON_NAMES: Final = _list(
    "Emma Liam Sophia Jackson Olivia Noah Ava Lucas Isabella Mason Mia Ethan Charlotte Alexander Amelia Benjamin Harper Leo Zoe "
    "Daniel Chloe Samuel Lily Matthew Grace Owen Abigail Gabriel Ella Jacob Scarlett Nathan Victoria Elijah Layla Nicholas Audrey "
    "David Hannah Christopher Penelope Thomas Nora Andrew Aria Joseph Claire Ryan Stella Jonathan"
)
"""The fifty names that the instruction lists."""

EUROPEAN_CAPITALS: Final = _list(
    "Reykjavik Helsinki Oslo Tallinn Stockholm Riga Moscow Copenhagen Vilnius Minsk Dublin Berlin Amsterdam Warsaw London Brussels "
    "Prague Luxembourg Paris Vienna Bratislava Budapest Vaduz Chisinau Bern Ljubljana Zagreb"
)
"""Capitals north of 45 degrees by falling latitude, as IFBench expects them; it leaves Kyiv out."""

_VERBS: Final = _set(
    "accept access accompany accomplish account achieve acknowledge acquire act activate adapt add address adhere adjust admire admit "
    "adopt advance advise advocate affect aim align allocate allow alter analyze analyse announce answer anticipate apologize appear "
    "apply appoint appreciate approach approve argue arise arrange arrive articulate ask assemble assert assess assign assist assume "
    "assure attach attack attempt attend attract automate avoid await awaken bake balance ban bask be beat become beg begin behold "
    "believe belong bend bet beware bid bind bite blame blend bless blow boast boil book boost borrow bounce bow break breathe brew "
    "bring broaden browse brush build bump burn burst bury buy calculate call calm capture care carry cast catch cause celebrate "
    "challenge change charge chase chat check cheer cherish choose chop circle cite claim clap clarify classify clean clear click climb "
    "cling close coat collaborate collapse collect combine come comfort commit communicate compare compete compile complain complete "
    "comply compose compute concentrate conclude conduct confess configure confirm confront connect conquer consider consist consult "
    "consume contact contain contemplate continue contribute control convert convey convince cook cool cooperate coordinate cope copy "
    "correct cost count cover crack craft crash crave crawl create cross cry cultivate curate cut dance dare deal debate decide "
    "declare decline decode decorate decrease dedicate deepen defeat defend define delay delegate delete deliver delve demand "
    "demonstrate deny depart depend deploy derive describe deserve design destroy detect determine develop devise dig dip direct "
    "disagree disappear discover discuss dismiss display distinguish distribute dive divide do document double download draft drag "
    "draw dream dress drift drink drive drop dry dwell earn ease eat edit educate elevate eliminate embark embody embrace emerge "
    "emphasize employ empower enable enclose encounter encourage end endure engage enhance enjoy enlist enrich enroll ensure enter "
    "entertain envision equip escape establish estimate evaluate evolve examine exceed excel exchange execute exercise exhibit exist "
    "expand expect experience experiment explain exploit explore export expose express extend extract face facilitate factor fade fail "
    "fall familiarize feast feature feed feel fetch fight fill film filter find finish fix flee flip float flow fly focus fold follow "
    "forbid force forge forget forgive form formulate foster found free freeze fuel fulfill gain gather gaze generate get give glance "
    "glide go govern grab grant grasp greet grill grind grip grow guard guess guide halt hand handle hang happen harness harvest hate "
    "have heal hear heat help hesitate hide highlight hire hit hold honor hope host hug hunt hurry identify ignite ignore illuminate "
    "illustrate imagine immerse impact implement import impress improve include incorporate increase indicate indulge influence inform "
    "inherit initialize initiate inject innovate insert insist inspect inspire install integrate intend interact interpret introduce "
    "invent invest investigate invite involve iterate join journey judge jump justify keep kick kill kiss knead kneel knit knock know "
    "label lack land last laugh launch lay lead leap learn leave lend let leverage lie lift light limit link listen live load locate "
    "lock log look lose love lower lurk maintain make manage manipulate map march mark market marry marvel master match maximize mean "
    "measure meet melt mention merge migrate minimize miss mix model modify monitor motivate mourn move multiply name navigate need "
    "negotiate note notice nurture obey observe obtain occur offer omit open operate optimize orchestrate order organize outline "
    "overcome overlook overwhelm owe own pack paint participate pass pause pay perceive perform permit persist persuade pick picture "
    "pitch place plan plant play plead please plot plunge point ponder pour practice praise pray prefer prepare present preserve press "
    "pretend prevent print prioritize proceed process produce program project promise promote propose protect prove provide publish "
    "pull pump purchase pursue push put qualify question quit quote race raise reach react read realize recall receive recognize "
    "recommend reconsider record recover recruit reduce refer refine reflect refrain refuse regret reject relate relax release rely "
    "remain remember remind remove render repair repeat rephrase replace reply report represent request require rescue research reset "
    "resist resolve respect respond rest restart restore result retain retire retrieve return reveal reverse review revise reward "
    "rewrite ride ring rinse rise roam roll rotate run rush sail salute save say scale scan schedule score scream seal search season "
    "secure see seek seem select sell send separate serve set settle shake shape share sharpen shed shift shine ship shoot shop "
    "shout show shrink shut sign simmer simplify sing sink sit sketch skip sleep slice slide slow smell smile smoke soar solve sort "
    "sound spark speak specialize specify spell spend spin split spread spring sprinkle stand start state stay steal step stick stir "
    "stop store streamline strengthen stress stretch strike strive structure struggle study submit substitute subtract succeed suffer "
    "suggest suit summarize supply support suppose surrender surround survive suspect sustain swallow swap swear sweep swim swing "
    "switch tackle tailor take talk tap taste teach tear tell tend test thank think thrive throw tie touch tour trace track trade "
    "train transfer transform transition translate transport trap travel treat tremble try tune turn twist type understand undertake "
    "unfold unite unleash unlock unravel unveil update upgrade upload urge use utilize validate value vanish vary venture verify view "
    "visit visualize vote wait wake walk wander want warn wash watch wave weave wear weigh welcome whip whisper win wish witness "
    "wonder work worry wrap write yearn yell yield"
)
_IRREGULAR: Final = _set(
    "am is are was were been being has had does did done went gone said made got gotten took taken came saw seen knew known gave given "
    "found thought told became left felt brought began begun kept held wrote written stood heard meant met paid sat spoke spoken led "
    "grew grown lost fell fallen sent built understood drew drawn broke broken spent rose risen drove driven bought wore worn chose "
    "chosen ate eaten flew flown caught taught sold fought threw thrown shook shaken sang sung swam hid hidden born let's"
)
_VOWELS: Final = frozenset("aeiouy")
_NO_GERUNDS: Final = _set(
    "thing something nothing anything everything morning evening ceiling king ring spring string wing during sibling wedding "
    "pudding darling sterling shilling herring lightning"
)
_ENDINGS: Final = (
    ("ies", "y"),
    ("ied", "y"),
    ("ing", ""),
    ("ing", "e"),
    ("es", ""),
    ("s", ""),
    ("ed", ""),
    ("ed", "e"),
)


def is_verb(word: str) -> bool:
    """Says whether a word can be a form of a verb; small or large letters. A rule over a list of usual verbs, not a tagger.

    A word that can also be a noun (`Design`, `Work`) counts, and so does any word in `-ing` that is not known to be none. Modal verbs (`can`, `must`) do not: the published tagger calls them
    by another name than verbs.
    """
    word = word.lower()
    if word in _VERBS or word in _IRREGULAR:
        return True
    for ending, base in _ENDINGS:
        if word.endswith(ending):
            stem = word.removesuffix(ending) + base
            if stem in _VERBS or (len(stem) > 2 and stem[-1] == stem[-2] and stem[:-1] in _VERBS):
                return True
    stem = word.removesuffix("ing")
    return stem != word and word not in _NO_GERUNDS and stem.isalpha() and not _VOWELS.isdisjoint(stem)
