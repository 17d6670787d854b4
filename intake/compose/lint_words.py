"""Words that an acknowledgement must not use, by language, and why: what the person did not say is not said for them.

Each pattern is searched without regard to case, in each line of a template. The reasons are keys of ``REASONS``.
"""

from __future__ import annotations

REASONS = {
    "outcome": "promises an outcome; say what happens next, not how it ends",
    "secrecy": "promises more secrecy than anybody can keep; name the limits",
    "blame": "can be read as blame; leave it out",
    "doubt": "can be read as doubt; leave it out",
    "minimise": "makes light of it; leave it out",
    "label": "is a label that the person may not have used; say `message` or `what happened`",
}

AUTOMATIC = {"en": r"\bautomatic", "nl": r"\bautomatisch", "fr": r"\bautomatique", "de": r"\bautomatisch"}

HOURS = r"\b\d+\s*(?:hours?|days?|uur|uren|dag(?:en)?|heures?|jours?|Stunden?|Tagen?|h)\b"

FORBIDDEN: dict[str, tuple[tuple[str, str], ...]] = {
    "en": (
        ("outcome", r"\bguarantee|\bwe promise\b|\bzero tolerance\b|\bwe will make sure\b"),
        ("outcome", r"\b(?:will|shall) be (?:banned|removed|punished|expelled|suspended|sanctioned)\b"),
        ("secrecy", r"\b(?:completely|fully|absolutely|strictly|totally) (?:confidential|anonymous|private)\b"),
        ("secrecy", r"\bnobody will ever\b|\bno one will ever\b"),
        (
            "blame",
            r"\byou should(?: not)? have\b|\bwhy did(?:n't| not)? you\b|\byou could have\b|\byour (?:own )?fault\b",
        ),
        ("doubt", r"\balleg(?:ed|ation|edly|e)\b|\bare you sure\b|\bif (?:this is )?true\b|\bfalse (?:report|claim)"),
        ("doubt", r"\bproof\b|\bprove\b|\bevidence\b|\bmisunderst(?:and|ood)"),
        ("minimise", r"\bjust a (?:joke|misunderstanding)\b|\boverreact|\bcalm down\b|\bdon't worry\b|\bonly words\b"),
        ("label", r"\bvictim|\bperpetrator|\bharass|\bassault|\babuse|\bcomplaint|\bincident|\baccus|\bsurvivor"),
    ),
    "nl": (
        (
            "outcome",
            r"\bgarander|\bgarantie|\bgegarandeerd|\bwe beloven\b|\bnultolerantie\b|\bwe zorgen er zeker voor\b",
        ),
        ("outcome", r"\b(?:zal|wordt) (?:\w+ )?(?:gestraft|verbannen|geschorst|uitgesloten)\b"),
        (
            "secrecy",
            r"\b(?:volledig|volstrekt|strikt|helemaal) (?:vertrouwelijk|anoniem|geheim)\b|\bniemand zal ooit\b",
        ),
        ("blame", r"\bhad je\b|\bje had (?:beter|moeten)\b|\bwaarom heb je\b|\bje eigen schuld\b"),
        (
            "doubt",
            r"\bvermeend|\bzogezegd|\bweet je (?:het )?zeker\b|\bals dit (?:waar|klopt)\b|\bvalse (?:melding|aangifte)",
        ),
        ("doubt", r"\bbewijs|\bbewijzen|\bmisverstand"),
        ("minimise", r"\bmaar een grapje\b|\boverdr(?:ijv|even)|\bkalmeer|\brustig maar\b|\bmaak je geen zorgen\b"),
        ("label", r"\bslachtoffer|\bdader|\bintimidatie|\bmisbruik|\bklacht|\bincident|\bbeschuldig|\baanranding"),
    ),
    "fr": (
        ("outcome", r"\bgaranti|\bnous (?:vous )?promettons\b|\btolérance zéro\b"),
        ("outcome", r"\bsera (?:\w+ )?(?:exclu|puni|sanctionné|banni|suspendu)"),
        ("secrecy", r"\b(?:totalement|strictement|entièrement|absolument) (?:confidentiel|anonyme|secret)"),
        ("blame", r"\bvous auriez (?:dû|pu)\b|\bpourquoi n['\u2019]avez-vous\b|\bvotre (?:propre )?faute\b"),
        ("doubt", r"\bprétendu|\bprésumé|\ballégu|\bêtes-vous s[ûu]r|\bsi c['\u2019]est vrai\b|\bfaux signalement"),
        ("doubt", r"\bpreuve|\bprouve|\bmalentendu"),
        ("minimise", r"\bce n['\u2019]était qu|\bexagér|\bcalmez|\bne vous inquiétez pas\b|\bsimple blague\b"),
        ("label", r"\bvictime|\bagresse|\bharc[eè]l|\babus\b|\bplainte|\bincident|\baccus"),
    ),
    "de": (
        ("outcome", r"\bgarantier|\bgarantie|\bwir versprechen\b|\bnulltoleranz\b|\bnull toleranz\b"),
        ("outcome", r"\bwird (?:\w+ )?(?:ausgeschlossen|bestraft|gesperrt|verbannt)\b"),
        ("secrecy", r"\b(?:völlig|absolut|streng|vollkommen) (?:vertraulich|anonym|geheim)|\bniemand wird je"),
        ("blame", r"\bhätten sie\b|\bwarum haben sie (?:nicht|denn)\b|\bihre (?:eigene )?schuld\b"),
        ("doubt", r"\bangeblich|\bmutmaßlich|\bsind sie sicher\b|\bfalls das stimmt\b|\bfalschmeldung"),
        ("doubt", r"\bbeweis|\bmissverständnis"),
        ("minimise", r"\bnur ein (?:scherz|witz)\b|\bübertr(?:ieb|eib)|\bberuhigen\b|\bkeine sorge\b"),
        ("label", r"\bopfer|\btäter|\bbelästig|\bmissbrauch|\bbeschwerde|\bvorfall|\bbeschuldig"),
    ),
}

ABOUT_THE_MAIL = frozenset(
    {
        "subject",
        "body",
        "text",
        "mail",
        "report",
        "original",
        "quote",
        "sender",
        "reporter",
        "name",
        "author",
        "message",
    }
)
