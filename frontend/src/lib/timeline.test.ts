// SPDX-License-Identifier: Apache-2.0
import { expect, test } from "vitest";
import { connection, detail } from "../dev/scenes";
import type { ActivityEntry } from "./api/access";
import { timelineOf } from "./timeline";

const at = (minute: number) => new Date(Date.UTC(2026, 10, 24, 12, minute)).toISOString();
const entry = (seq: number, minute: number, action: string): ActivityEntry => ({
  seq,
  time: at(minute),
  action,
  decision: "allowed",
  app: "user",
});
const of = (over: object, entries: ActivityEntry[]) =>
  timelineOf({ ...detail(connection("c", "github", "ada")), last_refresh: undefined, ...over }, entries).map(
    (m) => ("entry" in m ? m.entry.action : m.own.what),
  );

test("what the hub did by itself stands between the entries of the audit", () => {
  const entries = [entry(2, 30, "token.vend"), entry(1, 0, "connection.connect")];
  expect(of({ last_refresh: at(10) }, entries)).toEqual([
    "token.vend",
    "renewed the token",
    "connection.connect",
  ]);
  const health = { code: "x", message: "it answers with HTTP 503", since: at(40), next_try: at(50) };
  expect(of({ health }, entries)[0]).toBe("could not renew the token");
  expect(of({}, entries)).toEqual(["token.vend", "connection.connect"]);
});

test("a renewal that a person asked for is told once", () => {
  expect(of({ last_refresh: at(10) }, [entry(1, 10, "token.refresh")])).toEqual(["token.refresh"]);
});
