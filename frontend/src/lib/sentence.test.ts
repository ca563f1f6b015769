// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import type { ActivityEntry } from "./api/access";
import { actionWords, knownActions, sentence } from "./sentence";

const name = (slug: string) => ({ github: "GitHub" })[slug] ?? slug;

/** An entry as it is read. */
function said(over: Partial<ActivityEntry>, own = false): string {
  const s = sentence(
    { seq: 1, time: "", action: "token.vend", decision: "allowed", app: "user", ...over },
    name,
    own,
  );
  return `${s.who} ${s.before}${s.account}${s.after}`;
}

const ada = { connection: "c1", integration: "github", account: "ada" };
const editor = { subject: "app_1", subject_name: "editor2" };

test("an account is named as well as it is known", () => {
  expect(said(ada)).toBe("You drew a token of the GitHub account ada");
  expect(said({ integration: "github", connection: "c1" })).toBe("You drew a token of an account at GitHub");
  expect(said({ connection: "c1" })).toBe("You drew a token of an account that is gone");
  expect(said({ subject: "github", decision: "denied" })).toBe(
    "You asked for a token of an account at GitHub",
  );
  expect(said({ decision: "denied" })).toBe("You asked for a token of an account");
  expect(said(ada, true)).toBe("You drew a token of this account");
  expect(said({ ...ada, action: "connection.resume" })).toBe(
    "You took the GitHub account ada into use again",
  );
  expect(said({ ...ada, account: "{app}" })).toBe("You drew a token of the GitHub account {app}");
});

test("an app is named, also one that asks", () => {
  expect(said({ ...ada, ...editor, action: "approval.answer" })).toBe(
    "You let the app “editor2”, which asked, use the GitHub account ada",
  );
  expect(said({ ...ada, ...editor, action: "approval.answer", decision: "denied" })).toBe(
    "You refused the app “editor2”, which asked, the use of the GitHub account ada",
  );
  expect(said({ ...ada, ...editor, action: "approval.answer", decision: "denied", rule: "timeout" })).toBe(
    "Nobody answered the app “editor2”, which asked to use the GitHub account ada",
  );
  expect(said({ ...editor, action: "app.add" })).toBe("You added the app “editor2”");
  expect(said({ subject: "app_1", action: "app.remove" })).toBe("You revoked an app that is gone");
  expect(said({ ...editor, action: "app.grant" })).toBe(
    "You granted the app “editor2” the use of an account",
  );
  expect(said({ subject: "ABCD", action: "app.pair", decision: "denied" })).toBe(
    "You refused a key to a program that asked",
  );
  expect(said({ ...ada, app: "app_1", app_name: "editor2" })).toBe(
    "editor2 drew a token of the GitHub account ada",
  );
  expect(said({ ...ada, app: "app_1" })).toBe(
    "An app that is gone (app_1) drew a token of the GitHub account ada",
  );
});

test("a call through the hub says where to, if it came to one", () => {
  const call = { ...ada, action: "token.relay", subject: "GET api.github.com" };
  expect(said(call)).toBe("You called api.github.com (GET) through the hub as the GitHub account ada");
  expect(said({ action: "token.relay", subject: "github", decision: "denied" })).toBe(
    "You asked to call a host through the hub as an account at GitHub",
  );
});

test("what Standpipe does by itself is not somebody else's, nor in vain", () => {
  expect(said({ app: "hub", action: "hub.lock", rule: "suspend" })).toBe(
    "Standpipe locked itself because the machine went to sleep",
  );
  expect(said({ app: "hub", action: "hub.lock", rule: "of tomorrow" })).toBe("Standpipe locked itself");
  expect(said({ app: "hub", action: "plugin.crash", subject: "acme", decision: "failed" })).toBe(
    "Standpipe stopped the plugin acme, which kept crashing",
  );
  expect(said({ app: "", ...ada, action: "token.revoke" })).toBe(
    "Standpipe revoked the tokens of the GitHub account ada at the provider",
  );
});

test("what did not come to pass was tried", () => {
  expect(said({ action: "hub.unlock", decision: "denied" })).toBe("You tried to unlock Standpipe");
  expect(said({ action: "connection.import", subject: "github", decision: "denied" })).toBe(
    "You tried to import an account at GitHub",
  );
  expect(said({ action: "integration.set", subject: "github" })).toBe("You changed the set-up of GitHub");
  expect(said({ action: "of.tomorrow" })).toBe("You did “of.tomorrow”");
});

test("every action of the hub is a sentence, whatever is known of it", () => {
  const go = readFileSync("../app/internal/hub/audit.go", "utf8");
  const actions = [...go.matchAll(/AuditAction = "([^"]+)"/g)].map((m) => m[1]!);
  expect(actions.length).toBeGreaterThan(30);
  expect([...knownActions].sort()).toEqual(actions.sort());
  for (const action of actions) {
    expect(actionWords(action)).toMatch(/^[a-z][^{}]+$/);
    for (const decision of ["allowed", "denied", "failed"] as const) {
      for (const more of [{}, ada, editor, { ...ada, ...editor }]) {
        expect(said({ ...more, action, decision })).toMatch(/^(You|Standpipe) [^{}\0]+$/);
      }
    }
  }
});
