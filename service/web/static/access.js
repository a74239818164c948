/** Access: the key that a service may ask for. It lies in its field alone, which shows once it is asked for. */

const place = (id) => document.getElementById(id);

/** What was typed as a key; "" where nothing was. */
export function key() {
  return place("key").value.trim();
}

/** Let the reader give a key, or another one. */
export function askForKey() {
  place("access").hidden = false;
  place("key").focus();
  place("key").select();
}
