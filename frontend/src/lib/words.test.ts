// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { codeWords, programNote, programWords } from "./words";

test("what a process calls itself is said to be no fact", () => {
  const exe = { uid: 1000, pid: 7, exe: "/usr/bin/editor" };
  expect([programWords(exe), programNote(exe)]).toEqual([
    "/usr/bin/editor (process 7)",
    "as the system says",
  ]);
  const named = { uid: 1000, pid: 7, name: "standpipe" };
  expect([programWords(named), programNote(named)]).toEqual([
    "Process 7, which calls itself “standpipe”",
    "the system tells its number only",
  ]);
  expect(programWords({ uid: 1000, pid: 7 })).toBe("Process 7, whose program is not known");
  for (const none of [undefined, { uid: 1000 }]) {
    expect([programWords(none), programNote(none)]).toEqual([
      "An unknown program",
      "the system does not tell",
    ]);
  }
});

test("every code of the hub is a sentence", () => {
  const go = readFileSync("../app/internal/hub/errors.go", "utf8");
  const codes = [...go.matchAll(/^\tCode\w+ +Code = "([^"]+)"/gm)].map((m) => m[1]!);
  expect(codes.length).toBeGreaterThan(25);
  for (const code of codes) {
    expect(codeWords(code)).toMatch(/^[A-Z][^_]+\.$/);
    expect(codeWords(code)).not.toContain("is called");
  }
  expect(codeWords("of_tomorrow")).toBe("The reason is called of_tomorrow.");
});
