// SPDX-License-Identifier: Apache-2.0
// What happened with a connection: the audit, and what the hub did by itself,
// of which it keeps the last only.
import type { ActivityEntry } from "./api/access";
import type { ConnectionDetail } from "./api/types";
import type { Tone } from "./groups";

export interface Happening {
  time: string;
  what: string;
  note?: string;
  tone?: Tone;
  word?: string;
}

export type Moment = { entry: ActivityEntry } | { own: Happening };

const timeOf = (m: Moment) => Date.parse("entry" in m ? m.entry.time : m.own.time);

/** The moments of a connection, the newest first. */
export function timelineOf(d: ConnectionDetail, entries: ActivityEntry[]): Moment[] {
  const out: Moment[] = entries.map((entry) => ({ entry }));
  // One that a person asked for stands in the audit already.
  const asked = entries.some(
    (e) =>
      e.action === "token.refresh" &&
      e.decision === "allowed" &&
      Math.abs(Date.parse(e.time) - Date.parse(d.last_refresh ?? "")) < 60_000,
  );
  if (d.last_refresh && !asked)
    out.push({
      own: {
        time: d.last_refresh,
        what: "renewed the token",
        note: d.generation > 2 ? `${d.generation - 1} times since it was connected.` : undefined,
      },
    });
  if (d.health)
    out.push({
      own: {
        time: d.health.since,
        what: "could not renew the token",
        note: `${d.health.message.charAt(0).toUpperCase()}${d.health.message.slice(1)}.`,
        tone: "warn",
        word: "Failed",
      },
    });
  return out.sort((a, b) => timeOf(b) - timeOf(a));
}
