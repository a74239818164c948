"""Use DeepL's own Python client with this service. Only the server address changes.

pip install deepl
DEPESCHE_URL=http://127.0.0.1:8000 python deepl_client.py
"""

import os
import sys

import deepl

URL = os.environ.get("DEPESCHE_URL", "http://127.0.0.1:8000")
KEY = os.environ.get("DEPESCHE_KEY", "any")  # the client requires a key, and a service without keys accepts any


def main() -> int:
    """Translate texts, HTML and XML, and show that the service rejects a language that it does not serve."""
    client = deepl.DeepLClient(KEY, server_url=URL)
    print("Targets:", ", ".join(language.code for language in client.get_target_languages()))
    results = client.translate_text(["Guten Morgen.", "Das Rathaus bleibt geschlossen."], target_lang="EN-GB")
    for result in results if isinstance(results, list) else [results]:
        print(f"{result.detected_source_lang}: {result.text}")
    markup = client.translate_text("<p>Der <b>Rat</b> tagt.</p>", target_lang="EN-US", tag_handling="html")
    print(f"HTML: {markup}")
    meldung = "<meldung><kopf>Der Rat tagt.</kopf><kuerzel>dpa/abc</kuerzel></meldung>"
    xml = client.translate_text(meldung, target_lang="EN-US", tag_handling="xml", ignore_tags=["kuerzel"])
    print(f"XML: {xml}")
    try:
        client.translate_text("Der Rat tagt.", target_lang="FR")
    except deepl.DeepLException as error:
        print(f"Refused: {error}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
