// SPDX-License-Identifier: Apache-2.0
import { cleanup } from "@testing-library/svelte";
import { afterEach } from "vitest";

// jsdom has no modal dialogs: what they do to focus is tested in a browser.
HTMLDialogElement.prototype.showModal = function () {
  this.open = true;
};
HTMLDialogElement.prototype.close = function () {
  this.open = false;
};

afterEach(() => {
  cleanup();
  sessionStorage.clear();
  document.head.innerHTML = "";
  history.replaceState(null, "", "/");
});
