/** Access: the API key. Only its input field holds it, and the field is hidden until the service requires a key. */

const place = (id) => document.getElementById(id);

/** The typed key; "" if there is none. */
export function key() {
  return place("key").value.trim();
}

/** Show the field for the key. */
export function askForKey() {
  place("access").hidden = false;
  place("key").focus();
  place("key").select();
}
