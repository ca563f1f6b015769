// SPDX-License-Identifier: Apache-2.0
import type { GrantLife } from "./api/access";

/** For how long something can be allowed, the shortest first. */
export const lives: { value: string; label: string; grant: { lasts: GrantLife; for?: number } }[] = [
  { value: "once", label: "Once", grant: { lasts: "once" } },
  { value: "10m", label: "For 10 minutes", grant: { lasts: "until", for: 600 } },
  { value: "until_lock", label: "Until Standpipe is locked", grant: { lasts: "until_lock" } },
  { value: "always", label: "Always", grant: { lasts: "always" } },
];
