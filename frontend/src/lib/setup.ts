// SPDX-License-Identifier: Apache-2.0
// The set-up form without its looks: what it holds, what is wrong with it, and
// what of it goes to the hub.
import type { ConfigField, Credentials, Integration, SaveIntegration } from "./api/types";

export interface SetupForm {
  credentials: Credentials;
  clientID: string;
  /** What is typed; empty leaves the stored one. */
  clientSecret: string;
  description: string;
  enabled: boolean;
  scopes: Record<string, boolean>;
  config: Record<string, string>;
}

export function formOf(i: Integration): SetupForm {
  return {
    credentials: i.credentials || i.credentials_offered[0] || "own",
    clientID: i.client_id,
    clientSecret: "",
    description: i.description,
    // Whoever sets something up wants to use it.
    enabled: i.state === "needs_setup" ? true : i.enabled,
    scopes: Object.fromEntries(i.scopes.map((s) => [s.name, s.selected || s.required])),
    config: Object.fromEntries(i.config.filter((f) => !f.installation).map((f) => [f.key, f.value])),
  };
}

/** What is wrong, by field: client_id, client_secret, config.KEY. */
export function validate(f: SetupForm, i: Integration): Record<string, string> {
  const out: Record<string, string> = {};
  if (f.credentials !== "sandbox") {
    if (!f.clientID.trim()) out.client_id = `Enter the client ID that ${i.name} shows for your app.`;
    else if (/\s/.test(f.clientID.trim()))
      out.client_id = "A client ID has no spaces. Was something else copied?";
  }
  if (f.credentials === "own") {
    const kept = i.client_secret_set && f.clientID.trim() === i.client_id;
    if (i.secret_required && !f.clientSecret && !kept) {
      out.client_secret = `${i.name} needs a client secret${i.client_secret_set ? " that belongs to the new client ID" : ""}.`;
    } else if (f.clientSecret !== f.clientSecret.trim()) {
      out.client_secret = "There is a space at the beginning or end.";
    }
  }
  for (const field of i.config) {
    if (field.installation) continue;
    const problem = checkField(field, f.config[field.key] ?? "");
    if (problem) out[`config.${field.key}`] = problem;
  }
  return out;
}

/** What is wrong with the value of a setting; empty: nothing. */
export function checkField(field: ConfigField, value: string): string {
  const v = value.trim();
  if (!v) return field.required && !field.default ? `${field.label} is required.` : "";
  let pattern: RegExp;
  try {
    pattern = new RegExp(field.pattern ? `^(?:${field.pattern})$` : "", "u");
  } catch {
    return ""; // Go's syntax is not quite the browser's; the hub checks again
  }
  if (pattern.test(v)) return "";
  return field.example
    ? `This does not look right. An example: ${field.example}`
    : "This does not have the expected form.";
}

/** What is wrong with the name of a scope (RFC 6749, 3.3); empty: nothing. */
export const checkScope = (name: string): string =>
  /^[\x21\x23-\x5b\x5d-\x7e]{1,200}$/.test(name) ? "" : `“${name}” is no name of a scope.`;

/** What to send: only what changed, so that nothing else is overwritten. */
export function changeOf(f: SetupForm, i: Integration): SaveIntegration {
  const before = formOf(i);
  const out: SaveIntegration = {};
  if (f.credentials !== i.credentials) out.credentials = f.credentials;
  if (f.credentials !== "sandbox" && f.clientID.trim() !== i.client_id) out.client_id = f.clientID.trim();
  if (f.credentials === "own" && f.clientSecret) out.client_secret = f.clientSecret;
  if (f.description.trim() !== i.description) out.description = f.description.trim();
  if (f.enabled !== i.enabled) out.enabled = f.enabled;
  const names = Object.keys(f.scopes);
  if (names.some((s) => f.scopes[s] !== (before.scopes[s] ?? false))) {
    out.scopes = names.filter((s) => f.scopes[s]);
  }
  const config = Object.entries(f.config).filter(([k, v]) => v.trim() !== before.config[k]);
  if (config.length > 0) out.config = Object.fromEntries(config.map(([k, v]) => [k, v.trim()]));
  return out;
}
