// What became of the calls of a client, one line of JSON for each: see outcome.py, whose words these are.

import { readFileSync } from "node:fs";

const made = new Set();

export const world = JSON.parse(readFileSync(process.argv[2], "utf8"));

export function report(call, outcome, detail = "") {
  made.add(call.split(" ")[0]);
  console.log(JSON.stringify({ call, outcome, detail }));
}

export function must(holds, found) {
  if (!holds) throw new Error(`the client returned ${JSON.stringify(found)}`);
}

/// `answered` gets status and body of an answer from the client's error, or nothing.
export async function calling(call, answered, ask) {
  try {
    await ask();
  } catch (error) {
    const found = answered(error);
    if (!found) return report(call, "fails", `${error?.name}: ${error?.message}`);
    return report(call, found.status === 501 ? "501" : "refused", `${found.status} ${found.body}`);
  }
  report(call, "works");
}

/// Reports what the package can call and the driver did not.
export function uncalled(names) {
  for (const name of names) if (!made.has(name)) report(name, "not called");
}
