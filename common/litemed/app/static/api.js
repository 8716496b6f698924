// Asking the server. What it refuses, and a lost connection, are errors with a line to be shown.

export class Lost extends Error {}

async function answered(request) {
  let response;
  try {
    response = await request;
  } catch {
    throw new Lost("The connection is lost. Is litemed app still running? What was drawn is kept.");
  }
  if (response.ok) return response;
  const text = await response.text();
  let line = text.trim() || `the server answered ${response.status}`;
  try {
    line = JSON.parse(text).error ?? line;
  } catch { /* it was plain text */ }
  throw new Error(line);
}

/** JSON from a path; with a body it is sent to it. */
export async function ask(path, body) {
  const options = body === undefined ? {} : { method: "POST", body: JSON.stringify(body) };
  return (await answered(fetch(path, options))).json();
}

/** Send a file. */
export async function send(path, file) {
  return (await answered(fetch(path, { method: "PUT", body: file }))).json();
}

/** A picture, decoded by the browser. */
export async function picture(path) {
  const blob = await (await answered(fetch(path))).blob();
  return createImageBitmap(blob);
}

/** A path below /results. */
export function result(name) {
  return "/results/" + name.split("/").map(encodeURIComponent).join("/");
}
