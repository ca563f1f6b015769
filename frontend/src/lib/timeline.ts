// SPDX-License-Identifier: Apache-2.0
// What happened with a connection: the audit tells what apps and people did, its
// history what the hub did by itself.
import type { ActivityEntry } from "./api/access";
import type { Renewal } from "./api/types";
import type { Tone } from "./groups";

/** Something that the hub did by itself. */
export interface Own {
  time: string;
  what: string;
  note?: string;
  tone?: Tone;
  word?: string;
}

/** An entry of the audit, with how many that are alike follow each other; or the hub's own. */
export type Moment = { key: string } & ({ entry: ActivityEntry; times: number } | { own: Own });

const timeOf = (m: Moment) => Date.parse("entry" in m ? m.entry.time : m.own.time);

const because: Record<Renewal["cause"], string> = {
  ahead: "before it expired",
  draw: "when an app asked for it",
  refused: "after an app reported that it is refused",
  asked: "as somebody asked",
  disconnect: "",
};

/** What a try to renew a token tells. */
export function ownOf(r: Renewal): Own {
  const token = r.token ? `the token “${r.token}”` : "the token";
  if (!r.code) return { time: r.time, what: `renewed ${token} ${because[r.cause]}` };
  const own = { time: r.time, note: sentence(r.message ?? r.code.replaceAll("_", " ")) };
  if (r.cause === "disconnect")
    return { ...own, what: "saw its authorization end with another account", tone: "bad", word: "Ended" };
  if (r.reason) return { ...own, what: `was refused when it renewed ${token}`, tone: "bad", word: "Ended" };
  return { ...own, what: `could not renew ${token}`, tone: "warn", word: "Failed" };
}

const sentence = (s: string) => s.charAt(0).toUpperCase() + s.slice(1) + (s.endsWith(".") ? "" : ".");

/** Renewals take less than a minute; the audit has the time at which one was asked for. */
const takes = 60_000;

/** The moments of a connection, the newest first. Both lists have their newest first. */
export function timelineOf(history: Renewal[], entries: ActivityEntry[]): Moment[] {
  // What a person asked for stands in the audit already.
  const asked = entries.filter((e) => e.action === "token.refresh").map((e) => Date.parse(e.time));
  const own = history.filter(
    (r) =>
      r.cause !== "asked" ||
      !asked.some((at) => Date.parse(r.time) - at > -1000 && Date.parse(r.time) - at < takes),
  );
  const all: Moment[] = [
    ...entries.map((entry) => ({ key: `entry-${entry.seq}`, entry, times: 1 })),
    ...own.map((r, i) => ({ key: `own-${own.length - i}`, own: ownOf(r) })),
  ];
  all.sort((a, b) => timeOf(b) - timeOf(a));
  const out: Moment[] = [];
  for (const m of all) {
    const last = out.at(-1);
    if (last && "entry" in last && "entry" in m && alike(last.entry, m.entry)) last.times++;
    else out.push(m);
  }
  return out;
}

function alike(a: ActivityEntry, b: ActivityEntry): boolean {
  return (
    a.action === b.action &&
    a.decision === b.decision &&
    a.app === b.app &&
    a.code === b.code &&
    a.scope === b.scope &&
    a.subject === b.subject &&
    a.peer?.exe === b.peer?.exe &&
    a.peer?.name === b.peer?.name
  );
}
