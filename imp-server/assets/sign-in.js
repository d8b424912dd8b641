"use strict";

const page = document.getElementById("sign-in");
const { interaction, broker } = page.dataset;
const choices = document.getElementById("choices");
const byId = (id) => document.getElementById(id);
let waiting = null; // the passkey that is offered beside the input
let gone = false;
let sending = false; // an answer of an authenticator is on its way

// Once: whichever way answered first is on its way.
function goOn({ next }) {
  if (gone) return;
  gone = true;
  location.replace(next);
}

async function handOver(code) {
  goOn(await ask("/sign-in/handover", { interaction, code }));
}

// What stands in the way at the desktop, in words that the agent uses.
function desktopSays(word) {
  if (word === "step-up-required") {
    byId("step-up").hidden = false;
    byId("use-desktop").hidden = true;
  } else if (word === "unreachable") show("error", page.dataset.desktopFailed);
  else {
    // This is a workstation: what is signed on here is its desktop's, so first somebody taps in.
    show("error", page.dataset.desktopNone);
    for (const way of document.querySelectorAll(".elsewhere")) way.hidden = true;
    byId("tapped-in").hidden = false;
    byId("use-desktop").hidden = true;
    byId("desktop-hint").hidden = true;
  }
}

function showChoices() {
  if (gone) return;
  byId("looking").hidden = true;
  choices.hidden = false;
}

// The agent of this computer is asked first, so that whoever has tapped in sees no login page. Nobody waits for it for more
// than 400 ms; if it answers later, the page goes on all the same.
async function askDesktop() {
  choices.hidden = true;
  byId("looking").hidden = false;
  const patience = setTimeout(showChoices, 400);
  try {
    const answer = await fetch(`${broker}/sign-in`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ interaction }),
      credentials: "omit",
      cache: "no-store",
      redirect: "error",
      signal: AbortSignal.timeout(5000),
    });
    const told = await answer.json();
    if (answer.ok) await handOver(told.code);
    else if (told.error !== "unreachable") desktopSays(told.error);
  } catch (error) {
    // No agent here, or the browser does not let the page ask: the link is there.
    if (error instanceof Refused) explain(error, page);
  } finally {
    clearTimeout(patience);
    showChoices();
  }
}

async function send(ceremony, credential) {
  if (sending || gone) return;
  sending = true;
  try {
    const answer = written(credential);
    goOn(await ask("/sign-in/passkey/finish", { interaction, ceremony, answer }));
  } finally {
    sending = false;
  }
}

async function passkey(options) {
  if (sending || gone) return;
  if (!window.PublicKeyCredential) {
    show("error", page.dataset.unsupported);
    return;
  }
  if (waiting) waiting.abort();
  waiting = null;
  show("error", "");
  show("status", page.dataset.waiting);
  try {
    const asked = await ask("/sign-in/passkey/begin", { interaction, conditional: false });
    const publicKey = requestOptions(asked.options.publicKey);
    const credential = await navigator.credentials.get({ publicKey: { ...publicKey, ...options } });
    await send(asked.ceremony, credential);
  } catch (error) {
    explain(error, page);
  }
}

// A passkey is offered beside the input, where the browser can do that.
async function offer() {
  const able = window.PublicKeyCredential && PublicKeyCredential.isConditionalMediationAvailable;
  if (!able || !(await PublicKeyCredential.isConditionalMediationAvailable())) return;
  const controller = new AbortController();
  waiting = controller;
  try {
    const asked = await ask("/sign-in/passkey/begin", { interaction, conditional: true });
    const credential = await navigator.credentials.get({
      publicKey: requestOptions(asked.options.publicKey),
      mediation: "conditional",
      signal: controller.signal,
    });
    await send(asked.ceremony, credential);
  } catch (error) {
    if (error instanceof Refused && !controller.signal.aborted) explain(error, page);
  }
}

async function phone() {
  show("error", "");
  try {
    const asked = await ask("/sign-in/phone/begin", { interaction });
    byId("phone-number").textContent = asked.number;
    byId("phone-text").value = asked.text;
    const picture = new DOMParser().parseFromString(asked.qr, "image/svg+xml").documentElement;
    byId("phone-qr").replaceChildren(document.importNode(picture, true));
    byId("phone").hidden = false;
    byId("use-phone").setAttribute("aria-expanded", "true");
    show("status", page.dataset.waiting);
    await poll();
  } catch (error) {
    byId("phone").hidden = true;
    byId("use-phone").setAttribute("aria-expanded", "false");
    explain(error, page);
  }
}

async function poll() {
  for (;;) {
    const told = await ask("/sign-in/phone/poll", { interaction });
    if (told.next) {
      goOn(told);
      return;
    }
    await new Promise((later) => setTimeout(later, 1500));
  }
}

byId("use-passkey").addEventListener("click", () => passkey({}));
byId("use-security-key").addEventListener("click", () => passkey({ hints: ["security-key"] }));
if (byId("use-phone")) byId("use-phone").addEventListener("click", phone);

const fragment = new URLSearchParams(location.hash.slice(1));
history.replaceState(null, "", location.pathname + location.search);
if (fragment.has("handover")) {
  choices.hidden = true;
  byId("looking").hidden = false;
  handOver(fragment.get("handover")).catch((error) => explain(error, page)).finally(showChoices);
} else if (fragment.has("desktop")) {
  desktopSays(fragment.get("desktop"));
} else if (broker) {
  askDesktop();
}
offer();
