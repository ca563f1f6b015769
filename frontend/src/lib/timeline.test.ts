// SPDX-License-Identifier: Apache-2.0
import { expect, test } from "vitest";
import type { ActivityEntry } from "./api/access";
import type { Renewal } from "./api/types";
import { ownOf, timelineOf } from "./timeline";

const at = (minute: number, second = 0) => new Date(Date.UTC(2026, 10, 24, 12, minute, second)).toISOString();
const entry = (seq: number, minute: number, action: string, over = {}): ActivityEntry => ({
  seq,
  time: at(minute),
  action,
  decision: "allowed",
  app: "user",
  ...over,
});
const renewal = (minute: number, over = {}): Renewal => ({ time: at(minute), cause: "ahead", ...over });
const words = (history: Renewal[], entries: ActivityEntry[]) =>
  timelineOf(history, entries).map((m) =>
    "entry" in m ? m.entry.action + (m.times > 1 ? ` ×${m.times}` : "") : m.own.what,
  );

test("what the hub did by itself stands between the entries of the audit", () => {
  const entries = [entry(2, 30, "token.vend"), entry(1, 0, "connection.connect")];
  const failed = { code: "provider_unavailable", message: "it answers with HTTP 503" };
  expect(words([renewal(40, failed), renewal(10)], entries)).toEqual([
    "could not renew the token",
    "token.vend",
    "renewed the token before it expired",
    "connection.connect",
  ]);
  expect(words([], entries)).toEqual(["token.vend", "connection.connect"]);
});

test("a renewal that a person asked for is told once", () => {
  const asked: Renewal = { time: at(10, 20), cause: "asked" };
  expect(words([asked], [entry(1, 10, "token.refresh")])).toEqual(["token.refresh"]);
  expect(words([asked], [entry(1, 9, "token.refresh")])).toHaveLength(2);
  expect(words([asked], [entry(1, 10, "token.vend")])).toEqual([
    "renewed the token as somebody asked",
    "token.vend",
  ]);
});

test("draws that are alike are one line, as long as nothing comes between", () => {
  const draws = [9, 8, 7, 6, 5].map((n) => entry(n, n, "token.vend", { app: "app_1" }));
  expect(words([], draws)).toEqual(["token.vend ×5"]);
  expect(words([renewal(7, { time: at(7, 30) })], draws)).toEqual([
    "token.vend ×2",
    "renewed the token before it expired",
    "token.vend ×3",
  ]);
  expect(words([], [...draws, entry(1, 1, "token.vend", { app: "app_2" })])).toHaveLength(2);
  expect(
    words([], [entry(9, 10, "token.vend", { app: "app_1", decision: "denied" }), ...draws]),
  ).toHaveLength(2);
  const keys = timelineOf([renewal(7), renewal(6)], draws).map((m) => m.key);
  expect(new Set(keys).size).toBe(keys.length);
});

test("each try says how it went", () => {
  expect(ownOf(renewal(1, { token: "user" })).what).toBe("renewed the token “user” before it expired");
  expect(ownOf(renewal(1, { code: "plugin_failed", message: "its plugin died" }))).toMatchObject({
    note: "Its plugin died.",
    word: "Failed",
  });
  const over = {
    code: "needs_reauthorization",
    reason: "revoked_by_user",
    message: "The access was withdrawn.",
  };
  expect(ownOf(renewal(1, over))).toMatchObject({
    note: "The access was withdrawn.",
    word: "Ended",
    tone: "bad",
  });
  expect(ownOf(renewal(1, { ...over, cause: "disconnect" })).what).toContain("with another account");
});
