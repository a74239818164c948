/** Roving: one tab stop for a whole text. The arrow keys move between sentences. */

const STEPS = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 };

/** Make `sentences` a single tab stop. A click or `focus()` also moves the stop. */
export function rove(sentences) {
  sentences.forEach((sentence, number) => {
    sentence.tabIndex = number === 0 ? 0 : -1;
    sentence.addEventListener("keydown", (event) => {
      const next = aimed(event, number, sentences.length);
      if (next === null) return;
      event.preventDefault();
      sentences[next].focus();
    });
    sentence.addEventListener("focus", () => {
      for (const other of sentences) other.tabIndex = other === sentence ? 0 : -1;
    });
  });
}

function aimed(event, number, count) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target !== event.currentTarget) return null;
  if (event.key === "Home") return 0;
  if (event.key === "End") return count - 1;
  const step = STEPS[event.key];
  return step === undefined ? null : Math.max(0, Math.min(count - 1, number + step));
}
