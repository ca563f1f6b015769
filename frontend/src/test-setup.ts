// SPDX-License-Identifier: Apache-2.0
import { cleanup, configure } from "@testing-library/svelte";
import { afterEach } from "vitest";

// jsdom has no modal dialogs: what they do to focus is tested in a browser.
HTMLDialogElement.prototype.showModal = function () {
  this.open = true;
};
HTMLDialogElement.prototype.close = function () {
  this.open = false;
};

// A slow machine is no failure.
configure({ asyncUtilTimeout: 15_000 });

afterEach(() => {
  cleanup();
  sessionStorage.clear();
  document.head.innerHTML = "";
  history.replaceState(null, "", "/");
});
