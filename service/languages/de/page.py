"""Patterns for the boilerplate of German news pages and agency reports, and for words that indicate a line's type."""

import re
from pathlib import Path

from service.languages.de.grammar import LISTS
from service.languages.page import PageGrammar, WireGrammar

_VERB = re.compile(
    r"\b(?:ist|sind|war|waren|wird|werden|wurden?|hat|haben|hatten?|kann|können|konnten?|soll|sollen|sollten?|will|wollen|"
    r"wollten?|muss|müssen|mussten?|darf|dürfen|habe|sei|seien|wäre|wären|würden?|sagten?|gibt|gab|geht|ging|kommt|kam|"
    r"steht|stand|liegt|lag|bleibt|blieb|macht|machte|[a-zäöüß]{3,}(?:te|ten))\b"
)
_NAME = r"[A-ZÄÖÜ][\w'’-]+\.?"
_PERSON = rf"{_NAME}(?:\s(?:(?:von|van|de|der|den|zu|da|di|la|le)\s){{0,2}}{_NAME}){{1,3}}"
_PERSONS = rf"{_PERSON}(?:(?:\s?,\s|\sund\s|\s&\s|\s?/\s?){_PERSON}){{0,4}}"
_PLACE = rf"(?:,\s(?:z\.\s?Zt\.\s)?{_NAME}(?:[\s/]{_NAME})?)?"
_MONTH_NAME = r"(?:Jan|Feb|Mär|Apr|Mai|Jun|Jul|Aug|Sep|Okt|Nov|Dez)[a-zä]*\.?"
_WEEKDAY = r"(?:(?:Mo|Di|Mi|Do|Fr|Sa|So)[a-z]*\.?,?\s(?:den\s)?)?"
_DAY = rf"(?:{_WEEKDAY}\d{{1,2}}\.\s?(?:\d{{1,2}}\.|{_MONTH_NAME})\s?(?:\d{{4}}|\d{{2}})?|\d{{4}}-\d{{2}}-\d{{2}})"
_FULL_DAY = rf"{_WEEKDAY}\d{{1,2}}\.\s?(?:\d{{1,2}}\.|{_MONTH_NAME})\s?\d{{4}}"
_CLOCK = r"(?:um\s)?\d{1,2}[:.]\d{2}(?:\sUhr)?"
_STAMP = rf"{_DAY}(?:\s?[-–,|·•/]?\s?{_CLOCK})?"
_ENGLISH_MONTH = r"(?:January|February|March|April|May|June|July|August|September|October|November|December)"
_ENGLISH_STAMP = re.compile(
    rf"(?:{_NAME}(?:\s{_NAME})?,\s)?(?:{_ENGLISH_MONTH}|{_MONTH_NAME})\s\d{{1,2}},\s\d{{4}}(?:,?\s\d{{1,2}}[:.]\d{{2}}:?)?(?:\s?Uhr)?"
)
_UPDATED = (
    r"(?:Stand|(?:Zuletzt\s|Letzte\s)?[Aa]ktualisier(?:t|ung)|Veröffentlicht|Erschienen|Erstellt|Publiziert|"
    r"Update|Datum)"
)
_BARE_NAMES = re.compile(_PERSONS)
_DATED = rf"(?:(?:Von|von|VON)\s)?{_PERSONS}{_PLACE}\s?[-–,|·•]?\s?{_DAY}"
_DATED_BYLINE = re.compile(_DATED)
_TIMED_BYLINE = re.compile(rf"{_DATED}\s?[-–,|·•/]?\s?{_CLOCK}(?:\sUhr)?")
_STAMP_LINE = re.compile(rf"{_STAMP}(?:\sUhr)?")
_UPDATED_LINE = re.compile(rf"{_UPDATED}(?:\sam)?\s?:?\s(?:{_STAMP}|{_CLOCK}|vor\s\d+\s\w+)(?:\sUhr)?")
_AGO_LINE = re.compile(
    r"[•·]?\s?(?:[Aa]ktualisiert\s)?[Vv]or\s\d{1,2}\s(?:Min\.|Minuten?|Std\.|Stunden?|Tag(?:en)?|Wochen?|Monat(?:en)?)"
)
_GENRE = (
    r"(?:Kommentar|Kolumne|Analyse|Interview|Reportage|Bericht|Gastbeitrag|Gastkommentar|Essay|Glosse|Porträt|Rezension|"
    r"Leitartikel|Protokoll|Recherche|Text|Fotos)"
)
_BYLINE = re.compile(
    rf"(?:[Vv]on:?|Text:|Autor(?:in)?:|Autor:innen:|Redaktion:|(?:Eine?\s)?{_GENRE}\svon|Eine?\s\w+\s(?:von|aus)|"
    rf"Aus\s{_NAME}\sberichtet)\s{{1,3}}{_PERSONS}{_PLACE}"
)
_ROLE = (
    r"(?:\w+-?)?(?:[Rr]edakteur|[Kk]orrespondent|[Rr]eporter|[Aa]utor|[Vv]olontär|[Ll]eiter|[Cc]hef)(?:in|innen|e|en)?"
)
_ROLE_BYLINE = re.compile(
    rf"(?:V[Oo][Nn]|von):?\s{_PERSONS}(?:{_PLACE}|\s?[,|/–-]\s?(?:{_ROLE}\b.{{0,60}}|dpa|AFP|APA|sda|Reuters|epd|KNA|SID))"
)
_LOOSE_STAMP = re.compile(
    rf"(?:(?:{_UPDATED}|Zuerst\s\w{{4,16}}t)(?:\s?am|\s?:)?\s?|Online\sseit\s|-\s?)?"
    rf"(?:{_STAMP}|\d{{1,2}}/\d{{1,2}}/\d{{4}}|(?:[Hh]eute|[Gg]estern)(?:,?\s(?:um\s)?\d{{1,2}}[:.]\d{{2}}|(?=,)))"
    rf"(?:\s?(?:-|–|,|\||•|·|um)?\s?\d{{1,2}}[:.]\d{{2}})?(?:\s?Uhr)?"
    rf"(?:\s?[•|·,-]?\s?(?:Lesezeit|Lesedauer):?\s?\d+\s?[Mm]in\w*\.?|(?<=Uhr)\s?[,|·•-]?\s?{_NAME})?"
)
_CLOCK_LINE = re.compile(r"\d{1,2}[:.]\d{2}\sUhr")
_BYLINE_START = re.compile(rf"(?:(?:Eine?\s)?{_GENRE}\s)?[Vv]on:?|VON|Text:|Autor(?:in|en)?:")
_AGENCY_BYLINE = re.compile(
    rf"(?:dpa|AFP|APA|Reuters|REUTERS|SDA|sda|epd|KNA|SID|AP)\s?(?:[,|]|und|mit)\s?{_PERSONS}|{_PERSONS}\s?(?:[,|]|und|mit)\s?"
    r"(?:dpa|AFP|APA|Reuters|REUTERS|SDA|sda|epd|KNA|SID|AP)"
)
_DESK_BYLINE = re.compile(
    r"[Vv]on\s(?:unsere[rmn]\s(?:Redak|Korrespondent|Reporter|Mitarbeiter|Autor|Gast)\w*(?:,?\s(?:in|aus)\s[\w-]+)?"
    r"|der\sRedaktion|(?:dpa|DPA|[Aa]fp|AFP|APA|apa|sda|SDA|epd|KNA|SID|sid|Reuters|REUTERS)\b.{0,20})"
)
_READING_TIME = re.compile(
    r"(?:Lesezeit|Lesedauer)\s?:?\s?(?:ca\.\s)?\d+\s?(?:[Mm]in\.?|Minuten?)"
    r"|\d+\s?(?:[Mm]in\.?|Minuten?)\s(?:Lesezeit|Lesedauer)|\d{1,2}\s?[Mm]in(?:\.|\sread)?"
)
_HOME_LINK = re.compile(r"(?:Zur|Zurück\szur)\s[\w.-]+-Startseite|(?:[\w-]+\.){1,3}(?:de|com|at|ch|net|org)")
_COMMENT_COUNT = re.compile(
    r"(?:\d+|(?:Noch\s)?[Kk]eine)\s(?:Kommentare?|Leserkommentare?|Ergänzung(?:en)?|Leserbriefe?)|(?:Leserk|K)ommentare?\s\(\d+\)"
)
_PERIOD = re.compile(rf"(?:\*\s?)?{_DAY}\s?[-–—]\s?(?:†\s?)?{_DAY}")
_RELATED = re.compile(
    r"(?:(?:noch )?mehr|weitere|andere|neueste|aktuelle) (?:[\w-]+ ){0,2}"
    r"(?:news|nachrichten|artikel|themen|meldungen|beiträge|berichte|videos|geschichten)"
    r"(?: (?:aus|zu|zum|zur|von|über|für|im|in) (?:[\w-]+ ?){1,4})?:?"
)
_TEASER_END = re.compile(
    r"(?:[.!?…][“”\"»«]?\s+(?:\|\s)?(?:mehr|Mehr|mehr\s(?:lesen|erfahren|dazu)|Mehr\s(?:lesen|erfahren|dazu)|[Ww]eiterlesen|[Ww]eiter"
    r"|[Zz]um\s(?:Artikel|Beitrag|Video))|\s(?:[Ww]eitere|[Mm]ehr)\s(?:Videos|Artikel|Nachrichten))\s*[›»→>]?$"
)
_NEWSLETTER = re.compile(
    r"\b(?:[Nn]ewsletter|Push-Nachrichten|WhatsApp-Kanal)\b.{0,60}\b(?:abonnier|anmeld|bestell|kostenlos|gratis)"
    r"|\b(?:[Aa]bonnier|[Hh]ier|[Jj]etzt|[Kk]ostenlos|[Gg]ratis)\w*\b.{0,60}\b(?:[Nn]ewsletter|WhatsApp-Kanal)\b"
)
# An appeal for money. It addresses the readers directly, or it mentions the newsroom's work or readers' donations.
_APPEAL = re.compile(
    r"\b[Uu]nterstütz(?:en\sSie|e|t)?\s(?:\w+\s){0,2}(?:uns|unser(?:e[nmr]?)?)\b(?:\s(?:Arbeit|Aktion|Journalismus|Recherchen?|Redaktion)\b)"
    r"|\b[Ss]penden\sunserer\s(?:\w+\s)?Leser|\bJetzt\s(?:unterstützen|spenden)[.!]?$"
)
_BIOGRAPHY = re.compile(
    rf"(?:(?:Der|Die)\s(?:[\w-]+\s){{1,3}})?{_PERSON}\s(?:\([^()]{{1,40}}\)\s)?ist\s(?:[\w-]+\s){{0,3}}"
    r"[\w-]*(?:[Pp]rofessor|[Rr]edakteur|[Aa]utor|[Jj]ournalist|[Kk]orrespondent|[Gg]ründer|[Dd]ozent)(?:in)?\b"
)
_ANSWER = re.compile(
    r"(?:Ja|Nein|Jein|Vielleicht|Weiss?ß?\s(?:ich\s)?nicht|Keine\s(?:Angabe|Ahnung|Meinung)|Ist\smir\s(?:egal|gleich)"
    r"|Ich\s(?:weiss|weiß|bin\smir)\b.{0,20}\bnicht)\b.{0,80}"
)
_COMMENTS = re.compile(
    r"(?:\d+\s)?(?:Leser(?:[*:_]?innen)?-?|Nutzer(?:[*:_]?innen)?-?|User-?)?(?:[Kk]ommentare?|KOMMENTARE|Ergänzungen|[Bb]eiträge|Diskussion)"
    r"(?:\s?\(\d+\)|:\s\d+|\szum\s(?:Artikel|Thema))?"
)
_AGO_SHORT_LINE = re.compile(r"[•·]\s?[Vv]or\s\d{1,2}\s\w+\.?|[Vv]or\s\d{1,2}\s(?:Min|Std|Tg)\.")
_COMMENT_ROW = re.compile(
    r"(?:.{1,60}\s)?(?:[Aa]ntworten|ANTWORTEN)|\d{1,4}\s(?:Antwort(?:en)?|Likes?|Gefällt\smir)(?:\s\w+)?"
    r"|(?:Kommentar|Beitrag|Missbrauch)\smelden"
)
_AGENCY_NUMBER = re.compile(r"(?:©\s?)?(?:dpa(?:-infocom)?,?\s)?dpa:\d{6}-\d{2,3}-\d+/\d+")
_COPYRIGHT = re.compile(r"(?:©|\(c\)|\(C\)|Copyright\s(?=©|\d{4}|by\s)|Copyright:)\s?.{1,80}")
_PHOTO = (
    r"(?:Foto|Fotos|Bild|Bilder|Grafik|Infografik|Illustration|Symbolbild|Symbolfoto|Archivbild|Archivfoto|"
    r"Bildquelle|Fotocredit|Rubriklistenbild|Titelbild)"
)
_AGENCY = r"(?:\b(?:dpa|AFP|AP|Reuters|Getty|Imago|IMAGO|imago|picture[ -]alliance|privat|Archiv)\b|/|©)"
_PHOTO_CREDIT = re.compile(
    rf"[(\[|]?{_PHOTO}\s?(?::|©)\s?(?:.{{0,100}}{_AGENCY}.{{0,100}}|{_NAME}(?:\s{_NAME}){{0,3}})"
)
_PICTURE_AGENCY = (
    r"(?:picture[ -]alliance|IMAGO|Imago|imago images|Getty Images|KEYSTONE|Keystone|Shutterstock|Adobe Stock)"
)
_PICTURE_CREDIT = re.compile(
    rf"[(\[]?(?:[\w .'’&-]{{2,40}}\s?/\s?)?{_PICTURE_AGENCY}(?:\s?[/|].{{1,80}})?[)\]]?|(?:Bildr|R)echte:\s.{{2,80}}"
    rf"|[(\[]{_PHOTO}\s?:\s?[^()\[\]]{{2,80}}[)\]]"
    rf"|{_PERSON}\s?/\s?(?:dpa|AFP|APA|AP|EPA|REUTERS|Reuters|sda|{_PICTURE_AGENCY})(?:[/-]\w+)?"
)
# The credit at the end of a caption. An agency that also signs reports is a photo credit only with a second name.
_PHOTO_AGENCY = (
    r"(?:picture[ -]alliance|IMAGO|Imago|imago(?:\simages)?|Getty\sImages|KEYSTONE|Keystone|Shutterstock|Adobe\sStock|"
    r"Unsplash|Pexels|Pixabay|iStock\w*|Depositphotos|Alamy|ZUMA\sPress)"
)
_SIGNING_AGENCY = r"(?:AFP|AP|APA|dpa|DPA|EPA|epa|sda|REUTERS|Reuters|SID|ddp)"
_CREDIT_NAMES = r"(?:[^.!?:;\n]|(?<=\b[A-ZÄÖÜ])\.){2,80}"  # the only full stops are those of initials
_AFTER_STOP_OR_BRACKET = r"(?:(?<=[.!?…)\]])|(?<=[.!?…][“”\"»«]))"
# Captions state where a person is in the picture, or that the picture is from an archive.
_IN_PICTURE = (
    r"\((?:(?:\d\.\s)?(?:v\.\s?(?:l|r|re|li)\.(?:\s?n\.\s?(?:r|l|re|li)\.)?"
    r"|von (?:links|rechts)(?: nach (?:links|rechts))?)"
    r"|l\.|r\.|li\.|re\.|links|rechts|Archivbild|Archivfoto|Symbolbild|Symbolfoto)\)"
)
_CAPTION_WITH_CREDIT = re.compile(
    r"(?P<caption>.{10,400}?)(?:"
    rf"(?:\s|{_AFTER_STOP_OR_BRACKET})[(\[|]?{_PHOTO}\s?©\s?{_CREDIT_NAMES}[)\]]?"
    rf"|(?:\s|{_AFTER_STOP_OR_BRACKET})[(\[|]?\s?©\s?{_CREDIT_NAMES}[)\]]?"
    rf"|(?:{_AFTER_STOP_OR_BRACKET}\s*|,\s|\s{{2,}}|\u00a0|\s[(\[|]\s?){_PHOTO}\s?:\s?(?=[A-ZÄÖÜa-z]){_CREDIT_NAMES}[)\]]?"
    rf"|\s(?:Foto|Fotos|Symbolfoto|Archivfoto)\s?:\s?[A-ZÄÖÜ][^.!?:;\n]{{1,40}}/[^.!?:;\n]{{2,60}}"
    rf"|{_AFTER_STOP_OR_BRACKET}\s*[(\[]?{_PHOTO_AGENCY}(?:\s?[/|]\s?{_CREDIT_NAMES})?[)\]]?"
    rf"|{_AFTER_STOP_OR_BRACKET}\s*[(\[]?{_SIGNING_AGENCY}\s?[/|]\s?{_CREDIT_NAMES}[)\]]?"
    rf"|\s[(\[](?:{_PHOTO_AGENCY}|{_SIGNING_AGENCY})\s?/\s?{_CREDIT_NAMES}[)\]]"
    r")"
    r"|(?P<named>(?:Bildl|L)egende:\s?.{10,400})"
    rf"|.{{3,300}}{_IN_PICTURE}.{{0,150}}"
)
_STANDARD = re.compile(
    r"(?:An\sdieser\sStelle\s(?:find|befind|steh|würd|zeig)\w*\s(?:(?:du|Sie|ihr|wir|sich)\s)?(?:Ihnen\s)?(?:(?:ein|einen|den|"
    r"weitere|externe[nr]?|empfohlene[nr]?|redaktionelle[nr]?)\s)+(?:Inhalte?|Video|Karte|Podcast|Beitrag|Post|Tweet)"
    r"|(?:Du\skannst|Sie\skönnen|Ihr\skönnt)\s.{0,40}\bmit\seinem\sKlick\s(?:anzeigen|laden|ansehen|aktivieren)"
    r"|(?:Du\skannst|Sie\skönnen)\ssich\shier\salle\sexternen\sInhalte"
    r"|(?:Ich|Wir)\s(?:bin|sind)\sdamit\seinverstanden,\sdass\s(?:mir|uns)\s.{0,60}\b(?:Inhalte?|Daten)\b"
    r"|(?:Damit\s|Dabei\s|Hierbei\s)?(?:[Pp]ersonenbezogene\sDaten\skönnen|können\spersonenbezogene\sDaten)\s(?:\w+\s)?an\sDritt"
    r"|Mit\s(?:meiner|Ihrer|der|deiner)\s(?:Anmeldung|Registrierung)\s.{0,60}\b(?:stimme|akzeptier|erklär|bestätig)\w*"
    r"|Diese\s(?:Audio|Vorlese)\w*\swurde\s(?:künstlich|automatisch|maschinell)"
    r"|(?:Mehr\sInformationen|Informationen)\szu\sunserer\sVorlesefunktion"
    r"|Wir\sfreuen\suns\s(?:über|auf)\s(?:Ihr|dein|euer)\sFeedback"
    r"|(?:[\w.-]+\s){1,3}hat\sdiese\s(?:Meldung|Nachricht)\s(?:redaktionell\s)?nicht\s(?:redaktionell\s)?bearbeitet"
    r"|(?:Diese[rs]?\s(?:Meldung|Text|Artikel|Beitrag|Nachricht)|Sie|Er)\swurde\sautomatisch\svon\s(?:der|einer)\s"
    r"(?:Deutschen\sPresse|Nachrichten|Agentur|AFP|dpa)"
    r"|(?:Die\s|Der\s)?(?:Artikel-URL|Link|URL)\swurde\s(?:erfolgreich\s)?in\s(?:Ihre[r]?|die|deine[r]?)\sZwischenablage"
    r"|Klicken(?:\sSie)?,?\s(?:hier,?\s)?um\sdie\s[\w-]+-Funktion|Zu\sden\sKommentaren\sspringen"
    r"|Für\s\d+[.,]\d{2}\s?(?:€|Euro|Franken)\skönnen\sSie\sdiesen\sArtikel"
    r"|(?:Sie\smöchten|Sie\swollen|Du\swillst|Du\smöchtest)\s.{0,60}\b(?:weiterlesen|Newsletter)"
    r"|Über\sdieses\sThema\s(?:bericht|sprach|inform)\w*\s.{2,80}\s(?:am|um)\s\d|Dieses\sThema\sim\sProgramm:"
    r"|Aktuelle\sNachrichten\saufs\sHandy|Hier\sgeht\ses\szur?\s[\w\s-]{2,30}(?:App|Newsletter)"
    r"|(?:Copyright\s)?©\s\w.{2,40}\d{4}\.|Für\sdie\skommerzielle\sNutzung\s|Klicken\sSie\shier\sfür\sweitere\sInformationen"
    r"|(?:Redakteur|Korrespondent|Reporter|Volontär)(?:in)?\s(?:in|bei|beim|für|im)\s"
    r"|(?:Sie\ssind|Du\sbist|Sind\sSie|Bist\sdu)\s(?:bereits|schon)\s(?:Kund|Abonnent|Digitalabonnent|[Rr]egistriert|Mitglied)"
    r"|Gastkommentare\sund\sBeiträge\svon\sexternen\sAutor"
    r"|In\sdiesem\s(?:Artikel|Beitrag|Text)\s(?:sind|befinden\ssich)\s(?:sogenannte\s)?(?:Affiliate|Provisions|Werbe)-?[Ll]inks"
    r"|(?:Die\smit|Mit)\s.{1,40}\s(?:gekennzeichnete[n]?|markierte[n]?)\sLinks\ssind\s.{0,40}(?:Affiliate|Provision|Werbe)"
    r"|(?:Der|Ihr|Dein)\sBrowser\sunterstützt\s|(?:Ihr|Dein)\sKommentar\swird\s.{0,40}(?:geprüft|freigeschaltet)"
    r"|(?:Haben\sSie|Hast\sdu)\seinen\s(?:Fehler|Rechtschreibfehler)\s(?:gefunden|entdeckt)"
    r"|(?:Sollten\sIhnen\s|Wenn\sIhnen\s|Wenn\sdir\s)?Fehler\sauf(?:gefallen|fallen|fällt).{0,40}(?:E-Mail|schreib|melde))"
)
_NAMED_CREDIT = re.compile(rf"{_NAME}\s?/\s?{_NAME}(?:\s(?:von\s|de\s)?{_NAME}){{1,2}}|(?:Bildl|L)egende:?")
_PICTURE_LINE = re.compile(rf"{_PHOTO}\s?:\s.+")
_CAPTION = re.compile(
    rf".{{3,120}}(?:\s?[(\[|]\s?(?:{_PHOTO}|Quelle)\s?(?::|©)\s?[^.!?]{{1,60}}"
    rf"|\s(?:{_PHOTO}|Quelle)\s?(?::|©)\s?[^.!?]{{0,40}}{_AGENCY}[^.!?]{{0,40}})"
)
_SOURCE_CREDIT = re.compile(r"[(\[]?Quellen?\s?:\s?.{1,80}[)\]]?")
_MEDIA_LINE = re.compile(
    r"(?:Video|Audio|Podcast|Bilderstrecke|Fotostrecke|Galerie|Bildergalerie)\s?(?:[:|]\s?.+|\d{1,2}:\d{2}.*)"
)
_LISTEN_LINE = re.compile(
    r"(?:(?:Jetzt|Hier)\s)?(?:in\sder\sApp|(?:Diesen\s)?(?:Artikel|Beitrag|Text|Kommentar))\s(?:an)?hören"
    r"(?:\s?\(\d{1,2}:\d{2}\s?[Mm]in\.?\))?|\d{1,2}:\d{2}\s?/\s?\d{1,2}:\d{2}"
)
_MEDIA_LENGTH = re.compile(
    r"(?:Video|Audio|Podcast)\s?[|]?\s?\d{1,2}:\d{2}(?:\s?Min\.?)?|\d{1,2}:\d{2}\s?(?:min|Min\.?)"
)
_DATELINE = re.compile(
    r"[A-ZÄÖÜ][\w/ .-]{1,40}\s?(?:\((?:dpa|AFP|Reuters|AP|KNA|epd|sid|dts)[\w/ -]*\)\s?[-–—.:]?"
    r"|\([a-z]{2,5}(?:/[a-z]{2,5})?\)\s?[-–—])\s"
)
_AFTER_SENTENCE = r"(?<=[.!?…“”\"»«)])(?<!\d\.)"
_AFTER_STOP = r"(?:(?<=[.!?…])|(?<=[.!?…][“”\"»«)]))"
_PHOTO_END = re.compile(rf"{_AFTER_STOP}\s*[(\[|]?(?:{_PHOTO}\s?(?::|©)\s?|©\s?)[^.!?]{{1,80}}$")
_CLEAR_SOURCE_END = re.compile(
    rf"{_AFTER_STOP}\s*Quelle\s?:\s?(?:\([^()]{{1,80}}\)|[^.!?()]{{0,60}}(?:/|\svia\s)[^.!?()]{{1,60}})$"
)
_SOURCE_END = re.compile(rf"{_AFTER_STOP}\s*[(\[]?Quelle\s?:\s?[^.!?]{{1,60}}$")

_BUTTONS = sorted((re.escape(phrase) for phrase in LISTS.lines("controls")), key=len, reverse=True)
_BUTTON = rf"(?:{'|'.join(_BUTTONS)})"
_CLEAR_BUTTON = rf"(?:{'|'.join(phrase for phrase in _BUTTONS if ' ' in phrase)})"
# At the end of a paragraph, a date may belong to the sentence if it has no year or time: "am 24. und 25. Dezember".
_NAMED = rf"\s*(?:Von\s)?{_PERSONS}\s?[-–,|·•]?\s?{_FULL_DAY}(?:\s?[-–,|·•/]?\s?{_CLOCK})?"
_TIMED = rf"\s*{_FULL_DAY}\s?[-–,|·•/]?\s?{_CLOCK}"
_DATED_END = rf"(?:{_NAMED}|{_TIMED})(?:\sUhr)?(?:\s*{_BUTTON})*"


def _beginnings(forms: tuple[str, ...]) -> re.Pattern[str]:
    """Return a pattern for words that begin with any of ``forms``.

    A form that ends with "$" matches only a whole word.
    """
    words = (re.escape(form.removesuffix("$")) + (r"\b" if form.endswith("$") else "") for form in forms)
    return re.compile(rf"\b(?:{'|'.join(words)})", re.IGNORECASE)


_DIGEST = re.compile(
    r"(?:(?:das|die)\s)?wichtigste\w*(?:\s(?:punkte|fakten|infos|informationen|erkenntnisse))?"
    r"(?:\s(?:zu\w*|über)\s\S+)?(?:\s(?:in\skürze|in\skurzform|im\süberblick|kurz\szusammengefasst|zusammengefasst))?"
    r"|(?:\S+\s)?in\s(?:aller\s)?kürze|(?:der\s|dieser\s)?(?:artikel|text|beitrag)\s.{0,30}zusammengefasst"
    r"|(?:kurz\s)?zusammengefasst|(?:ki-)?zusammenfassung(?:\sdes\s(?:artikels|textes|beitrags))?|kurzfassung|auf\seinen\sblick"
    r"|(?:kurz\sund\sknapp|kurz\serklärt|kernpunkte|auf\sden\spunkt)|darum\sgeht['’]?s|darum\sgeht\ses|tl;?\s?dr",
    re.IGNORECASE,
)
WIRE = WireGrammar(
    header=re.compile(r"[a-z]{2,4}\s?\d{3,4}\s\d\s[a-z]{2,3}\s\d{1,4}(?:\s\w{2,6}){1,2}(?:\s\d{2,4})?"),
    slug=re.compile(r"[\wÄÖÜäöüß .&-]{2,40}(?:/[\wÄÖÜäöüß .&-]{1,40}){0,4}/(?:[\w .&-]{1,40})?"),
    version=re.compile(
        r"\((?:Zusammenfassung|Neu|Überblick|Vorausmeldung|Wiederholung|Berichtigung|Korrektur|Achtung|Eil|Meldung|"
        r"Ausführliche Fassung|Aktualisier\w+|Mit|Wdh|\d{4})\b.{0,200}\)"
    ),
    marked_notes=re.compile(
        r"#{1,3}\s*(?:Notizblock|Redaktionelle[rn]?\sHinweise?|(?:dpa|AFP|epd|KNA|sid)-Kontakte)\b"
        r"|(?:\*\s){2,}\*?\s*(?:Die folgenden Informationen|$)"
        r"|Die folgenden Informationen sind nicht zur Veröffentlichung bestimmt",
        re.IGNORECASE,
    ),
    notes=re.compile(
        r"(?:Notizblock|Redaktionelle[rn]?\sHinweise?|(?:dpa|AFP|epd|KNA|sid)-Kontakte|Kontakte?)\s*:?(?:\n|$)",
        re.IGNORECASE,
    ),
    sign_off=re.compile(
        r"(?:dpa|afp|epd|kna|sid|ap|rtr)(?:[ /][a-z]{1,5}\d?){1,6}(?:\n?\s?\d{6}\s[A-ZÄ][a-zä]{2}\s\d{2,4})?"
        r"|\d{6}\s[A-ZÄ][a-zä]{2}\s\d{2,4}",
    ),
)
PAGE = PageGrammar(
    verb=_VERB,
    roots=frozenset({"Startseite", "Home", "Homepage", "Start"}),
    sections=LISTS.phrases("sections"),
    headings={
        "advert": LISTS.folded("adverts"),
        "related": LISTS.folded("related"),
        "topics": LISTS.folded("topics"),
        "partner": LISTS.folded("partners"),
    },
    announcing=frozenset({"related", "topics"}),
    controls=LISTS.folded("controls"),
    agencies=LISTS.folded("agencies"),
    agency_break=re.compile(r"\s*[/,|&]\s*|\s+und\s+|\s+via\s+"),
    boilerplate=LISTS.lines("boilerplate"),
    standard=_STANDARD,
    lines=(
        (_READING_TIME, "reading_time", "sure"),
        (_UPDATED_LINE, "timestamp", "sure"),
        (_STAMP_LINE, "timestamp", "context"),
        (_CLOCK_LINE, "timestamp", "context"),
        (_LOOSE_STAMP, "timestamp", "sure"),
        (_ENGLISH_STAMP, "timestamp", "sure"),
        (_TIMED_BYLINE, "byline", "sure"),
        (_DATED_BYLINE, "byline", "context"),
        (_AGO_SHORT_LINE, "timestamp", "sure"),
        (_AGO_LINE, "timestamp", "context"),
        (_AGENCY_NUMBER, "agency_credit", "sure"),
        (_PHOTO_CREDIT, "photo_credit", "sure"),
        (_PICTURE_CREDIT, "photo_credit", "sure"),
        (_NAMED_CREDIT, "photo_credit", "context"),
        (_PICTURE_LINE, "photo_credit", "doubt"),
        (_SOURCE_CREDIT, "source_credit", "sure"),
        (_CAPTION, "photo_caption", "sure"),
        (_HOME_LINK, "control", "context"),
        (_COMMENT_COUNT, "control", "sure"),
        (_MEDIA_LENGTH, "media", "sure"),
        (_LISTEN_LINE, "media", "sure"),
        (_MEDIA_LINE, "media", "doubt"),
        (_DESK_BYLINE, "byline", "sure"),
        (_AGENCY_BYLINE, "byline", "context"),
        (_ROLE_BYLINE, "byline", "context"),
        (_BYLINE, "byline", "context"),
    ),
    copyright=_COPYRIGHT,
    bare_names=_BARE_NAMES,
    byline_start=_BYLINE_START,
    appeal=_APPEAL,
    answer=_ANSWER,
    biography=_BIOGRAPHY,
    photo_credit=_PHOTO_CREDIT,
    dateline=_DATELINE,
    wire=WIRE,
    cues={name: _beginnings(forms) for name, forms in LISTS.forms("page_cues").items()},
    weights=Path(__file__).parent / "data" / "page_model.json",
    meta_end=re.compile(rf"{_AFTER_SENTENCE}(?:{_DATED_END}|Von\s{_PERSONS}|\s*{_CLEAR_BUTTON}(?:\s+{_BUTTON})*)$"),
    photo_ends=(_PHOTO_END, _CLEAR_SOURCE_END),
    caption=_CAPTION_WITH_CREDIT,
    period=_PERIOD,
    related=_RELATED,
    newsletter=_NEWSLETTER,
    teaser_end=_TEASER_END,
    digest=_DIGEST,
    comments=_COMMENTS,
    comment_row=_COMMENT_ROW,
    source_end=_SOURCE_END,
)
