"""A fuzz target for reports in the form in which news agencies transmit them. Its checks are those of the cleaner."""

from tests.fuzz import cleaner
from tests.fuzz.target import Target

TEXT = "Berlin (dpa) - Der Bundestag hat am Freitag den Haushalt beschlossen.\nDie Koalition stimmte geschlossen dafür."
SEEDS = (
    (
        "bdt0123 4 pl 210 dpa 0456\n\nBundestag/Haushalt/\n(Zusammenfassung 1530)\nBundestag beschließt Haushalt =\n\n"
        f"{TEXT}\n\n# Notizblock\n\n## Internet\n- [Haushalt](https://example.org)\n\n* * * *\n"
        "Die folgenden Informationen sind nicht zur Veröffentlichung bestimmt\n\n## dpa-Kontakte\n- Autorin: Ida "
        "Beispiel, +49 30 0000000, <beispiel@example.org>\n\ndpa ib yyzz n1 mm\n011530 Mai 24\n"
    ),
    f"Bundestag/Haushalt/\nBundestag beschließt\nHaushalt =\n\n{TEXT}\n\ndpa ib yyzz n1 mm\n011530 Mai 24",
    f"EILMELDUNG\nBundestag beschließt Haushalt =\n{TEXT}\n## Orte\n- [Bundestag](Platz 1, 11011 Berlin)\n* * * *",
)
WORDS = (
    *("bdt0123 4 pl 210 dpa 0456", " =\n", "/", "(dpa) - ", "# Notizblock", "## ", "- [", "](", "* * * *", "\n\n"),
    *(
        "dpa ib yyzz n1 mm",
        "011530 Mai 24",
        "(Zusammenfassung 1530)",
        "Redaktionelle Hinweise",
        "EILMELDUNG",
        "Achtung:",
    ),
)
TARGET = Target("wire", cleaner.check, cleaner.work, SEEDS, WORDS)
