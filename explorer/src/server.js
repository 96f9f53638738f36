/** The server that the page came from, asked with the headers of the Headers tab. */

import { tryParseJSONC, useHeadersEditorState } from "@graphiql/react";
import { useMemo } from "react";

export const ENDPOINT = new URL("graphql", location.href);

/** `ask` and `download`, as whoever the Headers tab says. */
export function useServer() {
  const [headers] = useHeadersEditorState();
  return useMemo(
    () => ({
      ask: (query, variables) => ask(parsed("Headers", headers), query, variables),
      download: (name, format, options) => download(parsed("Headers", headers), name, format, options),
    }),
    [headers],
  );
}

/** The object in an editor; `what` names the editor where there is none. */
export function parsed(what, text) {
  try {
    return tryParseJSONC(text) ?? {};
  } catch (error) {
    throw new Error(`${what} ${error.message}`);
  }
}

async function ask(headers, query, variables) {
  const response = await fetch(ENDPOINT, {
    method: "POST",
    headers: { ...headers, "Content-Type": "application/json" },
    body: JSON.stringify({ query, variables }),
  });
  const { data, errors } = await response.json();
  if (errors?.length) throw refusal(errors);
  return data;
}

/** Save a report as a file, under the name that the server gives it. */
async function download(headers, name, format, options) {
  const address = new URL(`reports/${encodeURIComponent(name)}.${format}`, ENDPOINT);
  address.search = new URLSearchParams(options);
  const response = await fetch(address, { headers });
  if (!response.ok) throw refusal((await response.json()).errors);
  saveAs(await response.blob(), nameIn(response.headers.get("Content-Disposition")) ?? `${name}.${format}`);
}

function refusal(errors) {
  const problems = errors.map(({ message, locations: [place] = [] }) => ({ message, ...place }));
  return Object.assign(new Error(problems.map(({ message }) => message).join(" ")), { problems });
}

function nameIn(disposition) {
  const encoded = disposition?.match(/filename\*=UTF-8''([^;]+)/i)?.[1];
  return encoded && decodeURIComponent(encoded);
}

function saveAs(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
