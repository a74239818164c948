/** Stream: reads server-sent events from the body of a response, because EventSource cannot send a POST request. */

/** Yield {name, data} with parsed data for each event. Comments are ignored. */
export async function* eventsOf(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let waiting = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const blocks = (waiting + value).split("\n\n");
    waiting = blocks.pop();
    for (const event of blocks.map(eventOf)) if (event !== null) yield event;
  }
}

function eventOf(block) {
  const fields = block.split("\n").map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 1)]);
  const data = fields.filter(([field]) => field === "data").map(([, value]) => value.replace(/^ /, ""));
  if (data.length === 0) return null;
  const name = fields.find(([field]) => field === "event");
  return { name: name === undefined ? "message" : name[1].trim(), data: JSON.parse(data.join("\n")) };
}
