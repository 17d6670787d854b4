"""Categories by configuration, doubts, urgency, events, language, and what a machine's mail is matched for."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intake.decide.folding import Folded, needle
from intake.decide.quoting import bare_subject, own_text
from intake.model import ParsedMail, Verdict
from intake.receive.parse import parse
from unit.judging import NOW, judge, judged, mail, parsed

# --- folding ---


@pytest.mark.parametrize(
    ("text", "phrase", "found"),
    [
        ("Code-of-conduct", "code of conduct", True),
        ("CODEOFCONDUCT", "code of conduct", True),
        ("code_of_conduct", "Code-of-Conduct", True),
        ("Co\u0301de of\u00a0conduct!", "code of conduct", True),
        ("code\nof\nconduct", "code of conduct", True),
        ("zip code of conductors", "code of conduct", False),
        ("barcode of conduct", "code of conduct", False),
        ("cocktail", "coc", False),
        ("coc", "coc", True),
        ("the CoC.", "coc", True),
        ("straße", "strasse", True),
        ("行動規範について", "行動規範", True),
    ],
)
def test_phrases_are_folded_and_keep_to_words(text: str, phrase: str, found: bool) -> None:
    assert bool(Folded.of(text).spans(needle(phrase))) is found


@given(st.text(max_size=60), st.sampled_from(["code of conduct", "gedragscode", "coc"]))
def test_a_phrase_that_stands_alone_is_found_in_any_company(text: str, phrase: str) -> None:
    assert Folded.of(f"{text} \n{phrase}\n {text}").spans(needle(phrase))


@pytest.mark.parametrize(
    ("subject", "bare"),
    [
        ("Re: Code-of-conduct", "Code-of-conduct"),
        ("RE: FW: Antw: TR : AW: WG: RV: x", "x"),
        ("Re[2]: Re (3): re^4: x", "x"),
        ("[EXTERNAL] Re: x", "x"),
        ("Réf: Rép : x", "x"),
        ("回复\uff1aRe: x", "x"),
        ("Regarding: x", "Regarding: x"),
        ("Report: x", "Report: x"),
        ("Re:" * 200 + "x", "Re:" * 150 + "x"),
        ("", ""),
    ],
)
def test_prefixes(subject: str, bare: str) -> None:
    assert bare_subject(subject) == bare


@pytest.mark.parametrize(
    ("text", "own"),
    [
        ("new\n\nOn Mon, 2 Mar 2026 at 10:00, Help <help@example.org> wrote:\n> old", "new"),
        ("nieuw\n\nOp ma 2 mrt 2026 schreef Help <help@example.org>:\n> oud", "nieuw\n\nOp ma 2 mrt 2026 schreef Help <help@example.org>:"),
        ("neuf\n\nLe lun. 2 mars 2026 à 10:00, Help <help@example.org> a écrit :\n> vieux", "neuf"),
        ("neu\n\nAm 2. März 2026 schrieb Help:\n> alt", "neu"),
        ("new\n\n-----Original Message-----\nFrom: Help\nold", "new"),
        ("nieuw\n\nVan: Help <help@example.org>\nVerzonden: maandag 2 maart 2026\nAan: Rita\n\noud", "nieuw"),
        ("> all of it\n> is quoted", "> all of it\n> is quoted"),
    ],
)  # fmt: skip
def test_only_the_new_words_of_an_answer_count(text: str, own: str) -> None:
    assert own_text(ParsedMail(subject="Re: x", text=text)).strip() == own
    assert own_text(ParsedMail(subject="Fwd: x", text=text)) == text


# --- doubts ---


@pytest.mark.parametrize(
    ("raw", "rule"),
    [
        (mail("Hello", "-----BEGIN PGP MESSAGE-----\n\nabc"), "doubt:unreadable"),
        (mail("Hello", ""), "doubt:no-text"),
        (mail("", "Are you there?"), "doubt:no-subject"),
        (
            b"From: rita@example.com\nSubject: Hi\nContent-Type: multipart/mixed; boundary=b\n\nwords",
            "doubt:unreadable",
        ),
    ],
)
def test_in_doubt_it_is_a_report(raw: bytes, rule: str) -> None:
    verdict = judge().judge(parse(raw), NOW)
    assert (verdict.category, verdict.rule) == ("report", rule)


def test_evidence_and_rule_never_quote_the_mail() -> None:
    verdict = judged("My secret subject: code of conduct", "The canary harassed me")
    assert verdict.rule == "category[2]:subject=code-of-conduct"
    assert "code of conduct" in verdict.evidence
    assert "canary" not in repr(verdict)
    assert "secret" not in repr(verdict)


# --- machines ---


@pytest.mark.parametrize(
    ("raw", "kind", "matched"),
    [
        (mail("Code-of-conduct", "form: he grabbed me", "no-reply@forms.example.com"), "automatic", True),
        (mail("New message from your site", "I was harassed", "no-reply@forms.example.com"), "automatic", True),
        (mail("Your invoice", "thanks", "no-reply@shop.example.com"), "automatic", False),
        (mail("Automatic reply: Code-of-conduct", "I am away"), "automatic", False),
        (mail("Re: Code-of-conduct", "away", Auto_Submitted="auto-replied"), "automatic", False),
        (mail("Undeliverable: Code-of-conduct", "x", "MAILER-DAEMON@example.com"), "bounce", False),
        (mail("Code-of-conduct", "x", "MAILER-DAEMON@example.com"), "bounce", False),
        (mail("Code-of-conduct", "x", Return_Path="<>"), "bounce", True),
        (mail("Re: Code-of-conduct", "x", Return_Path="<>"), "bounce", False),
        (mail("Code-of-conduct", "x", Return_Path="<>", In_Reply_To="<1@example.org>"), "bounce", False),
        (mail("Code-of-conduct", "x", X_Auto_Response_Suppress="All"), "automatic", True),
        (mail("Code-of-conduct", "x", X_Auto_Response_Suppress="All", References="<1@a.example>"), "automatic", False),
        (mail("Code-of-conduct", "x", Auto_Submitted="auto-replied"), "automatic", True),
        (mail("Your invoice", "x", Return_Path="<>"), "bounce", False),
        (mail("[list] on harassment", "an essay", List_Id="<l.example.net>"), "list", False),
        (mail("[list] Code of conduct", "please help", List_Id="<l.example.net>"), "list", True),
        (mail("Code-of-conduct", "from the form", "help@example.org", Reply_To="rita@example.com"), "automatic", True),
    ],
)
def test_what_machine_mail_people_get(raw: bytes, kind: str, matched: bool) -> None:
    verdict = judge().judge(parse(raw), NOW)
    assert (verdict.kind.value, verdict.matched, verdict.acknowledge) == (kind, matched, False)


# --- configuration ---

OWN = """
[phrases]
venue = ["the venue", "de zaal"]
code-of-conduct = ["huisregels"]
urgent-fire = ["it burns"]
[[category]]
name = "venue"
subject = "venue"
recipient = "venue@example.org"
[[category]]
name = "press"
subject = "re:^press (inquiry|request) [0-9]+$"
[[category]]
name = "vip"
header = { X-Priority = ["1"] }
[[category]]
name = "report"
subject = ["report", "huisregels"]
[[category]]
name = "report"
body = "code-of-conduct"
[[category]]
name = "other"
"""


def by_own(raw: bytes) -> Verdict:
    return judge(OWN).judge(parse(raw), NOW)


@pytest.mark.parametrize(
    ("raw", "category", "rule", "evidence"),
    [
        (mail("Re: De Zaal", "x", Cc="venue@example.org"), "venue", "category[1]:subject=venue,recipient=venue@example.org", ("de zaal", "venue@example.org")),
        (mail("PRESS request 12", "x"), "press", "category[2]:subject=pattern", ("re:^press (inquiry|request) [0-9]+$",)),
        (mail("hi", "x", X_Priority="1 (Highest)"), "vip", "category[3]:header:x-priority=phrases", ("1",)),
        (mail("Huis-regels", "x"), "report", "category[4]:subject=phrases", ("huisregels",)),
        (mail("hi", "over de HUISREGELS"), "report", "category[5]:body=code-of-conduct", ("huisregels",)),
        (mail("hi", "the code of conduct says"), "report", "category[5]:body=code-of-conduct", ("code of conduct",)),
        (mail("hi", "hello"), "other", "category[6]:otherwise", ()),
        (mail("Gedragscode", "hello"), "report", "doubt:code-of-conduct", ("gedragscode",)),
    ],
)  # fmt: skip
def test_own_categories(raw: bytes, category: str, rule: str, evidence: tuple[str, ...]) -> None:
    verdict = by_own(raw)
    assert (verdict.category, verdict.rule, verdict.evidence) == (category, rule, evidence)


def test_a_list_of_ones_own_adds_to_the_shipped_one_of_its_name() -> None:
    own = judge('[phrases]\ncode-of-conduct = ["huisregels"]\n')
    for subject in ("Huisregels", "Gedragscode", "[CONDUCT] x"):
        assert own.judge(parse(mail(subject, "x")), NOW).rule == "category[2]:subject=code-of-conduct"


def test_own_urgent_phrases_add_to_the_shipped_ones() -> None:
    assert by_own(mail("hi", "It burns!")).urgency_reasons == ("urgent-fire",)
    assert "urgent-threat" in by_own(mail("report", "he threatened me")).urgency_reasons


# --- urgency ---


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("He is here right now and I am hiding.", "urgent-now"),
        ("He hit me and I am bleeding.", "urgent-injury"),
        ("I was raped.", "urgent-sexual-violence"),
        ("He had a knife.", "urgent-weapon"),
        ("She threatened to kill me.", "urgent-threat"),
        ("He followed me home and knows where I live.", "urgent-stalking"),
        ("Somebody put something in my drink.", "urgent-drugged"),
        ("I want to end my life.", "urgent-self-harm"),
        ("My daughter was there.", "urgent-minor"),
        ("They posted my address.", "urgent-doxxing"),
        ("I fear retaliation.", "urgent-retaliation"),
        ("I am too scared to come.", "urgent-fear"),
        ("There was no weapon, nobody was threatened.", "urgent-weapon"),
        ("Hij staat nu voor mijn deur, ik heb me opgesloten.", "urgent-now"),
        ("Hij heeft een mes bij en heeft mij bedreigd.", "urgent-weapon"),
        ("Ik ben aangerand op jullie feest.", "urgent-sexual-violence"),
        ("Ik wil niet meer leven.", "urgent-self-harm"),
        ("Ils sont encore là et j'ai très peur, à l'aide.", "urgent-now"),
        ("Il avait un couteau et il m'a menacée.", "urgent-weapon"),
        ("J'ai été violée à la soirée.", "urgent-sexual-violence"),
        ("Je veux mourir, je n'en peux plus.", "urgent-self-harm"),
        ("Er hat mich bedroht und hatte ein Messer.", "urgent-weapon"),
        ("Jemand hat mir etwas ins Getränk getan.", "urgent-drugged"),
        ("She is only 15.", "urgent-minor"),
        ("Since I complained, things have got worse.", "urgent-retaliation"),
        ("Ze hebben mijn adres op een forum gezet.", "urgent-doxxing"),
        ("Het meisje is 14 jaar oud.", "urgent-minor"),
        ("Elle n'a que 15 ans.", "urgent-minor"),
        ("Depuis mon signalement, on ne me parle plus.", "urgent-retaliation"),
        ("Sie haben meine Adresse im Netz veröffentlicht.", "urgent-doxxing"),
        ("Er sagt, dass er mich umbringt.", "urgent-threat"),
        ("I'm locked in the toilet and he is outside.", "urgent-now"),
        ("He tried to choke me.", "urgent-danger"),
        ("He kissed me against my will.", "urgent-sexual-violence"),
        ("She won't stop messaging me, and shows up everywhere I go.", "urgent-stalking"),
        ("He posted my home address.", "urgent-doxxing"),
        ("She fainted.", "urgent-injury"),
        ("My 14 year old brother was there too.", "urgent-minor"),
        ("They are retaliating.", "urgent-retaliation"),
        ("I don't feel safe attending.", "urgent-fear"),
        ("Hij loopt hier nog rond.", "urgent-now"),
        ("Hij greep me bij de keel.", "urgent-danger"),
        ("Hij raakte mij ongewenst aan.", "urgent-sexual-violence"),
        ("Hij zegt dat hij me iets gaat aandoen.", "urgent-threat"),
        ("Mijn arm is gebroken.", "urgent-injury"),
        ("Mijn adres staat online.", "urgent-doxxing"),
        ("Il est encore ici.", "urgent-now"),
        ("Il m'a prise à la gorge.", "urgent-danger"),
        ("Il m'a embrassée de force.", "urgent-sexual-violence"),
        ("Il m'attend à la sortie.", "urgent-stalking"),
        ("Elle a perdu connaissance.", "urgent-injury"),
        ("Er sitzt neben mir und lässt mich nicht in Ruhe.", "urgent-now"),
        ("Er hat mich am Hals gepackt.", "urgent-danger"),
        ("Sie ist in Ohnmacht gefallen.", "urgent-injury"),
    ],
)
def test_signals(text: str, reason: str) -> None:
    verdict = judged("Code-of-conduct", text)
    assert reason in verdict.urgency_reasons
    assert verdict.urgency == "urgent"


def test_a_french_possessive_is_no_dutch_knife() -> None:
    verdict = judged(
        "Code-of-conduct", "Je vous écris au sujet de mes collègues qui ne sont pas respectueux dans le chat."
    )
    assert "urgent-weapon" not in verdict.urgency_reasons


def test_ordinary_mail_is_not_urgent() -> None:
    for subject, text in (
        ("Parking", "Where can I park?"),
        ("Kids", "Can I bring my children?"),
        ("Code-of-conduct", "Does it hold online?"),
        ("Invoice", "Please send it to my home address, and find my phone number on the form."),
        ("Flyers", "We passed out flyers when the meetup kicked off, until everything was gone."),
        ("Twitter", "Merci de me suivre, votre page est encore à jour ?"),
        ("Aanmelden", "Is er nog plaats? Mijn adres staat op het formulier."),
    ):
        assert judged(subject, text).urgency == "normal"


def test_the_calendar_raises() -> None:
    def at(day: int, hour: int, subject: str = "Code-of-conduct") -> Verdict:
        return judged(subject, "Can we talk?", now=datetime(2026, 4, day, hour, tzinfo=UTC))

    assert at(16, 9).urgency_reasons == ()
    assert at(17, 12).urgency_reasons == ("event-soon",)
    assert at(18, 10).urgency_reasons == ("event-now",)
    assert at(18, 10).event == "Cloud Day"
    assert at(18, 22).urgency_reasons == ("event-now",)
    assert at(19, 12).urgency_reasons == ()
    assert at(18, 10, "Parking").urgency == "normal"


def test_the_event_that_a_mail_names() -> None:
    assert judged("Code-of-conduct", "It is about Cloud-Day.").event == "Cloud Day"
    assert judged("Code-of-conduct", "It is about clouds.").event == ""


# --- language ---


@pytest.mark.parametrize(
    ("subject", "text", "languages", "expected"),
    [
        ("Code-of-conduct", "", '["nl", "en", "fr"]', "nl"),
        ("Code-of-conduct", "Ik heb hulp nodig.", '["en", "nl", "fr"]', "nl"),
        ("Code-of-conduct", "J'ai besoin d'aide.", '["en", "nl", "fr"]', "fr"),
        ("Code-of-conduct", "I need help.", '["nl", "en", "fr"]', "en"),
        ("Code-of-conduct", "Ich brauche Hilfe.", '["en", "nl", "fr"]', "en"),
        ("Gedragscode", "Kan iemand mij bellen?", '["en", "nl", "fr"]', "nl"),
        ("Code-of-conduct", "12345", '["fr", "en"]', "fr"),
        ("Code-of-conduct", "Bonjour, je vous contacte car il y a un problème. Best regards", '["en", "nl", "fr"]', "fr"),
        ("Re: x", "Merci, je viens demain.\n\nOn Monday Help <help@example.org> wrote:\n> Thank you for writing to us about this. We will be in touch with you.", '["en", "fr"]', "fr"),
    ],
)  # fmt: skip
def test_languages(subject: str, text: str, languages: str, expected: str) -> None:
    assert judge("", languages).judge(parsed(subject, text), NOW).language == expected


def test_a_declared_language_decides_where_words_do_not() -> None:
    assert judge("", '["en", "fr"]').judge(parse(b"Content-Language: fr-BE\n" + mail(body="?")), NOW).language == "fr"
