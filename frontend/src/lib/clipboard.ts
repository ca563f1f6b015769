// SPDX-License-Identifier: Apache-2.0
// A secret in the clipboard, for a while.

export interface Copied {
  /** Takes it out now. */
  clear: () => void;
}

/**
 * Puts a secret into the clipboard and takes it out again after some seconds.
 * Browsers write the clipboard only for the page in front: where it is not at
 * that time, the clearing waits until it is. tick gets the seconds that are
 * left, 0 when it is done.
 */
export async function copyFor(
  secret: string,
  seconds: number,
  tick: (left: number) => void,
): Promise<Copied> {
  await navigator.clipboard.writeText(secret);
  const end = Date.now() + seconds * 1000;
  let over = false;

  async function clear() {
    if (over) return;
    try {
      await navigator.clipboard.writeText("");
    } catch {
      return; // not in front; the next look tries again
    }
    over = true;
    clearInterval(timer);
    removeEventListener("focus", look);
    removeEventListener("pagehide", leave);
    tick(0);
  }
  function look() {
    const left = Math.ceil((end - Date.now()) / 1000);
    if (left > 0) tick(left);
    else void clear();
  }
  const leave = () => void clear();
  const timer = setInterval(look, 1000);
  addEventListener("focus", look);
  addEventListener("pagehide", leave);
  tick(seconds);
  return { clear: leave };
}
