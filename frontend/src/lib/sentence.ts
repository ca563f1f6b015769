// SPDX-License-Identifier: Apache-2.0
// An entry of the audit as a sentence: "You connected the GitHub account ada".
import type { ActivityEntry } from "./api/access";

/**
 * What was done, in three parts: the verb as it is said of what came to pass, its
 * infinitive for "tried to", and the rest. {account}, {app}, {provider} and {plugin}
 * stand for what it was done to, {call} for a method and a host.
 */
type Deed = readonly [done: string, infinitive: string, rest: string];

const deeds: Record<string, Deed> = {
  "token.vend": ["drew", "draw", "a token of {account}"],
  "token.relay": ["called", "call", "{call} through the hub as {account}"],
  "token.reveal": ["copied", "copy", "a token of {account}"],
  "token.refresh": ["renewed", "renew", "a token of {account}"],
  "token.revoke": ["revoked", "revoke", "the tokens of {account} at the provider"],
  "connection.connect": ["connected", "connect", "{account}"],
  "connection.reauthorize": ["reauthorized", "reauthorize", "{account}"],
  "connection.disconnect": ["disconnected", "disconnect", "{account}"],
  "connection.resume": ["took", "take", "{account} into use again"],
  "connection.import": ["imported", "import", "{account}"],
  "connection.export": ["exported", "export", "{account}"],
  "app.add": ["added", "add", "{app}"],
  "app.remove": ["revoked", "revoke", "{app}"],
  "app.discard": ["removed", "remove", "what was left of a damaged app"],
  "app.grant": ["granted", "grant", "{app} the use of {account}"],
  "app.withdraw": ["withdrew", "withdraw", "from {app} the use of {account}"],
  "app.rotate": ["gave", "give", "{app} a new key"],
  "app.rename": ["renamed", "rename", "{app}"],
  "app.pair": ["let", "let", "a program that asked have a key"],
  "approval.answer": ["let", "let", "{app}, which asked, use {account}"],
  "hub.lock": ["locked", "lock", "Standpipe"],
  "hub.unlock": ["unlocked", "unlock", "Standpipe"],
  "hub.lock_settings": ["changed", "change", "when Standpipe locks"],
  "integration.set": ["changed", "change", "the set-up of {provider}"],
  "provider.set": ["declared", "declare", "{provider}"],
  "provider.remove": ["removed", "remove", "{provider}"],
  "plugin.pin": ["installed", "install", "{plugin}"],
  "plugin.develop": ["loaded", "load", "{plugin}, which is in development"],
  "plugin.remove": ["removed", "remove", "{plugin}"],
  "plugin.crash": ["stopped", "stop", "{plugin}, which kept crashing"],
  "ui.link": ["made", "make", "a login link to this page"],
  "store.backup": ["made", "make", "a backup"],
  "store.restore": ["restored", "restore", "a backup"],
  "store.reset": ["gave up", "give up", "lost keys and began anew"],
  "keys.rotate": ["made", "make", "new data keys"],
  "keys.source": ["changed", "change", "where the master key is"],
  "keys.recovery": ["changed", "change", "the recovery key"],
};

/** What is not said by "tried to": the others only asked, or it is a no. */
const refusals: Record<string, string> = {
  "token.vend": "asked for a token of {account}",
  "token.relay": "asked to call {call} through the hub as {account}",
  "token.reveal": "asked for a copy of a token of {account}",
  "app.pair": "refused a key to a program that asked",
  "approval.answer": "refused {app}, which asked, the use of {account}",
  "plugin.crash": "stopped {plugin}, which kept crashing", // it failed: the plugin, not the stop
};

/** Why Standpipe locked itself, by the rule of the entry. */
const lockedBy: Record<string, string> = {
  idle: "because nobody had used it for a while",
  screen: "because the screen was locked",
  suspend: "because the machine went to sleep",
};

/** Those that one can filter by. */
export const knownActions = Object.keys(deeds);

/** "drew a token of an account"; what this version does not know is shown by its name. */
export function actionWords(action: string): string {
  const deed = deeds[action];
  return deed ? fill(`${deed[0]} ${deed[2]}`, (what) => anything[what] ?? "") : action;
}

const anything: Record<string, string> = {
  account: "an account",
  app: "an app",
  provider: "a provider",
  plugin: "a plugin",
  call: "a host",
};

const fill = (words: string, what: (name: string) => string) =>
  words.replace(/\{(\w+)\}/g, (_, name: string) => what(name));

export interface Sentence {
  who: string;
  /** What comes before the account's label, or all where none is named. */
  before: string;
  account: string;
  after: string;
}

/**
 * What an entry tells. name gives the name of an integration. On the page of a
 * connection, own, the account is known and only pointed at.
 */
export function sentence(e: ActivityEntry, name: (integration: string) => string, own = false): Sentence {
  const [who, words] = told(e);
  const mark = "\0"; // where the label goes, which may hold anything
  const text = fill(words, (what) => {
    switch (what) {
      case "account":
        return accountWords(e, name, own, mark);
      case "app":
        return e.subject_name ? `the app “${e.subject_name}”` : "an app that is gone";
      case "provider":
        return e.subject ? name(e.subject) : "a provider";
      case "plugin":
        return e.subject ? `the plugin ${e.subject}` : "a plugin";
      default:
        return callWords(e.subject);
    }
  });
  const [before = "", after] = text.split(mark);
  return { who, before, account: after === undefined ? "" : (e.account ?? ""), after: after ?? "" };
}

/** Who did what, still with its placeholders. */
function told(e: ActivityEntry): [who: string, words: string] {
  const who = actorWords(e);
  const deed = deeds[e.action];
  if (!deed) return [who, `${e.decision === "allowed" ? "did" : "tried"} “${e.action}”`];
  if (e.action === "approval.answer" && e.rule === "timeout")
    return ["Nobody", "answered {app}, which asked to use {account}"];
  if (e.action === "hub.lock" && e.app === "hub")
    return [who, `locked itself ${lockedBy[e.rule ?? ""] ?? ""}`.trimEnd()];
  if (e.decision === "allowed") return [who, `${deed[0]} ${deed[2]}`];
  return [who, refusals[e.action] ?? `tried to ${deed[1]} ${deed[2]}`];
}

function accountWords(
  e: ActivityEntry,
  name: (integration: string) => string,
  own: boolean,
  mark: string,
): string {
  if (own) return "this account";
  if (e.integration) {
    return e.account ? `the ${name(e.integration)} account ${mark}` : `an account at ${name(e.integration)}`;
  }
  if (e.connection) return "an account that is gone";
  // Of what was not connected, the subject names the integration; an app's id is none.
  return e.subject && /^(token|connection)\./.test(e.action) && !e.subject.includes(" ")
    ? `an account at ${name(e.subject)}`
    : "an account";
}

/** "GET api.github.com" in words; where it came to no call, the subject is another. */
function callWords(subject = ""): string {
  const [method, host] = subject.split(" ");
  return host ? `${host} (${method})` : "a host";
}

/** Who did it. */
function actorWords(e: ActivityEntry): string {
  if (e.app === "user") return "You";
  if (!e.app || e.app === "hub") return "Standpipe";
  return e.app_name ?? `An app that is gone (${e.app})`;
}
