// SPDX-License-Identifier: Apache-2.0

// Finishes a connection that began with a connect link in this tab.
const show = (id, text) => {
  const element = document.getElementById(id);
  element.textContent = text ?? '';
  element.hidden = !text;
};

const finish = async () => {
  const binding = sessionStorage.getItem('standpipe-binding') ?? '';
  sessionStorage.removeItem('standpipe-binding');
  let ok = false;
  let body = { message: 'The hub does not answer.' };
  try {
    const response = await fetch(location.pathname, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ binding }),
    });
    ok = response.ok;
    body = await response.json();
  } catch {
    // shown below
  }
  document.getElementById('card').classList.add(ok ? 'good' : 'bad');
  show('title', ok ? `${body.account} is connected` : 'This did not work');
  show('text', ok ? 'You can close this page.' : body.message);
  show('remedy', ok ? '' : body.remedy);
  window.standpipeReport?.(ok ? { status: 'connected', connection: body.connection } : { status: 'error', message: body.message });
};

finish();
