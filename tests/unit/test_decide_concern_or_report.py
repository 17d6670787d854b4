"""A concern before an event and a report of what happened arrive under one subject; the words tell them apart.

In doubt it is a report. Each line: expected category, language, subject, text.
"""

from __future__ import annotations

import pytest

from unit.judging import judged

COC = "Code-of-conduct"
MAILS = [
    # --- English: reports
    ("report", "en", COC, "Yesterday evening a man grabbed my arm at your meetup and would not let go."),
    ("report", "en", COC, "During the talk on Kubernetes the speaker made several sexist jokes. I felt very uncomfortable."),
    ("report", "en", COC, "Hello, I would like to report that somebody insulted me last Thursday because of my accent."),
    ("report", "en", COC, "At the last meetup one of the attendees kept touching my shoulder. He will be there again next month."),
    ("report", "en", COC, "Last night he followed me to my car. I saw that he is registered for Cloud Day as well, please help."),
    ("report", "en", COC, "It happened before the event, in the train on the way there: a member of your group shouted at me."),
    ("report", "en", COC, "I have a question about the code of conduct itself: does it hold on Slack too?"),
    ("report", "en", COC, ""),
    ("report", "en", COC, "Hi, can we talk?"),
    ("report", "en", "Code%20of%20conduct", "Hi, can we talk?"),
    ("report", "en", COC, "He sent me explicit pictures this morning after he had seen my name on the attendee list."),
    ("report", "en", "CoC", "A slide in the second session showed a half-naked woman. That is not what your rules promise."),
    ("report", "en", "Re: Fwd: RE: [CONDUCT] hallway", "Two attendees were laughing at a colleague's headscarf during the break."),
    ("report", "en", "Please read", "I was groped at the party on Saturday by one of your volunteers."),
    ("report", "en", "", "Someone from your group has been harassing me on Discord."),
    ("report", "en", "Incident at the meetup", "Can somebody call me please?"),
    ("report", "en", "hello", "This is about the code of conduct. Please write to me at another address."),
    ("report", "en", "violation of the Code Of Conduct!!", "Your sponsor used a racist slur at the booth."),
    ("report", "en", COC, "I was there last week when one of the organisers yelled at a volunteer until she cried."),
    ("report", "en", COC, "My boss, who is also one of your speakers, threatened me today: if I tell anyone he fires me."),
    ("report", "en", COC, "He touched me at your event. I don't want to go to the next one if nothing changes."),
    # --- English: concerns
    ("concern", "en", COC, "My ex-husband has registered for Cloud Day. There is a restraining order. I would like to attend as well."),
    ("concern", "en", COC, "I have a ticket for your conference in April and I am worried that a former colleague will be there."),
    ("concern", "en", COC, "Will John Doe be at Cloud Day? I would rather not meet him."),
    ("concern", "en", COC, "Could somebody walk with me to the station after the event? I don't feel safe with one of the attendees."),
    ("concern", "nl", COC, "Zal Jan Jansen er zijn? Ik kom hem liever niet tegen."),
    ("concern", "nl", COC, "Kan er na het evenement iemand met mij naar het station wandelen?"),
    ("report", "en", COC, "Could somebody walk with me to the station? He grabbed my arm during the break."),
    ("concern", "en", COC, "Will John Doe be there on the 18th? He stalked me two years ago and I don't want to meet him."),
    ("concern", "en", COC, "Somebody who harassed me at another conference is listed as a speaker for Cloud Day. Could you keep us apart?"),
    ("concern", "en", COC, "I'd like to come to the next event but I'm scared to run into someone. Could an escort walk with me?"),
    ("concern", "en", COC, "Before I sign up: who will be there? I left my last job because of one person and I would rather not share a room."),
    ("concern", "en", "CoC: pre-event concern", "I'm planning to attend. A man who used to follow me may be there too."),
    ("concern", "en", COC, "Last year he would not leave me alone for weeks. Now I see that he is attending Cloud Day."),
    ("concern", "en", COC, "I feel anxious about attending next week: my former partner is going to be there."),
    ("concern", "en", COC, "Please don't put me in the same room as M. when I am speaking at your conference."),
    ("concern", "en", "Attending Cloud Day", "I was harassed years ago by somebody who will be speaking at your event. I am afraid to come."),
    ("concern", "en", COC, "Could precautions be taken? She knows I will be at the workshop and she might show up."),
    # --- English: questions
    ("question", "en", "Parking", "Hello, is there parking near the venue? Thanks!"),
    ("question", "en", "Sponsoring", "We would like to sponsor your next event. Whom can we talk to?"),
    ("question", "en", "Call for speakers", "When does the call for speakers close, and will there be a speaker dinner?"),
    ("question", "en", "Invoice 2026-0042", "Please find our invoice attached."),
    ("question", "en", "Dietary needs", "I am a vegetarian; will there be lunch for us?"),
    # --- Nederlands: meldingen
    ("report", "nl", COC, "Gisteravond op jullie meetup raakte een man me meermaals aan, ook nadat ik nee had gezegd."),
    ("report", "nl", "Gedragscode", "Tijdens de presentatie maakte de spreker seksistische grappen. Ik voelde me niet op mijn gemak."),
    ("report", "nl", COC, "Ik wil iets melden over vorige donderdag: iemand heeft mij uitgescholden in de gang."),
    ("report", "nl", COC, "Op de laatste bijeenkomst bleef hij maar aan me zitten. Hij zal er de volgende keer ook weer zijn."),
    ("report", "nl", COC, "Het gebeurde voor het evenement begon, op de parking: een deelnemer duwde mij opzij en riep me na."),
    ("report", "nl", "Re: Antw: code of conduct", "Kan iemand mij terugbellen?"),
    ("report", "nl", "Een vraag", "Iemand van jullie groep valt me lastig op Slack en ik weet niet wat ik moet doen."),
    ("report", "nl", "", "Ik ben aangerand na de borrel."),
    ("report", "nl", "gedragscode", "Geldt de gedragscode ook voor online bijeenkomsten?"),
    ("report", "nl", COC, "Vandaag stuurde een van de vrijwilligers me naaktfoto's. Ik heb een ticket voor jullie volgende event maar ga niet meer."),
    ("report", "nl", COC, "Een collega werd vorige week op het event beledigd om haar hoofddoek."),
    ("report", "nl", COC, "Hij heeft gisteren gezien dat ik ingeschreven ben en bedreigde mij daarna."),
    # --- Nederlands: bezorgdheden
    ("concern", "nl", COC, "Mijn ex heeft zich ingeschreven voor Cloud Day. Er is een contactverbod. Ik zou graag komen, maar durf niet."),
    ("concern", "nl", COC, "Ik heb een ticket voor jullie conferentie in april en maak me zorgen dat een vroegere collega er ook zal zijn."),
    ("concern", "nl", COC, "Kunnen jullie zeggen of hij er ook bij zal zijn? Hij heeft me twee jaar geleden gestalkt."),
    ("concern", "nl", "Gedragscode", "Iemand die mij vroeger lastigviel staat op de sprekerslijst. Kunnen jullie ons uit elkaar houden?"),
    ("concern", "nl", COC, "Ik wil graag deelnemen maar ben bang om iemand tegen te komen. Kan er iemand met mij meelopen?"),
    ("concern", "nl", COC, "Ik ben bezorgd over volgende week: mijn vroegere partner komt ook naar de meetup."),
    ("concern", "nl", COC, "Vorig jaar liet hij me wekenlang niet met rust. Nu zie ik dat hij spreker is op Cloud Day."),
    ("concern", "nl", COC, "Zouden jullie voorzorgsmaatregelen kunnen nemen? Zij weet dat ik kom."),
    ("question", "nl", "Parkeren", "Dag, is er parking in de buurt van de zaal? Bedankt!"),
    ("question", "nl", "Sponsoring", "Wij willen graag sponsor worden van jullie volgende evenement. Met wie kunnen we praten?"),
    # --- Français : signalements
    ("report", "fr", COC, "Hier soir, à votre meetup, un homme m'a touchée à plusieurs reprises alors que j'avais dit non."),
    ("report", "fr", "Code de conduite", "Pendant la présentation, l'orateur a fait plusieurs blagues sexistes. Je me suis sentie très mal."),
    ("report", "fr", COC, "Je voudrais signaler que quelqu'un m'a insulté jeudi dernier à cause de mon accent."),
    ("report", "fr", COC, "Lors de la dernière rencontre, il n'arrêtait pas de me suivre. Il sera là de nouveau le mois prochain."),
    ("report", "fr", COC, "Cela s'est passé avant l'événement, dans le train : un membre de votre groupe a crié sur moi."),
    ("report", "fr", "TR: Re: code de conduite", "Pouvez-vous me rappeler ?"),
    ("report", "fr", "Bonjour", "Un de vos bénévoles me harcèle sur Discord depuis des semaines."),
    ("report", "fr", "", "J'ai été agressée après la soirée."),
    ("report", "fr", "code de conduite", "Le code de conduite s'applique-t-il aussi aux rencontres en ligne ?"),
    ("report", "fr", COC, "Ce matin il m'a envoyé des photos intimes. Je suis inscrite à Cloud Day et je ne sais plus quoi faire."),
    # --- Français : inquiétudes
    ("concern", "fr", COC, "Mon ex-mari s'est inscrit à Cloud Day. Il y a une mesure d'éloignement. J'aimerais quand même venir."),
    ("concern", "fr", COC, "J'ai un billet pour votre conférence en avril et j'ai peur qu'un ancien collègue soit présent, il risque de venir."),
    ("concern", "fr", COC, "Savez-vous s'il sera là le 18 ? Il m'a harcelée il y a deux ans."),
    ("concern", "fr", "Code de conduite", "Une personne qui m'a fait du mal par le passé est parmi les orateurs. Pourriez-vous nous séparer ?"),
    ("concern", "fr", COC, "Je souhaite participer mais j'ai peur de croiser quelqu'un. Est-ce que quelqu'un peut m'accompagner ?"),
    ("concern", "fr", COC, "Je suis inquiète pour la semaine prochaine : mon ancien compagnon va venir au meetup."),
    ("concern", "fr", COC, "L'année dernière il ne me laissait pas tranquille. Je vois maintenant qu'il est orateur à Cloud Day."),
    ("question", "fr", "Parking", "Bonjour, y a-t-il un parking près de la salle ? Merci !"),
    ("question", "fr", "Sponsoring", "Nous souhaitons sponsoriser votre prochain événement. À qui pouvons-nous parler ?"),
    # --- Deutsch: Meldungen
    ("report", "de", COC, "Gestern Abend hat mich auf eurem Meetup ein Mann mehrmals angefasst, obwohl ich Nein gesagt habe."),
    ("report", "de", "Verhaltenskodex", "Während des Vortrags machte der Sprecher mehrere sexistische Witze. Ich habe mich sehr unwohl gefühlt."),
    ("report", "de", COC, "Ich möchte melden, dass mich letzten Donnerstag jemand im Flur beleidigt hat."),
    ("report", "de", COC, "Beim letzten Treffen hörte er nicht auf, mich anzustarren. Er wird nächsten Monat wieder da sein."),
    ("report", "de", "AW: WG: Code of Conduct", "Könnt ihr mich bitte zurückrufen?"),
    ("report", "de", "Hallo", "Jemand aus eurer Gruppe belästigt mich seit Wochen auf Slack, ich wurde auch bedroht."),
    ("report", "de", "Verhaltenskodex", "Gilt der Verhaltenskodex auch für Treffen im Netz?"),
    # --- Deutsch: Sorgen
    ("concern", "de", COC, "Mein Ex-Mann hat sich für den Cloud Day angemeldet. Es gibt ein Kontaktverbot. Ich möchte gerne kommen."),
    ("concern", "de", COC, "Ich habe ein Ticket für eure Konferenz im April und mache mir Sorgen, dass ein früherer Kollege auch da sein wird."),
    ("concern", "de", COC, "Wisst ihr, ob er auch kommt? Er hat mich vor zwei Jahren gestalkt, und ich habe Angst, ihm zu begegnen."),
    ("concern", "de", "Verhaltenskodex", "Eine Person, die mir früher wehgetan hat, steht auf der Rednerliste. Könnt ihr uns trennen?"),
    ("concern", "de", COC, "Ich würde gerne teilnehmen, traue mich aber nicht. Könnte mich jemand begleiten?"),
    ("question", "de", "Parken", "Hallo, gibt es einen Parkplatz in der Nähe? Danke!"),
    ("question", "de", "Rechnung", "Im Anhang findet ihr unsere Rechnung für das Catering."),
    # --- written after the lists were, to see how far they carry
    ("report", "en", COC, "I want to report an incident that took place at your meetup on March 3rd. A man named Tom put his hand on my leg under the table. I asked him to stop and he laughed."),
    ("report", "en", COC, "Somebody made racist remarks towards me in the Q&A session. I left immediately."),
    ("report", "en", COC, "I was harassed at the Global Azure event by another attendee. He kept following me and asking for my phone number."),
    ("report", "en", COC, "At the social event after the conference I was cornered by a drunk attendee."),
    ("report", "en", COC, "A person at your booth called me a slur. I have screenshots."),
    ("report", "en", COC, "Hi team, I attended your event last Tuesday and one of the speakers used sexualized images in his slides."),
    ("report", "en", COC, "Please help, there is a man here at the venue who is touching women without consent."),
    ("report", "en", COC, "He is here right now and I am scared."),
    ("report", "en", COC, "I am writing about what happened to my friend at your conference. She was pushed against a wall."),
    ("concern", "en", COC, "I plan to attend the upcoming event and have concerns regarding another individual who may be present."),
    ("concern", "en", COC, "I am going to Global Azure in April and I found out my abusive ex is also attending. Can you help me stay safe?"),
    ("concern", "en", COC, "There is someone on the speaker list who assaulted a friend of mine in the past. I am worried about her safety at the event next month."),
    ("concern", "en", COC, "Hi, I have a restraining order against Peter Peters. He may try to attend your event on 18 April."),
    ("concern", "en", COC, "I'm registered for the conference next month. A former coworker who sexually harassed me will also attend. I'd appreciate an escort and on-site contact numbers."),
    ("concern", "en", COC, "Can you tell me if Mark will be at the event? I do not feel safe around him."),
    ("concern", "en", COC, "I would like to attend your next meetup but there is a person who bullied me in school who usually attends."),
    ("concern", "en", COC, "Upcoming event: I have a concern about a participant."),
    ("concern", "en", COC, "I bought a ticket for the event. My stalker knows about it and might show up."),
    ("concern", "en", COC, "Is it possible to make sure that I will not be in the same session as my ex-boyfriend at the conference in May?"),
    ("report", "nl", COC, "Op jullie event van vorige week heeft een deelnemer mij betast. Ik wil dat hij niet meer welkom is."),
    ("report", "nl", COC, "Een spreker maakte ongepaste opmerkingen over mijn uiterlijk."),
    ("report", "nl", COC, "Ik werd lastiggevallen tijdens de netwerkborrel."),
    ("report", "nl", COC, "Er is iets gebeurd op de meetup waar ik het met jullie over wil hebben."),
    ("concern", "nl", COC, "Ik ben ingeschreven voor het event van volgende maand en ik heb gezien dat mijn ex, die mij stalkt, ook komt."),
    ("concern", "nl", COC, "Ik wil graag naar jullie evenement komen, maar er komt misschien iemand die mij in het verleden heeft lastiggevallen. Kunnen jullie voor begeleiding zorgen?"),
    ("concern", "nl", COC, "Komt Jan Peeters ook naar het event? Ik voel me niet veilig bij hem."),
    ("concern", "nl", COC, "Ik maak me zorgen over een deelnemer op het komende event."),
    ("concern", "nl", COC, "Volgende week is jullie event. Een oud-collega die mij heeft geintimideerd zal er ook zijn."),
    ("report", "fr", COC, "J'ai été victime de harcèlement lors de votre événement. Un participant m'a suivie toute la soirée."),
    ("report", "fr", COC, "Un orateur a tenu des propos racistes pendant sa présentation."),
    ("report", "fr", COC, "Je vous écris pour signaler un comportement déplacé d'un bénévole à mon égard."),
    ("concern", "fr", COC, "Je compte assister à votre prochain événement mais mon ex-conjoint violent pourrait y être. Pouvez-vous m'aider ?"),
    ("concern", "fr", COC, "Je suis inscrite à l'événement du mois prochain et j'ai appris que l'homme qui m'a harcelée y participera."),
    ("concern", "fr", COC, "J'ai une inquiétude concernant une personne qui sera présente à l'événement d'avril."),
    ("concern", "fr", COC, "Est-ce que Paul Dupont sera présent ? Je ne me sens pas en sécurité avec lui."),
    ("report", "de", COC, "Ein Teilnehmer hat mich bei eurer Veranstaltung sexuell belästigt."),
    ("concern", "de", COC, "Ich möchte an der Veranstaltung im Mai teilnehmen, habe aber Angst, weil mein Ex auch angemeldet ist."),
    ("question", "en", "Question about tickets", "Do you have student tickets for the event? Will the sessions be recorded?"),
    ("question", "nl", "Vraag over locatie", "Is de zaal rolstoeltoegankelijk?"),
    ("question", "fr", "Question", "Bonjour, est-ce que les sessions seront enregistrées ?"),
    ("report", "en", "Harassment", "I need to talk to someone about what happened on Friday."),
    ("report", "en", "Help", "Someone groped me at the party."),
    ("report", "en", COC, "My concern is about the behaviour of a volunteer at the check-in desk, who mocked my pronouns."),
    ("report", "en", COC, "I attended the event and one attendee would not stop staring at me. I do not want to attend again if he is there."),
    ("report", "en", COC, "The moderator in your Slack deleted my message and called me a snowflake."),
    ("report", "en", COC, "Attached you will find my report."),
    ("report", "en", COC, "Witness report: I saw how a man shoved a woman in the queue."),
]  # fmt: skip


def test_there_are_enough_of_them_in_every_language() -> None:
    assert len(MAILS) >= 80
    for language in ("en", "nl", "fr", "de"):
        assert {"report", "concern", "question"} <= {category for category, spoken, *_ in MAILS if spoken == language}


@pytest.mark.parametrize(("category", "language", "subject", "text"), MAILS)
def test_category(category: str, language: str, subject: str, text: str) -> None:
    verdict = judged(subject, text)
    assert verdict.category == category, (verdict.rule, verdict.evidence)


@pytest.mark.parametrize(("category", "language", "subject", "text"), [row for row in MAILS if len(row[3]) > 25])
def test_language(category: str, language: str, subject: str, text: str) -> None:
    assert judged(subject, text).language == language
