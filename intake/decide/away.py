"""Answers from somebody's responder that carry no mark in their head: known by their words, or not at all.

Two degrees, because a person may write the same words. A subject that only programs write makes the mail automatic
(``says_so_in_subject``). Everything weaker counts only together with a body that opens as responders open, and then
the mail is still a person's: people get it, it is only not answered (``reads_like_one``).
"""

from __future__ import annotations

import re

from intake.decide.folding import fold
from intake.decide.quoting import unquoted
from intake.model import ParsedMail

MOST_WORDS = 1200  # characters: responders are short
BRIEF = 120  # and with a subject that says it, so short that nothing else can be said


def _any_of(*forms: str) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{form})" for form in forms))


# --- subjects that only programs write ------------------------------------------------------------

_ENDS = r"\s*(?:[:!\[(-]|$)"
_PROGRAMS = _any_of(
    # the responder's own mark before the original subject: "Automatic reply: …", "[Auto-Reply] …"
    r"\[?auto(?:matic|mated|matisch(?:e|es)?)?[ -]?"
    r"(?:re(?:ply|sponse|spuesta)|ack(?:nowledg(?:e)?ment)?|svar|antwort|antwoord)\b.{0,40}?(?:[:\]]|$)",
    r"\[?auto-?reply\]?|re: auto(?:matic)?[ -]?reply",
    r"auto(?:antwort|reply|response|svar|odpoved|odpowiedz)\b|autoreply\b",
    r"\[?auto\]?:? ?(?:re|fwd?|aw|antw|sv|rv|tr)\s*:|auto:.{0,80}\b(?:out of (?:the )?office|returning)\b",
    # English
    r"out[ -]of[ -](?:the[ -])?office(?:\s+(?:auto ?-?)?"
    r"(?:reply|response|message|notification|notice|alert|re|assistant))?" + _ENDS,
    r"[^:]{2,60} is (?:currently )?out of (?:the )?office\b.{0,60}$",  # Domino puts the name before it
    r"(?:vacation|away|absence) (?:auto-?)?(?:reply|response|message|notice|notification)" + _ENDS,
    r"automatic (?:e-?mail )?confirmation of (?:receipt|delivery)",
    # French
    r"(?:reponse|message) (?:automatique|d.absence)|notification d.absence|absent(?:\(?e\)?)? du bureau" + _ENDS,
    r"absence du bureau" + _ENDS,
    # German
    r"abwesenheits(?:notiz|nachricht|meldung|assistent|benachrichtigung|info)|automatisierte antwort",
    # Dutch
    r"afwezigheids?(?:bericht|melding|assistent|notificatie)|afwezig(?:bericht|melding)",
    # Spanish, Italian, Portuguese
    r"respuesta automatica|fuera de (?:la )?oficina" + _ENDS + r"|autorrespuesta",
    r"risposta automatica|fuori (?:sede|ufficio)" + _ENDS + r"|risponditore automatico",
    r"resposta automatica|(?:ausente|fora|ausencia) do escritorio" + _ENDS,
    # Swedish, Danish, Norwegian, Finnish
    r"automatiskt? svar|franvaromeddelande|fravaer(?:sbesked|smelding)",
    r"automaattinen (?:vastaus|poissaoloilmoitus)|poissaoloviesti",
    # Polish, Czech, Slovak, Hungarian, Romanian, Turkish, Croatian, Slovene, Lithuanian, Estonian
    r"automatyczna odpowiedz|odpowiedz automatyczna|automaticka odpoved",
    r"automatikus valasz|raspuns automat|otomatik (?:yanit|cevap)|ofis disinda" + _ENDS,
    r"automatski odgovor|samodejni odgovor|automatinis atsakymas|automaatvastus",
)
# Japanese, Chinese, Korean, Russian, Ukrainian, Greek, Hebrew, Arabic
_PROGRAMS_OTHER_SCRIPTS = (
    *("自動返信", "自動応答", "不在通知"),
    *("自动回复", "自动答复", "自動回覆", "自動回復"),
    *("자동 회신", "자동회신", "부재중"),
    "автоматический ответ",
    "автоответ",
    "автоматична відповідь",
    "αυτόματη απάντηση",
    "תשובה אוטומטית",
    "رد تلقائي",
)


def says_so_in_subject(subject: str) -> bool:
    """Whether a subject begins as only a program's does."""
    if _PROGRAMS.match(fold(subject).strip()):
        return True
    lowered = subject.strip().lower().lstrip("[(\u3010\u300c \u3014")
    return any(lowered.startswith(words) for words in _PROGRAMS_OTHER_SCRIPTS)


# --- words that people write as well --------------------------------------------------------------

_AWAY_SUBJECT = _any_of(
    r"ooo\b|out of (?:the )?office|auto\s*:",
    r"i(?:'m| am) (?:currently )?(?:out of (?:the )?office|on (?:vacation|holidays?|leave)|away)",
    r"(?:away )?on (?:vacation|annual leave|holidays?|maternity leave|parental leave|leave)\b|vacation\b|holidays?\b",
    r"away (?:from|until|message|notice)|not (?:in|at) (?:the )?office",
    r"absen(?:ce|t|te)\b|en (?:conges?|vacances)\b|conges?\b|indisponible",
    r"abwesend|abwesenheit|nicht im (?:buro|haus)|(?:im )?urlaub|urlaubsvertretung|ich bin (?:derzeit |zurzeit "
    r"|aktuell )?",
    r"afwezig|(?:met|op) (?:vakantie|verlof)|niet (?:op|aanwezig)|buiten kantoor|ik ben (?:momenteel )?",
    r"fuera de|estoy (?:fuera|de vacaciones)|mensaje automatico|fuori|assenza|fora do|ausencia|ausente",
    r"franvaro|fravaer|ikke til ?stede|ikke pa kontoret|utanfor kontoret|poissa|poza biurem|mimo kancelar|nepritomnost",
    r"hazon kivul|不在",
)
_ANSWERS = re.compile(r"\s*(?:re|aw|antw|sv|rv|ref|odp|vs)\s*+(?:\[\d+\]\s*+)?:", re.IGNORECASE)
_GREETING = re.compile(
    r"\s*(?:(?:hello|hi|hey|dear|good (?:day|morning|afternoon)|greetings|hallo|beste|geachte|goede?(?:n)?(?:dag"
    r"|morgen|middag)|dag"
    r"|bonjour|bonsoir|madame|monsieur|cher|chere|guten (?:tag|morgen)|sehr geehrte[rs]?|liebe[rs]?|moin"
    r"|servus)\b[^\n]{0,60}\n\s*)"
)
_THANKS = (
    r"(?:(?:many )?thank(?:s| you)(?: very much)? for (?:your|the|contacting|reaching|writing"
    r"|e-?mailing)[^.!\n]{0,80}[.!,]?\s*"
    r"|(?:hartelijk )?(?:bedankt|dank(?: u| je)?(?: wel)?) (?:voor|om)[^.!\n]{0,80}[.!,]?\s*"
    r"|(?:je vous remercie|merci)(?: beaucoup)? (?:de|pour|d.avoir)[^.!\n]{0,80}[.!,]?\s*"
    r"|(?:vielen|herzlichen|besten)? ?dank(?:e)? (?:fur|dass)[^.!\n]{0,80}[.!,]?\s*)?"
)
_AWAY = (
    r"(?:"
    r"(?:please note (?:that )?)?(?:i(?:'m| am|'ll be| will be)|we are|our office is) (?:currently |now |presently "
    r"|again )?"
    r"(?:out of (?:the |my )?office|ooo|away|on (?:(?:annual|maternity|paternity|parental|sick|a short) )?(?:leave"
    r"|vacation|holidays?)"
    r"|travell?ing|not in the office|unavailable|closed)"
    r"|(?:the office|our office) is closed|i have limited access"
    r"|ik ben (?:momenteel |tijdelijk |op dit moment |vandaag |tot [^\n]{3,30}? )?"
    r"(?:afwezig|niet (?:op kantoor|aanwezig|bereikbaar|op het werk)|met (?:vakantie|verlof|zwangerschapsverlof)"
    r"|op vakantie"
    r"|buiten kantoor)"
    r"|(?:wegens|in verband met|i\.v\.m\.) (?:vakantie|verlof|ziekte)|ons kantoor is gesloten|wij zijn gesloten"
    r"|je (?:suis|serai) (?:actuellement |en ce moment |momentanement )?"
    r"(?:absent(?:e|\(e\))?(?= (?:du bureau|jusqu|pour|du \d|et|de mon)|[.,\n]|$)|en (?:conges?|vacances"
    r"|deplacement|formation|arret)|hors (?:du|de mon|de) bureau|indisponible|injoignable)"
    r"|(?:actuellement|etant) (?:absent|en (?:conge|vacances|deplacement))|notre bureau est ferme"
    r"|nos bureaux sont fermes"
    r"|ich (?:bin|befinde mich) (?:derzeit |zurzeit |zur zeit |momentan |aktuell |heute |(?:bis|vom|ab"
    r"|am) [^\n]{3,40}? )?"
    r"(?:leider )?(?:nicht (?:im (?:buro|haus)|erreichbar|am arbeitsplatz|anwesend)|abwesend|im urlaub|in (?:urlaub"
    r"|elternzeit)"
    r"|auf dienstreise|auss?er haus|ausser haus)"
    r"|unser buro ist geschlossen"
    r")"
)
_AUTOMATIC = (
    r"(?:\W{0,5}(?:this is an? (?:auto(?:mat(?:ic|ed))?|computer)[ -]?(?:generated )?(?:reply|response|message"
    r"|e-?mail|answer)"
    r"|(?:automatic|automated) (?:reply|response)\b|dit is een automatisch (?:antwoord|bericht|gegenereerd)"
    r"|(?:ceci est|il s.agit d.?)[^.\n]{0,20}(?:message|reponse|courriel) automatique"
    r"|di(?:es|ese nachricht) ist eine automatisch|dies ist ein automatisch))"
)
_OPENS_AWAY = re.compile(_THANKS + _AWAY)
_OPENS_AUTOMATIC = re.compile(_THANKS + _AUTOMATIC)
_GOES_ON = _any_of(
    r"\buntil\b|\bback (?:on|in|at)\b|\breturn(?:ing)?\b|urgent|in my absence|please contact|limited access|no access"
    r"|will (?:reply|answer|respond|get back)|not be (?:read|forwarded)",
    r"\btot\b|\bterug\b|dringend|contact op|collega|niet (?:gelezen|doorgestuurd)|van \d",
    r"jusqu|retour|urgen|contacter|adresser|collegue|du \d",
    r"\bbis\b|zuruck|dringend|wenden|vertret|nicht (?:gelesen|weitergeleitet)|\bab dem\b|vom \d",
)
_TURNS = re.compile(r"\b(?:but|however|because|maar|omdat|want|mais|parce que|car|aber|jedoch|weil|denn|a cause)\b")


def reads_like_one(mail: ParsedMail) -> bool:
    """Whether a mail without any mark is an answer of somebody's responder, by its subject and its opening words.

    A first mail of somebody who happens to be away is not one: it answers nothing, and its subject says what it is
    about.
    """
    subject = fold(mail.subject).strip()
    names_it = _AWAY_SUBJECT.match(subject) is not None
    if not (names_it or mail.in_reply_to or mail.references or _ANSWERS.match(subject)):
        return False
    text = fold(unquoted(mail.text[:20_000]).replace("\u2019", "'")).strip()
    if not text or len(text) > MOST_WORDS:
        return False
    for _ in range(2):
        greeting = _GREETING.match(text)
        text = text[greeting.end() :].strip() if greeting else text
    if _OPENS_AUTOMATIC.match(text):
        return True
    opening = _OPENS_AWAY.match(text)
    if opening is None or _TURNS.search(text):
        return False
    return _GOES_ON.search(text, opening.end()) is not None or (names_it and len(text) < BRIEF)
