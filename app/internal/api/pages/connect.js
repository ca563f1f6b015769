// SPDX-License-Identifier: Apache-2.0

// Uses the connect link up and goes to the provider. What the hub answers stays
// in this tab: only the browser that began can finish.
const show = (id, text) => {
  const element = document.getElementById(id);
  element.textContent = text ?? '';
  element.hidden = !text;
};

document.getElementById('continue').addEventListener('click', async (event) => {
  event.target.disabled = true;
  try {
    const response = await fetch(location.pathname, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: '{}',
    });
    const body = await response.json();
    if (!response.ok) {
      show('text', body.message);
      show('remedy', body.remedy);
      return;
    }
    sessionStorage.setItem('standpipe-binding', body.binding);
    location.assign(body.authorization_url);
  } catch {
    show('text', 'The hub does not answer.');
    event.target.disabled = false;
  }
});
