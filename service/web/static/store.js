/** Store: keeps the form and the result in the tab's session storage, so that a reload loses nothing. */

const NAME = "depesche";

/** Store a value that JSON can represent. If it does not fit, nothing is stored, and the function returns false. */
export function keep(value) {
  try {
    sessionStorage.setItem(NAME, JSON.stringify(value));
    return true;
  } catch {
    forget();
    return false;
  }
}

/** Return the stored value, or null if there is none. */
export function kept() {
  try {
    return JSON.parse(sessionStorage.getItem(NAME));
  } catch {
    return null;
  }
}

/** Delete the stored value. A browser that blocks the storage has none. */
export function forget() {
  try {
    sessionStorage.removeItem(NAME);
  } catch {
    // Reading `sessionStorage` throws if it is blocked.
  }
}
