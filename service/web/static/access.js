/** Access: the API key. It is stored only in its input field, which is hidden until the service requires a key. */

const place = (id) => document.getElementById(id);

/** Return the key that was typed, or "" if there is none. */
export function key() {
  return place("key").value.trim();
}

/** Show the input field for the key. */
export function askForKey() {
  place("access").hidden = false;
  place("key").focus();
  place("key").select();
}
