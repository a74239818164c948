#!/usr/bin/env bash
# Every call of the service with curl: DEPESCHE_URL=http://127.0.0.1:8000 examples/curl.sh
set -euo pipefail

url="${DEPESCHE_URL:-http://127.0.0.1:8000}"
url="${url%/}"
headers=(-H 'Content-Type: application/json')
# A service without a key file needs no key; a gateway in front of it may need one.
[ -z "${DEPESCHE_KEY:-}" ] || headers+=(-H "Authorization: Bearer $DEPESCHE_KEY")

say() { printf '\n\n# %s\n' "$*"; }

# A status of 400 or more ends this script and shows the problem.
get() { curl -sS --fail-with-body "$url$1"; }
post() {
  local path="$1" body="$2"
  shift 2
  curl -sS --fail-with-body "${headers[@]}" "$@" -d "$body" "$url$path"
}

# A call that must be refused with one of these statuses: refused '422' PATH BODY [curl options]
refused() {
  local wanted="$1" path="$2" body="$3" answer status
  shift 3
  answer="$(curl -sS -w '\n%{http_code}' "${headers[@]}" "$@" -d "$body" "$url$path")"
  printf '%s\n' "$answer"
  status="${answer##*$'\n'}"
  [[ " $wanted " == *" $status "* ]] || { echo "status $status, expected $wanted" >&2; exit 1; }
}

say 'The process lives, and takes work'
get /livez
get /readyz

say 'The models, their licences and their quality'
get /v1/models

say 'Translate a text'
post /v1/translate '{"text": "Der Zug nach Bonn fährt heute nicht."}'

say 'Translate a list: order is kept, an empty member gives an empty result'
post /v1/translate '{"text": ["Guten Morgen.", "", "Das Rathaus bleibt geschlossen."], "priority": "bulk"}'

say 'Translate HTML: markup, comments, and what must not be translated stay'
post /v1/translate '{"format": "html", "text": "<!-- wp:paragraph --><p>Der <em>Rat</em> der <span translate=\"no\">Stadtwerke</span> tagt.</p><!-- /wp:paragraph -->"}'

say 'With terms of the newsroom'
post /v1/translate '{"text": "Der Landrat sprach mit dem Bauhof.", "glossary": {"Landrat": "district administrator"}, "do_not_translate": ["Bauhof"]}'

say 'Which words belong together'
post /v1/translate '{"text": "Die Schule beginnt am Montag.", "alignment": true}'

article='Der Stadtrat hat am Montag über die neue Brücke beraten. Sie soll 2027 fertig sein. Die Kosten betragen 12 Millionen Euro. Anwohner fürchten den Lärm der Baustelle. Die Verwaltung will im Herbst informieren.'

say 'Summarise: a preset'
post /v1/summarize "{\"text\": \"$article\", \"length\": \"short\"}"

say 'Headlines: three, with their support'
post /v1/summarize "{\"text\": \"$article\", \"length\": \"short\", \"headlines\": 3}"

say 'Summarise: a limit of its own, sentences taken from the source'
post /v1/summarize "{\"text\": \"$article\", \"max_sentences\": 2, \"method\": \"extractive\"}"

say 'A teaser under a headline'
post /v1/summarize "{\"text\": \"$article\", \"headline\": \"Stadtrat berät über Brücke\", \"style\": \"teaser\"}"

say 'An English summary of the German text'
post /v1/summarize "{\"text\": \"$article\", \"length\": \"short\", \"target_lang\": \"en\"}"

say 'An article: cleaned, summarised, translated'
post /v1/articles "{\"headline\": \"Stadtrat berät über Brücke\", \"body\": \"$article\", \"outputs\": [\"summary\", \"translation\", \"summary_translation\"]}"

say 'The same as a stream of events'
post /v1/articles "{\"body\": \"$article\"}" -N -H 'Accept: text/event-stream'

say 'A text that must not be stored: the cache is neither read nor written'
post /v1/translate '{"text": "Noch nicht zur Veröffentlichung bestimmt."}' -H 'Cache-Control: no-store'

say 'With a deadline: the answer comes within 60 seconds, or a 504'
post /v1/translate '{"text": "Der Zug nach Ulm fährt heute nicht."}' -H 'Request-Timeout-Ms: 60000'

say 'A deadline that is too short (504, or 503 with Retry-After if the queue knows it beforehand)'
refused '503 504' /v1/articles "{\"body\": \"$article Das war alles.\"}" -H 'Request-Timeout-Ms: 1' -H 'Cache-Control: no-store'

say 'An invalid value: the problem names the field'
refused 422 /v1/translate '{"text": " "}'
refused 422 /v1/translate '{"text": "Guten Tag.", "target_lang": "fr"}'

say 'The interface of DeepL'
curl -sS --fail-with-body -H "Authorization: DeepL-Auth-Key ${DEPESCHE_KEY:-none}" \
  --data-urlencode 'text=Guten Morgen.' -d target_lang=EN-GB "$url/v2/translate"
get '/v2/languages?type=target'
get /v2/usage

say 'The interface of LibreTranslate'
post /translate '{"q": "Guten Morgen.", "source": "auto", "target": "en"}'
post /detect '{"q": "Das Rathaus bleibt heute geschlossen."}'
get /languages

say 'Done'
