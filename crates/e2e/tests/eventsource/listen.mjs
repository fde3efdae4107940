// Follows a stream with the `eventsource` package as a program would, and prints a line for each message. It knows
// nothing of kills: coming back, with the last id, is the package's own work.
//
//     node listen.mjs <folder with node_modules> <url> <token>

import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const [folder, url, token] = process.argv.slice(2);
const found = createRequire(pathToFileURL(`${folder}/`)).resolve("eventsource");
const { EventSource } = await import(pathToFileURL(found));

const source = new EventSource(url, {
  fetch: (input, init) => fetch(input, { ...init, headers: { ...init.headers, Authorization: `Bearer ${token}` } }),
});
const say = (what, text) => process.stdout.write(`${what} ${text}\n`);
source.addEventListener("open", () => say("open", ""));
source.addEventListener("notification", (event) => say("message", event.data));
source.addEventListener("reset", (event) => say("reset", event.data));
source.addEventListener("error", (event) => {
  // What it does not come back from by itself.
  if (source.readyState === EventSource.CLOSED) {
    say("closed", event.message ?? "");
    process.exit(1);
  }
});
