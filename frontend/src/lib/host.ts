// SPDX-License-Identifier: Apache-2.0
// What the server wrote into the index page, and the session of this tab.

const storageKey = "standpipe-session";

function meta(name: string): string {
  const content = document.querySelector<HTMLMetaElement>(`meta[name="${name}"]`)?.content ?? "";
  // An unreplaced placeholder: the development server.
  return content.startsWith("%") ? "" : content;
}

/** Whether the page is in Standpipe's own window rather than in a browser. */
export const inWindow = () => meta("standpipe-host") === "window";

/** The session token: of the launch in the window, else of this tab. */
export function sessionToken(): string {
  return meta("standpipe-session") || (sessionStorage.getItem(storageKey) ?? "");
}

export function keepSession(token: string) {
  sessionStorage.setItem(storageKey, token);
}

export function forgetSession() {
  sessionStorage.removeItem(storageKey);
}

/**
 * Takes the one-time code out of the address (#code=…), so that it stays in
 * neither the address bar nor the history. Empty: there was none.
 */
export function takeCode(): string {
  const code = new URLSearchParams(location.hash.slice(1)).get("code") ?? "";
  if (code) history.replaceState(null, "", location.pathname + location.search + "#/");
  return code;
}
