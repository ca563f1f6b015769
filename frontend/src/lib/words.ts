// SPDX-License-Identifier: Apache-2.0
// What an app may draw and what was done, in words.
import type { ActivityEntry, Grant, Peer } from "./api/access";
import { clock } from "./time";

/** What the kernel says of a process: a fact, unlike any name. */
export function programWords(p: Peer | undefined): string {
  if (!p?.pid) return "An unknown program";
  return p.exe ? `${p.exe} (process ${p.pid})` : `Process ${p.pid}, whose program is not known`;
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

const actions: Record<string, string> = {
  "token.vend": "drew a token",
  "token.relay": "called through the hub",
  "token.reveal": "copied a token",
  "token.refresh": "renewed a token",
  "token.revoke": "revoked a token at the provider",
  "connection.connect": "connected an account",
  "connection.reauthorize": "reauthorized an account",
  "connection.disconnect": "disconnected an account",
  "app.add": "added an app",
  "app.remove": "revoked an app",
  "app.discard": "removed what was left of a damaged app",
  "app.grant": "granted something to an app",
  "app.withdraw": "withdrew a grant",
  "app.rotate": "gave an app a new key",
  "app.rename": "renamed an app",
  "app.pair": "answered a program that asked for a key",
  "approval.answer": "answered an app that asked",
  "hub.lock": "locked Standpipe",
  "hub.unlock": "unlocked Standpipe",
  "hub.lock_settings": "changed when Standpipe locks",
  "integration.set": "changed the set-up of a provider",
  "provider.set": "declared a provider",
  "provider.remove": "removed a provider",
  "plugin.pin": "installed a plugin",
  "plugin.develop": "loaded a plugin in development",
  "plugin.remove": "removed a plugin",
  "plugin.crash": "stopped a plugin that kept crashing",
  "ui.link": "made a login link to this page",
  "store.backup": "made a backup",
  "store.restore": "restored a backup",
  "store.reset": "gave up lost keys and began anew",
  "connection.resume": "took an account into use again",
  "connection.import": "imported an account",
  "connection.export": "exported an account",
  "keys.rotate": "made new data keys",
  "keys.source": "changed where the master key is",
  "keys.recovery": "changed the recovery key",
};

/** Those that one can filter by. */
export const knownActions = Object.keys(actions);

/** "drew a token"; what this version does not know is shown by its name. */
export const actionWords = (action: string) => actions[action] ?? action;

/** What was wanted, where it did not come to pass. */
const attempts: Record<string, string> = {
  "token.vend": "asked for a token",
  "token.relay": "asked for a call through the hub",
  "token.reveal": "asked for a copy of a token",
  "token.refresh": "tried to renew a token",
  "token.revoke": "tried to revoke a token at the provider",
};

/** What an entry tells: "drew a token", or "asked for a token" where none was given. */
export function entryWords(e: Pick<ActivityEntry, "action" | "decision">): string {
  if (e.decision === "allowed") return actionWords(e.action);
  return attempts[e.action] ?? `${actionWords(e.action)}, in vain`;
}

/** What it was done to, where that is no account: the subject of an entry, if it means something to people. */
export function subjectWords(e: ActivityEntry, name: (integration: string) => string): string {
  if (e.subject_name) return e.subject_name;
  if (!e.subject) return "";
  if (/^(integration|provider)\./.test(e.action)) return name(e.subject);
  if (e.action === "token.vend" && !e.integration) return name(e.subject); // nothing was connected
  return /^(plugin\.|token\.relay$)/.test(e.action) ? e.subject : "";
}

/** Who did it. */
export function actorWords(e: ActivityEntry): string {
  if (e.app === "user") return "You";
  if (!e.app) return "Standpipe";
  return e.app_name ?? `An app that is gone (${e.app})`;
}

export const decisionTone = { allowed: "good", denied: "bad", failed: "warn" } as const;
export const decisionWords = { allowed: "Allowed", denied: "Denied", failed: "Failed" } as const;

const codes: Record<string, string> = {
  consent_required: "It had not been allowed.",
  forbidden: "It may not do that.",
  unauthorized: "The key was not known.",
  needs_reauthorization: "The account needs you.",
  not_installed: "The account is not connected.",
  provider_unavailable: "The provider could not be reached.",
  rate_limited: "The provider asked to wait.",
  locked: "Standpipe was locked.",
  scope_missing: "A permission is missing.",
};

/** Why it was not given. */
export const codeWords = (code: string) => codes[code] ?? code.replaceAll("_", " ");
