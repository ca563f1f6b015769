// SPDX-License-Identifier: Apache-2.0
import { mount } from "svelte";
import App from "./App.svelte";
import { applyAppearance } from "./lib/appearance";
import "./styles/tokens.css";
import "./styles/base.css";

applyAppearance();
mount(App, { target: document.getElementById("app")! });
