// SPDX-License-Identifier: Apache-2.0

const units: [Intl.RelativeTimeFormatUnit, number][] = [
  ["day", 86_400],
  ["hour", 3600],
  ["minute", 60],
];

/** "3 minutes ago", "in 2 hours", "just now", "in a moment". */
export function relative(iso: string, now = Date.now()): string {
  const seconds = Math.round((Date.parse(iso) - now) / 1000);
  if (Number.isNaN(seconds)) return "at an unknown time";
  const words = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
  for (const [unit, size] of units) {
    if (Math.abs(seconds) >= size) return words.format(Math.trunc(seconds / size), unit);
  }
  return seconds <= 0 ? "just now" : "in a moment";
}

/** "14:05", with the day where it is not today. */
export function clock(iso: string, now = new Date()): string {
  const t = new Date(iso);
  if (Number.isNaN(t.getTime())) return "an unknown time";
  const time = t.toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });
  if (t.toDateString() === now.toDateString()) return time;
  return `${t.toLocaleDateString("en-GB", { day: "numeric", month: "short" })}, ${time}`;
}

/** "next try in 2 minutes"; one that is due is under way. */
export function nextTry(iso: string, now = Date.now()): string {
  return Date.parse(iso) <= now ? "trying again now" : `next try ${relative(iso, now)}`;
}

/** "in 10 minutes", "in 45 seconds": how long is left. Whole minutes from two on. */
export function left(iso: string, now = Date.now()): string {
  const seconds = Math.max(0, Math.ceil((Date.parse(iso) - now) / 1000));
  const words = new Intl.RelativeTimeFormat("en", { numeric: "always" });
  return seconds >= 120 ? words.format(Math.ceil(seconds / 60), "minute") : words.format(seconds, "second");
}
