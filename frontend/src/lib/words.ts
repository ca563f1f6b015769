// SPDX-License-Identifier: Apache-2.0
// What an app may draw and how it went, in words.
import type { Grant, Peer } from "./api/access";
import { clock } from "./time";

/** What the kernel says of a process: a fact, unlike any name, which is said to be none. */
export function programWords(p: Peer | undefined): string {
  if (!p?.pid) return "An unknown program";
  if (p.exe) return `${p.exe} (process ${p.pid})`;
  return p.name
    ? `Process ${p.pid}, which calls itself “${p.name}”`
    : `Process ${p.pid}, whose program is not known`;
}

/** How far that is a fact. */
export function programNote(p: Peer | undefined): string {
  if (p?.exe) return "as the system says";
  return p?.pid ? "the system tells its number only" : "the system does not tell";
}

/** How long a grant lasts. */
export function lifeWords(g: Grant): string {
  switch (g.lasts) {
    case "once":
      return "once";
    case "until_lock":
      return "until Standpipe is locked or stopped";
    case "until":
      return g.expires_at ? `until ${clock(g.expires_at)}` : "for a while";
    case "always":
      return "until you withdraw it";
  }
}

export const decisionTone = { allowed: "good", denied: "bad", failed: "warn" } as const;
export const decisionWords = { allowed: "Allowed", denied: "Denied", failed: "Failed" } as const;

const codes: Record<string, string> = {
  invalid_request: "What was asked for makes no sense.",
  unauthorized: "The key was not known.",
  forbidden: "It may not do that.",
  consent_required: "It had not been allowed.",
  entity_not_found: "There is no such thing here.",
  not_implemented: "The provider cannot do that.",
  not_installed: "The account is not connected.",
  needs_reauthorization: "The account needs you.",
  account_selection_required: "It did not say which of several accounts.",
  account_mismatch: "It was another account.",
  conflict: "Something else was in the way.",
  grant_shared: "Other connections would have ended too.",
  read_only: "It is set in a file.",
  unprocessable_entity: "What was asked for makes no sense.",
  integration_disabled: "The provider is switched off here.",
  integration_not_configured: "The provider is not set up.",
  flow_expired: "It took too long.",
  flow_mismatch: "The answer was to another question.",
  access_denied: "It was declined at the provider.",
  provider_misconfigured: "The provider did not take the client ID or secret.",
  provider_unavailable: "The provider could not be reached.",
  provider_refused: "The provider refused.",
  rate_limited: "The provider asked to wait.",
  too_many_requests: "It asked too often.",
  plugin_unavailable: "The provider's plugin was not there.",
  plugin_failed: "The provider's plugin failed.",
  integrity_error: "What is stored was damaged.",
  storage_unavailable: "Nothing could be stored.",
  audit_unavailable: "It could not be noted down.",
  locked: "Standpipe was locked.",
  not_configured: "Standpipe was not set up.",
  internal_error: "Something went wrong inside of Standpipe.",
  scope_missing: "A permission is missing.",
};

/** Why it was not given. */
export const codeWords = (code: string) => codes[code] ?? `The reason is called ${code}.`;
