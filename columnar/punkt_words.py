"""Words by which NLTK's Punkt for English (Kiss and Strunk 2006) ends or does not end a sentence. Data alone.

The full model holds the spellings of 20,000 words; these are its abbreviations and the usual opening words.
"""

from typing import Final

PUNKT_ABBREVIATIONS: Final = (
    "a.m p.m u.s u.k u.n u.s.a ph.d d.c e.g i.e l.a n.y n.j n.c s.c n.h n.m n.d adm ala ariz aug ave bros c calif co col colo "
    "conn corp ct dec dr feb fla fri ft ga gen ill inc jan jr kan ky lt ltd maj messrs mg mich minn mr mrs ms nev nov oct ok okla "
    "ore pa prof rep reps sen sep sept sr st tenn tues va vs vt wash wed wis yr ad cie cos"
)
"""Lower case, without the last full stop; a full stop after one of them ends no sentence by itself."""

PUNKT_OPENERS: Final = (
    "the a an he she it they we you i this that these those there in on at by for from with as to of but and or if when while "
    "since so then now not no after before although among both despite even however indeed instead many most nor some though "
    "thus under yet his her its our my your their what how why who where also all one here each such any other more sales"
)
"""With a capital, one of these begins a sentence even after an abbreviation."""
