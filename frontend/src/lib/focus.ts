// SPDX-License-Identifier: Apache-2.0

/**
 * Gives the focus to another place where what has it in box is removed: else it
 * would be the body's, and the keyboard at the top of the page. Returns the end of it.
 */
export function keepFocus(box: HTMLElement, give: () => void): () => void {
  let last: Element | null = null;
  const note = () => (last = document.activeElement);
  const seen = new MutationObserver(() => {
    const at = document.activeElement ?? document.body;
    if (last?.isConnected === false && at.contains(box)) give();
  });
  box.addEventListener("focusin", note);
  seen.observe(box, { childList: true, subtree: true });
  return () => {
    box.removeEventListener("focusin", note);
    seen.disconnect();
  };
}
